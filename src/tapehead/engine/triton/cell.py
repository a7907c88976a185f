"""The LSTM's cell, forward and backward: what lies between two matrix products of the controller.

Blocks of cells: ``gates`` are the addresses of the input gates, the forget gates, candidates and output gates
stand H, 2 H and 3 H further; ``there`` says which cells there are, ``active`` whose sequences go on.
"""

import triton
import triton.language as tl

from .arithmetic import clamp, sigmoid, sigmoid_backward, tanh, tanh_backward


@triton.jit
def cells_forward(gates, last, there, H: tl.constexpr):
    """From gates before their non-linearities, which become those after them, to (cells, hidden)."""
    opened = sigmoid(tl.load(gates, mask=there, other=0.0))
    kept = sigmoid(tl.load(gates + H, mask=there, other=0.0))
    candidate = tanh(tl.load(gates + 2 * H, mask=there, other=0.0))
    shown = sigmoid(tl.load(gates + 3 * H, mask=there, other=0.0))
    cell = kept * last + opened * candidate
    tl.store(gates, opened, mask=there)
    tl.store(gates + H, kept, mask=there)
    tl.store(gates + 2 * H, candidate, mask=there)
    tl.store(gates + 3 * H, shown, mask=there)
    return cell, shown * tanh(cell)


@triton.jit
def cells_backward(
    gates, of_gates, last, of_cell_at, of_hidden_at, said, active, there, H: tl.constexpr, BOUND: tl.constexpr
):
    """Stores the gradients of the gates before their non-linearities, zero where a sequence is over.

    ``said`` is the gradient of what the cells said. That of the cells after, at ``of_cell_at``, becomes that
    of the cells before; that of the hidden after is used up: zero, but where a sequence is over.
    """
    opened = tl.load(gates, mask=there, other=0.0)
    kept = tl.load(gates + H, mask=there, other=0.0)
    candidate = tl.load(gates + 2 * H, mask=there, other=0.0)
    shown = tl.load(gates + 3 * H, mask=there, other=0.0)
    squashed = tanh(kept * last + opened * candidate)
    hidden = tl.load(of_hidden_at, mask=there, other=0.0)
    of_hidden = tl.where(active, clamp(said + hidden, BOUND), 0.0)
    carried = tl.load(of_cell_at, mask=there, other=0.0)
    of_cell = tl.where(active, carried + tanh_backward(of_hidden * shown, squashed), 0.0)
    tl.store(of_gates, sigmoid_backward(of_cell * candidate, opened), mask=there)
    tl.store(of_gates + H, sigmoid_backward(of_cell * last, kept), mask=there)
    tl.store(of_gates + 2 * H, tanh_backward(of_cell * opened, candidate), mask=there)
    tl.store(of_gates + 3 * H, sigmoid_backward(of_hidden * squashed, shown), mask=there)
    tl.store(of_cell_at, tl.where(active, of_cell * kept, carried), mask=there)
    tl.store(of_hidden_at, tl.where(active, 0.0, hidden), mask=there)


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
    now, new = t * B * H + i, (t + 1) * B * H + i
    last = tl.load(CELLS + now, mask=there, other=0.0)
    cell, hidden = cells_forward(GATES + (t * B + b) * 4 * H + unit, last, there, H)
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

    OF_FEATURES, the layer's part of [B, L H], is the gradient of what the layer said in step t; OF_CELL and
    OF_HIDDEN are [B, H].
    """
    t = t.to(tl.int64)
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    there = i < B * H
    b, unit = i // H, i % H
    at = (t * B + b) * 4 * H + unit
    active = there & (t < tl.load(LENGTHS + b, mask=there, other=0))
    last = tl.load(CELLS + t * B * H + i, mask=there, other=0.0)
    said = tl.load(OF_FEATURES + b * LAYERS * H + unit, mask=there, other=0.0)
    cells_backward(GATES + at, OF_GATES + at, last, OF_CELL + i, OF_HIDDEN + i, said, active, there, H, BOUND)
