"""Where a head looks: by content, by its previous place, by a shift (NTM section 3.3)."""

import torch
from jaxtyping import Float
from torch import Tensor

EPSILON = 1e-6
"""Under both norms of the cosine similarity: smooth at zero memory and zero keys."""


def content_weights(
    memory: Float[Tensor, "B N W"],
    keys: Float[Tensor, "B H W"],
    strengths: Float[Tensor, "B H"],
    masks: Float[Tensor, "B H W"] | None = None,
) -> Float[Tensor, "B H N"]:
    """Content weighting: a softmax over slots of the scaled cosine similarity.

    NTM eq. 5 and 6, DNC "Content-based addressing":

        w(i) = softmax_i( β K[k, M(i)] ),   K[u, v] = u·v / sqrt((|u|² + ε)(|v|² + ε)),   ε = 1e-6

    With masks m in [0, 1] (Csordás and Schmidhuber 2019) both sides are masked: K[k∘m, M(i)∘m].

    Args:
        memory: M, [B, N, W].
        keys: k, one a head, [B, H, W].
        strengths: β, one a head, [B, H].
        masks: m, one a head, [B, H, W], or None.

    Returns:
        w, [B, H, N]; each weighting sums to 1.
    """
    found = similarities(memory, keys, masks)
    return torch.softmax(strengths.unsqueeze(-1).to(found.dtype) * found, dim=-1).to(memory.dtype)


def similarities(
    memory: Float[Tensor, "B N W"], keys: Float[Tensor, "B H W"], masks: Float[Tensor, "B H W"] | None = None
) -> Float[Tensor, "B H N"]:
    """K[k, M(i)] of :func:`content_weights`, [B, H, N]; in float32 at least."""
    if memory.dtype in (torch.float16, torch.bfloat16):  # ε² is zero in float16
        memory, keys = memory.float(), keys.float()
        masks = None if masks is None else masks.float()
    if masks is None:
        queries = keys
        memory_square = memory.square().sum(-1).unsqueeze(1)
    else:
        # (k∘m)·(M∘m) = (k∘m∘m)·M: the mask goes to the small side of the product.
        keys = keys * masks
        queries = keys * masks
        memory_square = masks.square() @ memory.square().mT
    key_square = keys.square().sum(-1, keepdim=True)
    norms = ((key_square + EPSILON) * (memory_square + EPSILON)).sqrt()
    return (queries @ memory.mT) / norms


def interpolate(
    content: Float[Tensor, "B H N"], previous: Float[Tensor, "B H N"], gate: Float[Tensor, "B H"]
) -> Float[Tensor, "B H N"]:
    """Blend the content weighting with the head's previous weighting.

    NTM eq. 7: w^g = g w^c + (1 − g) w_{t−1}.

    Args:
        content: w^c, [B, H, N].
        previous: w_{t−1}, [B, H, N].
        gate: g in [0, 1], [B, H].

    Returns:
        w^g, [B, H, N].
    """
    return torch.lerp(previous, content, gate.unsqueeze(-1))


def shift(weights: Float[Tensor, "B H N"], shifts: Float[Tensor, "B H S"]) -> Float[Tensor, "B H N"]:
    """Circular convolution of a weighting with a distribution over shifts.

    NTM eq. 8: w~(i) = Σ_j w^g(j) s(i − j), indices modulo N.

    Args:
        weights: w^g, [B, H, N].
        shifts: s over the offsets −(S−1)/2 … (S−1)/2, [B, H, S], S odd. Offset +1 moves the focus from
            slot i to slot i + 1.

    Returns:
        w~, [B, H, N].

    Raises:
        ValueError: S is even.
    """
    count = shifts.shape[-1]
    if count % 2 == 0:
        raise ValueError(f"shifts has {count} entries: give an odd number, offsets -k … k around zero")
    reach = count // 2
    moved = torch.stack([weights.roll(offset, -1) for offset in range(-reach, reach + 1)], dim=-1)
    return (moved @ shifts.unsqueeze(-1)).squeeze(-1)


def sharpen(weights: Float[Tensor, "B H N"], gamma: Float[Tensor, "B H"]) -> Float[Tensor, "B H N"]:
    """Raise a weighting to a power and normalise it again.

    NTM eq. 9: w(i) = w~(i)^γ / Σ_j w~(j)^γ, γ ≥ 1. Computed in logarithms, so that no γ underflows the
    whole sum; an all-zero weighting stays all zero.

    Args:
        weights: w~ ≥ 0, [B, H, N].
        gamma: γ, [B, H].

    Returns:
        w, [B, H, N].
    """
    tiny = torch.finfo(weights.dtype).tiny
    logs = gamma.unsqueeze(-1) * weights.clamp_min(tiny).log()
    peak = logs.amax(-1, keepdim=True).detach()
    powers = (logs - peak).exp() * (weights > 0)
    return powers / powers.sum(-1, keepdim=True).clamp_min(tiny)
