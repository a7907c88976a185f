"""What a task is: a frozen specification that draws episodes, scores outputs, and prints both as text.

Axes: T steps, B sequences in a batch, ``inputs`` and ``outputs`` the task's channels.
"""

import abc
import dataclasses
import math
from typing import Any, ClassVar, NamedTuple, TypeVar

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from .text import Rows, picture

# Far enough from zero that float32's logistic cross-entropy is exactly zero.
CERTAIN = 1e4
MAX_SIZE = 1_000_000
"""Upper bound of every size of a task, so that a mistyped one cannot ask for all of the memory."""

# Not typing.Self: beartype, which checks functions one by one under pytest, cannot resolve it.
SameTask = TypeVar("SameTask", bound="Task")


class Batch(NamedTuple):
    """B episodes, padded at the end to the longest.

    At padded steps the inputs and the targets are zero and the mask is False.
    """

    inputs: Float[Tensor, "T B inputs"]
    """The machine's inputs, float32."""
    targets: Float[Tensor, "T B outputs"]
    """The right answer, float32 in [0, 1]; zero where the mask is False."""
    mask: Bool[Tensor, "T B"]
    """The steps whose targets count."""
    lengths: Int64[Tensor, " B"]
    """Steps of each episode, without padding."""

    def to(self, device: torch.device | str) -> "Batch":
        """This batch on ``device``."""
        return Batch(*(field.to(device) for field in self))

    def episode(self, index: int) -> "Batch":
        """The episode ``index`` without its padding, as a batch of one.

        Raises:
            ValueError: the batch has no such sequence.
        """
        batch_size = self.lengths.shape[0]
        if not 0 <= index < batch_size:
            raise ValueError(f"index must be in 0..{batch_size - 1} for this batch, got {index}.")
        inputs, targets, mask = (field[: int(self.lengths[index]), [index]] for field in self[:3])
        return Batch(inputs, targets, mask, self.lengths[[index]])


class Channels(NamedTuple):
    """A label for each channel of a task, a few letters long, as ``Task.describe`` prints it."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @classmethod
    def numbered(cls, input_size: int, output_size: int) -> "Channels":
        """The labels "in 0", "in 1", … and "out 0", "out 1", …"""
        return cls(
            inputs=tuple(f"in {channel}" for channel in range(input_size)),
            outputs=tuple(f"out {channel}" for channel in range(output_size)),
        )


@dataclasses.dataclass(frozen=True)
class Task(abc.ABC):
    """A task: a frozen dataclass of size ranges and options (int, float, bool and str fields, as in JSON).

    To define a task, write a frozen dataclass that derives from this class, has ``name``, ``sizes``,
    ``channels`` and ``sample``, and is decorated with ``@tapehead.tasks.register``. The other methods assume
    that the outputs are logits of independent bits, one for each output channel. A task with other outputs
    overrides ``loss``, ``num_errors`` and ``oracle``, and ``describe`` where printed channels would not be
    readable.

    A lesson of a curriculum is another instance of the same class with the same channels.
    """

    name: ClassVar[str]
    """The name in the registry and in saved configurations, such as "repeat-copy"."""
    sizes: ClassVar[tuple[str, ...]] = ()
    """What ``with_sizes`` can fix: "length" is the field ``length``, or min_length and max_length."""
    independent: ClassVar[bool] = False
    """Whether no episode depends on the others of its batch, so that small batches may be cut out of a large
    one."""

    @property
    @abc.abstractmethod
    def channels(self) -> Channels:
        """The labels of the channels; how many there are is the task's input size and output size."""

    @property
    def input_size(self) -> int:
        """Number of input channels."""
        return len(self.channels.inputs)

    @property
    def output_size(self) -> int:
        """Number of output channels."""
        return len(self.channels.outputs)

    @abc.abstractmethod
    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        """Draw a batch; the sizes of each sequence are drawn independently.

        Args:
            batch_size: B, at least 1.
            generator: the only source of random numbers. A task may draw from a NumPy generator that is
                seeded from it.

        Returns:
            A batch on the generator's device, padded to its longest episode.
        """

    def with_sizes(self: SameTask, **sizes: int) -> SameTask:
        """This task with the given sizes fixed: ``Copy().with_sizes(length=120)``.

        Args:
            sizes: values for some of ``self.sizes``; the others keep their ranges.

        Raises:
            ValueError: a size that the task does not have, or a value that it cannot take.
        """
        fields = {field.name for field in dataclasses.fields(self)}
        changes: dict[str, int] = {}
        for size, value in sizes.items():
            if size not in self.sizes:
                known = ", ".join(self.sizes) or "none"
                raise ValueError(f"{self.name} has no size {size!r}; the sizes it can fix: {known}.")
            check_whole(size, value, minimum=1)
            changes |= {size: value} if size in fields else {f"min_{size}": value, f"max_{size}": value}
        return dataclasses.replace(self, **changes)

    @property
    def max_sizes(self) -> dict[str, int]:
        """The maximum of each size."""
        return {size: getattr(self, size, None) or getattr(self, f"max_{size}") for size in self.sizes}

    def with_max_sizes(self: SameTask, length: int | None = None) -> SameTask:
        """This task with every size fixed at its maximum, except one that is fixed at ``length``.

        Args:
            length: the value of the size "length", or of the first size if the task has no "length". None:
                its maximum, too.

        Raises:
            ValueError: a length that the task cannot take, or a length for a task without sizes.
        """
        sizes = self.max_sizes
        if length is not None:
            if not sizes:
                raise ValueError(f"the length is {length}, but {self.name} has no size to choose")
            sizes["length" if "length" in sizes else next(iter(sizes))] = length
        return self.with_sizes(**sizes)

    def loss(self, outputs: Float[Tensor, "T B outputs"], batch: Batch) -> Float[Tensor, " B"]:
        """Cross-entropy of each sequence in nats, summed over the steps that count and over the channels.

        Args:
            outputs: logits, [T, B, outputs]. Steps that do not count have no influence.
            batch: the batch that the outputs answer, on the same device.

        Returns:
            [B], differentiable; float32, or float64 for float64 outputs.
        """
        # Half precision rounds a sum over hundreds of bits far too coarsely.
        logits = outputs if outputs.dtype == torch.float64 else outputs.float()
        nats = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, batch.targets.to(logits.dtype), reduction="none"
        )
        return nats.sum(2).masked_fill(~batch.mask, 0).sum(0)

    def objective(self, outputs: Float[Tensor, "T B outputs"], batch: Batch) -> Float[Tensor, " B"]:
        """What training minimises, in nats, [B]: :meth:`loss`, unless a task overrides it."""
        return self.loss(outputs, batch)

    def writes(self, batch: Batch) -> Bool[Tensor, "T B heads"] | None:
        """The steps in which each write head has to write; None (the default) where the task does not say.

        The first head is the one that writes every new thing into a slot of its own. Training can teach this
        to write gates (``supervise_writes``), and needs no more slots than the first head fills.
        """
        return None

    def for_validation(self) -> "Task":
        """The task that validations, and checks of lessons, draw from: this one, unless it holds episodes
        back from training."""
        return self

    def bits(self, outputs: Float[Tensor, "T B outputs"], batch: Batch) -> Float[Tensor, " B"]:
        """The papers' "bits per sequence": the cost of coding the targets with the machine's predictions.

        −Σ log2 p over the steps that count and the channels, that is ``loss`` / ln 2; [B].
        """
        return self.loss(outputs, batch) / math.log(2)

    @torch.no_grad()
    def num_errors(self, outputs: Float[Tensor, "T B outputs"], batch: Batch) -> Int64[Tensor, " B"]:
        """Number of wrong bits of each sequence, int64, [B]; a bit is 1 if its logit is above zero."""
        wrong = (outputs > 0) != (batch.targets > 0.5)
        return (wrong & batch.mask.unsqueeze(-1)).sum((0, 2))

    @torch.no_grad()
    def oracle(self, batch: Batch) -> Float[Tensor, "T B outputs"]:
        """Logits of the best possible answer; zero at steps that do not count.

        Where the inputs fix the answer, as in all tasks but the n-grams, its loss is zero.
        """
        return ((2 * batch.targets - 1) * CERTAIN).masked_fill(~batch.mask.unsqueeze(-1), 0)

    def describe(
        self, batch: Batch, outputs: Float[Tensor, "T B outputs"] | None = None, index: int = 0
    ) -> str:
        """An episode as text: a row for each channel, a column for each step.

        '#' is 1, '.' is 0, '+' and '-' are other values above and below zero, a blank is a step whose targets
        do not count. In the outputs, 'X' is a wrong 1 and 'o' a wrong 0.

        Args:
            batch: the batch that contains the episode.
            outputs: a machine's logits for the batch, printed below the targets.
            index: the episode's index in the batch.

        Raises:
            ValueError: the batch has no such sequence.
        """
        episode = batch.episode(index)
        steps = int(episode.lengths)
        labels = self.channels
        rows: Rows = {
            "input": (labels.inputs, episode.inputs[:, 0]),
            "target": (labels.outputs, episode.targets[:, 0]),
        }
        caption = f"{self.name}: {steps} steps"
        details = self.details(episode)
        if details:
            caption += f", {details}"
        if outputs is not None:
            answer = outputs[:steps, [index]].detach()
            rows["output"] = (labels.outputs, answer[:, 0])
            wrong, bits = int(self.num_errors(answer, episode)), float(self.bits(answer, episode))
            scored = int(episode.mask.sum()) * self.output_size
            caption += f"; {wrong} of {scored} bits wrong, {bits:.2f} bits to code"
        return picture(caption, rows, episode.mask[:, 0])

    def details(self, episode: Batch) -> str:
        """Text that ``describe`` adds to the caption of an episode (a batch of one); empty by default."""
        return ""

    def to_dict(self) -> dict[str, Any]:
        """The name and all fields, ready for JSON; ``tapehead.tasks.from_dict`` reads it back."""
        return {"name": self.name, **dataclasses.asdict(self)}


def bit_labels(num_bits: int) -> tuple[str, ...]:
    """The labels "bit 0", "bit 1", …"""
    return tuple(f"bit {bit}" for bit in range(num_bits))


def check_whole(what: str, value: int, minimum: int, maximum: int = MAX_SIZE) -> None:
    """Raise a ValueError unless ``value`` is a whole number from ``minimum`` to ``maximum``."""
    if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
        raise ValueError(f"{what} must be a whole number of at least {minimum}, got {value!r}.")
    if value > maximum:
        raise ValueError(f"{what} must be at most {maximum:,}, got {value:,}.")


def check_range(task: Task, size: str, minimum: int = 1) -> None:
    """Raise a ValueError unless min_``size`` and max_``size`` of ``task`` are a range of whole numbers."""
    low, high = getattr(task, f"min_{size}"), getattr(task, f"max_{size}")
    check_whole(f"min_{size}", low, minimum)
    check_whole(f"max_{size}", high, minimum)
    if low > high:
        raise ValueError(f"min_{size} must not exceed max_{size}, got {low} > {high}.")
