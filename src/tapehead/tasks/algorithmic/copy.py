"""The copy task."""

import dataclasses
from typing import ClassVar

import torch

from ..base import Batch, Channels, Task, bit_labels, check_range, check_whole
from ..registry import register
from ..sampler import draw_bits, draw_sizes


# The memory-resize demonstration is this task, not one of its own: nothing about the episodes differs.
@register
@dataclasses.dataclass(frozen=True)
class Copy(Task):
    """Copy a sequence of random vectors (NTM section 4.1).

    One episode, here of 4 vectors of 3 bits (a blank is 0)::

        time       0 1 2 3 4 5 6 7 8 9 10
        input bits   1 . . 1
                     . 1 . 1
                     1 1 . .
        start      1                        channel ``num_bits``
        end                  1              channel ``num_bits + 1``
        target                 1 . . 1
                               . 1 . 1
                               1 1 . .
        end marker                     1    channel ``num_bits`` of the output
        mask                   1 1 1 1 1

    With L vectors an episode has 2 L + 3 steps, of which the last L + 1 count. The layout is that of
    DeepMind's published repeat-copy generator; the channels, 10 in and 9 out for 8 bits, are those that the
    parameter count of the paper's baseline fits. The inputs are zero during the answer.

    Other uses in the papers: ``Copy(num_bits=6, max_length=100)`` is the sparse-link experiment (DNC
    Extended Data Fig. 4). A memory is resized (Extended Data Fig. 2 does it with graph traversal) by
    training on ``Copy(max_length=10)`` with a small memory and testing on ``Copy().with_sizes(length=50)``
    with ``machine(x, memory_size=64)``.

    Args:
        min_length: the minimum number of vectors.
        max_length: the maximum; each sequence draws its length from U{min_length..max_length}.
        num_bits: bits of a vector.

    Raises:
        ValueError: a number below 1, or min_length above max_length.
    """

    name: ClassVar[str] = "copy"
    sizes: ClassVar[tuple[str, ...]] = ("length",)
    independent: ClassVar[bool] = True

    min_length: int = 1
    max_length: int = 20
    num_bits: int = 8

    def __post_init__(self) -> None:
        check_range(self, "length")
        check_whole("num_bits", self.num_bits, minimum=1)

    @property
    def channels(self) -> Channels:
        """The labels of the channels."""
        bits = bit_labels(self.num_bits)
        return Channels(inputs=(*bits, "start", "end"), outputs=(*bits, "end"))

    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        """Draw a batch; see ``Task.sample``."""
        length = draw_sizes(self.min_length, self.max_length, batch_size, generator)
        longest, bits = int(length.max()), self.num_bits
        vectors = draw_bits(longest, batch_size, bits, generator)
        step = torch.arange(2 * longest + 3, device=length.device).unsqueeze(1)
        index = step[:longest]
        answer = length + 2  # the step of the first vector's copy
        end = answer + length
        vectors.masked_fill_((index >= length).unsqueeze(-1), 0)

        inputs = vectors.new_zeros(len(step), batch_size, self.input_size)
        inputs[0, :, bits] = 1
        inputs[1 : longest + 1, :, :bits] = vectors
        inputs[..., bits + 1] = step == answer - 1

        targets = vectors.new_zeros(len(step), batch_size, self.output_size)
        targets.scatter_(0, (index + answer).unsqueeze(-1).expand_as(vectors), vectors)
        targets[..., bits] = step == end
        return Batch(inputs, targets, (step >= answer) & (step <= end), end + 1)

    def details(self, episode: Batch) -> str:
        """The number of vectors."""
        return f"{(int(episode.lengths) - 3) // 2} vectors"
