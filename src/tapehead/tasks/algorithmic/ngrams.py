"""The dynamic n-grams task."""

import dataclasses
import math
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from ..base import Batch, Channels, Task, check_range, check_whole
from ..registry import register
from ..sampler import count_steps, draw_sizes


@register
@dataclasses.dataclass(frozen=True)
class NGrams(Task):
    """Predict the next bit of a random source, drawn anew for each sequence (NTM section 4.4).

    A sequence draws a table: for each of the 2^context patterns of the preceding bits, the probability from
    Beta(½, ½) that the next bit is 1. The first ``context`` bits are fair coins; all others follow the
    table. One episode::

        time     0   1   2   3   ...  length−1
        input    .   b1  b2  b3  ...
        target   b1  b2  b3  b4  ...  b(length)
        mask     1   1   1   1   ...  1

    Input and target have one channel each. Every bit is predicted once, the first from nothing (an input of
    0), so the first ``context`` bits cost one bit each whatever a machine does, and the last is never an
    input. So counted, the optimal estimator needs about 133.7 bits per sequence with the paper's 200 bits
    and 6-grams (context 5), which is the paper's optimum (Fig. 13).

    Args:
        min_length: the minimum number of bits.
        max_length: the maximum; each sequence draws its length from U{min_length..max_length}.
        context: the number of preceding bits that the next depends on, 1 to 10 (the n of n-gram, less one).

    Raises:
        ValueError: a number below 1, a context above 10, or min_length above max_length.
    """

    name: ClassVar[str] = "ngrams"
    sizes: ClassVar[tuple[str, ...]] = ("length",)
    independent: ClassVar[bool] = True

    min_length: int = 200
    max_length: int = 200
    context: int = 5

    def __post_init__(self) -> None:
        check_range(self, "length")
        check_whole("context", self.context, minimum=1)
        if self.context > 10:
            raise ValueError(
                f"context must be at most 10 (a table of 1024 probabilities), got {self.context}."
            )

    @property
    def channels(self) -> Channels:
        """The labels of the channels."""
        return Channels(inputs=("last bit",), outputs=("next bit",))

    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        """Draw a batch; see ``Task.sample``."""
        lengths = draw_sizes(self.min_length, self.max_length, batch_size, generator)
        step = count_steps(lengths)
        patterns = 2**self.context
        # The arcsine law: sin²(π u / 2) of a uniform u is Beta(½, ½) distributed.
        u = torch.rand(batch_size, patterns, generator=generator, device=generator.device)
        table = (u * (math.pi / 2)).sin().square()
        uniform = torch.rand(len(step), batch_size, 1, generator=generator, device=generator.device)

        # Which pattern would follow each pattern, for all steps at once: the loop then only looks it up.
        pattern = torch.arange(patterns, device=generator.device)
        bit = torch.where(step.unsqueeze(-1) < self.context, uniform < 0.5, uniform < table)
        following = (2 * pattern) % patterns + bit
        state = torch.zeros(batch_size, 1, dtype=torch.int64, device=generator.device)
        states = []
        for successor in following.unbind():
            state = successor.gather(1, state)
            states.append(state)

        mask = step < lengths
        targets = (torch.cat(states, 1).T % 2 * mask).float().unsqueeze(-1)
        inputs = torch.zeros_like(targets)
        inputs[1:] = targets[:-1]
        # A sequence that ends early never sees its own last bit either.
        inputs *= mask.unsqueeze(-1)
        return Batch(inputs, targets, mask, lengths)

    @torch.no_grad()
    def oracle(self, batch: Batch) -> Float[Tensor, "T B outputs"]:
        """The logits of the optimal estimator, NTM eq. 10:

            P(B = 1 | N1, N0, c) = (N1 + ½) / (N1 + N0 + 1)

        where N1 and N0 count the ones and zeros that have followed the pattern c, the last ``context``
        bits, in this sequence so far. The first ``context`` bits have P = ½.
        """
        bits = batch.targets[..., 0].long()
        logits = torch.zeros_like(batch.targets)
        if len(bits) <= self.context:
            return logits
        weights = 2 ** torch.arange(self.context - 1, -1, -1, device=bits.device)
        # unfold lists the windows that precede bits `context`, `context` + 1, ...; the last precedes nothing.
        pattern = (bits.unfold(0, self.context, 1)[:-1] * weights).sum(-1, keepdim=True)
        following = bits[self.context :].unsqueeze(-1)
        # int32 counts [T, B, pattern, what followed], flattened over the last two.
        seen = torch.zeros(*pattern.shape[:2], 2 ** (self.context + 1), dtype=torch.int32, device=bits.device)
        seen.scatter_(2, 2 * pattern + following, 1)
        before = seen.cumsum(0, dtype=torch.int32) - seen
        zeros, ones = before.gather(2, 2 * pattern), before.gather(2, 2 * pattern + 1)
        logits[self.context :] = (ones + 0.5).log() - (zeros + 0.5).log()
        return logits.masked_fill(~batch.mask.unsqueeze(-1), 0)
