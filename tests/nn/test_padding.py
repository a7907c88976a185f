"""Padding changes neither outputs, nor states, nor gradients, whatever stands in it."""

import pytest
import torch

from tapehead.types import map_state
from tests.nn.machines import OUTPUT, Case, assert_same, cases, inputs, join, pick, random_state, tensors

LENGTHS = [4, 6, 1]
every_machine = pytest.mark.parametrize("case", cases(), ids=str)


def _padding() -> torch.Tensor:
    return torch.arange(max(LENGTHS) + 2).unsqueeze(1) >= torch.tensor(LENGTHS)


@every_machine
def test_outputs_and_states(case: Case) -> None:
    machine, padding = case.build(), _padding()
    x = inputs(len(padding), 3)
    state = random_state(machine, 3)
    garbage = torch.tensor([float("nan"), float("inf"), 1e300], dtype=x.dtype)
    y, end = machine(torch.where(padding.unsqueeze(-1), garbage, x), state, lengths=torch.tensor(LENGTHS))
    assert (y[padding] == 0).all()
    alone = [machine(x[:length, b], pick(state, b)) for b, length in enumerate(LENGTHS)]
    for b, length in enumerate(LENGTHS):
        assert_same(y[:length, b], alone[b][0])
    assert_same(end, join([end for _, end in alone]))


@every_machine
def test_gradients(case: Case) -> None:
    """Of parameters, inputs and initial state, from outputs (padded ones too) and final state."""
    machine, padding = case.build(), _padding()
    values = inputs(len(padding), 3).masked_fill(padding.unsqueeze(-1), float("nan"))
    state_values = random_state(machine, 3)
    y_weights = inputs(len(padding), 3, seed=6)[..., :OUTPUT]
    end_weights = random_state(machine, 3, seed=7)

    def gradients(padded: bool) -> tuple:
        x = values.clone().requires_grad_()
        state = map_state(lambda field: field.clone().requires_grad_(), state_values)
        machine.zero_grad()
        if padded:
            y, end = machine(x, state, lengths=LENGTHS)
            loss = (y * y_weights).sum()
            loss = loss + sum((a * b).sum() for a, b in zip(tensors(end), tensors(end_weights), strict=True))
        else:
            loss = torch.zeros((), dtype=torch.float64)
            for b, length in enumerate(LENGTHS):
                y, end = machine(x[:length, b], pick(state, b))
                loss = loss + (y * y_weights[:length, b]).sum()
                for a, weight in zip(tensors(end), tensors(pick(end_weights, b)), strict=True):
                    loss = loss + (a * weight).sum()
        loss.backward()
        parameters = tuple(torch.zeros_like(p) if p.grad is None else p.grad for p in machine.parameters())
        start = tuple(torch.zeros_like(f) if f.grad is None else f.grad for f in tensors(state))
        return x.grad, parameters, start

    padded = gradients(padded=True)
    assert (padded[0][padding] == 0).all()
    assert_same(padded, gradients(padded=False), 1e-10)


@every_machine
def test_learned_and_initial_starts(case: Case) -> None:
    """From the machine's own start too, where nothing is given."""
    machine, x = case.build(), inputs(6, 3)
    y, end = machine(x, lengths=LENGTHS)
    for b, length in enumerate(LENGTHS):
        alone, alone_end = machine(x[:length, b])
        assert_same(y[:length, b], alone)
        assert_same(pick(end, b), alone_end)


@every_machine
def test_forms_of_lengths(case: Case) -> None:
    machine, x = case.build(), inputs(6, 3)
    expected = machine(x, lengths=LENGTHS)
    assert_same(machine(x, lengths=torch.tensor(LENGTHS, dtype=torch.int32)), expected, 0)
    assert_same(machine(x, lengths=torch.tensor([6, 6, 6])), machine(x), 0)
    assert_same(machine(x[:, 0], lengths=[4])[0], expected[0][:, 0])


@every_machine
def test_batch_first(case: Case) -> None:
    x = inputs(6, 3)
    expected, end = case.build()(x, lengths=LENGTHS)
    y, flipped_end = case.build(batch_first=True)(x.transpose(0, 1), lengths=LENGTHS)
    assert_same(y.transpose(0, 1), expected, 0)
    assert_same(flipped_end, end, 0)
