"""Weighted connections as unit steps, so that a breadth-first search of them finds the least weight.

This is Dijkstra's search by buckets (Dial, "Algorithm 360: Shortest-path forest with topological ordering",
1969) told as a graph: a connection of m units becomes m edges over m − 1 waypoints, and breadth-first search
reaches everything in the order of its distance in units.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from ...tasks.graph.episode import Triple


class Subdivision(NamedTuple):
    """A weighted map as unit steps.

    All connections that lead to a place share their last units: k units before a place lies one waypoint,
    from wherever one comes. So there are no more waypoints than the longest connection to each place needs.
    """

    edges: list[Triple]
    """first the connections of the map, in their order, each of which ends at a waypoint if it takes more
    than one unit; then a step from each waypoint to the next"""
    waypoints: dict[int, tuple[int, int]]
    """number → the place that it leads to, and how many units before the place it lies"""
    unit: Fraction
    """the weight of a step"""
    rounded: int
    """connections whose weight is no multiple of the unit, or zero"""
    raised: int
    """of these, the ones of half a unit or less, which take a whole one"""


def room_for(digits: int, places: int, edges: int, max_edges: int) -> int:
    """How many waypoints a machine can be told beside a map: each takes a name and an edge.

    Args:
        digits: of the names. Only those that are easy to tell apart are used, if they suffice for the places.
        places: named.
        edges: told.
        max_edges: told, at most.
    """
    easy = 10 ** (digits - 1)
    names = easy if places <= easy else 10 * easy
    return max(0, min(names - places, max_edges - edges))


def subdivide(
    edges: Sequence[Triple], weights: Sequence[Fraction], *, places: int, onward: int, waypoints: int
) -> Subdivision:
    """Divide connections into steps of one unit: the largest that divides all weights, if its steps fit.

    Else the unit is the least of …, 0.1, 0.2, 0.5, 1, 2, 5, 10, … whose steps fit, and every weight is
    rounded to the nearest multiple of it (of two to the even one), but not to 0.

    Args:
        edges: (place, line, place) of the map.
        weights: of each, at least 0.
        places: waypoints are numbered from here on.
        onward: the line from a waypoint to the next.
        waypoints: how many of them there may be.
    """
    unit = _unit(edges, weights, waypoints)
    units = [_units(weight, unit) for weight in weights]
    number: dict[tuple[int, int], int] = {}
    for place, longest in _longest(edges, units).items():
        for before in range(1, longest):
            number[place, before] = places + len(number)
    entries = [(start, line, number.get((end, m - 1), end)) for (start, line, end), m in zip(edges, units)]
    lanes = [(here, onward, number.get((place, k - 1), place)) for (place, k), here in number.items()]
    return Subdivision(
        edges=entries + lanes,
        waypoints={here: key for key, here in number.items()},
        unit=unit,
        rounded=sum(m * unit != weight for m, weight in zip(units, weights)),
        raised=sum(2 * weight <= unit for weight in weights),
    )


def _unit(edges: Sequence[Triple], weights: Sequence[Fraction], waypoints: int) -> Fraction:
    positive = [weight for weight in weights if weight]
    if not positive:
        return Fraction(1)
    exact = Fraction(
        math.gcd(*(weight.numerator for weight in positive)),
        math.lcm(*(weight.denominator for weight in positive)),
    )
    unit, power = exact, Fraction(10) ** math.floor(math.log10(exact))
    while _count(edges, weights, unit) > waypoints:
        unit = next(power * step for step in (1, 2, 5, 10) if power * step > unit)
        power *= 10 if unit >= 10 * power else 1
    return unit


def _units(weight: Fraction, unit: Fraction) -> int:
    return max(1, round(weight / unit))


def _longest(edges: Sequence[Triple], units: Sequence[int]) -> dict[int, int]:
    """Of each place the units of the longest connection that leads to it."""
    longest: dict[int, int] = {}
    for (_, _, end), m in zip(edges, units):
        longest[end] = max(m, longest.get(end, 1))
    return longest


def _count(edges: Sequence[Triple], weights: Sequence[Fraction], unit: Fraction) -> int:
    """How many waypoints there are in steps of a unit."""
    longest = _longest(edges, [_units(weight, unit) for weight in weights])
    return sum(m - 1 for m in longest.values())
