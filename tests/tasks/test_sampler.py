"""The sampler and its stream."""

import pytest
import torch

from tapehead.tasks import Copy, NGrams, RepeatCopy, Sampler
from tapehead.tasks.kinship import Kinship


def test_state_round_trip_is_exact():
    sampler = Sampler(4, 0)
    sampler.draw(Copy())
    sampler.uniform()
    state = sampler.state_dict()
    assert state["generator"].dtype == torch.uint8
    kept = state["generator"].clone()
    first = [sampler.draw(Copy()), sampler.draw(NGrams()), sampler.uniform()]
    assert torch.equal(state["generator"], kept), "a saved state must not move with the stream"

    other = Sampler(4, 99)
    other.load_state_dict(state)
    second = [other.draw(Copy()), other.draw(NGrams()), other.uniform()]
    for a, b in zip(first[:2], second[:2], strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    assert first[2] == second[2]


def test_state_survives_a_file(tmp_path):
    sampler = Sampler(4, 0)
    torch.save(sampler.state_dict(), tmp_path / "state.pt")
    expected = sampler.uniform()
    sampler.load_state_dict(torch.load(tmp_path / "state.pt"))
    assert sampler.uniform() == expected


@pytest.mark.parametrize("drawn", [0, 1, 4, 7, 8, 9])
def test_drawing_ahead_goes_on_exactly(drawn):
    """Wherever in a block, past a task that is drawn batch by batch, and if the next task is another."""
    sampler = Sampler(2, 0, ahead=8)
    for _ in range(drawn):
        sampler.draw(Copy())
    sampler.draw(Kinship(max_facts=9, steps=9))
    for following in (Copy(), RepeatCopy(max_length=3)):
        resumed = Sampler(2, 99, ahead=8)
        resumed.load_state_dict(sampler.state_dict())
        again = Sampler(2, 99, ahead=8)
        again.load_state_dict(resumed.state_dict())
        twin = Sampler(2, 0, ahead=8)
        for _ in range(drawn):
            twin.draw(Copy())
        twin.draw(Kinship(max_facts=9, steps=9))
        for _ in range(10):
            expected = twin.draw(following)
            for one in (resumed, again):
                assert all(torch.equal(x, y) for x, y in zip(one.draw(following), expected, strict=True))


def test_a_block_is_what_one_large_batch_is():
    """In the same order, each batch as long as its own longest episode."""
    whole, sampler = Sampler(12, 5).draw(RepeatCopy()), Sampler(3, 5, ahead=4)
    for first in range(0, 12, 3):
        batch = sampler.draw(RepeatCopy())
        steps = int(batch.lengths.max())
        assert torch.equal(batch.lengths, whole.lengths[first : first + 3])
        for part, full in zip(batch[:3], whole[:3]):
            assert part.is_contiguous()
            assert torch.equal(part, full[:steps, first : first + 3])
            assert not full[steps:, first : first + 3].any()


def test_only_independent_episodes_are_drawn_ahead():
    task = Kinship(max_facts=9, steps=9)
    assert not task.independent
    one, ahead = Sampler(2, 3).draw(task), Sampler(2, 3, ahead=8).draw(task)
    assert all(torch.equal(x, y) for x, y in zip(one, ahead, strict=True))


@pytest.mark.parametrize(
    "state", [{}, {"generator": [1, 2]}, {"generator": torch.zeros(3, dtype=torch.uint8)}]
)
def test_foreign_state(state):
    """What is no state, and a state of before there were blocks."""
    with pytest.raises(ValueError, match=r"not the state of a sampler: it needs 'generator', a uint8 tensor"):
        Sampler(4, 0).load_state_dict(state)


def test_seeds_and_ranks_do_not_meet():
    starts = {Sampler(1, seed, rank).uniform() for seed in range(-5, 20) for rank in range(8)}
    assert len(starts) == 25 * 8


def test_streams_are_uncorrelated():
    def stream(seed, rank):
        sampler = Sampler(1, seed, rank)
        return torch.tensor([sampler.uniform() for _ in range(2000)])

    streams = torch.stack([stream(seed, rank) for seed in range(3) for rank in range(3)])
    off_diagonal = streams.corrcoef() - torch.eye(9)
    assert float(off_diagonal.abs().max()) < 0.1  # 4.5 standard deviations


def test_the_stream_is_the_same_everywhere():
    # Saved results name their seed: the episodes behind it must not change from version to version.
    assert Sampler(1, 0).uniform() == pytest.approx(0.4522221537576049)
    assert Sampler(1, 0, rank=1).uniform() == pytest.approx(0.5847214757146989)


def test_uniform():
    sampler = Sampler(1, 0)
    values = [sampler.uniform() for _ in range(4000)]
    assert min(values) >= 0
    assert max(values) < 1
    assert sum(values) / 4000 == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("arguments", [(0, 1), (-2, 1), (4, 1, -1)])
def test_bad_arguments(arguments):
    bad = min(arguments)
    with pytest.raises(ValueError, match=rf"must be a whole number of at least \d, got {bad}\."):
        Sampler(*arguments)


def test_rank_by_name():
    assert Sampler(1, 5, rank=2).uniform() == Sampler(1, 5, 2).uniform()
