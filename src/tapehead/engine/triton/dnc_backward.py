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
from .dnc import (
    _allocation_backward,
    _linked,
    _mask,
    _modes,
    _retention,
    _sharpened,
    _sharpened_backward,
)


@triton.jit
def _mask_backward(
    gradient, mask, of_xi, MASK_MIN: tl.constexpr, W: tl.constexpr, BW: tl.constexpr, MASKED: tl.constexpr
):
    if MASKED:
        w = tl.arange(0, BW)
        gate = (mask - MASK_MIN) / (1.0 - MASK_MIN)
        tl.store(of_xi + w, (1.0 - MASK_MIN) * sigmoid_backward(gradient, gate), mask=w < W)


@triton.jit
def _through_links(
    LINK,
    source,
    ww,
    p,
    wr,
    of_forth,
    of_back,
    of_rows,
    of_wr,
    N: tl.constexpr,
    BN: tl.constexpr,
    BL: tl.constexpr,
):
    """w'^r of a head from f = L w' and b = Lᵀ w': Lᵀ of_f + L of_b, stored at ``of_wr``."""
    n = tl.arange(0, BN)
    valid = n < N
    w, precedence = tl.load(ww + n, mask=valid, other=0.0), tl.load(p + n, mask=valid, other=0.0)
    backwards = tl.load(of_back + n, mask=valid, other=0.0)
    total = tl.zeros_like(w)
    for first in range(0, N, BL):
        rows = first + tl.arange(0, BL)
        there = rows < N
        cells = rows[:, None] * N + n[None, :]
        link = tl.load(LINK + source + cells, mask=there[:, None] & valid[None, :], other=0.0)
        link = _linked(link, w, tl.load(ww + rows, mask=there, other=0.0), precedence, rows, n)
        total += tl.sum(link * tl.load(of_forth + rows, mask=there, other=0.0)[:, None], 0)
        tl.store(of_rows + rows, tl.sum(link * backwards[None, :], 1), mask=there)
    tl.debug_barrier()
    tl.store(of_wr + n, total + tl.load(of_rows + n, mask=valid, other=0.0), mask=valid)


@triton.jit
def _write_links_backward(
    LINK,
    source,
    OF_LINK,
    target,
    ww,
    p,
    wr,
    of_forth,
    of_back,
    of_rows,
    N: tl.constexpr,
    READS: tl.constexpr,
    BN: tl.constexpr,
    BL: tl.constexpr,
):
    """The links' gradient through reading and writing, in its place; returns (of w, of p')."""
    n = tl.arange(0, BN)
    valid = n < N
    w, precedence = tl.load(ww + n, mask=valid, other=0.0), tl.load(p + n, mask=valid, other=0.0)
    of_w, of_p = tl.zeros_like(w), tl.zeros_like(w)
    for first in range(0, N, BL):
        rows = first + tl.arange(0, BL)
        there = rows < N
        both = there[:, None] & valid[None, :]
        cells = rows[:, None] * N + n[None, :]
        link = tl.load(LINK + source + cells, mask=both, other=0.0)
        of_link = tl.load(OF_LINK + target + cells, mask=both, other=0.0)
        for h in range(READS):
            forth = tl.load(of_forth + h * N + rows, mask=there, other=0.0)
            back = tl.load(of_back + h * N + n, mask=valid, other=0.0)
            of_link += forth[:, None] * tl.load(wr + h * N + n, mask=valid, other=0.0)[None, :]
            of_link += tl.load(wr + h * N + rows, mask=there, other=0.0)[:, None] * back[None, :]
        of_link = tl.where(rows[:, None] == n[None, :], 0.0, of_link)
        tl.store(of_rows + rows, tl.sum(of_link * (precedence[None, :] - link), 1), mask=there)
        of_w -= tl.sum(of_link * link, 0)
        w_rows = tl.load(ww + rows, mask=there, other=0.0)
        of_p += tl.sum(of_link * w_rows[:, None], 0)
        tl.store(OF_LINK + target + cells, (1.0 - w_rows[:, None] - w[None, :]) * of_link, mask=both)
    tl.debug_barrier()
    return of_w + tl.load(of_rows + n, mask=valid, other=0.0), of_p


@triton.jit
def _retention_backward(
    of_kept, xi, of_xi, wr, of_wr, N: tl.constexpr, READS: tl.constexpr, BN: tl.constexpr
):
    """Writes the gradients of the free gates, and adds those of the last read weightings to ``of_wr``."""
    n = tl.arange(0, BN)
    valid = n < N
    for h in range(READS):
        others = of_kept
        for q in range(READS):
            if q != h:
                others *= 1.0 - sigmoid(tl.load(xi + q)) * tl.load(wr + q * N + n, mask=valid, other=0.0)
        gate = sigmoid(tl.load(xi + h))
        weights = tl.load(wr + h * N + n, mask=valid, other=0.0)
        tl.store(of_xi + h, sigmoid_backward(-tl.sum(others * weights, 0), gate))
        before = tl.load(of_wr + h * N + n, mask=valid, other=0.0)
        tl.store(of_wr + h * N + n, before - others * gate, mask=valid)


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
    USAGE_GRADIENT: tl.constexpr,
    BOUND: tl.constexpr,
):
    """The gradients of the state after step t become those of the state before it, in their place.

    OF_WORDS [B, R, W] is the whole gradient of the words that step t read; OF_XI [T, B, X] is written.
    SCRATCH is [B, 3 R + 1, N].
    """
    b, B, t = tl.program_id(0).to(tl.int64), tl.num_programs(0).to(tl.int64), t.to(tl.int64)
    src = src.to(tl.int64)
    STRENGTHS: tl.constexpr = READS * W
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
    xi, of_xi = XI + (t * B + b) * X, OF_XI + (t * B + b) * X
    now, new = (t * B + b) * N, ((t + 1) * B + b) * N
    wr, wr_new, of_wr = WR + now * READS, WR + new * READS, OF_WR + b * READS * N
    tape = TAPE + (t * B + b) * ROWS * N
    scratch = SCRATCH + b * (3 * READS + 1) * N
    of_forth, of_back, of_rows = scratch, scratch + READS * N, scratch + 2 * READS * N
    # A sequence that is over kept its state, and its gradient passes as it is; OF_XI is zero there already.
    if t < tl.load(LENGTHS + b):
        memory = tl.load(MEMORY + (src * B + b) * N * W + cells, mask=in_memory, other=0.0)
        weights = tl.load(WW + new + n, mask=valid, other=0.0)
        kept = _retention(xi + FREE, wr, N, READS, BN)
        erase = sigmoid(tl.load(xi + ERASE + w, mask=in_word, other=-float("inf")))
        vector = tl.load(xi + ERASE + W + w, mask=in_word, other=0.0)
        left = memory
        if DEALLOCATE:
            left = memory * kept[:, None]
        written = left * (1.0 - weights[:, None] * erase[None, :]) + weights[:, None] * vector[None, :]
        of_written = tl.load(OF_MEMORY + b * N * W + cells, mask=in_memory, other=0.0)
        for h in range(READS):
            of_word = tl.load(OF_WORDS + (b * READS + h) * W + w, mask=in_word, other=0.0)
            of_read = tl.load(of_wr + h * N + n, mask=valid, other=0.0)
            of_read = clamp(of_read + tl.sum(written * of_word[None, :], 1), BOUND)
            read = tl.load(wr_new + h * N + n, mask=valid, other=0.0)
            of_written += read[:, None] * of_word[None, :]
            if LINKS:
                forth = tl.load(tape + (2 + READS + h) * N + n, mask=valid, other=0.0)
                back = tl.load(tape + (2 + 2 * READS + h) * N + n, mask=valid, other=0.0)
                content = tl.load(tape + (2 + h) * N + n, mask=valid, other=0.0)
                for_back, for_content, for_forth = _modes(xi + MODES + 3 * h)
                sharp = _sharpened(back, xi + FORWARD + READS + h, valid, SHARPEN)
                of_for_back = tl.sum(of_read * sharp, 0)
                sharp = _sharpened(forth, xi + FORWARD + h, valid, SHARPEN)
                of_for_forth = tl.sum(of_read * sharp, 0)
                of_for_content = tl.sum(of_read * content, 0)
                mean = for_back * of_for_back + for_content * of_for_content + for_forth * of_for_forth
                tl.store(of_xi + MODES + 3 * h, for_back * (of_for_back - mean))
                tl.store(of_xi + MODES + 3 * h + 1, for_content * (of_for_content - mean))
                tl.store(of_xi + MODES + 3 * h + 2, for_forth * (of_for_forth - mean))
                place = FORWARD + h
                of_direction = _sharpened_backward(
                    for_forth * of_read, forth, xi + place, of_xi + place, valid, SHARPEN
                )
                tl.store(of_forth + h * N + n, of_direction, mask=valid)
                place = FORWARD + READS + h
                of_direction = _sharpened_backward(
                    for_back * of_read, back, xi + place, of_xi + place, valid, SHARPEN
                )
                tl.store(of_back + h * N + n, of_direction, mask=valid)
                of_read = for_content * of_read
            key = tl.load(xi + h * W + w, mask=in_word, other=0.0)
            mask = _mask(xi + (MASKS + h * W) * MASKED, MASK_MIN, W, BW, MASKED)
            strength = tl.load(xi + STRENGTHS + h)
            of_memory, of_key, of_mask, of_strength = look_up_backward(
                of_read, written, key, mask, 1.0 + softplus(strength), valid, MASKED
            )
            of_written += of_memory
            tl.store(of_xi + h * W + w, of_key, mask=in_word)
            tl.store(of_xi + STRENGTHS + h, softplus_backward(of_strength, strength))
            _mask_backward(of_mask, mask, of_xi + MASKS + h * W, MASK_MIN, W, BW, MASKED)

        of_weights = tl.load(OF_WW + b * N + n, mask=valid, other=0.0)
        if LINKS:
            p = P + now
            tl.debug_barrier()
            for h in range(READS):
                _through_links(
                    LINK,
                    (src * B + b) * N * N,
                    WW + new,
                    p,
                    wr + h * N,
                    of_forth + h * N,
                    of_back + h * N,
                    of_rows + h * N,
                    of_wr + h * N,
                    N,
                    BN,
                    BL,
                )
            of_w, of_p = _write_links_backward(
                LINK,
                (src * B + b) * N * N,
                OF_LINK,
                b * N * N,
                WW + new,
                p,
                wr,
                of_forth,
                of_back,
                of_rows + READS * N,
                N,
                READS,
                BN,
                BL,
            )
            last = tl.load(p + n, mask=valid, other=0.0)
            of_new = tl.load(OF_P + b * N + n, mask=valid, other=0.0)
            of_weights += of_w + of_new - tl.sum(of_new * last, 0)
            tl.store(OF_P + b * N + n, of_p + (1.0 - tl.sum(weights, 0)) * of_new, mask=valid)
        else:
            tl.debug_barrier()  # until every thread has read what is now overwritten
            for h in range(READS):
                tl.store(of_wr + h * N + n, tl.zeros_like(weights), mask=valid)

        of_erase = -tl.sum(weights[:, None] * of_written * left, 0)
        of_vector = tl.sum(weights[:, None] * of_written, 0)
        of_weights += tl.sum(of_written * (vector[None, :] - left * erase[None, :]), 1)
        of_weights = clamp(of_weights, BOUND)
        tl.store(of_xi + ERASE + w, sigmoid_backward(of_erase, erase), mask=in_word)
        tl.store(of_xi + ERASE + W + w, of_vector, mask=in_word)
        of_memory = of_written * (1.0 - weights[:, None] * erase[None, :])
        of_kept = tl.zeros_like(weights)
        if DEALLOCATE:
            of_kept = tl.sum(of_memory * memory, 1)
            of_memory = of_memory * kept[:, None]

        allocation = tl.load(tape + n, mask=valid, other=0.0)
        content = tl.load(tape + N + n, mask=valid, other=0.0)
        allocation_gate = sigmoid(tl.load(xi + FREE + READS))
        write_gate = sigmoid(tl.load(xi + FREE + READS + 1))
        of_gate = tl.sum(of_weights * (content + allocation_gate * (allocation - content)), 0)
        tl.store(of_xi + FREE + READS + 1, sigmoid_backward(of_gate, write_gate))
        of_gate = write_gate * tl.sum(of_weights * (allocation - content), 0)
        tl.store(of_xi + FREE + READS, sigmoid_backward(of_gate, allocation_gate))
        key = tl.load(xi + KEY + w, mask=in_word, other=0.0)
        mask = _mask(xi + (MASKS + READS * W) * MASKED, MASK_MIN, W, BW, MASKED)
        strength = tl.load(xi + KEY + W)
        of_content = write_gate * (1.0 - allocation_gate) * of_weights
        of_looked_up, of_key, of_mask, of_strength = look_up_backward(
            of_content, memory, key, mask, 1.0 + softplus(strength), valid, MASKED
        )
        tl.store(of_xi + KEY + w, of_key, mask=in_word)
        tl.store(of_xi + KEY + W, softplus_backward(of_strength, strength))
        _mask_backward(of_mask, mask, of_xi + MASKS + READS * W, MASK_MIN, W, BW, MASKED)
        tl.store(OF_MEMORY + b * N * W + cells, of_memory + of_looked_up, mask=in_memory)

        tl.debug_barrier()
        of_allocation = write_gate * allocation_gate * of_weights
        of_u = _allocation_backward(of_allocation, U + new, of_rows, N, BN, BL)
        of_u += tl.load(OF_U + b * N + n, mask=valid, other=0.0)
        u = tl.load(U + now + n, mask=valid, other=0.0)
        last = tl.load(WW + now + n, mask=valid, other=0.0)
        of_kept += of_u * (u + last - u * last)
        tl.store(OF_U + b * N + n, of_u * kept * (1.0 - last), mask=valid)
        of_last = of_u * kept * (1.0 - u)
        if not USAGE_GRADIENT:
            of_last = tl.zeros_like(of_last)
        tl.store(OF_WW + b * N + n, of_last, mask=valid)
        tl.debug_barrier()
        _retention_backward(of_kept, xi + FREE, of_xi + FREE, wr, of_wr, N, READS, BN)
