"""Large buffers that are used again: fresh pages from the system cost as much as the arithmetic.

A tensor from :func:`take` gives its memory back when it and all that shares its storage are gone.
"""

import os
import threading
import weakref
from collections import deque

import numpy as np
import torch
from torch import Tensor

MAX_IDLE_BYTES = 1 << 30
ALIGNMENT = 64

_lock = threading.Lock()
_idle: list[np.ndarray] = []
_returned: deque[np.ndarray] = deque()


def take(elements: int, dtype: torch.dtype) -> Tensor:
    """An uninitialised tensor of ``elements`` numbers, aligned for vector loads."""
    size = max(1, elements) * dtype.itemsize
    block = _fitting_block(size)
    if block is None:
        block = _new_block(size)
    # The view is a NumPy object of its own: torch holds it for as long as the storage lives, and no longer.
    view = block[:size]
    weakref.finalize(view, _give_back, block).atexit = False
    return torch.from_numpy(view).view(dtype)[:elements]


def _new_block(size: int) -> np.ndarray:
    raw = np.empty(_round_up(size) + ALIGNMENT, dtype=np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + _round_up(size)]


def _round_up(size: int) -> int:
    """To one of eight sizes an octave: runs of nearly the same length share their blocks."""
    step = max(4096, 1 << max(0, size.bit_length() - 4))
    return -(-size // step) * step


def _fitting_block(size: int) -> np.ndarray | None:
    with _lock:
        _collect()
        fitting = [i for i, block in enumerate(_idle) if size <= block.nbytes <= 2 * _round_up(size)]
        if not fitting:
            return None
        return _idle.pop(min(fitting, key=lambda i: _idle[i].nbytes))


def _give_back(block: np.ndarray) -> None:
    # The garbage collector may call this in the midst of anything, also while this thread holds the lock.
    _returned.append(block)
    if _lock.acquire(blocking=False):
        try:
            _collect()
        finally:
            _lock.release()


def _collect() -> None:
    """Under the lock: take in what came back, and let go of the oldest where it is too much."""
    while _returned:
        _idle.append(_returned.popleft())
    while sum(block.nbytes for block in _idle) > MAX_IDLE_BYTES:
        _idle.pop(0)


def _forget_lock() -> None:
    """In a forked child: the thread that held the lock, if any did, is not there."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_lock)
