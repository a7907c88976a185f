import pytest
import torch

from tapehead.tasks import Inference, Sampler, ShortestPath, Traversal
from tapehead.tasks.graph.episode import BLANK, GraphEpisode, collate_graph, decode_triples, read_triples
from tests.tasks.graph.reading import Read, episodes

HELPS = [Traversal(supervise_query=True), Inference(scratchpad=True), ShortestPath(scratchpad=True)]


@pytest.fixture
def episode() -> GraphEpisode:
    episode = GraphEpisode()
    episode.add_inputs([(407, 8, 999), (1, 0, 407)])
    episode.begin_phase()
    episode.add_inputs([(1, BLANK, 407)])
    episode.add_planning_steps(2)
    episode.begin_phase()
    episode.add_answer((1, 0, 407))
    episode.add_answer((0, 0, 0), fed=(1, 0, 407))
    return episode


def test_a_label_is_three_digits(episode: GraphEpisode) -> None:
    inputs = collate_graph([episode]).inputs
    ones = inputs[0, 0].nonzero().flatten().tolist()
    assert ones == [4, 10, 27, 30, 40, 58, 69, 79, 89]
    assert inputs.shape == (7, 1, 92)


def test_phases_answers_and_blanks(episode: GraphEpisode) -> None:
    (read,) = episodes(collate_graph([episode]))
    blank = (None, None, None)
    assert read == Read(
        told=[(407, 8, 999), (1, 0, 407), (1, None, 407), blank, blank, blank, (1, 0, 407)],
        wanted={5: (1, 0, 407), 6: (0, 0, 0)},
        phases=[2, 5],
        answering=[5, 6],
    )


def test_several_episodes_are_padded(episode: GraphEpisode) -> None:
    short = GraphEpisode()
    short.add_answer((5, 6, 7))
    batch = collate_graph([short, episode])
    assert batch.lengths.tolist() == [1, 7]
    assert batch.mask.sum(0).tolist() == [1, 2]
    assert not bool(batch.inputs[1:, 0].any())
    assert not bool(batch.targets[1:, 0].any())
    one, other = episodes(batch)
    assert one.wanted == {0: (5, 6, 7)}
    assert other == next(episodes(collate_graph([episode])))


def test_read_back(episode: GraphEpisode) -> None:
    batch = collate_graph([episode])
    assert decode_triples(batch.inputs[:, 0, :90]) == episode.rows
    assert [tuple(row) for row in read_triples(batch.targets[5:, 0]).tolist()] == [(1, 0, 407), (0, 0, 0)]
    noisy = batch.targets[5:, 0] + 0.4 * torch.rand(2, 90)
    assert torch.equal(read_triples(noisy), read_triples(batch.targets[5:, 0]))


@pytest.mark.parametrize("task", HELPS[:2], ids=lambda task: task.name)
def test_helps_in_training_cost_bits_but_are_not_graded(task) -> None:
    """A lesson is learned when the answers are right, whatever the scratchpad steps say."""
    batch = Sampler(8, 0).draw(task)
    asked = batch.inputs[..., 91] > 0
    assert bool((batch.mask & ~asked).any())
    answer = task.oracle(batch)
    answer[~asked] = torch.randn(answer[~asked].shape)
    assert not bool(task.num_errors(answer, batch).any())
    assert bool((task.loss(answer, batch) > task.loss(task.oracle(batch), batch) + 1).all())


@pytest.mark.parametrize("task", HELPS, ids=lambda task: task.name)
def test_the_oracle_is_as_sure_as_one_can_be(task) -> None:
    """Where several edges are hinted at together, it gives each its share: the least possible loss."""
    batch = Sampler(8, 0).draw(task)
    targets = batch.targets[batch.mask]
    entropy = -torch.xlogy(targets, targets).sum()
    torch.testing.assert_close(task.loss(task.oracle(batch), batch).sum(), entropy)


def test_a_walk_in_words() -> None:
    task = Traversal(min_nodes=3, max_nodes=3, min_degree=1, max_degree=1, min_path=2, max_path=2)
    batch = Sampler(2, 0).draw(task)
    _, read = episodes(batch)
    first, second = read.wanted[5], read.wanted[6]
    edges = " ".join(f"({a}, {e}, {b})" for a, e, b in read.edges)
    answer = task.oracle(batch)
    answer[6, 1] = task.oracle(batch)[5, 1]
    text = task.describe(batch, answer, index=1)
    one, other = ("".join(f"{label:03}" for label in triple) for triple in (first, second))
    wrong, bits = sum(a != b for a, b in zip(one, other)), float(task.bits(answer, batch)[1])
    assert text.splitlines() == [
        f"traversal: 8 steps; {wrong} of 27 digits wrong, {bits:.2f} bits to code",
        f"told    {edges}",
        f"query   ({first[0]}, {first[1]}, _)",
        f"query   (_, {second[1]}, _)",
        f"answer  wanted ({first[0]}, {first[1]}, {first[2]})  said ({first[0]}, {first[1]}, {first[2]})",
        f"answer  wanted ({second[0]}, {second[1]}, {second[2]})  said ({first[0]}, {first[1]}, {first[2]})",
        "answer  wanted (0, 0, 0)  said (0, 0, 0)",
    ]


def test_thinking_in_words() -> None:
    task = Inference(min_nodes=3, max_nodes=3, min_degree=1, max_degree=2, queries=2, planning_steps=4)
    lines = task.describe(Sampler(1, 0).draw(task)).splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["query", "thinks", "answer"] * 2
    assert lines[3] == "thinks  4 steps"


def test_hints_and_steps_in_words() -> None:
    task = ShortestPath(planning_steps=4, scratchpad=True, min_path=3, max_path=3, mixture=1.0)
    lines = task.describe(Sampler(1, 4).draw(task)).splitlines()
    words = [line.split() for line in lines if not line.startswith("told")][1:]
    assert [line[0] for line in words] == [*["query"] * 4, *["answer"] * 3]
    assert "wanted several edges" in " ".join(words[1] + words[2] + words[3])
    assert "(several, _, several)" in " ".join(words[2] + words[3])
    assert [line[1] for line in words[-3:]] == ["wanted", "fed", "fed"]
