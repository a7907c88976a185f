"""The memory, and the DNC's links, at a few chosen steps."""

import numpy as np
from matplotlib.figure import Figure

from ...types import Trace
from .panels import slot_ticks
from .recording import Episode, Slots, array
from .style import NUMBERS, image, new_figure, style, symmetric

LINKS = 2.2
"""Inches, the height of a link matrix."""


def choose_steps(episode: Episode) -> list[int]:
    """Half-way through the question, at its end, half-way through the answer and at its end."""
    last = episode.steps - 1
    asked = episode.starts[0] - 1 if episode.starts else -1
    if asked < 1:  # There is no question: four even parts.
        return sorted({last * part // 4 for part in (1, 2, 3, 4)})
    return sorted({asked // 2, asked, (asked + last) // 2, last})


def draw_memory(episode: Episode, trace: Trace, index: int, slots: Slots) -> Figure:
    """A column a step: the memory's words, and below them the links where there are any."""
    steps = choose_steps(episode)
    memory = array(trace.memory, episode.steps, index)[slots.shown]
    links = None
    if trace.link is not None and trace.link.shape[-1]:
        links = array(trace.link, episode.steps, index)[np.ix_(slots.shown, slots.shown)]
    tall = max(1.4, min(3.2, 0.07 * len(slots.shown)))
    heights = [tall] if links is None else [tall, LINKS]
    limits = symmetric(memory[..., steps])
    with style():
        figure = new_figure(
            "memory",
            f"{episode.task}: the memory over time{slots.note}",
            "Is each item kept in a slot of its own"
            + (", and do the links chain the slots in the order of writing?" if links is not None else "?"),
            sum(heights) + 0.5 * len(heights) + 0.3,
        )
        axes = figure.subplots(
            len(heights), len(steps), squeeze=False, gridspec_kw={"height_ratios": heights}
        )
        for column, step in enumerate(steps):
            rightmost = column == len(steps) - 1
            axis = axes[0, column]
            image(
                axis,
                memory[..., step],
                f"memory after step {step}",
                colours=NUMBERS,
                limits=limits,
                colour_bar="value" if rightmost else None,
            )
            slot_ticks(axis, slots, vertical=True, inches=tall)
            axis.set_xticks([0, memory.shape[1] - 1])
            axis.set_xlabel("word element")
            if column == 0:
                axis.set_ylabel("memory slot")
            if links is None:
                continue
            axis = axes[1, column]
            image(
                axis,
                links[..., step],
                f"links after step {step}",
                colour_bar="link" if rightmost else None,
            )
            slot_ticks(axis, slots, vertical=True, inches=LINKS)
            slot_ticks(axis, slots, vertical=False, inches=1.6)
            axis.set_xlabel("… right after this slot")
            if column == 0:
                axis.set_ylabel("this slot was written …")
    return figure
