"""Calls without gradients that are made again and again: to the bit as those made for the first time."""

import contextlib
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
import torch
from torch import Tensor, nn
from torch.func import vmap

from tapehead import NTM, engine
from tapehead.engine import dispatch
from tapehead.types import map_state
from tests.engine.agreement import assert_same_bits, poisoned, random_state
from tests.engine.mutations import HIDDEN, INPUT, MACHINES, MEMORY
from tests.engine.prepared import WARM, a_machine, a_start, assert_as_afresh, counted, warm
from tests.engine.test_mutations import _differences
from tests.nn.machines import tensors

EACH = pytest.mark.parametrize("name", MACHINES)


@EACH
@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_calls_in_a_loop(name: str, steps: int, batch_size: int, dtype: torch.dtype) -> None:
    machine = a_machine(name).to(dtype)
    x, state = a_start(machine, batch_size, steps * 9)
    kept = [tensor.clone() for tensor in tensors(state)]
    runs = []
    for prepared in (True, False):
        found, now = [], state
        with counted() as served, poisoned(), torch.no_grad():
            for part in x.split(steps):
                with contextlib.nullcontext() if prepared else mock.patch.object(dispatch, "_PREPARED", {}):
                    y, now = machine(part, now)
                found += [y, *tensors(now)]
        assert len(served) == (7 if prepared else 0)
        assert type(now) is type(state)
        assert not any(tensor.requires_grad for tensor in found)
        runs.append({str(i): tensor for i, tensor in enumerate(found)})
    assert_same_bits(*reversed(runs))
    assert all(torch.equal(one, other) for one, other in zip(kept, tensors(state), strict=True))
    storages = {tensor.untyped_storage().data_ptr() for tensor in runs[0].values() if tensor.numel()}
    assert len(storages) == sum(tensor.numel() > 0 for tensor in runs[0].values()), "each has its own memory"


class _Own(Tensor):
    """A tensor of a user's own class."""


def _swapped(state: Any) -> Any:
    return state._replace(controller=tuple(tuple(reversed(layer)) for layer in state.controller))


BAD: dict[str, Callable[[Tensor, Any], tuple[Any, Any]]] = {
    "dtype of x": lambda x, s: (x.float(), s),
    "features of x": lambda x, s: (x[..., 1:], s),
    "batch of x": lambda x, s: (x[:, :1], s),
    "axes of x": lambda x, s: (x[None], s),
    "state of nn.LSTM": lambda x, s: (x, s.controller[0]),
    "tuple": lambda x, s: (x, tuple(s)),
    "list of layers": lambda x, s: (x, s._replace(controller=list(s.controller))),
    "flat controller": lambda x, s: (x, s._replace(controller=tuple((h,) for h in s.controller[0]))),
    "layers of the controller": lambda x, s: (x, s._replace(controller=s.controller * 2)),
    "no controller": lambda x, s: (x, s._replace(controller=None)),
    "dtype of the memory": lambda x, s: (x, s._replace(memory=s.memory.float())),
    "shape of the memory": lambda x, s: (x, s._replace(memory=s.memory[:, :, 1:])),
    "a number": lambda x, s: (x, s._replace(read_words=0.0)),
    "lists of h and c": lambda x, s: (x, s._replace(controller=tuple(map(list, s.controller)))),
    "device": lambda x, s: (x, s._replace(memory=s.memory.to("meta"))),
}
GOOD: dict[str, Callable[[Tensor, Any], tuple[Any, Any]]] = {
    "more slots": lambda x, s: (x, _of_slots(s, 9)),
    "strided x": lambda x, s: (x.repeat(1, 1, 2)[..., ::2], s),
    "strided memory": lambda x, s: (x, s._replace(memory=s.memory.mT.contiguous().mT)),
    "swapped": lambda x, s: (x, _swapped(s)),
    "gradients asked of x": lambda x, s: (x.clone().requires_grad_(), s),
    "parameter": lambda x, s: (x, s._replace(memory=nn.Parameter(s.memory))),
    "own class": lambda x, s: (x, s._replace(memory=s.memory.as_subclass(_Own))),
}


def _of_slots(state: Any, slots: int) -> Any:
    grown = {
        name: nn.functional.pad(getattr(state, name), (0, slots - state.memory.shape[1]))
        for name in ("write_weights", "read_weights")
    }
    memory = nn.functional.pad(state.memory, (0, 0, 0, slots - state.memory.shape[1]))
    return state._replace(memory=memory, **grown)


@pytest.mark.parametrize("case", [*BAD, *GOOD])
def test_other_arguments(case: str) -> None:
    """What does not fit is refused in the same words; what fits is served."""
    machine = a_machine()
    x, state = a_start(machine)
    warm(machine, x, state)
    for _ in range(WARM):
        found = assert_as_afresh(machine, [], *(BAD | GOOD)[case](x, state))
        assert (found.error is None) == (case in GOOD)
        with counted() as served:
            assert_as_afresh(machine, [], x, state)
        assert case == "more slots" or len(served) == 1, "the call of before is still prepared"


@pytest.mark.filterwarnings("ignore:`torch.jit.trace:DeprecationWarning")
def test_what_a_call_is_made_within(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = a_machine()
    x, state = a_start(machine)
    warm(machine, x, state)
    with counted() as served:
        y, _ = machine(x, state)
        assert y.requires_grad
        with torch.no_grad():
            with torch.autocast("cpu", dtype=torch.bfloat16):
                assert machine(x, state)[0].dtype == torch.bfloat16
            dispatch._warned.clear()
            with pytest.warns(RuntimeWarning, match=r"torch\.func"):
                vmap(lambda one: machine(one, state)[0])(x[None])
            machine(x, state, lengths=[1, 1])
            machine(x, state, memory_size=state.memory.shape[1])
            assert machine(x, state, return_trace=True)[2] is not None
            monkeypatch.setenv(engine.BACKEND_VARIABLE, "reference")
            machine(x, state)
            monkeypatch.delenv(engine.BACKEND_VARIABLE)
            machine.backend = "reference"
            machine(x, state)
            machine.backend = None
            with pytest.raises(ValueError, match="memory_size=7"):
                machine(x, state, memory_size=7)
            with pytest.raises(RuntimeError, match=r"torch\.jit\.trace"):
                torch.jit.trace(machine, (x, state))  # type: ignore[no-untyped-call]
    assert not served
    with counted() as served, torch.inference_mode():
        assert machine(x, state)[0].is_inference() == bool(not served)


def test_unbatched_and_batch_first() -> None:
    for batch_first in (False, True):
        machine = NTM(INPUT, HIDDEN, batch_first=batch_first, **MEMORY).double()
        x, state = a_start(machine, 2, 2)
        for given, start in (
            (x, state),
            (x[:, 0], map_state(lambda field: field[0], random_state(machine, 1))),
        ):
            with counted() as served:
                for _ in range(WARM):
                    assert_as_afresh(machine, [], given, start)
            assert served


def test_shapes_in_turn() -> None:
    """Calls of several shapes stay prepared, up to a number; beyond they are given up."""
    machine = a_machine()
    state = random_state(machine, 2)
    lengths = range(1, dispatch.MAX_PREPARED + 1)
    x, _ = a_start(machine, 2, lengths[-1] + 1)
    with torch.no_grad():
        for steps in (*lengths, *lengths):
            machine(x[:steps], state)
        with counted() as served:
            for steps in lengths:
                machine(x[:steps], state)
        assert len(served) == len(lengths)
        machine(x, state)
    assert list(dispatch._PREPARED[machine].calls) == [x.shape]


def test_threads_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = a_machine()
    x, state = a_start(machine, 8, 4)
    warm(machine, x, state)
    one = assert_as_afresh(machine, [], x, state)
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        with counted() as served:
            other = assert_as_afresh(machine, [], x, state)
        assert not served
    finally:
        torch.set_num_threads(before)
    assert not _differences(one, other)
