"""Sparse access: reading and writing a few slots of many (Rae et al. 2016, arXiv:1610.09027).

SAM is the paper's sparse NTM, SDNC its sparse DNC. Weightings are vectors of N numbers here, of which few are
not zero; the compiled kernel holds those few alone.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ._addressing import similarities

ACCESS_THRESHOLD = 0.005
"""δ: a slot was accessed where all heads' weightings on it sum to more."""


def sparse_content_weights(
    memory: Float[Tensor, "B N W"],
    keys: Float[Tensor, "B H W"],
    strengths: Float[Tensor, "B H"],
    top_k: int,
    candidates: Bool[Tensor, "B N"] | Bool[Tensor, "B H N"],
) -> Float[Tensor, "B H N"]:
    """Content weighting over the K most similar slots alone; the others have weight zero.

    SAM section 3.1: the softmax of :func:`content_weights`, over the K candidates nearest to the key. Among
    equals the lower slot is nearer. Which slots are chosen has no gradient.

    Args:
        memory: M, [B, N, W].
        keys: k, one a head, [B, H, W].
        strengths: β, one a head, [B, H].
        top_k: K.
        candidates: the slots that may be read, [B, N] or [B, H, N].

    Returns:
        w, [B, H, N]; each weighting sums to 1, or is all zero where there is no candidate.
    """
    found = similarities(memory, keys)
    if candidates.dim() == 2:
        candidates = candidates.unsqueeze(1)
    ranked = found.detach().masked_fill(~candidates, -torch.inf)
    chosen = _largest(ranked, top_k) & candidates
    logits = strengths.unsqueeze(-1).to(found.dtype) * found
    weights = torch.softmax(logits.masked_fill(~chosen, torch.finfo(logits.dtype).min), dim=-1)
    return (weights * chosen).to(memory.dtype)  # without a candidate the softmax is even


def keep_largest(weights: Float[Tensor, "*axes N"], count: int) -> Float[Tensor, "*axes N"]:
    """The ``count`` largest positive weights of each weighting; the others become zero.

    Among equals the lower slot stays. The gradient goes to the weights that stay.
    """
    return weights * (_largest(weights.detach(), count) & (weights > 0))


def _largest(values: Float[Tensor, "*axes N"], count: int) -> Bool[Tensor, "*axes N"]:
    """Where the ``count`` largest values of the last axis are; among equals the first."""
    order = torch.argsort(values, dim=-1, descending=True, stable=True)[..., :count]
    return torch.zeros_like(values, dtype=torch.bool).scatter(-1, order, True)


def least_recently_used(usage: Float[Tensor, "B N"], count: int) -> Float[Tensor, "B H N"]:
    """I^U of each write head: one at a slot that was not accessed for longest, zero elsewhere.

    SAM section 3.2: I^U(i) = 1 where U(i) is least. Head h takes the h-th of the slots so ordered (again the
    first where there are fewer slots than heads). Among equals the lower slot comes first. There is no
    gradient.

    Args:
        usage: U, times of last access, [B, N].
        count: H, write heads.

    Returns:
        I^U, [B, H, N].
    """
    slots = usage.shape[-1]
    order = torch.argsort(usage.detach(), dim=-1, stable=True)
    heads = torch.arange(count, device=usage.device) % slots
    return torch.nn.functional.one_hot(order[:, heads], slots).to(usage.dtype)


def sparse_write_weights(
    read_weights: Float[Tensor, "B R N"],
    least_used: Float[Tensor, "B H N"],
    write_gates: Float[Tensor, "B H"],
    gates: Float[Tensor, "B H"],
) -> Float[Tensor, "B H N"]:
    """Where a head writes: to the slots last read, and to the slot least recently used.

    SAM eq. 5: w^W = α (γ w^R_{t−1} + (1 − γ) I^U). The paper pairs each write head with a read head; here all
    write heads share the mean over the R read heads, which is the paper's w^R where R = 1.

    Args:
        read_weights: w^R_{t−1}, [B, R, N].
        least_used: I^U, [B, H, N].
        write_gates: α in [0, 1], [B, H].
        gates: γ in [0, 1], [B, H].

    Returns:
        w^W, [B, H, N]; each sums to at most 1.
    """
    last_read = read_weights.mean(1, keepdim=True)
    return write_gates.unsqueeze(-1) * torch.lerp(least_used, last_read, gates.unsqueeze(-1))


def sparse_write(
    memory: Float[Tensor, "B N W"],
    weights: Float[Tensor, "B H N"],
    least_used: Float[Tensor, "B H N"],
    add: Float[Tensor, "B H W"],
) -> Float[Tensor, "B N W"]:
    """Write: the least recently used slots become zero, then every head adds.

    SAM eq. 3: M = (1 − R) ∘ M_{t−1} + A, R = I^U 1ᵀ, A = w^W aᵀ.

    Args:
        memory: M_{t−1}, [B, N, W].
        weights: w^W, [B, H, N].
        least_used: I^U, [B, H, N].
        add: a, [B, H, W].

    Returns:
        M, [B, N, W].
    """
    kept = 1 - least_used.amax(1)
    return kept.unsqueeze(-1) * memory + weights.mT @ add


def mark_written(usage: Float[Tensor, "B N"], touched: Bool[Tensor, "B N"]) -> Float[Tensor, "B N"]:
    """Times of access in which what is now written is no longer zero: it may be read from now on.

    Args:
        usage: U_{t−1}: 0 where nothing was ever written; 1 where something was, but never accessed; else
            the higher the later, [B, N].
        touched: the slots that this step writes to, [B, N].
    """
    return torch.where(touched, usage.clamp_min(1), usage)


def update_access_times(
    usage: Float[Tensor, "B N"],
    read_weights: Float[Tensor, "B R N"],
    write_weights: Float[Tensor, "B H N"],
) -> Float[Tensor, "B N"]:
    """Times of last access after a step; only their order counts.

    SAM eq. 6: U(i) is the time since w^W(i) + w^R(i) > δ, δ = 0.005. Kept here is the time itself, which
    does not change where nothing happens: slots accessed in this step get a number above all others. The
    weightings of all heads are summed. There is no gradient.

    Args:
        usage: times before, [B, N].
        read_weights: w^R, [B, R, N].
        write_weights: w^W, [B, H, N].

    Returns:
        Times after, [B, N], whole numbers: exact up to 2²⁴ steps in float32.
    """
    now = usage.amax(-1, keepdim=True).clamp_min(1) + 1
    accessed = (read_weights.sum(1) + write_weights.sum(1)).detach() > ACCESS_THRESHOLD
    return torch.where(accessed, now, usage)
