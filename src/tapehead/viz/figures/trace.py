"""The front door: all figures of one episode."""

import os
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from ...tasks import Batch
from ...types import Trace
from .dnc import draw_allocation
from .episode import draw_episode
from .heads import draw_heads
from .memory import draw_memory
from .recording import choose_slots, is_ntm, read_episode, read_heads, write_heads
from .style import save_figures


def plot_trace(
    trace: Trace | None,
    batch: Batch,
    outputs: Tensor,
    task_name: str,
    path: str | os.PathLike | None = None,
    index: int = 0,
    *,
    input_labels: Sequence[str] | None = None,
    output_labels: Sequence[str] | None = None,
) -> list[Figure]:
    """The papers' figures of one sequence.

    "episode": inputs, targets and outputs. "heads": what each head writes and reads, and where (NTM
    Figure 6). "memory": the memory at a few steps, with a DNC's links. "allocation", of a DNC: usage, gates
    and read modes (DNC Extended Data Figure 1). Slots that no head ever touched are left out, and the axis
    says how many.

    Args:
        trace: as a time-first machine returned it, [T, B, ...]; None for a machine without a memory, which
            gives "episode" alone.
        batch: what the machine ran over.
        outputs: its logits, [T, B, outputs].
        task_name: for the titles.
        path: a folder to save the figures to, as NAME.png; None saves nothing.
        index: which sequence of the batch.
        input_labels: a few letters for each input channel.
        output_labels: a few letters for each output channel.

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
    episode = read_episode(batch, outputs, index, task_name, input_labels, output_labels)
    figures = [draw_episode(episode)]
    if trace is not None:
        writes, reads = write_heads(trace, episode.steps, index), read_heads(trace, episode.steps, index)
        slots = choose_slots(np.concatenate([writes.weights, reads.weights]), circular=is_ntm(trace))
        figures += draw_heads(episode, writes, reads, slots)
        if not is_ntm(trace):
            figures.append(draw_allocation(episode, trace, index, slots))
        figures.append(draw_memory(episode, trace, index, slots))
    if path is not None:
        save_figures(figures, path)
    return figures
