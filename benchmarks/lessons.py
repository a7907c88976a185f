"""``python -m benchmarks.lessons TASK [RUN ...]``: how far machines come through the lessons of a graph task.

Reads the folders of runs by ``tapehead train``, of dnc-TASK, lstm-TASK or ntm-TASK (or with other seeds and
sizes), adds them to results/lessons-TASK.json, and draws the lesson that each stood in against the
episodes that it had seen. The arithmetic is counted as in :meth:`benchmarks.cases.Case.flop`.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmarks import report
from benchmarks.cases import Case
from benchmarks.learning import IMAGES
from tapehead import train
from tapehead.nn import DNCConfig, NTMConfig
from tapehead.tasks import Sampler, Task
from tapehead.train.config import TrainConfig
from tapehead.train.evaluate import fitted_memory_size
from tapehead.train.files import METRICS_FILE
from tapehead.viz.figures.curves import dress_axes
from tapehead.viz.figures.style import LINES, new_figure, save_figures, style

TASKS = (
    "traversal",
    "inference",
    "search",
    "kinship",
)  # the lessons of shortest-path are passed long before it is learned
SAMPLED = 20
"""Batches of a lesson whose mean cost stands for all of them."""
POINTS = 400
"""Checks of a run that are kept, at most."""
COLUMNS = (
    ("", "name", "{}"),
    ("parameters", "parameters", "{:,}"),
    ("seed", "seed", "{}"),
    ("lessons passed", "passed", "{}"),
    ("episodes", "episodes", "{:,}"),
    ("updates", "updates", "{:,}"),
    ("minutes", "minutes", "{:.0f}"),
    ("GFLOP", "gflop", "{:,.0f}"),
)


def main(arguments: list[str] | None = None) -> int:
    """Take over the runs, print the table, draw the figure."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.lessons",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("task", choices=TASKS)
    parser.add_argument(
        "runs", type=Path, nargs="*", help="folders; RUN+RUN: one that began with the other's weights"
    )
    parser.add_argument("--results", type=Path, default=report.RESULTS, help="folder of the JSON")
    parser.add_argument("--images", type=Path, default=IMAGES, help="folder of the figure")
    options = parser.parse_args(arguments)
    path = options.results / f"lessons-{options.task}.json"
    runs = json.loads(path.read_text())["runs"] if path.exists() else []
    for folders in options.runs:
        new = take_over([Path(part) for part in str(folders).split("+")])
        runs = [run for run in runs if (run["name"], run["seed"]) != (new["name"], new["seed"])] + [new]
    runs.sort(key=lambda run: (run["name"], run["seed"]))
    if options.runs:
        found = {"task": options.task, "runs": runs}
        path.with_suffix(".part").write_text(json.dumps(found) + "\n")
        path.with_suffix(".part").replace(path)
    print(report.table(runs, COLUMNS))
    for saved in save_figures([_draw(options.task, runs)], options.images):
        print(f"\n{saved}")
    return 0


def take_over(folders: Sequence[Path]) -> dict[str, Any]:
    """What is kept of a run, made in one sitting or several: its course through the lessons, its cost."""
    points: list[list[float]] = []
    before = {"sequences": 0, "step": 0, "seconds": 0.0}
    flop = 0.0
    for folder in folders:
        config = train.load_config(folder / "config.json")
        assert config.curriculum is not None
        lessons = config.curriculum.lessons
        lines = (folder / METRICS_FILE).read_text().splitlines()
        rows = [row for row in map(json.loads, lines) if row["kind"] == "grade"]
        # A later sitting may leave easy lessons out, so lessons are counted from the last one.
        left = [len(lessons) - row["lesson"] for row in rows]
        points += [
            [before["sequences"] + row["sequences"], rest, row["exact"]] for row, rest in zip(rows, left)
        ]
        alone = [_flop_of_episode(config, lesson) for lesson in lessons]
        replay = config.curriculum.replay
        costs = alone[:1] + [
            (1 - replay) * alone[place] + replay * statistics.fmean(alone[:place])
            for place in range(1, len(alone))
        ]
        flop += rows[0]["sequences"] * costs[rows[0]["lesson"]]
        flop += sum((b["sequences"] - a["sequences"]) * costs[b["lesson"]] for a, b in pairwise(rows))
        before = {key: value + rows[-1][key] for key, value in before.items()}
    count = max(int(rest) for _, rest, _ in points)
    course = [[int(seen), count - int(rest), exact] for seen, rest, exact in points]
    passed = course[-1][1] + (course[-1][2] >= config.curriculum.threshold and course[-1][1] == count - 1)
    return {
        "host": json.loads((folders[-1] / "config.json").read_text())["trained"]["host"],
        "name": {DNCConfig: "DNC", NTMConfig: "NTM"}.get(type(config.model), "LSTM alone"),
        "seed": config.seed,
        "parameters": sum(parameter.numel() for parameter in config.build_model().parameters()),
        "lessons": count,
        "passed": f"{passed} of {count}",
        "episodes": before["sequences"],
        "updates": before["step"],
        "minutes": round(before["seconds"] / 60, 1),
        "gflop": round(flop / 1e9),
        "points": course[:: -(-len(course) // POINTS)],
    }


def _flop_of_episode(config: TrainConfig, lesson: Task) -> float:
    """Arithmetic of training on one episode of a lesson, forward and backward."""
    # Of each matrix every number is multiplied once a step: controller, interface and output.
    products = sum(p.numel() for p in config.build_model().parameters() if p.ndim == 2)
    sampler, costs = Sampler(config.batch_size, 0), []
    for _ in range(SAMPLED):
        batch = sampler.draw(lesson)
        slots = fitted_memory_size(lesson, batch) if config.fit_memory else None
        costs.append(batch.lengths.float().mean().item() * (products + _memory_products(config.model, slots)))
    return 6.0 * statistics.fmean(costs)


def _memory_products(model: object, slots: int | None) -> int:
    """Multiply-adds of one step on the memory; ``slots`` in place of the config's if given."""
    if not isinstance(model, DNCConfig | NTMConfig):
        return 0
    kind, writes = ("ntm", model.num_writes) if isinstance(model, NTMConfig) else ("dnc", 1)
    slots = slots or model.memory_size
    case = Case(
        "", kind, 0, 0, 0, model.hidden_size, model.num_layers,
        slots=slots, word=model.word_size, reads=model.num_reads,
    )  # fmt: skip
    return case.memory_products() + (writes - 1) * slots * 3 * (model.word_size + 1)


def _draw(task: str, runs: Sequence[dict[str, Any]]) -> Figure:
    with style():
        figure = new_figure(
            f"lessons-{task}",
            f"Through the lessons of {task}",
            "Lessons passed (thick); of the current one the share of a check's episodes wholly right (thin).",
            3.1,
        )
        axes = figure.subplots()
        for colour, name in zip(LINES, dict.fromkeys(run["name"] for run in runs)):
            own = [run for run in runs if run["name"] == name]
            for index, run in enumerate(own):
                seen, lesson, exact = (torch.tensor(run["points"], dtype=torch.float64)).T
                label = f"{name} ({len(own)} seed{'s' * (len(own) > 1)})" if index == 0 else None
                axes.plot(seen, lesson + exact, color=colour, linewidth=0.5, alpha=0.5)
                axes.plot(seen, lesson, color=colour, linewidth=2, label=label)
        dress_axes(axes)
        axes.set_xlabel("episodes seen")
        axes.set_ylabel("lessons passed")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylim(0, max(run["lessons"] for run in runs))
        axes.legend(loc="best")
    return figure


if __name__ == "__main__":
    sys.exit(main())
