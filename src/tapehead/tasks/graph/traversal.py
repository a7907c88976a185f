"""The traversal task: follow named edges from a node."""

import dataclasses
from typing import ClassVar

import numpy as np

from ..base import check_range
from ..registry import register
from .episode import BLANK, TERMINATION, GraphEpisode, GraphTask, Triple
from .graphs import Graph, random_graph, random_walk


@register
@dataclasses.dataclass(frozen=True)
class Traversal(GraphTask):
    """Follow edges by label from a node; answer with the complete triples (DNC Methods, "Traversal").

    The inputs are the edges of a random graph, in random order. The query is (source, edge, _), then (_,
    edge, _) for every further step; the answer, without input, is (source, edge, destination) for every step,
    then the termination pattern.
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
    supervise_query: bool = False
    """also ask for each triple during the query, which speeds up training"""

    def __post_init__(self) -> None:
        check_range(self, "nodes", minimum=2)
        check_range(self, "degree")
        check_range(self, "path")

    def question(self, rng: np.random.Generator) -> tuple[Graph, list[Triple]]:
        """Draw a graph and a walk."""
        nodes = int(rng.integers(self.min_nodes, self.max_nodes + 1))
        graph = random_graph(rng, nodes, self.min_degree, self.max_degree)
        start = graph.edges[int(rng.integers(len(graph.edges)))][0]
        steps = int(rng.integers(self.min_path, self.max_path + 1))
        return graph, random_walk(rng, graph, start, steps)

    def draw_episode(self, rng: np.random.Generator) -> GraphEpisode:
        """Draw an episode."""
        graph, walk = self.question(rng)
        return traversal_episode(rng, graph, walk, supervise_query=self.supervise_query)


def traversal_episode(
    rng: np.random.Generator, graph: Graph, walk: list[Triple], *, supervise_query: bool = False
) -> GraphEpisode:
    """The episode of a walk: the edges of ``graph`` in random order, the query, the answer."""
    episode = GraphEpisode()
    episode.add_inputs([graph.edges[i] for i in rng.permutation(len(graph.edges))])
    episode.begin_phase()
    for step, (source, label, _) in enumerate(walk):
        if supervise_query:
            episode.targets.append((len(episode.rows), walk[step]))
        episode.add_inputs([(source if step == 0 else BLANK, label, BLANK)])
    episode.begin_phase()
    for triple in [*walk, TERMINATION]:
        episode.add_answer(triple)
    return episode
