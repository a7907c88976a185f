"""One sequence's trace and episode as NumPy arrays, time on the last axis, padding cut off."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from ...tasks import Batch
from ...types import Trace

ALWAYS_SHOWN = 40
"""A memory of at most so many slots is shown whole."""
TOUCHED = 0.05
"""A slot counts as touched when a head once put this much of its weighting there."""
SMALL_GAP = 5
"""Fewer untouched slots than this between touched ones are shown too, rather than a break drawn."""


def array(field: Tensor, steps: int, index: int) -> np.ndarray:
    """[T, B, a, b, …] → [a, b, …, T] of one sequence."""
    return np.moveaxis(field[:steps, index].detach().cpu().double().numpy(), 0, -1)


@dataclasses.dataclass(frozen=True)
class Episode:
    """What went in, what should come out, and what did."""

    inputs: np.ndarray
    """[channels, T]"""
    targets: np.ndarray
    """[channels, T]"""
    outputs: np.ndarray
    """[channels, T], probabilities"""
    scored: np.ndarray
    """[T], bool: the steps that count"""
    task: str
    input_labels: Sequence[str]
    output_labels: Sequence[str]

    @property
    def steps(self) -> int:
        """T."""
        return len(self.scored)

    @property
    def starts(self) -> list[int]:
        """Where an answer begins."""
        before = np.concatenate([[False], self.scored[:-1]])
        return [int(step) for step in np.flatnonzero(self.scored & ~before)]

    @property
    def wrong(self) -> np.ndarray:
        """[channels, T], bool: a bit that counts and is wrong."""
        return ((self.outputs > 0.5) != (self.targets > 0.5)) & self.scored


def read_episode(
    batch: Batch,
    outputs: Tensor,
    index: int,
    task: str,
    input_labels: Sequence[str] | None,
    output_labels: Sequence[str] | None,
) -> Episode:
    """Sequence ``index`` of a batch with the machine's logits for it."""
    steps = int(batch.lengths[index])
    inputs = array(batch.inputs, steps, index)
    targets = array(batch.targets, steps, index)
    return Episode(
        inputs,
        targets,
        array(outputs.detach().double().sigmoid(), steps, index),
        batch.mask[:steps, index].cpu().numpy(),
        task,
        input_labels or [f"in {i}" for i in range(len(inputs))],
        output_labels or [f"out {i}" for i in range(len(targets))],
    )


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
        """To stand behind a panel's title."""
        if len(self.shown) == self.memory_size:
            return ""
        return f" ({len(self.shown)} of {self.memory_size} slots, the rest untouched)"

    def ticks(self, inches: float, label_inches: float) -> list[int]:
        """Rows to label on an axis of this length: below gaps, and round slot numbers; none too near."""
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
    """The touched slots of weightings [heads, N, T].

    Args:
        weights: of all heads.
        circular: the slots are a ring (NTM): start after its longest untouched stretch, so that a
            run over the end of the memory is drawn in one piece.
    """
    N = weights.shape[1]
    touched = np.flatnonzero(weights.max(axis=(0, 2)) >= TOUCHED)
    if len(touched) == 0 or N <= ALWAYS_SHOWN:
        return Slots(np.arange(N), N)
    if circular:
        gaps = np.diff(touched, append=touched[0] + N)
        touched = np.roll(touched, -1 - int(gaps.argmax()))
    shown = [int(touched[0])]
    for slot in touched[1:]:
        gap = (int(slot) - shown[-1]) % N
        filled = range(1, gap) if gap <= SMALL_GAP else ()
        shown += [(shown[-1] + step) % N for step in filled]
        shown.append(int(slot))
    return Slots(np.array(shown), N)


@dataclasses.dataclass(frozen=True)
class Heads:
    """Words and weightings of the heads of one kind."""

    kind: str
    """ "write" or "read"."""
    words: np.ndarray
    """[heads, W, T]: what is written, or what was read"""
    weights: np.ndarray
    """[heads, N, T]"""
    gates: np.ndarray | None
    """[heads, T]: the NTM's interpolation gates"""


def is_ntm(trace: Trace) -> bool:
    """Whether the trace is an NTM's; otherwise it is a DNC's."""
    return trace.usage is None


def read_heads(trace: Trace, steps: int, index: int) -> Heads:
    """The read heads."""
    gates = array(trace.read_gates, steps, index) if is_ntm(trace) else None
    return Heads(
        "read", array(trace.read_words, steps, index), array(trace.read_weights, steps, index), gates
    )


def write_heads(trace: Trace, steps: int, index: int) -> Heads:
    """The write heads, their words taken from the raw interface: the NTM's tanh(a), the DNC's v."""
    weights = array(trace.write_weights, steps, index)
    R, W = trace.read_words.shape[-2:]
    interface = array(trace.interface, steps, index)
    if not is_ntm(trace):
        start = R * W + R + W + 1 + W  # after k^r, β^r, k^w, β^w, e
        return Heads("write", interface[None, start : start + W], weights[None], None)
    H = len(weights)
    write_size = (len(interface) + 2 * R * W) // (R + H)  # a read head has no e and a, 2 W fewer
    writes = interface[len(interface) - H * write_size :].reshape(H, write_size, steps)
    return Heads("write", np.tanh(writes[:, -W:]), weights, array(trace.write_gates, steps, index))


def free_gates(trace: Trace, steps: int, index: int) -> np.ndarray:
    """The DNC's free gates [R, T], from the raw interface."""
    R, W = trace.read_words.shape[-2:]
    start = R * W + R + W + 1 + W + W  # after k^r, β^r, k^w, β^w, e, v
    raw = array(trace.interface, steps, index)[start : start + R]
    return np.exp(-np.logaddexp(0, -raw))
