"""How a DNC manages its memory (DNC Extended Data Figure 1)."""

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...types import Trace
from ..arrays import as_array
from ..interface import write_fields
from ..slots import Slots
from .panels import gate_lines, slots_over_time, time_axis
from .scored_sequence import ScoredSequence, time_last
from .style import WEIGHTS, image, new_figure, style

MODES = ("backward", "content", "forward")


class _SlotPanel(NamedTuple):
    """A panel with a row for each slot."""

    values: np.ndarray
    """[N, T]"""
    title: str
    colour_bar: str


def draw_allocation(sequence: ScoredSequence, trace: Trace, slots: Slots) -> Figure:
    """Weightings, usage, gates and read modes of a DNC's trace [T, ...] over time."""
    free_gates = write_fields(trace).free_gates
    if free_gates is None:
        raise ValueError("the trace is an NTM's: only a DNC allocates slots")
    panels = _slot_panels(trace, slots)
    write_gates = as_array(trace.write_gates)
    free = time_last(as_array(free_gates))
    modes = time_last(as_array(trace.read_gates))
    R = len(modes)
    tall = max(0.9, min(1.7, 0.075 * len(slots.shown)))
    heights = [*[tall] * len(panels), 0.6, 0.6, max(0.7, 0.36 * R)]
    with style():
        figure = new_figure(
            "allocation",
            f"{sequence.task}: how the memory is managed",
            "Does each new item go to a free slot, and is a slot freed once it has been read?",
            sum(heights) + 0.28 * len(heights) + 0.4,
        )
        axes = figure.subplots(len(heights), 1, sharex=True, gridspec_kw={"height_ratios": heights})
        *slot_axes, write_axis, free_axis, mode_axis = axes
        for axis, panel in zip(slot_axes, panels, strict=True):
            slots_over_time(axis, panel.values, slots, panel.title, panel.colour_bar, tall)
        gate_lines(
            write_axis,
            [
                ("allocation gate (1: to a free slot, 0: by content)", write_gates[:, 0]),
                ("write gate", write_gates[:, 1]),
            ],
            "writing",
            "gate",
        )
        gate_lines(
            free_axis,
            [(f"head {r + 1}" if R > 1 else "read head", free[r]) for r in range(R)],
            "free gates (1: free the slots that the head read in the step before)",
            "gate",
        )
        _draw_modes(mode_axis, modes)
        for axis in axes:
            time_axis(axis, sequence, last=axis is axes[-1])
    return figure


def _slot_panels(trace: Trace, slots: Slots) -> list[_SlotPanel]:
    if trace.usage is None or trace.allocation_weights is None:
        raise ValueError("the trace has no usage or no allocation weights: give a DNC's whole trace")
    several = trace.read_weights.shape[1] > 1
    return [
        _SlotPanel(time_last(as_array(trace.write_weights)), f"write weighting{slots.note}", "weight"),
        _SlotPanel(
            time_last(as_array(trace.read_weights.amax(1))),
            "read weighting" + (", all heads together" if several else ""),
            "largest\nweight" if several else "weight",
        ),
        _SlotPanel(time_last(as_array(trace.usage)), "usage", "usage\n(1: in use)"),
        _SlotPanel(
            time_last(as_array(trace.allocation_weights)),
            "allocation weighting: the next free slot",
            "weight",
        ),
    ]


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
