import itertools

import numpy as np
import pytest

from tapehead.tasks.graph.graphs import Graph, draw_names, neighbours, random_graph, random_walk


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_edges_lead_to_the_nearest() -> None:
    found = neighbours(rng(5), 30, 1, 6)
    places = rng(5).random((30, 2)).tolist()
    for node, ends in enumerate(found):
        x, y = places[node]
        others = sorted(
            (o for o in range(30) if o != node), key=lambda o: np.hypot(x - places[o][0], y - places[o][1])
        )
        assert ends == others[: len(ends)]
    assert {len(ends) for ends in found} == {1, 2, 3, 4, 5, 6}


def test_no_more_neighbours_than_there_are() -> None:
    assert [sorted(ends) for ends in neighbours(rng(), 3, 5, 6)] == [[1, 2], [0, 2], [0, 1]]


def test_names() -> None:
    drawn = [name for seed in range(40) for name in draw_names(rng(seed), 200)]
    assert len(set(draw_names(rng(), 999))) == 999
    assert (min(drawn), max(drawn)) == (1, 999)


def test_random_graphs() -> None:
    for seed in range(20):
        graph = random_graph(rng(seed), 12, 2, 4)
        nodes = {node for a, _, b in graph.edges for node in (a, b)}
        labels = [label for _, label, _ in graph.edges]
        assert nodes == set(graph.leaving)
        assert len(nodes) == 12
        assert 0 not in nodes
        assert all(a != b for a, _, b in graph.edges)
        assert all(2 <= len(leaving) <= 4 for leaving in graph.leaving.values())
        assert sum(map(len, graph.leaving.values())) == len(graph.edges), "labels are unique at a node"
        # As many labels as nodes, so some must come back at other nodes.
        assert len(set(labels)) <= 12 < len(labels)
        assert all(set(graph.edges_from(a)) <= set(graph.edges) for a in nodes)


def test_every_node_and_every_label_may_be_any() -> None:
    graphs = [random_graph(rng(seed), 20, 2, 4) for seed in range(100)]
    assert len({a for graph in graphs for a, _, _ in graph.edges}) > 800
    labels = {label for graph in graphs for _, label, _ in graph.edges}
    assert len(labels) > 800
    assert 0 in labels, "only nodes keep away from the pattern that ends an answer"


def test_random_walks_use_every_edge() -> None:
    graph = random_graph(rng(), 6, 2, 3)
    start = graph.edges[0][0]
    walks = [random_walk(rng(seed), graph, start, 9) for seed in range(60)]
    for walk in walks:
        assert len(walk) == 9
        assert walk[0][0] == start
        assert set(walk) <= set(graph.edges)
        assert all(one[2] == following[0] for one, following in itertools.pairwise(walk))
    assert {edge for walk in walks for edge in walk} == _reachable(graph, start)


def _reachable(graph: Graph, start: int) -> set[tuple[int, int, int]]:
    seen, waiting = {start}, [start]
    for node in waiting:
        for _, _, end in graph.edges_from(node):
            if end not in seen:
                seen.add(end)
                waiting.append(end)
    return {edge for edge in graph.edges if edge[0] in seen}


@pytest.mark.parametrize("start", [1, 3])
def test_a_walk_ends_where_no_edge_leaves(start: int) -> None:
    graph = Graph(((1, 7, 2), (2, 7, 3)))
    assert random_walk(rng(), graph, start, 5) == ([(1, 7, 2), (2, 7, 3)] if start == 1 else [])
