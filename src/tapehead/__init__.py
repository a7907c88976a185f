"""Neural Turing Machines and Differentiable Neural Computers for PyTorch."""

import os
from typing import TYPE_CHECKING

from . import functional as functional
from . import nn as nn
from .nn import DNC as DNC
from .nn import NTM as NTM
from .types import DNCState as DNCState
from .types import NTMState as NTMState
from .types import Trace as Trace

if TYPE_CHECKING:
    from .knowledge import Answer, KnowledgeGraph

__version__ = "0.1.0"

__all__ = ["DNC", "NTM", "DNCState", "NTMState", "Trace", "ask", "functional", "load", "nn"]


def load(name_or_path: str | os.PathLike[str]) -> nn.Machine:
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


def ask(
    graph: "KnowledgeGraph", question: str, *, model: "nn.Machine | str | os.PathLike[str] | None" = None
) -> "Answer":
    """Ask a trained network about a family tree or a map: see :func:`tapehead.knowledge.ask`."""
    from . import knowledge

    return knowledge.ask(graph, question, model=model)
