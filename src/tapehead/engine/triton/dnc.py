"""The DNC's memory step in one kernel: a program a sequence, forward, backward, and the writes done again.

Indices: ``t`` is the step. What stands for every step has the step first; state before step t stands at t,
after it at t + 1. Of memory and links there are slots, which the caller numbers: at ``src`` they are read, at
``dst`` written. The tape has rows of N numbers: the allocation, the write head's content weighting, those of
the read heads, and with links their forward and backward weightings, before they are sharpened.

The links go through a program in blocks of ``BL`` rows. What one thread of it stores, another reads only
behind a barrier.
"""

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

SMALL = tl.constexpr(1e-30)
"""A usage below this counts as zero where a product without it would have to divide by it."""


@triton.jit
def _mask(xi, MASK_MIN: tl.constexpr, W: tl.constexpr, BW: tl.constexpr, MASKED: tl.constexpr):
    """A head's mask over the numbers of a word; ones where there is none, which nobody looks at."""
    w = tl.arange(0, BW)
    raw = tl.load(xi + w, mask=w < W, other=-float("inf"))
    if MASKED:
        return tl.where(w < W, MASK_MIN + (1.0 - MASK_MIN) * sigmoid(raw), 0.0)
    else:
        return raw


@triton.jit
def _retention(free_gates, weights, N: tl.constexpr, READS: tl.constexpr, BN: tl.constexpr):
    """ψ = Π (1 − f w') over the read heads, whose last weightings are at ``weights``."""
    n = tl.arange(0, BN)
    kept = tl.where(n >= 0, 1.0, tl.load(weights + n, mask=n < N, other=0.0))  # ones, in the right dtype
    for h in range(READS):
        gate = sigmoid(tl.load(free_gates + h))
        kept *= 1.0 - gate * tl.load(weights + h * N + n, mask=n < N, other=0.0)
    return kept


@triton.jit
def _allocation(usage, N: tl.constexpr, BN: tl.constexpr, BL: tl.constexpr):
    """(a, without a sort: for each slot the product of the usages of those before it in the free list)."""
    n = tl.arange(0, BN)
    u = tl.load(usage + n, mask=n < N, other=0.0)
    key = allocation_key(u)
    before = tl.where(n >= 0, 1.0, u)
    for first in range(0, N, BL):
        rows = first + tl.arange(0, BL)
        there = rows < N
        of_rows = tl.load(usage + rows, mask=there, other=0.0)
        ahead = precedes(allocation_key(of_rows), rows, key, n) & there[:, None]
        before *= tl.reduce(tl.where(ahead, of_rows[:, None], 1.0), 0, multiply)
    return tl.where(n < N, (1.0 - u) * before, 0.0)


@triton.jit
def _allocation_backward(gradient, usage, scratch, N: tl.constexpr, BN: tl.constexpr, BL: tl.constexpr):
    """The gradient of the usages.

    A slot j is in the product of every slot k behind it. That product without u_j is the product over j's, or
    without the zeros among the usages where u_j is the only one of them.
    """
    n = tl.arange(0, BN)
    valid = n < N
    u = tl.load(usage + n, mask=valid, other=0.0)
    key = allocation_key(u)
    before = tl.where(n >= 0, 1.0, u)
    zeros = tl.where(n >= 0, 0.0, u)
    for first in range(0, N, BL):
        rows = first + tl.arange(0, BL)
        there = rows < N
        of_rows = tl.load(usage + rows, mask=there, other=0.0)
        ahead = precedes(allocation_key(of_rows), rows, key, n) & there[:, None]
        zero = (of_rows < SMALL)[:, None]
        before *= tl.reduce(tl.where(ahead & (zero == 0), of_rows[:, None], 1.0), 0, multiply)
        zeros += tl.sum(tl.where(ahead & zero, 1.0, 0.0), 0)
    behind = tl.where(valid, gradient * (1.0 - u) * before, 0.0)
    without_zeros, with_one = tl.where(zeros == 0, behind, 0.0), tl.where(zeros == 1, behind, 0.0)
    for first in range(0, N, BL):
        rows = first + tl.arange(0, BL)
        there = rows < N
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
def _linked(link, w, of_rows, precedence, rows, n):
    """L of some rows after the write: (1 − w_i − w_j) L' + w_i p'_j, the diagonal zero."""
    new = (1.0 - of_rows[:, None] - w[None, :]) * link + of_rows[:, None] * precedence[None, :]
    return tl.where(rows[:, None] == n[None, :], 0.0, new)


@triton.jit
def _write_links(LINK, source, target, ww, p, active, N: tl.constexpr, BN: tl.constexpr, BL: tl.constexpr):
    n = tl.arange(0, BN)
    valid = n < N
    w, precedence = tl.load(ww + n, mask=valid, other=0.0), tl.load(p + n, mask=valid, other=0.0)
    for first in range(0, N, BL):
        rows = first + tl.arange(0, BL)
        there = (rows < N)[:, None] & valid[None, :]
        cells = rows[:, None] * N + n[None, :]
        of_rows = tl.load(ww + rows, mask=rows < N, other=0.0)
        link = tl.load(LINK + source + cells, mask=there, other=0.0)
        new = _linked(link, w, of_rows, precedence, rows, n)
        tl.store(LINK + target + cells, tl.where(active, new, link), mask=there)


@triton.jit
def _directions(links, weights, forward, backward, N: tl.constexpr, BN: tl.constexpr, BL: tl.constexpr):
    """f = L w' and b = Lᵀ w' of a head, to the tape and back."""
    n = tl.arange(0, BN)
    valid = n < N
    w = tl.load(weights + n, mask=valid, other=0.0)
    back = tl.zeros_like(w)
    for first in range(0, N, BL):
        rows = first + tl.arange(0, BL)
        there = rows < N
        link = tl.load(
            links + rows[:, None] * N + n[None, :], mask=there[:, None] & valid[None, :], other=0.0
        )
        tl.store(forward + rows, tl.sum(link * w[None, :], 1), mask=there)
        of_rows = tl.load(weights + rows, mask=there, other=0.0)
        back += tl.sum(link * of_rows[:, None], 0)
    tl.store(backward + n, back, mask=valid)
    tl.debug_barrier()
    return tl.load(forward + n, mask=valid, other=0.0), back


@triton.jit
def _sharpened(direction, raw_strength, valid, SHARPEN: tl.constexpr):
    if SHARPEN:
        strength = 1.0 + softplus(tl.load(raw_strength))
        return softmax(strength * tl.log(direction + EPSILON), valid)
    else:
        return direction


@triton.jit
def _sharpened_backward(gradient, direction, raw_strength, of_raw, valid, SHARPEN: tl.constexpr):
    """Writes the gradient of the strength; returns that of the direction."""
    if SHARPEN:
        raw = tl.load(raw_strength)
        logs = tl.log(direction + EPSILON)
        strength = 1.0 + softplus(raw)
        q = softmax_backward(gradient, softmax(strength * logs, valid))
        tl.store(of_raw, softplus_backward(tl.sum(q * logs, 0), raw))
        return strength * q / (direction + EPSILON)
    else:
        return gradient


@triton.jit
def _modes(xi):
    """π of a head: backward, content, forward."""
    first, second, third = tl.load(xi), tl.load(xi + 1), tl.load(xi + 2)
    largest = tl.maximum(tl.maximum(first, second), third)
    first, second, third = tl.exp(first - largest), tl.exp(second - largest), tl.exp(third - largest)
    total = first + second + third
    return first / total, second / total, third / total


@triton.jit(do_not_specialize=["t", "src", "dst"])
def dnc_forward(
    XI,
    LENGTHS,
    U,
    P,
    WW,
    WR,
    TAPE,
    WORDS,
    MEMORY,
    LINK,
    t,
    src,
    dst,
    N: tl.constexpr,
    W: tl.constexpr,
    READS: tl.constexpr,
    BN: tl.constexpr,
    BW: tl.constexpr,
    BL: tl.constexpr,
    MASK_MIN: tl.constexpr,
    LINKS: tl.constexpr,
    MASKED: tl.constexpr,
    DEALLOCATE: tl.constexpr,
    SHARPEN: tl.constexpr,
):
    """One step: interface [T, B, X], usage, precedence and write weighting [T + 1, B, N], read weightings
    [T + 1, B, R, N], words [T + 1, B, R, W]."""
    b, B, t = tl.program_id(0).to(tl.int64), tl.num_programs(0).to(tl.int64), t.to(tl.int64)
    src, dst = src.to(tl.int64), dst.to(tl.int64)
    STRENGTHS: tl.constexpr = READS * W  # where the fields of the interface begin
    KEY: tl.constexpr = STRENGTHS + READS
    ERASE: tl.constexpr = KEY + W + 1
    FREE: tl.constexpr = ERASE + 2 * W
    MODES: tl.constexpr = FREE + READS + 2
    MASKS: tl.constexpr = MODES + 3 * READS * LINKS
    FORWARD: tl.constexpr = MASKS + (READS + 1) * W * MASKED
    X: tl.constexpr = FORWARD + 2 * READS * SHARPEN
    ROWS: tl.constexpr = 2 + READS + 2 * READS * LINKS
    n, w = tl.arange(0, BN), tl.arange(0, BW)
    valid, in_word = n < N, w < W
    cells, in_memory = n[:, None] * W + w[None, :], valid[:, None] & in_word[None, :]
    active = t < tl.load(LENGTHS + b)
    xi = XI + (t * B + b) * X
    now, new = (t * B + b) * N, ((t + 1) * B + b) * N
    wr, wr_new = WR + now * READS, WR + new * READS
    tape = TAPE + (t * B + b) * ROWS * N
    words, words_new = WORDS + (t * B + b) * READS * W, WORDS + ((t + 1) * B + b) * READS * W

    kept = _retention(xi + FREE, wr, N, READS, BN)
    u, last = tl.load(U + now + n, mask=valid, other=0.0), tl.load(WW + now + n, mask=valid, other=0.0)
    tl.store(U + new + n, tl.where(active, (u + last - u * last) * kept, u), mask=valid)
    tl.debug_barrier()
    allocation = _allocation(U + new, N, BN, BL)
    memory = tl.load(MEMORY + (src * B + b) * N * W + cells, mask=in_memory, other=0.0)
    key = tl.load(xi + KEY + w, mask=in_word, other=0.0)
    mask = _mask(xi + (MASKS + READS * W) * MASKED, MASK_MIN, W, BW, MASKED)
    strength = 1.0 + softplus(tl.load(xi + KEY + W))
    content, _, _, _ = look_up(memory, key, mask, strength, valid, MASKED)
    allocation_gate, write_gate = (
        sigmoid(tl.load(xi + FREE + READS)),
        sigmoid(tl.load(xi + FREE + READS + 1)),
    )
    weights = write_gate * (content + allocation_gate * (allocation - content))
    tl.store(tape + n, allocation, mask=valid)
    tl.store(tape + N + n, content, mask=valid)
    tl.store(WW + new + n, tl.where(active, weights, last), mask=valid)

    erase = sigmoid(tl.load(xi + ERASE + w, mask=in_word, other=-float("inf")))
    vector = tl.load(xi + ERASE + W + w, mask=in_word, other=0.0)
    written = memory
    if DEALLOCATE:
        written = memory * kept[:, None]
    written = written * (1.0 - weights[:, None] * erase[None, :]) + weights[:, None] * vector[None, :]
    tl.store(MEMORY + (dst * B + b) * N * W + cells, tl.where(active, written, memory), mask=in_memory)
    if LINKS:
        tl.debug_barrier()
        _write_links(LINK, (src * B + b) * N * N, (dst * B + b) * N * N, WW + new, P + now, active, N, BN, BL)
        p = tl.load(P + now + n, mask=valid, other=0.0)
        p_new = (1.0 - tl.sum(weights, 0)) * p + weights
        tl.store(P + new + n, tl.where(active, p_new, p), mask=valid)
        tl.debug_barrier()
    for h in range(READS):
        key = tl.load(xi + h * W + w, mask=in_word, other=0.0)
        mask = _mask(xi + (MASKS + h * W) * MASKED, MASK_MIN, W, BW, MASKED)
        strength = 1.0 + softplus(tl.load(xi + STRENGTHS + h))
        read, _, _, _ = look_up(written, key, mask, strength, valid, MASKED)
        tl.store(tape + (2 + h) * N + n, read, mask=valid)
        if LINKS:
            forth, back = _directions(
                LINK + (dst * B + b) * N * N,
                wr + h * N,
                tape + (2 + READS + h) * N,
                tape + (2 + 2 * READS + h) * N,
                N,
                BN,
                BL,
            )
            forth = _sharpened(forth, xi + FORWARD + h, valid, SHARPEN)
            back = _sharpened(back, xi + FORWARD + READS + h, valid, SHARPEN)
            for_back, for_content, for_forth = _modes(xi + MODES + 3 * h)
            read = for_back * back + for_content * read + for_forth * forth
        previous = tl.load(wr + h * N + n, mask=valid, other=0.0)
        tl.store(wr_new + h * N + n, tl.where(active, read, previous), mask=valid)
        word = tl.sum(read[:, None] * written, 0)
        before = tl.load(words + h * W + w, mask=in_word, other=0.0)
        tl.store(words_new + h * W + w, tl.where(active, word, before), mask=in_word)


@triton.jit(do_not_specialize=["t", "src", "dst"])
def dnc_write_again(
    XI,
    LENGTHS,
    P,
    WW,
    WR,
    MEMORY,
    LINK,
    t,
    src,
    dst,
    N: tl.constexpr,
    W: tl.constexpr,
    READS: tl.constexpr,
    X: tl.constexpr,
    BN: tl.constexpr,
    BW: tl.constexpr,
    BL: tl.constexpr,
    LINKS: tl.constexpr,
    DEALLOCATE: tl.constexpr,
):
    """The write of step t once more, by the weighting that it had: memory and links."""
    b, B, t = tl.program_id(0).to(tl.int64), tl.num_programs(0).to(tl.int64), t.to(tl.int64)
    src, dst = src.to(tl.int64), dst.to(tl.int64)
    ERASE: tl.constexpr = READS * W + READS + W + 1
    n, w = tl.arange(0, BN), tl.arange(0, BW)
    valid, in_word = n < N, w < W
    cells, in_memory = n[:, None] * W + w[None, :], valid[:, None] & in_word[None, :]
    active = t < tl.load(LENGTHS + b)
    xi = XI + (t * B + b) * X
    new = ((t + 1) * B + b) * N
    memory = tl.load(MEMORY + (src * B + b) * N * W + cells, mask=in_memory, other=0.0)
    weights = tl.load(WW + new + n, mask=valid, other=0.0)
    erase = sigmoid(tl.load(xi + ERASE + w, mask=in_word, other=-float("inf")))
    vector = tl.load(xi + ERASE + W + w, mask=in_word, other=0.0)
    written = memory
    if DEALLOCATE:
        kept = _retention(xi + ERASE + 2 * W, WR + (t * B + b) * READS * N, N, READS, BN)
        written = memory * kept[:, None]
    written = written * (1.0 - weights[:, None] * erase[None, :]) + weights[:, None] * vector[None, :]
    tl.store(MEMORY + (dst * B + b) * N * W + cells, tl.where(active, written, memory), mask=in_memory)
    if LINKS:
        source, target = (src * B + b) * N * N, (dst * B + b) * N * N
        _write_links(LINK, source, target, WW + new, P + (t * B + b) * N, active, N, BN, BL)
