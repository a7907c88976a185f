"""The memory, and the DNC's links, at a few chosen steps."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...types import Trace
from ..arrays import as_array
from ..slots import Slots
from .panels import slot_ticks
from .scored_sequence import ScoredSequence
from .style import NUMBERS, image, new_figure, style, symmetric_limits

LINKS_HEIGHT = 2.2
"""Inches, the height of a link matrix."""


def choose_steps(sequence: ScoredSequence) -> list[int]:
    """Half-way through the input, at its end, half-way through the answer and at its end."""
    last = sequence.steps - 1
    before_answer = sequence.starts[0] - 1 if sequence.starts else -1
    if before_answer < 1:  # The answer begins at once: four even parts.
        return sorted({last * part // 4 for part in (1, 2, 3, 4)})
    return sorted({before_answer // 2, before_answer, (before_answer + last) // 2, last})


def draw_memory(sequence: ScoredSequence, trace: Trace, slots: Slots) -> Figure:
    """A column for each of a few steps: the memory [N, W], and below it a DNC's links."""
    steps = choose_steps(sequence)
    memory = as_array(trace.memory)[:, slots.shown]
    links = None
    if trace.link is not None and trace.link.shape[-1]:
        links = as_array(trace.link)[:, slots.shown[:, None], slots.shown]
    tall = max(1.4, min(3.2, 0.07 * len(slots.shown)))
    heights = [tall] if links is None else [tall, LINKS_HEIGHT]
    limits = symmetric_limits(memory[steps])
    with style():
        figure = new_figure(
            "memory",
            f"{sequence.task}: the memory over time{slots.note}",
            "Is each item kept in a slot of its own"
            + (", and do the links chain the slots in the order of writing?" if links is not None else "?"),
            sum(heights) + 0.5 * len(heights) + 0.3,
        )
        axes = figure.subplots(
            len(heights), len(steps), squeeze=False, gridspec_kw={"height_ratios": heights}
        )
        for column, step in enumerate(steps):
            last = column == len(steps) - 1
            axis = axes[0, column]
            image(
                axis,
                memory[step],
                f"memory after step {step}",
                colours=NUMBERS,
                limits=limits,
                colour_bar="value" if last else None,
            )
            slot_ticks(axis, slots, vertical=True, inches=tall)
            axis.set_xticks([0, memory.shape[2] - 1])
            axis.set_xlabel("word element")
            if links is not None:
                _draw_links(axes[1, column], links[step], slots, step, colour_bar="link" if last else None)
        axes[0, 0].set_ylabel("memory slot")
        if links is not None:
            axes[1, 0].set_ylabel("this slot was written …")
    return figure


def _draw_links(axes: Axes, links: np.ndarray, slots: Slots, step: int, colour_bar: str | None) -> None:
    """The links [N, N] after one step."""
    image(axes, links, f"links after step {step}", colour_bar=colour_bar)
    slot_ticks(axes, slots, vertical=True, inches=LINKS_HEIGHT)
    slot_ticks(axes, slots, vertical=False, inches=1.6)
    axes.set_xlabel("… right after this slot")
