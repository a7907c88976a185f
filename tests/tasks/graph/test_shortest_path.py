import networkx
import numpy as np
import pytest
import torch

from tapehead.tasks import Sampler, ShortestPath
from tapehead.tasks.graph.episode import ANSWERING
from tapehead.tasks.graph.graphs import random_graph
from tapehead.tasks.graph.shortest_path import choose_edges, distances
from tapehead.train import _lessons

from .reading import Read, episodes

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
    for nodes, degree, path in _lessons.PAPER_SHORTEST_PATH + _lessons.SHORTEST_PATH:
        config = _lessons.shortest_path(((nodes, degree, path),), batch_size=8)
        for read in episodes(Sampler(4, 1).draw(config.lessons[0])):
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


def test_thinking_aloud_hints_at_rings() -> None:
    """The k-th step of planning: all edges that come a step nearer, from distance k, evenly mixed."""
    task = ShortestPath(**SMALL | {"planning_steps": 5}, aloud=True)
    with_hints, without = (
        Sampler(20, 2).draw(t) for t in (task, ShortestPath(**SMALL | {"planning_steps": 5}))
    )
    asked = with_hints.inputs[..., ANSWERING] > 0
    assert torch.equal(with_hints.inputs, without.inputs)
    assert torch.equal(with_hints.targets[asked], without.targets[asked])
    assert torch.equal(with_hints.mask & asked, without.mask)
    for b, read in enumerate(episodes(without)):
        left = away(read)
        for k in range(1, 6):
            ring = [e for e in read.edges if left.get(e[0]) == k and left.get(e[2]) == k - 1]
            t = read.phases[1] + k - 1
            assert bool(with_hints.mask[t, b]) == bool(ring)
            expected = sum((logits(edge, 1 / len(ring)) for edge in ring), torch.zeros(90))
            torch.testing.assert_close(with_hints.targets[t, b], expected)


def test_the_edge_that_renormalised_outputs_make_most_probable() -> None:
    chance = np.random.default_rng(0)
    leaving = [list(random_graph(chance, 8, 2, 4).edges)[:n] for n in (1, 2, 5, 8)]
    outputs = torch.randn(4, 90, generator=torch.Generator().manual_seed(0))
    chosen = choose_edges(outputs, leaving)
    for b, edges in enumerate(leaving):
        chances = outputs[b].view(9, 10).softmax(1)
        each = torch.stack([chances[range(9), digits(edge)].prod() for edge in edges])
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
        assert task.wrong_bits(answer, batch).tolist() == [0]
    answer[t, 0] = logits(wrong[0])
    expected = min(sum(a != b for a, b in zip(digits(wrong[0]), digits(edge))) for edge in right)
    assert task.wrong_bits(answer, batch).tolist() == [expected]


def test_only_edges_that_leave_are_taken(fork) -> None:
    """A slip in a digit that leads to no other edge does no harm: the paper renormalises over the edges."""
    task, batch, t, right, _ = fork
    answer = task.oracle(batch)
    source, label, end = right[0]
    answer[t, 0] = logits((source, label, end), 3.0)
    answer[t, 0, 60 + (digits(right[0])[6] + 5) % 10] = 3.5
    answer[t, 0, :30] = torch.randn(30)
    assert task.wrong_bits(answer, batch).tolist() == [0]


@pytest.mark.parametrize("mixture", [0.0, 1.5])
def test_a_mixture_is_a_probability(mixture: float) -> None:
    with pytest.raises(ValueError, match=f"mixture is {mixture}: give a probability"):
        ShortestPath(mixture=mixture)


def test_paths_that_no_graph_has_are_refused() -> None:
    with pytest.raises(ValueError, match=r"hardly ever have shortest paths of 9 edges or more"):
        Sampler(1, 0).draw(ShortestPath(min_nodes=3, max_nodes=4, min_path=9, max_path=9))
