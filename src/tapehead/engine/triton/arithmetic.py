"""What the kernels of both machines share: non-linearities, softmax, content addressing, and their gradients.

A program runs one step of one sequence. A weighting is a vector of ``BN`` numbers, N rounded up to a power of
two, and zero from N on; a memory is a block [BN, BW]. Symbols and formulas are those of engine/README.md.
"""

import triton
import triton.language as tl

EPSILON = tl.constexpr(1e-6)
"""Under the norms of content addressing, and under link sharpening's logarithm."""


@triton.jit
def sigmoid(x):
    z = tl.exp(-tl.abs(x))  # of a number that is not positive, which overflows nowhere
    return tl.where(x >= 0, 1.0, z) / (1.0 + z)


@triton.jit
def tanh(x):
    z = tl.exp(-2.0 * tl.abs(x))
    y = (1.0 - z) / (1.0 + z)
    return tl.where(x >= 0, y, -y)


@triton.jit
def softplus(x):
    return tl.maximum(x, 0.0) + tl.log(1.0 + tl.exp(-tl.abs(x)))


@triton.jit
def softplus_backward(gradient, x):
    return gradient * sigmoid(x)


@triton.jit
def sigmoid_backward(gradient, y):
    return gradient * y * (1.0 - y)


@triton.jit
def tanh_backward(gradient, y):
    return gradient * (1.0 - y * y)


@triton.jit
def softmax(logits, valid):
    logits = tl.where(valid, logits, -float("inf"))
    powers = tl.exp(logits - tl.max(logits, 0))
    return powers / tl.sum(powers, 0)


@triton.jit
def softmax_backward(gradient, y):
    return y * (gradient - tl.sum(y * gradient, 0))


@triton.jit
def clamp(x, BOUND: tl.constexpr):
    """Within ± BOUND; 0 stands for no bound."""
    if BOUND > 0:
        x = tl.minimum(tl.maximum(x, -BOUND), BOUND)
    return x


@triton.jit
def look_up(memory, key, mask, strength, valid, MASKED: tl.constexpr):
    """Content addressing: (the weighting, the similarities, |k|² + ε, |M(i)|² + ε).

    Without a mask, ``mask`` is not looked at.
    """
    if MASKED:
        seen = key * mask
        squares = tl.sum(memory * memory * (mask * mask)[None, :], 1) + EPSILON
        products = tl.sum(memory * (seen * mask)[None, :], 1)
    else:
        seen = key
        squares = tl.sum(memory * memory, 1) + EPSILON
        products = tl.sum(memory * key[None, :], 1)
    square = tl.sum(seen * seen, 0) + EPSILON
    similarities = products / tl.sqrt(square * squares)
    return softmax(strength * similarities, valid), similarities, square, squares


@triton.jit
def look_up_backward(gradient, memory, key, mask, strength, valid, MASKED: tl.constexpr):
    """From the gradient of a content weighting to those of (memory, key, mask, strength)."""
    weights, similarities, square, squares = look_up(memory, key, mask, strength, valid, MASKED)
    of_logits = softmax_backward(gradient, weights)
    of_strength = tl.sum(of_logits * similarities, 0)
    of_similarities = strength * of_logits
    scaled = of_similarities / tl.sqrt(square * squares)
    through_norms = of_similarities * similarities
    if MASKED:
        seen, masked = key * mask, memory * mask[None, :]
        of_seen = tl.sum(scaled[:, None] * masked, 0) - tl.sum(through_norms, 0) * seen / square
        of_masked = scaled[:, None] * seen[None, :] - (through_norms / squares)[:, None] * masked
        of_key, of_memory = mask * of_seen, of_masked * mask[None, :]
        of_mask = key * of_seen + tl.sum(memory * of_masked, 0)
    else:
        of_key = tl.sum(scaled[:, None] * memory, 0) - tl.sum(through_norms, 0) * key / square
        of_memory = scaled[:, None] * key[None, :] - (through_norms / squares)[:, None] * memory
        of_mask = of_key
    return of_memory, of_key, of_mask, of_strength


@triton.jit
def multiply(a, b):
    return a * b


@triton.jit
def allocation_key(usage):
    """Usage as a multiple of 1e-6, rounded half to even as PyTorch rounds; NaN after all numbers."""
    scaled = usage * 1e6
    below = tl.floor(scaled)
    over = scaled - below
    odd = below - 2.0 * tl.floor(below * 0.5)
    up = (over > 0.5) | ((over == 0.5) & (odd == 1.0))
    rounded = tl.where(up, below + 1.0, below)
    return tl.where(usage == usage, rounded, 2e6)


@triton.jit
def precedes(keys, rows, key, n):
    """Which of ``rows`` come before each slot in the free list, [rows, BN]: by usage, then by number."""
    less = keys[:, None] < key[None, :]
    return less | ((keys[:, None] == key[None, :]) & (rows[:, None] < n[None, :]))
