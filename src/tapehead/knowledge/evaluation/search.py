"""How often a machine finds a shortest way by breadth-first search, on a given graph or on random ones."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...tasks.base import check_whole
from ...tasks.graph import Search
from ...tasks.graph.episode import Triple
from ...tasks.graph.graphs import TRIES
from ...tasks.graph.search_decode import Answer, Machine, ToldGraph
from ...tasks.graph.search_graphs import draw_names, name_graph
from ...tasks.graph.search_trace import Adjacency, Record, path_of, search
from ..graph import Edges

MAX_SHARED = 20
"""Pairs at most that are asked about under the same names: the machine is told the graph once for them all,
as telling takes about as long as answering."""


@dataclasses.dataclass
class SearchTally:
    """Right answers of all asked."""

    pairs: int = 0
    right: int = 0
    """taking the most probable digits"""
    right_constrained: int = 0
    """taking the most probable of the labels and edges that were told"""

    @property
    def accuracy(self) -> float:
        """right / pairs."""
        return self.right / self.pairs

    @property
    def accuracy_constrained(self) -> float:
        """right_constrained / pairs."""
        return self.right_constrained / self.pairs

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "pairs": self.pairs,
            "accuracy": self.accuracy,
            "accuracy_constrained": self.accuracy_constrained,
        }


@dataclasses.dataclass(frozen=True)
class SearchScore:
    """By the length of the shortest path."""

    by_steps: dict[int | None, SearchTally]
    """the shortest first; last, as None, the pairs without a way between them"""

    @property
    def total(self) -> SearchTally:
        """Of all lengths."""
        tallies = self.by_steps.values()
        return SearchTally(
            sum(tally.pairs for tally in tallies),
            sum(tally.right for tally in tallies),
            sum(tally.right_constrained for tally in tallies),
        )


def score_searches(
    machine: Machine, task: Search, edges: Edges, *, pairs: int, steps: int | None = None, seed: int = 0
) -> SearchScore:
    """Ask for ways between random nodes of a graph, in a single pass.

    An answer is right if it leads from start to target along told edges and no path is shorter, or if it says
    that there is no way where there is none. Each answer is taken twice, greedy and constrained. Names and
    the order of telling are drawn anew after at most ``MAX_SHARED`` pairs.

    The labels of the edges stand for the lines of the map. If there are more lines than labels of which any
    two differ in two digits, the same labels serve at every place, where each edge still has one of its own.

    Args:
        machine: trained on ``task``.
        task: search.
        edges: the graph.
        pairs: ordered pairs of different nodes; at most all that there are, each once.
        steps: only pairs whose shortest path has exactly so many; None: all pairs, also those without a way.
        seed: of the pairs and of the names.

    Raises:
        ValueError: no such pair, more nodes than labels, or a number below 1.
    """
    _check(pairs, steps)
    nodes, labels = len(edges.places), 10**task.digits
    if nodes > labels:
        raise ValueError(
            f"the graph has {nodes:,} nodes, but labels of {task.digits} digits name {labels:,}: "
            "give a smaller graph or a model of more digits."
        )
    rng = np.random.default_rng(seed)
    ends: list[list[int]] = [[] for _ in range(nodes)]
    for start, _, end in edges.edges:
        ends[start].append(end)
    asked = _draw_pairs(rng, ends, pairs, steps)
    if not asked:
        apart = "" if steps is None else f" whose shortest path has {steps} steps"
        raise ValueError(f"the graph has no two nodes{apart}: there is nothing to ask.")
    triples = _lines_at_places(edges.edges) if len(edges.lines) > labels // 10 else edges.edges
    tallies: dict[int | None, SearchTally] = {}
    for first in range(0, len(asked), MAX_SHARED):
        names, adjacency = _name_edges(rng, nodes, triples, task.digits)
        _ask(machine, task, rng, names, adjacency, asked[first : first + MAX_SHARED], tallies)
    return _in_order(tallies)


def score_random_searches(
    machine: Machine, task: Search, *, pairs: int, steps: int | None = None, seed: int = 0
) -> SearchScore:
    """Ask for one way in each of as many random graphs of a task; the rest is as in :func:`score_searches`.

    Raises:
        ValueError: graphs that hardly ever have such a pair, or a number below 1.
    """
    _check(pairs, steps)
    rng = np.random.default_rng(seed)
    tallies: dict[int | None, SearchTally] = {}
    for _ in range(pairs):
        ends, pair = _draw_graph(rng, task, steps)
        names, adjacency = name_graph(rng, ends, task.digits)
        _ask(machine, task, rng, names, adjacency, [pair], tallies)
    return _in_order(tallies)


def _check(pairs: int, steps: int | None) -> None:
    check_whole("pairs", pairs, minimum=1)
    if steps is not None:
        check_whole("steps", steps, minimum=1)


def _ask(
    machine: Machine,
    task: Search,
    rng: np.random.Generator,
    names: list[int],
    adjacency: Adjacency,
    pairs: Sequence[tuple[int, int]],
    tallies: dict[int | None, SearchTally],
) -> None:
    """Tell a machine a graph, ask for the way between each pair of its nodes, and count the right answers."""
    order = [names[node] for node in rng.permutation(len(names))]
    constrained = ToldGraph(machine, task, adjacency, order, constrained=True)
    greedy = constrained.unconstrained()
    for pair in pairs:
        start, target = (names[node] for node in pair)
        wanted = search(adjacency, start, target)
        # The right trace is only a draft, which makes it faster: the answer is the same as without.
        answer = greedy.ask(start, target, wanted)
        right = _is_right(answer, wanted, adjacency)
        # Where all that was said greedily was told, constraining chooses the same again.
        if answer.said == wanted:
            right_constrained = right
        else:
            right_constrained = _is_right(constrained.ask(start, target, wanted), wanted, adjacency)
        tally = tallies.setdefault(len(path_of(wanted)) or None, SearchTally())
        tally.pairs += 1
        tally.right += right
        tally.right_constrained += right_constrained


def _is_right(answer: Answer, wanted: Sequence[Record], adjacency: Adjacency) -> bool:
    """Whether an answer is a shortest path, be it the one wanted or another; or says that there is none."""
    shortest, path = path_of(wanted), answer.path
    if not shortest:
        return answer.unreachable
    told = all((edge, end) in adjacency.get(source, ()) for source, edge, end, _ in path)
    return told and len(path) == len(shortest)


def _in_order(tallies: dict[int | None, SearchTally]) -> SearchScore:
    return SearchScore(dict(sorted(tallies.items(), key=lambda item: (item[0] is None, item[0]))))


def _draw_graph(
    rng: np.random.Generator, task: Search, steps: int | None
) -> tuple[list[list[int]], tuple[int, int]]:
    """A random graph and a pair of its nodes, so many steps apart."""
    for _ in range(TRIES):
        ends = task.graph(rng)
        pairs = _draw_pairs(rng, ends, 1, steps)
        if pairs:
            return ends, pairs[0]
    fixed = task.min_nodes == task.max_nodes
    nodes = f"{task.min_nodes}" if fixed else f"{task.min_nodes} to {task.max_nodes}"
    raise ValueError(
        f"random graphs of {nodes} nodes hardly ever have shortest paths of {steps} steps: ask for fewer."
    )


def _draw_pairs(
    rng: np.random.Generator, ends: list[list[int]], count: int, steps: int | None
) -> list[tuple[int, int]]:
    """``count`` different (start, end), in random order; all, if there are fewer."""
    nodes = len(ends)
    if steps is None:
        total = nodes * (nodes - 1)
        drawn = rng.choice(total, min(count, total), replace=False)
        # Of each start the other nodes in their order.
        found = [divmod(number, nodes - 1) for number in drawn.tolist()]
        return [(start, end + (end >= start)) for start, end in found]
    apart = [np.array(_nodes_apart(ends, start, steps), np.int64) + start * nodes for start in range(nodes)]
    numbers = np.concatenate(apart)
    drawn = rng.choice(numbers, min(count, len(numbers)), replace=False)
    return [divmod(number, nodes) for number in drawn.tolist()]


def _nodes_apart(ends: list[list[int]], start: int, steps: int) -> list[int]:
    """The nodes whose shortest path from ``start`` has exactly so many steps."""
    seen, here = {start}, [start]
    for _ in range(steps):
        here = list(dict.fromkeys(end for node in here for end in ends[node] if end not in seen))
        seen.update(here)
        if not here:
            break
    return here


def _lines_at_places(edges: Sequence[Triple]) -> list[Triple]:
    """The edges under other labels: those that leave a place are numbered from 0."""
    leaving: dict[int, int] = {}
    found = []
    for start, _, end in edges:
        number = leaving.get(start, 0)
        found.append((start, number, end))
        leaving[start] = number + 1
    return found


def _name_edges(
    rng: np.random.Generator, nodes: int, edges: Sequence[Triple], digits: int
) -> tuple[list[int], Adjacency]:
    """Draw names for nodes and labels, and in which order the edges of each node are told."""
    names = draw_names(rng, nodes, digits).tolist()
    labels = draw_names(rng, 1 + max((label for _, label, _ in edges), default=0), digits).tolist()
    adjacency: dict[int, list[tuple[int, int]]] = {name: [] for name in names}
    for place in rng.permutation(len(edges)):
        start, label, end = edges[place]
        adjacency[names[start]].append((labels[label], names[end]))
    return names, adjacency
