"""Reading and writing a memory (NTM sections 3.1 and 3.2; DNC "Interface vector", "Reading and writing")."""

import torch
from jaxtyping import Float
from torch import Tensor


def oneplus(x: Float[Tensor, "*axes"]) -> Float[Tensor, "*axes"]:
    """DNC "Interface parameters": oneplus(x) = 1 + log(1 + e^x), in [1, ∞); the domain of strengths."""
    return 1 + torch.nn.functional.softplus(x)


def read(memory: Float[Tensor, "B N W"], weights: Float[Tensor, "B H N"]) -> Float[Tensor, "B H W"]:
    """Read words.

    NTM eq. 2: r = Σ_i w(i) M(i); DNC "Reading and writing to memory": r = Mᵀ w^r.

    Args:
        memory: M, [B, N, W].
        weights: w, one weighting a head, [B, H, N].

    Returns:
        r, one word a head, [B, H, W].
    """
    return weights @ memory


def erase_and_add(
    memory: Float[Tensor, "B N W"],
    weights: Float[Tensor, "B H N"],
    erase: Float[Tensor, "B H W"],
    add: Float[Tensor, "B H W"],
) -> Float[Tensor, "B N W"]:
    """Write: all erases first, then all adds, so that the order of the heads does not matter.

    NTM eq. 3 and 4, DNC "Reading and writing to memory" (H = 1):

        M(i) = M_{t−1}(i) ∘ Π_h [1 − w_h(i) e_h] + Σ_h w_h(i) a_h

    Args:
        memory: M_{t−1}, [B, N, W].
        weights: w, [B, H, N].
        erase: e in [0, 1], [B, H, W].
        add: a (the DNC's write vector v), [B, H, W].

    Returns:
        M, [B, N, W].
    """
    if weights.shape[1] == 1:
        return memory - (weights.mT @ erase) * memory + weights.mT @ add
    keep = (1 - weights.unsqueeze(-1) * erase.unsqueeze(2)).prod(1)
    return memory * keep + weights.mT @ add
