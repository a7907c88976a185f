"""Runs a machine over a whole sequence, on the reference loop or on a kernel."""

import os
from typing import Any

from torch import Tensor

from .._types import Trace
from . import reference

BACKENDS = ("auto", "reference", "native")
BACKEND_VARIABLE = "TAPEHEAD_BACKEND"


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
    """Run a machine over x [T, B, input_size]; arguments and result as in :func:`reference.run`."""
    check_backend(backend or os.environ.get(BACKEND_VARIABLE, "auto"))
    return reference.run(machine, x, state, lengths, return_trace=return_trace)
