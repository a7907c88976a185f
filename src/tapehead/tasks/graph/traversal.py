"""The traversal task: where a walk along named edges leads."""

import dataclasses
from typing import ClassVar

import numpy as np

from ..base import check_range
from ..registry import register
from .episode import BLANK, TERMINATION, Episode, GraphTask, Triple
from .graphs import Graph, random_graph, random_walk


@register
@dataclasses.dataclass(frozen=True)
class Traversal(GraphTask):
    """Follow edges by name from a node; answer with the complete triples (DNC Methods, "Traversal").

    A random graph is told edge by edge, in random order. The query is (source, edge, _), then (_, edge, _)
    for every further step; the answer, without input, is (source, edge, destination) for every step, then the
    termination pattern.
    """

    name: ClassVar[str] = "traversal"
    sizes: ClassVar[tuple[str, ...]] = ("nodes", "degree", "path")

    min_nodes: int = 10
    max_nodes: int = 40
    min_degree: int = 2
    """edges that leave a node"""
    max_degree: int = 6
    min_path: int = 1
    max_path: int = 20
    """steps of the walk"""
    rehearse: bool = False
    """ask for each triple while the query is told, too: a help in training"""

    def __post_init__(self) -> None:
        check_range(self, "nodes", least=2)
        check_range(self, "degree")
        check_range(self, "path")

    def question(self, chance: np.random.Generator) -> tuple[Graph, list[Triple]]:
        """Draw a graph and a walk."""
        nodes = int(chance.integers(self.min_nodes, self.max_nodes + 1))
        graph = random_graph(chance, nodes, self.min_degree, self.max_degree)
        start = graph.edges[int(chance.integers(len(graph.edges)))][0]
        steps = int(chance.integers(self.min_path, self.max_path + 1))
        return graph, random_walk(chance, graph, start, steps)

    def episode(self, chance: np.random.Generator) -> Episode:
        graph, walk = self.question(chance)
        return traversal_episode(chance, graph, walk, rehearse=self.rehearse)


def traversal_episode(
    chance: np.random.Generator, graph: Graph, walk: list[Triple], *, rehearse: bool = False
) -> Episode:
    """Tell a graph in random order, ask for a walk."""
    episode = Episode()
    episode.tell([graph.edges[i] for i in chance.permutation(len(graph.edges))])
    episode.phase()
    for step, (source, label, _) in enumerate(walk):
        if rehearse:
            episode.targets.append((len(episode.rows), walk[step]))
        episode.tell([(source if step == 0 else BLANK, label, BLANK)])
    episode.phase()
    for triple in [*walk, TERMINATION]:
        episode.ask(triple)
    return episode
