"""The reference engine: a plain loop over time in PyTorch. Any device, any controller, autograd.

What a kernel must reproduce, and what runs wherever no kernel does.
"""

from typing import Any

import torch
from torch import Tensor

from ..types import AnyState, Trace, map_state


def run(
    machine: Any,
    x: Tensor,
    state: Any,
    lengths: Tensor | None,
    *,
    memory_size: int | None = None,
    return_trace: bool,
) -> tuple[Tensor, Any, Trace | None]:
    """Run ``machine.step`` over x [T, B, input_size]; arguments and result as in :func:`tapehead.engine.run`.

    A sequence that is over keeps its state.
    """
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
            if return_trace:
                entry = _zero_finished(active, entry)
        features.append(output)
        if hasattr(state, "read_words"):
            read_words.append(state.read_words)
        if return_trace:
            entries.append(entry)
    trace = None
    if return_trace:
        columns = zip(*entries, strict=True)
        trace = Trace(*(None if column[0] is None else torch.stack(column) for column in columns))  # type: ignore[arg-type]
    y = outputs(machine, torch.stack(features), torch.stack(read_words) if read_words else None, lengths)
    return y, state, trace


def outputs(machine: Any, features: Tensor, read_words: Tensor | None, lengths: Tensor | None) -> Tensor:
    """The machine's outputs [T, B, output_size], zero in the padding."""
    y = machine.outputs(features, read_words)
    return y if lengths is None else y.masked_fill(_padding(y, lengths), 0)


def _padding(x: Tensor, lengths: Tensor) -> Tensor:
    """Which steps of x [T, B, ...] are padding: [T, B, 1]."""
    return (torch.arange(x.shape[0], device=x.device).unsqueeze(1) >= lengths).unsqueeze(-1)


def _select(active: Tensor, new: Tensor, old: Tensor) -> Tensor:
    return torch.where(active.view(-1, *[1] * (new.dim() - 1)), new, old)


def _zero_finished(active: Tensor, entry: Trace) -> Trace:
    return entry.map(lambda field: _select(active, field, torch.zeros_like(field)))


def _keep_finished(active: Tensor, new: AnyState, old: AnyState) -> AnyState:
    return map_state(lambda n, o: _select(active, n, o), new, old)
