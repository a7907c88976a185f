"""Going back to earlier weights when the loss jumps."""

import copy
import math
from collections.abc import Mapping
from typing import Any

from torch import nn, optim

WINDOW = 50
"""Updates whose mean loss is compared."""
SETTLING_WINDOWS = 4
"""Windows after a change of lesson in which no loss counts as a jump: each lesson has another loss."""
GOOD_RATIO = 1.3
"""Weights are kept while the mean loss is at most this many times the lowest one."""
LR_FACTOR = 0.8
"""Factor of the learning rate at each return: at the same rate the same jump tends to follow."""


class Rollback:
    """Keeps the last good weights and optimiser state of a run, and restores them when the loss jumps.

    A recurrent network that has trained well for hours can lose what it learned in a few updates.

    Args:
        ratio: go back when the mean loss of a window is more than this many times the lowest of the lesson.
    """

    def __init__(self, ratio: float) -> None:
        self._ratio = ratio
        self.lr_factor = 1.0
        """factor of the learning rate"""
        self.count = 0
        """how often the weights went back"""
        self.lesson: int | None = None
        self.lowest = math.inf
        self.total, self.updates, self.windows = 0.0, 0, 0
        self.kept: tuple[dict[str, Any], dict[str, Any]] | None = None

    def update(self, nats: float, lesson: int, machine: nn.Module, optimizer: optim.Optimizer) -> bool:
        """Take the loss of an update; return whether the weights and the optimiser went back.

        Args:
            nats: mean loss of the batch.
            lesson: number of the lesson that the run is at.
            machine, optimizer: what is kept and restored, in place.
        """
        if lesson != self.lesson:
            self.lesson, self.lowest = lesson, math.inf
            self.total, self.updates, self.windows = 0.0, 0, 0
        self.total += nats
        self.updates += 1
        if self.updates < WINDOW:
            return False
        loss, self.total, self.updates = self.total / WINDOW, 0.0, 0
        self.windows += 1
        if self.kept is not None and self.windows > SETTLING_WINDOWS and loss > self._ratio * self.lowest:
            machine.load_state_dict(self.kept[0])
            # An optimiser takes over the tensors that it loads.
            optimizer.load_state_dict(copy.deepcopy(self.kept[1]))
            self.count += 1
            self.lr_factor *= LR_FACTOR
            return True
        self.lowest = min(self.lowest, loss)
        if loss <= GOOD_RATIO * self.lowest:
            self.kept = copy.deepcopy((machine.state_dict(), optimizer.state_dict()))
        return False

    def state_dict(self) -> dict[str, Any]:
        """Everything that is needed to resume exactly."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where the one of this ``state_dict`` was."""
        for name in self.state_dict():
            setattr(self, name, state[name])
