"""RMSProp in the form of Graves 2013, which both papers' authors used."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class RMSpropGraves(Optimizer):
    """RMSProp as in Graves 2013 (arXiv:1308.0850, equations 38–41), which NTM section 4.6 names.

        n ← αn + (1−α)g²      m ← αm + (1−α)g      Δ ← μΔ − lr·g / √(n − m² + ε)      θ ← θ + Δ

    ``torch.optim.RMSprop(centered=True)`` is the same except for ε, which it adds outside the root: inside,
    the default 1e-4 keeps the denominator above 1e-2.

    Args:
        params: the parameters, or groups of them.
        lr: learning rate.
        alpha: α, of the running means.
        momentum: μ.
        eps: ε.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-4,
        alpha: float = 0.95,
        momentum: float = 0.9,
        eps: float = 1e-4,
    ) -> None:
        super().__init__(params, {"lr": lr, "alpha": alpha, "momentum": momentum, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            if not params:
                continue
            gradients: list[Tensor] = [p.grad for p in params]
            states = [self._state_of(p) for p in params]
            squares = [state["mean_square"] for state in states]
            means = [state["mean"] for state in states]
            deltas = [state["delta"] for state in states]
            rest = 1 - group["alpha"]
            torch._foreach_mul_(squares, group["alpha"])
            torch._foreach_addcmul_(squares, gradients, gradients, value=rest)
            torch._foreach_lerp_(means, gradients, weight=rest)
            roots = torch._foreach_addcmul(squares, means, means, value=-1)
            # Under large, steady gradients the difference can round to a negative number larger than ε.
            torch._foreach_clamp_min_(roots, 0)
            torch._foreach_add_(roots, group["eps"])
            torch._foreach_sqrt_(roots)
            torch._foreach_mul_(deltas, group["momentum"])
            torch._foreach_addcdiv_(deltas, gradients, roots, value=-group["lr"])
            torch._foreach_add_(params, deltas)
        return loss

    def _state_of(self, parameter: Tensor) -> dict[str, Any]:
        state = self.state[parameter]
        if not state:
            for name in ("mean_square", "mean", "delta"):
                state[name] = torch.zeros_like(parameter)
        return state
