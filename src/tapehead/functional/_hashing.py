"""An approximate search for the most similar slots: sign random projections (Charikar 2002).

The sign of a projection on a random vector is the same for two words with probability 1 − θ/π, θ the angle
between them. The signs of b projections are a code; words with the key's code, or nearly, are candidates. The
projections are fixed, so the candidates are a function of memory and key alone, however they are found.
"""

import functools

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

TABLES = 4
"""Codes of a word."""
PROBES = 4
"""Bits of a key's code, those nearest to the other sign, that a candidate's code may differ in."""
EXACT_ROWS = 4_096
"""So many written slots are searched one by one."""


def hash_bits(slots: int) -> int:
    """Bits of a code: about four of ``slots`` words share one."""
    return max(1, slots.bit_length() - 3)


def hashed_candidates(memory: Float[Tensor, "B N W"], keys: Float[Tensor, "B H W"]) -> Bool[Tensor, "B H N"]:
    """The slots that an approximate search for the keys looks at.

    Args:
        memory: M, [B, N, W].
        keys: k, one a head, [B, H, W].

    Returns:
        True where one of the slot's codes is that of the key but for some of the ``PROBES`` bits whose
        projections of the key are least, [B, H, N].
    """
    bits = hash_bits(memory.shape[1])
    vectors = torch.from_numpy(projections(bits, memory.shape[-1])).to(memory)
    powers = 2 ** torch.arange(bits, device=memory.device)

    def project(words: Tensor) -> Tensor:
        return (words.detach() @ vectors.T).unflatten(-1, (TABLES, bits))

    codes = ((project(memory) >= 0) * powers).sum(-1).unsqueeze(1)
    margins = project(keys)
    wanted = ((margins >= 0) * powers).sum(-1)
    nearest = powers[torch.argsort(margins.abs(), dim=-1, stable=True)[..., :PROBES]]
    found = torch.zeros(
        memory.shape[0], keys.shape[1], memory.shape[1], dtype=torch.bool, device=memory.device
    )
    for flips in range(2 ** nearest.shape[-1]):
        chosen = [bit for bit in range(nearest.shape[-1]) if flips >> bit & 1]
        probe = wanted ^ nearest[..., chosen].sum(-1)
        found |= (codes == probe.unsqueeze(2)).any(-1)
    return found


@functools.lru_cache(maxsize=64)
def projections(bits: int, word_size: int) -> np.ndarray:
    """The random vectors, of numbers −1 and 1: [TABLES · bits, W], float64.

    The kernel makes the same ones: the lowest bit of SplitMix64 of the place, row · 2³² + column.
    """
    rows, columns = np.meshgrid(np.arange(TABLES * bits), np.arange(word_size), indexing="ij")
    with np.errstate(over="ignore"):
        x = (rows.astype(np.uint64) << np.uint64(32)) + columns.astype(np.uint64)
        x += np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return np.where(x & np.uint64(1), 1.0, -1.0)
