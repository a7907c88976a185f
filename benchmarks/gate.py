"""The correctness gate: no speed is reported unless native = reference at the benchmark's own shapes."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks.cases import Case
from tapehead.types import map_state

TOLERANCES = {torch.float64: 1e-9, torch.float32: 1e-4}
STEPS, BATCH = 6, 3


def check(case: Case) -> list[dict[str, Any]]:
    """Compare native and reference over a few steps, a row for each dtype.

    Compared are outputs, final states, and the gradients of inputs and parameters under random cotangents of
    all outputs and states: the largest difference, relative to the largest number of its tensor.
    """
    return [_check(case, dtype, tolerance) for dtype, tolerance in TOLERANCES.items()]


def _check(case: Case, dtype: torch.dtype, tolerance: float) -> dict[str, Any]:
    expected, actual = (_results(case, backend, dtype) for backend in ("reference", "native"))
    differences = [relative_difference(*pair) for pair in zip(expected, actual, strict=True)]
    difference = torch.tensor(differences).max().item()  # unlike Python's max, it lets no NaN go by
    return {
        "case": case.name,
        "dtype": str(dtype).removeprefix("torch."),
        "difference": difference,
        "tolerance": tolerance,
        "green": difference <= tolerance,  # a NaN is not
    }


def relative_difference(expected: Tensor, actual: Tensor) -> float:
    """The largest difference of two tensors, relative to the largest number in the first; NaN if any is."""
    scale = expected.abs().max().clamp_min(1e-12)
    return float((expected - actual).abs().max() / scale)


def _results(case: Case, backend: str, dtype: torch.dtype) -> list[Tensor]:
    with _seeded():
        machine = case.build(backend).to(dtype)
        x = torch.randn(STEPS, BATCH, case.inputs, dtype=dtype, requires_grad=True)
        y, state = machine(x)
        outputs = [y]

        def collect(field: Tensor) -> Tensor:
            outputs.append(field)
            return field

        map_state(collect, state)
        loss = sum((output * torch.randn_like(output)).sum() for output in outputs)
        gradients = torch.autograd.grad(loss, [x, *machine.parameters()])
    return [*(output.detach() for output in outputs), *gradients]


@contextlib.contextmanager
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield
