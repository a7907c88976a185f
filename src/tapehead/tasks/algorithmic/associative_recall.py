"""The associative-recall task."""

import dataclasses
from typing import ClassVar

import torch

from ..base import Batch, Channels, Task, bit_labels, check_range, check_whole
from ..registry import register
from ..sampler import count_steps, draw_bits, draw_sizes, place


@register
@dataclasses.dataclass(frozen=True)
class AssociativeRecall(Task):
    """Read a list of items, then one of them again, and answer with the item after it (NTM section 4.3).

    One episode, here 3 items of 2 vectors of 3 bits, and the query is the first item (a blank is 0)::

        time       0 1 2 3 4 5 6 7 8 9 10 11 12 13 14
        input bits   1 .   . 1   1 1      1  .
                     . 1   1 1   . .      .  1
                     1 1   1 .   . 1      1  1
        item       1     1     1                        channel ``num_bits``
        query                        1          1       channel ``num_bits + 1``
        target                                     . 1
                                                   1 1
                                                   1 .
        mask                                       1 1

    An item delimiter stands before each item, and the query stands between two query delimiters. With K
    items of V vectors an episode has (K + 2) (V + 1) steps, of which the last V count. The query is any
    item but the last. The answer has no end marker: the parameter count of the paper's baseline fits 8
    channels in and 6 out. The items are independent of each other, as in the paper: two of K are the same
    about once in 2^(num_bits·vectors + 1) / (K (K − 1)) episodes, and only then the query may be ambiguous.

    Args:
        min_items: the minimum number of items, at least 2.
        max_items: the maximum; each sequence draws its number of items from U{min_items..max_items}.
        num_bits: bits of a vector.
        vectors: vectors in an item.

    Raises:
        ValueError: fewer than 2 items, another number below 1, or min_items above max_items.
    """

    name: ClassVar[str] = "associative-recall"
    sizes: ClassVar[tuple[str, ...]] = ("items",)
    independent: ClassVar[bool] = True

    min_items: int = 2
    max_items: int = 6
    num_bits: int = 6
    vectors: int = 3

    def __post_init__(self) -> None:
        check_range(self, "items", minimum=2)
        check_whole("num_bits", self.num_bits, minimum=1)
        check_whole("vectors", self.vectors, minimum=1)

    @property
    def channels(self) -> Channels:
        """The labels of the channels."""
        bits = bit_labels(self.num_bits)
        return Channels(inputs=(*bits, "item", "query"), outputs=bits)

    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        """Draw a batch; see ``Task.sample``."""
        items = draw_sizes(self.min_items, self.max_items, batch_size, generator)
        rows = draw_bits(int(items.max()) * self.vectors, batch_size, self.num_bits, generator)
        # float64: in float32 the product could round up to the last item.
        uniform = torch.rand(batch_size, dtype=torch.float64, generator=generator, device=generator.device)
        query = (uniform * (items - 1)).long()

        stride = self.vectors + 1
        lengths = (items + 2) * stride
        step = count_steps(lengths)
        block, within = step // stride, step % stride - 1
        asked, answering = block == items, block > items
        answered = step - (items + 1) * stride - 1

        source = torch.where(asked, query, block) * self.vectors + within
        inputs = rows.new_zeros(*asked.shape, self.input_size)
        inputs[..., : self.num_bits] = place(rows, source, (within >= 0) & ~answering)
        inputs[..., self.num_bits] = ((within < 0) & (block < items)).float()
        inputs[..., self.num_bits + 1] = ((within < 0) & asked | (answered == -1)).float()

        mask = (answered >= 0) & (answered < self.vectors)
        return Batch(inputs, place(rows, (query + 1) * self.vectors + answered, mask), mask, lengths)

    def details(self, episode: Batch) -> str:
        """The number of items."""
        return f"{int(episode.inputs[..., self.num_bits].sum())} items"
