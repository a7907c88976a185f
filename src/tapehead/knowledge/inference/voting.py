"""Several samples of the network's answer to one question, each drawn under other random names.

Which number a person or a place is called by means nothing, so a sample in which the network confused two of
them is seldom wrong in the same way as the next.
"""

import math
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, runtime_checkable

MAX_VOTES = 5
"""Samples at most of an answer that cannot be checked."""
NUM_SAMPLES = 20
"""Samples of a path. More are better, as it can be seen whether a path arrives, and after how many steps."""


@runtime_checkable
class Sample(Protocol):
    """One answer of the network."""

    @property
    def confidence(self) -> float:
        """The probability that the network gave to all that it said, in [0, 1]."""
        ...

    @property
    def answer(self) -> tuple | frozenset | None:
        """What two samples can agree on; None if the network came to no answer."""
        ...


SampleT = TypeVar("SampleT", bound=Sample)

Draw = Callable[[Sequence[tuple[int, int]]], Sequence[SampleT]]
"""Draws a sample for each (question, number of the sample), side by side."""


def majority_vote(num_questions: int, draw: Draw[SampleT]) -> list[tuple[SampleT, float]]:
    """Sample each question until two answers agree, MAX_VOTES times at most.

    If no two agree, the most confident sample wins.

    Args:
        num_questions: questions, numbered from 0.
        draw: draws the samples.

    Returns:
        For each question the most confident sample of the winning answer, and the mean over all samples of
        the probability that they gave to this answer (0 for those that gave another).
    """
    samples: list[list[SampleT]] = [[] for _ in range(num_questions)]
    for numbers in ((0, 1), *((number,) for number in range(2, MAX_VOTES))):
        undecided = [i for i, drawn in enumerate(samples) if len(_winners(drawn)) < 2]
        wanted = [(i, number) for i in undecided for number in numbers]
        for (i, _), sample in zip(wanted, draw(wanted) if wanted else ()):
            samples[i].append(sample)
    voted = [(_winners(drawn), len(drawn)) for drawn in samples]
    return [(alike[0], sum(one.confidence for one in alike) / count) for alike, count in voted]


def best_of_n(num_questions: int, draw: Draw[SampleT]) -> list[tuple[SampleT, float]]:
    """Sample each question NUM_SAMPLES times; the shortest answer wins.

    Args:
        num_questions: questions, numbered from 0.
        draw: draws the samples; the length of an answer is that of its path.

    Returns:
        For each question the most confident sample of the shortest answer, and the probability that one of
        NUM_SAMPLES new samples is as short. A sample counts for this with the probability that the network
        gave to it, and with 0 if it is longer.
    """
    drawn = draw([(i, number) for i in range(num_questions) for number in range(NUM_SAMPLES)])
    best = []
    for i in range(num_questions):
        samples = sorted(
            drawn[i * NUM_SAMPLES : (i + 1) * NUM_SAMPLES], key=lambda sample: -sample.confidence
        )
        steps = [math.inf if one.answer is None else float(len(one.answer)) for one in samples]
        shortest = [one for one, length in zip(samples, steps) if length == min(steps)]
        probability = sum(one.confidence for one in shortest) / NUM_SAMPLES
        best.append((shortest[0], 1 - (1 - probability) ** NUM_SAMPLES))
    return best


def _winners(samples: Sequence[SampleT]) -> list[SampleT]:
    """The samples of the most frequent answer, the most confident first; of no answer at all, one."""
    by_answer: dict[tuple | frozenset | None, list[SampleT]] = {}
    for sample in sorted(samples, key=lambda one: -one.confidence):
        by_answer.setdefault(sample.answer, []).append(sample)
    without_answer = by_answer.pop(None, [])[:1]
    return max(by_answer.values(), key=len, default=without_answer)
