"""All figures of one sequence of a trace."""

import os
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from ...tasks import Batch
from ...types import Trace
from ..arrays import one_sequence, read_heads, write_heads
from ..interface import is_ntm
from ..slots import choose_slots
from .allocation import draw_allocation
from .episode import draw_episode
from .heads import draw_heads
from .memory import draw_memory
from .scored_sequence import read_sequence
from .style import save_figures


def plot_trace(
    trace: Trace | None,
    batch: Batch,
    outputs: Tensor,
    task_name: str,
    *,
    path: str | os.PathLike | None = None,
    index: int = 0,
    input_labels: Sequence[str] | None = None,
    output_labels: Sequence[str] | None = None,
) -> list[Figure]:
    """The papers' figures of one sequence.

    "episode": inputs, targets and outputs. "heads": what each head writes and reads, and where (NTM
    Figure 6). "memory": the memory at a few steps, with a DNC's links. "allocation", of a DNC: usage, gates
    and read modes (DNC Extended Data Figure 1). Slots of a large memory that no head accessed are left out,
    and a title says how many are shown.

    Args:
        trace: as a time-first machine returned it, [T, B, ...]; None for a machine without a memory, which
            gives "episode" alone.
        batch: what the machine ran over.
        outputs: its logits, [T, B, outputs].
        task_name: for the titles.
        path: a folder to save the figures to, as NAME.png; None saves nothing.
        index: which sequence of the batch.
        input_labels: a short name for each input channel.
        output_labels: a short name for each output channel.

    Returns:
        The figures; ``figure.get_label()`` is the name.

    Raises:
        ValueError: the batch has no such sequence, or the shapes do not belong together.
        OSError: the folder cannot be written.
    """
    T, B = batch.mask.shape
    if not 0 <= index < B:
        raise ValueError(f"index is {index}: the batch has the sequences 0 to {B - 1}")
    shapes = {"outputs": outputs.shape[:2]}
    if trace is not None:
        shapes["trace"] = trace.memory.shape[:2]
    for name, shape in shapes.items():
        if tuple(shape) != (T, B):
            raise ValueError(f"{name} begins with axes {list(shape)}, but the batch is [T, B] = {[T, B]}")
    sequence = read_sequence(batch, outputs, index, task_name, input_labels, output_labels)
    figures = [draw_episode(sequence)]
    if trace is not None:
        one = one_sequence(trace, index, sequence.steps)
        writes, reads = write_heads(one), read_heads(one)
        slots = choose_slots(np.concatenate([writes.weights, reads.weights], 1), circular=is_ntm(one))
        figures += draw_heads(sequence, writes, reads, slots)
        if not is_ntm(one):
            figures.append(draw_allocation(sequence, one, slots))
        figures.append(draw_memory(sequence, one, slots))
    if path is not None:
        save_figures(figures, path)
    return figures
