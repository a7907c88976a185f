"""Drawing batches: the sampler, which owns the random generator, and operations that tasks draw with."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from .base import Batch, Task, check_whole

MAX_RANK = (1 << 31) - 1


class Sampler:
    """Draws batches from its own random generator, which nothing else in the process uses.

    The generator is on the CPU, so that a seed gives the same episodes on every machine.

    Args:
        batch_size: B of every batch.
        seed: selects the random stream.
        rank: of this process when several train together; each (seed, rank) has its own stream.
        ahead: number of batches to draw at once, for tasks whose episodes are independent: drawing a small
            batch takes nearly as long as drawing a large one. The stream depends on it.

    Raises:
        ValueError: a batch size or ``ahead`` below 1, or a rank below 0.
    """

    def __init__(self, batch_size: int, seed: int, rank: int = 0, *, ahead: int = 1) -> None:
        check_whole("batch_size", batch_size, minimum=1)
        check_whole("rank", rank, minimum=0, maximum=MAX_RANK)
        check_whole("ahead", ahead, minimum=1)
        self.batch_size = batch_size
        self._ahead = ahead
        # Hashed, because seed + rank would give (1, 0) the stream of (0, 1).
        digest = hashlib.sha256(f"tapehead sampler: seed {seed}, rank {rank}".encode()).digest()
        self._generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big"))
        # The block of batches drawn ahead: its task, the generator's state before, and the batches left.
        self._task: Task | None = None
        self._before = self._generator.get_state()
        self._block: list[Batch] = []
        self._saved: tuple[str, int] | None = None

    def draw(self, task: Task) -> Batch:
        """The next batch of the stream, as an episode batch of ``task``."""
        if self._ahead == 1 or not task.independent:
            return task.sample(self.batch_size, self._generator)
        if self._saved is not None:
            self._draw_again(task, *self._saved)
        if not self._block or task != self._task:
            self._before = self._generator.get_state()
            self._draw_block(task)
        return self._block.pop()

    def _draw_block(self, task: Task) -> None:
        self._task = task
        self._block = _cut(task.sample(self.batch_size * self._ahead, self._generator), self.batch_size)

    def _draw_again(self, task: Task, name: str, left: int) -> None:
        """Restore the rest of the block that was being used when the loaded state was saved."""
        self._saved = None
        if repr(task) == name:
            now = self._generator.get_state()
            self._generator.set_state(self._before)
            self._draw_block(task)
            del self._block[left:]
            self._generator.set_state(now)

    def uniform(self) -> float:
        """A number from U[0, 1) from the same stream, for example to choose a lesson."""
        return torch.rand((), dtype=torch.float64, generator=self._generator).item()

    def state_dict(self) -> dict[str, Any]:
        """The generator's states (uint8 tensors), the current block's task and number of batches left."""
        name, left = self._saved or (repr(self._task), len(self._block))
        return {"generator": self._generator.get_state(), "before": self._before, "task": name, "left": left}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where the sampler that made this ``state_dict`` was.

        Raises:
            ValueError: not the state of a sampler.
        """
        size = self._generator.get_state().shape
        for name in ("generator", "before"):
            saved = state.get(name)
            if not isinstance(saved, Tensor) or saved.dtype != torch.uint8 or saved.shape != size:
                raise ValueError(
                    f"not the state of a sampler: it needs {name!r}, a uint8 tensor of shape {tuple(size)}."
                )
        self._generator.set_state(state["generator"].cpu())
        self._before = state["before"].cpu()
        self._task, self._block, self._saved = None, [], (str(state["task"]), int(state["left"]))


def _cut(block: Batch, size: int) -> list[Batch]:
    """Cut a large batch into batches of ``size``, each as long as its longest episode; in reverse order."""
    lengths = block.lengths.view(-1, size)
    columns = [field.unflatten(1, (-1, size)).movedim(1, 0).contiguous() for field in block[:3]]
    parts = zip(lengths.amax(1).tolist(), *columns, lengths)
    batches = [Batch(x[:steps], y[:steps], mask[:steps], own) for steps, x, y, mask, own in parts]
    return batches[::-1]


def numpy_rng(generator: torch.Generator) -> np.random.Generator:
    """A NumPy generator, seeded from the next number of ``generator``."""
    seed = torch.randint(1 << 62, (), generator=generator, device=generator.device)
    return np.random.default_rng(int(seed))


def draw_sizes(low: int, high: int, batch_size: int, generator: torch.Generator) -> Int64[Tensor, " B"]:
    """Draw a size from U{low..high} for each sequence."""
    check_whole("batch_size", batch_size, minimum=1)
    return torch.randint(low, high + 1, (batch_size,), generator=generator, device=generator.device)


def draw_bits(
    length: int, batch_size: int, bits: int, generator: torch.Generator
) -> Float[Tensor, "L B bits"]:
    """Draw vectors of independent, uniform bits."""
    coins = torch.empty(length, batch_size, bits, device=generator.device)
    return coins.random_(0, 2, generator=generator)


def count_steps(lengths: Int64[Tensor, " B"]) -> Int64[Tensor, "T 1"]:
    """The step numbers 0, 1, … of the longest sequence, as a column."""
    return torch.arange(int(lengths.max()), device=lengths.device).unsqueeze(1)


def place(
    rows: Float[Tensor, "L B channels"], source: Int64[Tensor, "T B"], where: Bool[Tensor, "T B"]
) -> Float[Tensor, "T B channels"]:
    """Place rows in time: step t of sequence b is row source[t, b] where ``where`` is True, else zeros."""
    index = source.masked_fill(~where, 0).unsqueeze(-1).expand(-1, -1, rows.shape[2])
    return rows.gather(0, index).masked_fill(~where.unsqueeze(-1), 0)
