"""Asking a machine again under other random names.

Which number somebody or some place goes by means nothing, so a reading that confused two of them is seldom
wrong in the same way the next time.
"""

import math
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, runtime_checkable

MOST_READINGS = 5
"""Times that a question is asked whose answer cannot be checked."""
WAYS = 20
"""Times that a way is asked for; more are better, as whether it arrives, and how soon, can be seen."""


@runtime_checkable
class Reading(Protocol):
    """What came of one reading."""

    @property
    def confidence(self) -> float:
        """The probability that the machine gave to all that it said."""
        ...

    @property
    def answer(self) -> tuple | frozenset | None:
        """What two readings can agree on; None when the machine got lost."""
        ...


R = TypeVar("R", bound=Reading)


def read_until_two_agree(
    count: int, read: Callable[[Sequence[tuple[int, int]]], Sequence[R]]
) -> list[tuple[R, float]]:
    """Ask ``count`` questions as often as each needs it.

    Where no two of MOST_READINGS agree, the most confident stands.

    Args:
        count: of questions, numbered from 0.
        read: asks (question, reading) pairs side by side.

    Returns:
        For each question a reading that gave its answer, and the mean over all of its readings of the
        probability that they gave to this answer, which is 0 for those that gave another.
    """
    readings: list[list[R]] = [[] for _ in range(count)]
    for numbers in ((0, 1), *((number,) for number in range(2, MOST_READINGS))):
        open_questions = [i for i, made in enumerate(readings) if len(_likeliest(made)) < 2]
        asked = [(i, number) for i in open_questions for number in numbers]
        for (i, _), found in zip(asked, read(asked) if asked else ()):
            readings[i].append(found)
    agreed = [(_likeliest(made), len(made)) for made in readings]
    return [(alike[0], sum(one.confidence for one in alike) / made) for alike, made in agreed]


def read_for_the_shortest(
    count: int, read: Callable[[Sequence[tuple[int, int]]], Sequence[R]]
) -> list[tuple[R, float]]:
    """Ask for ``count`` ways WAYS times each: the shortest that arrives stands.

    Args:
        count: of questions, numbered from 0.
        read: asks (question, reading) pairs side by side; an answer is as long as its way.

    Returns:
        For each question the most confident reading of the shortest way, and the probability that as many
        readings again would find one as short. For that a reading counts with the probability that it gave
        to its own way, which is 0 if it found none as short.
    """
    found = read([(i, number) for i in range(count) for number in range(WAYS)])
    best = []
    for i in range(count):
        made = sorted(found[i * WAYS : (i + 1) * WAYS], key=lambda one: -one.confidence)
        steps = [math.inf if one.answer is None else float(len(one.answer)) for one in made]
        as_short = [one for one, length in zip(made, steps) if length == min(steps)]
        once = sum(one.confidence for one in as_short) / WAYS
        best.append((as_short[0], 1 - (1 - once) ** WAYS))
    return best


def _likeliest(readings: Sequence[R]) -> list[R]:
    """The readings that gave the answer given most often, the most confident first."""
    groups: dict[tuple | frozenset | None, list[R]] = {}
    for reading in sorted(readings, key=lambda one: -one.confidence):
        groups.setdefault(reading.answer, []).append(reading)
    lost = groups.pop(None, [])[:1]
    return max(groups.values(), key=len, default=lost)
