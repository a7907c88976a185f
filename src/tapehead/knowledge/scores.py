"""Scores of the models that answer questions, on files: what ``tapehead evaluate`` prints of them."""

import dataclasses
import os
from pathlib import Path
from typing import Any

from .._errors import UserError
from ..nn import Machine
from ..tasks.graph import Inference, ShortestPath, Traversal
from ..tasks.graph.episode import GraphTask
from ..tasks.graph.given import GivenGraph
from ..tasks.graph.inference import FAMILY_EDGES, SINGLE, relations_of
from ..tasks.kinship.relations import BY_NAME
from . import _edges
from ._files import ReadError, decode, read_capped
from ._read import EXAMPLES, read
from .graph_score import score_given, score_random
from .kinship_score import KinshipScore, score_kinship

LENGTHS = (2, 3, 4, 5)
_DATA = Path(__file__).parent / "data"
FAMILY_GRAPH, FAMILY_RELATIONS = _DATA / "family_inference.csv", _DATA / "family_relations.csv"


@dataclasses.dataclass(frozen=True)
class KinshipReport:
    """How a model did on a family tree."""

    model: str
    data: str
    people: int
    score: KinshipScore

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        by_length = self.score.by_length
        return {
            "model": self.model,
            "data": self.data,
            "people": self.people,
            "accuracy_by_length": {str(length): tally.accuracy for length, tally in by_length.items()},
            "questions_by_length": {str(length): tally.asked for length, tally in by_length.items()},
        }

    def __str__(self) -> str:
        """A row for each relation and each length."""
        width = max(map(len, self.score.by_relation), default=0)
        lines = [f"{self.data}: {self.people:,} people; an answer counts if the whole set is right"]
        for length, tally in self.score.by_length.items():
            lines.append(f"{f'{length} steps':{width}}  {tally.accuracy:7.1%}  of {tally.asked:,}")
            lines += [
                f"  {name:{width}}  {part.accuracy:7.1%}  of {part.asked:,}"
                for name, part in self.score.by_relation.items()
                if BY_NAME[name].length == length
            ]
        return "\n".join(lines)


@dataclasses.dataclass(frozen=True)
class GraphReport:
    """How a model did on a graph."""

    model: str
    task: str
    graph: str
    """the file or example; "random" for fresh graphs of the last lesson"""
    steps: int | None
    episodes: int
    right: int

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "model": self.model,
            "task": self.task,
            "graph": self.graph,
            "steps": self.steps,
            "episodes": self.episodes,
            "accuracy": self.right / self.episodes,
        }

    def __str__(self) -> str:
        """One line."""
        steps = "the last lesson" if self.steps is None else f"{self.steps} steps"
        return (
            f"{self.task} on {self.graph}, {steps}: {self.right / self.episodes:.1%} "
            f"of {self.episodes:,} episodes wholly right"
        )


def kinship(
    model: str, machine: Machine, data: str | os.PathLike, *, questions: int = 1000, seed: int = 0
) -> KinshipReport:
    """Ask about a family tree, ``questions`` of each length from 2 to 5.

    Raises:
        UserError: the file is no family tree, or has no questions.
    """
    graph = read(data)
    if not graph.is_family:
        raise UserError(f"{graph.name} is a map: kinship is asked of a family tree")
    tree, people = graph.family_tree()
    score = score_kinship(machine, tree, lengths=LENGTHS, questions=questions, seed=seed)
    if not score.by_length:
        raise UserError(f"{graph.name} has nobody with relatives two steps away: there is nothing to ask")
    return KinshipReport(model, str(data), len(people), score)


def graph(
    model: str,
    machine: Machine,
    task: GraphTask,
    *,
    graph: str | None,
    relations: str | None = None,
    steps: int | None = None,
    episodes: int = 1000,
    memory_size: int | None = None,
    seed: int = 0,
) -> GraphReport:
    """Score a graph model on a file, or without one on random graphs as in its last lesson.

    Raises:
        UserError: the file does not fit the task, or has no episode of so many steps.
    """
    if graph is None:
        if steps is not None:
            task = task.at(path=steps)
        right, done = score_random(machine, task, episodes=episodes, seed=seed, memory_size=memory_size)
        return GraphReport(model, task.name, "random", steps, done, right)
    if steps is None:
        steps = {Traversal: 7, Inference: 4, ShortestPath: 4}[type(task)]  # the paper's tests
    try:
        if isinstance(task, Inference):
            given, paths = _inference_graph(graph, relations)
            known = [(label, path) for label, path in relations_of(steps) if paths is None or path in paths]
        else:
            edges = read(graph).edges.edges
            if not edges:
                raise UserError(f"{graph} is a family tree: {task.name} is asked of a map")
            given, known = GivenGraph(tuple(edges)), []
        right, done = score_given(
            machine, task, given, steps=steps, episodes=episodes, seed=seed, relations=known
        )
    except ValueError as error:
        raise UserError(f"{graph}: {error}") from error
    return GraphReport(model, task.name, graph, steps, done, right)


def _inference_graph(graph: str, relations: str | None) -> tuple[GivenGraph, set[tuple[int, ...]] | None]:
    """The edges of a file with labels 0 to 9, and the paths of its relations' file."""
    example = graph == "family" and not Path(graph).exists()
    rows = _rows(FAMILY_GRAPH if example else Path(graph))
    labels = {label: number for number, label in enumerate(FAMILY_EDGES)}
    for _, label, _ in rows:
        labels.setdefault(label, len(labels))
    used = list(dict.fromkeys(label for _, label, _ in rows))
    if not set(used) <= set(FAMILY_EDGES):
        labels = {label: number for number, label in enumerate(used)}
    if len(labels) > SINGLE:
        raise UserError(f"{graph} has {len(labels)} edge labels: inference knows {SINGLE}")
    nodes: dict[str, int] = {}
    for start, _, end in rows:
        nodes.setdefault(start, len(nodes))
        nodes.setdefault(end, len(nodes))
    given = GivenGraph(tuple((nodes[a], labels[e], nodes[b]) for a, e, b in rows))
    source = FAMILY_RELATIONS if relations is None and example else relations
    return given, None if source is None else _paths(Path(source), labels)


def _paths(path: Path, labels: dict[str, int]) -> set[tuple[int, ...]]:
    """The paths of a table of relations: name, edges parted by ">"."""
    known = {edges for length in LENGTHS for _, edges in relations_of(length)}
    found = set()
    for line in _text(path).splitlines()[1:]:
        name, _, edges = line.partition(",")
        words = [word.strip().strip('"') for word in edges.split(">")]
        for word in words:
            if word not in labels:
                raise UserError(
                    f"{path}: the relation {name!r} has the edge {word!r}, which the graph has not"
                )
        edges_of = tuple(labels[word] for word in words)
        if edges_of not in known:
            raise UserError(
                f"{path}: the relation {name!r} is none of the 400 that the model learned; "
                "tapehead.tasks.graph.inference.relations() lists them"
            )
        found.add(edges_of)
    return found


def _rows(path: Path) -> list[tuple[str, str, str]]:
    return [(edge.source, edge.label, edge.target) for edge in _edges.read_rows(_text(path), path.name)]


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return decode(read_capped(file, path.name, _edges.LARGEST_FILE), path.name)
    except FileNotFoundError:
        raise ReadError(f"there is no file {str(path)!r}; the examples are {', '.join(EXAMPLES)}") from None
    except OSError as error:
        raise ReadError(f"{path} cannot be opened: {error.strerror or error}") from None
