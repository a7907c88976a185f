import hashlib
import itertools

import pytest

from tapehead.tasks import Inference, Sampler
from tapehead.tasks.graph.inference import FAMILY_EDGES, relations, relations_of
from tapehead.train import lessons
from tests.tasks.graph.reading import Read, episodes


def walk(read: Read, start: int, path: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """The triples of a path of edge labels."""
    found = []
    for edge in path:
        end = read.leads[start, edge]
        found.append((start, edge, end))
        start = end
    return found


def check(read: Read, planning_steps: int, *, scratchpad: bool = False) -> list[int]:
    """Every query's answer stands at the end of its relation's path; the lengths of the paths."""
    lengths = []
    wanted: dict[int, tuple[int, int, int]] = {}
    for query in read.phases:
        start, label, rest = read.told[query]
        assert rest is None
        path = (label,) if label < 10 else relations()[label - 10]
        triples = walk(read, start, path)
        answer = query + 1 + planning_steps
        assert read.told[query + 1 : answer + 1] == [(None, None, None)] * (planning_steps + 1)
        wanted |= {query + 1 + k: triple for k, triple in enumerate(triples)} if scratchpad else {}
        wanted[answer] = (start, label, triples[-1][2])
        lengths.append(len(path))
    assert read.wanted == wanted
    assert read.answering == [query + 1 + planning_steps for query in read.phases]
    assert all(label < 10 for _, label, _ in read.edges), "relations are never shown"
    return lengths


@pytest.mark.parametrize("scratchpad", [False, True])
def test_answers_stand_at_the_end_of_the_path(scratchpad: bool) -> None:
    task = Inference(min_nodes=6, max_nodes=9, min_path=1, planning_steps=5, queries=4, scratchpad=scratchpad)
    found = [check(read, 5, scratchpad=scratchpad) for read in episodes(Sampler(40, 0).draw(task))]
    assert {len(lengths) for lengths in found} == {4}
    assert set(itertools.chain(*found)) == {1, 2, 3, 4, 5}


def test_the_relations_are_fixed() -> None:
    """A trained model has learned these and no others: they must never change."""
    digest = hashlib.sha256(repr(relations()).encode()).hexdigest()
    assert digest == "06c895f1371d9f97198f986c22f491288d4cdb0c8a17f5a5fc11b691bc5e7351"


def test_a_hundred_relations_of_each_length() -> None:
    assert len(set(relations())) == 400
    numbered = [relations_of(length) for length in (2, 3, 4, 5)]
    assert [len(found) for found in numbered] == [100] * 4
    assert [label for found in numbered for label, _ in found] == list(range(10, 410))
    for length, found in zip((2, 3, 4, 5), numbered):
        assert {len(path) for _, path in found} == {length}
        assert sum(max(path) < len(FAMILY_EDGES) for _, path in found) >= 25
    assert relations_of(1) == tuple((edge, (edge,)) for edge in range(10))
    assert relations_of(6) == ()


def test_lessons_keep_their_ranges() -> None:
    for sizes in lessons.PAPER_INFERENCE + lessons.INFERENCE:
        nodes, degree, path = sizes
        (task,) = lessons.inference((sizes,), planning_steps=6).lessons
        for read in episodes(Sampler(4, 1).draw(task)):
            assert nodes[0] <= len(read.degrees) <= nodes[1]
            assert degree[0] <= min(read.degrees.values())
            assert max(read.degrees.values()) <= degree[1]
            assert all(path[0] <= length <= path[1] for length in check(read, 6))


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"max_path": 6}, "max_path is 6: the longest relations have 5 edges"),
        ({"max_degree": 11}, "max_degree is 11: there are 10 edge labels"),
        ({"planning_steps": 4, "scratchpad": True}, "planning_steps is 4: scratchpad needs one for each"),
    ],
)
def test_mistakes(fields: dict, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Inference(**fields)


def test_what_cannot_be_drawn_is_refused() -> None:
    """One edge a node, and two nodes: there is no room for paths of five edges with other labels."""
    with pytest.raises(ValueError, match="hardly ever fit into a graph of up to 2 nodes"):
        Sampler(1, 0).draw(Inference(min_nodes=2, max_nodes=2, min_degree=1, max_degree=1, min_path=5))
