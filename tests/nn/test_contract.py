"""What ``nn.LSTM`` promises its callers, on every machine and switch."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from tapehead import DNC
from tapehead.types import map_state
from tests.nn.machines import (
    HIDDEN,
    INPUT,
    OUTPUT,
    SLOTS,
    Case,
    assert_same,
    cases,
    inputs,
    join,
    pick,
    random_state,
    tensors,
)

every_machine = pytest.mark.parametrize("case", cases(), ids=str)
with_memory = pytest.mark.parametrize("case", cases(lambda case: case.has_memory), ids=str)


@every_machine
def test_shapes_and_types(case: Case) -> None:
    machine = case.build(torch.float32)
    y, state = machine(inputs(5, 2, torch.float32))
    assert y.shape == (5, 2, OUTPUT)
    assert y.dtype == torch.float32
    assert type(state) is machine.state_type
    shapes = [field.shape for field in tensors(machine.initial_state(2))]
    assert [field.shape for field in tensors(state)] == shapes
    assert all(field.dtype == torch.float32 for field in tensors(state))


@every_machine
def test_batch_first(case: Case) -> None:
    machine, flipped = case.build(), case.build(batch_first=True)
    x, state = inputs(5, 2), random_state(machine, 2)
    y, end = machine(x, state)
    y_flipped, end_flipped = flipped(x.transpose(0, 1), state)
    assert_same(y_flipped.transpose(0, 1), y, 0)
    assert_same(end_flipped, end, 0)


@every_machine
def test_unbatched(case: Case) -> None:
    """batch_first says nothing about a sequence without a batch."""
    machine = case.build(batch_first=True)
    x, state = inputs(5, 1)[:, 0], random_state(machine, 1)
    expected, expected_end = case.build()(x.unsqueeze(1), state)
    y, end = machine(x, pick(state, 0))
    assert_same(y, expected[:, 0])
    assert_same(end, pick(expected_end, 0))
    from_start, _ = machine(x)
    assert_same(from_start, case.build()(x.unsqueeze(1))[0][:, 0])
    assert_same(machine.initial_state(), pick(machine.initial_state(1), 0), 0)


@every_machine
def test_no_state_means_the_initial_state(case: Case) -> None:
    machine, x = case.build(), inputs(4, 3)
    assert_same(machine(x, machine.initial_state(3)), machine(x), 0)


@every_machine
def test_one_call_equals_many(case: Case) -> None:
    machine, x = case.build(), inputs(8, 3)
    whole, end = machine(x)
    for sizes in ([1] * 8, [3, 1, 4]):
        state, parts = None, []
        for part in x.split(sizes):
            y, state = machine(part, state)
            parts.append(y)
        assert_same(torch.cat(parts), whole)
        assert_same(state, end)


@every_machine
def test_a_batch_equals_its_sequences_alone(case: Case) -> None:
    machine, x = case.build(), inputs(6, 3)
    state = random_state(machine, 3)
    y, end = machine(x, state)
    alone = [machine(x[:, b], pick(state, b)) for b in range(3)]
    assert_same(torch.stack([y for y, _ in alone], dim=1), y)
    assert_same(join([end for _, end in alone]), end)


@every_machine
def test_a_given_state_is_left_as_it_was(case: Case) -> None:
    machine = case.build()
    state = random_state(machine, 2)
    before = map_state(torch.clone, state)
    _, end = machine(inputs(3, 2), state)
    kept = map_state(torch.clone, end)
    machine(inputs(3, 2), end)
    assert_same(state, before, 0)
    assert_same(end, kept, 0)


@every_machine
@pytest.mark.parametrize(("enforce_sorted", "batch_first"), [(True, False), (False, True)])
def test_packed_sequences(case: Case, enforce_sorted: bool, batch_first: bool) -> None:
    machine = case.build(batch_first=batch_first)
    lengths = [5, 4, 4, 1] if enforce_sorted else [2, 5, 1, 4]
    x, state = inputs(5, 4), random_state(machine, 4)
    packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=enforce_sorted)
    y, end = machine(packed, state)

    reference, _ = nn.LSTM(INPUT, HIDDEN, dtype=torch.float64)(packed)
    assert isinstance(y, PackedSequence)
    assert torch.equal(y.batch_sizes, reference.batch_sizes)
    for name in ("sorted_indices", "unsorted_indices"):
        ours, theirs = getattr(y, name), getattr(reference, name)
        assert (ours is None) == (theirs is None)
        assert ours is None or torch.equal(ours, theirs)

    padded, _ = pad_packed_sequence(y)
    for b, length in enumerate(lengths):
        alone, alone_end = machine(x[:length, b], pick(state, b))
        assert_same(padded[:length, b], alone)
        assert_same(pick(end, b), alone_end)


@every_machine
def test_what_lengths_do_packing_does(case: Case) -> None:
    machine, x, lengths = case.build(), inputs(5, 3), [3, 5, 2]
    y, end = machine(x, lengths=lengths)
    packed_y, packed_end = machine(pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False))
    assert_same(pad_packed_sequence(packed_y)[0], y, 0)
    assert_same(packed_end, end, 0)


@pytest.mark.parametrize(
    "case", cases(lambda case: case.has_memory and "learned-memory" not in str(case)), ids=str
)
def test_memory_size_belongs_to_the_call(case: Case) -> None:
    machine, x = case.build(), inputs(6, 2)
    other = case.build(memory_size=SLOTS + 4)
    assert [p.shape for p in machine.parameters()] == [p.shape for p in other.parameters()]
    other.load_state_dict(machine.state_dict())
    y, end = machine(x, memory_size=SLOTS + 4)
    assert end.memory.shape[1] == SLOTS + 4
    assert_same((y, end), other(x), 0)
    # A state made for that size goes on without saying it again, and may be said again.
    assert_same(machine(x, end), other(x, end), 0)
    assert_same(machine(x, end, memory_size=SLOTS + 4), other(x, end), 0)
    assert_same(machine(x, machine.initial_state(2, SLOTS + 4)), (y, end), 0)


@with_memory
def test_a_memory_of_one_slot(case: Case) -> None:
    y, end = case.build()(inputs(4, 2), memory_size=1)
    assert all(torch.isfinite(field).all() for field in [y, *tensors(end)])


@with_memory
def test_the_words_read_reach_the_next_step(case: Case) -> None:
    """y_t also shows r_t, but r_{t−1} can only come in through the controller, where that sees it."""
    machine, x = case.build(), inputs(1, 2)
    state = random_state(machine, 2)
    words = state.read_words.requires_grad_()
    y, _ = machine(x, state)
    changed, _ = machine(x, state._replace(read_words=words.detach() + 0.5))
    (gradient,) = torch.autograd.grad(y.sum(), words, materialize_grads=True)
    if machine.feed_reads:
        assert (changed - y).abs().amax(-1).min() > 1e-3
        assert (gradient.flatten(2).abs().amax(-1) > 0).all()
    else:
        assert torch.equal(changed, y)
        assert not gradient.any()


@with_memory
def test_the_words_read_are_remembered(case: Case) -> None:
    """The state's read_words are what the last step read from the memory it left (or found: read first)."""
    machine, x = case.build(), inputs(4, 2)
    _, before = machine(x[:3])
    _, after = machine(x[3:], before)
    seen = before.memory if getattr(machine, "read_first", False) else after.memory
    assert_same(after.read_words, after.read_weights @ seen)


@every_machine
def test_detach_cuts_the_graph(case: Case) -> None:
    machine = case.build()
    x = inputs(4, 2).requires_grad_()
    _, state = machine(x)
    cut = state.detach()
    assert type(cut) is type(state)
    assert_same(cut, map_state(torch.Tensor.detach, state), 0)
    assert not any(field.requires_grad for field in tensors(cut))
    y, _ = machine(inputs(2, 2), cut)
    (gradient,) = torch.autograd.grad(y.sum(), x, allow_unused=True)
    assert gradient is None
    y, _ = machine(inputs(2, 2), state)
    if tuple(tensors(state)):
        (gradient,) = torch.autograd.grad(y.sum(), x)
        assert gradient.abs().max() > 0


@every_machine
def test_training_mode_differs_only_by_the_bypass_dropout(case: Case) -> None:
    machine, x = case.build(), inputs(5, 2)
    y, end = machine(x)
    y_training, end_training = machine.train()(x)
    if case.name == "dnc-bypass-dropout":
        assert not torch.equal(y_training, y)
    else:
        assert_same(y_training, y, 0)
    # The dropout sits between controller and output: it never touches what the machine remembers.
    assert_same(end_training, end, 0)


@every_machine
def test_no_grad_gives_the_same_values(case: Case) -> None:
    machine, x = case.build(), inputs(5, 2)
    expected = machine(x)
    with torch.no_grad():
        found = machine(x)
    assert_same(found, map_state(torch.Tensor.detach, expected))
    with torch.inference_mode():
        found = machine(x)
    assert_same(found[0].clone(), expected[0].detach())


@every_machine
def test_strided_inputs_and_states(case: Case) -> None:
    machine = case.build()
    x, state = inputs(5, 2), random_state(machine, 2)
    strided = x.transpose(0, 2).contiguous().transpose(0, 2)
    spread = map_state(lambda field: torch.stack([field, field + 1], dim=-1)[..., 0], state)
    assert not strided.is_contiguous()
    assert_same(machine(strided, spread), machine(x, state))


def test_the_documented_replacement_of_an_lstm() -> None:
    """A model written for nn.LSTM keeps working with a DNC in its place."""

    class Tagger(nn.Module):
        def __init__(self, recurrent: Any) -> None:
            super().__init__()
            self.recurrent = recurrent

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y, state = self.recurrent(x)
            y2, _ = self.recurrent(x, state)
            return y + y2

    x = torch.randn(2, 4, INPUT)
    assert Tagger(nn.LSTM(INPUT, 6, batch_first=True))(x).shape == (2, 4, 6)
    assert Tagger(DNC(INPUT, 8, output_size=6, memory_size=5, word_size=4, batch_first=True))(x).shape == (
        2,
        4,
        6,
    )
