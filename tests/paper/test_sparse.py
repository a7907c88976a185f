"""The equations of sparse access: against dense access where they are the same, and by their properties."""

import pytest
import torch

from tapehead import functional as F


def _drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


@pytest.mark.parametrize("slots", [1, 7, 33])
def test_with_all_slots_a_content_read_is_dense(slots: int) -> None:
    """Weights and every gradient."""
    found = []
    for sparse in (False, True):
        torch.manual_seed(0)
        inputs = [_drawn(2, slots, 5), _drawn(2, 3, 5), _drawn(2, 3).exp()]
        for tensor in inputs:
            tensor.requires_grad_()
        if sparse:
            every = torch.ones(2, slots, dtype=torch.bool)
            weights = F.sparse_content_weights(*inputs, top_k=slots, candidates=every)
        else:
            weights = F.content_weights(*inputs)
        words = F.read(inputs[0], weights)
        found.append([weights, *torch.autograd.grad((words * _drawn(2, 3, 5)).sum(), inputs)])
    for sparse_one, dense_one in zip(*found, strict=True):
        torch.testing.assert_close(sparse_one, dense_one, rtol=1e-9, atol=1e-9)


def test_the_most_similar_candidates_are_read() -> None:
    memory, keys, strengths = _drawn(2, 9, 4), _drawn(2, 3, 4), _drawn(2, 3).exp()
    candidates = torch.rand(2, 9) > 0.3
    sparse = F.sparse_content_weights(memory, keys, strengths, 2, candidates)
    dense = F.content_weights(memory, keys, strengths) * candidates.unsqueeze(1)
    best = dense.topk(2).indices.sort().values
    assert torch.equal(sparse.topk(2).indices.sort().values, best)
    torch.testing.assert_close(sparse.sum(-1), torch.ones(2, 3, dtype=torch.float64))


def test_without_candidates_nothing_is_read() -> None:
    keys = _drawn(1, 2, 4).requires_grad_()
    weights = F.sparse_content_weights(
        _drawn(1, 3, 4), keys, _drawn(1, 2).exp(), 2, torch.zeros(1, 3, dtype=torch.bool)
    )
    assert not weights.any()
    (gradient,) = torch.autograd.grad(weights.sum(), keys)
    assert torch.isfinite(gradient).all()


def test_among_equals_the_lower_slot() -> None:
    memory, keys = torch.ones(1, 5, 4), torch.ones(1, 1, 4)
    weights = F.sparse_content_weights(
        memory, keys, torch.ones(1, 1), 2, torch.tensor([[False, True, True, True, True]])
    )
    assert weights.tolist() == [[[0.0, 0.5, 0.5, 0.0, 0.0]]]
    kept = F.keep_largest(torch.tensor([0.2, 0.3, 0.2, 0.0, 0.2]), 3)
    torch.testing.assert_close(kept, torch.tensor([0.2, 0.3, 0.2, 0.0, 0.0]))
    least = F.least_recently_used(torch.tensor([[3.0, 0.0, 2.0, 0.0]]), 3)
    assert least[0].argmax(-1).tolist() == [1, 3, 2]


def test_a_write_changes_few_slots_and_empties_the_least_used() -> None:
    memory = _drawn(1, 6, 3)
    least_used = F.least_recently_used(torch.tensor([[5, 2, 4, 3, 6, 7]]).double(), 1)
    last_read = torch.tensor([[[0.0, 0, 0.6, 0, 0.4, 0]]]).double()
    half, add = torch.full((1, 1), 0.5).double(), _drawn(1, 1, 3)
    weights = F.sparse_write_weights(last_read, least_used, torch.ones(1, 1).double(), half)
    torch.testing.assert_close(weights, torch.tensor([[[0, 0.5, 0.3, 0, 0.2, 0]]]).double())
    written = F.sparse_write(memory, weights, least_used, add)
    assert torch.equal(written[0, [0, 3, 5]], memory[0, [0, 3, 5]])
    torch.testing.assert_close(written[0, 1], 0.5 * add[0, 0])
    torch.testing.assert_close(written[0, 2], memory[0, 2] + 0.3 * add[0, 0])


def test_the_time_of_the_last_access_that_counts() -> None:
    usage = torch.tensor([[0.0, 1, 4, 2, 3]])
    reads = torch.tensor([[[0.0, 0.003, 0, 0, 1.0], [0.0, 0.003, 0.004, 0, 0]]])
    after = F.update_access_times(usage, reads, torch.zeros(1, 1, 5))
    assert after.tolist() == [[0.0, 5.0, 4.0, 2.0, 5.0]]
    assert F.mark_written(after, torch.tensor([[True, True, False, False, False]])).tolist() == [
        [1.0, 5.0, 4.0, 2.0, 5.0]
    ]
