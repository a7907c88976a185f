"""Episodes on a graph that is given, such as a real map: labels are drawn anew for every episode."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from .episode import Episode, Triple
from .graphs import LABELS, Graph, draw_names, random_walk
from .inference import inference_episode
from .shortest_path import distances
from .traversal import traversal_episode


@dataclasses.dataclass(frozen=True)
class GivenGraph:
    """A graph of numbered nodes 0, 1, … and numbered edge labels 0, 1, …

    Raises:
        ValueError: more nodes or labels than there are numbers, or two edges of one label from a node.
    """

    edges: tuple[Triple, ...]
    """(node, label, node)"""

    def __post_init__(self) -> None:
        if not self.edges:
            raise ValueError("the graph has no edges: give at least one.")
        nodes, labels = 1 + max(max(a, b) for a, _, b in self.edges), 1 + max(e for _, e, _ in self.edges)
        if nodes >= LABELS or labels > LABELS:
            raise ValueError(f"the graph has {nodes} nodes and {labels} labels: 999 and 1,000 fit.")
        if len({(a, e) for a, e, _ in self.edges}) < len(self.edges):
            raise ValueError(
                "two edges leave a node under one label: give each edge a label of its own there."
            )

    @property
    def nodes(self) -> int:
        """How many nodes there are."""
        return 1 + max(max(a, b) for a, _, b in self.edges)

    def name(self, chance: np.random.Generator, *, keep_labels: bool = False) -> "NamedGraph":
        """Draw names for the nodes and, but for inference, for the edge labels."""
        labels = 1 + max(e for _, e, _ in self.edges)
        nodes = draw_names(chance, self.nodes)
        named = list(range(labels)) if keep_labels else chance.permutation(LABELS)[:labels].tolist()
        return NamedGraph(
            Graph(tuple((nodes[a], named[e], nodes[b]) for a, e, b in self.edges)), nodes, named
        )

    def walk(self, chance: np.random.Generator, steps: int) -> list[Triple]:
        """A random walk of exactly so many steps, in the graph's own numbers.

        Raises:
            ValueError: no node has such a walk.
        """
        graph = Graph(self.edges)
        sources = list(graph.leaving)
        for _ in range(1000):
            walk = random_walk(chance, graph, sources[int(chance.integers(len(sources)))], steps)
            if len(walk) == steps:
                return walk
        raise ValueError(
            f"the graph has no walk of {steps} steps: every one ends at a node without a way on."
        )

    def traversal(self, chance: np.random.Generator, walk: Sequence[Triple]) -> tuple[Episode, "NamedGraph"]:
        """A walk from :meth:`walk` as an episode, under new names."""
        named = self.name(chance)
        return traversal_episode(chance, named.graph, named.triples(walk)), named

    def away(self, end: int) -> dict[int, int]:
        """Steps of the shortest path to ``end`` from every node that has one."""
        return distances(Graph(self.edges), end)

    def pairs(self, steps: int) -> list[tuple[int, int]]:
        """All (from, to) whose shortest path has exactly so many edges."""
        return [
            (start, end)
            for end in range(self.nodes)
            for start, distance in self.away(end).items()
            if distance == steps
        ]

    def relation_paths(
        self, relations: Sequence[tuple[int, tuple[int, ...]]]
    ) -> list[tuple[int, list[Triple]]]:
        """Every (relation's label, triples of its path) that the graph has from any node."""
        graph = Graph(self.edges)
        found = []
        for relation, path in relations:
            for start in graph.leaving:
                here, triples = start, []
                for label in path:
                    end = graph.leaving.get(here, {}).get(label)
                    if end is None:
                        break
                    triples.append((here, label, end))
                    here = end
                else:
                    found.append((relation, triples))
        return found

    def inference(
        self,
        chance: np.random.Generator,
        asked: tuple[int, list[Triple]],
        planning_steps: int,
    ) -> tuple[Episode, "NamedGraph"]:
        """One query for a path from ``relation_paths`` as an episode, under new names."""
        named = self.name(chance, keep_labels=True)
        relation, path = asked
        queries = [(relation, named.triples(path))]
        return inference_episode(chance, list(named.graph.edges), queries, planning_steps), named


@dataclasses.dataclass(frozen=True)
class NamedGraph:
    """A given graph under the names of one episode."""

    graph: Graph
    nodes: list[int]
    """name of every node number"""
    labels: list[int]
    """name of every label number"""

    def triples(self, triples: Sequence[Triple]) -> list[Triple]:
        """Triples of the given graph under the names of the episode."""
        return [(self.nodes[a], self.labels[e], self.nodes[b]) for a, e, b in triples]
