"""What each head writes and reads, and where (NTM Figure 6)."""

import itertools
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..arrays import Heads
from ..slots import Slots
from .panels import channels, gate_lines, scored_channels, slots_over_time, time_axis
from .scored_sequence import ScoredSequence, time_last
from .style import NUMBERS, image, new_figure, style, symmetric_limits

MAX_HEADS = 8
"""Heads in one figure."""
WORDS_HEIGHT = 1.0
"""Inches, the height of a head's words."""

Head = tuple[Heads, int]
"""The heads of one kind, and the number of one of them, from 0."""


def _count(kind: Heads) -> int:
    return kind.weights.shape[1]


def order_heads(writes: Heads, reads: Heads) -> list[Head]:
    """All heads in the order of drawing, two a row: write beside read where both are equally many."""
    writing = [(writes, h) for h in range(_count(writes))]
    reading = [(reads, h) for h in range(_count(reads))]
    if len(writing) == len(reading):
        return list(itertools.chain.from_iterable(zip(writing, reading)))
    return writing + reading


def draw_heads(sequence: ScoredSequence, writes: Heads, reads: Heads, slots: Slots) -> list[Figure]:
    """Words and weightings of every head, and of an NTM the gates; eight heads a figure."""
    heads = order_heads(writes, reads)
    pages = [heads[i : i + MAX_HEADS] for i in range(0, len(heads), MAX_HEADS)]
    names = ["heads"] if len(pages) == 1 else [f"heads-{i + 1}" for i in range(len(pages))]
    return [_draw_page(name, page, sequence, slots) for name, page in zip(names, pages, strict=True)]


def _draw_page(name: str, heads: Sequence[Head], sequence: ScoredSequence, slots: Slots) -> Figure:
    kinds = {id(kind): kind for kind, _ in heads}.values()
    gated = heads[0][0].gates is not None
    rows = -(-len(heads) // 2)
    tall = 2.3 if rows == 1 else 1.6
    channel_count = max(len(sequence.inputs), len(sequence.targets), 6)
    heights = [0.13 * channel_count, *[WORDS_HEIGHT, tall] * rows, *[0.55] * gated]
    with style():
        figure = new_figure(
            name,
            f"{sequence.task}: what the heads write and read, and where",
            "Do the read heads visit the slots in the order in which they were written?",
            sum(heights) + 0.3 * len(heights) + 0.3,
        )
        axes = figure.subplots(
            len(heights), 2, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
        )
        channels(axes[0, 0], sequence.inputs, "input", sequence.input_labels, "value")
        scored_channels(axes[0, 1], sequence, outputs=True, bar="probability")
        for place, (kind, head) in enumerate(heads):
            row, column = divmod(place, 2)
            _draw_head(axes[1 + 2 * row, column], axes[2 + 2 * row, column], kind, head, slots, tall)
        for column, kind in enumerate(kinds):
            if kind.gates is not None:
                _draw_gates(axes[-1, column], kind.kind, kind.gates, [h for k, h in heads if k is kind])
        for column in axes.T:
            _finish_column(column, sequence)
    return figure


def _draw_head(
    words_axes: Axes, weights_axes: Axes, kind: Heads, head: int, slots: Slots, inches: float
) -> None:
    number = f", head {head + 1}" if _count(kind) > 1 else ""
    done = {"write": "written", "read": "read"}[kind.kind]
    words = time_last(kind.words[:, head])
    image(
        words_axes,
        words,
        f"words {done}{number}",
        colours=NUMBERS,
        limits=symmetric_limits(kind.words),
        colour_bar="value",
    )
    words_axes.set_ylabel("word\nelement")
    words_axes.set_yticks([0, len(words) - 1])
    title = f"{kind.kind} weighting{number}{slots.note}"
    slots_over_time(weights_axes, time_last(kind.weights[:, head]), slots, title, "weight", inches)


def _draw_gates(axes: Axes, kind: str, gates: np.ndarray, heads: Sequence[int]) -> None:
    """Gates [T, heads] of some of the heads of a kind."""
    names = [f"head {h + 1}" if h == heads[0] else str(h + 1) for h in heads]
    title = f"{kind} gate" + ("s" if len(heads) > 1 else ": 1 by content, 0 stay or shift")
    gate_lines(axes, list(zip(names, gates.T[list(heads)], strict=True)), title, "1: content\n0: shift")


def _finish_column(column: np.ndarray, sequence: ScoredSequence) -> None:
    """Hide panels without content, and label the time axis below the lowest of the others."""
    used = [axes for axes in column if axes.images or axes.lines]
    for axes in column:
        if axes in used:
            time_axis(axes, sequence, last=axes is used[-1])
        else:
            axes.set_axis_off()
