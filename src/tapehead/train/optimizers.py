"""Optimisers, learning rates and gradient clipping, as an :class:`OptimizerConfig` describes them."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from .config import OptimizerConfig
from .rmsprop_graves import RMSpropGraves


class FusedAdam(torch.optim.AdamW):
    """torch's fused AdamW (Adam if the weight decay is 0), bit for bit, for parameters of one device and
    dtype.

    torch groups the tensors anew in every step; for a small model that takes as long as the step itself. Here
    they are grouped once.
    """

    _columns: tuple[Any, list[Tensor], list[Tensor], list[Tensor], list[Tensor]] | None = None

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One step, as in torch."""
        columns = self._columns
        if (
            columns is None or columns[0] is not self.state or closure is not None
        ):  # load_state_dict changes it
            loss = super().step(closure)
            self._columns = self._look_up()
            return loss
        _, parameters, averages, squares, steps = columns
        gradients = [p.grad for p in parameters]
        if any(gradient is None for gradient in gradients):
            return super().step()
        (group,) = self.param_groups
        torch._foreach_add_(steps, 1)
        torch._fused_adamw_(
            parameters,
            gradients,  # type: ignore[arg-type]
            averages,
            squares,
            [],
            steps,
            lr=group["lr"],
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=False,
            maximize=False,
        )
        return None

    def _look_up(self) -> Any:
        """The state and lists of its tensors; None if a parameter has no state yet."""
        (group,) = self.param_groups
        states = [self.state.get(p) for p in group["params"]]
        if not all(states):
            return None
        names = ("exp_avg", "exp_avg_sq", "step")
        return self.state, group["params"], *([state[name] for state in states] for name in names)  # type: ignore[index]


def build_optimizer(config: OptimizerConfig, model: nn.Module) -> torch.optim.Optimizer:
    """The optimiser of all of ``model``'s parameters."""
    parameters = list(model.parameters())
    if config.name == "adam":
        return FusedAdam(
            parameters, lr=config.lr, eps=config.eps or 1e-8, weight_decay=config.weight_decay, fused=True
        )
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


def learning_rate(config: OptimizerConfig, step: int, steps: int, falls_from: int = 0) -> float:
    """The rate of update ``step`` (from 0) of ``steps``: a linear rise, then constant or half a cosine,
    which begins at update ``falls_from``."""
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    if config.final_lr is None:
        return config.lr
    first = max(config.warmup, falls_from)
    done = min(1.0, (step - first) / max(1, steps - 1 - first))
    return config.final_lr + (config.lr - config.final_lr) * (1 + math.cos(math.pi * done)) / 2


def clip_gradients(config: OptimizerConfig, gradients: list[Tensor]) -> float:
    """Clip in place, by norm or elementwise as the config says.

    Args:
        config: "controller" and "none" leave the gradients as they are: the machine clips at its activations.
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
