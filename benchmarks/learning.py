"""``python -m benchmarks.learning TASK``: how fast each architecture learns a task of the NTM paper.

Trains the presets NTM (LSTM and feed-forward controller), DNC and LSTM on the same number of sequences, from
several seeds, one thread each, and draws bits per sequence against sequences seen (NTM Figures 3, 6, 10, 13
and 18). Runs are kept in results/learning-TASK.json as they end: what is there is not trained again, so it
may be stopped.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from matplotlib.figure import Figure

from benchmarks import report
from tapehead import train
from tapehead.train.files import METRICS_FILE
from tapehead.viz.figures.curves import dress_axes
from tapehead.viz.figures.style import LINES, new_figure, save_figures, style

IMAGES = Path(__file__).parent.parent / "docs" / "images"
ARCHITECTURES = {
    "ntm": "NTM, LSTM controller",
    "ntm-ff": "NTM, feed-forward",
    "dnc": "DNC",
    "lstm": "LSTM alone",
}


class Target(NamedTuple):
    """What is asked of a task."""

    sequences: int
    """seen in a run"""
    of_lstm: int
    """seen in a run of the LSTM alone, each of whose sequences takes ten times as long"""
    learned: float
    """bits per sequence under which a run has learned it"""
    floor: float
    """bits per sequence that no machine can undercut"""
    seeds: int


TARGETS = {
    "copy": Target(50_000, 20_000, 0.1, 0.0, 5),
    "repeat-copy": Target(60_000, 20_000, 1.0, 0.0, 3),
    "associative-recall": Target(60_000, 20_000, 0.1, 0.0, 5),
    # The optimal estimator's cost; within half a percent of it.
    "ngrams": Target(24_000, 12_000, 1.005 * 133.7, 133.7, 3),
    "priority-sort": Target(400_000, 40_000, 10.0, 0.0, 3),
}
COLUMNS = (
    ("", "architecture", "{}"),
    ("parameters", "parameters", "{:,}"),
    ("seeds", "seeds", "{}"),
    ("learned", "learned", "{}"),
    ("after sequences", "after", "{}"),
    ("bits at the end", "bits", "{}"),
    ("minutes a run", "minutes", "{:.1f}"),
)


def main(arguments: list[str] | None = None) -> int:
    """Train what is missing, print the table, draw the figure."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.learning",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("task", choices=TARGETS)
    parser.add_argument("--only", choices=ARCHITECTURES, nargs="+", help="architectures (all)")
    parser.add_argument("--seeds", type=int, help="of each architecture (5 for copy and recall, else 3)")
    parser.add_argument("--sequences", type=int, help="of a run, instead of the task's own number")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="runs at a time (all cores)")
    parser.add_argument("--results", type=Path, default=report.RESULTS, help="folder of the JSON")
    parser.add_argument("--images", type=Path, default=IMAGES, help="folder of the figure")
    options = parser.parse_args(arguments)
    target = TARGETS[options.task]
    target = target._replace(
        sequences=options.sequences or target.sequences,
        of_lstm=options.sequences or target.of_lstm,
        seeds=options.seeds or target.seeds,
    )
    path = options.results / f"learning-{options.task}.json"
    runs = json.loads(path.read_text())["runs"] if path.exists() else []
    _train_missing(options.task, target, options.only or list(ARCHITECTURES), options.processes, path, runs)
    print(report.table(_summary(runs, target), COLUMNS))
    for saved in save_figures([_draw(options.task, runs, target)], options.images):
        print(f"\n{saved}")
    return 0


def _train_missing(
    task: str, target: Target, names: Sequence[str], processes: int, path: Path, runs: list[dict[str, Any]]
) -> None:
    done = {(run["architecture"], run["seed"]) for run in runs}
    todo = [(name, seed) for seed in range(target.seeds) for name in names if (name, seed) not in done]
    if not todo:
        return
    machine = report.describe_machine()
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(processes, mp_context=spawn) as pool:
        waiting = [
            pool.submit(learn, task, name, seed, target.of_lstm if name == "lstm" else target.sequences)
            for name, seed in todo
        ]
        for future in concurrent.futures.as_completed(waiting):
            run = future.result()
            runs.append(run)
            runs.sort(key=lambda one: (list(ARCHITECTURES).index(one["architecture"]), one["seed"]))
            text = json.dumps({"task": task, "machine": machine, "runs": runs}, indent=1)
            path.with_suffix(".part").write_text(text + "\n")
            path.with_suffix(".part").replace(path)
            print(
                f"{run['architecture']}, seed {run['seed']}: {run['points'][-1][1]} bits, "
                f"{run['seconds'] / 60:.1f} minutes",
                file=sys.stderr,
            )


def learn(task: str, name: str, seed: int, sequences: int) -> dict[str, Any]:
    """Train one preset from one seed, on one thread."""
    torch.set_num_threads(1)
    config = dataclasses.replace(
        train.preset(f"{name}-{task}"),
        seed=seed,
        sequences=sequences,
        validate_every=max(1, sequences // 40),
        stop_below=None,
    )
    with tempfile.TemporaryDirectory() as folder:
        ended = train.train(config, Path(folder) / "run", quiet=True)
        lines = (Path(folder) / "run" / METRICS_FILE).read_text().splitlines()
    rows = [row for row in map(json.loads, lines) if row["kind"] == "validation"]
    # The last lesson is the task itself; bits of an easier one are on another scale.
    last = len(config.curriculum.lessons) - 1 if config.curriculum else 0
    points = [
        [row["sequences"], float(f"{row['bits_per_sequence']:.4g}")] for row in rows if row["lesson"] == last
    ]
    return {
        "architecture": name,
        "seed": seed,
        "parameters": sum(parameter.numel() for parameter in config.build_model().parameters()),
        "seconds": round(ended.seconds, 1),
        "points": points or [[rows[-1]["sequences"], None]],
    }


def _summary(runs: Sequence[dict[str, Any]], target: Target) -> list[dict[str, Any]]:
    rows = []
    for name, words in ARCHITECTURES.items():
        own = [run for run in runs if run["architecture"] == name]
        if not own:
            continue
        after = [found for run in own if (found := _learned_after(run, target)) is not None]
        ends = [run["points"][-1][1] for run in own if run["points"][-1][1] is not None]
        rows.append(
            {
                "architecture": words,
                "parameters": own[0]["parameters"],
                "seeds": len(own),
                "learned": f"{len(after)} of {len(own)}",
                "after": _mean(after, "{:,.0f}"),
                "bits": _mean(ends, "{:.3g}"),
                "minutes": statistics.mean(run["seconds"] for run in own) / 60,
            }
        )
    return rows


def _learned_after(run: dict[str, Any], target: Target) -> int | None:
    """Sequences after which a run stays below the target, all but a few validations of chance spikes."""
    for index, (sequences, bits) in enumerate(run["points"]):
        following = [other for _, other in run["points"][index : index + 3]]
        if bits is not None and all(other <= target.learned for other in following):
            return sequences
    return None


def _mean(values: Sequence[float], how: str) -> str:
    if not values:
        return "–"
    spread = f" ± {how.format(statistics.stdev(values))}" if len(values) > 1 else ""
    return how.format(statistics.mean(values)) + spread


def _draw(task: str, runs: Sequence[dict[str, Any]], target: Target) -> Figure:
    with style():
        figure = new_figure(
            f"learning-{task}",
            f"Learning curves: {task}",
            "How many bits does it still cost to code the targets of a fresh sequence? Thin: each seed; "
            "thick: their median.",
            3.4,
        )
        axes = figure.subplots()
        for colour, (name, words) in zip(LINES, ARCHITECTURES.items()):
            own = [
                [(sequences, bits) for sequences, bits in run["points"] if bits is not None]
                for run in runs
                if run["architecture"] == name
            ]
            label = f"{words} ({len(own)} seeds)"
            own = [points for points in own if points]  # None where the last lesson was never reached.
            label += "" if own else ": none came to the last lesson"
            for points in own:
                axes.plot(*zip(*points), color=colour, linewidth=0.6, alpha=0.5)
            grid = sorted({sequences for points in own for sequences, _ in points})
            at = [dict(points) for points in own]
            shared = [x for x in grid if sum(x in points for points in at) * 2 > len(at)]
            middle = [statistics.median(points[x] for points in at if x in points) for x in shared]
            axes.plot(shared, middle, color=colour, linewidth=2, label=label)
        learned = target.learned
        axes.axhline(learned, color="#888888", linewidth=0.7, linestyle="--")
        axes.annotate(
            "learned", (1, learned), xycoords=("axes fraction", "data"), fontsize=7, va="bottom", ha="right"
        )
        if target.floor:
            axes.set_ylim(target.floor - 4, target.floor + 50)
        else:
            axes.set_yscale("log")
            least = min(bits for run in runs for _, bits in run["points"] if bits is not None)
            axes.set_ylim(bottom=max(target.learned / 1000, least / 2))
        dress_axes(axes)
        axes.legend(loc="best")
    return figure


if __name__ == "__main__":
    sys.exit(main())
