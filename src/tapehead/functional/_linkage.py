"""In which order slots were written (DNC Methods, "Temporal memory linkage", "Read weighting")."""

import torch
from jaxtyping import Float
from torch import Tensor

EPSILON = 1e-6


def update_link(
    link: Float[Tensor, "B N N"], precedence: Float[Tensor, "B N"], write_weights: Float[Tensor, "B N"]
) -> Float[Tensor, "B N N"]:
    """The temporal link matrix; L[i, j] is near 1 when slot i was written right after slot j.

    DNC: L[i, j] = (1 − w^w_i − w^w_j) L_{t−1}[i, j] + w^w_i p_{t−1}[j], diagonal 0.

    Args:
        link: L_{t−1}, [B, N, N].
        precedence: p_{t−1}, the precedence from *before* this write, [B, N].
        write_weights: w^w, [B, N].

    Returns:
        L, [B, N, N]; diagonal 0, rows and columns sum to at most 1.
    """
    rows = write_weights.unsqueeze(-1)
    new = (1 - rows - write_weights.unsqueeze(-2)) * link + rows * precedence.unsqueeze(-2)
    diagonal = torch.eye(link.shape[-1], dtype=torch.bool, device=link.device)
    return new.masked_fill(diagonal, 0)


def update_precedence(
    precedence: Float[Tensor, "B N"], write_weights: Float[Tensor, "B N"]
) -> Float[Tensor, "B N"]:
    """To what degree each slot was the last one written.

    DNC: p = (1 − Σ_i w^w_i) p_{t−1} + w^w.

    Args:
        precedence: p_{t−1}, [B, N].
        write_weights: w^w, [B, N].

    Returns:
        p, [B, N]; sums to at most 1.
    """
    return (1 - write_weights.sum(-1, keepdim=True)) * precedence + write_weights


def directional_weights(
    link: Float[Tensor, "B N N"], read_weights: Float[Tensor, "B R N"]
) -> tuple[Float[Tensor, "B R N"], Float[Tensor, "B R N"]]:
    """From the slots last read, one step on and one step back in the order of writing.

    DNC: f = L w^r_{t−1}, b = Lᵀ w^r_{t−1}.

    Args:
        link: L, [B, N, N].
        read_weights: w^r_{t−1}, [B, R, N].

    Returns:
        (forward f, backward b), each [B, R, N].
    """
    return read_weights @ link.mT, read_weights @ link


def sharpen_links(
    directional: Float[Tensor, "B R N"], strengths: Float[Tensor, "B R"]
) -> Float[Tensor, "B R N"]:
    """Link sharpening, against the blur that repeated reads along the links bring.

    Csordás and Schmidhuber 2019: S(d, s)_i = ((d_i + ε) / max(d + ε))^s / Σ_j (…)^s, ε = 1e-6. An all-zero
    row becomes even.

    Args:
        directional: d, a forward or backward weighting, [B, R, N].
        strengths: s ≥ 1, [B, R].

    Returns:
        [B, R, N]; each weighting sums to 1.
    """
    # A softmax of logarithms: dividing by the maximum is what the softmax does anyway.
    return torch.softmax(strengths.unsqueeze(-1) * (directional + EPSILON).log(), dim=-1)


def mix_read_weights(
    backward: Float[Tensor, "B R N"],
    content: Float[Tensor, "B R N"],
    forward: Float[Tensor, "B R N"],
    modes: Float[Tensor, "B R 3"],
) -> Float[Tensor, "B R N"]:
    """The read weightings.

    DNC: w^r = π1 b + π2 c^r + π3 f; the modes stand in the order backward, content, forward.

    Args:
        backward: b, [B, R, N].
        content: c^r, [B, R, N].
        forward: f, [B, R, N].
        modes: π, each row a distribution, [B, R, 3].

    Returns:
        w^r, [B, R, N].
    """
    pi = modes.unsqueeze(-1)
    return pi[:, :, 0] * backward + pi[:, :, 1] * content + pi[:, :, 2] * forward
