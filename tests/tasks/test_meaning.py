"""What the episodes of each task mean, read step by step as a person would."""

import itertools

import pytest
import torch

from tapehead.tasks import AssociativeRecall, Copy, PrioritySort, Reallocation, RepeatCopy, Sampler


def episodes(task, count=64, seed=0):
    """Each episode without its padding: (inputs, targets, mask)."""
    batch = Sampler(count, seed).draw(task)
    for index, steps in enumerate(batch.lengths.tolist()):
        yield tuple(field[:steps, index] for field in batch[:3])


def only(flags):
    """The one step at which a flag is 1; it is 0 at all others."""
    assert sorted(flags.tolist()) == [0.0] * (len(flags) - 1) + [1.0]
    return int(flags.argmax())


def seen(values, low, high):
    """Every size of the range comes, none other, and about equally often."""
    counts = torch.bincount(torch.tensor(values), minlength=high + 1)
    assert int(counts[:low].sum()) == 0
    assert len(counts) == high + 1
    expected = len(values) / (high + 1 - low)
    assert float((counts[low:] - expected).abs().max()) < 5 * expected**0.5


def test_copy():
    lengths = []
    for inputs, targets, mask in episodes(Copy(), 2000):
        length = only(inputs[:, 9]) - 1
        lengths.append(length)
        assert only(inputs[:, 8]) == 0
        assert len(inputs) == 2 * length + 3
        vectors = inputs[1 : length + 1, :8]
        assert int(inputs[:, :8].sum()) == int(vectors.sum())
        assert torch.equal(targets[length + 2 : -1, :8], vectors)
        assert only(targets[:, 8]) == len(targets) - 1
        assert not bool(targets[-1, :8].any())
        assert mask.tolist() == [False] * (length + 2) + [True] * (length + 1)
    seen(lengths, 1, 20)


def test_copy_vectors_are_fair_coins():
    vectors = torch.cat([inputs[1:-22, :8] for inputs, _, _ in episodes(Copy().with_sizes(length=20), 500)])
    assert vectors.shape == (10_000, 8)
    assert float((vectors.mean(0) - 0.5).abs().max()) < 0.025
    assert float((vectors.T.corrcoef() - torch.eye(8)).abs().max()) < 0.05


@pytest.mark.parametrize("length", [1, 20, 120])
def test_copy_at(length):
    batch = Sampler(3, 0).draw(Copy().with_sizes(length=length))
    assert batch.lengths.tolist() == [2 * length + 3] * 3


def test_repeat_copy():
    lengths, repeats = [], []
    for inputs, targets, mask in episodes(RepeatCopy(), 2000):
        length = int(inputs[:, 7].nonzero()) - 1
        count = round(float(inputs[length + 1, 7]) * 8.25**0.5 + 5.5)
        lengths.append(length)
        repeats.append(count)
        assert only(inputs[:, 6]) == 0
        assert len(inputs) == length * (count + 1) + 3
        vectors = inputs[1 : length + 1, :6]
        assert int(inputs[:, :6].sum()) == int(vectors.sum())
        assert torch.equal(targets[length + 2 : -1, :6], vectors.repeat(count, 1))
        assert only(targets[:, 6]) == len(targets) - 1
        assert not bool(targets[-1, :6].any())
        assert mask.tolist() == [False] * (length + 2) + [True] * (length * count + 1)
    seen(lengths, 1, 10)
    seen(repeats, 1, 10)


def test_repeats_have_mean_0_and_variance_1_over_the_training_range():
    codes = [
        float(inputs[2, 7])
        for count in range(1, 11)
        for inputs, _, _ in episodes(RepeatCopy().with_sizes(length=1, repeats=count), 1)
    ]
    assert torch.tensor(codes).mean().item() == pytest.approx(0, abs=1e-6)
    assert torch.tensor(codes).var(correction=0).item() == pytest.approx(1)
    steps = {round(b - a, 4) for a, b in itertools.pairwise(codes)}
    assert len(steps) == 1


@pytest.mark.parametrize("task", [RepeatCopy(), RepeatCopy(max_repeats=2)])
def test_repeats_keep_their_code_in_every_lesson(task):
    (inputs, _, _) = next(episodes(task.with_sizes(length=3, repeats=20), 1))
    assert float(inputs[4, 7]) == pytest.approx((20 - 5.5) / 8.25**0.5)


def test_repeats_are_never_coded_as_nothing():
    with pytest.raises(ValueError, match=r"norm_repeats must be even, got 9; take 10\."):
        RepeatCopy(norm_repeats=9)
    with pytest.raises(ValueError, match=r"norm_repeats must be a whole number of at least 2, got 1\."):
        RepeatCopy(norm_repeats=1)


def test_associative_recall():
    counts, places = [], []
    for inputs, targets, mask in episodes(AssociativeRecall(), 2000):
        count = int(inputs[:, 6].sum())
        counts.append(count)
        assert inputs[:, 6].nonzero().flatten().tolist() == [4 * item for item in range(count)]
        assert inputs[:, 7].nonzero().flatten().tolist() == [4 * count, 4 * count + 4]
        assert len(inputs) == 4 * count + 8
        items = [inputs[4 * item + 1 : 4 * item + 4, :6] for item in range(count)]
        query = inputs[4 * count + 1 : 4 * count + 4, :6]
        answer = targets[-3:]
        matching = [
            item
            for item in range(count - 1)
            if torch.equal(items[item], query) and torch.equal(items[item + 1], answer)
        ]
        assert matching, "the query is an item, not the last, and the answer is the next"
        places.append((count, matching[0]))
        assert not bool(inputs[inputs[:, 6:].any(1)][:, :6].any()), "no bits beside a delimiter"
        assert mask.tolist() == [False] * (4 * count + 5) + [True] * 3
    seen(counts, 2, 6)
    for count in range(2, 7):
        seen([place for number, place in places if number == count], 0, count - 2)


def test_associative_recall_needs_two_items():
    with pytest.raises(ValueError, match=r"min_items must be a whole number of at least 2, got 1\."):
        AssociativeRecall().with_sizes(items=1)


def test_associative_recall_with_items_of_one_vector():
    inputs, targets, mask = next(episodes(AssociativeRecall(vectors=1, num_bits=40).with_sizes(items=2), 1))
    assert torch.equal(inputs[5, :40], inputs[1, :40])
    assert torch.equal(targets[-1], inputs[3, :40])
    assert mask.tolist() == [False] * 7 + [True]


@pytest.mark.parametrize("task", [PrioritySort(), PrioritySort(min_items=4, max_items=9, kept=3, num_bits=5)])
def test_priority_sort(task):
    bits, kept = task.num_bits, task.kept
    counts = []
    for inputs, targets, mask in episodes(task, 500):
        count = only(inputs[:, bits + 1])
        counts.append(count)
        assert len(inputs) == count + 1 + kept
        assert not bool(inputs[count:, : bits + 1].any())
        pairs = [(float(row[bits]), row[:bits].tolist()) for row in inputs[:count]]
        ordered = sorted(pairs, key=lambda pair: pair[0], reverse=True)
        assert targets[count + 1 :].tolist() == [vector for _, vector in ordered[:kept]]
        assert mask.tolist() == [False] * (count + 1) + [True] * kept
    seen(counts, task.min_items, task.max_items)


def test_priorities_are_even_from_minus_1_to_1():
    priorities = torch.cat([inputs[:20, 8] for inputs, _, _ in episodes(PrioritySort(), 500)])
    counts = torch.histc(priorities, bins=10, min=-1, max=1)
    assert int(counts.sum()) == 10_000
    assert float((counts - 1000).abs().max()) < 150


def test_priority_sort_cannot_keep_more_than_it_has():
    with pytest.raises(ValueError, match=r"kept must not exceed min_items, got 16 > 10\."):
        PrioritySort().with_sizes(items=10)
    assert PrioritySort().with_sizes(items=10, kept=8).kept == 8


def test_reallocation_is_the_papers():
    inputs, targets, mask = next(episodes(Reallocation(), 1))
    assert inputs.shape == (120, 8)
    assert int(inputs[:, 6].sum()) == 10
    assert int(mask.sum()) == 50
    assert targets.shape == (120, 6)


def test_reallocation():
    task = Reallocation(min_sequences=1, max_sequences=5, min_length=1, max_length=4)
    sizes = []
    for inputs, targets, mask in episodes(task, 1000):
        sequences = int(inputs[:, 6].sum())
        length = int(mask.sum()) // sequences
        sizes.append((sequences, length))
        assert len(inputs) == sequences * (2 * length + 2)
        pieces = [field.unflatten(0, (sequences, 2 * length + 2)) for field in (inputs, targets, mask)]
        for given, answer, counts in zip(*pieces, strict=True):
            assert only(given[:, 6]) == 0
            assert only(given[:, 7]) == length + 1
            assert torch.equal(answer[length + 2 :], given[1 : length + 1, :6])
            assert int(answer.sum()) == int(given[:, :6].sum())
            assert counts.tolist() == [False] * (length + 2) + [True] * length
    seen([sequences for sequences, _ in sizes], 1, 5)
    seen([length for _, length in sizes], 1, 4)


def test_reallocation_draws_every_sequence_anew():
    inputs, _, _ = next(episodes(Reallocation(num_bits=30), 1))
    pieces = inputs.unflatten(0, (10, 12))[:, 1:6, :30].flatten(1)
    assert len({tuple(piece) for piece in pieces.tolist()}) == 10
