"""From an :class:`OptimizerConfig` to an optimiser, its learning rates, and clipped gradients."""

import math

import torch
from torch import Tensor, nn

from ._rmsprop_graves import RMSpropGraves
from .config import OptimizerConfig


def build_optimizer(config: OptimizerConfig, model: nn.Module) -> torch.optim.Optimizer:
    """The optimiser of all of ``model``'s parameters."""
    parameters = list(model.parameters())
    if config.name == "adam":
        return torch.optim.Adam(parameters, lr=config.lr, eps=config.eps or 1e-8, fused=True)
    if config.name == "rmsprop":
        return torch.optim.RMSprop(
            parameters,
            lr=config.lr,
            alpha=config.decay,
            momentum=config.momentum,
            eps=config.eps or 1e-8,
            foreach=True,
        )
    return RMSpropGraves(
        parameters, lr=config.lr, alpha=config.decay, momentum=config.momentum, eps=config.eps or 1e-4
    )


def learning_rate(config: OptimizerConfig, step: int, steps: int) -> float:
    """The rate of update ``step`` (from 0) of ``steps``: a linear rise, then constant or half a cosine."""
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    if config.final_lr is None:
        return config.lr
    done = min(1.0, (step - config.warmup) / max(1, steps - 1 - config.warmup))
    return config.final_lr + (config.lr - config.final_lr) * (1 + math.cos(math.pi * done)) / 2


def clip_gradients(config: OptimizerConfig, gradients: list[Tensor]) -> float:
    """Clip in place, by norm or elementwise as the config says.

    Args:
        config: "controller" and "none" leave the gradients alone: the machine clips at its activations.
        gradients: of all parameters.

    Returns:
        The joint norm before clipping; it is finite only if every gradient is.
    """
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))).item()
    if config.clip == "elementwise":
        torch._foreach_clamp_max_(gradients, config.clip_value)
        torch._foreach_clamp_min_(gradients, -config.clip_value)
    elif config.clip == "norm" and norm > config.clip_value:
        torch._foreach_mul_(gradients, config.clip_value / norm)
    return norm
