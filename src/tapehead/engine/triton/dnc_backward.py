"""The DNC's memory step backward, in one kernel: engine/README.md derives it, dnc.py has its layout."""

import triton
import triton.language as tl

from .arithmetic import (
    clamp,
    look_up_backward,
    sigmoid,
    sigmoid_backward,
    softplus,
    softplus_backward,
)
from .block import block_of, load_memory, sequence
from .dnc import (
    allocation_backward,
    erase_and_add,
    linked,
    modes_of,
    read_key,
    retention,
    sharpened,
    sharpened_backward,
    step_of,
    write,
    write_gates,
    write_key,
)


@triton.jit
def _mask_backward(gradient, mask, of_xi, s: tl.constexpr):
    if s.MASKED:
        w = tl.arange(0, s.BW)
        gate = (mask - s.MASK_MIN) / (1.0 - s.MASK_MIN)
        tl.store(of_xi + w, (1.0 - s.MASK_MIN) * sigmoid_backward(gradient, gate), mask=w < s.W)


@triton.jit
def _through_links(source, ww, p, wr, of_forth, of_back, of_rows, of_wr, s: tl.constexpr):
    """w'^r of a head from f = L w' and b = Lᵀ w': Lᵀ of_f + L of_b, stored at ``of_wr``."""
    n = tl.arange(0, s.BN)
    valid = n < s.N
    w, precedence = tl.load(ww + n, mask=valid, other=0.0), tl.load(p + n, mask=valid, other=0.0)
    backwards = tl.load(of_back + n, mask=valid, other=0.0)
    total = tl.zeros_like(w)
    for first in range(0, s.N, s.BL):
        rows = first + tl.arange(0, s.BL)
        there = rows < s.N
        cells = rows[:, None] * s.N + n[None, :]
        link = tl.load(source + cells, mask=there[:, None] & valid[None, :], other=0.0)
        link = linked(link, w, tl.load(ww + rows, mask=there, other=0.0), precedence, rows, n)
        total += tl.sum(link * tl.load(of_forth + rows, mask=there, other=0.0)[:, None], 0)
        tl.store(of_rows + rows, tl.sum(link * backwards[None, :], 1), mask=there)
    tl.debug_barrier()
    tl.store(of_wr + n, total + tl.load(of_rows + n, mask=valid, other=0.0), mask=valid)


@triton.jit
def _write_links_backward(source, target, ww, p, wr, of_forth, of_back, of_rows, s: tl.constexpr):
    """The links' gradient through reading and writing, in its place; returns (of w, of p')."""
    n = tl.arange(0, s.BN)
    valid = n < s.N
    w, precedence = tl.load(ww + n, mask=valid, other=0.0), tl.load(p + n, mask=valid, other=0.0)
    of_w, of_p = tl.zeros_like(w), tl.zeros_like(w)
    for first in range(0, s.N, s.BL):
        rows = first + tl.arange(0, s.BL)
        there = rows < s.N
        both = there[:, None] & valid[None, :]
        cells = rows[:, None] * s.N + n[None, :]
        link = tl.load(source + cells, mask=both, other=0.0)
        of_link = tl.load(target + cells, mask=both, other=0.0)
        for h in range(s.READS):
            forth = tl.load(of_forth + h * s.N + rows, mask=there, other=0.0)
            back = tl.load(of_back + h * s.N + n, mask=valid, other=0.0)
            of_link += forth[:, None] * tl.load(wr + h * s.N + n, mask=valid, other=0.0)[None, :]
            of_link += tl.load(wr + h * s.N + rows, mask=there, other=0.0)[:, None] * back[None, :]
        of_link = tl.where(rows[:, None] == n[None, :], 0.0, of_link)
        tl.store(of_rows + rows, tl.sum(of_link * (precedence[None, :] - link), 1), mask=there)
        of_w -= tl.sum(of_link * link, 0)
        w_rows = tl.load(ww + rows, mask=there, other=0.0)
        of_p += tl.sum(of_link * w_rows[:, None], 0)
        tl.store(target + cells, (1.0 - w_rows[:, None] - w[None, :]) * of_link, mask=both)
    tl.debug_barrier()
    return of_w + tl.load(of_rows + n, mask=valid, other=0.0), of_p


@triton.jit
def _retention_backward(of_kept, xi, of_xi, wr, of_wr, s: tl.constexpr):
    """Writes the gradients of the free gates, and adds those of the last read weightings to ``of_wr``."""
    n = tl.arange(0, s.BN)
    valid = n < s.N
    for h in range(s.READS):
        others = of_kept
        for q in range(s.READS):
            if q != h:
                others *= 1.0 - sigmoid(tl.load(xi + q)) * tl.load(wr + q * s.N + n, mask=valid, other=0.0)
        gate = sigmoid(tl.load(xi + h))
        weights = tl.load(wr + h * s.N + n, mask=valid, other=0.0)
        tl.store(of_xi + h, sigmoid_backward(-tl.sum(others * weights, 0), gate))
        before = tl.load(of_wr + h * s.N + n, mask=valid, other=0.0)
        tl.store(of_wr + h * s.N + n, before - others * gate, mask=valid)


@triton.jit
def _directions_backward(at, of_xi, h, of_read, of_forth, of_back, s: tl.constexpr):
    """Writes the gradients of a read head's modes, strengths and directions; returns that of its content."""
    n = tl.arange(0, s.BN)
    valid = n < s.N
    row, rows = at.tape + (2 + h) * s.N + n, s.READS * s.N
    content = tl.load(row, mask=valid, other=0.0)
    forth = tl.load(row + rows, mask=valid, other=0.0)
    back = tl.load(row + 2 * rows, mask=valid, other=0.0)
    for_back, for_content, for_forth = modes_of(at.xi + s.MODES + 3 * h)
    of_for_back = tl.sum(of_read * sharpened(back, at.xi + s.FORWARD + s.READS + h, valid, s), 0)
    of_for_forth = tl.sum(of_read * sharpened(forth, at.xi + s.FORWARD + h, valid, s), 0)
    of_for_content = tl.sum(of_read * content, 0)
    mean = for_back * of_for_back + for_content * of_for_content + for_forth * of_for_forth
    tl.store(of_xi + s.MODES + 3 * h, for_back * (of_for_back - mean))
    tl.store(of_xi + s.MODES + 3 * h + 1, for_content * (of_for_content - mean))
    tl.store(of_xi + s.MODES + 3 * h + 2, for_forth * (of_for_forth - mean))
    place = s.FORWARD + h
    of_direction = sharpened_backward(for_forth * of_read, forth, at.xi + place, of_xi + place, valid, s)
    tl.store(of_forth + h * s.N + n, of_direction, mask=valid)
    place = s.FORWARD + s.READS + h
    of_direction = sharpened_backward(for_back * of_read, back, at.xi + place, of_xi + place, valid, s)
    tl.store(of_back + h * s.N + n, of_direction, mask=valid)
    return for_content * of_read


@triton.jit
def _reads_backward(at, of_xi, of_wr, of_words, of_forth, of_back, written, of_written, s: tl.constexpr):
    """The gradient of the memory that the heads read, added to ``of_written``; links are still to come."""
    n, w = tl.arange(0, s.BN), tl.arange(0, s.BW)
    valid, in_word = n < s.N, w < s.W
    for h in range(s.READS):
        of_word = tl.load(of_words + h * s.W + w, mask=in_word, other=0.0)
        of_read = tl.load(of_wr + h * s.N + n, mask=valid, other=0.0)
        of_read = clamp(of_read + tl.sum(written * of_word[None, :], 1), s.BOUND)
        read = tl.load(at.wr_new + h * s.N + n, mask=valid, other=0.0)
        of_written += read[:, None] * of_word[None, :]
        if s.LINKS:
            of_read = _directions_backward(at, of_xi, h, of_read, of_forth, of_back, s)
        key, mask, strength = read_key(at.xi, h, s)
        of_memory, of_key, of_mask, of_strength = look_up_backward(
            of_read, written, key, mask, 1.0 + softplus(strength), valid, s.MASKED
        )
        of_written += of_memory
        tl.store(of_xi + h * s.W + w, of_key, mask=in_word)
        tl.store(of_xi + s.STRENGTHS + h, softplus_backward(of_strength, strength))
        _mask_backward(of_mask, mask, of_xi + s.MASKS + h * s.W, s)
    return of_written


@triton.jit
def _links_backward(at, LINK, OF_LINK, ww, p, of_p_at, of_wr, scratch, s: tl.constexpr):
    """The gradients of the links, of the last read weightings and of the precedence, in their places; returns
    that of the write weighting."""
    n = tl.arange(0, s.BN)
    valid = n < s.N
    of_forth, of_back, of_rows = scratch, scratch + s.READS * s.N, scratch + 2 * s.READS * s.N
    tl.debug_barrier()
    for h in range(s.READS):
        place = h * s.N
        _through_links(
            LINK,
            ww,
            p,
            at.wr + place,
            of_forth + place,
            of_back + place,
            of_rows + place,
            of_wr + place,
            s,
        )
    of_w, of_p = _write_links_backward(
        LINK, OF_LINK, ww, p, at.wr, of_forth, of_back, of_rows + s.READS * s.N, s
    )
    last = tl.load(p + n, mask=valid, other=0.0)
    of_new = tl.load(of_p_at + n, mask=valid, other=0.0)
    written = tl.sum(tl.load(ww + n, mask=valid, other=0.0), 0)
    tl.store(of_p_at + n, of_p + (1.0 - written) * of_new, mask=valid)
    return of_w + of_new - tl.sum(of_new * last, 0)


@triton.jit
def _write_weights_backward(at, of_xi, of_weights, memory, s: tl.constexpr):
    """Writes the gradients of the write head's key and gates; returns those of (memory, allocation)."""
    n, w = tl.arange(0, s.BN), tl.arange(0, s.BW)
    valid, in_word = n < s.N, w < s.W
    allocation = tl.load(at.tape + n, mask=valid, other=0.0)
    content = tl.load(at.tape + s.N + n, mask=valid, other=0.0)
    allocation_gate, write_gate = write_gates(at.xi, s)
    of_gate = tl.sum(of_weights * (content + allocation_gate * (allocation - content)), 0)
    tl.store(of_xi + s.FREE + s.READS + 1, sigmoid_backward(of_gate, write_gate))
    of_gate = write_gate * tl.sum(of_weights * (allocation - content), 0)
    tl.store(of_xi + s.FREE + s.READS, sigmoid_backward(of_gate, allocation_gate))
    key, mask, strength = write_key(at.xi, s)
    of_content = write_gate * (1.0 - allocation_gate) * of_weights
    of_memory, of_key, of_mask, of_strength = look_up_backward(
        of_content, memory, key, mask, 1.0 + softplus(strength), valid, s.MASKED
    )
    tl.store(of_xi + s.KEY + w, of_key, mask=in_word)
    tl.store(of_xi + s.KEY + s.W, softplus_backward(of_strength, strength))
    _mask_backward(of_mask, mask, of_xi + s.MASKS + s.READS * s.W, s)
    return of_memory, write_gate * allocation_gate * of_weights


@triton.jit
def _usage_backward(at, of_xi, of_u, of_kept, U, WW, of_u_at, of_ww_at, of_wr, s: tl.constexpr):
    """From the gradient of the usage after the step to those of usage and weightings before it."""
    n = tl.arange(0, s.BN)
    valid = n < s.N
    kept = retention(at.xi + s.FREE, at.wr, s)
    u = tl.load(U + at.now + n, mask=valid, other=0.0)
    last = tl.load(WW + at.now + n, mask=valid, other=0.0)
    of_kept += of_u * (u + last - u * last)
    tl.store(of_u_at + n, of_u * kept * (1.0 - last), mask=valid)
    of_last = of_u * kept * (1.0 - u)
    if not s.USAGE_GRADIENT:
        of_last = tl.zeros_like(of_last)
    tl.store(of_ww_at + n, of_last, mask=valid)
    tl.debug_barrier()
    _retention_backward(of_kept, at.xi + s.FREE, of_xi + s.FREE, at.wr, of_wr, s)


@triton.jit(do_not_specialize=["t", "src"])
def dnc_backward(
    XI,
    LENGTHS,
    U,
    P,
    WW,
    WR,
    TAPE,
    MEMORY,
    LINK,
    OF_XI,
    OF_U,
    OF_P,
    OF_WW,
    OF_WR,
    OF_WORDS,
    OF_MEMORY,
    OF_LINK,
    SCRATCH,
    t,
    src,
    s: tl.constexpr,
):
    """The gradients of the state after step t become those of the state before it, in their place.

    OF_WORDS [B, R, W] is the whole gradient of the words that step t read; OF_XI [T, B, X] is written.
    SCRATCH is [B, 3 R + 1, N].
    """
    b, B = sequence()
    at = step_of(XI, WR, TAPE, t, b, B, s)
    n, w = tl.arange(0, s.BN), tl.arange(0, s.BW)
    valid, in_word = n < s.N, w < s.W
    of_xi, of_wr, of_words = (
        OF_XI + (t * B + b) * s.X,
        OF_WR + b * s.READS * s.N,
        OF_WORDS + b * s.READS * s.W,
    )
    scratch = SCRATCH + b * (3 * s.READS + 1) * s.N
    cells, in_memory = block_of(s)
    of_memory_at = OF_MEMORY + b * s.N * s.ROW + cells
    # A sequence that is over kept its state, and its gradient passes as it is; OF_XI is zero there already.
    if t < tl.load(LENGTHS + b):
        memory = load_memory(MEMORY, src, b, B, s)
        weights = tl.load(WW + at.new + n, mask=valid, other=0.0)
        kept = retention(at.xi + s.FREE, at.wr, s)
        written, left = write(memory, kept, weights, at.xi, s)
        of_written = tl.load(of_memory_at, mask=in_memory, other=0.0)
        of_written = _reads_backward(
            at, of_xi, of_wr, of_words, scratch, scratch + s.READS * s.N, written, of_written, s
        )
        of_weights = tl.load(OF_WW + b * s.N + n, mask=valid, other=0.0)
        if s.LINKS:
            of_weights += _links_backward(
                at,
                LINK + (src * B + b) * s.N * s.N,
                OF_LINK + b * s.N * s.N,
                WW + at.new,
                P + at.now,
                OF_P + b * s.N,
                of_wr,
                scratch,
                s,
            )
        else:
            tl.debug_barrier()  # until every thread has read what is now overwritten
            for h in range(s.READS):
                tl.store(of_wr + h * s.N + n, tl.zeros_like(weights), mask=valid)

        erase, vector = erase_and_add(at.xi, s)
        of_erase = -tl.sum(weights[:, None] * of_written * left, 0)
        of_vector = tl.sum(weights[:, None] * of_written, 0)
        of_weights += tl.sum(of_written * (vector[None, :] - left * erase[None, :]), 1)
        of_weights = clamp(of_weights, s.BOUND)
        tl.store(of_xi + s.ERASE + w, sigmoid_backward(of_erase, erase), mask=in_word)
        tl.store(of_xi + s.ERASE + s.W + w, of_vector, mask=in_word)
        of_memory = of_written * (1.0 - weights[:, None] * erase[None, :])
        of_kept = tl.zeros_like(weights)
        if s.DEALLOCATE:
            of_kept = tl.sum(of_memory * memory, 1)
            of_memory = of_memory * kept[:, None]
        of_looked_up, of_allocation = _write_weights_backward(at, of_xi, of_weights, memory, s)
        tl.store(of_memory_at, of_memory + of_looked_up, mask=in_memory)

        tl.debug_barrier()
        of_rows = scratch + 2 * s.READS * s.N
        of_u = allocation_backward(of_allocation, U + at.new, of_rows, s)
        of_u += tl.load(OF_U + b * s.N + n, mask=valid, other=0.0)
        _usage_backward(at, of_xi, of_u, of_kept, U, WW, OF_U + b * s.N, OF_WW + b * s.N, of_wr, s)
