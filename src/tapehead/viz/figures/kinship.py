"""The way from one person of a family to another."""

import textwrap

from matplotlib.figure import Figure

from ...errors import InputError
from ...knowledge import Answer
from .style import LINES, NO_VALUE, new_figure, style

ROW_HEIGHT = 0.8
"""Inches between generations."""
MAX_PEOPLE = 24
MAX_NAME_LETTERS = 16


def plot_kinship(answer: Answer) -> Figure:
    """The people on the way between two, a row for each generation, with what each is to the one before.

    Args:
        answer: from :func:`tapehead.ask`, of a question about two people.

    Returns:
        A figure, labelled "kinship".

    Raises:
        InputError: there is no such way, or it is too long to be drawn.
    """
    steps = answer.path
    if not steps:
        raise InputError("there is no way between two people to be drawn: ask how two are related")
    if len(steps) > MAX_PEOPLE:
        raise InputError(f"the way goes by {len(steps)} people: {MAX_PEOPLE} are the most that are drawn")
    rows = [step.generation for step in steps]
    highest, lowest = max(rows), min(rows)
    with style():
        height = 1.0 + ROW_HEIGHT * (highest - lowest + 1)
        figure = new_figure("kinship", answer.said[0], "Who is on the way from one to the other?", height)
        axes = figure.subplots()
        axes.plot(range(len(rows)), rows, color=NO_VALUE, linewidth=1.5, zorder=1)
        for place, step in enumerate(steps):
            ends = place in (0, len(steps) - 1)
            name = f"{step.name} and {step.beside}" if step.beside else step.name or "not named"
            text = textwrap.fill(name, MAX_NAME_LETTERS)
            axes.text(
                place,
                step.generation,
                f"{step.step}\n{text}".strip(),
                ha="center",
                va="center",
                fontsize=7,
                fontweight="bold" if ends else "normal",
                color=LINES[0] if ends else LINES[6],
                bbox={"facecolor": "white", "edgecolor": NO_VALUE, "boxstyle": "round,pad=0.3"},
                zorder=2,
            )
        axes.set_xlim(-0.7, len(steps) - 0.3)
        axes.set_ylim(lowest - 0.7, highest + 0.7)
        axes.set_axis_off()
    return figure
