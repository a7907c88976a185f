"""What the Triton engine serves, and why not. Imports Triton where it has to, and not before."""

import importlib
import os
from typing import Any

import torch
from torch import Tensor

from ..native.plans import weights_of
from ..spec import KernelSpec

INTERPRETER_VARIABLE = "TRITON_INTERPRET"
SERVED = ("none", "ntm", "dnc")
"""Kinds of memory, as ``KernelSpec.kind`` names them."""
SLOT_LIMIT = 1024
NUMBER_LIMIT = 32768
"""Slots and numbers in a memory, both rounded up to powers of two, that a program can hold."""

_WIDE = {torch.float64: torch.float64, torch.float32: torch.float32, torch.bfloat16: torch.float32}
"""What it computes in, by the dtype of a machine and its input."""


def wide_dtype(dtype: torch.dtype) -> torch.dtype:
    """What the engine computes in for a machine and inputs of ``dtype``: never narrower than float32."""
    return _WIDE[dtype]


def interpreted() -> bool:
    """Whether Triton runs its kernels on the CPU, which is slow, and for tests."""
    return os.environ.get(INTERPRETER_VARIABLE) == "1"


def unsupported_reason(spec: KernelSpec, x: Tensor, state: Any) -> str | None:
    """None when the Triton engine can run this call, else the reason."""
    if not (x.is_cuda or (x.device.type == "cpu" and interpreted())):
        return f"Triton has no kernels for {x.device.type} tensors"
    if torch.compiler.is_compiling():
        return "within torch.compile it is PyTorch that makes the kernels"
    if spec.kind not in SERVED:
        return f"it has no kernel for a memory of kind {spec.kind!r}"
    if x.dtype not in _WIDE:
        return f"it takes float64, float32 and bfloat16, not {x.dtype}"
    if any(tensor.dtype != x.dtype or tensor.device != x.device for tensor in weights_of(spec)):
        return f"some weights are not {x.dtype} on {x.device}"
    if spec.kind != "none":
        slots = spec.memory_size if state is None else state.memory.shape[1]
        numbers = _rounded(slots) * _rounded(spec.word_size)
        if slots > SLOT_LIMIT or numbers > NUMBER_LIMIT:
            return (
                f"a memory of {slots} slots of {spec.word_size} numbers is larger than a program can hold "
                f"({SLOT_LIMIT} slots, {NUMBER_LIMIT} numbers)"
            )
    return _why_no_triton()


def _why_no_triton() -> str | None:
    try:
        importlib.import_module("triton")
    except ImportError as error:
        return f"Triton is not installed ({error})"
    return None


def _rounded(size: int) -> int:
    """The next power of two."""
    return 1 << (size - 1).bit_length()
