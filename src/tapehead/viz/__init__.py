"""Show what a machine did with its memory: figures (``viz.plot``) or an HTML page (``viz.player``).

>>> from tapehead import viz
>>> y, state, trace = machine(batch.inputs, lengths=batch.lengths, return_trace=True)  # doctest: +SKIP
>>> viz.plot(trace, batch, y, "copy")  # doctest: +SKIP
>>> viz.player(trace, "play.html", batch=batch, outputs=y, task=task)  # doctest: +SKIP

Both take the trace of a time-first run. ``viz.plot`` needs matplotlib; ``viz.player`` needs nothing more.
"""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from ..tasks import Batch, Task
from ..types import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["player", "plot"]


def plot(
    trace: Trace | None,
    batch: Batch,
    outputs: Tensor,
    task_name: str = "",
    *,
    path: str | os.PathLike | None = None,
    index: int = 0,
    input_labels: Sequence[str] | None = None,
    output_labels: Sequence[str] | None = None,
) -> list["Figure"]:
    """The papers' figures of one sequence.

    Args:
        trace: [T, B, ...]; None for a machine without a memory.
        batch: what the machine ran over.
        outputs: the machine's logits for the batch, [T, B, outputs].
        task_name: for the titles.
        path: a folder to save the figures to, as NAME.png; None saves nothing.
        index: which sequence of the batch.
        input_labels: a short name for each input channel.
        output_labels: a short name for each output channel.

    Returns:
        matplotlib figures, which a notebook displays; :func:`tapehead.viz.figures.plot_trace` lists them.

    Raises:
        ValueError: the batch has no such sequence, or the shapes do not belong together.
        OSError: the folder cannot be written.
    """
    from .figures import plot_trace

    return plot_trace(
        trace,
        batch,
        outputs,
        task_name,
        path=path,
        index=index,
        input_labels=input_labels,
        output_labels=output_labels,
    )


def player(
    trace: Trace,
    path: str | os.PathLike | None = None,
    *,
    title: str = "trace",
    batch: Batch | None = None,
    outputs: Tensor | None = None,
    task: Task | None = None,
    index: int = 0,
) -> str:
    """The player of one sequence: one HTML file that loads nothing from anywhere.

    Args:
        trace: [T, B, ...], or [T, ...] of an unbatched sequence.
        path: a file to write the page to; None writes nothing.
        title: the page's heading.
        batch: what the machine ran over; without it the memory alone is shown.
        outputs: the machine's logits for the batch, [T, B, outputs].
        task: for the names of the channels.
        index: which sequence of the batch.

    Returns:
        The page's text.

    Raises:
        ValueError: no such sequence, shapes that do not belong together, or a sequence of over 32,000 steps.
        OSError: the file cannot be written.
    """
    from .player_page import player_html, record, write_player

    recording = record(trace, title, batch=batch, outputs=outputs, task=task, index=index)
    if path is not None:
        write_player(recording, path)
    return player_html(recording)
