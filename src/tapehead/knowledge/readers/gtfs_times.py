"""How long a timetable's trips take from stop to stop."""

import functools
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

MEASURE = "minutes"
"""What the weights of a timetable's edges are."""
MAX_SECONDS = 7 * 86_400
"""From the start of the day of service, beyond which a time is none."""

Gaps = list[Counter[int]]
"""Of each pair of stops that a trip serves one after the other: seconds → how many trips take them."""


@functools.lru_cache(1 << 17)  # A timetable says the same times over and over.
def seconds_of(time: str) -> int | None:
    """Seconds from the start of the day of service, of "7:05:00" or "25:30:00"; None of anything else."""
    parts = time.split(":")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 5 for part in parts):
        return None
    hours, minutes, seconds = map(int, parts)
    total = 3600 * hours + 60 * minutes + seconds
    return total if total <= MAX_SECONDS else None


def count_gaps(gaps: Gaps, times: Sequence[tuple[int | None, int | None]]) -> None:
    """Count how long one more trip takes from each of its stops to the next.

    Stops without times between two that have them share the time in equal parts, as the reference of GTFS
    lets consumers do. Times that run backwards count for nothing.

    Args:
        gaps: of the stops, one fewer than ``times``; added to.
        times: of each stop the arrival and the departure, in seconds.
    """
    last: int | None = None
    left = 0
    for place, (arrival, departure) in enumerate(times):
        reached = arrival if arrival is not None else departure
        if reached is None:
            continue
        if last is not None and reached >= left:
            steps = place - last
            whole, rest = divmod(reached - left, steps)
            for step in range(steps):
                gaps[last + step][whole + (step < rest)] += 1
        last, left = place, departure if departure is not None else reached


def median_minutes(counted: Counter[int]) -> Fraction:
    """The median of at least one gap; of two in the middle the shorter."""
    middle = (counted.total() + 1) // 2
    for seconds in sorted(counted):
        middle -= counted[seconds]
        if middle <= 0:
            break
    return Fraction(seconds, 60)
