"""Random planar graphs and walks on them (DNC Methods, "Graph tasks")."""

import dataclasses
import functools

import numpy as np

DIGITS = 3
"""of an edge's label; of a node's name, in the paper"""
MAX_PERMUTATION = 10_000
TRIES = 1000
"""Graphs to draw at most until one fits, before the sizes are reported as impossible."""


@dataclasses.dataclass(frozen=True)
class Graph:
    """Directed edges with labels; no two edges that leave a node have the same label."""

    edges: tuple[tuple[int, int, int], ...]
    """(source, edge label, destination)"""

    @functools.cached_property
    def leaving(self) -> dict[int, dict[int, int]]:
        """source → edge label → destination"""
        leaving: dict[int, dict[int, int]] = {}
        for source, label, destination in self.edges:
            leaving.setdefault(source, {})[label] = destination
        return leaving

    def edges_from(self, node: int) -> list[tuple[int, int, int]]:
        """The edges that leave a node."""
        return [(node, label, end) for label, end in self.leaving.get(node, {}).items()]


def neighbours(rng: np.random.Generator, nodes: int, min_degree: int, max_degree: int) -> list[list[int]]:
    """Draw nodes uniformly in the unit square and join each to its K nearest, K uniform for each node.

    Returns:
        For each node 0 … ``nodes`` − 1, the nodes its edges lead to, the nearest first.
    """
    places = rng.random((nodes, 2))
    squared = ((places[:, None] - places[None]) ** 2).sum(2)
    np.fill_diagonal(squared, np.inf)
    nearest = squared.argsort(1)
    degrees = rng.integers(min_degree, max_degree + 1, nodes)
    return [nearest[node, : min(degree, nodes - 1)].tolist() for node, degree in enumerate(degrees.tolist())]


def draw_names(rng: np.random.Generator, nodes: int, digits: int = DIGITS) -> list[int]:
    """Draw a different label for each node; not 0, which is kept for the termination pattern."""
    return (_draw(rng, 10**digits - 1, nodes) + 1).tolist()


def draw_labels(rng: np.random.Generator, count: int) -> list[int]:
    """Draw ``count`` different labels of edges."""
    return _draw(rng, 10**DIGITS, count).tolist()


def _draw(rng: np.random.Generator, among: int, count: int) -> np.ndarray:
    """``count`` different numbers below ``among``; a permutation of many millions would take seconds."""
    if among <= MAX_PERMUTATION:
        return rng.permutation(among)[:count]
    return rng.choice(among, count, replace=False, shuffle=False)


def random_graph(
    rng: np.random.Generator, nodes: int, min_degree: int, max_degree: int, digits: int = DIGITS
) -> Graph:
    """Draw a graph for traversal and shortest path: it has as many edge labels as nodes, used many times."""
    ends = neighbours(rng, nodes, min_degree, max_degree)
    names = draw_names(rng, nodes, digits)
    labels = draw_labels(rng, nodes)
    edges = [
        (names[node], labels[label], names[end])
        for node, leaving in enumerate(ends)
        for label, end in zip(rng.permutation(nodes)[: len(leaving)].tolist(), leaving)
    ]
    return Graph(tuple(edges))


def random_walk(rng: np.random.Generator, graph: Graph, start: int, steps: int) -> list[tuple[int, int, int]]:
    """Draw a walk as triples; shorter than ``steps`` if it reaches a node that no edge leaves."""
    walk: list[tuple[int, int, int]] = []
    here = start
    while len(walk) < steps and here in graph.leaving:
        leaving = list(graph.leaving[here].items())
        label, end = leaving[int(rng.integers(len(leaving)))]
        walk.append((here, label, end))
        here = end
    return walk
