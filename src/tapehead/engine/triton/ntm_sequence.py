"""A whole sequence of an NTM with a small controller in one kernel: a program a sequence, the loop within.

The controller's products are here as well, of one vector by a matrix that is read anew in every step. What
comes from x, and the interface's bias, is there before the kernel begins. Layout and steps of the memory are
those of ntm.py and ntm_backward.py.
"""

from typing import NamedTuple

import triton
import triton.language as tl

from .arithmetic import clamp, tanh
from .block import load_memory, sequence, store_memory
from .cell import cells_backward, cells_forward
from .ntm import Buffers, step, step_of, write_once_more
from .ntm_backward import Gradients, step_backward


class Layers(NamedTuple):
    """What the kernels know of the controller when they are compiled."""

    LSTM: int
    NUMBER: int
    H: int
    """units of a layer"""
    G: int
    """numbers of a layer before its non-linearities: 4 H, or H without gates"""
    FED: int
    """words that every layer sees, R W or none"""
    BOUND: float
    """of the gradient of what a layer says; 0 for none"""
    BH: int
    """H rounded up to a power of two"""
    BF: int
    """and the words read, R W"""
    ROWS: int
    COLUMNS: int
    """of the block of a matrix that a program takes at a time"""


class Run(NamedTuple):
    """What the controller keeps of every step. FEATURES is [T, B, L H]."""

    GATES: tl.tensor
    """[L, T, B, G], before their non-linearities, then after them"""
    HIDDEN: tl.tensor
    CELLS: tl.tensor
    """[L, T + 1, B, H]"""
    FEATURES: tl.tensor
    WEIGHTS: tl.tensor
    """of each layer, after one another: those for the words, for its own last output, for the layer below;
    [inputs, G] in the forward kernel, [G, inputs] in the backward kernel"""
    LENGTHS: tl.tensor


@triton.jit
def _add_product(out, vector, matrix, ROWS: tl.constexpr, COLUMNS: tl.constexpr, c: tl.constexpr):
    """out [COLUMNS] += vector [ROWS] · matrix [ROWS, COLUMNS], between two barriers."""
    tl.debug_barrier()
    for column in range(0, COLUMNS, c.COLUMNS):
        columns = column + tl.arange(0, c.COLUMNS)
        in_columns = columns < COLUMNS
        before = tl.load(out + columns, mask=in_columns, other=0.0)
        total = tl.zeros((c.ROWS, c.COLUMNS), before.dtype)
        for row in range(0, ROWS, c.ROWS):
            rows = row + tl.arange(0, c.ROWS)
            in_rows = rows < ROWS
            numbers = tl.load(
                matrix + rows[:, None] * COLUMNS + columns[None, :],
                mask=in_rows[:, None] & in_columns[None, :],
                other=0.0,
            )
            factors = tl.load(vector + rows, mask=in_rows, other=0.0)
            total += factors[:, None] * numbers.to(total.dtype)
        tl.store(out + columns, before + tl.sum(total, 0), mask=in_columns)
    tl.debug_barrier()


@triton.jit
def _weights_of(run, layer, c: tl.constexpr):
    """Where a layer's weights begin: every layer but the first has some for the layer below."""
    first = (c.FED + c.LSTM * c.H) * c.G
    return run.WEIGHTS + layer * first + tl.maximum(layer - 1, 0) * c.H * c.G


@triton.jit
def _controller(run, words, t, b, B, T, active, c: tl.constexpr):
    """From the words read before to the features of step t."""
    unit = tl.arange(0, c.BH)
    there = unit < c.H
    features = run.FEATURES + (t * B + b) * c.NUMBER * c.H
    for layer in range(c.NUMBER):
        gates = run.GATES + ((layer * T + t) * B + b) * c.G
        now = ((layer * (T + 1) + t) * B + b) * c.H
        weights = _weights_of(run, layer, c)
        if c.FED > 0:
            _add_product(gates, words, weights, c.FED, c.G, c)
        weights += c.FED * c.G
        if c.LSTM:
            _add_product(gates, run.HIDDEN + now, weights, c.H, c.G, c)
            weights += c.H * c.G
        if layer > 0:
            _add_product(gates, features + (layer - 1) * c.H, weights, c.H, c.G, c)
        if c.LSTM:
            new = now + B * c.H
            last = tl.load(run.CELLS + now + unit, mask=there, other=0.0)
            cell, said = cells_forward(gates + unit, last, there, c.H)
            before = tl.load(run.HIDDEN + now + unit, mask=there, other=0.0)
            tl.store(run.CELLS + new + unit, tl.where(active, cell, last), mask=there)
            tl.store(run.HIDDEN + new + unit, tl.where(active, said, before), mask=there)
        else:
            said = tanh(tl.load(gates + unit, mask=there, other=0.0))
            tl.store(gates + unit, said, mask=there)
        tl.store(features + layer * c.H + unit, said, mask=there)
        tl.debug_barrier()


@triton.jit
def _controller_backward(
    run, of_gates_at, of_hidden_at, of_cells, said, of_words, t, b, B, T, c: tl.constexpr
):
    """Step t of a sequence that goes on; adds to the gradient of the words that it saw.

    ``said`` is the gradient of the features, used up.
    """
    unit = tl.arange(0, c.BH)
    there = unit < c.H
    for above in range(c.NUMBER):
        layer = c.NUMBER - 1 - above
        at = ((layer * T + t) * B + b) * c.G
        of_gates = of_gates_at + at
        of_hidden = of_hidden_at + (layer * B + b) * c.H
        weights = _weights_of(run, layer, c)
        of_said = tl.load(said + layer * c.H + unit, mask=there, other=0.0)
        if c.LSTM:
            last = run.CELLS + ((layer * (T + 1) + t) * B + b) * c.H
            cells_backward(
                run.GATES + at + unit,
                of_gates + unit,
                tl.load(last + unit, mask=there, other=0.0),
                of_cells + (layer * B + b) * c.H + unit,
                of_hidden + unit,
                of_said,
                True,
                there,
                c.H,
                c.BOUND,
            )
        else:
            squashed = tl.load(run.GATES + at + unit, mask=there, other=0.0)
            of_squashed = clamp(of_said, c.BOUND) * (1.0 - squashed * squashed)
            tl.store(of_gates + unit, of_squashed, mask=there)
        if c.FED > 0:
            _add_product(of_words, of_gates, weights, c.G, c.FED, c)
        weights += c.FED * c.G
        if c.LSTM:
            _add_product(of_hidden, of_gates, weights, c.G, c.H, c)
            weights += c.H * c.G
        if layer > 0:
            _add_product(said + (layer - 1) * c.H, of_gates, weights, c.G, c.H, c)


@triton.jit(do_not_specialize=["T", "SEGMENT", "CURRENT"])
def ntm_sequence_forward(
    GATES,
    HIDDEN,
    CELLS,
    FEATURES,
    WEIGHTS,
    INTERFACE,
    LENGTHS,
    XI,
    WW,
    WR,
    TAPE,
    WORDS,
    MEMORY,
    T,
    SEGMENT,
    CURRENT,
    s: tl.constexpr,
    c: tl.constexpr,
):
    """All steps. INTERFACE is the interface's weight, [L H, X]; XI begins as its bias.

    The memory before the first step of each segment of SEGMENT steps is kept in the segment's slot, the
    memory after the last step in slot CURRENT.
    """
    b, B = sequence()
    run = Run(GATES, HIDDEN, CELLS, FEATURES, WEIGHTS, LENGTHS)
    length = tl.load(LENGTHS + b)
    memory = load_memory(MEMORY, 0, b, B, s)
    for t in tl.range(0, T, disable_licm=True):
        active = t < length
        if (t % SEGMENT == 0) & (t > 0):
            store_memory(MEMORY, t // SEGMENT, b, B, memory, s)
        at = step_of(Buffers(XI, WW, WR, TAPE, WORDS), t, b, B, s)
        _controller(run, at.words, t, b, B, T, active, c)
        features = FEATURES + (t * B + b) * c.NUMBER * c.H
        _add_product(at.reading, features, INTERFACE, c.NUMBER * c.H, s.X, c)
        memory = step(at, memory, active, s)
        tl.debug_barrier()
    store_memory(MEMORY, CURRENT, b, B, memory, s)


@triton.jit
def _segment_again(XI, WW, MEMORY, first, last, slot, CURRENT, length, b, B, s: tl.constexpr):
    """Do the writes of a segment again, but for the last: the slots behind CURRENT get the memory between."""
    memory = load_memory(MEMORY, slot, b, B, s)
    for t in range(first, last - 1):
        memory = write_once_more(XI, WW, t, b, B, memory, t < length, s)
        store_memory(MEMORY, CURRENT + t + 1 - first, b, B, memory, s)
    tl.debug_barrier()


@triton.jit(do_not_specialize=["T", "SEGMENT", "CURRENT"])
def ntm_sequence_backward(
    GATES,
    HIDDEN,
    CELLS,
    FEATURES,
    WEIGHTS,
    INTERFACE,
    LENGTHS,
    XI,
    WW,
    WR,
    TAPE,
    WORDS,
    MEMORY,
    OF_GATES,
    OF_HIDDEN,
    OF_CELLS,
    OF_FEATURES,
    OF_READ,
    OF_XI,
    OF_WW,
    OF_WR,
    OF_WORDS,
    OF_MEMORY,
    SCRATCH,
    T,
    SEGMENT,
    CURRENT,
    s: tl.constexpr,
    c: tl.constexpr,
):
    """All steps: the gradients of the state after the last become those before the first, in their place.

    INTERFACE is [X, L H]. OF_FEATURES [T, B, L H] is used up; OF_READ [T, B, R W] is what the run's words
    read have from outside. OF_GATES [L, T, B, G] and OF_XI [T, B, X] are zero, and are written.
    """
    b, B = sequence()
    run = Run(GATES, HIDDEN, CELLS, FEATURES, WEIGHTS, LENGTHS)
    of = Gradients(OF_XI, OF_WW, OF_WR, OF_WORDS, OF_MEMORY, SCRATCH)
    length = tl.load(LENGTHS + b)
    word = tl.arange(0, c.BF)
    in_words = word < s.READS * s.W
    of_words = OF_WORDS + b * s.READS * s.W
    segments = (T + SEGMENT - 1) // SEGMENT
    for behind in tl.range(0, segments, disable_licm=True):
        segment = segments - 1 - behind
        first = segment * SEGMENT
        last = tl.minimum(first + SEGMENT, T)
        _segment_again(XI, WW, MEMORY, first, last, segment, CURRENT, length, b, B, s)
        for after in tl.range(0, last - first, disable_licm=True):
            t = last - 1 - after
            given = tl.load(OF_READ + (t * B + b) * s.READS * s.W + word, mask=in_words, other=0.0)
            carried = tl.load(of_words + word, mask=in_words, other=0.0)
            tl.store(of_words + word, carried + given, mask=in_words)
            tl.debug_barrier()
            # A sequence that is over kept its state, and its gradient passes as it is.
            if t < length:
                at = step_of(Buffers(XI, WW, WR, TAPE, WORDS), t, b, B, s)
                slot = tl.where(t == first, segment, CURRENT + t - first)
                step_backward(at, of, MEMORY, t, slot, b, B, s)
                tl.debug_barrier()
                tl.store(of_words + word, tl.zeros_like(carried), mask=in_words)
                said = OF_FEATURES + (t * B + b) * c.NUMBER * c.H
                of_xi = OF_XI + (t * B + b) * s.X
                _add_product(said, of_xi, INTERFACE, s.X, c.NUMBER * c.H, c)
                _controller_backward(run, OF_GATES, OF_HIDDEN, OF_CELLS, said, of_words, t, b, B, T, c)
