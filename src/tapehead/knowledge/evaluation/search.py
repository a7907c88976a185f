"""How often a machine finds a shortest way by breadth-first search, on a given graph or on random ones."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from ...tasks.base import check_whole
from ...tasks.graph import Search
from ...tasks.graph.episode import Triple
from ...tasks.graph.graphs import TRIES
from ...tasks.graph.search_decode import Answer, Machine, ToldGraph
from ...tasks.graph.search_graphs import draw_distant_names, name_graph
from ...tasks.graph.search_trace import Adjacency, Record, path_of, search
from ..graph import Edges
from ..inference.search import MAX_EDGES
from ..inference.subdivide import Subdivision, room_for, subdivide
from ..solver import lightest_edges

if TYPE_CHECKING:
    import networkx

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
    divided: Subdivision | None = None
    """how weights were told, if they were; then the steps are those of one unit"""

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
    nodes = len(edges.places)
    _check_names(nodes, task)
    rng = np.random.default_rng(seed)
    ends: list[list[int]] = [[] for _ in range(nodes)]
    for start, _, end in edges.edges:
        ends[start].append(end)
    asked = _draw_pairs(rng, ends, pairs, steps)
    if not asked:
        apart = "" if steps is None else f" whose shortest path has {steps} steps"
        raise ValueError(f"the graph has no two nodes{apart}: there is nothing to ask.")
    triples = _few_labels(edges.edges, len(edges.lines), task)
    tallies: dict[int | None, SearchTally] = {}
    for first in range(0, len(asked), MAX_SHARED):
        names, _, adjacency = _name_edges(rng, nodes, triples, task.digits)
        _ask(machine, task, rng, names, adjacency, asked[first : first + MAX_SHARED], tallies)
    return in_order(tallies)


def score_weighted_searches(
    machine: Machine,
    task: Search,
    edges: Edges,
    weights: Sequence[Fraction],
    *,
    pairs: int,
    seed: int = 0,
) -> SearchScore:
    """Ask for the ways of least weight between random nodes; the rest is as in :func:`score_searches`.

    An answer is right if no path weighs less by the weights given, not by the units that are told.

    Args:
        machine: trained on ``task``.
        task: search.
        edges: the graph.
        weights: of its edges, in their order; at least 0.
        pairs: ordered pairs of different nodes; at most all that there are, each once.
        seed: of the pairs and of the names.

    Raises:
        ValueError: no two nodes, more nodes than labels, more edges than are told, or a number below 1.
    """
    _check(pairs, None)
    nodes = len(edges.places)
    _check_names(nodes, task)
    if len(edges.edges) > MAX_EDGES:
        raise ValueError(
            f"the graph has {len(edges.edges):,} edges, but with weights {MAX_EDGES:,} are told at most: "
            "give a smaller graph."
        )
    rng = np.random.default_rng(seed)
    asked = _draw_pairs(rng, [[] for _ in range(nodes)], pairs, None)
    if not asked:
        raise ValueError("the graph has no two nodes: there is nothing to ask.")
    room = room_for(task.digits, nodes, len(edges.edges), MAX_EDGES)
    divided = subdivide(edges.edges, weights, places=nodes, onward=len(edges.lines), waypoints=room)
    triples = _few_labels(divided.edges, 1 + len(edges.lines), task)
    net = lightest_edges(edges, weights)
    tallies: dict[int | None, SearchTally] = {}
    for first in range(0, len(asked), MAX_SHARED):
        names, labels, adjacency = _name_edges(rng, nodes + len(divided.waypoints), triples, task.digits)
        weight_of = {
            (names[a], labels[line], names[b]): weight for (a, line, b), weight in zip(triples, weights)
        }
        is_right = functools.partial(_is_lightest, adjacency, net, weight_of)
        _ask(machine, task, rng, names, adjacency, asked[first : first + MAX_SHARED], tallies, is_right)
    return dataclasses.replace(in_order(tallies), divided=divided)


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
        names, adjacency = name_graph(rng, ends, task.digits, draw=draw_distant_names)
        _ask(machine, task, rng, names, adjacency, [pair], tallies)
    return in_order(tallies)


def _check(pairs: int, steps: int | None) -> None:
    check_whole("pairs", pairs, minimum=1)
    if steps is not None:
        check_whole("steps", steps, minimum=1)


def _check_names(nodes: int, task: Search) -> None:
    labels = 10**task.digits
    if nodes > labels:
        raise ValueError(
            f"the graph has {nodes:,} nodes, but labels of {task.digits} digits name {labels:,}: "
            "give a smaller graph or a model of more digits."
        )


Check = Callable[[tuple[int, int], Answer, Sequence[Record]], bool]
"""Whether an answer about a pair of nodes is right, given their names' right trace."""


def _ask(
    machine: Machine,
    task: Search,
    rng: np.random.Generator,
    names: list[int],
    adjacency: Adjacency,
    pairs: Sequence[tuple[int, int]],
    tallies: dict[int | None, SearchTally],
    is_right: Check | None = None,
) -> None:
    """Tell a machine a graph, ask for the way between each pair of its nodes, and count the right answers."""
    check = is_right or functools.partial(_is_shortest, adjacency)
    order = [names[node] for node in rng.permutation(len(names))]
    constrained = ToldGraph(machine, task, adjacency, order, constrained=True)
    greedy = constrained.unconstrained()
    for pair in pairs:
        start, target = (names[node] for node in pair)
        wanted = search(adjacency, start, target)
        # The right trace is only a draft, which makes it faster: the answer is the same as without.
        answer = greedy.ask(start, target, wanted)
        right = check(pair, answer, wanted)
        # Where all that was said greedily was told, constraining chooses the same again.
        if answer.said == wanted:
            right_constrained = right
        else:
            right_constrained = check(pair, constrained.ask(start, target, wanted), wanted)
        tally = tallies.setdefault(len(path_of(wanted)) or None, SearchTally())
        tally.pairs += 1
        tally.right += right
        tally.right_constrained += right_constrained


def _is_shortest(adjacency: Adjacency, _: tuple[int, int], answer: Answer, wanted: Sequence[Record]) -> bool:
    """Whether an answer is a shortest path, be it the one wanted or another; or says that there is none."""
    shortest = path_of(wanted)
    if not shortest:
        return answer.unreachable
    return _is_told(adjacency, answer.path) and len(answer.path) == len(shortest)


def _is_lightest(
    adjacency: Adjacency,
    net: "networkx.DiGraph",
    weight_of: Mapping[tuple[int, int, int], Fraction],
    pair: tuple[int, int],
    answer: Answer,
    wanted: Sequence[Record],
) -> bool:
    """Whether an answer is a path of least weight, or says that there is none."""
    import networkx

    if not path_of(wanted):
        return answer.unreachable
    # A connection counts where it leaves a place; from a waypoint on there is nothing to add.
    weight = sum(weight_of.get(record[:3], 0) for record in answer.path)
    told = bool(answer.path) and _is_told(adjacency, answer.path)
    return told and weight == networkx.dijkstra_path_length(net, *pair)


def _is_told(adjacency: Adjacency, path: Sequence[Record]) -> bool:
    return all((edge, end) in adjacency.get(source, ()) for source, edge, end, _ in path)


def in_order(tallies: dict[int | None, SearchTally]) -> SearchScore:
    """The score of these tallies by the length of the shortest path; None: there is none."""
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


def _few_labels(edges: Sequence[Triple], lines: int, task: Search) -> Sequence[Triple]:
    """The edges, under other labels if there are not so many labels that are easy to tell apart."""
    return _lines_at_places(edges) if lines > 9 * 10 ** (task.digits - 2) else edges


def _name_edges(
    rng: np.random.Generator, nodes: int, edges: Sequence[Triple], digits: int
) -> tuple[list[int], list[int], Adjacency]:
    """Draw names for nodes, labels, and in which order the edges of each node are told."""
    names = draw_distant_names(rng, nodes, digits).tolist()
    labels = draw_distant_names(rng, 1 + max((label for _, label, _ in edges), default=0), digits).tolist()
    adjacency: dict[int, list[tuple[int, int]]] = {name: [] for name in names}
    for place in rng.permutation(len(edges)):
        start, label, end = edges[place]
        adjacency[names[start]].append((labels[label], names[end]))
    return names, labels, adjacency
