"""Calls that are prepared, beside the same calls made as if they were the first."""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from tapehead.engine import dispatch
from tapehead.engine.native.prepared import Prepared
from tapehead.nn import Machine, kernel
from tests.engine.agreement import assert_same_bits, random_state
from tests.engine.test_mutations import Outcome, _mutated
from tests.nn.machines import tensors

WARM = 3
"""Calls after which the next one like them is prepared."""


@contextlib.contextmanager
def counted() -> Iterator[list[Prepared]]:
    """The prepared calls that served within."""
    served: list[Prepared] = []
    run = Prepared.run

    def counting(self: Prepared, x: Tensor, state: Any) -> Any:
        found = run(self, x, state)
        served.extend([self] * (found is not None))
        return found

    with mock.patch.object(Prepared, "run", counting):
        yield served


def warm(machine: Machine, x: Tensor, state: Any) -> None:
    """Call until the call is prepared."""
    with torch.no_grad(), counted() as served:
        for _ in range(WARM):
            machine(x, state)
    assert served, "a test in which nothing is prepared says nothing"


def a_machine(name: str = "ntm") -> Machine:
    machine, _ = _mutated(name, (), 3)
    return machine.eval()


def a_start(machine: Machine, batch_size: int = 2, steps: int = 1) -> tuple[Tensor, Any]:
    generator = torch.Generator().manual_seed(8)
    dtype = next(machine.parameters()).dtype
    x = torch.randn(steps, batch_size, machine.input_size, generator=generator, dtype=torch.float64)
    return x.to(dtype), random_state(machine, batch_size)


def outcome_of(machine: Machine, calls: list[str], x: Tensor, state: Any, *, prepared: bool) -> Outcome:
    """A call without gradients, by a prepared one where there is one, or as if there was none."""
    torch.manual_seed(5)  # of dropout
    calls.clear()
    afresh = mock.patch.object(dispatch, "_PREPARED", {})
    unknown = mock.patch.object(kernel, "_KNOWN", {})
    try:
        with torch.no_grad(), contextlib.ExitStack() as stack:
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore", RuntimeWarning)
            for patch in () if prepared else (afresh, unknown):
                stack.enter_context(patch)
            y, final = machine(x, state)
    except Exception as error:
        return Outcome({}, list(calls), f"{type(error).__name__}: {error}")
    found: dict[str, Tensor | None] = {f"state {i}": tensor for i, tensor in enumerate(tensors(final))}
    return Outcome({"y": y, **found}, list(calls), None)


def assert_as_afresh(machine: Machine, calls: list[str], x: Tensor, state: Any) -> Outcome:
    """A call gives what it gives where nothing was prepared, bit for bit; that is returned."""
    found = outcome_of(machine, calls, x, state, prepared=True)
    expected = outcome_of(machine, calls, x, state, prepared=False)
    assert found.calls == expected.calls
    assert found.error == expected.error
    assert_same_bits(expected.tensors, found.tensors)
    assert list(map(type, expected.tensors.values())) == list(map(type, found.tensors.values()))
    return expected
