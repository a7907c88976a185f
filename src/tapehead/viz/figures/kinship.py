"""The way from one person of a family to another."""

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...errors import InputError
from ...knowledge import Answer
from ...knowledge.kinship.explain import PathStep
from .style import LINES, NO_VALUE, new_figure, style, verdict

ROW_HEIGHT = 0.8
"""Inches between generations."""
MAX_PEOPLE = 24
MAX_NAME_LETTERS = 16


def plot_kinship(answer: Answer) -> Figure:
    """The people on the way between two, a row for each generation, with what each is to the one before.

    Where the network was asked and the shortest way is another, that way is drawn below.

    Args:
        answer: from :func:`tapehead.ask`, of a question about two people.

    Returns:
        A figure, labelled "kinship".

    Raises:
        InputError: there is no such way, or it is too long to be drawn.
    """
    further = answer.way or answer.shortest
    apart = not answer.path or answer.other_way or answer.correct is False
    ways = [way for way in (answer.path, further if apart else ()) if way]
    if not ways:
        raise InputError("there is no way between two people to be drawn: ask how two are related")
    longest = max(map(len, ways))
    if longest > MAX_PEOPLE:
        raise InputError(f"the way goes by {longest} people: {MAX_PEOPLE} are the most that are drawn")
    rows = [_rows(way) for way in ways]
    with style():
        height = 1.0 + ROW_HEIGHT * sum(rows)
        figure = new_figure("kinship", answer.said[0], "Who is on the way from one to the other?", height)
        panels = figure.subplots(len(ways), squeeze=False, height_ratios=rows)[:, 0]
        for axes, way in zip(panels, ways):
            _draw_way(axes, way)
        if ways[-1] is further:
            wrong = answer.way and not answer.correct
            panels[-1].set_title("the network's way" if wrong else "the shortest way")
        if answer.correct is not None:
            steps = len(answer.way) - 1
            found = f"{steps} step{'s' if steps > 1 else ''}" if answer.way else "no way"
            mark = "✓" if answer.correct else "✗"
            verdict(figure, f"network: {found}, {answer.sure} {mark}", correct=answer.correct)
    return figure


def _rows(steps: Sequence[PathStep]) -> int:
    generations = [step.generation for step in steps]
    return max(generations) - min(generations) + 1


def _draw_way(axes: Axes, steps: Sequence[PathStep]) -> None:
    rows = [step.generation for step in steps]
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
    axes.set_ylim(min(rows) - 0.7, max(rows) + 0.7)
    axes.set_axis_off()
