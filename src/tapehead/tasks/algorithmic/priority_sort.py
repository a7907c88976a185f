"""The priority-sort task."""

import dataclasses
from typing import ClassVar

import torch

from ..base import Batch, Channels, Task, bit_labels, check_range, check_whole
from ..registry import register
from ..sampler import count_steps, draw_bits, draw_sizes, place


@register
@dataclasses.dataclass(frozen=True)
class PrioritySort(Task):
    """Sort vectors by priority and answer with those of the highest priority (NTM section 4.5).

    One episode, here of 4 vectors of 3 bits, the 3 of highest priority to be answered (a blank is 0)::

        time       0   1   2   3   4   5   6   7
        input bits 1   .   1   .
                   .   1   1   .
                   .   .   1   1
        priority   .3 −.8  .9  .1                    channel ``num_bits``
        end                        1                 channel ``num_bits + 1``
        target                         1   1   .
                                       1   .   .
                                       1   .   1
        mask                           1   1   1

    The inputs are the vectors, each with its priority from U[−1, 1], then a flag. The answer is the ``kept``
    vectors of highest priority, the highest first. With K items an episode has K + 1 + kept steps, of which
    the last ``kept`` count.

    The paper gives 20 vectors, of which the 16 highest are the target. Its vectors have 8 bits: that fits the
    128 bits at which its learning curves begin. The paper does not name its flags, and its parameter count
    does not determine them; the end flag is that of the copy task, because with varied sizes only a flag
    marks the end of the input.

    Args:
        min_items: the minimum number of vectors.
        max_items: the maximum; each sequence draws its number of vectors from U{min_items..max_items}.
        kept: the number of vectors in the answer.
        num_bits: bits of a vector.

    Raises:
        ValueError: a number below 1, min_items above max_items, or kept above min_items.
    """

    name: ClassVar[str] = "priority-sort"
    sizes: ClassVar[tuple[str, ...]] = ("items", "kept")
    independent: ClassVar[bool] = True

    min_items: int = 20
    max_items: int = 20
    kept: int = 16
    num_bits: int = 8

    def __post_init__(self) -> None:
        check_range(self, "items")
        check_whole("kept", self.kept, minimum=1)
        check_whole("num_bits", self.num_bits, minimum=1)
        if self.kept > self.min_items:
            raise ValueError(f"kept must not exceed min_items, got {self.kept} > {self.min_items}.")

    @property
    def channels(self) -> Channels:
        """The labels of the channels."""
        bits = bit_labels(self.num_bits)
        return Channels(inputs=(*bits, "priority", "end"), outputs=bits)

    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        """Draw a batch; see ``Task.sample``."""
        items = draw_sizes(self.min_items, self.max_items, batch_size, generator)
        longest = int(items.max())
        vectors = draw_bits(longest, batch_size, self.num_bits, generator)
        priority = torch.rand(longest, batch_size, generator=generator, device=generator.device) * 2 - 1
        lengths = items + 1 + self.kept
        step = count_steps(lengths)
        given, answered = step < items, step - items - 1
        mask = (answered >= 0) & (answered < self.kept)

        inputs = vectors.new_zeros(*mask.shape, self.input_size)
        inputs[:longest, :, : self.num_bits] = vectors
        inputs[:longest, :, self.num_bits] = priority
        inputs.masked_fill_(~given.unsqueeze(-1), 0)
        inputs[..., self.num_bits + 1] = (answered == -1).float()

        ranking = priority.masked_fill(~given[:longest], -2).argsort(dim=0, descending=True, stable=True)
        source = ranking.gather(0, answered.masked_fill(~mask, 0))
        return Batch(inputs, place(vectors, source, mask), mask, lengths)

    def details(self, episode: Batch) -> str:
        """The priorities."""
        items = int(episode.lengths) - 1 - self.kept
        return "priorities " + " ".join(f"{p:.2f}" for p in episode.inputs[:items, 0, self.num_bits].tolist())
