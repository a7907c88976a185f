"""The exact answers: relations by set algebra over a family tree, walks and best paths on a map."""

import itertools
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from ..tasks.kinship.relations import Relation
from ..tasks.kinship.tree import FamilyTree, Sex
from .graph import Edges, KnowledgeGraph
from .weights import weights_of

if TYPE_CHECKING:
    import networkx

UP: dict[str, Sex | None] = {"F": "m", "M": "f", "P": None}
"""Moves to a parent, and to one of which sex."""


def relatives(tree: FamilyTree, person: int, relation: Relation) -> set[int]:
    """Everybody who stands in a relation to a person, who is never among them.

    Args:
        tree: the family tree.
        person: number of whom is asked about.
        relation: by its walks and sex; see :mod:`tapehead.tasks.kinship.relations`.
    """
    ends: set[int] = set()
    for walk in relation.walks:
        ends |= _walk(tree, person, walk)
    ends.discard(person)
    return {end for end in ends if relation.sex in (None, tree.sexes[end])}


def parents(tree: FamilyTree, person: int, sex: Sex | None = None) -> set[int]:
    """The known parents; with a sex, the father or fathers ("m") or the mother or mothers ("f").

    A parent whose sex is unknown is a father or a mother by their place in the family.
    """
    family = tree.parents[person]
    if family is None:
        return set()
    found = set()
    for slot, partner in zip(("m", "f"), tree.families[family].partners):
        if partner is not None:
            known = tree.sexes[partner]
            if sex is None or sex == (slot if known == "u" else known):
                found.add(partner)
    return found


def spouses(tree: FamilyTree, person: int) -> set[int]:
    """All partners, of all families."""
    partners = {partner for union in tree.unions[person] for partner in tree.families[union].partners}
    return {partner for partner in partners if partner is not None and partner != person}


def children(tree: FamilyTree, person: int) -> set[int]:
    """The children of all unions."""
    return {child for union in tree.unions[person] for child in tree.families[union].children}


def siblings(tree: FamilyTree, person: int) -> set[int]:
    """The other children of the same family, also where nobody knows the parents."""
    family = tree.parents[person]
    return set() if family is None else set(tree.families[family].children) - {person}


def _walk(tree: FamilyTree, person: int, walk: str) -> set[int]:
    """Where a walk of moves may end."""
    here = {person}
    before_was_up = False
    for move, following in zip(walk, walk[1:] + " "):
        if move in UP and following == "C":
            here = set().union(*(siblings(tree, at) for at in here))
        elif move in UP and following == "H":
            here = set().union(*(_halves(tree, at, UP[move]) for at in here))
        elif move in UP:
            here = set().union(*(parents(tree, at, UP[move]) for at in here))
        elif move == "S":
            here = set().union(*(spouses(tree, at) for at in here))
        elif not before_was_up:
            here = set().union(*(children(tree, at) for at in here))
        before_was_up = move in UP
    return here


def _halves(tree: FamilyTree, person: int, sex: Sex | None) -> set[int]:
    """The children that a parent has in other families."""
    full = siblings(tree, person) | {person}
    return {child for parent in parents(tree, person, sex) for child in children(tree, parent)} - full


def to_networkx(graph: KnowledgeGraph) -> "networkx.MultiDiGraph":
    """A map as a networkx graph: its nodes are place numbers, the key of an edge is its line number."""
    import networkx

    edges = graph.edges
    net = networkx.MultiDiGraph()
    net.add_nodes_from(range(len(edges.places)))
    net.add_edges_from((start, end, line) for start, line, end in edges.edges)
    return net


def walk(graph: KnowledgeGraph, start: int, lines: Iterable[int]) -> list[int]:
    """The places of a walk, in order, without its start; it ends early where a line does not leave a place.

    Args:
        graph: a map.
        start: place number.
        lines: line numbers, one a step.
    """
    leads = {(place, line): end for place, line, end in graph.edges.edges}
    visited: list[int] = []
    here = start
    for line in lines:
        if (here, line) not in leads:
            break
        here = leads[here, line]
        visited.append(here)
    return visited


def shortest_path(graph: KnowledgeGraph, start: int, end: int) -> list[int] | None:
    """The places after the start on one of the shortest paths, by number of edges; None if there is none."""
    import networkx

    try:
        return networkx.shortest_path(to_networkx(graph), start, end)[1:]
    except networkx.NetworkXNoPath:
        return None


def lightest_edges(edges: Edges, weights: Sequence[Fraction]) -> "networkx.DiGraph":
    """A map as a networkx graph, with the least "weight" of the edges that lead from a place to another."""
    import networkx

    net = networkx.DiGraph()
    net.add_nodes_from(range(len(edges.places)))
    for (here, _, there), weight in zip(edges.edges, weights):
        if not net.has_edge(here, there) or weight < net[here][there]["weight"]:
            net.add_edge(here, there, weight=weight)
    return net


def quickest_path(graph: KnowledgeGraph, start: int, end: int) -> tuple[list[int], Fraction] | None:
    """The places after the start on one of the paths of least weight, by Dijkstra, and its weight.

    None if there is no path.

    Raises:
        InputError: the map has no weights, one is missing, or one is negative.
    """
    import networkx

    try:
        weight, path = networkx.single_source_dijkstra(
            lightest_edges(graph.edges, weights_of(graph)), start, end
        )
    except networkx.NetworkXNoPath:
        return None
    return path[1:], Fraction(weight)


def places_nearby(graph: KnowledgeGraph, start: int, stops: int) -> list[int]:
    """The places that can be reached within some stops, without the start, the nearest first."""
    import networkx

    reached = networkx.single_source_shortest_path_length(to_networkx(graph), start, cutoff=stops)
    return sorted(set(reached) - {start}, key=lambda place: (reached[place], place))


def is_shortest_path(graph: KnowledgeGraph, start: int, places: list[int], end: int) -> bool:
    """Whether these places, after the start, are a shortest path to the end."""
    best = shortest_path(graph, start, end)
    joined = {(start, to) for start, _, to in graph.edges.edges}
    path = [start, *places]
    return (
        best is not None
        and len(best) == len(places)
        and path[-1] == end
        and all(step in joined for step in itertools.pairwise(path))
    )
