"""Figures: what a machine did with its memory, step by step, and how it learned. Needs matplotlib.

>>> from tapehead.show import plot_trace
>>> y, state, trace = machine(batch.inputs, lengths=batch.lengths, return_trace=True)  # doctest: +SKIP
>>> plot_trace(trace, batch, y, "copy", "figures")  # doctest: +SKIP
"""

from ._answer import plot_answer as plot_answer
from ._curves import curves as curves
from ._style import save_figure as save_figure
from ._style import save_figures as save_figures
from .figures import plot_trace as plot_trace

__all__ = ["curves", "plot_answer", "plot_trace", "save_figure", "save_figures"]
