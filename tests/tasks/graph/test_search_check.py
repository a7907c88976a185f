"""Traces of a search, judged step by step."""

import numpy as np
import pytest

from tapehead.tasks import Search
from tapehead.tasks.graph.search_check import judge
from tapehead.tasks.graph.search_trace import Op, Record, search

# 1 → 2 and 3; 2 → 1, twice 4; 3 → 4; 4 → 5
GRAPH = {1: [(9, 2), (8, 3)], 2: [(9, 1), (7, 4), (6, 4)], 3: [(8, 4)], 4: [(7, 5)], 5: []}
SAID = search(GRAPH, 1, 5)


def mistakes(said: list[Record]) -> dict[int, Record | None]:
    """The steps in which something else was right, and what."""
    judged = judge(GRAPH, 1, 5, said)
    assert len(judged) == len(said)
    return {step: found.right for step, found in enumerate(judged) if found.right != said[step]}


def test_a_correct_search_has_no_mistake() -> None:
    rng = np.random.default_rng(0)
    task = Search(min_nodes=2, max_nodes=14, min_degree=0, max_degree=4, unreachable=0.3)
    ended = set()
    for _ in range(200):
        question = task.question(rng)
        said = search(question.adjacency, question.start, question.target)
        judged = judge(question.adjacency, question.start, question.target, said)
        assert [found.right for found in judged] == said
        ended.add(said[-1].op)
    assert ended == {Op.DONE, Op.FAIL}


def test_the_edge_that_is_looked_at() -> None:
    judged = judge(GRAPH, 1, 5, SAID)
    looked_at = [found.edge for found, said in zip(judged, SAID) if said.op == Op.CHECK]
    edges = [(1, 9, 2), (1, 8, 3), (2, 9, 1), (2, 7, 4), (2, 6, 4), (3, 8, 4), (4, 7, 5)]
    assert looked_at == [Record(*edge, Op.PUSH) for edge in edges]
    for found, said in zip(judged, SAID):
        if said.op in (Op.NEXT, Op.POP, Op.BACK, Op.DONE):
            assert found.edge is None
        if said.op == Op.PUSH:
            assert found.edge == said


def test_a_place_that_is_pushed_twice() -> None:
    """The second edge from 2 to 4 is taken for a way to a new place: one mistake, then all is right."""
    push = Record(2, 6, 4, Op.PUSH)
    wrong = SAID.index(Record.bare(Op.SEEN), SAID.index(Record(2, 7, 4, Op.PUSH)))
    said = [*SAID[:wrong], Record.bare(Op.UNSEEN), push, *SAID[wrong + 1 :]]
    assert mistakes(said) == {wrong: Record.bare(Op.SEEN)}
    # If 4 does not lead to the target, it is scanned twice, as it is in the queue twice.
    said = said[: wrong + 2]
    while said[-1].op != Op.FAIL:
        right = judge(GRAPH, 1, 6, [*said, Record.bare(Op.FAIL)])[-1].right
        assert right is not None
        said.append(right)
    assert [record.destination for record in said if record.op == Op.POP] == [2, 3, 4, 4, 5]


@pytest.mark.parametrize(
    ("step", "said", "right"),
    [
        (0, Record.at(3, Op.CHECK), Record.at(2, Op.CHECK)),  # an edge is passed over
        (0, Record.at(5, Op.CHECK), Record.at(2, Op.CHECK)),  # no such edge
        (0, Record.at(1, Op.NEXT), Record.at(2, Op.CHECK)),  # too early
        (1, Record.bare(Op.SEEN), Record.bare(Op.UNSEEN)),
        (1, Record.bare(Op.FOUND), Record.bare(Op.UNSEEN)),
        (2, Record(1, 8, 3, Op.PUSH), Record(1, 9, 2, Op.PUSH)),  # another edge
        (7, Record.at(3, Op.POP), Record.at(2, Op.POP)),  # not the next in the queue
        (7, Record.bare(Op.FAIL), Record.at(2, Op.POP)),
        (0, Record.at(2, Op.NODE), Record.at(2, Op.CHECK)),  # what is only ever told
    ],
)
def test_a_single_mistake(step: int, said: Record, right: Record) -> None:
    assert SAID[step] == right, "the case is one"
    assert mistakes([*SAID[:step], said]) == {step: right}


def test_mistakes_on_the_way_back() -> None:
    found = SAID.index(Record.bare(Op.FOUND))
    back = SAID[: found + 3]
    assert back[-2:] == [Record(4, 7, 5, Op.PATH), Record.at(4, Op.BACK)]
    assert mistakes([*back, Record.bare(Op.DONE)]) == {found + 3: Record(2, 7, 4, Op.PATH)}
    assert mistakes([*back, Record(3, 8, 4, Op.PATH)]) == {found + 3: Record(2, 7, 4, Op.PATH)}
    assert mistakes([*back[:-1], Record.at(5, Op.BACK)]) == {found + 2: Record.at(4, Op.BACK)}


def test_what_follows_a_mistake_is_judged_by_it() -> None:
    skipped = [
        Record.at(3, Op.CHECK),
        Record.bare(Op.UNSEEN),
        Record(1, 8, 3, Op.PUSH),
        Record.at(1, Op.NEXT),
    ]
    assert list(mistakes([*skipped, Record.at(3, Op.POP), Record.at(4, Op.CHECK)])) == [0]


def test_nothing_is_right_after_nonsense() -> None:
    judged = judge(GRAPH, 1, 5, [Record.at(2, Op.NODE), Record.at(2, Op.CHECK), Record.bare(Op.UNSEEN)])
    assert [found.right for found in judged] == [Record.at(2, Op.CHECK), None, Record.bare(Op.UNSEEN)]
    assert judge(GRAPH, 1, 5, [Record.at(7, Op.BACK), Record.bare(Op.DONE)])[1].right is None
    assert judge(GRAPH, 1, 5, [Record.at(7, Op.NEXT), Record.bare(Op.FAIL)])[1].right is None
    assert judge(GRAPH, 1, 5, [Record.bare(Op.UNSEEN), Record(1, 9, 2, Op.PUSH)])[1].right is None


def test_there_has_to_be_something_to_search() -> None:
    with pytest.raises(ValueError, match="start and target are both 1"):
        judge(GRAPH, 1, 1, [])
