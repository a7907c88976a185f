"""A search in memory: what was reached when, and where the heads stood."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from ...knowledge import Answer, KnowledgeGraph, PathQuestion
from ...knowledge.inference.search import SearchAnswer, read_heads
from ...knowledge.questions import NearbyQuestion
from ...knowledge.weights import amount
from ...tasks.graph.search_trace import Op
from ..player_page.layout import map_layout
from .style import LINES, NO_VALUE, WEIGHTS, new_figure, style, verdict

HEIGHT = 5.6
"""Inches."""
MAX_NAMED = 40
"""Places of a map whose names are all written."""


def plot_search(graph: KnowledgeGraph, answer: Answer) -> Figure:
    """A map in the colours of the order in which a search reached its places, and the slots that it read.

    Args:
        graph: the map that was asked about.
        answer: from :func:`tapehead.ask`, of a search machine: a path, which is drawn, or places nearby,
            which are ringed.

    Returns:
        A figure, labelled "search".

    Raises:
        ValueError: the answer of another machine.
    """
    network, question = answer.network, answer.parsed
    if not isinstance(network, SearchAnswer) or not isinstance(question, PathQuestion | NearbyQuestion):
        raise ValueError(
            "give the answer of a search machine, or draw this one with plot_answer or plot_kinship"
        )
    places = graph.edges.places
    start = places.index(question.start)
    end = places.index(question.end) if isinstance(question, PathQuestion) else None
    with style():
        figure = new_figure(
            "search",
            answer.question,
            "How does a network find its way? It searches breadth first: it keeps the map, the queue and "
            "what it has seen in its memory, and reads one slot after another.",
            HEIGHT,
        )
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        _draw_map(left, graph, network, start, end)
        _draw_heads(right, network)
        verdict(figure, _summary(answer), correct=answer.correct)
    return figure


def _summary(answer: Answer) -> str:
    found, exact = len(answer.answered), len(answer.expected)
    unit = "stops" if isinstance(answer.parsed, PathQuestion) else "places"
    if answer.expected_total is not None:
        by = answer.measure
        said = (
            f"{amount(answer.total, by)}, {answer.confidence:.0%} sure" if answer.total else "nothing found"
        )
        return f"network: {said}; exact: {amount(answer.expected_total, by)} {'✓' if answer.correct else '✗'}"
    said = f"{found} {unit}, {answer.confidence:.0%} sure" if found else "nothing found"
    return f"network: {said}; exact: {exact} {unit} {'✓' if answer.correct else '✗'}"


def _draw_map(axes: Axes, graph: KnowledgeGraph, network: SearchAnswer, start: int, end: int | None) -> None:
    asked = [start] if end is None else [start, end]
    ends_of_facts = {place for fact in network.facts for place in (fact.subject, fact.object)}
    told = sorted(ends_of_facts.union(asked))
    number = {place: i for i, place in enumerate(told)}
    ends = [(number[a], number[b]) for a, _, b in network.facts]
    pairs = sorted({(min(pair), max(pair)) for pair in ends})
    spots = map_layout(len(told), pairs) * (1, -1)
    axes.add_collection(LineCollection(spots[np.array(pairs)], colors=NO_VALUE, linewidths=0.8, zorder=1))
    reached = {start: 0}
    for step in network.steps:
        if step.op == Op.PUSH and step.destination in number:
            reached.setdefault(step.destination, len(reached))
    if end is None:
        near = spots[[number[place] for place in network.answers]]
        axes.scatter(near[:, 0], near[:, 1], s=45, color="none", edgecolors=LINES[1], linewidths=1, zorder=2)
    elif network.answers:
        reached.setdefault(network.answers[-1], len(reached))
        way = spots[[number[place] for place in [start, *network.answers]]]
        axes.plot(*way.T, color=LINES[1], linewidth=2.5, zorder=2, label="the way back")
    unseen = [number[place] for place in told if place not in reached]
    seen = [number[place] for place in reached]
    axes.scatter(
        spots[unseen, 0],
        spots[unseen, 1],
        s=10,
        color="white",
        edgecolors="#999999",
        linewidths=0.6,
        zorder=3,
    )
    drawn = axes.scatter(
        spots[seen, 0],
        spots[seen, 1],
        c=range(len(seen)),
        cmap=WEIGHTS,
        s=16,
        linewidths=0,
        zorder=4,
        vmin=0,
        vmax=max(1, len(seen) - 1),
    )
    bar = axes.figure.colorbar(drawn, ax=axes, location="bottom", pad=0.01, aspect=40, fraction=0.03)
    bar.set_label("order in which it reached the places; white: not reached", fontsize=7)
    bar.outline.set_linewidth(0.5)
    named = told if len(told) <= MAX_NAMED else asked
    for place in named:
        bold = "bold" if place in asked else "normal"
        axes.annotate(
            network.told.title(place, graph),
            spots[number[place]],
            xytext=(3, 3),
            textcoords="offset points",
            fontsize=7,
            fontweight=bold,
            zorder=5,
        )
    axes.set_title(network.in_memory(len(told)))
    axes.set_axis_off()


def _draw_heads(axes: Axes, network: SearchAnswer) -> None:
    heads = read_heads(network)
    steps = np.arange(1, len(heads.slots) + 1)
    colours = (LINES[0], LINES[4])
    names = ("scans the map and the queue", "checks what was seen")
    for head, (colour, name) in reversed(list(enumerate(zip(colours, names)))):
        axes.scatter(
            steps, heads.slots[:, head], s=2, color=colour, linewidths=0, label=f"head {head + 1}: {name}"
        )
    axes.axhline(heads.queue_begins - 0.5, color="#888888", linewidth=0.6)
    axes.set_xlim(-len(steps) / 50, len(steps) * 1.4)
    axes.set_xticks([tick for tick in axes.get_xticks() if 0 <= tick <= len(steps)])
    for slot, text, side in ((0.5, "the queue", "bottom"), (-1.5, "the map as told", "top")):
        axes.text(len(steps) * 1.03, heads.queue_begins + slot, text, fontsize=7, va=side)
    axes.set_xlabel("step of the search")
    axes.set_ylabel("slot read most")
    axes.set_title(
        f"{len(steps):,} steps; each reads {float(heads.weights[:, 0].median()):.0%} of one slot (median)"
    )
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=1, markerscale=4)
