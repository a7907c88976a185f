"""Runs a machine on the reference and on the native engine, and compares all that comes out."""

import contextlib
import copy
from collections.abc import Iterator
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from tapehead.engine.native import plans, workspace
from tapehead.nn import SparseDNCState, SparseNTMState
from tapehead.types import map_state

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4}
"""Relative to the largest entry of each tensor."""

Results = dict[str, Tensor | None]


@contextlib.contextmanager
def poisoned() -> Iterator[None]:
    """All memory that nobody has written holds NaN: what is read without being written shows."""
    borrow = workspace.borrow

    def borrow_poisoned(size: int) -> workspace.Block:
        block = borrow(size)
        block.array.fill(0xFF)  # NaN in float32 and in float64
        return block

    with mock.patch.object(workspace, "borrow", borrow_poisoned):
        # Deterministic mode fills torch.empty, too.
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(False)


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """``count`` threads for PyTorch and for the engine, however little there is to do."""
    before, min_rows = torch.get_num_threads(), plans.MIN_ROWS_PER_THREAD
    torch.set_num_threads(count)
    plans.MIN_ROWS_PER_THREAD = 1
    try:
        yield
    finally:
        torch.set_num_threads(before)
        plans.MIN_ROWS_PER_THREAD = min_rows


def random_state(machine: Any, batch_size: int, memory_size: int | None = None, seed: int = 0) -> Any:
    """A state as no run makes it: every number its own, the links with a diagonal."""
    generator = torch.Generator().manual_seed(seed)
    state = machine.initial_state(batch_size, memory_size)

    def fill(tensor: Tensor) -> Tensor:
        return torch.randn(tensor.shape, generator=generator, dtype=torch.float64).to(tensor.dtype)

    def weighting(tensor: Tensor) -> Tensor:
        positive = fill(tensor).abs() + 0.01
        return 0.9 * positive / positive.sum(-1, keepdim=True).clamp_min(1e-9)

    fields = {"controller": map_state(fill, state.controller)}
    for name in state._fields[:-1]:
        given = getattr(state, name)
        if name in ("memory", "read_words"):
            fields[name] = fill(given)
        elif name == "usage" and isinstance(state, SparseNTMState | SparseDNCState):
            # Some slots never written, some equally old.
            fields[name] = torch.randint(0, 2 + given.shape[-1], given.shape, generator=generator).to(given)
        elif name == "usage":
            fields[name] = fill(given).sigmoid()
        elif name.endswith("_slots"):  # twice the same, its own, none of the memory's, no whole number
            some = torch.randint(-1, 1 + state.memory.shape[1], given.shape, generator=generator)
            fields[name] = some.to(given) + 0.25
        elif name in ("before_weights", "after_weights"):  # in no order, with gaps
            fields[name] = weighting(given) * (fill(given) > -1)
        else:
            fields[name] = weighting(given)
    if "link" in fields and fields["link"].numel():
        fields["link"] = fields["link"] / fields["link"].sum(-2, keepdim=True)
    return type(state)(**fields)


def everything(
    machine: Any,
    backend: str,
    x: Tensor,
    state: Any = None,
    *,
    input_gradient: bool = True,
    state_gradient: bool = True,
    cotangents: str = "all",
    seed: int = 1,
    **call: Any,
) -> Results:
    """Outputs, final state, and the gradients of x, of all parameters and of the given state, by name.

    Args:
        input_gradient: x asks for its gradient.
        state_gradient: every tensor of the given state asks for its gradient.
        cotangents: "all" random ones, those of the "outputs" alone, or of the final "state" alone.
        call: further arguments of the machine's call.
    """
    machine.backend = backend
    machine.zero_grad(set_to_none=True)
    x = x.detach().requires_grad_(input_gradient)
    starts: list[Tensor] = []
    if state is not None:
        state = map_state(lambda field: _leaf(field, state_gradient, starts), state)
    y, final = machine(x, state, **call)
    ends: list[Tensor] = []
    map_state(lambda field: _collect(field, ends), final)
    pulled = {"all": [y, *ends], "outputs": [y], "state": ends}[cotangents]
    generator = torch.Generator().manual_seed(seed)
    loss = sum(
        (tensor * torch.randn(tensor.shape, generator=generator, dtype=torch.float64).to(tensor.dtype)).sum()
        for tensor in pulled
    )
    if isinstance(loss, Tensor) and loss.requires_grad:
        loss.backward()
    results: Results = {"y": y.detach()}
    results |= {f"final state {i}": tensor.detach() for i, tensor in enumerate(ends)}
    results |= {f"gradient of start state {i}": tensor.grad for i, tensor in enumerate(starts)}
    results |= {f"gradient of {name}": p.grad for name, p in machine.named_parameters()}
    results["gradient of x"] = x.grad
    return results


def _leaf(field: Tensor, requires_grad: bool, leaves: list[Tensor]) -> Tensor:
    leaf = field.detach().requires_grad_(requires_grad)
    leaves.append(leaf)
    return leaf


def _collect(field: Tensor, fields: list[Tensor]) -> Tensor:
    fields.append(field)
    return field


def assert_close(expected: Results, found: Results, tolerance: float, truth: Results | None = None) -> None:
    """Each tensor within ``tolerance`` of its largest entry; a gradient that nobody gives is zero.

    With ``truth``, the same in float64, the tolerance is wider where ``expected`` itself is off.
    """
    assert expected.keys() == found.keys()
    for name in expected:
        one, other = expected[name], found[name]
        if one is None and other is None:
            continue
        one = torch.zeros_like(other) if one is None else one  # type: ignore[arg-type]
        other = torch.zeros_like(one) if other is None else other
        assert one.shape == other.shape, name
        assert one.dtype == other.dtype, name
        if one.numel() == 0:
            continue
        assert torch.isfinite(one).all(), f"{name} of the reference is not finite"
        assert torch.isfinite(other).all(), f"{name} is not finite"
        largest, off = one.abs().max(), (one - other).abs().max()
        allowed = tolerance * largest
        if truth is not None and truth[name] is not None:
            allowed = allowed + 4 * (one - truth[name]).abs().max()
        # What is zero but for cancelled roundings has no largest entry to compare with.
        assert off <= allowed or off < torch.finfo(one.dtype).eps, (
            f"{name} is off by {off / largest:.2g} of its largest entry"
        )


def assert_same_bits(expected: Results, found: Results) -> None:
    """Every number the same to the last bit."""
    assert expected.keys() == found.keys()
    for name in expected:
        one, other = expected[name], found[name]
        assert (one is None) == (other is None), name
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True, msg=name)


def assert_agree(machine: Any, x: Tensor, state: Any = None, **call: Any) -> None:
    """The native engine, on poisoned buffers, gives what the reference gives."""
    expected = everything(machine, "reference", x, state, **call)
    with poisoned():
        found = everything(machine, "native", x, state, **call)
    truth = None
    if x.dtype == torch.float32:
        exact = copy.deepcopy(machine).double()
        state = None if state is None else map_state(Tensor.double, state)
        truth = everything(exact, "reference", x.double(), state, **call)
    assert_close(expected, found, TOLERANCE[x.dtype], truth)
