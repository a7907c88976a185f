import pytest

from tapehead.tasks import Sampler, Traversal
from tapehead.train import lessons
from tests.tasks.graph.reading import Read, episodes


def check(read: Read, *, supervise_query: bool = False) -> int:
    """The query and the answers of a walk through the graph that was told; its number of steps."""
    query, answer = read.phases
    steps = answer - query
    assert read.answering == list(range(answer, answer + steps + 1))
    assert len(read.told) == answer + steps + 1
    here = read.told[query][0]
    walk = []
    for step in range(steps):
        source, label, rest = read.told[query + step]
        assert (source is None) == (step > 0)
        assert rest is None
        end = read.leads[here, label]
        walk.append((here, label, end))
        here = end
    assert [read.wanted[t] for t in read.answering] == [*walk, (0, 0, 0)]
    helped = {query + step: triple for step, triple in enumerate(walk)} if supervise_query else {}
    assert read.wanted == helped | {t: read.wanted[t] for t in read.answering}
    return steps


@pytest.mark.parametrize("supervise_query", [False, True])
def test_walks_are_walks(supervise_query: bool) -> None:
    task = Traversal(
        min_nodes=5, max_nodes=9, min_degree=1, max_degree=3, max_path=6, supervise_query=supervise_query
    )
    reads = list(episodes(Sampler(60, 0).draw(task)))
    assert {check(read, supervise_query=supervise_query) for read in reads} == {1, 2, 3, 4, 5, 6}
    # The first step's edge is told anywhere: the order says nothing.
    firsts = [read.edges.index(read.wanted[read.answering[0]]) / len(read.edges) for read in reads]
    assert min(firsts) < 0.15
    assert max(firsts) > 0.85


def test_lessons_keep_their_ranges() -> None:
    for sizes in lessons.PAPER_TRAVERSAL:
        nodes, degree, path = sizes
        (task,) = lessons.traversal((sizes,)).lessons
        for read in episodes(Sampler(6, 1).draw(task)):
            assert nodes[0] <= len(read.degrees) <= nodes[1]
            assert degree[0] <= min(read.degrees.values())
            assert max(read.degrees.values()) <= degree[1]
            assert path[0] <= check(read) <= path[1]
