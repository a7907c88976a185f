"""Trained machines: those that ship with tapehead, and folders that a run or ``save_pretrained`` wrote.

>>> from tapehead import zoo
>>> isinstance(zoo.names(), tuple)
True
"""

from ._card import write_card as write_card
from ._zoo import ModelError as ModelError
from ._zoo import find as find
from ._zoo import info as info
from ._zoo import load as load
from ._zoo import names as names

__all__ = ["ModelError", "find", "info", "load", "names", "write_card"]
