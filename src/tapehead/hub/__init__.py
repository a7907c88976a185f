"""Trained machines: those that ship with tapehead, and folders that a run or ``save_pretrained`` wrote.

>>> from tapehead import hub
>>> isinstance(hub.names(), tuple)
True
"""

from ..nn.pretrained import PretrainedError as PretrainedError
from .card import write_card as write_card
from .registry import FORMER_NAMES as FORMER_NAMES
from .registry import find as find
from .registry import info as info
from .registry import load as load
from .registry import names as names

__all__ = ["FORMER_NAMES", "PretrainedError", "find", "info", "load", "names", "write_card"]
