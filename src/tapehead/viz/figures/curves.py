"""Learning curves from a training run's metrics (as NTM Figures 3, 6, 10, 13 and 18)."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from ...errors import InputError
from .style import LINES, new_figure, style

METRICS_FILE = "metrics.jsonl"
"""The file in a run's folder that :mod:`tapehead.train` writes; reading it needs none of train's packages."""


def plot_curves(runs: Sequence[str | os.PathLike]) -> Figure:
    """Bits per sequence against sequences seen, a colour for each run; dots are validation batches.

    Args:
        runs: folders of runs, finished or not.

    Raises:
        InputError: a folder without metrics, or metrics without a row to draw.
    """
    rows = {str(run): read_metrics(run) for run in runs}
    with style():
        figure = new_figure(
            "learning-curve",
            "Learning curve",
            "How many bits does coding the targets of a sequence still take?",
            3.1,
        )
        axes = figure.subplots()
        for index, (run, run_rows) in enumerate(rows.items()):
            colour = LINES[index % len(LINES)]
            name = f"{Path(run).resolve().name}, " if len(rows) > 1 else ""
            train = _points(run_rows, "train")
            fresh = _points(run_rows, "validation")
            axes.plot(*train, color=colour, linewidth=0.8, alpha=0.55, label=f"{name}training batches")
            axes.plot(*fresh, "o", color=colour, markersize=3.5, label=f"{name}fresh sequences")
        axes.set_yscale("log")
        dress_axes(axes)
        axes.legend(loc="upper right")
    return figure


def dress_axes(axes: Axes) -> None:
    """Label and format the axes of a learning curve, whatever their scale."""
    axes.set_xlim(left=0)
    axes.set_xlabel("sequences seen")
    axes.set_ylabel("bits per sequence")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def read_metrics(run: str | os.PathLike) -> list[dict[str, Any]]:
    """The rows of a run's metrics, without a last row that is incomplete.

    Raises:
        InputError: no such file, or no row to draw in it.
    """
    path = Path(run, METRICS_FILE)
    if not path.is_file():
        raise InputError(f"{run} has no {METRICS_FILE}: give the folder of a training run")
    rows = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    rows = [row for row in rows if isinstance(row, dict) and _is_drawn(row)]
    if not rows:
        raise InputError(f"{path} has no row with sequences and bits_per_sequence: train for longer")
    return rows


def _is_drawn(row: dict[str, Any]) -> bool:
    return all(isinstance(row.get(name), int | float) for name in ("sequences", "bits_per_sequence"))


def _points(rows: list[dict[str, Any]], kind: str) -> tuple[list[float], list[float]]:
    chosen = [row for row in rows if row.get("kind") == kind and row["bits_per_sequence"] > 0]
    return [float(row["sequences"]) for row in chosen], [float(row["bits_per_sequence"]) for row in chosen]
