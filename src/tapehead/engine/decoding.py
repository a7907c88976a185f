"""Decoding: what a machine says is read as its next input. The description of how, and the plain loop."""

import dataclasses
import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

Field = tuple[int, int]
"""(first channel, number of channels)."""
MAX_GATHERED = 1 << 21
"""Outputs that are looked up in a table at once, 16 MiB: for thousands of steps it takes gigabytes."""


@dataclasses.dataclass(frozen=True, eq=False)
class Choice:
    """How the next input is made from an output.

    The kind is the channel with the greatest output in the field ``kinds``. What is fed with it is chosen
    from each of its parts, and its channels become one; all other channels are zero. A part is

    * a field: the channel with the greatest output in it;
    * a table [n, channels] of zeros and ones, for constrained decoding: the row with the greatest sum of
      outputs at its ones. The rows have a one in each of the same fields. So the normalisers of a softmax
      within each field are the same for all of them, and that row is the most probable one.

    Of equal ones the first is chosen, and NaN is greater than any number, as in ``torch.argmax``. Sums are
    taken in float64.

    Args:
        kinds: the field with a channel for each kind.
        fed: the parts of a kind, by its number; a kind that is not there is fed alone.
        stop_kinds: the kinds that end the loop.

    Raises:
        ValueError: a kind, a field or a table that is none.
    """

    kinds: Field
    fed: Mapping[int, Sequence[Field | Tensor]]
    stop_kinds: Collection[int] = ()

    _rows: list[Tensor] = dataclasses.field(init=False, repr=False)
    """of every part, the kinds being the first, the channels of its rows: int64 [rows, ones in a row]"""
    _parts_of: list[list[int]] = dataclasses.field(init=False, repr=False)
    """of every kind, the numbers of its parts"""

    def __post_init__(self) -> None:
        rows = [_rows_of(self.kinds)]
        parts_of: list[list[int]] = [[] for _ in rows[0]]
        numbers: dict[Any, int] = {}
        for kind, parts in self.fed.items():
            self._check_kind(kind)
            for part in parts:
                key = id(part) if isinstance(part, Tensor) else part
                if key not in numbers:
                    numbers[key] = len(rows)
                    rows.append(_rows_of(part))
                parts_of[kind].append(numbers[key])
        for kind in self.stop_kinds:
            self._check_kind(kind)
        object.__setattr__(self, "_rows", rows)
        object.__setattr__(self, "_parts_of", parts_of)

    def _check_kind(self, kind: int) -> None:
        if not 0 <= kind < self.kinds[1]:
            raise ValueError(f"there is no kind {kind}: kinds are numbered from 0 to {self.kinds[1] - 1}")

    @functools.cached_property
    def words(self) -> Tensor:
        """All of it as native/csrc/choice.h reads it, int64."""
        words = [len(self._rows)]
        for rows in self._rows:
            words += [*rows.shape, *rows.flatten().tolist()]
        for kind, parts in enumerate(self._parts_of):
            words += [int(kind in self.stop_kinds), len(parts), *parts]
        return torch.tensor(words)

    def check(self, inputs: int, outputs: int) -> None:
        """Refuse a machine with too few channels.

        Raises:
            ValueError: a channel is not among the inputs or not among the outputs.
        """
        last = max(int(rows.max()) for rows in self._rows)
        if last >= min(inputs, outputs):
            raise ValueError(
                f"the choice names channel {last}, but the machine has {inputs} channels in and {outputs} "
                "out: give fields and tables that lie within both"
            )

    def read(self, output: Tensor, like: Tensor) -> tuple[Tensor, bool]:
        """The next input, and whether the loop ends instead of feeding it.

        Args:
            output: [output_size].
            like: an input, [input_size]: the next one gets its size, dtype and device.
        """
        logits = output.to("cpu", torch.float64)
        chosen = torch.zeros_like(like)
        kind = _best(self._rows[0], logits)
        for rows in [self._rows[0][[kind]], *(self._rows[part] for part in self._parts_of[kind])]:
            chosen[rows[_best(rows, logits)]] = 1
        return chosen, kind in self.stop_kinds

    def log_probabilities(self, outputs: Tensor) -> Tensor:
        """The logarithms of the probabilities that a machine gave to what it said in each step; float64, [n].

        That of a step is a softmax over the kinds, and one over the rows of each part of the kind chosen.

        Args:
            outputs: [n, output_size], each read by :meth:`read`.
        """
        largest = max(rows.numel() for rows in self._rows)
        some = outputs.split(max(1, MAX_GATHERED // largest))
        return torch.cat([self._log_probabilities(part.to("cpu", torch.float64)) for part in some])

    def _log_probabilities(self, logits: Tensor) -> Tensor:
        kinds = logits[:, self._rows[0][:, 0]]
        total = kinds.amax(1) - kinds.logsumexp(1)
        for kind in kinds.argmax(1).unique().tolist():
            steps = kinds.argmax(1) == kind
            for part in self._parts_of[kind]:
                sums = logits[steps][:, self._rows[part]].sum(2)
                total[steps] += sums.amax(1) - sums.logsumexp(1)
        return total


class Decoded(NamedTuple):
    """A run of n steps whose outputs were its inputs."""

    chosen: Tensor
    """what each output was read as, [n, input_size]: the input of the next step; the last was not fed"""
    outputs: Tensor
    """[n, output_size]"""
    state: Any
    """after the last step"""


def by_steps(
    machine: Callable[..., tuple[Tensor, Any]], first: Tensor, state: Any, choice: Choice, max_steps: int
) -> Decoded:
    """Call ``machine`` once a step; arguments and result as in ``engine.decode``."""
    chosen: list[Tensor] = []
    outputs: list[Tensor] = []
    x = first
    for _ in range(max_steps):
        y, state = machine(x[None, None], state)
        if not outputs:
            choice.check(first.shape[0], y.shape[-1])
        outputs.append(y[0, 0])
        x, stops = choice.read(outputs[-1], first)
        chosen.append(x)
        if stops:
            break
    return Decoded(torch.stack(chosen), torch.stack(outputs), state)


def _rows_of(part: Field | Tensor) -> Tensor:
    """The channels of every row of a part; each channel of a field is a row."""
    if not isinstance(part, Tensor):
        start, size = part
        if start < 0 or size < 1:
            raise ValueError(f"field {part} is none: give its first channel and how many it has")
        return torch.arange(start, start + size).unsqueeze(1)
    if part.dim() != 2 or not part.numel():
        raise ValueError(f"a table has shape {list(part.shape)}: give at least one row, [n, channels]")
    ones = part == 1
    counts = ones.sum(1)
    if not counts[0] or (counts != counts[0]).any() or (part != 0).sum() != counts.sum():
        raise ValueError(
            f"the rows of a table have {int(counts.min())} to {int(counts.max())} ones: "
            "give every row a one in each of the same fields, and zeros elsewhere"
        )
    return ones.nonzero()[:, 1].view(len(part), -1).cpu()


def _best(rows: Tensor, logits: Tensor) -> int:
    # One column after another, as the kernel adds them.
    total = sum(logits[column] for column in rows.T)
    return int(torch.as_tensor(total).argmax())
