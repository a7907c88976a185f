"""Episodes on a fixed graph, such as a real map: the labels are drawn anew for each episode."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from .episode import GraphEpisode, Triple
from .graphs import DIGITS, Graph, draw_labels, draw_names, random_walk
from .inference import inference_episode
from .shortest_path import distances
from .traversal import traversal_episode


@dataclasses.dataclass(frozen=True)
class FixedGraph:
    """A graph of numbered nodes 0, 1, … and numbered edge labels 0, 1, …

    Raises:
        ValueError: more nodes or labels than there are numbers, or two edges of one label from a node.
    """

    edges: tuple[Triple, ...]
    """(source node, label, destination node)"""

    def __post_init__(self) -> None:
        if not self.edges:
            raise ValueError("the graph has no edges: give at least one.")
        nodes, labels = 1 + max(max(a, b) for a, _, b in self.edges), 1 + max(e for _, e, _ in self.edges)
        if nodes >= 10**DIGITS or labels > 10**DIGITS:
            raise ValueError(f"the graph has {nodes} nodes and {labels} labels: 999 and 1,000 fit.")
        if len({(a, e) for a, e, _ in self.edges}) < len(self.edges):
            raise ValueError(
                "two edges leave a node under one label: give each edge a label of its own there."
            )

    @property
    def nodes(self) -> int:
        """The number of nodes."""
        return 1 + max(max(a, b) for a, _, b in self.edges)

    def name(
        self, rng: np.random.Generator, *, keep_labels: bool = False, digits: int = DIGITS
    ) -> "NamedGraph":
        """Draw names for the nodes and, unless ``keep_labels``, for the edge labels.

        Args:
            rng: the source of random numbers.
            keep_labels: keep the numbers of the edge labels; the inference task gives them a meaning.
            digits: of a node's name.
        """
        labels = 1 + max(e for _, e, _ in self.edges)
        nodes = draw_names(rng, self.nodes, digits)
        named = list(range(labels)) if keep_labels else draw_labels(rng, labels)
        return NamedGraph(
            Graph(tuple((nodes[a], named[e], nodes[b]) for a, e, b in self.edges)), nodes, named
        )

    def walk(self, rng: np.random.Generator, steps: int) -> list[Triple]:
        """Draw a walk of exactly ``steps`` steps, in the graph's own numbers.

        Raises:
            ValueError: no node has such a walk.
        """
        graph = Graph(self.edges)
        sources = list(graph.leaving)
        for _ in range(1000):
            walk = random_walk(rng, graph, sources[int(rng.integers(len(sources)))], steps)
            if len(walk) == steps:
                return walk
        raise ValueError(
            f"the graph has no walk of {steps} steps: every walk ends at a node that no edge leaves."
        )

    def traversal(
        self, rng: np.random.Generator, walk: Sequence[Triple]
    ) -> tuple[GraphEpisode, "NamedGraph"]:
        """The episode of a walk from :meth:`walk`, with names drawn anew."""
        named = self.name(rng)
        return traversal_episode(rng, named.graph, named.triples(walk)), named

    def distances(self, end: int) -> dict[int, int]:
        """The number of edges of the shortest path to ``end``, for every node that has a path to it."""
        return distances(Graph(self.edges), end)

    def pairs(self, steps: int) -> list[tuple[int, int]]:
        """All (start, end) whose shortest path has exactly ``steps`` edges."""
        return [
            (start, end)
            for end in range(self.nodes)
            for start, distance in self.distances(end).items()
            if distance == steps
        ]

    def relation_paths(
        self, relations: Sequence[tuple[int, tuple[int, ...]]]
    ) -> list[tuple[int, list[Triple]]]:
        """All paths of these relations in the graph, as (label of the relation, triples of the path)."""
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
        rng: np.random.Generator,
        asked: tuple[int, list[Triple]],
        planning_steps: int,
    ) -> tuple[GraphEpisode, "NamedGraph"]:
        """The episode of one query for a path from :meth:`relation_paths`, with node names drawn anew."""
        named = self.name(rng, keep_labels=True)
        relation, path = asked
        queries = [(relation, named.triples(path))]
        return inference_episode(rng, list(named.graph.edges), queries, planning_steps), named


@dataclasses.dataclass(frozen=True)
class NamedGraph:
    """A fixed graph with the names that one episode uses."""

    graph: Graph
    nodes: list[int]
    """the name of each node number"""
    labels: list[int]
    """the name of each label number"""

    def triples(self, triples: Sequence[Triple]) -> list[Triple]:
        """Triples of the fixed graph, translated to the names of the episode."""
        return [(self.nodes[a], self.labels[e], self.nodes[b]) for a, e, b in triples]
