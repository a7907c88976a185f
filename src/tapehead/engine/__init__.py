"""Runs a machine over a whole sequence, on the reference loop or on the native kernel."""

import os
import warnings
from typing import Any

from torch import Tensor

from .._types import Trace
from . import native, reference
from ._spec import KernelSpec as KernelSpec
from .build import EngineError as EngineError

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
    return_trace: bool = False,
    backend: str | None = None,
) -> tuple[Tensor, Tensor | None, Any, Trace | None]:
    """Run a machine over x [T, B, input_size]; arguments and result as in :func:`reference.run`.

    Args:
        backend: "reference"; "native", which raises where the kernel cannot serve; "auto", which then takes
            the reference and says so once for each reason; None for what TAPEHEAD_BACKEND says, else "auto".
            A traced call runs on the reference, whatever the backend.

    Raises:
        EngineError: ``backend="native"`` and the kernel cannot serve; the message says why.
    """
    backend = check_backend(backend or os.environ.get(BACKEND_VARIABLE) or "auto")
    if backend == "reference" or return_trace:
        return reference.run(machine, x, state, lengths, return_trace=return_trace)
    spec = machine.kernel_spec()
    reason = native.why_not(spec, x, state)
    if reason is None:
        return native.run(spec, x, state, lengths)
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
    return reference.run(machine, x, state, lengths, return_trace=return_trace)
