"""Figures of a machine's memory over time, of its answers and of training runs. Needs matplotlib.

>>> from tapehead.viz.figures import plot_trace
>>> y, state, trace = machine(batch.inputs, lengths=batch.lengths, return_trace=True)  # doctest: +SKIP
>>> plot_trace(trace, batch, y, "copy", path="figures")  # doctest: +SKIP
"""

from .answer import plot_answer as plot_answer
from .curves import plot_curves as plot_curves
from .kinship import plot_kinship as plot_kinship
from .search import plot_search as plot_search
from .style import save_figure as save_figure
from .style import save_figures as save_figures
from .trace import plot_trace as plot_trace

__all__ = [
    "plot_answer",
    "plot_curves",
    "plot_kinship",
    "plot_search",
    "plot_trace",
    "save_figure",
    "save_figures",
]
