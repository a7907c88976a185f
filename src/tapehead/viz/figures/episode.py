"""Inputs, targets and outputs over time (NTM Figures 4 and 7 to 9)."""

import math

import numpy as np
from matplotlib.figure import Figure

from .panels import channels, scored_channels, time_axis
from .scored_sequence import ScoredSequence
from .style import new_figure, style


def draw_episode(sequence: ScoredSequence) -> Figure:
    """Inputs, targets and the machine's outputs, one image each."""
    rows = [len(sequence.inputs), len(sequence.targets), len(sequence.targets)]
    heights = [max(0.5, min(1.6, 0.13 * count)) for count in rows]
    wrong, scored = int(sequence.wrong.sum()), int(sequence.scored.sum()) * len(sequence.targets)
    with style():
        figure = new_figure(
            "episode",
            f"{sequence.task}: one episode",
            f"Does the output equal the target? {wrong} of {scored} bits are wrong; "
            f"coding the targets with these outputs takes {_bits(sequence)} bits.",
            sum(heights) + 1.3,
        )
        axes = figure.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": heights})
        channels(axes[0], sequence.inputs, "input", sequence.input_labels, "value")
        scored_channels(axes[1], sequence, outputs=False, bar="bit")
        scored_channels(axes[2], sequence, outputs=True, bar="probability\nof a 1")
        for axis in axes:
            time_axis(axis, sequence, last=axis is axes[-1])
    return figure


def _bits(sequence: ScoredSequence) -> str:
    right = np.where(sequence.targets > 0.5, sequence.outputs, 1 - sequence.outputs)
    bits = float(-np.log(np.maximum(right[:, sequence.scored], 1e-300)).sum()) / math.log(2)
    return f"{bits:.2g}" if bits < 10 else f"{bits:.0f}"
