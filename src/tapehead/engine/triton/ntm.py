"""The NTM's memory step in one kernel: a program a sequence, forward, backward, and the writes done again.

Indices: ``t`` is the step. What stands for every step has the step first; state before step t stands at t,
after it at t + 1. Of the memory there are slots, which the caller numbers: at ``src`` it is read, at ``dst``
written. The tape has three rows of N numbers a head, write heads first: the content weighting, the gated and
the shifted one.
"""

import triton
import triton.language as tl

from .arithmetic import (
    clamp,
    look_up,
    look_up_backward,
    sigmoid,
    sigmoid_backward,
    softmax_backward,
    softplus,
    softplus_backward,
    tanh,
    tanh_backward,
)


@triton.jit
def _shift(xi, place, open, S: tl.constexpr, BS: tl.constexpr, GATED: tl.constexpr):
    """The probability of the shift at ``place``; with a write gate, partly "stay"."""
    s = tl.arange(0, BS)
    logits = tl.load(xi + s, mask=s < S, other=-float("inf"))
    largest = tl.max(logits, 0)
    chance = tl.exp(tl.load(xi + place) - largest) / tl.sum(tl.exp(logits - largest), 0)
    if GATED:
        chance = open * chance + tl.where(place == S // 2, 1.0 - open, 0.0)
    return chance


@triton.jit
def _address(
    xi,
    memory,
    previous,
    tape,
    open,
    N: tl.constexpr,
    W: tl.constexpr,
    S: tl.constexpr,
    BN: tl.constexpr,
    BW: tl.constexpr,
    BS: tl.constexpr,
    TINY: tl.constexpr,
    GATED: tl.constexpr,
):
    """Content, interpolation, shift, sharpening of the head whose interface begins at ``xi``."""
    n, w = tl.arange(0, BN), tl.arange(0, BW)
    valid = n < N
    key = tanh(tl.load(xi + w, mask=w < W, other=0.0))
    content, _, _, _ = look_up(memory, key, key, softplus(tl.load(xi + W)), valid, False)
    gate = sigmoid(tl.load(xi + W + 1)) * open
    gated = previous + gate * (content - previous)
    tl.store(tape + n, content, mask=valid)
    tl.store(tape + N + n, gated, mask=valid)
    tl.debug_barrier()
    moved = tl.zeros_like(gated)
    for place in range(S):
        # A shift by o brings slot i - o to slot i; the sum before % is positive, however few slots there are.
        source = (n + (N * (S // 2 // N + 1) + S // 2) - place) % N
        chance = _shift(xi + W + 2, place, open, S, BS, GATED)
        moved += chance * tl.load(tape + N + source, mask=valid, other=0.0)
    tl.store(tape + 2 * N + n, moved, mask=valid)
    gamma = 1.0 + softplus(tl.load(xi + W + 2 + S))
    logs = gamma * tl.log(tl.maximum(moved, TINY))
    powers = tl.where(moved > 0, tl.exp(logs - tl.max(tl.where(valid, logs, -float("inf")), 0)), 0.0)
    return powers / tl.maximum(tl.sum(powers, 0), TINY)


@triton.jit
def _address_backward(
    gradient,
    weights,
    xi,
    of_xi,
    memory,
    previous,
    tape,
    scratch,
    open,
    N: tl.constexpr,
    W: tl.constexpr,
    S: tl.constexpr,
    BN: tl.constexpr,
    BW: tl.constexpr,
    BS: tl.constexpr,
    TINY: tl.constexpr,
    GATED: tl.constexpr,
):
    """Writes the gradient of the head's interface; returns those of (memory, previous, the write gate)."""
    n, w, s = tl.arange(0, BN), tl.arange(0, BW), tl.arange(0, BS)
    valid, in_word, in_shifts = n < N, w < W, s < S
    moved = tl.load(tape + 2 * N + n, mask=valid, other=0.0)
    sharpness = tl.load(xi + W + 2 + S)
    q = softmax_backward(gradient, weights)
    positive = moved > 0
    log = tl.log(tl.maximum(moved, TINY))
    of_gamma = tl.sum(tl.where(positive, q * log, 0.0), 0)
    tl.store(of_xi + W + 2 + S, softplus_backward(of_gamma, sharpness))
    of_moved = tl.where(positive, (1.0 + softplus(sharpness)) * q / tl.maximum(moved, TINY), 0.0)
    tl.store(scratch + n, of_moved, mask=valid)
    tl.debug_barrier()
    of_gated = tl.zeros_like(of_moved)
    of_open = tl.sum(tl.zeros_like(of_moved), 0)
    for place in range(S):
        back = (n + (N * (S // 2 // N + 1) + S // 2) - place) % N
        on = (n + N * (S // 2 // N + 1) + place - S // 2) % N
        chance = _shift(xi + W + 2, place, open, S, BS, GATED)
        of_gated += chance * tl.load(scratch + on, mask=valid, other=0.0)
        of_chance = tl.sum(of_moved * tl.load(tape + N + back, mask=valid, other=0.0), 0)
        if GATED:
            own = _shift(xi + W + 2, place, open, S, BS, False)
            of_open += of_chance * (own - tl.where(place == S // 2, 1.0, 0.0))
            of_chance *= open
        tl.store(of_xi + W + 2 + place, of_chance)
    tl.debug_barrier()
    logits = tl.load(xi + W + 2 + s, mask=in_shifts, other=-float("inf"))
    powers = tl.exp(logits - tl.max(logits, 0))
    of_shifts = tl.load(of_xi + W + 2 + s, mask=in_shifts, other=0.0)
    tl.debug_barrier()
    of_shifts = softmax_backward(of_shifts, powers / tl.sum(powers, 0))
    tl.store(of_xi + W + 2 + s, of_shifts, mask=in_shifts)

    content = tl.load(tape + n, mask=valid, other=0.0)
    own_gate = sigmoid(tl.load(xi + W + 1))
    gate = own_gate * open
    of_gate = tl.sum(of_gated * (content - previous), 0)
    of_open += of_gate * own_gate
    tl.store(of_xi + W + 1, sigmoid_backward(of_gate * open, own_gate))
    strength = tl.load(xi + W)
    key = tanh(tl.load(xi + w, mask=in_word, other=0.0))
    of_memory, of_key, _, of_strength = look_up_backward(
        gate * of_gated, memory, key, key, softplus(strength), valid, False
    )
    tl.store(of_xi + W, softplus_backward(of_strength, strength))
    tl.store(of_xi + w, tanh_backward(of_key, key), mask=in_word)
    return of_memory, (1.0 - gate) * of_gated, of_open


@triton.jit
def _open(xi, W: tl.constexpr, S: tl.constexpr, GATED: tl.constexpr):
    """A write head's gate, and 1 where it has none; sums that it multiplies then stay as they are."""
    if GATED:
        return sigmoid(tl.load(xi + 3 * W + S + 3))
    else:
        return 1.0


@triton.jit
def _erase_and_add(xi, open, W: tl.constexpr, S: tl.constexpr, BW: tl.constexpr):
    """(e, a) of a write head after all non-linearities."""
    w = tl.arange(0, BW)
    erase = open * sigmoid(tl.load(xi + W + S + 3 + w, mask=w < W, other=-float("inf")))
    add = open * tanh(tl.load(xi + 2 * W + S + 3 + w, mask=w < W, other=0.0))
    return erase, add


@triton.jit
def _write(
    memory,
    xi,
    weights,
    N: tl.constexpr,
    W: tl.constexpr,
    S: tl.constexpr,
    WRITES: tl.constexpr,
    BN: tl.constexpr,
    BW: tl.constexpr,
    GATED: tl.constexpr,
):
    """All erases, then all adds; ``xi`` is where the write heads' interface begins. Also what is kept."""
    n = tl.arange(0, BN)
    keep = tl.full((BN, BW), 1.0, memory.dtype)
    added = tl.zeros_like(memory)
    for h in range(WRITES):
        head = xi + h * (3 * W + S + 3 + GATED)
        weighting = tl.load(weights + h * N + n, mask=n < N, other=0.0)
        erase, add = _erase_and_add(head, _open(head, W, S, GATED), W, S, BW)
        keep *= 1.0 - weighting[:, None] * erase[None, :]
        added += weighting[:, None] * add[None, :]
    return memory * keep + added, keep


@triton.jit(do_not_specialize=["t", "src", "dst"])
def ntm_forward(
    XI,
    LENGTHS,
    WW,
    WR,
    TAPE,
    WORDS,
    MEMORY,
    t,
    src,
    dst,
    N: tl.constexpr,
    W: tl.constexpr,
    READS: tl.constexpr,
    WRITES: tl.constexpr,
    S: tl.constexpr,
    BN: tl.constexpr,
    BW: tl.constexpr,
    BS: tl.constexpr,
    TINY: tl.constexpr,
    GATED: tl.constexpr,
    READ_FIRST: tl.constexpr,
):
    """One step: interface [T, B, X], weightings [T + 1, B, heads, N], words [T + 1, B, R, W]."""
    b, B, t = tl.program_id(0).to(tl.int64), tl.num_programs(0).to(tl.int64), t.to(tl.int64)
    src, dst = src.to(tl.int64), dst.to(tl.int64)
    READ: tl.constexpr = W + S + 3
    WRITE: tl.constexpr = 3 * W + S + 3 + GATED
    n, w = tl.arange(0, BN), tl.arange(0, BW)
    valid, in_word = n < N, w < W
    cells, in_memory = n[:, None] * W + w[None, :], valid[:, None] & in_word[None, :]
    active = t < tl.load(LENGTHS + b)
    reading = XI + (t * B + b) * (READS * READ + WRITES * WRITE)
    writing = reading + READS * READ
    tape = TAPE + (t * B + b) * (READS + WRITES) * 3 * N
    ww, ww_new = WW + (t * B + b) * WRITES * N, WW + ((t + 1) * B + b) * WRITES * N
    wr, wr_new = WR + (t * B + b) * READS * N, WR + ((t + 1) * B + b) * READS * N
    words, words_new = WORDS + (t * B + b) * READS * W, WORDS + ((t + 1) * B + b) * READS * W

    memory = tl.load(MEMORY + (src * B + b) * N * W + cells, mask=in_memory, other=0.0)
    for h in range(WRITES):
        head = writing + h * WRITE
        previous = tl.load(ww + h * N + n, mask=valid, other=0.0)
        weights = _address(
            head,
            memory,
            previous,
            tape + h * 3 * N,
            _open(head, W, S, GATED),
            N,
            W,
            S,
            BN,
            BW,
            BS,
            TINY,
            GATED,
        )
        tl.store(ww_new + h * N + n, tl.where(active, weights, previous), mask=valid)
    tl.debug_barrier()
    written, _ = _write(memory, writing, ww_new, N, W, S, WRITES, BN, BW, GATED)
    tl.store(MEMORY + (dst * B + b) * N * W + cells, tl.where(active, written, memory), mask=in_memory)
    if READ_FIRST:
        seen = memory
    else:
        seen = written
    for h in range(READS):
        previous = tl.load(wr + h * N + n, mask=valid, other=0.0)
        weights = _address(
            reading + h * READ,
            seen,
            previous,
            tape + (WRITES + h) * 3 * N,
            1.0,
            N,
            W,
            S,
            BN,
            BW,
            BS,
            TINY,
            False,
        )
        tl.store(wr_new + h * N + n, tl.where(active, weights, previous), mask=valid)
        word = tl.sum(weights[:, None] * seen, 0)
        before = tl.load(words + h * W + w, mask=in_word, other=0.0)
        tl.store(words_new + h * W + w, tl.where(active, word, before), mask=in_word)


@triton.jit(do_not_specialize=["t", "src", "dst"])
def ntm_write_again(
    XI,
    LENGTHS,
    WW,
    MEMORY,
    t,
    src,
    dst,
    N: tl.constexpr,
    W: tl.constexpr,
    READS: tl.constexpr,
    WRITES: tl.constexpr,
    S: tl.constexpr,
    BN: tl.constexpr,
    BW: tl.constexpr,
    GATED: tl.constexpr,
):
    """The write of step t once more, by the weightings that it had."""
    b, B, t = tl.program_id(0).to(tl.int64), tl.num_programs(0).to(tl.int64), t.to(tl.int64)
    src, dst = src.to(tl.int64), dst.to(tl.int64)
    READ: tl.constexpr = W + S + 3
    WRITE: tl.constexpr = 3 * W + S + 3 + GATED
    n, w = tl.arange(0, BN), tl.arange(0, BW)
    cells = n[:, None] * W + w[None, :]
    in_memory = (n < N)[:, None] & (w < W)[None, :]
    writing = XI + (t * B + b) * (READS * READ + WRITES * WRITE) + READS * READ
    memory = tl.load(MEMORY + (src * B + b) * N * W + cells, mask=in_memory, other=0.0)
    weights = WW + ((t + 1) * B + b) * WRITES * N
    written, _ = _write(memory, writing, weights, N, W, S, WRITES, BN, BW, GATED)
    written = tl.where(t < tl.load(LENGTHS + b), written, memory)
    tl.store(MEMORY + (dst * B + b) * N * W + cells, written, mask=in_memory)


@triton.jit(do_not_specialize=["t", "src"])
def ntm_backward(
    XI,
    LENGTHS,
    WW,
    WR,
    TAPE,
    MEMORY,
    OF_XI,
    OF_WW,
    OF_WR,
    OF_WORDS,
    OF_MEMORY,
    SCRATCH,
    t,
    src,
    N: tl.constexpr,
    W: tl.constexpr,
    READS: tl.constexpr,
    WRITES: tl.constexpr,
    S: tl.constexpr,
    BN: tl.constexpr,
    BW: tl.constexpr,
    BS: tl.constexpr,
    TINY: tl.constexpr,
    GATED: tl.constexpr,
    READ_FIRST: tl.constexpr,
    BOUND: tl.constexpr,
):
    """The gradients of the state after step t become those of the state before it, in their place.

    OF_WORDS [B, R, W] is the whole gradient of the words that step t read; OF_XI [T, B, X] is written.
    """
    b, B, t = tl.program_id(0).to(tl.int64), tl.num_programs(0).to(tl.int64), t.to(tl.int64)
    src = src.to(tl.int64)
    READ: tl.constexpr = W + S + 3
    WRITE: tl.constexpr = 3 * W + S + 3 + GATED
    n, w = tl.arange(0, BN), tl.arange(0, BW)
    valid, in_word = n < N, w < W
    cells, in_memory = n[:, None] * W + w[None, :], valid[:, None] & in_word[None, :]
    offset = (t * B + b) * (READS * READ + WRITES * WRITE)
    reading, writing = XI + offset, XI + offset + READS * READ
    of_reading, of_writing = OF_XI + offset, OF_XI + offset + READS * READ
    tape = TAPE + (t * B + b) * (READS + WRITES) * 3 * N
    ww, ww_new = WW + (t * B + b) * WRITES * N, WW + ((t + 1) * B + b) * WRITES * N
    wr, wr_new = WR + (t * B + b) * READS * N, WR + ((t + 1) * B + b) * READS * N
    of_ww, of_wr = OF_WW + b * WRITES * N, OF_WR + b * READS * N
    of_words, scratch = OF_WORDS + b * READS * W, SCRATCH + b * N
    # A sequence that is over kept its state, and its gradient passes as it is; OF_XI is zero there already.
    if t < tl.load(LENGTHS + b):
        memory = tl.load(MEMORY + (src * B + b) * N * W + cells, mask=in_memory, other=0.0)
        of_memory = tl.load(OF_MEMORY + b * N * W + cells, mask=in_memory, other=0.0)
        written, keep = _write(memory, writing, ww_new, N, W, S, WRITES, BN, BW, GATED)
        if READ_FIRST:
            seen, of_seen = memory, tl.zeros_like(memory)
        else:
            seen, of_seen = written, of_memory
        for h in range(READS):
            weights = tl.load(wr_new + h * N + n, mask=valid, other=0.0)
            of_word = tl.load(of_words + h * W + w, mask=in_word, other=0.0)
            of_weights = tl.load(of_wr + h * N + n, mask=valid, other=0.0)
            of_weights = clamp(of_weights + tl.sum(seen * of_word[None, :], 1), BOUND)
            of_looked_up, of_previous, _ = _address_backward(
                of_weights,
                weights,
                reading + h * READ,
                of_reading + h * READ,
                seen,
                tl.load(wr + h * N + n, mask=valid, other=0.0),
                tape + (WRITES + h) * 3 * N,
                scratch,
                1.0,
                N,
                W,
                S,
                BN,
                BW,
                BS,
                TINY,
                False,
            )
            of_seen += weights[:, None] * of_word[None, :] + of_looked_up
            tl.store(of_wr + h * N + n, of_previous, mask=valid)
            tl.debug_barrier()  # the next head has the same scratch
        # What is kept, once more: for it to wait until here there are too few registers.
        written, keep = _write(memory, writing, ww_new, N, W, S, WRITES, BN, BW, GATED)
        if READ_FIRST:
            of_written, of_before = of_memory, of_seen + of_memory * keep
        else:
            of_written, of_before = of_seen, of_seen * keep
        for h in range(WRITES):
            head, of_head = writing + h * WRITE, of_writing + h * WRITE
            open = _open(head, W, S, GATED)
            weights = tl.load(ww_new + h * N + n, mask=valid, other=0.0)
            erase, add = _erase_and_add(head, open, W, S, BW)
            others = tl.full((BN, BW), 1.0, memory.dtype)
            for q in range(WRITES):
                if q != h:
                    other = writing + q * WRITE
                    weighting = tl.load(ww_new + q * N + n, mask=valid, other=0.0)
                    its_erase, _its_add = _erase_and_add(other, _open(other, W, S, GATED), W, S, BW)
                    others *= 1.0 - weighting[:, None] * its_erase[None, :]
            of_kept = of_written * memory * others
            of_erase = -tl.sum(weights[:, None] * of_kept, 0)
            of_add = tl.sum(weights[:, None] * of_written, 0)
            of_weights = tl.load(of_ww + h * N + n, mask=valid, other=0.0)
            of_weights += tl.sum(of_written * add[None, :] - of_kept * erase[None, :], 1)
            of_looked_up, of_previous, of_open = _address_backward(
                clamp(of_weights, BOUND),
                weights,
                head,
                of_head,
                memory,
                tl.load(ww + h * N + n, mask=valid, other=0.0),
                tape + h * 3 * N,
                scratch,
                open,
                N,
                W,
                S,
                BN,
                BW,
                BS,
                TINY,
                GATED,
            )
            of_before += of_looked_up
            tl.store(of_ww + h * N + n, of_previous, mask=valid)
            own_erase, own_add = _erase_and_add(head, 1.0, W, S, BW)
            if GATED:
                of_open += tl.sum(of_erase * own_erase + of_add * own_add, 0)
                tl.store(of_head + 3 * W + S + 3, sigmoid_backward(of_open, open))
            of_erase, of_add = of_erase * open, of_add * open
            erases = of_head + W + S + 3
            tl.store(erases + w, sigmoid_backward(of_erase, own_erase), mask=in_word)
            tl.store(erases + W + w, tanh_backward(of_add, own_add), mask=in_word)
            tl.debug_barrier()
        tl.store(OF_MEMORY + b * N * W + cells, of_before, mask=in_memory)
