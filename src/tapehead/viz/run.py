"""Run a machine over a batch and keep its trace, without changing the machine."""

from typing import NamedTuple

import torch
from torch import Tensor

from ..nn import Machine, evaluation_mode
from ..tasks import Batch
from ..types import Trace


class TracedRun(NamedTuple):
    """What a machine computed for a batch, time first whatever the machine's ``batch_first`` says."""

    outputs: Tensor
    """logits, [T, B, outputs]"""
    trace: Trace | None
    """[T, B, ...]; None for a machine without a memory"""


def run_traced(machine: Machine, batch: Batch, memory_size: int | None = None) -> TracedRun:
    """Run a machine in evaluation mode, without gradients.

    Args:
        machine: left as it was, training mode and ``batch_first`` included.
        batch: time first, as a task draws it.
        memory_size: slots to run with; None: as the machine was built.

    Raises:
        ValueError: a batch or a memory size that the machine cannot take.
    """
    with torch.no_grad(), evaluation_mode(machine):
        outputs, _, trace = machine.unroll(
            batch.inputs, lengths=batch.lengths, memory_size=memory_size, return_trace=machine.has_memory
        )
    return TracedRun(outputs, trace)
