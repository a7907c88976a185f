"""An answer to a question: which facts were read, and when."""

import textwrap
from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ...errors import InputError
from ...knowledge import Answer
from ...knowledge.inference.answer import NetworkAnswer
from ...knowledge.inference.family_way import WayAnswer
from ...knowledge.inference.kinship_answer import KinshipAnswer, play
from ...knowledge.inference.search import SearchAnswer
from ..arrays import as_array
from .style import image, new_figure, style, verdict

ROW_HEIGHT = 0.3
"""Inches."""
MAX_ROWS = 40
MAX_LINE_LETTERS = 105
MAX_LABEL_LETTERS = 52


def plot_answer(answer: Answer) -> Figure:
    """How strongly each step read each of the facts that an answer was read from.

    Args:
        answer: from :func:`tapehead.ask`.

    Returns:
        A figure, labelled "answer".

    Raises:
        InputError: the network was not asked.
    """
    network = answer.network
    if isinstance(network, SearchAnswer | WayAnswer):
        raise ValueError("give an answer of facts, or draw this one with plot_search or plot_kinship")
    if network is None:
        raise InputError(f"the network was not asked, so that there is no figure: {answer.not_asked}")
    if isinstance(network, KinshipAnswer):
        network = play(network).network
    facts_read, given = network.facts_read, f"{len(network.facts):,}"
    if len(network.facts) < answer.facts_given:
        given += f" (told once more, of {answer.facts_given:,})"
    sentences = answer.facts_read[:MAX_ROWS]
    rows = _read_weights(network, facts_read[:MAX_ROWS])
    with style():
        figure = new_figure(
            "answer",
            answer.question,
            f"Which of the {given} facts in memory is the answer read from? Each row is one of them.",
            1.3 + ROW_HEIGHT * len(rows),
        )
        axes = figure.subplots()
        image(axes, rows, "read weighting of each fact, in the steps after the facts", colour_bar="weight")
        axes.set_yticks(
            range(len(rows)), [_two_lines(sentence) for sentence in sentences] or ["nothing read"]
        )
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        more = len(facts_read) - len(rows)
        axes.set_xlabel("step after the facts" + (f" ({more} more facts were read)" if more > 0 else ""))
        names = ", ".join(answer.answers) or "none"
        network_line = _shortened(f"network: {names} ({answer.confidence or 0:.0%} sure)")
        exact_line = _shortened(f"exact: {', '.join(answer.exact) or 'none'}")
        mark = "✓" if answer.correct else "✗"
        verdict(figure, f"{network_line}\n{exact_line} {mark}", correct=answer.correct)
    return figure


def _read_weights(network: NetworkAnswer, facts: Sequence[int]) -> np.ndarray:
    """The largest read weight on each of these facts, [facts, steps after the facts]; at least one row."""
    if not facts:
        return np.zeros((1, 1))
    given = len(network.facts)
    writes = network.trace.write_weights[:given]
    slots = (writes.amax(1) if writes.dim() == 3 else writes).argmax(-1)[list(facts)]
    weights = network.trace.read_weights[given:].amax(1)
    steps = torch.nonzero(weights.amax(1) > 0)
    end = int(steps[-1]) + 1 if len(steps) else len(weights)
    return as_array(weights[:end, slots]).T


def _shortened(line: str) -> str:
    return textwrap.shorten(line, MAX_LINE_LETTERS, placeholder=" …")


def _two_lines(sentence: str) -> str:
    lines = textwrap.wrap(sentence, MAX_LABEL_LETTERS)
    return "\n".join(
        [*lines[:1], textwrap.shorten(" ".join(lines[1:]), MAX_LABEL_LETTERS, placeholder=" …")]
    ).strip()
