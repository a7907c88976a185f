"""One sequence of a trace as NumPy arrays, time on the first axis, padding cut off."""

import dataclasses

import numpy as np
import torch
from torch import Tensor

from ..types import Trace
from .interface import is_ntm, write_fields


def as_array(field: Tensor) -> np.ndarray:
    """The same numbers in NumPy: float64 stays, every other floating type becomes float32."""
    field = field.detach().cpu()
    if field.is_floating_point() and field.dtype != torch.float64:
        field = field.float()
    return field.numpy()


def one_sequence(trace: Trace, index: int, steps: int) -> Trace:
    """The first ``steps`` steps of sequence ``index`` of a trace [T, B, ...], as a trace [steps, ...]."""
    return trace.map(lambda field: field[:steps, index].detach())


@dataclasses.dataclass(frozen=True)
class Heads:
    """Words and weightings of the heads of one kind."""

    kind: str
    """ "write" or "read"."""
    words: np.ndarray
    """[T, heads, W]: what is written, or what was read"""
    weights: np.ndarray
    """[T, heads, N]"""
    gates: np.ndarray | None
    """[T, heads]: the NTM's interpolation gates; None for a DNC"""


def read_heads(trace: Trace) -> Heads:
    """The read heads of a trace [T, ...] of one sequence."""
    return Heads(
        kind="read",
        words=as_array(trace.read_words),
        weights=as_array(trace.read_weights),
        gates=as_array(trace.read_gates) if is_ntm(trace) else None,
    )


def write_heads(trace: Trace) -> Heads:
    """The write heads of a trace [T, ...] of one sequence."""
    weights = as_array(trace.write_weights)
    return Heads(
        kind="write",
        words=as_array(write_fields(trace).add),
        weights=weights if is_ntm(trace) else weights[:, None],
        gates=as_array(trace.write_gates) if is_ntm(trace) else None,
    )


def colour_limit(values: np.ndarray) -> float:
    """The absolute value at which the colours of signed numbers end.

    It is the largest absolute value, unless a few numbers are far above the rest: those are clipped, because
    all others would get nearly the same colour. Numbers that are not finite do not count; 1 for all zeros.
    """
    sizes = np.abs(values[np.isfinite(values)])
    largest = float(sizes.max(initial=0))
    sizes = sizes[sizes > 0.01 * largest]
    typical = 1.25 * float(np.quantile(sizes, 0.9)) if sizes.size else 0.0
    return (typical if largest > 1.5 * typical else largest) or 1.0
