"""Scores on fresh sequences: within the training range and beyond, with the memory of training or another."""

import contextlib
import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch

from ..nn import Machine
from ..tasks import Batch, Sampler, Task

CHUNK = 100
"""Sequences drawn at once; the sequences of a seed depend on it, so it is the same everywhere."""
MEMORY_BUDGET = 256 * 2**20
"""Bytes that the sequences in flight may take, roughly."""


class Score(NamedTuple):
    """Sums over ``sequences``."""

    sequences: int
    bits: float
    """coding cost, −Σ log2 p"""
    wrong_bits: int
    exact: int
    """sequences with no wrong bit"""


@dataclasses.dataclass(frozen=True)
class Point:
    """The score at one size of a task."""

    sizes: dict[str, int]
    """the task's sizes: length, or items, or length and repeats, ..."""
    sequences: int
    memory_size: int | None
    """memory slots; None for a machine without a memory"""
    bits_per_sequence: float
    """mean coding cost"""
    wrong_bits: int
    """over all sequences together"""
    exact: float
    """the fraction of sequences with no wrong bit"""
    best_bits_per_sequence: float | None = None
    """what the best possible machine needs for the same sequences; None where that is nothing"""

    def to_dict(self) -> dict[str, Any]:
        """For JSON. ``length`` is always there: of a task without one, it is the first size.

        A size of the name of another entry gets ``episode_`` before it: sequences in an episode.
        """
        data = dataclasses.asdict(self)
        if self.best_bits_per_sequence is None:
            del data["best_bits_per_sequence"]
        sizes: dict[str, int] = data.pop("sizes")
        own = {f"episode_{size}" if size in data else size: value for size, value in sizes.items()}
        return {"length": sizes.get("length", next(iter(sizes.values()), None))} | own | data


def evaluate(
    machine: Machine,
    task: Task,
    points: Sequence[dict[str, int]] | None = None,
    *,
    sequences: int = 1000,
    memory_size: int | None = None,
    seed: int = 0,
) -> list[Point]:
    """Score ``machine`` on fresh sequences of ``task`` at several sizes.

    Args:
        machine: on any device.
        task: what it was trained on.
        points: the sizes, such as ``[{"length": 20}, {"length": 120}]``; sizes left out take the largest
            value of training. None: one point, with the largest values of training.
        sequences: how many at each point.
        memory_size: slots to run with; None: as the machine was built.
        seed: of the sequences. Every point starts the stream anew, so a point does not depend on the others.

    Raises:
        ValueError: a size that the task cannot take, or a memory size for a machine without a memory.
    """
    own_memory = getattr(machine, "memory_size", None)
    if memory_size is not None and own_memory is None:
        raise ValueError(f"memory_size is {memory_size}, but a {type(machine).__name__} has no memory")
    if memory_size is not None and memory_size < 1:
        raise ValueError(f"memory_size is {memory_size}: give at least 1")
    if sequences < 1:
        raise ValueError(f"sequences is {sequences}: give at least 1")
    largest = task.largest
    # All sizes are checked before the first is run.
    fixed = [(sizes, task.at(**sizes)) for sizes in (largest | point for point in points or [{}])]
    found = []
    for sizes, at in fixed:
        score = score_task(machine, at, Sampler(CHUNK, seed), sequences, memory_size=memory_size)
        found.append(
            Point(
                sizes,
                sequences,
                memory_size or own_memory,
                score.bits / sequences,
                score.wrong_bits,
                score.exact / sequences,
                _best_bits(at, Sampler(CHUNK, seed), sequences),
            )
        )
    return found


def _best_bits(task: Task, sampler: Sampler, sequences: int) -> float | None:
    """Bits per sequence of a task's oracle, where the inputs do not tell the whole answer."""
    if type(task).oracle is Task.oracle or type(task).loss is not Task.loss:
        return None
    bits = 0.0
    for start in range(0, sequences, CHUNK):
        batch = sampler.draw(task)
        costs = task.bits(task.oracle(batch), batch)
        bits += costs[: sequences - start].double().sum().item()
    return bits / sequences


def all_points(task: Task, choices: dict[str, Sequence[int]]) -> list[dict[str, int]]:
    """Every combination of the sizes in ``choices``: {"length": [5, 10], "repeats": [2]} gives two points.

    Raises:
        ValueError: ``task`` has no such size.
    """
    for size in choices:
        if size not in task.sizes:
            known = ", ".join(task.sizes) or "none"
            raise ValueError(f"the task {task.name} has no size {size!r}: its sizes are {known}")
    return [dict(zip(choices, values)) for values in itertools.product(*choices.values())]


def fitted_memory(batch: Batch) -> int:
    """As many memory slots as a batch has steps, at least 32, a multiple of 16."""
    return max(32, -(-batch.inputs.shape[0] // 16) * 16)


@torch.no_grad()
def score_task(
    machine: Machine,
    task: Task,
    sampler: Sampler,
    sequences: int,
    *,
    memory_size: int | None = None,
    fit_memory: bool = False,
) -> Score:
    """Score ``machine`` on the next ``sequences`` sequences of ``sampler``, in bounded memory.

    With ``fit_memory`` every batch has the slots of :func:`fitted_memory`.
    """
    device = next(machine.parameters()).device
    bits, wrong, exact, done = 0.0, 0, 0, 0
    with _evaluating(machine):
        while done < sequences:
            batch = sampler.draw(task)
            if fit_memory:
                memory_size = fitted_memory(batch)
            options = {} if memory_size is None else {"memory_size": memory_size}
            for part in _parts(batch, sequences - done, _fitting(machine, batch, memory_size)):
                part = part.to(device)
                outputs, _ = machine(part.inputs, lengths=part.lengths, **options)
                bits += task.bits(outputs, part).double().sum().item()
                errors = task.wrong_bits(outputs, part)
                wrong += int(errors.sum())
                exact += int((errors == 0).sum())
            done += min(sampler.batch_size, sequences - done)
    return Score(sequences, bits, wrong, exact)


def _parts(batch: Batch, most: int, size: int) -> Iterator[Batch]:
    """The first ``most`` sequences of ``batch``, ``size`` at a time."""
    inputs, targets, mask, lengths = batch
    for start in range(0, min(most, len(lengths)), size):
        part = slice(start, min(start + size, most))
        yield Batch(inputs[:, part], targets[:, part], mask[:, part], lengths[part])


def _fitting(machine: Machine, batch: Batch, memory_size: int | None) -> int:
    """How many sequences of ``batch`` fit into the budget at a time."""
    slots = getattr(machine, "memory_size", 0) if memory_size is None else memory_size
    word_size, reads = getattr(machine, "word_size", 0), getattr(machine, "num_reads", 0)
    steps, _, inputs = batch.inputs.shape
    # What every step leaves behind, twice where it is stacked, and a few copies of the state.
    per_step = inputs + 4 * batch.targets.shape[2] + 2 * (machine.controller.output_size + reads * word_size)
    links = slots if getattr(machine, "temporal_links", False) else 0
    numbers = steps * per_step + 4 * slots * (word_size + links)
    element = next(machine.parameters()).element_size()
    return max(1, MEMORY_BUDGET // (numbers * element))


@contextlib.contextmanager
def _evaluating(machine: Machine) -> Iterator[None]:
    """Without dropout, and back to the mode of before."""
    training = machine.training
    machine.eval()
    try:
        yield
    finally:
        machine.train(training)
