"""Neural Turing Machines and Differentiable Neural Computers for PyTorch."""

from typing import TYPE_CHECKING, Any

from . import functional as functional
from . import nn as nn
from .errors import TapeheadError as TapeheadError
from .nn import DNC as DNC
from .nn import NTM as NTM
from .types import DNCState as DNCState
from .types import NTMState as NTMState
from .types import Trace as Trace
from .types import map_state as map_state

if TYPE_CHECKING:
    from .knowledge import Answer, KnowledgeGraph

__version__ = "0.1.0"

__all__ = [
    "DNC",
    "NTM",
    "DNCState",
    "NTMState",
    "TapeheadError",
    "Trace",
    "ask",
    "functional",
    "load",
    "map_state",
    "nn",
]


def load(name_or_path: str) -> nn.Machine[Any]:
    """A trained machine: one that ships with tapehead (``tapehead models`` lists them), or a folder.

    Args:
        name_or_path: a name such as "ntm-copy", the folder of a run or of ``save_pretrained``, or the name
            of a repository on the Hugging Face hub ("org/name"; needs ``tapehead[hub]``).

    Returns:
        The machine, in evaluation mode.

    Raises:
        tapehead.hub.PretrainedError: nothing of that name, or a damaged or foreign folder.
    """
    from . import hub

    return hub.load(name_or_path)


def ask(graph: "KnowledgeGraph", question: str, *, model: "nn.Machine[Any] | str | None" = None) -> "Answer":
    """Ask a trained network about a family tree or a map: see :func:`tapehead.knowledge.ask`."""
    from . import knowledge

    return knowledge.ask(graph, question, model=model)
