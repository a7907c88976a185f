"""The inference task: relations that stand for paths of edges; their definitions are never an input."""

import dataclasses
import functools
import itertools
from typing import ClassVar

import numpy as np

from ..base import check_range, check_whole
from ..registry import register
from .episode import BLANK, GraphEpisode, GraphTask, Triple
from .graphs import TRIES, draw_names, neighbours

NUM_EDGE_LABELS = 10
"""Labels 0 to 9 are edges; the labels from 10 on are relations."""
RELATIONS_PER_LENGTH = 100

FAMILY_EDGES = ("mother", "father", "spouse", "eldest child", "next sibling")
"""The meaning of the labels 0 to 4 in a family tree; the labels 5 to 9 do not occur there."""


@functools.cache
def relations() -> tuple[tuple[int, ...], ...]:
    """The 400 fixed relations, 100 each of the lengths 2, 3, 4 and 5: relation r has the label 10 + r.

    The paper does not print its relations. Ours: all 100 pairs of edges; from length 3 on half are drawn from
    all ten edges and half from the five of a family tree.
    """
    rng = np.random.default_rng(2016)
    found: list[tuple[int, ...]] = list(itertools.product(range(NUM_EDGE_LABELS), repeat=2))
    for length in (3, 4, 5):
        drawn: dict[tuple[int, ...], None] = {}
        while len(drawn) < RELATIONS_PER_LENGTH:
            edges = NUM_EDGE_LABELS if len(drawn) < RELATIONS_PER_LENGTH // 2 else len(FAMILY_EDGES)
            drawn[tuple(rng.integers(0, edges, length).tolist())] = None
        found += sorted(drawn)
    return tuple(found)


@functools.cache
def relations_of(length: int) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """(label, edges) of the relations of this length; length 1: the edges themselves."""
    if length == 1:
        return tuple((edge, (edge,)) for edge in range(NUM_EDGE_LABELS))
    return tuple((NUM_EDGE_LABELS + r, edges) for r, edges in enumerate(relations()) if len(edges) == length)


@register
@dataclasses.dataclass(frozen=True)
class Inference(GraphTask):
    """Name the node at the end of a relation's path from a node (DNC Methods, "Inference").

    The inputs are the edges of a random graph. Each query is (start, relation, _); after ``planning_steps``
    steps without input the answer is one triple: (start, relation, node at the end of the relation's path).
    """

    name: ClassVar[str] = "inference"
    sizes: ClassVar[tuple[str, ...]] = ("nodes", "degree", "path")

    min_nodes: int = 20
    max_nodes: int = 25
    min_degree: int = 2
    """edges that leave a node"""
    max_degree: int = 4
    min_path: int = 2
    max_path: int = 5
    """edges in a relation; 1: the edge itself"""
    queries: int = 3
    planning_steps: int = 10
    scratchpad: bool = False
    """also ask for the triples of the path, in the planning steps, which speeds up training"""

    def __post_init__(self) -> None:
        check_range(self, "nodes", minimum=2)
        check_range(self, "degree")
        check_range(self, "path")
        check_whole("queries", self.queries, minimum=1)
        check_whole("planning_steps", self.planning_steps, minimum=0)
        if self.max_path > 5:
            raise ValueError(f"max_path is {self.max_path}: the longest relations have 5 edges.")
        if self.max_degree > NUM_EDGE_LABELS:
            raise ValueError(f"max_degree is {self.max_degree}: there are {NUM_EDGE_LABELS} edge labels.")
        if self.scratchpad and self.planning_steps < self.max_path:
            raise ValueError(
                f"planning_steps is {self.planning_steps}: scratchpad needs one for each of "
                f"{self.max_path} edges."
            )

    def draw_episode(self, rng: np.random.Generator) -> GraphEpisode:
        """Draw an episode."""
        for _ in range(TRIES):
            drawn = self._draw(rng)
            if drawn is not None:
                edges, asked = drawn
                return inference_episode(rng, edges, asked, self.planning_steps, scratchpad=self.scratchpad)
        raise ValueError(
            f"{self.queries} relations of {self.min_path} edges or more hardly ever fit into a graph "
            f"of up to {self.max_nodes} nodes: give fewer queries or larger graphs."
        )

    def _draw(self, rng: np.random.Generator) -> tuple[list[Triple], list[tuple[int, list[Triple]]]] | None:
        """Edges, and (relation, the triples of its path) for each query; None when they do not fit."""
        nodes = int(rng.integers(self.min_nodes, self.max_nodes + 1))
        ends = neighbours(rng, nodes, self.min_degree, self.max_degree)
        labels: list[dict[int, int]] = [{} for _ in range(nodes)]  # edge label → destination
        unlabelled = [list(leaving) for leaving in ends]
        paths: list[tuple[int, list[Triple]]] = []
        for _ in range(self.queries):
            for _ in range(30):
                length = int(rng.integers(self.min_path, self.max_path + 1))
                choices = relations_of(length)
                relation, path = choices[int(rng.integers(len(choices)))]
                found = _label_path(rng, path, int(rng.integers(nodes)), labels, unlabelled)
                if found is not None:
                    paths.append((relation, found))
                    break
            else:
                return None
        for node, rest in enumerate(unlabelled):
            free = [label for label in range(NUM_EDGE_LABELS) if label not in labels[node]]
            for label, end in zip(rng.permutation(free).tolist(), rest):
                labels[node][label] = end
        names = draw_names(rng, nodes)
        edges = [
            (names[node], label, names[end])
            for node, leaving in enumerate(labels)
            for label, end in leaving.items()
        ]
        named = [(relation, [(names[a], e, names[b]) for a, e, b in path]) for relation, path in paths]
        return edges, named


def _label_path(
    rng: np.random.Generator,
    path: tuple[int, ...],
    start: int,
    labels: list[dict[int, int]],
    unlabelled: list[list[int]],
) -> list[Triple] | None:
    """The triples of a relation's path from ``start``, labelling edges as needed; None if there is none."""
    here = start
    triples: list[Triple] = []
    new: dict[tuple[int, int], int] = {}
    for label in path:
        end = labels[here].get(label, new.get((here, label)))
        if end is None:
            taken = {e for (node, _), e in new.items() if node == here}
            free = [e for e in unlabelled[here] if e not in taken]
            if not free:
                return None
            end = new[here, label] = free[int(rng.integers(len(free)))]
        triples.append((here, label, end))
        here = end
    for (node, label), end in new.items():
        labels[node][label] = end
        unlabelled[node].remove(end)
    return triples


def inference_episode(
    rng: np.random.Generator,
    edges: list[Triple],
    asked: list[tuple[int, list[Triple]]],
    planning_steps: int,
    *,
    scratchpad: bool = False,
) -> GraphEpisode:
    """An episode: the edges in random order, then a query for each (relation, triples of its path)."""
    episode = GraphEpisode()
    episode.add_inputs([edges[i] for i in rng.permutation(len(edges))])
    for relation, path in asked:
        start, end = path[0][0], path[-1][2]
        episode.begin_phase()
        episode.add_inputs([(start, relation, BLANK)])
        if scratchpad:
            episode.targets += [(len(episode.rows) + k, triple) for k, triple in enumerate(path)]
        episode.add_planning_steps(planning_steps)
        episode.add_answer((start, relation, end))
    return episode
