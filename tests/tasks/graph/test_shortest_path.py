import dataclasses
import math

import networkx
import numpy as np
import pytest
import torch

from tapehead.tasks import Sampler, ShortestPath
from tapehead.tasks.graph.episode import ANSWERING, NEW_PHASE, decode_triples
from tapehead.tasks.graph.graphs import random_graph
from tapehead.tasks.graph.shortest_path import choose_edges, decode_edges, distances
from tapehead.train import lessons
from tests.tasks.graph.reading import Read, episodes

SMALL = {"min_nodes": 6, "max_nodes": 10, "min_degree": 1, "max_degree": 3, "planning_steps": 3}


def digits(triple: tuple[int, int, int]) -> list[int]:
    return [int(digit) for label in triple for digit in f"{label:03}"]


def logits(triple: tuple[int, int, int], strength: float = 9.0) -> torch.Tensor:
    """Outputs [90] that say a triple."""
    return strength * torch.nn.functional.one_hot(torch.tensor(digits(triple)), 10).flatten().float()


def away(read: Read) -> dict[int, int]:
    """Steps to the destination, by networkx."""
    net = networkx.DiGraph((b, a) for a, _, b in read.edges)
    return networkx.single_source_shortest_path_length(net, read.told[read.phases[0]][2])


def check(read: Read, planning_steps: int) -> tuple[int, int, int]:
    """What is asked for always begins a shortest way; steps of the best way, steps, other steps fed back."""
    query, planning, answer = read.phases
    start, between, _ = read.told[query]
    assert between is None
    assert (planning, answer) == (query + 1, query + 1 + planning_steps)
    assert read.told[planning:answer] == [(None, None, None)] * planning_steps
    assert read.answering == list(range(answer, len(read.told)))
    left = away(read)
    here, others = start, 0
    for t in read.answering:
        if t > answer:
            fed = read.told[t]
            assert fed in read.edges
            assert fed[0] == here
            others += fed != read.wanted[t - 1]
            here = fed[2]
        source, _, end = read.wanted[t]
        assert read.wanted[t] in read.edges
        assert source == here
        assert left[end] == left[here] - 1
    assert read.told[answer] == (None, None, None)
    assert len(read.answering) <= left[start] + 3
    return left[start], len(read.answering), others


def test_the_planner_is_optimal() -> None:
    reads = list(episodes(Sampler(60, 0).draw(ShortestPath(**SMALL, max_path=3, mixture=1.0))))
    found = [check(read, 3) for read in reads]
    assert {best for best, _, _ in found} == {2, 3}
    assert all(steps == best and others == 0 for best, steps, others in found)


def test_a_mixture_of_steps() -> None:
    """With probability 1 − β a random edge is taken, and asked for is still the planner's."""
    found = [check(read, 3) for read in episodes(Sampler(300, 0).draw(ShortestPath(**SMALL, mixture=0.5)))]
    assert any(steps > best for best, steps, _ in found)
    fed = sum(steps - 1 for _, steps, _ in found)
    # A random edge is the planner's own now and then.
    assert 0.15 < sum(others for _, _, others in found) / fed < 0.5


def test_lessons_keep_their_ranges() -> None:
    for sizes in lessons.PAPER_SHORTEST_PATH + lessons.SHORTEST_PATH:
        nodes, degree, path = sizes
        task = ShortestPath(**sizes.fields())
        for read in episodes(Sampler(4, 1).draw(task)):
            assert nodes[0] <= len(read.degrees) <= nodes[1]
            assert degree[0] <= min(read.degrees.values())
            assert max(read.degrees.values()) <= degree[1]
            assert path[0] <= check(read, 10)[0] <= path[1]


def test_distances_are_those_of_networkx() -> None:
    for seed in range(10):
        graph = random_graph(np.random.default_rng(seed), 15, 1, 3)
        net = networkx.DiGraph((b, a) for a, _, b in graph.edges)
        end = graph.edges[0][2]
        assert distances(graph, end) == networkx.single_source_shortest_path_length(net, end)


def test_thinking_aloud_goes_backwards_ring_by_ring() -> None:
    """The k-th planning step asks for the set of edges from distance k, until the start is reached."""
    task = ShortestPath(**SMALL | {"planning_steps": 6, "min_path": 1, "max_path": 4}, scratchpad=True)
    plain = dataclasses.replace(task, scratchpad=False)
    lengths = set()
    for seed in range(40):
        batch, other = Sampler(1, seed).draw(task), Sampler(1, seed).draw(plain)
        (read,) = episodes(other)
        query, planning, _ = read.phases
        start, _, end = read.told[query]
        left = away(read)
        assert torch.equal(batch.inputs[: planning + 1, :, 90:], other.inputs[: planning + 1, :, 90:])
        assert torch.equal(batch.inputs[:planning], other.inputs[:planning])
        places, before = {end}, set()
        for k in range(1, left[start] + 1):
            ring = [e for e in read.edges if left.get(e[0]) == k and left.get(e[2]) == k - 1]
            t = planning + k - 1
            known = places | before
            fed = torch.zeros(90)
            fed[:30] = unit([(place, 0, 0) for place in known])[:30]
            fed[60:] = unit([(0, 0, place) for place in places])[60:]
            torch.testing.assert_close(batch.inputs[t, 0, :90], fed)
            assert torch.equal(batch.targets[t, 0], ones(ring))
            assert sorted(decode_edges(2 * ones(ring) - 1, read.edges)) == sorted(in_mind(ring, read))
            places, before = {source for source, _, _ in ring}, places
        assert start in places
        (answer,) = torch.nonzero(batch.inputs[:, 0, ANSWERING])[:1].tolist()
        assert answer == [t + 1]
        assert torch.equal(batch.inputs[t + 1 :, 0], other.inputs[planning + 6 :, 0])
        assert torch.equal(batch.targets[t + 1 :, 0], other.targets[planning + 6 :, 0])
        assert bool(batch.mask[planning:].all())
        lengths.add(left[start])
    assert lengths == {1, 2, 3, 4}


def ones(triples: list[tuple[int, int, int]]) -> torch.Tensor:
    """The digits of all of them at once, [90]."""
    return sum(map(logits, triples), torch.zeros(90)).clamp(max=1)


def unit(triples: list[tuple[int, int, int]]) -> torch.Tensor:
    """The same, each place of length one."""
    together = ones(triples).view(9, 10)
    return (together / together.sum(1, keepdim=True).sqrt()).flatten()


def in_mind(ring: list, read: Read) -> list:
    """The edges all of whose digits are some edge's of the ring, each in its place."""
    seen = [set(column) for column in zip(*map(digits, ring))]
    return [edge for edge in read.edges if all(d in s for d, s in zip(digits(edge), seen))]


def test_a_plan_that_is_too_short_is_cut() -> None:
    task = ShortestPath(**SMALL | {"planning_steps": 2, "min_path": 3, "max_path": 3}, scratchpad=True)
    batch = Sampler(1, 0).draw(task)
    planning, answer = torch.nonzero(batch.inputs[:, 0, 90]).flatten().tolist()[1:]
    assert answer - planning == 2
    (read,) = episodes(Sampler(1, 0).draw(dataclasses.replace(task, scratchpad=False)))
    assert away(read)[read.told[read.phases[0]][0]] == 3


def test_what_is_in_mind() -> None:
    edges = [(1, 2, 3), (4, 5, 6), (1, 5, 6)]
    assert decode_edges(2 * ones(edges[:1]) - 1, edges) == [edges[0]]
    assert decode_edges(torch.full((90,), -9.0), edges[:1]) == edges[:1]
    both = 2 * ones(edges[:2]) - 1
    assert decode_edges(both, edges) == edges, "the third has no digit of its own"
    assert decode_edges(both, edges[:2]) == edges[:2]
    for doubt, seen in ((-0.7, edges[1:2]), (-0.5, edges[:2])):
        unsure = both.clone()
        unsure[21] = doubt  # the last digit of node 1
        assert decode_edges(unsure, edges[:2]) == seen
    assert len(decode_edges(torch.randn(90), edges)) >= 1


def test_a_set_costs_each_digit_by_itself() -> None:
    """The answers cost what they do without the scratchpad; a digit of a set costs a bit when left open."""
    task = ShortestPath(**SMALL | {"planning_steps": 6, "min_path": 2, "max_path": 3}, scratchpad=True)
    batch = Sampler(5, 3).draw(task)
    open_answers = torch.where(batch.inputs[..., ANSWERING:] > 0, 0.0, task.oracle(batch))
    open_sets = torch.where(batch.inputs[..., ANSWERING:] > 0, task.oracle(batch), 0.0)
    answers = (batch.inputs[..., ANSWERING] > 0).sum(0)
    planned = batch.mask.sum(0) - answers
    torch.testing.assert_close(task.bits(open_answers, batch), answers * 9 * math.log2(10))
    torch.testing.assert_close(task.bits(open_sets, batch), planned * 90.0)
    assert float(task.loss(task.oracle(batch), batch).max()) < 1e-3


@pytest.mark.parametrize("digits", [3, 8, 18])
def test_labels_of_more_digits(digits: int) -> None:
    task = ShortestPath(**SMALL, scratchpad=True, digits=digits, mixture=1.0)
    batch = Sampler(20, 1).draw(task)
    assert (task.input_size, task.output_size) == (20 * digits + 32, 20 * digits + 30)
    assert batch.inputs.shape[2] == task.input_size
    told = decode_triples(batch.inputs[:, 0, :-2])
    query = int(batch.inputs[:, 0, NEW_PHASE].argmax())
    names = {node for source, _, destination in told[:query] for node in (source, destination)}
    assert max(names) > 10 ** (digits - 1)
    assert max(label for _, label, _ in told[:query]) < 1000
    assert {told[query][0], told[query][2]} <= names
    assert not bool(task.num_errors(task.oracle(batch), batch).any())
    assert bool((task.num_errors(torch.randn(task.oracle(batch).shape), batch) > 0).all())
    assert f"{told[0][0]}, {told[0][1]}, {told[0][2]}" in task.describe(batch)


@pytest.mark.parametrize("digits", [2, 19])
def test_too_few_or_too_many_digits(digits: int) -> None:
    with pytest.raises(ValueError, match=rf"digits .*{digits}"):
        ShortestPath(digits=digits)


def test_thoughts_are_graded() -> None:
    """In a scratchpad step each edge too many or too few counts as one."""
    task = ShortestPath(
        **SMALL | {"planning_steps": 6, "min_path": 2, "max_path": 3}, scratchpad=True, mixture=1.0
    )
    batch = Sampler(30, 3).draw(task)
    perfect = task.oracle(batch)
    assert not bool(task.num_errors(perfect, batch).any())
    for b, read in enumerate(episodes(Sampler(30, 3).draw(dataclasses.replace(task, scratchpad=False)))):
        planning = read.phases[1]
        lost = perfect.clone()
        left = away(read)
        ring = [e for e in read.edges if left.get(e[0]) == 1 and left.get(e[2]) == 0]
        other = next(e for e in read.edges if e not in in_mind(ring, read))
        lost[planning, b] = 2 * ones([other]) - 1
        assert task.num_errors(lost, batch)[b] == len(in_mind(ring, read)) + 1


def test_the_edge_that_renormalised_outputs_make_most_probable() -> None:
    rng = np.random.default_rng(0)
    leaving = [list(random_graph(rng, 8, 2, 4).edges)[:n] for n in (1, 2, 5, 8)]
    outputs = torch.randn(4, 90, generator=torch.Generator().manual_seed(0))
    chosen = choose_edges(outputs, leaving)
    for b, edges in enumerate(leaving):
        probabilities = outputs[b].view(9, 10).softmax(1)
        each = torch.stack([probabilities[range(9), digits(edge)].prod() for edge in edges])
        assert chosen[b] == edges[int((each / each.sum()).argmax())]


@pytest.fixture
def fork() -> tuple[ShortestPath, Read, torch.Tensor, object]:
    """A question with a choice: (task, episode, step with several right edges, batch)."""
    task = ShortestPath(min_nodes=8, max_nodes=10, min_degree=3, max_degree=4, max_path=3, planning_steps=2)
    for seed in range(100):
        batch = Sampler(1, seed).draw(task)
        (read,) = episodes(batch)
        left = away(read)
        for t in read.answering:
            here = read.wanted[t][0]
            right = [e for e in read.edges if e[0] == here and left.get(e[2]) == left[here] - 1]
            wrong = [e for e in read.edges if e[0] == here and left.get(e[2]) != left[here] - 1]
            if len(right) > 1 and wrong:
                return task, batch, t, right, wrong
    raise AssertionError


def test_every_shortest_way_is_right(fork) -> None:
    task, batch, t, right, wrong = fork
    for edge in right:
        answer = task.oracle(batch)
        answer[t, 0] = logits(edge)
        assert task.num_errors(answer, batch).tolist() == [0]
    answer[t, 0] = logits(wrong[0])
    expected = min(sum(a != b for a, b in zip(digits(wrong[0]), digits(edge))) for edge in right)
    assert task.num_errors(answer, batch).tolist() == [expected]


def test_only_edges_that_leave_are_taken(fork) -> None:
    """A slip in a digit that leads to no other edge does no harm: the paper renormalises over the edges."""
    task, batch, t, right, _ = fork
    answer = task.oracle(batch)
    source, label, end = right[0]
    answer[t, 0] = logits((source, label, end), 3.0)
    answer[t, 0, 60 + (digits(right[0])[6] + 5) % 10] = 3.5
    answer[t, 0, :30] = torch.randn(30)
    assert task.num_errors(answer, batch).tolist() == [0]


@pytest.mark.parametrize("mixture", [0.0, 1.5])
def test_a_mixture_is_a_probability(mixture: float) -> None:
    with pytest.raises(ValueError, match=f"mixture is {mixture}: give a probability"):
        ShortestPath(mixture=mixture)


def test_paths_that_no_graph_has_are_refused() -> None:
    with pytest.raises(ValueError, match=r"hardly ever have shortest paths of 9 edges or more"):
        Sampler(1, 0).draw(ShortestPath(min_nodes=3, max_nodes=4, min_path=9, max_path=9))
