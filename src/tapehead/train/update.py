"""An update: a batch forward, its loss, the gradient, clipping, a step of the optimiser."""

import math
import os
from typing import TYPE_CHECKING

from torch import Tensor

from .. import engine
from ..engine.native import adam
from ..tasks import Batch, Task
from .evaluate import fitted_memory
from .optimizers import FusedAdam, clip_gradients

if TYPE_CHECKING:
    from .run import Run

Outcome = tuple[Tensor, float, float]
"""The outputs, the mean over the batch of the loss in nats, the gradient's norm before clipping. Unless both
numbers are finite no step was taken."""


class Updater:
    """The updates of a run: in compiled code where that is possible, else by autograd."""

    def __init__(self, run: "Run") -> None:
        self._run = run
        self._optimizer: object = None
        self._native: adam.Update | None = None

    def __call__(self, task: Task, batch: Batch) -> Outcome:
        """Learn from a batch."""
        run = self._run
        slots = fitted_memory(batch) if run.config.fit_memory else None
        # The first step of an optimiser is autograd's: it makes the state on which the others go on.
        bits = type(task).loss is Task.loss and type(task).objective is Task.objective
        if bits and run.optimizer.state:
            if self._optimizer is not run.optimizer:
                self._optimizer, self._native = run.optimizer, self._build()
            if self._native is not None:
                return self._native(batch.inputs, batch.targets, batch.mask, batch.lengths, slots)
        return by_autograd(run, task, batch, slots)

    def _build(self) -> adam.Update | None:
        run, config, optimizer = self._run, self._run.config, self._run.optimizer
        if (config.backend or os.environ.get(engine.BACKEND_VARIABLE)) == "reference":
            return None
        if not isinstance(optimizer, FusedAdam) or config.optimizer.clip not in adam.CLIPPING:
            return None
        # Several processes average their gradients in autograd.
        if run.model is not run.machine or adam.unsupported_reason(run.machine, optimizer) is not None:
            return None
        return adam.Update(run.machine, optimizer, config.optimizer.clip, config.optimizer.clip_value)


def by_autograd(run: "Run", task: Task, batch: Batch, memory_size: int | None) -> Outcome:
    """The plain update, for every machine, task and optimiser."""
    options = {} if memory_size is None else {"memory_size": memory_size}
    outputs, _ = run.model(batch.inputs, lengths=batch.lengths, **options)
    loss = task.objective(outputs, batch).mean()
    for parameter in run.machine.parameters():
        parameter.grad = None
    loss.backward()
    gradients = [p.grad for p in run.machine.parameters() if p.grad is not None]
    norm = clip_gradients(run.config.optimizer, gradients)
    nats = loss.item()
    if math.isfinite(nats + norm):
        run.optimizer.step()
    return outputs.detach(), nats, norm


__all__ = ["Updater", "by_autograd"]
