"""In which order slots were written, with few links a slot (Rae et al. 2016, supplement, SDNC).

The DNC's link matrix is replaced by two matrices with at most K_L numbers a row that are not zero: N, whose
row i holds the slots written before slot i, and P, whose row i holds those written after it. A matrix is a
pair of tensors [B, N, K_L]: its numbers and, as whole numbers of the same dtype, their columns. No gradient
goes through them, as in the paper.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from ._sparse import keep_largest

MAX_LINKS = 8
"""K_L of the paper."""

Links = tuple[Tensor, Tensor]
"""The numbers of a row-sparse matrix and their columns, each [B, N, K_L]."""


def update_links_before(
    links: Links, precedence: Float[Tensor, "B N"], write_weights: Float[Tensor, "B N"]
) -> Links:
    """Which slots were written before each slot.

    SDNC: N(i, j) = (1 − w^W_i) N_{t−1}(i, j) + w^W_i p_{t−1}(j), i ≠ j as in the DNC; of each row the K_L
    largest stay.

    Args:
        links: N_{t−1}.
        precedence: p_{t−1}, [B, N].
        write_weights: w^W, [B, N].
    """
    weights, columns = links[0].detach(), _columns(links)
    rows = write_weights.detach().unsqueeze(-1)
    largest, slots = _largest(precedence.detach(), weights.shape[-1])
    return _merge((1 - rows) * weights, columns, rows * largest.unsqueeze(1), slots)


def update_links_after(
    links: Links, precedence: Float[Tensor, "B N"], write_weights: Float[Tensor, "B N"], written: int
) -> Links:
    """Which slots were written after each slot.

    SDNC: P(i, j) = (1 − w^W_j) P_{t−1}(i, j) + w^W_j p_{t−1}(i), i ≠ j; of each row the K_L largest stay.

    Args:
        links: P_{t−1}.
        precedence: p_{t−1}, [B, N].
        write_weights: w^W, [B, N].
        written: how many slots a step writes to at most.
    """
    weights, columns = links[0].detach(), _columns(links)
    write_weights = write_weights.detach()
    faded = 1 - write_weights.unsqueeze(1).expand(-1, columns.shape[1], -1).gather(-1, columns)
    largest, slots = _largest(write_weights, written)
    added = precedence.detach().unsqueeze(-1) * largest.unsqueeze(1)
    return _merge(faded * weights, columns, added, slots)


def update_sparse_precedence(
    precedence: Float[Tensor, "B N"], write_weights: Float[Tensor, "B N"]
) -> Float[Tensor, "B N"]:
    """To what degree each slot was the last one written, for K_L slots at most.

    SDNC: p = (1 − Σ_i w^W_i) p_{t−1} + w^W, of which the K_L largest stay.
    """
    precedence, write_weights = precedence.detach(), write_weights.detach()
    new = (1 - write_weights.sum(-1, keepdim=True)) * precedence + write_weights
    return keep_largest(new, MAX_LINKS)


def follow_links(links: Links, read_weights: Float[Tensor, "B R N"]) -> Float[Tensor, "B R N"]:
    """From the slots last read along the links: forward f = N w^R_{t−1}, backward b = P w^R_{t−1}.

    Args:
        links: N or P.
        read_weights: w^R_{t−1}, [B, R, N].

    Returns:
        f or b, [B, R, N].
    """
    weights, columns = links[0].detach(), _columns(links)
    heads = read_weights.shape[1]
    read = read_weights.gather(-1, columns.flatten(1).unsqueeze(1).expand(-1, heads, -1))
    return (read.unflatten(-1, columns.shape[1:]) * weights.unsqueeze(1)).sum(-1)


def _columns(links: Links) -> Tensor:
    """As indices; of a given state too, whatever it holds."""
    weights, columns = links
    return columns.detach().round().clamp(0, max(0, weights.shape[1] - 1)).long()


def _largest(weights: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The ``count`` largest positive numbers of each row and where they are; among equals the first."""
    kept = keep_largest(weights, count)
    slots = torch.argsort(kept, dim=-1, descending=True, stable=True)[..., :count]
    return kept.gather(-1, slots), slots


def _merge(weights: Tensor, columns: Tensor, added: Tensor, slots: Tensor) -> Links:
    """The K_L largest numbers of each row of a sum of two row-sparse matrices, without the diagonal.

    Args:
        weights, columns: one, [B, N, K_L].
        added: the other's numbers, [B, N, C].
        slots: and their columns, the same in every row, [B, C].
    """
    count = weights.shape[-1]
    slots = slots.unsqueeze(1).expand_as(added)
    same = (columns.unsqueeze(-1) == slots.unsqueeze(-2)) & (weights > 0).unsqueeze(-1)
    same &= same.cumsum(-2) == 1  # a column that stands twice in a given state takes it once
    weights = weights + (same * added.unsqueeze(-2)).sum(-1)
    added = added * ~same.any(-2)
    every, where = torch.cat([weights, added], -1), torch.cat([columns, slots], -1)
    rows = torch.arange(where.shape[1], device=where.device).view(-1, 1)
    every = every * (where != rows)
    order = torch.argsort(every, dim=-1, descending=True, stable=True)[..., :count]
    kept = every.gather(-1, order).clamp_min(0)
    return kept, where.gather(-1, order).to(kept.dtype) * (kept > 0)
