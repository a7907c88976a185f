"""The reallocation task."""

import dataclasses
from typing import ClassVar

import torch

from ..base import Batch, Channels, Task, bit_labels, check_range, check_whole
from ..registry import register
from ..sampler import count_steps, draw_bits, draw_sizes, place


@register
@dataclasses.dataclass(frozen=True)
class Reallocation(Task):
    """Copy several short sequences, together longer than the memory (DNC Extended Data Fig. 1).

    One episode, here 2 sequences of 2 vectors of 3 bits (a blank is 0)::

        time       0 1 2 3 4 5 6 7 8 9 10 11
        input bits   1 .         . 1
                     . 1         1 1
                     1 1         1 .
        start      1           1              channel ``num_bits``
        recall           1           1        channel ``num_bits + 1``
        target             1 .         .  1
                           . 1         1  1
                           1 1         1  .
        mask               1 1         1  1

    With K sequences of L vectors an episode has K (2 L + 2) steps, of which K L count. All sequences of an
    episode have the same length.

    The paper's demonstration has 10 sequences of 5 vectors, each recalled right after it was given, and a
    memory of 10 slots: a DNC must free what it has recalled and write the next sequence over it. The width
    of the vectors and the flags are not in the paper: 6 bits are what its other copy experiment has
    (Extended Data Fig. 4), and the flags are those of the copy task. The next start flag ends an answer, so
    there is no end marker.

    Args:
        min_sequences: the minimum number of sequences in an episode.
        max_sequences: the maximum number of sequences in an episode.
        min_length: the minimum number of vectors in a sequence.
        max_length: the maximum number of vectors in a sequence; each episode draws both sizes uniformly.
        num_bits: bits of a vector.

    Raises:
        ValueError: a number below 1, or a minimum above its maximum.
    """

    name: ClassVar[str] = "reallocation"
    sizes: ClassVar[tuple[str, ...]] = ("sequences", "length")
    independent: ClassVar[bool] = True

    min_sequences: int = 10
    max_sequences: int = 10
    min_length: int = 5
    max_length: int = 5
    num_bits: int = 6

    def __post_init__(self) -> None:
        check_range(self, "sequences")
        check_range(self, "length")
        check_whole("num_bits", self.num_bits, minimum=1)

    @property
    def channels(self) -> Channels:
        """The labels of the channels."""
        bits = bit_labels(self.num_bits)
        return Channels(inputs=(*bits, "start", "recall"), outputs=bits)

    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        """Draw a batch; see ``Task.sample``."""
        sequences = draw_sizes(self.min_sequences, self.max_sequences, batch_size, generator)
        length = draw_sizes(self.min_length, self.max_length, batch_size, generator)
        rows = draw_bits(int((sequences * length).max()), batch_size, self.num_bits, generator)
        stride = 2 * length + 2
        lengths = sequences * stride
        step = count_steps(lengths)
        inside = step < lengths
        first, within = step // stride * length, step % stride
        given, answered = within - 1, within - length - 2

        inputs = rows.new_zeros(*within.shape, self.input_size)
        inputs[..., : self.num_bits] = place(rows, first + given, inside & (given >= 0) & (given < length))
        inputs[..., self.num_bits] = (inside & (within == 0)).float()
        inputs[..., self.num_bits + 1] = (inside & (answered == -1)).float()

        mask = inside & (answered >= 0)
        return Batch(inputs, place(rows, first + answered, mask), mask, lengths)

    def details(self, episode: Batch) -> str:
        """The number of sequences, and of vectors in each."""
        sequences = int(episode.inputs[..., self.num_bits].sum())
        return f"{sequences} sequences of {int(episode.mask.sum()) // sequences} vectors"
