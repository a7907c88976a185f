"""Inputs, targets and outputs over time (NTM Figures 4 and 7 to 9)."""

import math

import numpy as np
from matplotlib.figure import Figure

from .panels import channels, scored_channels, time_axis
from .recording import Episode
from .style import new_figure, style


def draw_episode(episode: Episode) -> Figure:
    """The episode and the machine's answer, as bit images."""
    rows = [len(episode.inputs), len(episode.targets), len(episode.targets)]
    heights = [max(0.5, min(1.6, 0.13 * count)) for count in rows]
    wrong, scored = int(episode.wrong.sum()), int(episode.scored.sum()) * len(episode.targets)
    with style():
        figure = new_figure(
            "episode",
            f"{episode.task}: one episode",
            f"Does the output equal the target? {wrong} of {scored} bits are wrong; "
            f"it costs {_bits(episode)} bits to code the targets.",
            sum(heights) + 1.3,
        )
        axes = figure.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": heights})
        channels(axes[0], episode.inputs, "input", episode.input_labels, "value")
        scored_channels(axes[1], episode, outputs=False, bar="bit")
        scored_channels(axes[2], episode, outputs=True, bar="probability\nof a 1")
        for axis in axes:
            time_axis(axis, episode, last=axis is axes[-1])
    return figure


def _bits(episode: Episode) -> str:
    right = np.where(episode.targets > 0.5, episode.outputs, 1 - episode.outputs)
    bits = float(-np.log(np.maximum(right[:, episode.scored], 1e-300)).sum()) / math.log(2)
    return f"{bits:.2g}" if bits < 10 else f"{bits:.0f}"
