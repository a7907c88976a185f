"""Random planar graphs and walks on them (DNC Methods, "Graph tasks")."""

import dataclasses

import numpy as np

LABELS = 1000
"""Labels are 0 to 999; 0 is kept for the termination pattern, so nodes go by 1 to 999."""
TRIES = 1000
"""Graphs drawn in search of one that has what is asked for, before the sizes are called impossible."""


@dataclasses.dataclass(frozen=True)
class Graph:
    """Directed edges with labels; no two edges that leave a node have the same label."""

    edges: tuple[tuple[int, int, int], ...]
    """(source, label, destination), all by their labels"""

    def __post_init__(self) -> None:
        leaving: dict[int, dict[int, int]] = {}
        for source, label, destination in self.edges:
            leaving.setdefault(source, {})[label] = destination
        object.__setattr__(self, "leaving", leaving)

    leaving: dict[int, dict[int, int]] = dataclasses.field(init=False, repr=False, compare=False)
    """source → edge label → destination"""

    def edges_from(self, node: int) -> list[tuple[int, int, int]]:
        """The edges that leave a node."""
        return [(node, label, end) for label, end in self.leaving.get(node, {}).items()]


def neighbours(chance: np.random.Generator, nodes: int, min_degree: int, max_degree: int) -> list[list[int]]:
    """Nodes uniform in the unit square, each joined to its K nearest, K uniform for every node.

    Returns:
        Of every node 0 … ``nodes`` − 1, the nodes its edges lead to, the nearest first.
    """
    places = chance.random((nodes, 2))
    squared = ((places[:, None] - places[None]) ** 2).sum(2)
    np.fill_diagonal(squared, np.inf)
    nearest = squared.argsort(1)
    degrees = chance.integers(min_degree, max_degree + 1, nodes)
    return [nearest[node, : min(degree, nodes - 1)].tolist() for node, degree in enumerate(degrees.tolist())]


def draw_names(chance: np.random.Generator, nodes: int) -> list[int]:
    """A label of its own for every node, from 1 to 999."""
    return (chance.permutation(LABELS - 1)[:nodes] + 1).tolist()


def random_graph(chance: np.random.Generator, nodes: int, min_degree: int, max_degree: int) -> Graph:
    """A graph for traversal and shortest path: as many edge labels as nodes, used again across the graph."""
    ends = neighbours(chance, nodes, min_degree, max_degree)
    names = draw_names(chance, nodes)
    labels = chance.permutation(LABELS)[:nodes].tolist()
    edges = [
        (names[node], labels[label], names[end])
        for node, leaving in enumerate(ends)
        for label, end in zip(chance.permutation(nodes)[: len(leaving)].tolist(), leaving)
    ]
    return Graph(tuple(edges))


def random_walk(
    chance: np.random.Generator, graph: Graph, start: int, steps: int
) -> list[tuple[int, int, int]]:
    """Triples of a random walk; shorter than ``steps`` if it comes to a node that no edge leaves."""
    walk: list[tuple[int, int, int]] = []
    here = start
    while len(walk) < steps and here in graph.leaving:
        leaving = list(graph.leaving[here].items())
        label, end = leaving[int(chance.integers(len(leaving)))]
        walk.append((here, label, end))
        here = end
    return walk
