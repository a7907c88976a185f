"""The trace: everything after each step, without changing a result."""

from typing import Any

import pytest
import torch
from torch.nn.functional import softplus

from tapehead import DNC, NTM, Trace
from tests.nn.machines import SLOTS, WORD, Case, assert_same, cases, inputs, random_state

with_memory = pytest.mark.parametrize("case", cases(lambda case: case.has_memory), ids=str)
IN_STATE = ("memory", "read_weights", "write_weights", "usage", "link", "precedence", "read_words")


def _last_entry(trace: Trace, state: Any) -> tuple[dict, dict]:
    """What trace and state both have."""
    names = [name for name in IN_STATE if hasattr(state, name)]
    return {n: getattr(trace, n)[-1] for n in names}, {n: getattr(state, n) for n in names}


def _assert_all_same(found: dict, expected: dict) -> None:
    assert found.keys() == expected.keys()
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-12, atol=1e-12, msg=name)


@with_memory
def test_it_changes_nothing_and_ends_in_the_state(case: Case) -> None:
    machine, x = case.build(), inputs(6, 2)
    state = random_state(machine, 2)
    y, end = machine(x, state)
    y_traced, end_traced, trace = machine(x, state, return_trace=True)
    tolerance = 0 if case.backend == "reference" else 1e-12
    assert_same(y_traced, y, tolerance)
    assert_same(end_traced, end, tolerance)
    _assert_all_same(*_last_entry(trace, end_traced))


@with_memory
def test_every_entry_is_the_state_after_its_step(case: Case) -> None:
    machine, x = case.build(), inputs(4, 2)
    *_, trace = machine(x, return_trace=True)
    state = None
    for t in range(4):
        _, state = machine(x[t : t + 1], state)
        _assert_all_same(*_last_entry(trace.map(lambda field, t=t: field[: t + 1]), state))


@with_memory
def test_shapes(case: Case) -> None:
    machine = case.build()
    T, B, N, W, R = 3, 2, SLOTS, WORD, machine.num_reads
    *_, trace = machine(inputs(T, B), return_trace=True)
    assert trace.memory.shape == (T, B, N, W)
    assert trace.read_weights.shape == trace.content_read_weights.shape == (T, B, R, N)
    assert trace.read_words.shape == (T, B, R, W)
    assert trace.interface.shape == (T, B, machine.interface.out_features)
    if case.is_dnc:
        N_links = N if machine.temporal_links else 0
        assert trace.write_weights.shape == trace.content_write_weights.shape == (T, B, N)
        assert trace.usage.shape == trace.allocation_weights.shape == (T, B, N)
        assert trace.link is None if case.sparse else trace.link.shape == (T, B, N_links, N_links)
        assert trace.precedence.shape == (T, B, N_links)
        assert trace.read_gates.shape == (T, B, R, 3)
        assert trace.write_gates.shape == (T, B, 2)
    else:
        H = machine.num_writes
        assert trace.write_weights.shape == trace.content_write_weights.shape == (T, B, H, N)
        assert trace.read_gates.shape == (T, B, R)
        assert trace.link is trace.precedence is None
        if case.sparse:
            assert trace.write_gates.shape == (T, B, H, 2)
            assert trace.allocation_weights.shape == (T, B, H, N)
            assert trace.usage.shape == (T, B, N)
        else:
            assert trace.write_gates.shape == (T, B, H)
            assert trace.usage is trace.allocation_weights is None


@with_memory
def test_layouts(case: Case) -> None:
    x = inputs(4, 2)
    *_, trace = case.build()(x, return_trace=True)
    *_, flipped = case.build(batch_first=True)(x.transpose(0, 1), return_trace=True)
    *_, single = case.build()(x[:, 0], return_trace=True)
    for field, other, alone in zip(trace, flipped, single, strict=True):
        if field is not None:
            assert_same(other.transpose(0, 1), field)
            assert_same(alone, field[:, 0])


@with_memory
def test_zero_at_padded_steps(case: Case) -> None:
    machine, x = case.build(), inputs(5, 2)
    _, end, trace = machine(x, lengths=[2, 5], return_trace=True)
    *_, alone = machine(x[:2, 0], return_trace=True)
    for field, short in zip(trace, alone, strict=True):
        if field is not None:
            assert (field[2:, 0] == 0).all()
            assert_same(field[:2, 0], short)
    assert_same(trace.memory[1, 0], end.memory[0])


def _interface(machine: Any, trace: Trace, sizes: list[int]) -> list[torch.Tensor]:
    assert sum(sizes) == trace.interface.shape[-1]
    return list(trace.interface.split(sizes, dim=-1))


def test_ntm_interface_layout() -> None:
    """Read heads, then write heads; each k, β, g, s, γ and, for writing, e, a; raw."""
    machine = NTM(
        3, 5, output_size=2, memory_size=SLOTS, word_size=WORD, num_reads=2, num_writes=2, max_shift=2
    ).double()
    *_, trace = machine(inputs(5, 2), return_trace=True)
    addressing = [WORD, 1, 1, 5, 1]
    heads = _interface(machine, trace, (2 * addressing) + 2 * [*addressing, WORD, WORD])
    reads, writes = [heads[:5], heads[5:10]], [heads[10:17], heads[17:24]]
    for h in range(2):
        key, strength, gate, shifts, gamma = reads[h]
        assert_same(gate.sigmoid().squeeze(-1), trace.read_gates[..., h])
        memory = trace.memory
        cosine = (memory @ key.tanh().unsqueeze(-1)).squeeze(-1) / (
            (memory.square().sum(-1) + 1e-6) * (key.tanh().square().sum(-1, keepdim=True) + 1e-6)
        ).sqrt()
        content = (softplus(strength) * cosine).softmax(-1)
        assert_same(content, trace.content_read_weights[..., h, :])
        # One whole addressing, at the last step: interpolate, shift, sharpen.
        previous = trace.read_weights[-2, :, h]
        g = gate[-1].sigmoid()
        mixed = g * content[-1] + (1 - g) * previous
        s = shifts[-1].softmax(-1)
        shifted = sum(mixed.roll(k - 2, -1) * s[:, k : k + 1] for k in range(5))
        powered = shifted ** (1 + softplus(gamma[-1]))
        assert_same(powered / powered.sum(-1, keepdim=True), trace.read_weights[-1, :, h], 1e-9)
        assert_same(writes[h][2].sigmoid().squeeze(-1), trace.write_gates[..., h])
    weights, before, after = trace.write_weights[-1], trace.memory[-2], trace.memory[-1]
    erased = before
    for h in range(2):
        erased = erased * (1 - weights[:, h].unsqueeze(-1) * writes[h][5][-1].sigmoid().unsqueeze(1))
    added = sum(weights[:, h].unsqueeze(-1) * writes[h][6][-1].tanh().unsqueeze(1) for h in range(2))
    assert_same(erased + added, after)


def test_dnc_interface_layout() -> None:
    """k^r, β^r, k^w, β^w, e, v, f, g^a, g^w, π, as the paper orders them; raw."""
    R = 2
    machine = DNC(3, 5, output_size=2, memory_size=SLOTS, word_size=WORD, num_reads=R).double()
    *_, trace = machine(inputs(5, 2), return_trace=True)
    sizes = [R * WORD, R, WORD, 1, WORD, WORD, R, 1, 1, 3 * R]
    _, _, _, _, erase, write, free, allocate, gate, modes = _interface(machine, trace, sizes)
    assert_same(torch.cat([allocate, gate], -1).sigmoid(), trace.write_gates)
    assert_same(modes.unflatten(-1, (R, 3)).softmax(-1), trace.read_gates)
    weights = trace.write_weights[1:].unsqueeze(-1)
    expected = trace.memory[:-1] * (1 - weights * erase[1:].sigmoid().unsqueeze(-2)) + weights * write[
        1:
    ].unsqueeze(-2)
    assert_same(expected, trace.memory[1:])
    retention = (1 - free[1:].sigmoid().unsqueeze(-1) * trace.read_weights[:-1]).prod(-2)
    used, written = trace.usage[:-1], trace.write_weights[:-1]
    assert_same((used + written - used * written) * retention, trace.usage[1:])


def test_without_links_reads_go_by_content_alone() -> None:
    machine = DNC(
        3, 5, output_size=2, memory_size=SLOTS, word_size=WORD, num_reads=2, temporal_links=False
    ).double()
    *_, trace = machine(inputs(4, 2), return_trace=True)
    assert_same(trace.read_weights, trace.content_read_weights)
    assert torch.equal(trace.read_gates, torch.tensor([0.0, 1.0, 0.0]).expand(4, 2, 2, 3).double())
