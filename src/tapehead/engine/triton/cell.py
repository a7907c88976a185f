"""The LSTM's cell, forward and backward: what lies between two matrix products of the controller."""

import triton
import triton.language as tl

from .arithmetic import clamp, sigmoid, sigmoid_backward, tanh, tanh_backward


@triton.jit(do_not_specialize=["t"])
def cell_forward(
    GATES,
    CELLS,
    HIDDEN,
    FEATURES,
    LENGTHS,
    t,
    B,
    H: tl.constexpr,
    LAYERS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """A layer's gates [T, B, 4 H] before their non-linearities (i, f, g, o) become the gates after them.

    Cells and hidden [T + 1, B, H] of a sequence that is over stay as they are. FEATURES is the layer's part
    of [T, B, L H].
    """
    t = t.to(tl.int64)
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    there = i < B * H
    b, unit = i // H, i % H
    gates = GATES + (t * B + b) * 4 * H + unit
    now, new = t * B * H + i, (t + 1) * B * H + i
    opened = sigmoid(tl.load(gates, mask=there, other=0.0))
    kept = sigmoid(tl.load(gates + H, mask=there, other=0.0))
    candidate = tanh(tl.load(gates + 2 * H, mask=there, other=0.0))
    shown = sigmoid(tl.load(gates + 3 * H, mask=there, other=0.0))
    last = tl.load(CELLS + now, mask=there, other=0.0)
    cell = kept * last + opened * candidate
    hidden = shown * tanh(cell)
    tl.store(gates, opened, mask=there)
    tl.store(gates + H, kept, mask=there)
    tl.store(gates + 2 * H, candidate, mask=there)
    tl.store(gates + 3 * H, shown, mask=there)
    active = t < tl.load(LENGTHS + b, mask=there, other=0)
    before = tl.load(HIDDEN + now, mask=there, other=0.0)
    tl.store(CELLS + new, tl.where(active, cell, last), mask=there)
    tl.store(HIDDEN + new, tl.where(active, hidden, before), mask=there)
    tl.store(FEATURES + (t * B + b) * LAYERS * H + unit, hidden, mask=there)


@triton.jit(do_not_specialize=["t"])
def cell_backward(
    GATES,
    CELLS,
    OF_GATES,
    OF_CELL,
    OF_HIDDEN,
    OF_FEATURES,
    LENGTHS,
    t,
    B,
    H: tl.constexpr,
    LAYERS: tl.constexpr,
    BLOCK: tl.constexpr,
    BOUND: tl.constexpr,
):
    """The gradient of the gates before their non-linearities, [T, B, 4 H].

    OF_FEATURES, the layer's part of [B, L H], is the gradient of what the layer said in step t; OF_CELL
    [B, H] becomes that of the cells before. OF_HIDDEN [B, H] is used up: zero, but where a sequence is over.
    """
    t = t.to(tl.int64)
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    there = i < B * H
    b, unit = i // H, i % H
    at = (t * B + b) * 4 * H + unit
    active = there & (t < tl.load(LENGTHS + b, mask=there, other=0))
    opened = tl.load(GATES + at, mask=there, other=0.0)
    kept = tl.load(GATES + at + H, mask=there, other=0.0)
    candidate = tl.load(GATES + at + 2 * H, mask=there, other=0.0)
    shown = tl.load(GATES + at + 3 * H, mask=there, other=0.0)
    last = tl.load(CELLS + t * B * H + i, mask=there, other=0.0)
    squashed = tanh(kept * last + opened * candidate)
    said = tl.load(OF_FEATURES + b * LAYERS * H + unit, mask=there, other=0.0)
    hidden = tl.load(OF_HIDDEN + i, mask=there, other=0.0)
    of_hidden = tl.where(active, clamp(said + hidden, BOUND), 0.0)
    carried = tl.load(OF_CELL + i, mask=there, other=0.0)
    of_cell = tl.where(active, carried + tanh_backward(of_hidden * shown, squashed), 0.0)
    tl.store(OF_GATES + at, sigmoid_backward(of_cell * candidate, opened), mask=there)
    tl.store(OF_GATES + at + H, sigmoid_backward(of_cell * last, kept), mask=there)
    tl.store(OF_GATES + at + 2 * H, tanh_backward(of_cell * opened, candidate), mask=there)
    tl.store(OF_GATES + at + 3 * H, sigmoid_backward(of_hidden * squashed, shown), mask=there)
    tl.store(OF_CELL + i, tl.where(active, of_cell * kept, carried), mask=there)
    tl.store(OF_HIDDEN + i, tl.where(active, 0.0, hidden), mask=there)
