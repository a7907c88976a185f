"""The steps of sparse access that the NTM and the DNC share (Rae et al. 2016, SAM and SDNC)."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from .. import functional as F
from .controllers import clip_gradient_


class Written(NamedTuple):
    """A memory after a write."""

    memory: Tensor
    """M, [B, N, W]"""
    usage: Tensor
    """times of access before this step's, with what is written marked as such, [B, N]"""
    weights: Tensor
    """w^W, [B, H, N]"""
    least_used: Tensor
    """I^U, [B, H, N]"""
    last_read: Tensor
    """w^R_{t−1}, at most K slots a head, [B, R, N]"""


def write_sparsely(
    memory: Float[Tensor, "B N W"],
    usage: Float[Tensor, "B N"],
    read_weights: Float[Tensor, "B R N"],
    add: Float[Tensor, "B H W"],
    gates: Float[Tensor, "B H"],
    write_gates: Float[Tensor, "B H"],
    *,
    top_k: int,
    clip: float | None,
) -> Written:
    """Write to the slots last read and to the least recently used ones.

    Args:
        memory, usage, read_weights: of the state before the step.
        add: a, [B, H, W].
        gates: γ in [0, 1], [B, H].
        write_gates: α in [0, 1], [B, H].
        top_k: K; of a given state's read weightings the K largest count.
        clip: bound of the gradient at the write weightings, or None.
    """
    usage = usage.detach().round().clamp_min(0)
    last_read = F.keep_largest(read_weights, top_k)
    least_used = F.least_recently_used(usage, add.shape[1])
    weights = F.sparse_write_weights(last_read, least_used, write_gates, gates)
    clip_gradient_(weights, clip)
    written = F.sparse_write(memory, weights, least_used, add)
    touched = (last_read > 0).any(1) | (least_used > 0).any(1)
    return Written(written, F.mark_written(usage, touched), weights, least_used, last_read)


def read_by_content(
    memory: Float[Tensor, "B N W"],
    usage: Float[Tensor, "B N"],
    keys: Float[Tensor, "B R W"],
    strengths: Float[Tensor, "B R"],
    *,
    top_k: int,
    search: str,
) -> Float[Tensor, "B R N"]:
    """Read weightings over the K written slots most like each key, or those of them that the search finds."""
    written = (usage.detach().round() > 0).unsqueeze(1).expand(-1, keys.shape[1], -1)
    if search == "hashed" and memory.shape[1] > F.EXACT_ROWS:
        few = written.sum(-1, keepdim=True) <= F.EXACT_ROWS
        written = written & (few | F.hashed_candidates(memory, keys))
    return F.sparse_content_weights(memory, keys, strengths, top_k, written)
