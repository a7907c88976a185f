"""One training update: forward pass, loss, gradient, clipping, and a step of the optimiser."""

import math

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from ..engine.native import adam
from ..nn import Machine
from ..tasks import Batch, Task
from .evaluate import fitted_memory_size
from .optimizers import FusedAdam, clip_gradients
from .run import GPU_BACKENDS, Run, chosen_backend

SPARSE = 0.25
"""Where a smaller fraction of a batch's steps counts, the output layer is applied to those alone."""
ROWS_OF_A_STEP = 1.5
"""What a step of the engine takes whatever the batch, in sequences: measured at the sizes of ``dnc-babi``."""
Outcome = tuple[Tensor, float, float]
"""The outputs [T, B, outputs] (perhaps zeros where none counts), the mean loss of the batch in nats, and the
gradient's norm before clipping.
If one of the two numbers is not finite, the optimiser took no step."""


class Updater:
    """Updates a run: in compiled code where that is possible, else by autograd."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._optimizer: object = None
        self._native: adam.Update | None = None

    def __call__(self, task: Task, batch: Batch) -> Outcome:
        """Update the weights with one batch of ``task``."""
        run = self._run
        slots = fitted_memory_size(task, batch) if run.config.fit_memory else None
        # The first step is always by autograd: it creates the optimiser's state.
        bits = type(task).loss is Task.loss and type(task).objective is Task.objective
        bits &= not run.config.supervise_writes
        if bits and run.optimizer.state:
            if self._optimizer is not run.optimizer:
                self._optimizer, self._native = run.optimizer, self._build()
            if self._native is not None:
                return self._native(batch.inputs, batch.targets, batch.mask, batch.lengths, slots)
        return by_autograd(run, task, batch, slots)

    def _build(self) -> adam.Update | None:
        run, config, optimizer = self._run, self._run.config, self._run.optimizer
        if run.distributed.device.type != "cpu" or chosen_backend(config) in GPU_BACKENDS:
            return None
        if not isinstance(optimizer, FusedAdam) or config.optimizer.clip not in adam.CLIPPING:
            return None
        # With several processes autograd averages the gradients.
        if run.model is not run.machine or adam.unsupported_reason(run.machine, optimizer) is not None:
            return None
        return adam.Update(run.machine, optimizer, config.optimizer.clip, config.optimizer.clip_value)


def by_autograd(run: Run, task: Task, batch: Batch, memory_size: int | None) -> Outcome:
    """The plain update, for every machine, task and optimiser."""
    write_loss: Tensor | float = 0.0
    machine = run.machine
    few = batch.mask.float().mean() < SPARSE
    # (A benchmark trains modules that are no machines.)
    if few and run.model is machine and isinstance(machine, Machine):
        outputs = _outputs_that_count(machine, batch, memory_size)
    else:
        outputs, found = run.model(batch.inputs, lengths=batch.lengths, memory_size=memory_size)
        if run.config.supervise_writes:
            write_loss = run.config.supervise_writes * _write_loss(found, task, batch)
    objective = task.objective(outputs, batch).mean()
    loss = objective + write_loss
    for parameter in run.machine.parameters():
        parameter.grad = None
    loss.backward()
    gradients = [p.grad for p in run.machine.parameters() if p.grad is not None]
    norm = clip_gradients(run.config.optimizer, gradients)
    nats = objective.item()
    if math.isfinite(loss.item() + norm):
        run.optimizer.step()
    return outputs.detach(), nats, norm


def _outputs_that_count(machine: Machine, batch: Batch, memory_size: int | None) -> Tensor:
    """The outputs [T, B, outputs] at the steps that count, zeros elsewhere, where no loss looks.

    A large output layer of a task that asks seldom is a fifth of the machine's work. And sequences of other
    lengths run apart, so that the short ones do not wait in padding.
    """
    places, answers = [], []
    for part in _parts(batch.lengths.tolist()):
        columns, steps = torch.tensor(part, device=batch.mask.device), int(batch.lengths[part[0]])
        features, read_words, _ = machine.features(
            batch.inputs[:steps, columns], lengths=batch.lengths[columns], memory_size=memory_size
        )
        counts = batch.mask[:steps, columns]
        answers.append(machine.outputs(features[counts], None if read_words is None else read_words[counts]))
        step, column = counts.nonzero(as_tuple=True)
        places.append(torch.stack([step, columns[column]]))
    step, column = torch.cat(places, dim=1)
    said = torch.cat(answers)
    return said.new_zeros(*batch.mask.shape, said.shape[1]).index_put((step, column), said)


def _parts(lengths: list[int]) -> list[list[int]]:
    """The sequences of a batch, by index, in parts of like length, the longest first.

    Padding takes nearly the time of a step, and each call takes the time of ``ROWS_OF_A_STEP`` sequences more
    for each of its steps: these parts take the least time together.
    """
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    # The least time for the first `end` of them, and where the last part of these begins.
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(order) + 1):
        best.append(
            min(
                (best[start][0] + lengths[order[start]] * (end - start + ROWS_OF_A_STEP), start)
                for start in range(end)
            )
        )
    parts, end = [], len(order)
    while end:
        start = best[end][1]
        parts.append(order[start:end])
        end = start
    return parts[::-1]


def _write_loss(gates: Tensor, task: Task, batch: Batch) -> Tensor:
    """Cross-entropy of the write gates' logits [T, B, H] to the steps to write; the mean of a step."""
    writes = task.writes(batch)
    assert writes is not None  # The config was checked.
    steps = torch.arange(len(writes), device=writes.device).unsqueeze(1)
    present = steps < batch.lengths
    nats = binary_cross_entropy_with_logits(gates, writes.to(gates.dtype), reduction="none").mean(2)
    return (nats.masked_fill(~present, 0).sum(0) / batch.lengths).mean()
