"""The repeat-copy task."""

import dataclasses
from typing import ClassVar

import torch

from ..base import Batch, Channels, Task, bit_labels, check_range, check_whole
from ..registry import register
from ..sampler import count_steps, draw_bits, draw_sizes, place


@register
@dataclasses.dataclass(frozen=True)
class RepeatCopy(Task):
    """Copy a sequence a given number of times, then put out an end marker (NTM section 4.2).

    One episode, here 2 vectors of 3 bits, 3 times (a blank is 0)::

        time       0 1 2 3 4 5 6 7 8 9 10
        input bits   1 .
                     . 1
                     1 1
        start      1                        channel ``num_bits``
        repeats          r                  channel ``num_bits + 1``
        target             1 . 1 . 1 .
                           . 1 . 1 . 1
                           1 1 1 1 1 1
        end marker                     1    channel ``num_bits`` of the output
        mask               1 1 1 1 1 1 1

    With L vectors and K repeats an episode has L (K + 1) + 3 steps, of which the last L K + 1 count: the
    layout of DeepMind's published generator. The paper speaks of eight-bit vectors, but the parameter count
    of its baseline fits 8 channels in and 7 out, so of the 8 channels 6 are bits; the published generator
    has the same 6.

    r is the number of repeats, "normalised to have mean zero and variance one" over the training range:

        r = (K − μ) / σ,  μ = (norm_repeats + 1) / 2,  σ² = (norm_repeats² − 1) / 12

    The scale does not depend on ``min_repeats`` and ``max_repeats``: beyond the training range it continues
    (K = 20 gives 5.05 with the paper's range of 10), and an easier lesson uses the same one.

    Args:
        min_length: the minimum number of vectors.
        max_length: the maximum number of vectors.
        min_repeats: the minimum number of repeats.
        max_repeats: the maximum number of repeats; each sequence draws both sizes uniformly.
        num_bits: bits of a vector.
        norm_repeats: the number of repeats is normalised over U{1..norm_repeats}.

    Raises:
        ValueError: a number below 1, a minimum above its maximum, or an odd norm_repeats.
    """

    name: ClassVar[str] = "repeat-copy"
    sizes: ClassVar[tuple[str, ...]] = ("length", "repeats")
    independent: ClassVar[bool] = True

    min_length: int = 1
    max_length: int = 10
    min_repeats: int = 1
    max_repeats: int = 10
    num_bits: int = 6
    norm_repeats: int = 10

    def __post_init__(self) -> None:
        check_range(self, "length")
        check_range(self, "repeats")
        check_whole("num_bits", self.num_bits, minimum=1)
        check_whole("norm_repeats", self.norm_repeats, minimum=2)
        if self.norm_repeats % 2:
            # The middle count would be normalised to 0: the machine could not see that the input has ended.
            raise ValueError(
                f"norm_repeats must be even, got {self.norm_repeats}; take {self.norm_repeats + 1}."
            )

    @property
    def channels(self) -> Channels:
        """The labels of the channels."""
        bits = bit_labels(self.num_bits)
        return Channels(inputs=(*bits, "start", "repeats"), outputs=(*bits, "end"))

    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        """Draw a batch; see ``Task.sample``."""
        length = draw_sizes(self.min_length, self.max_length, batch_size, generator)
        repeats = draw_sizes(self.min_repeats, self.max_repeats, batch_size, generator)
        vectors = draw_bits(int(length.max()), batch_size, self.num_bits, generator)
        lengths = length * (repeats + 1) + 3
        step = count_steps(lengths)
        given, answered = step - 1, step - length - 2

        inputs = vectors.new_zeros(*answered.shape, self.input_size)
        inputs[..., : self.num_bits] = place(
            vectors, given.expand_as(answered), (given >= 0) & (given < length)
        )
        inputs[..., self.num_bits] = (step == 0).float()
        inputs[..., self.num_bits + 1] = (answered == -1) * self._normalised(repeats)

        end = length * repeats
        targets = vectors.new_zeros(*answered.shape, self.output_size)
        targets[..., : self.num_bits] = place(vectors, answered % length, (answered >= 0) & (answered < end))
        targets[..., self.num_bits] = (answered == end).float()
        return Batch(inputs, targets, (answered >= 0) & (answered <= end), lengths)

    def details(self, episode: Batch) -> str:
        """The number of vectors and of repeats."""
        answer = int(episode.mask.sum())
        length = int(episode.lengths) - answer - 2
        return f"{length} vectors, {(answer - 1) // length} times"

    def _normalised(self, repeats: torch.Tensor) -> torch.Tensor:
        mean, variance = (self.norm_repeats + 1) / 2, (self.norm_repeats**2 - 1) / 12
        return (repeats - mean) / variance**0.5
