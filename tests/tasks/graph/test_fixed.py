import numpy as np
import pytest

from tapehead.tasks.graph.episode import collate_graph
from tapehead.tasks.graph.fixed import FixedGraph
from tests.tasks.graph.reading import episodes

# 0 → 1 → 2 → 3 by label 0, a loop 2 → 0 by label 1, and a dead end: 3.
EDGES = ((0, 0, 1), (1, 0, 2), (2, 0, 3), (2, 1, 0))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_names_are_new_in_every_episode() -> None:
    graph = FixedGraph(EDGES)
    named = [graph.name(rng(seed)) for seed in range(50)]
    for one in named:
        assert one.graph.edges == tuple((one.nodes[a], one.labels[e], one.nodes[b]) for a, e, b in EDGES)
        assert len(set(one.nodes)) == graph.nodes == 4
        assert len(set(one.labels)) == 2
        assert 0 not in one.nodes
    assert len({node for one in named for node in one.nodes}) > 150
    assert len({label for one in named for label in one.labels}) > 80
    assert graph.name(rng(), keep_labels=True).labels == [0, 1]


def test_walks_of_a_given_length() -> None:
    """Walks that come to the dead end too early are drawn anew."""
    for seed in range(20):
        graph = FixedGraph(EDGES)
        walk = graph.walk(rng(seed), 5)
        assert set(walk) <= set(EDGES)
        episode, named = graph.traversal(rng(seed), walk)
        (read,) = episodes(collate_graph([episode]))
        assert [read.wanted[t] for t in read.answering[:-1]] == named.triples(walk)
        assert len(read.edges) == 4
        assert len(read.answering) == 6
        here = read.told[read.phases[0]][0]
        for t in read.answering[:-1]:
            source, label, end = read.wanted[t]
            assert source == here
            assert read.leads[source, label] == end
            here = end
    with pytest.raises(ValueError, match="no walk of 4 steps"):
        FixedGraph(EDGES[:3]).walk(rng(), 4)


def test_pairs_by_distance() -> None:
    graph = FixedGraph(EDGES)
    assert sorted(graph.pairs(1)) == [(0, 1), (1, 2), (2, 0), (2, 3)]
    assert sorted(graph.pairs(2)) == [(0, 2), (1, 0), (1, 3), (2, 1)]
    assert sorted(graph.pairs(3)) == [(0, 3)]
    assert graph.pairs(4) == []
    assert graph.distances(0) == {0: 0, 2: 1, 1: 2}


def test_paths_of_relations() -> None:
    relations = [(10, (0, 0)), (11, (0, 1)), (12, (1, 1))]
    assert FixedGraph(EDGES).relation_paths(relations) == [
        (10, [(0, 0, 1), (1, 0, 2)]),
        (10, [(1, 0, 2), (2, 0, 3)]),
        (11, [(1, 0, 2), (2, 1, 0)]),
    ]


def test_a_relation_is_asked_under_its_own_label() -> None:
    graph = FixedGraph(EDGES)
    (asked,) = graph.relation_paths([(11, (0, 1))])
    (read,) = episodes(collate_graph([graph.inference(rng(), asked, 3)[0]]))
    assert {label for _, label, _ in read.edges} == {0, 1}
    start, label, _ = read.told[read.phases[0]]
    assert label == 11
    middle = read.leads[start, 0]
    assert read.wanted == {len(read.edges) + 4: (start, 11, read.leads[middle, 1])}


@pytest.mark.parametrize(
    ("edges", "complaint"),
    [
        ((), "the graph has no edges"),
        (((0, 0, 999),), "1000 nodes and 1 labels: 999 and 1,000 fit"),
        (((0, 1000, 1),), "2 nodes and 1001 labels"),
        (((0, 0, 1), (0, 0, 2)), "two edges leave a node under one label"),
    ],
)
def test_graphs_that_do_not_fit(edges: tuple, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        FixedGraph(edges)


def test_the_largest_graph() -> None:
    edges = tuple((node, node, node + 1) for node in range(998))
    assert len(set(FixedGraph(edges).name(rng()).nodes)) == 999
