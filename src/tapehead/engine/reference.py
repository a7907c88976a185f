"""The reference engine: a plain loop over time in PyTorch. Any device, any controller, autograd.

What a kernel must reproduce, and what runs wherever no kernel does.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ..types import AnyState, Trace, map_state
from .spec import KernelSpec, Runnable, flatten_state, unflatten_state


class Steps(NamedTuple):
    """What the loop leaves behind."""

    features: Tensor
    """the controller's output, [T, B, L·H]"""
    read_words: Tensor | None
    """[T, B, R, W], or None without a memory"""
    state: Any
    trace: Trace | None


def run(
    machine: Runnable,
    x: Tensor,
    state: Any,
    lengths: Tensor | None,
    *,
    memory_size: int | None = None,
    return_trace: bool,
) -> tuple[Tensor, Any, Trace | None]:
    """Run ``machine.step`` over x [T, B, input_size]; arguments and result as in ``engine.run``."""
    steps = run_steps(machine, x, state, lengths, memory_size=memory_size, return_trace=return_trace)
    return outputs(machine, steps.features, steps.read_words, lengths), steps.state, steps.trace


def run_steps(
    machine: Runnable,
    x: Tensor,
    state: Any,
    lengths: Tensor | None,
    *,
    memory_size: int | None = None,
    return_trace: bool = False,
) -> Steps:
    """Run over all steps, without the output layer. A sequence that is over keeps its state."""
    if state is None:
        state = machine.initial_state(x.shape[1], memory_size)
    if lengths is not None:
        # Whatever stands in the padding, NaN included, must not reach a gradient.
        x = x.masked_fill(_padding(x, lengths), 0)
    features, read_words, entries = [], [], []
    for t, x_t in enumerate(x):
        output, new_state, entry = machine.step(x_t, state)
        if lengths is None:
            state = new_state
        else:
            active = t < lengths
            state = _keep_finished(active, new_state, state)
            if return_trace and entry is not None:
                entry = _zero_finished(active, entry)
        features.append(output)
        if hasattr(state, "read_words"):
            read_words.append(state.read_words)
        if return_trace and entry is not None:
            entries.append(entry)
    trace = None
    if entries:
        columns = zip(*entries, strict=True)
        trace = Trace(*(None if column[0] is None else torch.stack(column) for column in columns))  # type: ignore[arg-type]
    return Steps(torch.stack(features), torch.stack(read_words) if read_words else None, state, trace)


def outputs(machine: Runnable, features: Tensor, read_words: Tensor | None, lengths: Tensor | None) -> Tensor:
    """The machine's outputs [T, B, output_size], zero in the padding."""
    y = machine.outputs(features, read_words)
    return y if lengths is None else y.masked_fill(_padding(y, lengths), 0)


class Recompute(NamedTuple):
    """A run of the kernel once more, on the reference and with a graph."""

    machine: Runnable
    memory_size: int | None

    def __call__(
        self,
        spec: KernelSpec,
        x: Tensor,
        lengths: Tensor | None,
        weights: Sequence[Tensor],
        state: Sequence[Tensor],
    ) -> list[Tensor]:
        """Outputs (empty where the machine makes them), features, words read, the final state's tensors.

        Args:
            spec: of the kernel's run.
            x: [T, B, input_size].
            lengths: steps of each sequence, or None.
            weights: to run with, in the order of ``spec.weight_names``.
            state: the tensors of the state to start from; none for the initial state.
        """
        named = {f"machine.{name}": weight for name, weight in zip(spec.weight_names, weights, strict=True)}
        start = unflatten_state(spec, x, list(state)) if state else None
        arguments = spec, x, lengths, start, self.memory_size
        return functional_call(_Recomputing(self.machine), named, arguments, tie_weights=False)


class _Recomputing(nn.Module):
    """A forward pass for ``functional_call``, which puts the weights of another time in place."""

    def __init__(self, machine: Runnable) -> None:
        super().__init__()
        self.machine = machine

    def forward(
        self, spec: KernelSpec, x: Tensor, lengths: Tensor | None, state: Any, memory_size: int | None
    ) -> list[Tensor]:
        machine: Runnable = self.machine
        steps = run_steps(machine, x, state, lengths, memory_size=memory_size)
        nothing = x.new_empty(*x.shape[:2], 0)
        y = outputs(machine, steps.features, steps.read_words, lengths) if spec.outputs else nothing
        words = nothing if steps.read_words is None else steps.read_words.flatten(-2)
        return [y, steps.features, words, *flatten_state(spec, x, steps.state)]


def _padding(x: Tensor, lengths: Tensor) -> Tensor:
    """Which steps of x [T, B, ...] are padding: [T, B, 1]."""
    return (torch.arange(x.shape[0], device=x.device).unsqueeze(1) >= lengths).unsqueeze(-1)


def _choose(active: Tensor, new: Tensor, old: Tensor) -> Tensor:
    return torch.where(active.view(-1, *[1] * (new.dim() - 1)), new, old)


def _zero_finished(active: Tensor, entry: Trace) -> Trace:
    return entry.map(lambda field: _choose(active, field, torch.zeros_like(field)))


def _keep_finished(active: Tensor, new: AnyState, old: AnyState) -> AnyState:
    return map_state(lambda n, o: _choose(active, n, o), new, old)
