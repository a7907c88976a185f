"""Runs a machine over a whole sequence, on the reference loop or on the native kernel."""

import os
import warnings
from typing import Any

from torch import Tensor

from ..types import Trace
from . import reference
from .native import ops
from .native.build import EngineError as EngineError
from .spec import KernelSpec as KernelSpec

BACKENDS = ("auto", "reference", "native")
BACKEND_VARIABLE = "TAPEHEAD_BACKEND"

_said: set[str] = set()


def check_backend(backend: str) -> str:
    """``backend`` itself, or a ValueError that names the choices."""
    if backend not in BACKENDS:
        raise ValueError(f"backend is {backend!r}: choose one of {', '.join(BACKENDS)}")
    return backend


def run(
    machine: Any,
    x: Tensor,
    state: Any,
    lengths: Tensor | None,
    *,
    memory_size: int | None = None,
    return_trace: bool = False,
    backend: str | None = None,
) -> tuple[Tensor, Any, Trace | None]:
    """Run a machine over x [T, B, input_size].

    Args:
        machine: offers ``step``, ``outputs``, ``initial_state`` and ``kernel_spec``.
        x: [T, B, input_size]. What stands in the padding has no influence, NaN included.
        state: the batched state to start from, or None for the machine's initial state.
        lengths: steps of each sequence [B], or None when all are T long.
        memory_size: N of the initial state; None for the machine's own.
        return_trace: also return the trace.
        backend: "reference"; "native", which raises where the kernel cannot serve; "auto", which then takes
            the reference and says so once for each reason; None for what TAPEHEAD_BACKEND says, else "auto".
            A traced call runs on the reference, whatever the backend.

    Returns:
        (outputs [T, B, output_size], zero in the padding; the final state; the trace or None).

    Raises:
        EngineError: ``backend="native"`` and the kernel cannot serve; the message says why.
    """
    backend = check_backend(backend or os.environ.get(BACKEND_VARIABLE) or "auto")
    if backend == "reference" or return_trace:
        return reference.run(machine, x, state, lengths, memory_size=memory_size, return_trace=return_trace)
    spec = machine.kernel_spec(memory_size)
    reason = ops.why_not(spec, x, state)
    if reason is None:
        if state is None and not machine.constant_start:
            state = machine.initial_state(x.shape[1], memory_size)
        y, features, read_words, state = ops.run(spec, x, state, lengths)
        if y is None:
            y = reference.outputs(machine, features, read_words, lengths)
        return y, state, None
    if backend == "native":
        raise EngineError(f"the native engine cannot run this {type(machine).__name__}: {reason}")
    if reason not in _said:
        _said.add(reason)
        warnings.warn(
            f"this {type(machine).__name__} runs on the reference engine, "
            f"slower than the native one: {reason}",
            RuntimeWarning,
            stacklevel=5,  # where the machine was called: past its forward and two frames of nn.Module
        )
    return reference.run(machine, x, state, lengths, memory_size=memory_size, return_trace=False)
