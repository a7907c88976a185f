"""Which slots of a memory are drawn."""

import dataclasses
import math

import numpy as np

MAX_ALWAYS_SHOWN = 40
"""A memory of at most so many slots is shown whole."""
MIN_WEIGHT = 0.05
"""A head accesses a slot when it puts this much of its weighting there in any step."""
MIN_GAP = 6
"""Between accessed slots that are closer than this, the others are shown too, rather than left out."""


@dataclasses.dataclass(frozen=True)
class Slots:
    """The rows of a memory that are drawn."""

    shown: np.ndarray
    """slot numbers, in the order of drawing"""
    memory_size: int

    @property
    def gaps(self) -> list[int]:
        """Rows above which slots were left out."""
        return [int(row) + 1 for row in np.flatnonzero(np.diff(self.shown) % self.memory_size != 1)]

    @property
    def note(self) -> str:
        """How many slots are shown, to follow a panel's title; empty when all are."""
        if len(self.shown) == self.memory_size:
            return ""
        return f" ({len(self.shown)} of {self.memory_size} slots, the rest never accessed)"

    def ticks(self, inches: float, label_inches: float) -> list[int]:
        """Rows to label: below gaps, and at round slot numbers, no two labels overlapping.

        Args:
            inches: length of the axis.
            label_inches: room that a label takes along the axis.
        """
        rows = len(self.shown)
        apart = max(1, math.ceil(label_inches * rows / inches))
        step = next(n * 10**k for k in range(9) for n in (1, 2, 5) if n * 10**k >= apart)
        round_numbers = [int(row) for row in np.flatnonzero(self.shown % step == 0)]
        ticks: list[int] = []
        for row in [*self.gaps, *round_numbers]:
            if all(abs(row - tick) >= apart for tick in ticks):
                ticks.append(row)
        return sorted(ticks)


def choose_slots(weights: np.ndarray, *, circular: bool) -> Slots:
    """The slots that any head accesses; all of them in a small memory, or where no head accesses any.

    Args:
        weights: weightings of all heads, [T, heads, N].
        circular: the slots form a ring (NTM): start after the longest stretch without access, so
            that a run over the end of the memory is drawn in one piece.
    """
    N = weights.shape[-1]
    accessed = np.flatnonzero(weights.max(axis=(0, 1)) >= MIN_WEIGHT)
    if len(accessed) == 0 or N <= MAX_ALWAYS_SHOWN:
        return Slots(np.arange(N), N)
    if circular:
        gaps = np.diff(accessed, append=accessed[0] + N)
        accessed = np.roll(accessed, -1 - int(gaps.argmax()))
    shown = [int(accessed[0])]
    for slot in accessed[1:]:
        distance = (int(slot) - shown[-1]) % N
        filled = range(1, distance) if distance < MIN_GAP else ()
        shown += [(shown[-1] + step) % N for step in filled]
        shown.append(int(slot))
    return Slots(np.array(shown), N)
