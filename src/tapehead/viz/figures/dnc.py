"""How a DNC manages its memory (DNC Extended Data Figure 1)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...types import Trace
from .panels import gate_lines, slots_over_time, time_axis
from .recording import Episode, Slots, array, free_gates
from .style import WEIGHTS, image, new_figure, style

MODES = ("backward", "content", "forward")


def draw_allocation(episode: Episode, trace: Trace, index: int, slots: Slots) -> Figure:
    """Writes, usage, gates and read modes over time."""
    T = episode.steps
    assert trace.usage is not None
    assert trace.allocation_weights is not None
    weights = array(trace.write_weights, T, index)
    reads = array(trace.read_weights, T, index)
    gates = array(trace.write_gates, T, index)
    free = free_gates(trace, T, index)
    modes = array(trace.read_gates, T, index)
    R = len(reads)
    tall = max(0.9, min(1.7, 0.075 * len(slots.shown)))
    heights = [tall, tall, tall, tall, 0.6, 0.6, max(0.7, 0.36 * R)]
    with style():
        figure = new_figure(
            "allocation",
            f"{episode.task}: how the memory is managed",
            "Does each new item go to a free slot, and is a slot freed once it has been read?",
            sum(heights) + 0.28 * len(heights) + 0.4,
        )
        axes = figure.subplots(len(heights), 1, sharex=True, gridspec_kw={"height_ratios": heights})
        together = ", all heads together" if R > 1 else ""
        panels = [
            (weights, f"write weighting{slots.note}", "weight"),
            (reads.max(0), f"read weighting{together}", "largest\nweight" if together else "weight"),
            (array(trace.usage, T, index), "usage", "usage\n(1: in use)"),
            (
                array(trace.allocation_weights, T, index),
                "allocation weighting: the slot that is free",
                "weight",
            ),
        ]
        for axis, (values, title, bar) in zip(axes, panels, strict=False):
            slots_over_time(axis, values, slots, title, bar, tall)
        gate_lines(
            axes[4],
            [("allocation gate (1: to a free slot, 0: by content)", gates[0]), ("write gate", gates[1])],
            "writing",
            "gate",
        )
        gate_lines(
            axes[5],
            [(f"head {r + 1}" if R > 1 else "read head", free[r]) for r in range(R)],
            "free gates (1: free what the head read last)",
            "gate",
        )
        _draw_modes(axes[6], modes)
        for axis in axes:
            time_axis(axis, episode, last=axis is axes[-1])
    return figure


def _draw_modes(axes: Axes, modes: np.ndarray) -> None:
    """Modes [R, 3, T] as rows, a line between heads."""
    R = len(modes)
    image(
        axes,
        modes.reshape(3 * R, -1),
        "read modes: how each head finds its slot",
        colours=WEIGHTS,
        colour_bar="share",
    )
    names = [f"{mode}, head {r + 1}" if R > 1 else mode for r in range(R) for mode in MODES]
    axes.set_yticks(range(3 * R), names, fontsize=6)
    axes.tick_params(axis="y", length=0)
    for r in range(1, R):
        axes.axhline(3 * r - 0.5, color="white", linewidth=1)
