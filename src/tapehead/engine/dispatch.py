"""Chooses the engine of a call: the kernel where it computes what the machine says, else the reference."""

import os
import warnings
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from ..types import Trace
from . import reference
from .native import ops
from .native.build import EngineError
from .spec import KernelSpec, Runnable, Unsupported

BACKENDS = ("auto", "reference", "native")
BACKEND_VARIABLE = "TAPEHEAD_BACKEND"

_warned: set[str] = set()
"""Reasons that were said in this process; each is said once."""


def check_backend(backend: str) -> str:
    """``backend`` itself, or a ValueError that names the choices."""
    if backend not in BACKENDS:
        raise ValueError(f"backend is {backend!r}: choose one of {', '.join(BACKENDS)}")
    return backend


def run(
    machine: Runnable,
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
        machine: what runs.
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
    spec = None if return_trace else _kernel(machine, x, state, memory_size, backend)
    if spec is None:
        return reference.run(machine, x, state, lengths, memory_size=memory_size, return_trace=return_trace)
    y, features, read_words, state = _run_kernel(machine, spec, x, state, lengths, memory_size)
    if y is None:
        y = reference.outputs(machine, features, read_words, lengths)
    return y, state, None


def run_features(
    machine: Runnable,
    x: Tensor,
    state: Any,
    lengths: Tensor | None,
    *,
    memory_size: int | None = None,
    backend: str | None = None,
) -> tuple[Tensor, Tensor | None, Any]:
    """As :func:`run`, up to what the output layer is applied to.

    Returns:
        (features [T, B, L·H], words read [T, B, R, W] or None without a memory, the final state). What the
        first two hold in the padding has no meaning.
    """
    spec = _kernel(machine, x, state, memory_size, backend)
    if spec is None:
        steps = reference.run_steps(machine, x, state, lengths, memory_size=memory_size)
        return steps.features, steps.read_words, steps.state
    without_outputs = spec._replace(outputs=(), output_bias=False)
    _, *found = _run_kernel(machine, without_outputs, x, state, lengths, memory_size)
    return found[0], found[1], found[2]


def _kernel(
    machine: Runnable, x: Tensor, state: Any, memory_size: int | None, backend: str | None
) -> KernelSpec | None:
    """The kernel's terms for this call; None where the reference has to run it."""
    backend = check_backend(backend or os.environ.get(BACKEND_VARIABLE) or "auto")
    empty = x.shape[1] == 0  # nothing to compute: no kernel is built for it
    if backend == "reference" or empty:
        return None
    spec = _servable(machine.kernel_spec(memory_size), x, state)
    if isinstance(spec, KernelSpec):
        return spec
    if backend == "native":
        raise EngineError(
            f"the native engine cannot run this {type(machine).__name__}: {spec.reason}; "
            'use backend="auto" or backend="reference"'
        )
    if spec.reason not in _warned:
        _warned.add(spec.reason)
        warnings.warn(
            f"this {type(machine).__name__} runs on the reference engine, "
            f"slower than the native one: {spec.reason}",
            RuntimeWarning,
            stacklevel=7,  # where it was called: past run, unroll, forward and two frames of nn.Module
        )
    return None


def _run_kernel(
    machine: Runnable,
    spec: KernelSpec,
    x: Tensor,
    state: Any,
    lengths: Tensor | None,
    memory_size: int | None,
) -> tuple[Tensor | None, Tensor, Tensor | None, Any]:
    if state is None and not spec.constant_start:
        state = machine.initial_state(x.shape[1], memory_size)
    return ops.run(spec, x, state, lengths, reference.Recompute(machine, memory_size))


def _servable(spec: KernelSpec | Unsupported, x: Tensor, state: Any) -> KernelSpec | Unsupported:
    """``spec`` where the kernel can take this call, else why it cannot."""
    if isinstance(spec, Unsupported):
        return spec
    if torch._C._are_functorch_transforms_active():
        return Unsupported("torch.func transforms do not see into compiled code")
    if forward_ad._current_level >= 0:
        return Unsupported("forward-mode differentiation does not see into compiled code")
    reason = ops.unsupported_reason(spec, x, state)
    return spec if reason is None else Unsupported(reason)
