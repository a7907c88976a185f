"""The NTM's memory step backward: engine/README.md derives it, ntm.py has its layout."""

from typing import NamedTuple

import triton
import triton.language as tl

from .arithmetic import (
    clamp,
    look_up_backward,
    sigmoid,
    sigmoid_backward,
    softmax_backward,
    softplus,
    softplus_backward,
    tanh,
    tanh_backward,
)
from .block import block_of, load_memory, sequence
from .ntm import Buffers, erase_and_add, open_of, shift, step_of, write


class Gradients(NamedTuple):
    """Of the interface of every step, and of the state: after a step, then before it, in the same place."""

    XI: tl.tensor
    """[T, B, X]"""
    WW: tl.tensor
    WR: tl.tensor
    """[B, heads, N]"""
    WORDS: tl.tensor
    """[B, R, W]: the whole gradient of the words that the step read"""
    MEMORY: tl.tensor
    """[B, N, ROW]"""
    SCRATCH: tl.tensor
    """[B, N]"""


@triton.jit
def _shift_backward(of_moved, xi, of_xi, gated, open, s: tl.constexpr, GATED: tl.constexpr):
    """Writes the gradients of the shifts' logits; returns those of (the weighting before, the write gate).

    ``of_moved`` is where the gradient of the shifted weighting stands, ``gated`` the weighting before.
    """
    n, shifts = tl.arange(0, s.BN), tl.arange(0, s.BS)
    valid, in_shifts = n < s.N, shifts < s.S
    own_gradient = tl.load(of_moved + n, mask=valid, other=0.0)
    of_gated = tl.zeros_like(own_gradient)
    of_open = tl.sum(of_gated, 0)
    for place in range(s.S):
        back = (n + (s.N * (s.S // 2 // s.N + 1) + s.S // 2) - place) % s.N
        on = (n + s.N * (s.S // 2 // s.N + 1) + place - s.S // 2) % s.N
        chance = shift(xi, place, open, s, GATED)
        of_gated += chance * tl.load(of_moved + on, mask=valid, other=0.0)
        of_chance = tl.sum(own_gradient * tl.load(gated + back, mask=valid, other=0.0), 0)
        if GATED:
            own = shift(xi, place, open, s, False)
            of_open += of_chance * (own - tl.where(place == s.S // 2, 1.0, 0.0))
            of_chance *= open
        tl.store(of_xi + s.W + 2 + place, of_chance)
    tl.debug_barrier()
    logits = tl.load(xi + s.W + 2 + shifts, mask=in_shifts, other=-float("inf"))
    powers = tl.exp(logits - tl.max(logits, 0))
    of_shifts = tl.load(of_xi + s.W + 2 + shifts, mask=in_shifts, other=0.0)
    tl.debug_barrier()
    of_shifts = softmax_backward(of_shifts, powers / tl.sum(powers, 0))
    tl.store(of_xi + s.W + 2 + shifts, of_shifts, mask=in_shifts)
    return of_gated, of_open


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
    s: tl.constexpr,
    GATED: tl.constexpr,
):
    """Writes the gradient of the head's interface; returns those of (memory, previous, the write gate)."""
    n, w = tl.arange(0, s.BN), tl.arange(0, s.BW)
    valid, in_word = n < s.N, w < s.W
    moved = tl.load(tape + 2 * s.N + n, mask=valid, other=0.0)
    sharpness = tl.load(xi + s.W + 2 + s.S)
    q = softmax_backward(gradient, weights)
    positive = moved > 0
    log = tl.log(tl.maximum(moved, s.TINY))
    of_gamma = tl.sum(tl.where(positive, q * log, 0.0), 0)
    tl.store(of_xi + s.W + 2 + s.S, softplus_backward(of_gamma, sharpness))
    of_moved = tl.where(positive, (1.0 + softplus(sharpness)) * q / tl.maximum(moved, s.TINY), 0.0)
    tl.store(scratch + n, of_moved, mask=valid)
    tl.debug_barrier()
    of_gated, of_open = _shift_backward(scratch, xi, of_xi, tape + s.N, open, s, GATED)

    content = tl.load(tape + n, mask=valid, other=0.0)
    own_gate = sigmoid(tl.load(xi + s.W + 1))
    gate = own_gate * open
    of_gate = tl.sum(of_gated * (content - previous), 0)
    of_open += of_gate * own_gate
    tl.store(of_xi + s.W + 1, sigmoid_backward(of_gate * open, own_gate))
    strength = tl.load(xi + s.W)
    key = tanh(tl.load(xi + w, mask=in_word, other=0.0))
    of_memory, of_key, _, of_strength = look_up_backward(
        gate * of_gated, memory, key, key, softplus(strength), valid, False
    )
    tl.store(of_xi + s.W, softplus_backward(of_strength, strength))
    tl.store(of_xi + w, tanh_backward(of_key, key), mask=in_word)
    return of_memory, (1.0 - gate) * of_gated, of_open


@triton.jit
def _reads_backward(at, of_reading, of_wr, of_words, scratch, seen, of_seen, s: tl.constexpr):
    """The gradient of the memory that the read heads see, added to ``of_seen``."""
    n, w = tl.arange(0, s.BN), tl.arange(0, s.BW)
    valid, in_word = n < s.N, w < s.W
    for h in range(s.READS):
        weights = tl.load(at.wr_new + h * s.N + n, mask=valid, other=0.0)
        of_word = tl.load(of_words + h * s.W + w, mask=in_word, other=0.0)
        of_weights = tl.load(of_wr + h * s.N + n, mask=valid, other=0.0)
        of_weights = clamp(of_weights + tl.sum(seen * of_word[None, :], 1), s.BOUND)
        of_looked_up, of_previous, _ = _address_backward(
            of_weights,
            weights,
            at.reading + h * s.READ,
            of_reading + h * s.READ,
            seen,
            tl.load(at.wr + h * s.N + n, mask=valid, other=0.0),
            at.tape + (s.WRITES + h) * 3 * s.N,
            scratch,
            1.0,
            s,
            False,
        )
        of_seen += weights[:, None] * of_word[None, :] + of_looked_up
        tl.store(of_wr + h * s.N + n, of_previous, mask=valid)
        tl.debug_barrier()  # the next head has the same scratch
    return of_seen


@triton.jit
def _kept_by_others(at, h, memory, s: tl.constexpr):
    """What the erases of all write heads but ``h`` keep."""
    n = tl.arange(0, s.BN)
    others = tl.full((s.BN, s.BW), 1.0, memory.dtype)
    for q in range(s.WRITES):
        if q != h:
            other = at.writing + q * s.WRITE
            weighting = tl.load(at.ww_new + q * s.N + n, mask=n < s.N, other=0.0)
            erase, _add = erase_and_add(other, open_of(other, s), s)
            others *= 1.0 - weighting[:, None] * erase[None, :]
    return others


@triton.jit
def _writes_backward(at, of_writing, of_ww, scratch, memory, of_written, of_before, s: tl.constexpr):
    """The gradient of the memory before the step through the write heads' keys, added to ``of_before``."""
    n, w = tl.arange(0, s.BN), tl.arange(0, s.BW)
    valid, in_word = n < s.N, w < s.W
    for h in range(s.WRITES):
        head, of_head = at.writing + h * s.WRITE, of_writing + h * s.WRITE
        open = open_of(head, s)
        weights = tl.load(at.ww_new + h * s.N + n, mask=valid, other=0.0)
        erase, add = erase_and_add(head, open, s)
        of_kept = of_written * memory * _kept_by_others(at, h, memory, s)
        of_erase = -tl.sum(weights[:, None] * of_kept, 0)
        of_add = tl.sum(weights[:, None] * of_written, 0)
        of_weights = tl.load(of_ww + h * s.N + n, mask=valid, other=0.0)
        of_weights += tl.sum(of_written * add[None, :] - of_kept * erase[None, :], 1)
        of_looked_up, of_previous, of_open = _address_backward(
            clamp(of_weights, s.BOUND),
            weights,
            head,
            of_head,
            memory,
            tl.load(at.ww + h * s.N + n, mask=valid, other=0.0),
            at.tape + h * 3 * s.N,
            scratch,
            open,
            s,
            s.GATED,
        )
        of_before += of_looked_up
        tl.store(of_ww + h * s.N + n, of_previous, mask=valid)
        own_erase, own_add = erase_and_add(head, 1.0, s)
        if s.GATED:
            of_open += tl.sum(of_erase * own_erase + of_add * own_add, 0)
            tl.store(of_head + 3 * s.W + s.S + 3, sigmoid_backward(of_open, open))
        of_erase, of_add = of_erase * open, of_add * open
        erases = of_head + s.W + s.S + 3
        tl.store(erases + w, sigmoid_backward(of_erase, own_erase), mask=in_word)
        tl.store(erases + s.W + w, tanh_backward(of_add, own_add), mask=in_word)
        tl.debug_barrier()
    return of_before


@triton.jit
def step_backward(at, of, MEMORY, t, slot, b, B, s: tl.constexpr):
    """The gradients of the state after step t become those before it; ``slot`` has the memory before it."""
    of_reading = of.XI + (t * B + b) * s.X
    of_wr, of_words, scratch = of.WR + b * s.READS * s.N, of.WORDS + b * s.READS * s.W, of.SCRATCH + b * s.N
    cells, there = block_of(s)
    of_memory_at = of.MEMORY + b * s.N * s.ROW + cells
    memory = load_memory(MEMORY, slot, b, B, s)
    of_memory = tl.load(of_memory_at, mask=there, other=0.0)
    written, keep = write(memory, at.writing, at.ww_new, s)
    if s.READ_FIRST:
        seen, of_seen = memory, tl.zeros_like(memory)
    else:
        seen, of_seen = written, of_memory
    of_seen = _reads_backward(at, of_reading, of_wr, of_words, scratch, seen, of_seen, s)
    # The memory and what is kept of it, once more: for them to wait until here there are too few registers.
    memory = load_memory(MEMORY, slot, b, B, s)
    written, keep = write(memory, at.writing, at.ww_new, s)
    if s.READ_FIRST:
        of_written, of_before = of_memory, of_seen + of_memory * keep
    else:
        of_written, of_before = of_seen, of_seen * keep
    of_writing, of_ww = of_reading + s.READS * s.READ, of.WW + b * s.WRITES * s.N
    of_before = _writes_backward(at, of_writing, of_ww, scratch, memory, of_written, of_before, s)
    tl.store(of_memory_at, of_before, mask=there)


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
    s: tl.constexpr,
):
    """One step."""
    b, B = sequence()
    # A sequence that is over kept its state, and its gradient passes as it is; OF_XI is zero there already.
    if t < tl.load(LENGTHS + b):
        # It does not look at the words read, for which the interface stands in.
        at = step_of(Buffers(XI, WW, WR, TAPE, XI), t, b, B, s)
        of = Gradients(OF_XI, OF_WW, OF_WR, OF_WORDS, OF_MEMORY, SCRATCH)
        step_backward(at, of, MEMORY, t, src, b, B, s)
