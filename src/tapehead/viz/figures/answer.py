"""An answer to a question in words: which facts were read, and when."""

import textwrap

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ...knowledge import Answer
from .style import LINES, WRONG, image, new_figure, style

ROW = 0.3
"""Inches a fact."""
MOST_ROWS = 40
LETTERS = 105
LABEL_LETTERS = 52


def plot_answer(answer: Answer) -> Figure:
    """The facts that an answer was read from, a row each, and the weight that each step put on them.

    Args:
        answer: from :func:`tapehead.ask`.

    Returns:
        A figure, labelled "answer".
    """
    network = answer.network
    told = len(network.facts)
    facts, sentences = network.facts_read[:MOST_ROWS], answer.facts_read[:MOST_ROWS]
    slots = network.trace.write_weights[:told].argmax(-1).numpy()
    weights = network.trace.read_weights[told:].amax(1).numpy()
    steps = np.flatnonzero(network.trace.read_weights[told:].amax((1, 2)).numpy() > 0)
    rows = weights[: steps[-1] + 1 if len(steps) else None, slots[facts]].T if facts else np.zeros((1, 1))
    with style():
        names = ", ".join(answer.answers) or "nobody"
        exact = ", ".join(answer.exact) or "nobody"
        figure = new_figure(
            "answer",
            answer.question,
            f"{answer.facts_given} facts in memory; the rows are those read for the answer, in order",
            1.3 + ROW * len(rows),
        )
        axes = figure.subplots()
        image(axes, rows, "where the answer's steps read", colour_bar="weight")
        labels = [_two_lines(sentence) for sentence in sentences] or ["nothing"]
        axes.set_yticks(range(len(rows)), labels)
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        left = len(network.facts_read) - len(facts)
        axes.set_xlabel("step after the facts" + (f" ({left} more facts were read)" if left else ""))
        verdict = "✓" if answer.correct else "✗"
        said = textwrap.shorten(f"network: {names} ({answer.confidence:.0%} sure)", LETTERS, placeholder=" …")
        true = textwrap.shorten(f"exact: {exact}", LETTERS, placeholder=" …")
        figure.supxlabel(
            f"{said}\n{true} {verdict}",
            x=0.01,
            ha="left",
            color=LINES[2] if answer.correct else WRONG,
            fontsize=9,
        )
    return figure


def _two_lines(sentence: str) -> str:
    lines = textwrap.wrap(sentence, LABEL_LETTERS)
    return "\n".join(
        [*lines[:1], textwrap.shorten(" ".join(lines[1:]), LABEL_LETTERS, placeholder=" …")]
    ).strip()
