"""Large buffers that are used again: fresh pages from the system cost as much as the arithmetic.

What lives for one call is borrowed and given back. A tensor from :func:`take` gives its memory back when it
and all that shares its storage are gone.
"""

import contextlib
import math
import mmap
import os
import threading
import weakref
from collections import deque
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .build import EngineError

MAX_IDLE_BYTES = 1 << 30
ALIGNMENT = 64
MIN_MAPPED_BYTES = 1 << 20
"""Less than this is zeroed at once."""


class Block:
    """A buffer, aligned for vector loads."""

    __slots__ = ("address", "array", "size")

    def __init__(self, size: int) -> None:
        """
        Raises:
            EngineError: the system has not so much memory.
        """
        try:
            raw = np.empty(size + ALIGNMENT, dtype=np.uint8)
        except (MemoryError, ValueError) as error:
            raise _too_much(size) from error
        start = -raw.ctypes.data % ALIGNMENT
        self.array = raw[start : start + size]
        self.address = self.array.ctypes.data
        self.size = size


def _too_much(size: int) -> EngineError:
    return EngineError(
        f"the native engine needs a buffer of {size / 1e9:.3g} GB, which the system does not give: "
        "use fewer steps, sequences or memory slots at a time"
    )


_lock = threading.Lock()
_idle: list[Block] = []
_returned: deque[Block] = deque()


def take(elements: int, dtype: torch.dtype) -> Tensor:
    """An uninitialised tensor of ``elements`` numbers, aligned for vector loads."""
    size = max(1, elements) * dtype.itemsize
    block = borrow(size)
    # The view is a NumPy object of its own: torch holds it for as long as the storage lives, and no longer.
    view = block.array[:size]
    weakref.finalize(view, give_back, block).atexit = False
    return torch.from_numpy(view).view(dtype)[:elements]


def zeros(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """A tensor of zeros. A large one takes memory only for the pages that are then written to."""
    size = math.prod(shape) * dtype.itemsize
    if size < MIN_MAPPED_BYTES:
        return torch.zeros(shape, dtype=dtype)
    try:
        pages = mmap.mmap(-1, size)
    except (OSError, ValueError, OverflowError) as error:
        raise _too_much(size) from error
    if hasattr(mmap, "MADV_NOHUGEPAGE"):  # a row in a huge page would take two megabytes
        with contextlib.suppress(OSError):
            pages.madvise(mmap.MADV_NOHUGEPAGE)
    return torch.frombuffer(pages, dtype=dtype).view(tuple(shape))


def borrow(size: int) -> Block:
    """An uninitialised buffer of at least ``size`` bytes, until :func:`give_back`."""
    rounded = _round_up(size)
    with _lock:
        _collect()
        best = None
        for block in _idle:
            if size <= block.size <= 2 * rounded and (best is None or block.size < best.size):
                best = block
        if best is not None:
            _idle.remove(best)
            return best
    return Block(rounded)


def give_back(block: Block) -> None:
    """The buffer may be used again, by anybody."""
    # The garbage collector may call this in the midst of anything, also while this thread holds the lock.
    _returned.append(block)
    if _lock.acquire(blocking=False):
        try:
            _collect()
        finally:
            _lock.release()


def clear() -> None:
    """Return the memory of all buffers that nobody uses to the system (at most MAX_IDLE_BYTES)."""
    with _lock:
        _collect()
        _idle.clear()


def _round_up(size: int) -> int:
    """To one of eight sizes an octave: runs of nearly the same length share their blocks."""
    step = max(4096, 1 << max(0, size.bit_length() - 4))
    return -(-size // step) * step


def _collect() -> None:
    """Under the lock: take in what came back, and let go of the oldest where it is too much."""
    if not _returned:
        return
    while _returned:
        _idle.append(_returned.popleft())
    total = sum([block.size for block in _idle])
    while total > MAX_IDLE_BYTES:
        total -= _idle.pop(0).size


def _forget_lock() -> None:
    """In a forked child: the thread that held the lock, if any did, is not there."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_lock)
