"""``python -m benchmarks.search_baselines train|score|plot``: who finds a shortest path, and who does not.

"Why can a network play video games and yet not find a shortest path? It has nowhere to keep the nodes it has
visited." Networks of about the same number of parameters learn to write down a breadth-first search, for the
same time on one core, from the same traces: the NTM of the preset ntm-search; an LSTM and a GRU, which have a
state of fixed size; and a causal transformer, which looks back at every step so far. Then each searches
graphs of 5 to 300 nodes, its own output being its next input, and the shortest paths found are counted.

Lessons, batch size, optimiser, clipping, averaging of the weights and going back after a jump of the loss are
the preset's for all; the learning rate falls by the clock. The NTM's heads start as lookups, and it is taught
when to write: both are part of the preset, and the others have nothing like them.
"""

import argparse
import dataclasses
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator, PercentFormatter
from safetensors.torch import load_file, save_file
from torch import nn

import tapehead
from benchmarks import report
from benchmarks.learning import IMAGES
from benchmarks.sequence_models import GRU, LSTM, Transformer
from tapehead import hub, train
from tapehead.errors import InputError, TapeheadError
from tapehead.files import write_atomically
from tapehead.nn import NTM, DeepLSTM
from tapehead.tasks import Search
from tapehead.tasks.graph.search_decode import Answer, ToldGraph
from tapehead.tasks.graph.search_graphs import Question, draw_distant_names, draw_question
from tapehead.tasks.graph.search_trace import path_of, search
from tapehead.train.device import start_distributed
from tapehead.train.evaluate import fitted_memory_size
from tapehead.train.run import Run
from tapehead.train.update import by_autograd
from tapehead.viz.figures.style import LINES, new_figure, save_figure, style

NODES = (5, 10, 20, 50, 100, 200, 300)
PRESET = "ntm-search"
TASK = Search()
TRAINED_UP_TO = 100
"""Nodes of the largest graphs in the lessons."""
DASHED = (0, (3, 2))
ABOUT_FILE, WEIGHTS_FILE = "benchmark.json", "model.safetensors"


class Model(NamedTuple):
    """A network that is compared."""

    build: Callable[[], nn.Module]
    words: str
    keeps: str
    """where it keeps what it has seen"""
    has_room: bool
    """whether that grows with what there is to keep"""


# Two or three layers, and widths that give the parameters of the preset's NTM within one percent.
MODELS = {
    "ntm": Model(lambda: train.preset(PRESET).build_model(), "NTM", "a slot for every record", True),
    "transformer": Model(
        lambda: Transformer(
            TASK.input_size, TASK.output_size, width=160, hidden_size=852, heads=4, num_layers=3
        ),
        "transformer",
        "looks back at every step",
        True,
    ),
    "lstm": Model(
        lambda: LSTM(DeepLSTM(TASK.input_size, 215, output_size=TASK.output_size, num_layers=2)),
        "LSTM",
        "a state of 860 numbers",
        False,
    ),
    "gru": Model(
        lambda: GRU(TASK.input_size, TASK.output_size, hidden_size=306, num_layers=2),
        "GRU",
        "a state of 612 numbers",
        False,
    ),
}

COLUMNS = (
    ("nodes", "nodes", "{}"),
    ("graphs", "graphs", "{}"),
    ("greedy", "greedy", "{:.1%}"),
    ("constrained", "constrained", "{:.1%}"),
    ("every record", "whole_search", "{:.1%}"),
    ("edges", "path_edges", "{:.1f}"),
    ("records", "right_records", "{:.0f}"),
    ("before the first error", "before_error", "{:.0f}"),
    ("seconds", "seconds", "{:.0f}"),
)


@dataclasses.dataclass(frozen=True)
class Setting(train.TrainConfig):
    """The config of the preset with any of the models."""

    kind: str = "ntm"

    def build_model(self) -> Any:
        return MODELS[self.kind].build()


def main(arguments: list[str] | None = None) -> int:
    """Train a model, score one, or draw the scores of several."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.search_baselines",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="train a model for some minutes on one core")
    training.add_argument("--model", choices=MODELS, required=True)
    training.add_argument("--minutes", type=float, required=True, help="by the clock, checks included")
    training.add_argument("--out", type=Path, required=True, help="a new folder")
    training.add_argument("--lr", type=float, default=1e-3, help="highest learning rate (0.001)")
    training.add_argument("--seed", type=int, default=0, help="of the weights and the batches (0)")
    scoring = commands.add_parser("score", help="count the shortest paths that a model finds")
    scoring.add_argument(
        "--model", required=True, help="a folder that train wrote, or a name such as " + PRESET
    )
    scoring.add_argument("--nodes", type=int, nargs="+", default=NODES, help="of the graphs (5 to 300)")
    scoring.add_argument(
        "--graphs", type=int, default=100, help="of each size, the same for all models (100)"
    )
    scoring.add_argument("--seed", type=int, default=0, help="of the graphs (0)")
    scoring.add_argument("--until-none", action="store_true", help="end with the size where none is found")
    scoring.add_argument("--json", type=Path, required=True, help="the file to write")
    drawing = commands.add_parser("plot", help="draw paths found against nodes")
    drawing.add_argument("files", type=Path, nargs="+", help="what score wrote")
    drawing.add_argument("--out", type=Path, default=IMAGES / "search-memory.png", help="the PNG file")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        if options.command == "train":
            train_model(options.model, options.minutes, options.out, lr=options.lr, seed=options.seed)
        elif options.command == "score":
            _score_to_file(options)
        else:
            save_figure(draw([json.loads(path.read_text()) for path in options.files]), options.out)
            print(options.out)
    except TapeheadError as error:
        parser.error(str(error))
    return 0


def setting(kind: str, *, lr: float = 1e-3, seed: int = 0) -> Setting:
    """What a model is trained on, and how: the preset, without what only an NTM can be taught."""
    preset = train.preset(PRESET)
    fields = {field.name: getattr(preset, field.name) for field in dataclasses.fields(preset)}
    fields["optimizer"] = dataclasses.replace(preset.optimizer, lr=lr)
    if kind != "ntm":
        fields |= {"supervise_writes": 0.0, "fit_memory": False}
    return Setting(**fields | {"seed": seed, "validation_sequences": preset.batch_size, "kind": kind})


def train_model(kind: str, minutes: float, folder: Path, *, lr: float = 1e-3, seed: int = 0) -> None:
    """Train a model and save the average of its weights, after every check and at the end.

    Args:
        kind: one of :data:`MODELS`.
        minutes: by the clock, in which the learning rate falls.
        folder: a new one.
        lr: the highest learning rate.
        seed: of the weights and the batches.

    Raises:
        InputError: the folder holds a model.
    """
    if (folder / ABOUT_FILE).exists():
        raise InputError(f"{folder} holds a model: give a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    config = setting(kind, lr=lr, seed=seed)
    run = Run(config, start_distributed(config))
    progress, curriculum = run.progress, run.curriculum
    about: dict[str, Any] = {
        "model": kind,
        "parameters": _parameters(run.machine),
        "minutes": minutes,
        "lr": lr,
        "seed": seed,
        "checks": [],
    }
    began, cpu_began = time.perf_counter(), time.process_time()
    nats: list[float] = []
    while (done := (time.perf_counter() - began) / (60 * minutes)) < 1:
        task, batch = curriculum.draw(run.sampler)
        for group in run.optimizer.param_groups:
            group["lr"] = _learning_rate(config.optimizer, progress.step, done) * run.rollback.lr_factor
        _, loss, norm = by_autograd(run, task, batch, _slots(run, task, batch))
        progress.step += 1
        run.update_ema()
        if math.isfinite(loss + norm):  # else no step was taken
            nats.append(loss)
            if run.rollback.update(loss, curriculum.lesson, run.machine, run.optimizer):
                run.ema.load_state_dict(run.machine.state_dict())
        if progress.step % curriculum.config.check_every == 0:
            lesson, exact = curriculum.lesson, _exact(run)
            curriculum.grade(exact)
            seconds = time.perf_counter() - began
            about["checks"].append([round(seconds, 1), progress.step, lesson + 1, exact, np.mean(nats)])
            _save(run, folder, about, seconds, time.process_time() - cpu_began)
            print(
                f"{seconds / 60:6.1f} min, {progress.step:,} updates, lesson {lesson + 1}: "
                f"{exact:.1%} exact, {np.mean(nats):.4f} nats a step",
                flush=True,
            )
            nats.clear()
    _save(run, folder, about, time.perf_counter() - began, time.process_time() - cpu_began)


def _learning_rate(optimizer: train.OptimizerConfig, step: int, done: float) -> float:
    """A linear rise over the first updates, and half a cosine over the time, of which ``done`` is over."""
    low, high = optimizer.final_lr, optimizer.lr
    return (low + (high - low) * (1 + math.cos(math.pi * done)) / 2) * min(1, (step + 1) / optimizer.warmup)


def _slots(run: Run, task: Any, batch: Any) -> int | None:
    return fitted_memory_size(task, batch) if run.config.fit_memory else None


@torch.no_grad()
def _exact(run: Run) -> float:
    """The fraction of fresh episodes of the current lesson that the averaged weights answer without error."""
    task, right, seen = run.curriculum.current, 0, 0
    while seen < run.curriculum.config.episodes:
        batch = run.validation_sampler.draw(task)
        slots = _slots(run, task, batch)
        outputs, _ = run.ema(batch.inputs, lengths=batch.lengths, memory_size=slots)
        right += int((task.num_errors(outputs, batch) == 0).sum())
        seen += len(batch.lengths)
    return right / seen


def _save(run: Run, folder: Path, about: dict[str, Any], seconds: float, cpu_seconds: float) -> None:
    about |= {
        "updates": run.progress.step,
        "lesson": run.curriculum.lesson + 1,
        "rollbacks": run.rollback.count,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
    }
    with write_atomically(folder / WEIGHTS_FILE) as file:
        save_file({name: tensor.contiguous() for name, tensor in run.ema.state_dict().items()}, file)
    with write_atomically(folder / ABOUT_FILE) as file:
        file.write_text(json.dumps(about) + "\n")


def load(name: str) -> tuple[nn.Module, dict[str, Any]]:
    """A model in evaluation mode and what is known of its training, from a folder of ``train`` or by name.

    Raises:
        PretrainedError: neither such a folder nor a model of that name.
        InputError: the model of that name is no NTM.
    """
    if not Path(name, ABOUT_FILE).is_file():
        machine = tapehead.load(name)
        if not isinstance(machine, NTM):
            raise InputError(
                f"{name} is a {type(machine).__name__}: give an NTM, or a folder that train wrote"
            )
        trained = hub.info(name).get("trained", {})
        return machine, {
            "model": "ntm",
            "name": name,
            "parameters": _parameters(machine),
            "sequences": trained.get("sequences"),
            "seconds": trained.get("seconds", 0.0),
        }
    about = json.loads(Path(name, ABOUT_FILE).read_text())
    model = MODELS[about["model"]].build()
    model.load_state_dict(load_file(Path(name, WEIGHTS_FILE)))
    return model.eval(), about


def _parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _score_to_file(options: argparse.Namespace) -> None:
    model, about = load(options.model)
    machine, rows = report.describe_machine(), []
    for nodes in options.nodes:
        rows.append(score(model, nodes, options.graphs, options.seed))
        found = about | {"graphs_seed": options.seed, "scores": rows, "machine": machine}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        with write_atomically(options.json) as file:
            file.write_text(json.dumps(found, indent=1) + "\n")
        row = rows[-1]
        print(f"{nodes} nodes: {row['greedy']:.1%}, constrained {row['constrained']:.1%}", file=sys.stderr)
        if options.until_none and not row["greedy"] + row["constrained"]:
            break
    print(report.table(rows, COLUMNS))


def score(model: Any, nodes: int, graphs: int, seed: int = 0) -> dict[str, Any]:
    """Let a model search random graphs in closed loop.

    Args:
        model: called as the machines are.
        nodes: of each graph; two to four edges leave a node, and all targets can be reached.
        graphs: how many.
        seed: of the graphs, which are the same for all models.

    Returns:
        The fractions of shortest paths found, greedy and constrained to what was told. In small graphs many
        are a single edge, which can be guessed; so also the fraction of searches (greedy) whose every record
        is right. Means: edges of a shortest path, records of a right search, those before the first error.
    """
    task = Search(min_nodes=nodes, max_nodes=nodes, min_degree=2, max_degree=4, unreachable=0.0)
    rng = np.random.default_rng([seed, nodes])
    found = {False: 0, True: 0}
    edges = records = before = whole = 0
    began = time.perf_counter()
    for _ in range(graphs):
        question = draw_question(rng, task.graph(rng), task.digits, 0.0, draw=draw_distant_names)
        right = search(question.adjacency, question.start, question.target)
        length = len(path_of(right))
        edges += length
        records += len(right)
        for constrained in found:
            told = ToldGraph(model, task, question.adjacency, question.order, constrained=constrained)
            answer = told.ask(question.start, question.target, right)
            found[constrained] += is_shortest(answer, question, length)
            if not constrained:
                wrong = [said != wanted for said, wanted in zip(answer.said, right)]
                before += wrong.index(True) if any(wrong) else len(wrong)
                whole += answer.said == right
    return {
        "nodes": nodes,
        "graphs": graphs,
        "greedy": found[False] / graphs,
        "constrained": found[True] / graphs,
        "whole_search": whole / graphs,
        "path_edges": edges / graphs,
        "right_records": records / graphs,
        "before_error": before / graphs,
        "seconds": round(time.perf_counter() - began, 1),
    }


def is_shortest(answer: Answer, question: Question, length: int) -> bool:
    """Whether an answer is a path along edges of the graph, as short as the shortest, of ``length`` edges."""
    edges = {(u, e, v) for u, leaving in question.adjacency.items() for e, v in leaving}
    return len(answer.path) == length and all(record[:3] in edges for record in answer.path)


def draw(results: Sequence[dict[str, Any]]) -> Figure:
    """Paths found against nodes, a colour for each model; what has room for every record is drawn bold.

    Args:
        results: of :func:`score`, with "model" and "scores", one for each model.
    """
    with style():
        figure = new_figure(
            "search-memory",
            "Shortest paths found by networks that have been taught breadth-first search",
            "Where does each keep the nodes that it has visited? Bold lines: there is room for all of them; "
            "thin lines: in a state of fixed size. All have about the same number of parameters.",
            3.3,
        )
        axes = figure.subplots()
        kinds = list(MODELS)
        for result in sorted(results, key=lambda one: kinds.index(one["model"])):
            kind, rows = result["model"], result["scores"]
            model, colour = MODELS[kind], LINES[kinds.index(kind)]
            look: dict[str, Any] = (
                {"linewidth": 2.4, "marker": "o", "markersize": 5.5}
                if model.has_room
                else {"linewidth": 1.0, "marker": "s", "markersize": 4.5, "markerfacecolor": "none"}
            )
            nodes = [row["nodes"] for row in rows]
            shares = {way: [row[way] for row in rows] for way in ("greedy", "constrained")}
            label = f"{model.words}:\n{model.keeps}"
            axes.plot(nodes, shares["greedy"], color=colour, label=label, clip_on=False, zorder=3, **look)
            width = look["linewidth"] / 2
            axes.plot(
                nodes, shares["constrained"], color=colour, linestyle=DASHED, linewidth=width, clip_on=False
            )
        axes.plot([], [], color="#555555", linestyle=DASHED, label="dashed: constrained\nto what was told")
        sizes = sorted({row["nodes"] for result in results for row in result["scores"]})
        _dress(figure, sizes)
    return figure


def _dress(figure: Figure, sizes: Sequence[int]) -> None:
    (axes,) = figure.axes
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_ylim(0, 1)
    axes.set_xlabel("nodes of the graph")
    axes.set_ylabel("shortest paths found")
    axes.grid(color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if sizes[0] < TRAINED_UP_TO < sizes[-1]:
        axes.axvline(TRAINED_UP_TO, color="#888888", linewidth=0.7, linestyle="--")
        axes.annotate(
            "largest in the lessons ",
            (TRAINED_UP_TO, 0.5),
            fontsize=7,
            ha="right",
            rotation=90,
            va="center",
        )
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), labelspacing=1.2, handlelength=2.8)


if __name__ == "__main__":
    sys.exit(main())
