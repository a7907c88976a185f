"""The correctness gate: no speed is reported unless native = reference at the benchmark's own shapes."""

import torch
from torch import Tensor

from tapehead._types import map_state

from .cases import Case

TOLERANCE = 1e-9
STEPS, BATCH = 5, 3


def worst_difference(case: Case) -> float:
    """The largest relative difference between native and reference, float64: outputs, states, gradients."""
    found = [_results(case, backend) for backend in ("reference", "native")]
    worst = 0.0
    for expected, actual in zip(*found, strict=True):
        scale = max(float(expected.abs().max()), 1e-12)
        worst = max(worst, float((expected - actual).abs().max()) / scale)
    return worst


def _results(case: Case, backend: str) -> list[Tensor]:
    torch.manual_seed(0)
    machine = case.build(backend).double()
    x = torch.randn(STEPS, BATCH, case.inputs, dtype=torch.float64, requires_grad=True)
    y, state = machine(x)
    outputs = [y]
    map_state(lambda field: outputs.append(field) or field, state)
    loss = sum((output * torch.randn_like(output)).sum() for output in outputs)
    gradients = torch.autograd.grad(loss, [x, *machine.parameters()])  # type: ignore[arg-type]
    return [*(output.detach() for output in outputs), *gradients]
