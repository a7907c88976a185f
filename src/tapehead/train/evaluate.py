"""Scores on fresh sequences, of any size and with any number of memory slots."""

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
"""Approximate bytes for the sequences that are evaluated at once."""


class Score(NamedTuple):
    """Sums over some sequences."""

    sequences: int
    bits: float
    """coding cost, −Σ log2 p"""
    num_errors: int
    """wrong bits, digits or fields"""
    exact: int
    """sequences without an error"""


@dataclasses.dataclass(frozen=True)
class EvalResult:
    """The score of a machine on one task with fixed sizes."""

    sizes: dict[str, int]
    """the task's sizes: length, or items, or length and repeats, …"""
    sequences: int
    memory_size: int | None
    """memory slots; None for a machine without a memory"""
    bits_per_sequence: float
    """mean coding cost"""
    num_errors: int
    """wrong bits, digits or fields of all sequences together"""
    exact: float
    """the fraction of sequences without an error"""
    best_bits_per_sequence: float | None = None
    """coding cost of the task's oracle on the same sequences; None if the task is deterministic (cost 0)"""

    def to_dict(self) -> dict[str, Any]:
        """For JSON, with ``num_errors`` under the name "wrong_bits".

        There is always a "length": the first size of a task without one. A size with the name of another
        entry is prefixed with "episode_", such as "episode_sequences".
        """
        data = dataclasses.asdict(self)
        if self.best_bits_per_sequence is None:
            del data["best_bits_per_sequence"]
        data = {"wrong_bits" if name == "num_errors" else name: value for name, value in data.items()}
        sizes: dict[str, int] = data.pop("sizes")
        own = {f"episode_{size}" if size in data else size: value for size, value in sizes.items()}
        return {"length": sizes.get("length", next(iter(sizes.values()), None))} | own | data


def evaluate(
    machine: Machine,
    task: Task,
    sizes: Sequence[dict[str, int]] | None = None,
    *,
    sequences: int = 1000,
    memory_size: int | None = None,
    seed: int = 0,
) -> list[EvalResult]:
    """Score ``machine`` on fresh sequences of ``task`` at several sizes.

    Args:
        machine: on any device.
        task: the task that it was trained on.
        sizes: such as ``[{"length": 20}, {"length": 120}]``, a result for each; sizes left out have their
            maximum in ``task``. None: one result, with all sizes at their maximum.
        sequences: how many for each result.
        memory_size: memory slots; None: as the machine was built.
        seed: of the sequences. Each result starts the stream anew, so it does not depend on the others.

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
    # All sizes are checked before the first is run.
    fixed = [
        (point, task.with_sizes(**point)) for point in (task.max_sizes | given for given in sizes or [{}])
    ]
    found = []
    for point, sized_task in fixed:
        score = score_task(machine, sized_task, Sampler(CHUNK, seed), sequences, memory_size=memory_size)
        found.append(
            EvalResult(
                sizes=point,
                sequences=sequences,
                memory_size=memory_size or own_memory,
                bits_per_sequence=score.bits / sequences,
                num_errors=score.num_errors,
                exact=score.exact / sequences,
                best_bits_per_sequence=_best_bits(sized_task, Sampler(CHUNK, seed), sequences),
            )
        )
    return found


def _best_bits(task: Task, sampler: Sampler, sequences: int) -> float | None:
    """Bits per sequence of a task's oracle; None if the task is deterministic (lower bound 0)."""
    if type(task).oracle is Task.oracle or type(task).loss is not Task.loss:
        return None
    bits = 0.0
    for start in range(0, sequences, CHUNK):
        batch = sampler.draw(task)
        costs = task.bits(task.oracle(batch), batch)
        bits += costs[: sequences - start].double().sum().item()
    return bits / sequences


def size_combinations(task: Task, choices: dict[str, Sequence[int]]) -> list[dict[str, int]]:
    """All combinations of the sizes in ``choices``: {"length": [5, 10], "repeats": [2]} gives two.

    Raises:
        ValueError: ``task`` has no such size.
    """
    for size in choices:
        if size not in task.sizes:
            known = ", ".join(task.sizes) or "none"
            raise ValueError(f"the task {task.name} has no size {size!r}: its sizes are {known}")
    return [dict(zip(choices, values)) for values in itertools.product(*choices.values())]


def fitted_memory_size(task: Task, batch: Batch) -> int:
    """Memory slots for a batch: its steps, or where the task says which have to be written, those
    and an eighth more; rounded up to a multiple of 16, at least 32."""
    writes = task.writes(batch)
    steps = batch.inputs.shape[0] if writes is None else int(writes[..., 0].sum(0).max()) * 9 // 8 + 1
    return max(32, -(-steps // 16) * 16)


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

    With ``fit_memory`` each batch gets as many memory slots as :func:`fitted_memory_size` says.
    """
    device = next(machine.parameters()).device
    bits, num_errors, exact, done = 0.0, 0, 0, 0
    with _evaluating(machine):
        while done < sequences:
            batch = sampler.draw(task)
            if fit_memory:
                memory_size = fitted_memory_size(task, batch)
            for part in _split(batch, sequences - done, _max_sequences(machine, batch, memory_size)):
                part = part.to(device)
                outputs, _ = machine(part.inputs, lengths=part.lengths, memory_size=memory_size)
                bits += task.bits(outputs, part).double().sum().item()
                errors = task.num_errors(outputs, part)
                num_errors += int(errors.sum())
                exact += int((errors == 0).sum())
            done += min(sampler.batch_size, sequences - done)
    return Score(sequences, bits, num_errors, exact)


def _split(batch: Batch, count: int, size: int) -> Iterator[Batch]:
    """The first ``count`` sequences of ``batch``, ``size`` at a time."""
    inputs, targets, mask, lengths = batch
    for start in range(0, min(count, len(lengths)), size):
        part = slice(start, min(start + size, count))
        yield Batch(inputs[:, part], targets[:, part], mask[:, part], lengths[part])


def _max_sequences(machine: Machine, batch: Batch, memory_size: int | None) -> int:
    """How many sequences of ``batch`` fit into the memory budget at once."""
    slots = getattr(machine, "memory_size", 0) if memory_size is None else memory_size
    word_size, reads = getattr(machine, "word_size", 0), getattr(machine, "num_reads", 0)
    steps, _, inputs = batch.inputs.shape
    # What each step keeps, twice where it is stacked, and a few copies of the state.
    per_step = inputs + 4 * batch.targets.shape[2] + 2 * (machine.controller.output_size + reads * word_size)
    links = slots if getattr(machine, "temporal_links", False) else 0
    numbers = steps * per_step + 4 * slots * (word_size + links)
    element = next(machine.parameters()).element_size()
    return max(1, MEMORY_BUDGET // (numbers * element))


@contextlib.contextmanager
def _evaluating(machine: Machine) -> Iterator[None]:
    """Evaluation mode in the block, and afterwards the mode of before."""
    training = machine.training
    machine.eval()
    try:
        yield
    finally:
        machine.train(training)
