"""Runs a machine for inference, whatever layout its caller chose and whatever mode it is in."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ...nn import Machine, evaluation_mode
from ...types import Trace


@torch.no_grad()
def run_time_first(
    machine: Machine,
    x: Tensor,
    state: tuple | None = None,
    *,
    lengths: Tensor | Sequence[int] | None = None,
    memory_size: int | None = None,
    return_trace: bool = False,
) -> tuple[Tensor, tuple, Trace | None]:
    """Run a machine over sequences with time as the first axis, in evaluation mode and without gradients.

    The machine is left as it was: its ``batch_first`` is not touched, and the mode of each of its modules is
    restored. (Threads may share a machine that is in evaluation mode already.)

    Args:
        machine: with or without ``batch_first``.
        x: [T, B, input_size], or [T, input_size] unbatched.
        state: to go on from, as an earlier call returned it; None for the initial state.
        lengths: steps of each sequence, [B]; None: all T.
        memory_size: memory slots; None for the machine's own. A machine without a memory ignores it.
        return_trace: also return the trace.

    Returns:
        (outputs [T, B, output_size] or [T, output_size], state, trace [T, B, ...] or [T, ...], or None).
    """
    swap = machine.batch_first and x.dim() == 3
    with evaluation_mode(machine):
        outputs, state, *rest = machine(
            _swapped(x) if swap else x,
            state,
            lengths=lengths,
            memory_size=memory_size if machine.has_memory else None,
            return_trace=return_trace,
        )
    trace = rest[0] if return_trace else None
    if swap:
        outputs, trace = _swapped(outputs), None if trace is None else trace.map(_swapped)
    return outputs, state, trace


def _swapped(tensor: Tensor) -> Tensor:
    return tensor.transpose(0, 1)
