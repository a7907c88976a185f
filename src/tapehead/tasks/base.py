"""What a task is: a frozen specification that draws episodes, scores the answers and pictures both.

Axes: T steps, B sequences of a batch, ``inputs`` and ``outputs`` the channels of the task.
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

# Not typing.Self: beartype, which checks functions one by one under pytest, cannot resolve it.
SameTask = TypeVar("SameTask", bound="Task")


class Batch(NamedTuple):
    """Episodes side by side, the shorter ones padded at the end.

    At padded steps the inputs and the targets are zero and the mask is False.
    """

    inputs: Float[Tensor, "T B inputs"]
    """What the machine sees, float32."""
    targets: Float[Tensor, "T B outputs"]
    """What it ought to answer, float32 in {0, 1}; zero where the mask is False."""
    mask: Bool[Tensor, "T B"]
    """The steps whose targets count."""
    lengths: Int64[Tensor, " B"]
    """Steps of each episode, padding excluded."""

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on another device."""
        return Batch(*(field.to(device) for field in self))

    def one(self, index: int) -> "Batch":
        """The episode ``index`` alone, without its padding: a batch of one.

        Raises:
            ValueError: the batch has no such sequence.
        """
        batch_size = self.lengths.shape[0]
        if not 0 <= index < batch_size:
            raise ValueError(f"index must be in 0..{batch_size - 1} for this batch, got {index}.")
        inputs, targets, mask = (field[: int(self.lengths[index]), [index]] for field in self[:3])
        return Batch(inputs, targets, mask, self.lengths[[index]])


@dataclasses.dataclass(frozen=True)
class Task(abc.ABC):
    """A task: a frozen dataclass whose fields are its size ranges and the like (ints, floats; fit for JSON).

    A task of one's own is a frozen dataclass below this class, with ``name``, ``sizes``, ``input_size``,
    ``output_size`` and ``sample``, and ``@tapehead.tasks.register`` above it. Everything else is here, for
    answers that are independent bits (logits of Bernoulli distributions, one an output channel); a task with
    other answers overrides ``loss``, ``wrong_bits`` and ``oracle``, and where a picture of its channels
    would tell nothing, ``describe``.

    A lesson of a curriculum is another instance of the same class with the same channels.
    """

    name: ClassVar[str]
    """The name in the registry and in saved configurations, such as "repeat-copy"."""
    sizes: ClassVar[tuple[str, ...]] = ()
    """The sizes that ``at`` can fix: "length" is the field ``length``, or min_length with max_length."""
    independent: ClassVar[bool] = False
    """Whether no episode depends on the others of its batch, so that small batches may be cut out of a large
    one."""

    @property
    @abc.abstractmethod
    def input_size(self) -> int:
        """Input channels."""

    @property
    @abc.abstractmethod
    def output_size(self) -> int:
        """Output channels."""

    @abc.abstractmethod
    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        """Draw a batch; every sequence draws its own sizes.

        Args:
            batch_size: B, at least 1.
            generator: the only source of chance; the batch is made on its device.

        Returns:
            A batch, padded to the longest of its episodes.
        """

    def at(self: SameTask, **sizes: int) -> SameTask:
        """The same task with these sizes fixed: ``Copy().at(length=120)``.

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
            check_whole(size, value, least=1)
            changes |= {size: value} if size in fields else {f"min_{size}": value, f"max_{size}": value}
        return dataclasses.replace(self, **changes)

    @property
    def largest(self) -> dict[str, int]:
        """The largest value of each size."""
        return {size: getattr(self, size, None) or getattr(self, f"max_{size}") for size in self.sizes}

    def sized(self: SameTask, length: int | None = None) -> SameTask:
        """The same task with all sizes fixed at their largest, or one of them at ``length``.

        Args:
            length: for the size "length"; for the first size of a task that has none.

        Raises:
            ValueError: a length that the task cannot take, or that has no size to go to.
        """
        sizes = self.largest
        if length is not None:
            if not sizes:
                raise ValueError(f"the length is {length}, but {self.name} has no size to choose")
            sizes["length" if "length" in sizes else next(iter(sizes))] = length
        return self.at(**sizes)

    def loss(self, outputs: Float[Tensor, "T B outputs"], batch: Batch) -> Float[Tensor, " B"]:
        """Cross-entropy of each sequence in nats, summed over the steps that count and over the channels.

        Args:
            outputs: logits, [T, B, outputs]. What stands at steps that do not count has no influence.
            batch: the batch that was answered, on the same device.

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
        """What training minimises; as :meth:`loss`, which it is unless a task says otherwise."""
        return self.loss(outputs, batch)

    def bits(self, outputs: Float[Tensor, "T B outputs"], batch: Batch) -> Float[Tensor, " B"]:
        """The papers' "bits per sequence": the cost of coding the targets with the machine's predictions.

        −Σ log2 p over the steps that count and the channels, that is ``loss`` / ln 2; [B].
        """
        return self.loss(outputs, batch) / math.log(2)

    @torch.no_grad()
    def wrong_bits(self, outputs: Float[Tensor, "T B outputs"], batch: Batch) -> Int64[Tensor, " B"]:
        """Wrong bits of each sequence, where the answer is 1 if its logit is above zero; int64, [B]."""
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
        do not count. In the answer, 'X' is a wrong 1 and 'o' a wrong 0.

        Args:
            batch: where the episode is.
            outputs: a machine's logits for the batch, to be drawn below the targets.
            index: which sequence of the batch.

        Raises:
            ValueError: the batch has no such sequence.
        """
        one = batch.one(index)
        steps = int(one.lengths)
        rows: Rows = {
            "input": (self.input_labels, one.inputs[:, 0]),
            "target": (self.output_labels, one.targets[:, 0]),
        }
        caption = f"{self.name}: {steps} steps"
        details = self.details(one)
        if details:
            caption += f", {details}"
        if outputs is not None:
            answer = outputs[:steps, [index]].detach()
            rows["output"] = (self.output_labels, answer[:, 0])
            wrong, bits = int(self.wrong_bits(answer, one)), float(self.bits(answer, one))
            scored = int(one.mask.sum()) * self.output_size
            caption += f"; {wrong} of {scored} bits wrong, {bits:.2f} bits to code"
        return picture(caption, rows, one.mask[:, 0])

    @property
    def input_labels(self) -> tuple[str, ...]:
        """A few letters for each input channel, for ``describe``."""
        return tuple(f"in {channel}" for channel in range(self.input_size))

    @property
    def output_labels(self) -> tuple[str, ...]:
        """A few letters for each output channel, for ``describe``."""
        return tuple(f"out {channel}" for channel in range(self.output_size))

    def details(self, episode: Batch) -> str:
        """What ``describe`` says about an episode (a batch of one) beside drawing it; nothing here."""
        return ""

    def to_dict(self) -> dict[str, Any]:
        """The name and all fields, fit for JSON; ``tapehead.tasks.from_dict`` reads it."""
        return {"name": self.name, **dataclasses.asdict(self)}


def check_whole(what: str, value: int, least: int) -> None:
    """Raise a ValueError unless ``value`` is a whole number of at least ``least``."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{what} must be a whole number of at least {least}, got {value!r}.")


def check_range(task: Task, size: str, least: int = 1) -> None:
    """Raise a ValueError unless min_``size`` and max_``size`` of a task make a range of whole numbers."""
    low, high = getattr(task, f"min_{size}"), getattr(task, f"max_{size}")
    check_whole(f"min_{size}", low, least)
    check_whole(f"max_{size}", high, least)
    if low > high:
        raise ValueError(f"min_{size} must not exceed max_{size}, got {low} > {high}.")
