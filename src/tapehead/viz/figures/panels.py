"""Panels over time that several figures share."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..slots import Slots
from .scored_sequence import ScoredSequence
from .style import LINES, NUMBERS, WRONG, image

MAX_CHANNEL_LABELS = 20
MIN_FULL_SCALE = 0.25
"""The colours of weightings that all stay below this end at the largest of them, not at 1."""


def time_axis(axes: Axes, sequence: ScoredSequence, *, last: bool) -> None:
    """Time steps from 0, and a line where each answer begins."""
    axes.set_xlim(-0.5, sequence.steps - 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.tick_params(labelbottom=last)
    if last:
        axes.set_xlabel("time step")
    over_image = bool(axes.images)
    for start in sequence.starts:
        colour = "white" if over_image else "#888888"
        axes.axvline(start - 0.5, color=colour, linewidth=0.8, linestyle=(0, (4, 2)))


def channels(axes: Axes, values: np.ndarray, title: str, labels: Sequence[str], bar: str) -> None:
    """Bits or other numbers [channels, T], a row for each channel."""
    low, high = float(np.nanmin(values, initial=0)), float(np.nanmax(values, initial=1))
    image(axes, values, title, colours=NUMBERS, limits=(round(low, 2), round(high, 2)), colour_bar=bar)
    if len(labels) <= MAX_CHANNEL_LABELS:
        axes.set_yticks(range(len(labels)), labels, fontsize=6)
    else:
        axes.set_ylabel("channel")
    axes.tick_params(axis="y", length=0)


def scored_channels(axes: Axes, sequence: ScoredSequence, *, outputs: bool, bar: str) -> None:
    """Targets or outputs; grey where the steps do not count, a cross on every wrong bit."""
    values = np.where(sequence.scored, sequence.outputs if outputs else sequence.targets, np.nan)
    channels(axes, values, scored_title(sequence, outputs=outputs), sequence.output_labels, bar)
    if outputs:
        rows, steps = np.nonzero(sequence.wrong)
        size = min(5, max(2, 250 / sequence.steps))
        axes.plot(steps, rows, "x", color=WRONG, markersize=size, markeredgewidth=0.3 * size)


def scored_title(sequence: ScoredSequence, *, outputs: bool) -> str:
    """ "target" or "output", with what grey and crosses mean where they occur."""
    legend = [] if sequence.scored.all() else ["grey: not scored"]
    legend += ["cross: wrong"] if outputs and sequence.wrong.any() else []
    return ("output" if outputs else "target") + (f" ({'; '.join(legend)})" if legend else "")


def slots_over_time(
    axes: Axes, values: np.ndarray, slots: Slots, title: str, bar: str, inches: float
) -> None:
    """Weightings or usage [N, T] of the shown slots, a white line where slots are left out."""
    # Uniform weightings over many slots would all be black on a scale up to 1.
    largest = float(values.max())
    upper = 1.0 if largest > MIN_FULL_SCALE else float(f"{largest:.1g}") or 1.0
    image(axes, values[slots.shown], title, limits=(0.0, upper), colour_bar=bar)
    slot_ticks(axes, slots, vertical=True, inches=inches)
    axes.set_ylabel("memory slot")


def slot_ticks(axes: Axes, slots: Slots, *, vertical: bool, inches: float) -> None:
    """Slot numbers as ticks on an axis of ``inches``, and lines where slots are left out."""
    ticks = slots.ticks(inches, 0.18 if vertical else 0.26)
    numbers = [str(slots.shown[tick]) for tick in ticks]
    if vertical:
        axes.set_yticks(ticks, numbers)
    else:
        axes.set_xticks(ticks, numbers)
    for gap in slots.gaps:
        (axes.axhline if vertical else axes.axvline)(gap - 0.5, color="white", linewidth=0.8)


def gate_lines(axes: Axes, lines: Sequence[tuple[str, np.ndarray]], title: str, ylabel: str) -> None:
    """Gates [T] in 0..1 as step lines, with a legend above the panel."""
    for (name, values), colour in zip(lines, _colours(len(lines)), strict=True):
        axes.plot(values, label=name, color=colour, linewidth=1.1, drawstyle="steps-mid")
    axes.set_ylim(-0.06, 1.06)
    axes.set_yticks([0, 1])
    axes.set_ylabel(ylabel)
    axes.set_title(title)
    axes.spines[["top", "right"]].set_visible(False)
    if len(lines) > 1:
        axes.legend(
            loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=len(lines), handlelength=1.2, borderpad=0
        )


def _colours(count: int) -> list[str]:
    return [LINES[i % len(LINES)] for i in range(count)]
