"""The NTM's memory step forward, and its write done again: a program a sequence.

``ntm_backward.py`` has the step backward. Both are kernels of one step here, and what ``ntm_sequence.py``
does for every step of a sequence.

Indices: ``t`` is the step. What stands for every step has the step first; state before step t stands at t,
after it at t + 1. Of the memory there are slots, which the caller numbers: at ``src`` it is read, at ``dst``
written. The tape has three rows of N numbers a head, write heads first: the content weighting, the gated and
the shifted one. What one thread of a program stores, another reads only behind a barrier.
"""

from typing import NamedTuple

import triton
import triton.language as tl

from .arithmetic import look_up, sigmoid, softplus, tanh
from .block import load_memory, sequence, store_memory


class Sizes(NamedTuple):
    """What the kernels know when they are compiled."""

    N: int
    W: int
    ROW: int
    """numbers of a row of the memory, W and those behind it"""
    READS: int
    WRITES: int
    S: int
    """shifts"""
    READ: int
    """numbers of a read head's interface"""
    WRITE: int
    """and of a write head's"""
    X: int
    """and of the whole interface"""
    BN: int
    BW: int
    BS: int
    """N, W and S rounded up to powers of two"""
    GATED: int
    """whether write heads have a gate"""
    READ_FIRST: int
    TINY: float
    """the smallest normal number of the dtype"""
    BOUND: float
    """of a weighting's gradient; 0 for none"""


class Buffers(NamedTuple):
    """What a run keeps of every step."""

    XI: tl.tensor
    """the interface, [T, B, X]"""
    WW: tl.tensor
    WR: tl.tensor
    """weightings, [T + 1, B, heads, N]"""
    TAPE: tl.tensor
    WORDS: tl.tensor
    """[T + 1, B, R, W]"""


class Step(NamedTuple):
    """Where that is, of one step of one sequence."""

    reading: tl.tensor
    writing: tl.tensor
    """where the read heads' and the write heads' interface begins"""
    tape: tl.tensor
    ww: tl.tensor
    ww_new: tl.tensor
    wr: tl.tensor
    wr_new: tl.tensor
    words: tl.tensor
    words_new: tl.tensor


@triton.jit
def step_of(buffers, t, b, B, s: tl.constexpr):
    now, new = t * B + b, (t + 1) * B + b
    reading = buffers.XI + now * s.X
    return Step(
        reading,
        reading + s.READS * s.READ,
        buffers.TAPE + now * (s.READS + s.WRITES) * 3 * s.N,
        buffers.WW + now * s.WRITES * s.N,
        buffers.WW + new * s.WRITES * s.N,
        buffers.WR + now * s.READS * s.N,
        buffers.WR + new * s.READS * s.N,
        buffers.WORDS + now * s.READS * s.W,
        buffers.WORDS + new * s.READS * s.W,
    )


@triton.jit
def shift(xi, place, open, s: tl.constexpr, GATED: tl.constexpr):
    """The probability of the shift at ``place``; with a write gate, partly "stay"."""
    shifts = tl.arange(0, s.BS)
    logits = tl.load(xi + s.W + 2 + shifts, mask=shifts < s.S, other=-float("inf"))
    largest = tl.max(logits, 0)
    chance = tl.exp(tl.load(xi + s.W + 2 + place) - largest) / tl.sum(tl.exp(logits - largest), 0)
    if GATED:
        chance = open * chance + tl.where(place == s.S // 2, 1.0 - open, 0.0)
    return chance


@triton.jit
def _address(xi, memory, previous, tape, open, s: tl.constexpr, GATED: tl.constexpr):
    """Content, interpolation, shift, sharpening of the head whose interface begins at ``xi``."""
    n, w = tl.arange(0, s.BN), tl.arange(0, s.BW)
    valid = n < s.N
    key = tanh(tl.load(xi + w, mask=w < s.W, other=0.0))
    content, _, _, _ = look_up(memory, key, key, softplus(tl.load(xi + s.W)), valid, False)
    gate = sigmoid(tl.load(xi + s.W + 1)) * open
    gated = previous + gate * (content - previous)
    tl.store(tape + n, content, mask=valid)
    tl.store(tape + s.N + n, gated, mask=valid)
    tl.debug_barrier()
    moved = tl.zeros_like(gated)
    for place in range(s.S):
        # A shift by o brings slot i - o to slot i; the sum before % is positive, however few slots there are.
        source = (n + (s.N * (s.S // 2 // s.N + 1) + s.S // 2) - place) % s.N
        chance = shift(xi, place, open, s, GATED)
        moved += chance * tl.load(tape + s.N + source, mask=valid, other=0.0)
    tl.store(tape + 2 * s.N + n, moved, mask=valid)
    gamma = 1.0 + softplus(tl.load(xi + s.W + 2 + s.S))
    logs = gamma * tl.log(tl.maximum(moved, s.TINY))
    powers = tl.where(moved > 0, tl.exp(logs - tl.max(tl.where(valid, logs, -float("inf")), 0)), 0.0)
    return powers / tl.maximum(tl.sum(powers, 0), s.TINY)


@triton.jit
def open_of(xi, s: tl.constexpr):
    """A write head's gate, and 1 where it has none; sums that it multiplies then stay as they are."""
    if s.GATED:
        return sigmoid(tl.load(xi + 3 * s.W + s.S + 3))
    else:
        return 1.0


@triton.jit
def erase_and_add(xi, open, s: tl.constexpr):
    """(e, a) of a write head after all non-linearities."""
    w = tl.arange(0, s.BW)
    erase = open * sigmoid(tl.load(xi + s.W + s.S + 3 + w, mask=w < s.W, other=-float("inf")))
    add = open * tanh(tl.load(xi + 2 * s.W + s.S + 3 + w, mask=w < s.W, other=0.0))
    return erase, add


@triton.jit
def write(memory, xi, weights, s: tl.constexpr):
    """All erases, then all adds; ``xi`` is where the write heads' interface begins. Also what is kept."""
    n = tl.arange(0, s.BN)
    keep = tl.full((s.BN, s.BW), 1.0, memory.dtype)
    added = tl.zeros_like(memory)
    for h in range(s.WRITES):
        head = xi + h * s.WRITE
        weighting = tl.load(weights + h * s.N + n, mask=n < s.N, other=0.0)
        erase, add = erase_and_add(head, open_of(head, s), s)
        keep *= 1.0 - weighting[:, None] * erase[None, :]
        added += weighting[:, None] * add[None, :]
    return memory * keep + added, keep


@triton.jit
def step(at, memory, active, s: tl.constexpr):
    """From the memory before a step to that after it. A sequence that is over keeps its state."""
    n, w = tl.arange(0, s.BN), tl.arange(0, s.BW)
    valid, in_word = n < s.N, w < s.W
    for h in range(s.WRITES):
        head = at.writing + h * s.WRITE
        previous = tl.load(at.ww + h * s.N + n, mask=valid, other=0.0)
        weights = _address(head, memory, previous, at.tape + h * 3 * s.N, open_of(head, s), s, s.GATED)
        tl.store(at.ww_new + h * s.N + n, tl.where(active, weights, previous), mask=valid)
    tl.debug_barrier()
    written, _ = write(memory, at.writing, at.ww_new, s)
    # Chosen here and not at the end, so that the memory before needs no registers any more.
    after = tl.where(active, written, memory)
    if s.READ_FIRST:
        seen = memory
    else:
        seen = after
    for h in range(s.READS):
        previous = tl.load(at.wr + h * s.N + n, mask=valid, other=0.0)
        tape = at.tape + (s.WRITES + h) * 3 * s.N
        weights = _address(at.reading + h * s.READ, seen, previous, tape, 1.0, s, False)
        tl.store(at.wr_new + h * s.N + n, tl.where(active, weights, previous), mask=valid)
        word = tl.sum(weights[:, None] * seen, 0)
        before = tl.load(at.words + h * s.W + w, mask=in_word, other=0.0)
        tl.store(at.words_new + h * s.W + w, tl.where(active, word, before), mask=in_word)
    return after


@triton.jit
def write_once_more(XI, WW, t, b, B, memory, active, s: tl.constexpr):
    """The memory after step t from that before it, by the weightings that the step had."""
    writing = XI + (t * B + b) * s.X + s.READS * s.READ
    written, _ = write(memory, writing, WW + ((t + 1) * B + b) * s.WRITES * s.N, s)
    return tl.where(active, written, memory)


@triton.jit(do_not_specialize=["t", "src", "dst"])
def ntm_forward(XI, LENGTHS, WW, WR, TAPE, WORDS, MEMORY, t, src, dst, s: tl.constexpr):
    """One step."""
    b, B = sequence()
    memory = load_memory(MEMORY, src, b, B, s)
    at = step_of(Buffers(XI, WW, WR, TAPE, WORDS), t, b, B, s)
    store_memory(MEMORY, dst, b, B, step(at, memory, t < tl.load(LENGTHS + b), s), s)


@triton.jit(do_not_specialize=["t", "src", "dst"])
def ntm_write_again(XI, LENGTHS, WW, MEMORY, t, src, dst, s: tl.constexpr):
    """The write of step t once more."""
    b, B = sequence()
    memory = load_memory(MEMORY, src, b, B, s)
    memory = write_once_more(XI, WW, t, b, B, memory, t < tl.load(LENGTHS + b), s)
    store_memory(MEMORY, dst, b, B, memory, s)
