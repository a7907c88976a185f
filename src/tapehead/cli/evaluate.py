"""``tapehead evaluate``: scores within the training range and beyond, on random input or on a file."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Annotated

import tyro

from .. import hub, tasks
from ..errors import InputError
from ..tasks.graph.episode import GraphTask
from ..train import EvalResult, evaluate
from ..train.evaluate import size_combinations
from ._parse import parse


@dataclasses.dataclass(frozen=True)
class Options:
    """The options of the command."""

    model: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN_OR_MODEL")]
    """a run's folder, or the name of a model that ships with tapehead"""
    lengths: tuple[int, ...] = ()
    """lengths to score, or values of the first size of a task without a length"""
    repeats: tuple[int, ...] = ()
    """repeats, for repeat copy"""
    items: tuple[int, ...] = ()
    """items, for associative recall and priority sort"""
    sequences: int = 1000
    """fresh sequences for each combination of sizes"""
    graph: str | None = None
    """graph tasks: an edge list (from, edge, to), or london (inference: family); else random graphs"""
    relations: str | None = None
    """inference on your own file: a table of relations (name, edges), the edges separated by >"""
    steps: int | None = None
    """graph tasks: steps of the walk, of the relation or of the shortest path"""
    nodes: int | None = None
    """search on random graphs: number of nodes"""
    weights: str | None = None
    """search on a file: a column with weights, such as time; asks for the ways of least weight"""
    episodes: Annotated[int, tyro.conf.arg(aliases=("--pairs",))] = 1000
    """graph tasks: number of episodes; of search, of pairs of nodes or people"""
    single_pass: bool = False
    """graph tasks: run the model once per episode and decode each output digit by itself, as the paper does;
    otherwise the answer is voted over several runs with different node labels, as by `tapehead ask`
    (relations on random graphs always use a single pass)"""
    data: str | None = None
    """kinship: a family tree (GEDCOM or an edge list), or family; search: the same, to ask how two of its
    people are related, up to 8 steps apart; babi: the folder with its files, en-10k"""
    questions: int = 1000
    """kinship: number of questions of each length"""
    memory_size: int | None = None
    """memory slots; if not given, as in training"""
    seed: int = 0
    """seed of the sequences"""
    json: bool = False
    """print JSON, and nothing else"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = parse(
        Options,
        arguments,
        prog="tapehead evaluate",
        about="Score a model on fresh episodes of the given sizes or the largest in training; or on a file.",
    )
    described = hub.info(options.model).get("task")
    if not isinstance(described, dict):
        raise InputError(
            f"{options.model} does not say what task it was trained on: only a run's model can be scored"
        )
    try:
        task = tasks.from_dict(described)
        _check(options, task)
        if isinstance(task, GraphTask | tasks.Kinship | tasks.Search):
            print(_on_file(options, task))
            return 0
        if isinstance(task, tasks.Babi):
            print(_on_stories(options))
            return 0
        results = evaluate(
            hub.load(options.model),
            task,
            size_combinations(task, _choices(options, task)),
            sequences=options.sequences,
            memory_size=options.memory_size,
            seed=options.seed,
        )
    except ValueError as error:  # A size that the task or the machine cannot take.
        raise InputError(str(error)) from error
    if options.json:
        rows = [result.to_dict() for result in results]
        print(json.dumps({"model": options.model, "task": task.name, "points": rows}))
    else:
        print(_table(results))
    return 0


def _check(options: Options, task: tasks.Task) -> None:
    """Refuse options that have no meaning for this task.

    Raises:
        InputError: there is one.
    """
    graph, kinship = isinstance(task, GraphTask), isinstance(task, tasks.Kinship)
    search = isinstance(task, tasks.Search)
    babi = isinstance(task, tasks.Babi)
    has_sizes = not (graph or kinship or search or babi)
    misplaced = {
        "--graph": options.graph is not None and not (graph or search),
        "--relations": options.relations is not None and not isinstance(task, tasks.Inference),
        "--steps": options.steps is not None and not (graph or search),
        "--nodes": options.nodes is not None and not search,
        "--weights": options.weights is not None and not search,
        "--single-pass": options.single_pass and not graph,
        "--data": options.data is not None and not (kinship or babi or search),
        "--lengths": bool(options.lengths) and not has_sizes,
        "--repeats": bool(options.repeats) and not has_sizes,
        "--items": bool(options.items) and not has_sizes,
        "--memory-size": options.memory_size is not None and (kinship or search),
    }
    for option, is_misplaced in misplaced.items():
        if is_misplaced:
            raise InputError(f"{options.model} was trained on {task.name}, which knows no {option}")
    if options.relations is not None and options.graph is None:
        raise InputError("--relations is about a file: give it with --graph")
    if search and options.data is not None and (options.graph, options.nodes, options.weights) != (None,) * 3:
        raise InputError("--data is about a family: give it without --graph, --nodes and --weights")
    if options.nodes is not None and options.graph is not None:
        raise InputError("--nodes is about random graphs: leave it out with --graph")
    if options.weights is not None and (options.graph is None or options.steps is not None):
        raise InputError("--weights is about all ways on a file: give it with --graph and without --steps")
    if graph and options.memory_size is not None and options.memory_size < 1:
        raise InputError(f"memory_size is {options.memory_size}: give at least 1")


def _on_file(options: Options, task: GraphTask | tasks.Kinship | tasks.Search) -> str:
    """The score on a family, a map, or random graphs, as text or JSON."""
    from ..knowledge.evaluation import scores
    from ..knowledge.evaluation.ways import report_ways

    machine = hub.load(options.model)
    if isinstance(task, tasks.Kinship):
        if options.data is None:
            raise InputError(
                "kinship is scored on a family tree: give one with --data, such as --data family"
            )
        found: scores.KinshipReport | scores.GraphReport | scores.SearchReport = scores.kinship(
            options.model, machine, options.data, questions=options.questions, seed=options.seed
        )
    elif isinstance(task, tasks.Search) and options.data is not None:
        found = report_ways(
            options.model,
            machine,
            task,
            options.data,
            steps=options.steps,
            pairs=options.episodes,
            seed=options.seed,
        )
    elif isinstance(task, tasks.Search):
        found = scores.search(
            options.model,
            machine,
            task,
            graph=options.graph,
            nodes=options.nodes,
            steps=options.steps,
            weights=options.weights,
            pairs=options.episodes,
            seed=options.seed,
        )
    else:
        found = scores.graph(
            options.model,
            machine,
            task,
            graph=options.graph,
            relations=options.relations,
            steps=options.steps,
            episodes=options.episodes,
            memory_size=options.memory_size,
            seed=options.seed,
            single_pass=options.single_pass,
        )
    return json.dumps(found.to_dict()) if options.json else str(found)


def _on_stories(options: Options) -> str:
    """The error on bAbI's test stories, as text or JSON."""
    from ..knowledge.evaluation.babi import score_babi

    if options.data is None:
        raise InputError(
            "bAbI's stories do not come with tapehead: give their folder with --data tasks_1-20_v1-2/en-10k"
        )
    found = score_babi(hub.load(options.model), options.data, memory_size=options.memory_size)
    return json.dumps(found.to_dict()) if options.json else str(found)


def _choices(options: Options, task: tasks.Task) -> dict[str, Sequence[int]]:
    choices = {"length": options.lengths, "repeats": options.repeats, "items": options.items}
    if options.lengths and "length" not in task.sizes and not choices[task.sizes[0]]:
        choices[task.sizes[0]] = choices.pop("length")
    return {size: values for size, values in choices.items() if values}


def _table(results: Sequence[EvalResult]) -> str:
    sizes = list(results[0].sizes)
    best = ["best possible"] if results[0].best_bits_per_sequence is not None else []
    header = [*sizes, "memory slots", "bits per sequence", *best, "wrong bits", "exact"]
    rows = [
        [
            *(str(result.sizes[size]) for size in sizes),
            "–" if result.memory_size is None else str(result.memory_size),
            f"{result.bits_per_sequence:.4f}",
            *([] if result.best_bits_per_sequence is None else [f"{result.best_bits_per_sequence:.4f}"]),
            str(result.num_errors),
            f"{result.exact:.1%}",
        ]
        for result in results
    ]
    widths = [max(map(len, column)) for column in zip(header, *rows)]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in [header, *rows]]
    return "\n".join(
        [*lines, f"{results[0].sequences:,} sequences a row; wrong bits are of all of them together"]
    )
