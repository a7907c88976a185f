"""Breadth-first search over unit steps finds what Dijkstra's search finds over weights."""

from fractions import Fraction

import networkx
import numpy as np
import pytest

from tapehead.knowledge.inference.subdivide import Subdivision, room_for, subdivide

Edges = list[tuple[int, int, int]]


def random_map(seed: int, nodes: int = 12) -> tuple[Edges, list[Fraction]]:
    rng = np.random.default_rng(seed)
    edges = [
        (a, line, b)
        for a in range(nodes)
        for line in range(2)
        for b in rng.permutation(nodes)[:2].tolist()
        if a != b
    ]
    edges = list(dict.fromkeys(edges))
    return edges, [Fraction(int(rng.integers(1, 9)), 2) for _ in edges]


def units(divided: Subdivision, nodes: int) -> dict[int, dict[int, int]]:
    """The steps from every place to every other."""
    net = networkx.DiGraph((a, b) for a, _, b in divided.edges)
    net.add_nodes_from(range(nodes))
    return {a: networkx.single_source_shortest_path_length(net, a) for a in range(nodes)}


def weights_between(edges: Edges, weights: list[Fraction], nodes: int) -> dict[int, dict[int, Fraction]]:
    net = networkx.MultiDiGraph()
    net.add_nodes_from(range(nodes))
    for (a, _, b), weight in zip(edges, weights):
        net.add_edge(a, b, weight=weight)
    return {a: networkx.single_source_dijkstra_path_length(net, a) for a in range(nodes)}


@pytest.mark.parametrize("seed", range(5))
def test_steps_are_weights(seed: int) -> None:
    edges, weights = random_map(seed)
    divided = subdivide(edges, weights, places=12, onward=2, waypoints=10**6)
    assert divided.unit == Fraction(1, 2)
    assert (divided.rounded, divided.raised) == (0, 0)
    found, exact = units(divided, 12), weights_between(edges, weights, 12)
    for a in range(12):
        for b in range(12):
            assert (b in found[a]) == (b in exact[a])
            if b in exact[a]:
                assert found[a][b] * divided.unit == exact[a][b]
    # The connections stand first, in their order, and lead by waypoints of their place.
    for (a, line, b), (start, label, end) in zip(edges, divided.edges):
        assert (start, label) == (a, line)
        assert divided.waypoints.get(end, (end, 0))[0] == b
    assert {line for _, line, _ in divided.edges[len(edges) :]} == {2}
    assert len(divided.edges) == len(edges) + len(divided.waypoints)


def test_those_that_lead_to_a_place_share_its_waypoints() -> None:
    edges = [(0, 0, 2), (1, 0, 2), (2, 0, 0)]
    divided = subdivide(edges, [Fraction(4), Fraction(2), Fraction(1)], places=3, onward=7, waypoints=3)
    assert divided.waypoints == {3: (2, 1), 4: (2, 2), 5: (2, 3)}
    assert divided.edges == [(0, 0, 5), (1, 0, 3), (2, 0, 0), (3, 7, 2), (4, 7, 3), (5, 7, 4)]


@pytest.mark.parametrize(
    ("weights", "waypoints", "unit", "rounded", "raised", "steps"),
    [
        ([12, 18], 3, 6, 0, 0, [2, 3]),
        ([12, 18], 2, 10, 2, 0, [1, 2]),
        ([7, 100], 9, 10, 1, 0, [1, 10]),
        ([3, 100], 9, 10, 1, 1, [1, 10]),
        ([3, 100], 0, 100, 1, 1, [1, 1]),
        ([0, 4], 99, 4, 1, 1, [1, 1]),
        ([0, 0], 99, 1, 2, 2, [1, 1]),
        ([Fraction(1, 3), Fraction(1, 4)], 5, Fraction(1, 12), 0, 0, [4, 3]),
        ([Fraction(1, 3), Fraction(1, 4)], 4, Fraction(1, 10), 2, 0, [3, 2]),
        ([19, 23], 40, 1, 0, 0, [19, 23]),
        ([19, 23], 39, 2, 2, 0, [10, 12]),
    ],
)
def test_the_unit(
    weights: list, waypoints: int, unit: Fraction, rounded: int, raised: int, steps: list[int]
) -> None:
    edges = [(0, 0, 1), (1, 0, 0)]
    divided = subdivide(edges, [Fraction(w) for w in weights], places=2, onward=1, waypoints=waypoints)
    assert (divided.unit, divided.rounded, divided.raised) == (unit, rounded, raised)
    found = units(divided, 2)
    assert [found[0][1], found[1][0]] == steps
    assert len(divided.waypoints) <= waypoints


def test_nothing_to_divide() -> None:
    assert subdivide([], [], places=2, onward=1, waypoints=0) == ([], {}, 1, 0, 0)


def test_the_room() -> None:
    assert room_for(3, 40, 100, 4_000) == 60
    assert room_for(3, 40, 3_990, 4_000) == 10
    assert room_for(3, 100, 0, 4_000) == 0
    assert room_for(3, 101, 0, 4_000) == 899, "no names are left that are easy to tell apart"
    assert room_for(5, 302, 812, 4_000) == 3_188
    assert room_for(3, 2_000, 0, 4_000) == 0
