"""A dense NTM of many slots, without a tape: a step passes over the rows that its weightings do not touch."""

from typing import Any

import pytest
import torch

from tapehead import NTM
from tests.engine.agreement import TOLERANCE, assert_close, everything, poisoned, random_state

SLOTS = 2_003  # from 1,024 on; no whole number of vectors
LANES = 16
TOUCHED = {torch.float32: 1e-7, torch.float64: 1e-16}
"""Of write weightings, the least that changes a row."""
STEPS = 12
SWITCHES: dict[str, dict[str, Any]] = {
    "plain": {},
    "two heads of each": {"num_reads": 2, "num_writes": 2},
    "read first": {"read_first": True, "num_reads": 2},
    "write gate": {"write_gate": True, "num_writes": 2},
    "no shift": {"max_shift": 0},
    "far shift": {"max_shift": 3, "num_reads": 3},
}
DTYPES = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])


def _machine(dtype: torch.dtype, *, sharp: bool, **switches: Any) -> NTM:
    """Heads in focus that move on from slot to slot, or heads that are everywhere at once."""
    torch.manual_seed(0)
    machine = NTM(5, 9, output_size=4, memory_size=SLOTS, word_size=7, backend="native", **switches)
    with torch.no_grad():
        for heads in machine._split(machine.interface.bias):
            heads.gates.add_(-3 if sharp else 3)
            heads.sharpness.add_(40 if sharp else -5)
            if sharp and machine.max_shift:
                heads.shifts[..., machine.max_shift + 1].add_(4)
    return machine.to(dtype)


def _start(machine: NTM, *, sharp: bool) -> Any:
    state = random_state(machine, 2)
    if not sharp:
        return state
    focus = machine.initial_state(2)
    return state._replace(write_weights=focus.write_weights, read_weights=focus.read_weights)


@pytest.mark.parametrize("sharp", [True, False], ids=["sharp", "everywhere"])
@pytest.mark.parametrize("switches", SWITCHES)
@DTYPES
def test_it_agrees_with_the_reference(dtype: torch.dtype, switches: str, sharp: bool) -> None:
    machine = _machine(dtype, sharp=sharp, **SWITCHES[switches])
    state, x = _start(machine, sharp=sharp), torch.randn(STEPS, 2, 5, dtype=dtype)
    with torch.no_grad():
        expected = everything(machine, "reference", x, state, input_gradient=False, state_gradient=False)
        with poisoned():
            found = everything(machine, "native", x, state, input_gradient=False, state_gradient=False)
    assert_close(expected, found, TOLERANCE[dtype])


@pytest.mark.parametrize("switches", SWITCHES)
def test_the_bound(switches: str) -> None:
    """A number m of the memory is off by 1e-7 · (|a| + e |m|) a step and write head, beside rounding."""
    machine = _machine(torch.float32, sharp=True, **SWITCHES[switches])
    state, x = _start(machine, sharp=True), torch.randn(1, 2, 5)
    with torch.no_grad():
        _, lazy = machine(x, state)
    _, whole = machine(x, state)  # with a tape no row is passed over
    off = (lazy.memory - whole.memory.detach()).abs()
    bound = TOUCHED[torch.float32] * machine.num_writes * (1 + state.memory.abs())
    assert (off <= bound + 4 * torch.finfo(torch.float32).eps * state.memory.abs()).all()


@DTYPES
def test_rows_that_are_not_touched_keep_their_bits(dtype: torch.dtype) -> None:
    machine = _machine(dtype, sharp=True, num_writes=2)
    state = _start(machine, sharp=True)
    with torch.no_grad():
        _, end = machine(torch.randn(1, 2, 5, dtype=dtype), state)
    touched = (end.write_weights >= TOUCHED[dtype]).any(1)
    near = torch.zeros_like(touched)  # those of the same vector are written with them
    for first in range(0, SLOTS, LANES):
        near[:, first : first + LANES] = touched[:, first : first + LANES].any(1, keepdim=True)
    assert 0 < near.sum() < SLOTS / 4, "neither nothing nor everything is touched"
    same = (end.memory == state.memory).all(-1)
    assert same[~near].all()
    assert not same[touched].all()


@pytest.mark.parametrize("sharp", [True, False], ids=["sharp", "everywhere"])
def test_a_call_a_step_gives_the_same_bits(sharp: bool) -> None:
    machine = _machine(torch.float32, sharp=sharp, num_reads=2)
    state, x = _start(machine, sharp=sharp), torch.randn(STEPS, 2, 5)
    with torch.no_grad():
        expected, _ = machine(x, state)
        session = machine.session(state)
        assert torch.equal(torch.cat([session(part) for part in x.split(1)]), expected)


def test_what_is_no_number_spreads_as_ever() -> None:
    """A weighting that is NaN touches everything."""
    machine = _machine(torch.float32, sharp=True)
    state = _start(machine, sharp=True)
    with torch.no_grad():
        y, end = machine(torch.full((1, 2, 5), torch.nan), state)
    assert y.isnan().all()
    assert end.memory.isnan().all()
