"""The common look of all figures, and how they are saved."""

import contextlib
import os
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...files import write_atomically
from ..arrays import colour_limit

WIDTH = 9.0
"""Inches; the width of every figure, about that of a README on a screen."""
DOTS_PER_INCH = 140
MAX_TITLE_LETTERS = 115
"""Letters that fit on one line of a figure's title."""
TITLE_LINE_HEIGHT = 0.18
"""Inches."""

WEIGHTS = "viridis"
"""The colour map of numbers in 0..1: weightings, usage, gates, links."""
NUMBERS = "cividis"
"""The colour map of signed numbers and of bits."""
NO_VALUE = "#dddddd"
"""The colour of NaN."""
LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours, which colour-blind readers can tell apart; dark ones first."""
WRONG = "#D55E00"
"""The colour of a wrong bit or answer."""

_SETTINGS: Any = {
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.prop_cycle": cycler(color=LINES),
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "figure.titlesize": 9.5,
    "figure.constrained_layout.h_pad": 0.06,
}


@contextlib.contextmanager
def style() -> Iterator[None]:
    """The settings that all figures are drawn with, as a context manager; the user's own stay as they are."""
    with matplotlib.rc_context(_SETTINGS):
        yield


def new_figure(name: str, heading: str, question: str, height: float) -> Figure:
    """An empty figure, without pyplot: no global state, no window, safe in any thread.

    Args:
        name: the figure's label, from which the file's name is made.
        heading: what the figure shows.
        question: the question that it answers, below the heading.
        height: inches, without the heading.
    """
    lines = [line for text in (heading, question) for line in textwrap.wrap(text, MAX_TITLE_LETTERS)]
    figure = Figure(
        figsize=(WIDTH, height + TITLE_LINE_HEIGHT * len(lines)), dpi=DOTS_PER_INCH, layout="constrained"
    )
    figure.set_label(name)
    figure.suptitle("\n".join(lines), x=0.01, ha="left", linespacing=1.3)
    return figure


def verdict(figure: Figure, text: str, *, correct: bool | None) -> None:
    """What was answered, below the figure, in the colour of right or wrong."""
    figure.supxlabel(text, x=0.01, ha="left", color=LINES[2] if correct else WRONG, fontsize=9)


def image(
    axes: Axes,
    values: np.ndarray,
    title: str,
    *,
    colours: str = WEIGHTS,
    limits: tuple[float, float] = (0.0, 1.0),
    colour_bar: str | None = None,
    **options: Any,
) -> Any:
    """Draw values [rows, columns], NaN in grey, beside a colour bar that names the quantity."""
    colour_map = matplotlib.colormaps[colours].with_extremes(bad=NO_VALUE)
    drawn = axes.imshow(
        np.ma.masked_invalid(values),
        aspect="auto",
        interpolation="nearest",
        cmap=colour_map,
        vmin=limits[0],
        vmax=limits[1],
        **options,
    )
    axes.set_title(title)
    if colour_bar is not None:
        beyond = np.nanmax(np.abs(values), initial=0) > max(map(abs, limits))
        bar = axes.figure.colorbar(
            drawn,
            ax=axes,
            pad=0.015,
            aspect=12,
            fraction=0.06,
            ticks=_ticks(*limits),
            extend="both" if beyond and limits[0] < 0 else "neither",
            format="%g",
        )
        bar.set_label(colour_bar, fontsize=7)
        bar.outline.set_linewidth(0.5)
    return drawn


def _ticks(low: float, high: float) -> list[float]:
    return [low, 0.0, high] if low < 0 < high else [low, high]


def symmetric_limits(values: np.ndarray) -> tuple[float, float]:
    """Colour limits for signed numbers, zero in the middle; :func:`image` marks numbers beyond them."""
    limit = float(f"{colour_limit(values):.2g}")
    return -limit, limit


def save_figures(figures: Sequence[Figure], folder: str | os.PathLike) -> list[Path]:
    """Write every figure to ``folder``/NAME.png, each whole or not at all; NAME is the figure's label.

    Args:
        figures: as :func:`plot_trace` and :func:`curves` return them.
        folder: made when missing; files of the same names are replaced.

    Returns:
        The files' paths.

    Raises:
        OSError: the folder cannot be written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{figure.get_label()}.png" for figure in figures]
    for figure, path in zip(figures, paths, strict=True):
        save_figure(figure, path)
    return paths


def save_figure(figure: Figure, path: str | os.PathLike) -> None:
    """Write a figure to a PNG file, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    with write_atomically(path) as file:
        figure.savefig(file, format="png", metadata={"Software": None})
