"""The inference task: relations that are paths of edges, learned and never shown."""

import dataclasses
import functools
import itertools
from typing import ClassVar

import numpy as np

from ..base import check_range, check_whole
from ..registry import register
from .episode import BLANK, Episode, GraphTask, Triple
from .graphs import TRIES, draw_names, neighbours

SINGLE = 10
"""Labels 0 to 9 are edges; the labels from 10 on are relations."""
RELATIONS_A_LENGTH = 100

FAMILY_EDGES = ("mother", "father", "spouse", "eldest child", "next sibling")
"""What the labels 0 to 4 mean in a family tree; the labels 5 to 9 do not occur there."""


@functools.cache
def relations() -> tuple[tuple[int, ...], ...]:
    """The 400 fixed relations, 100 each of the lengths 2, 3, 4 and 5: relation r has the label 10 + r.

    The paper does not print its own. Ours: all 100 pairs of edges; from length 3 on half are drawn from all
    ten edges and half from the five of a family tree.
    """
    chance = np.random.default_rng(2016)
    found: list[tuple[int, ...]] = list(itertools.product(range(SINGLE), repeat=2))
    for length in (3, 4, 5):
        drawn: dict[tuple[int, ...], None] = {}
        while len(drawn) < RELATIONS_A_LENGTH:
            edges = SINGLE if len(drawn) < RELATIONS_A_LENGTH // 2 else len(FAMILY_EDGES)
            drawn[tuple(chance.integers(0, edges, length).tolist())] = None
        found += sorted(drawn)
    return tuple(found)


@functools.cache
def relations_of(length: int) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """(label, edges) of the relations of this length; length 1: the edges themselves."""
    if length == 1:
        return tuple((edge, (edge,)) for edge in range(SINGLE))
    return tuple((SINGLE + r, edges) for r, edges in enumerate(relations()) if len(edges) == length)


@register
@dataclasses.dataclass(frozen=True)
class Inference(GraphTask):
    """Name what stands in a relation to a node (DNC Methods, "Inference").

    A random graph is told edge by edge. Each query is (start, relation, _); after ``planning_steps`` steps
    without input one triple is asked for: (start, relation, the node at the end of the relation's path).
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
    aloud: bool = False
    """ask for the triples of the path in the planning steps, too: a help in training"""

    def __post_init__(self) -> None:
        check_range(self, "nodes", least=2)
        check_range(self, "degree")
        check_range(self, "path")
        check_whole("queries", self.queries, least=1)
        check_whole("planning_steps", self.planning_steps, least=0)
        if self.max_path > 5:
            raise ValueError(f"max_path is {self.max_path}: the longest relations have 5 edges.")
        if self.max_degree > SINGLE:
            raise ValueError(f"max_degree is {self.max_degree}: there are {SINGLE} edge labels.")
        if self.aloud and self.planning_steps < self.max_path:
            raise ValueError(
                f"planning_steps is {self.planning_steps}: thinking aloud takes a step for each of "
                f"{self.max_path} edges."
            )

    def episode(self, chance: np.random.Generator) -> Episode:
        for _ in range(TRIES):
            drawn = self._draw(chance)
            if drawn is not None:
                edges, asked = drawn
                return inference_episode(chance, edges, asked, self.planning_steps, aloud=self.aloud)
        raise ValueError(
            f"{self.queries} relations of {self.min_path} edges or more hardly ever fit into a graph "
            f"of up to {self.max_nodes} nodes: give fewer queries or larger graphs."
        )

    def _draw(
        self, chance: np.random.Generator
    ) -> tuple[list[Triple], list[tuple[int, list[Triple]]]] | None:
        """Edges, and (relation, the triples of its path) for each query; None when they do not fit."""
        nodes = int(chance.integers(self.min_nodes, self.max_nodes + 1))
        ends = neighbours(chance, nodes, self.min_degree, self.max_degree)
        labels: list[dict[int, int]] = [{} for _ in range(nodes)]  # edge label → destination
        unlabelled = [list(leaving) for leaving in ends]
        paths: list[tuple[int, list[Triple]]] = []
        for _ in range(self.queries):
            for _ in range(30):
                length = int(chance.integers(self.min_path, self.max_path + 1))
                choices = relations_of(length)
                relation, path = choices[int(chance.integers(len(choices)))]
                found = _lay(chance, path, int(chance.integers(nodes)), labels, unlabelled)
                if found is not None:
                    paths.append((relation, found))
                    break
            else:
                return None
        for node, rest in enumerate(unlabelled):
            free = [label for label in range(SINGLE) if label not in labels[node]]
            for label, end in zip(chance.permutation(free).tolist(), rest):
                labels[node][label] = end
        names = draw_names(chance, nodes)
        edges = [
            (names[node], label, names[end])
            for node, leaving in enumerate(labels)
            for label, end in leaving.items()
        ]
        named = [(relation, [(names[a], e, names[b]) for a, e, b in path]) for relation, path in paths]
        return edges, named


def _lay(
    chance: np.random.Generator,
    path: tuple[int, ...],
    start: int,
    labels: list[dict[int, int]],
    unlabelled: list[list[int]],
) -> list[Triple] | None:
    """Lay a relation's path through a graph, naming edges that have no label yet; None if it cannot be."""
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
            end = new[here, label] = free[int(chance.integers(len(free)))]
        triples.append((here, label, end))
        here = end
    for (node, label), end in new.items():
        labels[node][label] = end
        unlabelled[node].remove(end)
    return triples


def inference_episode(
    chance: np.random.Generator,
    edges: list[Triple],
    asked: list[tuple[int, list[Triple]]],
    planning_steps: int,
    *,
    aloud: bool = False,
) -> Episode:
    """Tell the edges in random order, then ask for relations, each with the triples of its path."""
    episode = Episode()
    episode.tell([edges[i] for i in chance.permutation(len(edges))])
    for relation, path in asked:
        start, end = path[0][0], path[-1][2]
        episode.phase()
        episode.tell([(start, relation, BLANK)])
        if aloud:
            episode.targets += [(len(episode.rows) + k, triple) for k, triple in enumerate(path)]
        episode.think(planning_steps)
        episode.ask((start, relation, end))
    return episode
