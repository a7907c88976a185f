"""How all figures look, and how they reach the disk."""

import contextlib
import os
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDTH = 9.0
"""Inches, of every figure; a README shows about this much at full size."""
DOTS_PER_INCH = 140
TITLE_LETTERS = 115
"""That fit on a line."""
TITLE_LINE = 0.18
"""Inches."""

WEIGHTS = "viridis"
"""The map of what lies in 0..1: weightings, usage, gates, links."""
NUMBERS = "cividis"
"""The map of what has a sign, and of bits."""
NOTHING = "#dddddd"
"""Where there is no value."""
LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours, which colour-blind readers tell apart too; dark ones first."""
WRONG = "#D55E00"

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
    """Draw within this."""
    with matplotlib.rc_context(_SETTINGS):
        yield


def new_figure(name: str, heading: str, question: str, height: float) -> Figure:
    """An empty figure, without pyplot: nothing global, no window, any thread.

    Args:
        name: becomes the file's name.
        heading: what is drawn.
        question: what to look for.
        height: inches, without the heading.
    """
    lines = [heading, *textwrap.wrap(question, TITLE_LETTERS)]
    figure = Figure(
        figsize=(WIDTH, height + TITLE_LINE * len(lines)), dpi=DOTS_PER_INCH, layout="constrained"
    )
    figure.set_label(name)
    figure.suptitle("\n".join(lines), x=0.01, ha="left", linespacing=1.3)
    return figure


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
    """Draw values [rows, columns], NaN as grey, with a colour bar that says what the numbers are."""
    colour_map = matplotlib.colormaps[colours].with_extremes(bad=NOTHING)
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


def symmetric(values: np.ndarray) -> tuple[float, float]:
    """Limits for numbers with a sign, zero in the middle.

    A few numbers far above the rest would leave all others in the middle colour: they are cut off, and the
    colour bar says so with pointed ends.
    """
    sizes = np.abs(values[np.isfinite(values)])
    largest = float(sizes.max(initial=0))
    sizes = sizes[sizes > 0.01 * largest]
    usual = 1.25 * float(np.quantile(sizes, 0.9)) if sizes.size else 0
    reach = float(f"{usual if largest > 1.5 * usual else largest:.2g}") or 1.0
    return -reach, reach


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
    path = Path(path)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".png")
    try:
        with os.fdopen(handle, "wb") as file:
            figure.savefig(file, format="png", metadata={"Software": None})
        # mkstemp made it for our eyes only; the folder says who may read.
        os.chmod(beside, path.parent.stat().st_mode & 0o666)
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
