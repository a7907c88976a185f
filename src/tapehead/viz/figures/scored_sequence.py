"""Inputs, targets and outputs of one sequence, as the figures draw them."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from ...tasks import Batch
from ..arrays import as_array


def time_last(values: np.ndarray) -> np.ndarray:
    """[T, a, b, …] → [a, b, …, T]."""
    return np.moveaxis(values, 0, -1)


@dataclasses.dataclass(frozen=True)
class ScoredSequence:
    """One sequence with the machine's outputs and the steps whose targets count."""

    inputs: np.ndarray
    """[channels, T]"""
    targets: np.ndarray
    """[channels, T]"""
    outputs: np.ndarray
    """[channels, T], probabilities of a 1"""
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
        """The steps at which an answer begins."""
        before = np.concatenate([[False], self.scored[:-1]])
        return [int(step) for step in np.flatnonzero(self.scored & ~before)]

    @property
    def wrong(self) -> np.ndarray:
        """[channels, T], bool: a bit that counts and is wrong."""
        return ((self.outputs > 0.5) != (self.targets > 0.5)) & self.scored


def read_sequence(
    batch: Batch,
    outputs: Tensor,
    index: int,
    task: str,
    input_labels: Sequence[str] | None,
    output_labels: Sequence[str] | None,
) -> ScoredSequence:
    """Sequence ``index`` of a batch with the machine's logits [T, B, outputs] for the batch."""
    steps = int(batch.lengths[index])
    inputs, targets = (
        time_last(as_array(field[:steps, index].double())) for field in (batch.inputs, batch.targets)
    )
    return ScoredSequence(
        inputs=inputs,
        targets=targets,
        outputs=time_last(as_array(outputs[:steps, index].double().sigmoid())),
        scored=as_array(batch.mask[:steps, index]),
        task=task,
        input_labels=input_labels or [f"in {i}" for i in range(len(inputs))],
        output_labels=output_labels or [f"out {i}" for i in range(len(targets))],
    )
