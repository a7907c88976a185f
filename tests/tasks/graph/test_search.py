"""The search task: its reference trace, its encoding, and the closed loop."""

import itertools

import networkx as nx
import numpy as np
import pytest
import torch

from tapehead import NTM
from tapehead.tasks import Sampler, Search
from tapehead.tasks.graph.search_decode import ToldGraph
from tapehead.tasks.graph.search_graphs import Question, draw_distant_names, draw_names, draw_similar_names
from tapehead.tasks.graph.search_trace import (
    BLANK,
    FIELDS,
    HOLDS,
    LABELS,
    LAST,
    MARKED,
    WRITTEN,
    Adjacency,
    Op,
    Record,
    path_of,
    query,
    search,
    tell,
)

SMALL = Search(min_nodes=2, max_nodes=14, min_degree=0, max_degree=3, unreachable=0.3)
NOTHING = Record.bare(Op.FAIL)


def questions(count: int, task: Search = SMALL) -> list[Question]:
    rng = np.random.default_rng(0)
    return [task.question(rng) for _ in range(count)]


def as_networkx(question: Question) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_nodes_from(question.order)
    graph.add_edges_from((u, v) for u, edges in question.adjacency.items() for _, v in edges)
    return graph


class Scripted:
    """A machine that answers rightly; its state is what it was fed."""

    def __init__(self, task: Search) -> None:
        self.task = task

    def __call__(self, x: torch.Tensor, state: object = None, memory_size: int = 0):
        fed = list(state or []) + self.task.read(x[:, 0])  # type: ignore[call-overload]
        answers = [self.answer(fed[: i + 1]) for i in range(len(fed) - len(x), len(fed))]
        return torch.from_numpy(self.task.encode(answers))[:, None], tuple(fed)

    def answer(self, fed: list[Record]) -> Record:
        starts = [i for i, record in enumerate(fed) if record.op == Op.START]
        if not starts or starts[0] == len(fed) - 1:
            return NOTHING
        adjacency: dict[int, list[tuple[int, int]]] = {}
        for source, edge, end, op in fed:
            if op == Op.EDGE:
                adjacency.setdefault(source, []).append((edge, end))
        (target,) = [record.destination for record in fed if record.op == Op.TARGET]
        said = self.trace(adjacency, fed[starts[0]].destination, target)
        return (said + [NOTHING] * len(fed))[len(fed) - 2 - starts[0]]

    def trace(self, adjacency: Adjacency, start: int, target: int) -> list[Record]:
        return search(adjacency, start, target)


def test_a_trace_ends_in_a_shortest_way() -> None:
    lost = 0
    for question in questions(200):
        graph, said = as_networkx(question), search(question.adjacency, question.start, question.target)
        if not nx.has_path(graph, question.start, question.target):
            lost += 1
            assert said[-1].op == Op.FAIL
            assert not path_of(said)
            continue
        path = path_of(said)
        assert len(path) == nx.shortest_path_length(graph, question.start, question.target)
        assert (path[0].source, path[-1].destination) == (question.start, question.target)
        assert all(a.destination == b.source for a, b in itertools.pairwise(path))
        assert all((edge, end) in question.adjacency[source] for source, edge, end, _ in path)
    assert lost


def test_records_come_back_from_their_channels() -> None:
    question = questions(1)[0]
    said = search(question.adjacency, question.start, question.target)
    assert SMALL.read(torch.from_numpy(SMALL.encode(said))) == said


@pytest.mark.parametrize("count", [1, 2, 27, 120, 1000])
def test_similar_names(count: int) -> None:
    near = {}
    for draw in (draw_names, draw_similar_names):
        names = draw(np.random.default_rng(1), count, 4)
        digits = names[:, None] // 10 ** np.arange(4) % 10
        differ = (digits[:, None] != digits[None]).sum(2)
        np.fill_diagonal(differ, 4)
        assert len(set(names.tolist())) == count
        assert differ.min() >= 2
        near[draw] = (differ == 2).sum()
    if 2 < count < 1000:
        assert near[draw_similar_names] > 1.5 * near[draw_names]


def test_names_differ_in_two_digits() -> None:
    names = draw_names(np.random.default_rng(1), 1000, 4)
    digits = names[:, None] // 10 ** np.arange(4) % 10
    differ = (digits[:, None] != digits[None]).sum(2)
    np.fill_diagonal(differ, 4)
    assert differ.min() == 2


@pytest.mark.parametrize(
    ("digits", "count", "least"),
    [(1, 10, 1), (2, 9, 2), (2, 100, 1), (4, 80, 3), (4, 900, 2), (5, 800, 3), (5, 4000, 2), (6, 8000, 3)],
)
def test_distant_names_differ_in_as_many_digits_as_there_is_room_for(
    digits: int, count: int, least: int
) -> None:
    for seed in range(3):
        names = draw_distant_names(np.random.default_rng(seed), count, digits)
        assert len(set(names.tolist())) == count
        assert 0 <= names.min() <= names.max() < 10**digits
        signs = names[:, None] // 10 ** np.arange(digits) % 10
        some = signs[np.random.default_rng(seed).permutation(count)[:300]]
        differ = (some[:, None] != signs[None]).sum(2)
        assert differ[differ > 0].min() >= least


def test_more_names_than_there_are() -> None:
    for draw in (draw_names, draw_distant_names, draw_similar_names):
        assert len(set(draw(np.random.default_rng(1), 10_000, 4).tolist())) == 10_000
        with pytest.raises(ValueError, match="10001 names were asked for, but 4 digits have only 10000"):
            draw(np.random.default_rng(1), 10_001, 4)


def test_the_same_seed_draws_the_same() -> None:
    for task in (SMALL, Search(keep=0.2, ask=0.5, similar=0.5)):
        one, other = Sampler(3, 7).draw(task), Sampler(3, 7).draw(task)
        assert all(torch.equal(a, b) for a, b in zip(one, other))


def test_practice_asks_what_the_memory_can_answer() -> None:
    task = Search(min_nodes=6, max_nodes=12, min_degree=0, max_degree=3, keep=0.2, ask=0.5)
    found = set()
    for seed in range(20):
        batch = Sampler(4, seed).draw(task)
        assert not task.loss(task.oracle(batch), batch).any()
        for index in range(4):
            one = batch.episode(index)
            answers = task.read(one.targets[:, 0])
            counts = one.mask[:, 0].tolist()
            found |= _check(task.read(one.inputs[:, 0]), answers, counts)
    assert found >= {Op.POP, Op.CHECK, Op.SEEN, Op.UNSEEN, Op.PUSH, Op.NEXT, Op.FOUND, Op.PATH, Op.BACK}


def _check(fed: list[Record], wanted: list[Record], counts: list[bool]) -> set[Op]:
    """Check every answer against a plain model of the memory and the heads; return the kinds fed."""
    queue: list[int] = []
    by: dict[int, Record] = {}
    told: list[Record] = []
    seen: set[int] = set()
    target, scanning = BLANK, 0
    checked = set()
    for now, answer, counted in zip(fed, wanted, counts):
        node = now.destination
        if now.op in (Op.NODE, Op.EDGE, Op.END):
            told.append(now)
        elif now.op == Op.TARGET:
            target = node
        elif now.op == Op.START:
            queue, seen = [node], {node}
        elif now.op == Op.PUSH:
            queue.append(node)
            by[node] = now
        if not counted:
            assert now.op in (Op.NODE, Op.EDGE, Op.END, Op.TARGET, Op.START, Op.CHECK, Op.PUSH)
            seen |= {node} if now.op == Op.CHECK else set()
            continue
        checked.add(now.op)
        if now.op == Op.POP:
            scanning = told.index(Record.at(node, Op.NODE)) + 1
        elif now.op in (Op.SEEN, Op.PUSH):
            scanning += 1
        here = told[scanning]
        if now.op in (Op.POP, Op.SEEN, Op.PUSH):
            expected = Record.at(here.destination, Op.CHECK if here.op == Op.EDGE else Op.NEXT)
        elif now.op in (Op.UNSEEN, Op.FOUND):
            expected = here._replace(op=Op.PUSH if now.op == Op.UNSEEN else Op.PATH)
        elif now.op == Op.CHECK:
            kind = Op.SEEN if node in seen else Op.FOUND if node == target else Op.UNSEEN
            expected = Record.bare(kind)
            seen.add(node)
        elif now.op == Op.NEXT:
            after = queue[queue.index(node) + 1 :]
            expected = Record.at(after[0], Op.POP) if after else NOTHING
        elif now.op == Op.PATH:
            expected = Record.at(now.source, Op.BACK)
        else:
            expected = by[node]._replace(op=Op.PATH) if node in by else Record.bare(Op.DONE)
        assert answer == expected
    return checked


def test_what_has_to_be_written_is_what_is_told_and_pushed() -> None:
    batch = Sampler(4, 3).draw(SMALL)
    writes = SMALL.writes(batch)
    for index in range(4):
        steps = int(batch.lengths[index])
        fed = SMALL.read(batch.inputs[:steps, index])
        expected = [[record.op in WRITTEN, record.op in MARKED] for record in fed]
        assert expected == writes[:steps, index].tolist()
        assert not writes[steps:, index].any()


def test_the_loop_follows_a_machine_that_is_right() -> None:
    for question in questions(20):
        want = search(question.adjacency, question.start, question.target)
        for constrained in (False, True):
            told = ToldGraph(
                Scripted(SMALL), SMALL, question.adjacency, question.order, constrained=constrained
            )
            answer = told.ask(question.start, question.target)
            assert answer.said == want
            assert answer.path == path_of(want)
            assert answer.unreachable == (want[-1].op == Op.FAIL)
            # A draft changes nothing, be it right or wrong.
            for draft in (want, want[:3], [*want[:3], NOTHING]):
                assert told.ask(question.start, question.target, draft).said == want


def _most_probable(output: torch.Tensor, told: list[Record]) -> Record:
    """The most probable kind, with the most probable of the labels that were told for a record like it."""
    W = SMALL.label_channels
    op = Op(int(output[W:].argmax()))
    has = torch.tensor([label != BLANK for label in HOLDS[op]]).repeat_interleave(W // len(FIELDS))
    log_probabilities = output[:W].unflatten(0, (-1, 10)).log_softmax(1).flatten()[has]
    records = [record for record in told if record.op == (Op.EDGE if all(LABELS[op]) else Op.NODE)]
    alike = [record._replace(op=op) for record in records]
    rows = torch.from_numpy(SMALL.encode(alike))[:, :W][:, has]
    best = records[int((rows @ log_probabilities).argmax())]
    return Record.of([label if here else BLANK for label, here in zip(best, LABELS[op])], op)


def _digit_by_digit(output: torch.Tensor, record: torch.Tensor) -> torch.Tensor:
    """The channels of a record with each digit as the output has it, also where a label stands twice."""
    digits = torch.nn.functional.one_hot(output[: SMALL.label_channels].unflatten(0, (-1, 10)).argmax(1), 10)
    here = record[: SMALL.label_channels].unflatten(0, (-1, 10)).sum(1, keepdim=True)
    return torch.cat([(digits * here).flatten(), record[SMALL.label_channels :]])


def test_the_loop_is_that_of_a_call_a_step() -> None:
    kinds, ended = set(), set()
    for seed, question in enumerate(q for q in questions(8) if any(q.adjacency.values())):
        torch.manual_seed(seed)
        machine = NTM(SMALL.input_size, 20, output_size=SMALL.output_size, memory_size=9, word_size=8)
        with torch.no_grad():
            for parameter in machine.parameters():
                parameter *= 5
        graph = tell(question.adjacency, question.order)
        for constrained in (False, True):
            told = ToldGraph(machine, SMALL, question.adjacency, question.order, constrained=constrained)
            told.limit = 50
            state, said = told.state, query(question.start, question.target)
            rows = list(torch.from_numpy(SMALL.encode(said)))
            for fed in itertools.count():
                with torch.no_grad():
                    (output,), state = machine(rows[fed][None, None], state)
                if fed < 2:
                    continue
                record = _most_probable(output[0], graph) if constrained else SMALL.read(output)[0]
                said.append(record)
                whole = torch.from_numpy(SMALL.encode([record]))[0]
                rows.append(whole if constrained else _digit_by_digit(output[0], whole))
                if record.op in LAST or fed == told.limit + 1:
                    break
            kinds |= {record.op for record in said[3:]}
            ended.add(said[-1].op in LAST)
            answer = told.ask(question.start, question.target)
            assert answer.said == said[3:]
            for draft in (answer.said, answer.said[:2]):
                assert told.ask(question.start, question.target, draft).said == said[3:]
    assert len(kinds) > 10
    assert ended == {True, False}


def test_a_graph_without_edges() -> None:
    told = ToldGraph(Scripted(SMALL), SMALL, {3: [], 5: []}, [3, 5], constrained=True)
    assert told.ask(3, 5).unreachable
