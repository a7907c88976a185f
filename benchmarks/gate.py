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


class Red(Exception):
    """An engine and the reference differ; the message says where."""


def demand(rows: list[dict[str, Any]]) -> None:
    """Let green rows pass.

    Raises:
        Red: a row is not.
    """
    for row in rows:
        if not row["green"]:
            raise Red(
                f"{row['engine']} and reference differ by {row['difference']:.2g} on {row['case']} "
                f"in {row['dtype']}, and {row['tolerance']:g} is allowed"
            )


def check(case: Case, backend: str = "native", device: str = "cpu") -> list[dict[str, Any]]:
    """Compare an engine with the reference on the CPU over a few steps, a row for each dtype.

    Compared are outputs, final states, and the gradients of inputs and parameters under random cotangents of
    all outputs and states: the largest difference, relative to the largest number of its tensor.
    """
    return [_check(case, backend, device, dtype, tolerance) for dtype, tolerance in TOLERANCES.items()]


def _check(case: Case, backend: str, device: str, dtype: torch.dtype, tolerance: float) -> dict[str, Any]:
    expected, actual = _results(case, "reference", dtype), _results(case, backend, dtype, device)
    differences = [relative_difference(*pair) for pair in zip(expected, actual, strict=True)]
    difference = torch.tensor(differences).max().item()  # unlike Python's max, it lets no NaN go by
    return {
        "case": case.name,
        "engine": backend if device == "cpu" else f"{backend} on {device}",
        "dtype": str(dtype).removeprefix("torch."),
        "difference": difference,
        "tolerance": tolerance,
        "green": difference <= tolerance,  # a NaN is not
    }


def relative_difference(expected: Tensor, actual: Tensor) -> float:
    """The largest difference of two tensors, relative to the largest number in the first; NaN if any is."""
    scale = expected.abs().max().clamp_min(1e-12)
    return float((expected - actual).abs().max() / scale)


def _results(case: Case, backend: str, dtype: torch.dtype, device: str = "cpu") -> list[Tensor]:
    with _seeded():
        machine = case.build(backend).to(device, dtype)
        x = torch.randn(STEPS, BATCH, case.inputs, dtype=dtype).to(device).requires_grad_()
        y, state = machine(x)
        outputs = [y]

        def collect(field: Tensor) -> Tensor:
            outputs.append(field)
            return field

        map_state(collect, state)
        # The numbers are the CPU's, whatever the device.
        loss = sum((output * torch.randn(output.shape, dtype=dtype).to(device)).sum() for output in outputs)
        gradients = torch.autograd.grad(loss, [x, *machine.parameters()])
    return [tensor.detach().cpu() for tensor in (*outputs, *gradients)]


@contextlib.contextmanager
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield
