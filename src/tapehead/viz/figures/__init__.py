"""Figures: what a machine did with its memory, step by step, and how it learned. Needs matplotlib.

>>> from tapehead.viz.figures import plot_trace
>>> y, state, trace = machine(batch.inputs, lengths=batch.lengths, return_trace=True)  # doctest: +SKIP
>>> plot_trace(trace, batch, y, "copy", "figures")  # doctest: +SKIP
"""

from .answer import plot_answer as plot_answer
from .curves import curves as curves
from .style import save_figure as save_figure
from .style import save_figures as save_figures
from .trace import plot_trace as plot_trace

__all__ = ["curves", "plot_answer", "plot_trace", "save_figure", "save_figures"]
