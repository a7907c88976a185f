"""What each head writes and reads, and where (NTM Figure 6)."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ._panels import channels, gate_lines, scored_channels, slots_over_time, time_axis
from ._recording import Episode, Heads, Slots
from ._style import NUMBERS, image, new_figure, style, symmetric

HEADS_A_FIGURE = 4


def draw_heads(episode: Episode, writes: Heads, reads: Heads, slots: Slots) -> list[Figure]:
    """Writing on the left, reading on the right; a figure for every four heads of a kind."""
    count = max(len(writes.weights), len(reads.weights))
    pages = range(0, count, HEADS_A_FIGURE)
    return [_draw_page(episode, writes, reads, slots, first, len(pages)) for first in pages]


def _draw_page(episode: Episode, writes: Heads, reads: Heads, slots: Slots, first: int, pages: int) -> Figure:
    heads = range(first, min(first + HEADS_A_FIGURE, max(len(writes.weights), len(reads.weights))))
    gated = writes.gates is not None
    tall = 2.3 if len(heads) == 1 else 1.6
    heights = [0.13 * max(len(episode.inputs), len(episode.targets), 6)]
    heights += [1.0, tall] * len(heads) + [0.55] * gated
    with style():
        figure = new_figure(
            f"heads-{first // HEADS_A_FIGURE + 1}" if pages > 1 else "heads",
            f"{episode.task}: the heads. Writing leaves a track in the slots (left); "
            "does reading follow the same track (right)?",
            sum(heights) + 0.3 * len(heights) + 0.6,
        )
        axes = figure.subplots(
            len(heights), 2, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
        )
        channels(axes[0, 0], episode.inputs, "input", episode.input_labels, "value")
        scored_channels(
            axes[0, 1], episode, outputs=True, bar="probability", title="output (grey: not scored)"
        )
        for column, kind in enumerate((writes, reads)):
            limits = symmetric(kind.words)
            for row, head in enumerate(heads):
                pair = axes[1 + 2 * row, column], axes[2 + 2 * row, column]
                if head < len(kind.weights):
                    _draw_head(pair, kind, head, limits, slots)
                else:
                    for axis in pair:
                        axis.set_axis_off()
            if kind.gates is not None:
                lines = [(f"head {h + 1}", kind.gates[h]) for h in heads if h < len(kind.gates)]
                gate_lines(
                    axes[-1, column], lines, f"{kind.kind} gate: 1 by content, 0 stay or shift", "gate g"
                )
        for column in (0, 1):
            used = [axis for axis in axes[:, column] if axis.axison]
            for axis in used:
                time_axis(axis, episode, last=axis is used[-1])
    return figure


def _draw_head(
    pair: tuple[Axes, Axes], kind: Heads, head: int, limits: tuple[float, float], slots: Slots
) -> None:
    number = f" {head + 1}" if len(kind.weights) > 1 else ""
    what = {"write": "words written", "read": "words read"}[kind.kind]
    image(
        pair[0],
        kind.words[head],
        f"{what}, head{number}" if number else what,
        colours=NUMBERS,
        limits=limits,
        colour_bar="value",
    )
    pair[0].set_ylabel("word\nelement")
    pair[0].set_yticks([0, len(kind.words[head]) - 1])
    slots_over_time(
        pair[1],
        kind.weights[head],
        slots,
        f"{kind.kind} weighting{', head' + number if number else ''}",
        "weight",
    )
