"""Neural Turing Machines and Differentiable Neural Computers for PyTorch."""

from typing import Any

from . import functional as functional
from . import nn as nn
from .nn import DNC as DNC
from .nn import NTM as NTM
from .types import DNCState as DNCState
from .types import NTMState as NTMState
from .types import Trace as Trace

__version__ = "0.1.0"

__all__ = ["DNC", "NTM", "DNCState", "NTMState", "Trace", "ask", "functional", "load", "nn"]


def load(name_or_path: str) -> Any:
    """A trained machine: one that ships with tapehead (``tapehead models`` lists them), or a folder.

    Args:
        name_or_path: a name such as "ntm-copy", or the folder of a run or of ``save_pretrained``.

    Returns:
        The machine, in evaluation mode.

    Raises:
        tapehead.hub.PretrainedError: nothing of that name, or a damaged or foreign folder.
    """
    from . import hub

    return hub.load(name_or_path)


def ask(graph: Any, question: str, *, model: Any = None) -> Any:
    """Ask a trained network about a family tree or a map: see :func:`tapehead.knowledge.ask`."""
    from . import knowledge

    return knowledge.ask(graph, question, model=model)
