"""Pictures of a machine at work: figures (``viz.plot``, with matplotlib) and a page (``viz.player``).

>>> from tapehead import viz
>>> y, state, trace = machine(batch.inputs, lengths=batch.lengths, return_trace=True)  # doctest: +SKIP
>>> viz.plot(trace, batch, y, "copy")  # doctest: +SKIP
>>> viz.player(trace, "play.html", batch=batch, outputs=y, task=task)  # doctest: +SKIP
"""

import os
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..tasks import Batch
from ..types import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["player", "plot"]


def plot(
    trace: Trace | None, batch: Batch, outputs: Tensor, task_name: str = "", **options: Any
) -> list["Figure"]:
    """The papers' figures of one sequence: :func:`tapehead.viz.figures.plot_trace`, which says more.

    Args:
        trace: as a time-first machine returned it, [T, B, ...].
        batch: what the machine ran over.
        outputs: its logits for the batch, [T, B, outputs].
        task_name: for the titles.
        options: ``path``, ``index``, ``input_labels``, ``output_labels``.

    Returns:
        matplotlib figures; a notebook shows them.
    """
    from .figures import plot_trace

    return plot_trace(trace, batch, outputs, task_name, **options)


def player(
    trace: Trace, path: str | os.PathLike | None = None, *, title: str = "trace", **options: Any
) -> str:
    """The player of one sequence: a whole HTML page that loads nothing from anywhere.

    Args:
        trace: as a time-first machine returned it, [T, B, ...].
        path: a file to write the page to; None writes nothing.
        title: the page's heading.
        options: ``batch``, ``outputs``, ``task``, ``index``, as
            :func:`tapehead.viz.player_page.record` takes them; without them the memory alone is shown.

    Returns:
        The page's text.
    """
    from .player_page import player_html, record, write_player

    recording = record(trace, title, **options)
    if path is not None:
        write_player(recording, path)
    return player_html(recording)
