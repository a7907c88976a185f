"""The DNC's memory step in one kernel: a program a sequence, forward, backward, and the writes done again.

Indices: ``t`` is the step. What stands for every step has the step first; state before step t stands at t,
after it at t + 1. Of memory and links there are slots, which the caller numbers: at ``src`` they are read, at
``dst`` written. The tape has rows of N numbers: the allocation, the write head's content weighting, those of
the read heads, and with links their forward and backward weightings, before they are sharpened.

The links go through a program in blocks of ``BL`` rows. What one thread of it stores, another reads only
behind a barrier.
"""

from typing import NamedTuple

import triton
import triton.language as tl

from .arithmetic import (
    EPSILON,
    allocation_key,
    look_up,
    multiply,
    precedes,
    sigmoid,
    softmax,
    softmax_backward,
    softplus,
    softplus_backward,
)
from .block import load_memory, sequence, store_memory

SMALL = tl.constexpr(1e-30)
"""A usage below this counts as zero where a product without it would have to divide by it."""


class Sizes(NamedTuple):
    """What the kernels know when they are compiled."""

    N: int
    W: int
    ROW: int
    """numbers of a row of the memory, W and those behind it"""
    READS: int
    BN: int
    BW: int
    """N and W rounded up to powers of two"""
    BL: int
    """rows of the links that a program takes at a time"""
    LINKS: int
    MASKED: int
    MASK_MIN: float
    DEALLOCATE: int
    SHARPEN: int
    USAGE_GRADIENT: int
    """switches, as ``KernelSpec`` has them"""
    BOUND: float
    """of a weighting's gradient; 0 for none"""
    STRENGTHS: int
    KEY: int
    ERASE: int
    FREE: int
    MODES: int
    MASKS: int
    FORWARD: int
    """where the fields of the interface begin, but for the read keys, with which it begins"""
    X: int
    """numbers of the interface"""
    ROWS: int
    """of the tape"""


class Step(NamedTuple):
    """Where a program finds one step of its sequence."""

    xi: tl.tensor
    now: tl.tensor
    new: tl.tensor
    """the offset of a weighting [N] in what has one for every step: before this step, and after it"""
    wr: tl.tensor
    wr_new: tl.tensor
    tape: tl.tensor


@triton.jit
def step_of(XI, WR, TAPE, t, b, B, s: tl.constexpr):
    at = t * B + b
    now, new = at * s.N, (at + B) * s.N
    return Step(XI + at * s.X, now, new, WR + now * s.READS, WR + new * s.READS, TAPE + at * s.ROWS * s.N)


@triton.jit
def mask_of(xi, s: tl.constexpr):
    """A head's mask over the numbers of a word; ones where there is none, which nobody looks at."""
    w = tl.arange(0, s.BW)
    raw = tl.load(xi + w, mask=w < s.W, other=-float("inf"))
    if s.MASKED:
        return tl.where(w < s.W, s.MASK_MIN + (1.0 - s.MASK_MIN) * sigmoid(raw), 0.0)
    else:
        return raw


@triton.jit
def retention(free_gates, weights, s: tl.constexpr):
    """ψ = Π (1 − f w') over the read heads, whose last weightings are at ``weights``."""
    n = tl.arange(0, s.BN)
    kept = tl.where(n >= 0, 1.0, tl.load(weights + n, mask=n < s.N, other=0.0))  # ones, in the right dtype
    for h in range(s.READS):
        gate = sigmoid(tl.load(free_gates + h))
        kept *= 1.0 - gate * tl.load(weights + h * s.N + n, mask=n < s.N, other=0.0)
    return kept


@triton.jit
def allocation_of(usage, s: tl.constexpr):
    """(a, without a sort: for each slot the product of the usages of those before it in the free list)."""
    n = tl.arange(0, s.BN)
    u = tl.load(usage + n, mask=n < s.N, other=0.0)
    key = allocation_key(u)
    before = tl.where(n >= 0, 1.0, u)
    for first in range(0, s.N, s.BL):
        rows = first + tl.arange(0, s.BL)
        there = rows < s.N
        of_rows = tl.load(usage + rows, mask=there, other=0.0)
        ahead = precedes(allocation_key(of_rows), rows, key, n) & there[:, None]
        before *= tl.reduce(tl.where(ahead, of_rows[:, None], 1.0), 0, multiply)
    return tl.where(n < s.N, (1.0 - u) * before, 0.0)


@triton.jit
def allocation_backward(gradient, usage, scratch, s: tl.constexpr):
    """The gradient of the usages.

    A slot j is in the product of every slot k behind it. That product without u_j is the product over j's, or
    without the zeros among the usages where u_j is the only one of them.
    """
    n = tl.arange(0, s.BN)
    valid = n < s.N
    u = tl.load(usage + n, mask=valid, other=0.0)
    key = allocation_key(u)
    before = tl.where(n >= 0, 1.0, u)
    zeros = tl.where(n >= 0, 0.0, u)
    for first in range(0, s.N, s.BL):
        rows = first + tl.arange(0, s.BL)
        there = rows < s.N
        of_rows = tl.load(usage + rows, mask=there, other=0.0)
        ahead = precedes(allocation_key(of_rows), rows, key, n) & there[:, None]
        zero = (of_rows < SMALL)[:, None]
        before *= tl.reduce(tl.where(ahead & (zero == 0), of_rows[:, None], 1.0), 0, multiply)
        zeros += tl.sum(tl.where(ahead & zero, 1.0, 0.0), 0)
    behind = tl.where(valid, gradient * (1.0 - u) * before, 0.0)
    without_zeros, with_one = tl.where(zeros == 0, behind, 0.0), tl.where(zeros == 1, behind, 0.0)
    for first in range(0, s.N, s.BL):
        rows = first + tl.arange(0, s.BL)
        there = rows < s.N
        of_rows = tl.load(usage + rows, mask=there, other=1.0)
        ahead = precedes(allocation_key(of_rows), rows, key, n)
        zero = of_rows < SMALL
        others = tl.where(zero[:, None], with_one[None, :], without_zeros[None, :])
        total = tl.sum(tl.where(ahead, others, 0.0), 1)
        tl.store(scratch + rows, total / tl.where(zero, 1.0, of_rows), mask=there)
    tl.debug_barrier()
    through_others = tl.load(scratch + n, mask=valid, other=0.0)
    return through_others - gradient * tl.where(zeros == 0, before, 0.0)


@triton.jit
def linked(link, w, of_rows, precedence, rows, n):
    """L of some rows after the write: (1 − w_i − w_j) L' + w_i p'_j, the diagonal zero."""
    new = (1.0 - of_rows[:, None] - w[None, :]) * link + of_rows[:, None] * precedence[None, :]
    return tl.where(rows[:, None] == n[None, :], 0.0, new)


@triton.jit
def _write_links(source, target, ww, p, active, s: tl.constexpr):
    n = tl.arange(0, s.BN)
    valid = n < s.N
    w, precedence = tl.load(ww + n, mask=valid, other=0.0), tl.load(p + n, mask=valid, other=0.0)
    for first in range(0, s.N, s.BL):
        rows = first + tl.arange(0, s.BL)
        there = (rows < s.N)[:, None] & valid[None, :]
        cells = rows[:, None] * s.N + n[None, :]
        of_rows = tl.load(ww + rows, mask=rows < s.N, other=0.0)
        link = tl.load(source + cells, mask=there, other=0.0)
        new = linked(link, w, of_rows, precedence, rows, n)
        tl.store(target + cells, tl.where(active, new, link), mask=there)


@triton.jit
def _directions(links, weights, forward, backward, s: tl.constexpr):
    """f = L w' and b = Lᵀ w' of a head, to the tape and back."""
    n = tl.arange(0, s.BN)
    valid = n < s.N
    w = tl.load(weights + n, mask=valid, other=0.0)
    back = tl.zeros_like(w)
    for first in range(0, s.N, s.BL):
        rows = first + tl.arange(0, s.BL)
        there = rows < s.N
        link = tl.load(
            links + rows[:, None] * s.N + n[None, :], mask=there[:, None] & valid[None, :], other=0.0
        )
        tl.store(forward + rows, tl.sum(link * w[None, :], 1), mask=there)
        of_rows = tl.load(weights + rows, mask=there, other=0.0)
        back += tl.sum(link * of_rows[:, None], 0)
    tl.store(backward + n, back, mask=valid)
    tl.debug_barrier()
    return tl.load(forward + n, mask=valid, other=0.0), back


@triton.jit
def sharpened(direction, raw_strength, valid, s: tl.constexpr):
    if s.SHARPEN:
        strength = 1.0 + softplus(tl.load(raw_strength))
        return softmax(strength * tl.log(direction + EPSILON), valid)
    else:
        return direction


@triton.jit
def sharpened_backward(gradient, direction, raw_strength, of_raw, valid, s: tl.constexpr):
    """Writes the gradient of the strength; returns that of the direction."""
    if s.SHARPEN:
        raw = tl.load(raw_strength)
        logs = tl.log(direction + EPSILON)
        strength = 1.0 + softplus(raw)
        q = softmax_backward(gradient, softmax(strength * logs, valid))
        tl.store(of_raw, softplus_backward(tl.sum(q * logs, 0), raw))
        return strength * q / (direction + EPSILON)
    else:
        return gradient


@triton.jit
def modes_of(xi):
    """π of a head: backward, content, forward."""
    first, second, third = tl.load(xi), tl.load(xi + 1), tl.load(xi + 2)
    largest = tl.maximum(tl.maximum(first, second), third)
    first, second, third = tl.exp(first - largest), tl.exp(second - largest), tl.exp(third - largest)
    total = first + second + third
    return first / total, second / total, third / total


@triton.jit
def erase_and_add(xi, s: tl.constexpr):
    """(e, v) of the write head."""
    w = tl.arange(0, s.BW)
    erase = sigmoid(tl.load(xi + s.ERASE + w, mask=w < s.W, other=-float("inf")))
    return erase, tl.load(xi + s.ERASE + s.W + w, mask=w < s.W, other=0.0)


@triton.jit
def write(memory, kept, weights, xi, s: tl.constexpr):
    """The memory after the write, and what the deallocation left of it before."""
    erase, vector = erase_and_add(xi, s)
    left = memory
    if s.DEALLOCATE:
        left = memory * kept[:, None]
    return left * (1.0 - weights[:, None] * erase[None, :]) + weights[:, None] * vector[None, :], left


@triton.jit
def write_key(xi, s: tl.constexpr):
    """(key, mask, raw strength) of the write head."""
    w = tl.arange(0, s.BW)
    key = tl.load(xi + s.KEY + w, mask=w < s.W, other=0.0)
    return key, mask_of(xi + (s.MASKS + s.READS * s.W) * s.MASKED, s), tl.load(xi + s.KEY + s.W)


@triton.jit
def read_key(xi, h, s: tl.constexpr):
    """(key, mask, raw strength) of a read head."""
    w = tl.arange(0, s.BW)
    key = tl.load(xi + h * s.W + w, mask=w < s.W, other=0.0)
    return key, mask_of(xi + (s.MASKS + h * s.W) * s.MASKED, s), tl.load(xi + s.STRENGTHS + h)


@triton.jit
def write_gates(xi, s: tl.constexpr):
    """(allocation gate, write gate)."""
    return sigmoid(tl.load(xi + s.FREE + s.READS)), sigmoid(tl.load(xi + s.FREE + s.READS + 1))


@triton.jit
def _write_weights(at, usage, memory, s: tl.constexpr):
    """Of the write head, whose allocation and content weighting go to the tape."""
    n = tl.arange(0, s.BN)
    valid = n < s.N
    allocation = allocation_of(usage, s)
    key, mask, strength = write_key(at.xi, s)
    content, _, _, _ = look_up(memory, key, mask, 1.0 + softplus(strength), valid, s.MASKED)
    allocation_gate, write_gate = write_gates(at.xi, s)
    tl.store(at.tape + n, allocation, mask=valid)
    tl.store(at.tape + s.N + n, content, mask=valid)
    return write_gate * (content + allocation_gate * (allocation - content))


@triton.jit
def _read_weights(at, h, written, links, s: tl.constexpr):
    """Of a read head, whose content, forward and backward weightings go to the tape."""
    n = tl.arange(0, s.BN)
    valid = n < s.N
    key, mask, strength = read_key(at.xi, h, s)
    read, _, _, _ = look_up(written, key, mask, 1.0 + softplus(strength), valid, s.MASKED)
    row = at.tape + (2 + h) * s.N
    tl.store(row + n, read, mask=valid)
    if s.LINKS:
        rows = s.READS * s.N
        forth, back = _directions(links, at.wr + h * s.N, row + rows, row + 2 * rows, s)
        forth = sharpened(forth, at.xi + s.FORWARD + h, valid, s)
        back = sharpened(back, at.xi + s.FORWARD + s.READS + h, valid, s)
        for_back, for_content, for_forth = modes_of(at.xi + s.MODES + 3 * h)
        read = for_back * back + for_content * read + for_forth * forth
    return read


@triton.jit(do_not_specialize=["t", "src", "dst"])
def dnc_forward(XI, LENGTHS, U, P, WW, WR, TAPE, WORDS, MEMORY, LINK, t, src, dst, s: tl.constexpr):
    """One step: interface [T, B, X], usage, precedence and write weighting [T + 1, B, N], read weightings
    [T + 1, B, R, N], words [T + 1, B, R, W]."""
    b, B = sequence()
    at = step_of(XI, WR, TAPE, t, b, B, s)
    n, w = tl.arange(0, s.BN), tl.arange(0, s.BW)
    valid, in_word = n < s.N, w < s.W
    active = t < tl.load(LENGTHS + b)
    words, words_new = WORDS + (t * B + b) * s.READS * s.W, WORDS + ((t + 1) * B + b) * s.READS * s.W

    kept = retention(at.xi + s.FREE, at.wr, s)
    u, last = tl.load(U + at.now + n, mask=valid, other=0.0), tl.load(WW + at.now + n, mask=valid, other=0.0)
    tl.store(U + at.new + n, tl.where(active, (u + last - u * last) * kept, u), mask=valid)
    tl.debug_barrier()
    memory = load_memory(MEMORY, src, b, B, s)
    weights = _write_weights(at, U + at.new, memory, s)
    tl.store(WW + at.new + n, tl.where(active, weights, last), mask=valid)
    written, _ = write(memory, kept, weights, at.xi, s)
    store_memory(MEMORY, dst, b, B, tl.where(active, written, memory), s)
    links = LINK + (dst * B + b) * s.N * s.N
    if s.LINKS:
        tl.debug_barrier()
        _write_links(LINK + (src * B + b) * s.N * s.N, links, WW + at.new, P + at.now, active, s)
        p = tl.load(P + at.now + n, mask=valid, other=0.0)
        p_new = (1.0 - tl.sum(weights, 0)) * p + weights
        tl.store(P + at.new + n, tl.where(active, p_new, p), mask=valid)
        tl.debug_barrier()
    for h in range(s.READS):
        read = _read_weights(at, h, written, links, s)
        previous = tl.load(at.wr + h * s.N + n, mask=valid, other=0.0)
        tl.store(at.wr_new + h * s.N + n, tl.where(active, read, previous), mask=valid)
        word = tl.sum(read[:, None] * written, 0)
        before = tl.load(words + h * s.W + w, mask=in_word, other=0.0)
        tl.store(words_new + h * s.W + w, tl.where(active, word, before), mask=in_word)


@triton.jit(do_not_specialize=["t", "src", "dst"])
def dnc_write_again(XI, LENGTHS, P, WW, WR, MEMORY, LINK, t, src, dst, s: tl.constexpr):
    """The write of step t once more, by the weighting that it had: memory and links."""
    b, B = sequence()
    at = step_of(XI, WR, XI, t, b, B, s)
    n = tl.arange(0, s.BN)
    active = t < tl.load(LENGTHS + b)
    memory = load_memory(MEMORY, src, b, B, s)
    weights = tl.load(WW + at.new + n, mask=n < s.N, other=0.0)
    written, _ = write(memory, retention(at.xi + s.FREE, at.wr, s), weights, at.xi, s)
    store_memory(MEMORY, dst, b, B, tl.where(active, written, memory), s)
    if s.LINKS:
        source, target = LINK + (src * B + b) * s.N * s.N, LINK + (dst * B + b) * s.N * s.N
        _write_links(source, target, WW + at.new, P + at.now, active, s)
