"""The reference engine: a plain loop over time in PyTorch. Any device, any controller, autograd.

What a kernel must reproduce, and what runs wherever no kernel does.
"""

from typing import Any

import torch
from torch import Tensor

from .._types import AnyState, Trace, map_state


def run(
    machine: Any, x: Tensor, state: Any, lengths: Tensor | None, *, return_trace: bool
) -> tuple[Tensor, Tensor | None, Any, Trace | None]:
    """Run ``machine.step`` over x [T, B, input_size], from a batched ``state``.

    Args:
        machine: offers ``step(x_t, state) -> (features, state, trace entry)``.
        x: [T, B, input_size], finite in the padding.
        state: the batched state to start from.
        lengths: steps of each sequence [B], or None when all are T long. A sequence that is over keeps
            its state.
        return_trace: collect the trace entries.

    Returns:
        (features [T, B, L·H], words read [T, B, R, W] or None, final state, trace or None).
    """
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
    return torch.stack(features), torch.stack(read_words) if read_words else None, state, trace


def _select(active: Tensor, new: Tensor, old: Tensor) -> Tensor:
    return torch.where(active.view(-1, *[1] * (new.dim() - 1)), new, old)


def _zero_finished(active: Tensor, entry: Trace) -> Trace:
    return entry.map(lambda field: _select(active, field, torch.zeros_like(field)))


def _keep_finished(active: Tensor, new: AnyState, old: AnyState) -> AnyState:
    return map_state(lambda n, o: _select(active, n, o), new, old)
