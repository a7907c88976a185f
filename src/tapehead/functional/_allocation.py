"""Which slots are free, and where to write (DNC Methods, "Dynamic memory allocation", "Write weighting")."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

USAGE_STEPS = 1e6
"""Steps of usage between 0 and 1: usages in the same step count as equal when the free list is sorted."""


def retention(free_gates: Float[Tensor, "B R"], read_weights: Float[Tensor, "B R N"]) -> Float[Tensor, "B N"]:
    """How much of each slot the free gates keep.

    DNC: ψ = Π_r (1 − f^r w^{r}_{t−1}).

    Args:
        free_gates: f in [0, 1], [B, R].
        read_weights: w^r_{t−1}, the read weightings of the step before, [B, R, N].

    Returns:
        ψ, [B, N].
    """
    return (1 - free_gates.unsqueeze(-1) * read_weights).prod(1)


def update_usage(
    usage: Float[Tensor, "B N"], write_weights: Float[Tensor, "B N"], retention: Float[Tensor, "B N"]
) -> Float[Tensor, "B N"]:
    """Usage after the last write and the release of what was read.

    DNC: u = (u_{t−1} + w^w_{t−1} − u_{t−1} ∘ w^w_{t−1}) ∘ ψ.

    Args:
        usage: u_{t−1}, [B, N].
        write_weights: w^w_{t−1}, the write weighting of the step before, [B, N].
        retention: ψ, [B, N].

    Returns:
        u in [0, 1], [B, N].
    """
    return (usage + write_weights - usage * write_weights) * retention


def allocation_order(usage: Float[Tensor, "B N"]) -> Int64[Tensor, "B N"]:
    """The free list: slots from least to most used.

    DNC: φ = argsort(u), ascending. The sort is stable, and usages are compared as multiples of 1e-6: at
    the start all slots are equally free, and the last bit of a sum must not decide which is written.

    Args:
        usage: u, [B, N].

    Returns:
        φ, [B, N].
    """
    usage = usage.detach()
    if usage.dtype in (torch.float16, torch.bfloat16):  # a million is infinite in float16
        usage = usage.float()
    # Ties are broken in the key itself: a stable sort has no ONNX operator.
    slots = torch.arange(usage.shape[-1], device=usage.device)
    steps = torch.round(usage * USAGE_STEPS).nan_to_num(posinf=2e6, neginf=-2e6, nan=2e6).long()
    return torch.argsort(steps * usage.shape[-1] + slots, dim=-1)


def allocation_weights(usage: Float[Tensor, "B N"]) -> Float[Tensor, "B N"]:
    """The allocation weighting: on the least used slot, as far as it is free, then on the next.

    DNC: a[φ_j] = (1 − u[φ_j]) Π_{i<j} u[φ_i], φ the free list (:func:`allocation_order`). The gradient of
    the order is ignored, as in the paper; it flows through the usages.

    Args:
        usage: u, [B, N].

    Returns:
        a, [B, N]; sums to at most 1, all zero when every slot is fully used.
    """
    order = allocation_order(usage)
    ordered = usage.gather(-1, order)
    before = torch.cat([torch.ones_like(ordered[:, :1]), _running_product(ordered[:, :-1])], dim=-1)
    return torch.zeros_like(usage).scatter(-1, order, (1 - ordered) * before)


def _running_product(factors: Float[Tensor, "B M"]) -> Float[Tensor, "B M"]:
    """Π_{j ≤ i} factors[j] for every i."""
    if not torch.compiler.is_exporting():
        return factors.cumprod(-1)
    # ONNX has no cumulative product: multiply by the product of as many factors before, and double.
    reach, size = 1, factors.shape[-1]
    while reach < size:
        earlier = torch.cat([torch.ones_like(factors[:, :reach]), factors[:, :-reach]], dim=-1)
        factors, reach = factors * earlier, 2 * reach
    return factors


def mix_write_weights(
    content: Float[Tensor, "B N"],
    allocation: Float[Tensor, "B N"],
    write_gate: Float[Tensor, " B"],
    allocation_gate: Float[Tensor, " B"],
) -> Float[Tensor, "B N"]:
    """The write weighting.

    DNC: w^w = g^w [g^a a + (1 − g^a) c^w].

    Args:
        content: c^w, [B, N].
        allocation: a, [B, N].
        write_gate: g^w in [0, 1], [B].
        allocation_gate: g^a in [0, 1], [B].

    Returns:
        w^w, [B, N]; sums to at most 1.
    """
    return write_gate.unsqueeze(-1) * torch.lerp(content, allocation, allocation_gate.unsqueeze(-1))
