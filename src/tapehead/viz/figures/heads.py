"""What each head writes and reads, and where (NTM Figure 6)."""

import itertools
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .panels import channels, gate_lines, scored_channels, slots_over_time, time_axis
from .recording import Episode, Heads, Slots
from .style import NUMBERS, image, new_figure, style, symmetric

HEADS_A_FIGURE = 8
WORDS = 1.0
"""Inches, the height of a head's words."""

Head = tuple[Heads, int]
"""A head: its kind, and its number from 0."""


def order_heads(writes: Heads, reads: Heads) -> list[Head]:
    """In the order of drawing, two a row: writing beside reading where both kinds are as many."""
    writing = [(writes, h) for h in range(len(writes.weights))]
    reading = [(reads, h) for h in range(len(reads.weights))]
    if len(writing) == len(reading):
        return list(itertools.chain.from_iterable(zip(writing, reading)))
    return writing + reading


def draw_heads(episode: Episode, writes: Heads, reads: Heads, slots: Slots) -> list[Figure]:
    """Words and weightings of every head, and of an NTM the gates; eight heads a figure."""
    heads = order_heads(writes, reads)
    pages = [heads[i : i + HEADS_A_FIGURE] for i in range(0, len(heads), HEADS_A_FIGURE)]
    names = ["heads"] if len(pages) == 1 else [f"heads-{i + 1}" for i in range(len(pages))]
    return [_draw_page(name, page, episode, slots) for name, page in zip(names, pages, strict=True)]


def _draw_page(name: str, heads: Sequence[Head], episode: Episode, slots: Slots) -> Figure:
    kinds = {id(kind): kind for kind, _ in heads}.values()
    gated = heads[0][0].gates is not None
    rows = -(-len(heads) // 2)
    tall = 2.3 if rows == 1 else 1.6
    channel_count = max(len(episode.inputs), len(episode.targets), 6)
    heights = [0.13 * channel_count, *[WORDS, tall] * rows, *[0.55] * gated]
    with style():
        figure = new_figure(
            name,
            f"{episode.task}: what the heads write and read, and where",
            "Writing leaves a track in the slots. Does reading follow the same track?",
            sum(heights) + 0.3 * len(heights) + 0.3,
        )
        axes = figure.subplots(
            len(heights), 2, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
        )
        channels(axes[0, 0], episode.inputs, "input", episode.input_labels, "value")
        scored_channels(axes[0, 1], episode, outputs=True, bar="probability")
        for place, (kind, head) in enumerate(heads):
            row, column = divmod(place, 2)
            _draw_head(axes[1 + 2 * row, column], axes[2 + 2 * row, column], kind, head, slots, tall)
        if gated:
            for column, kind in enumerate(kinds):
                shown = [h for k, h in heads if k is kind]
                _draw_gates(axes[-1, column], kind, shown)
        for column in axes.T:
            _finish_column(column, episode)
    return figure


def _draw_head(
    words_axes: Axes, weights_axes: Axes, kind: Heads, head: int, slots: Slots, inches: float
) -> None:
    number = f", head {head + 1}" if len(kind.weights) > 1 else ""
    done = {"write": "written", "read": "read"}[kind.kind]
    image(
        words_axes,
        kind.words[head],
        f"words {done}{number}",
        colours=NUMBERS,
        limits=symmetric(kind.words),
        colour_bar="value",
    )
    words_axes.set_ylabel("word\nelement")
    words_axes.set_yticks([0, len(kind.words[head]) - 1])
    title = f"{kind.kind} weighting{number}{slots.note}"
    slots_over_time(weights_axes, kind.weights[head], slots, title, "weight", inches)


def _draw_gates(axes: Axes, kind: Heads, heads: Sequence[int]) -> None:
    assert kind.gates is not None
    names = [f"head {h + 1}" if h == heads[0] else str(h + 1) for h in heads]
    title = f"{kind.kind} gate" + ("s" if len(heads) > 1 else ": 1 by content, 0 stay or shift")
    gate_lines(axes, list(zip(names, kind.gates[list(heads)], strict=True)), title, "1: content\n0: shift")


def _finish_column(column: np.ndarray, episode: Episode) -> None:
    """Hide what was not drawn on, and put the time below the lowest panel."""
    used = [axes for axes in column if axes.images or axes.lines]
    for axes in column:
        if axes in used:
            time_axis(axes, episode, last=axes is used[-1])
        else:
            axes.set_axis_off()
