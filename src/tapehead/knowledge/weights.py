"""Weights of a map's connections: minutes, metres, or whatever a column of its file holds."""

import math
import re
from fractions import Fraction
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from .graph import KnowledgeGraph

UNITS = frozenset(
    (
        *("minutes", "mins", "min", "seconds", "secs", "hours", "km", "kilometres", "kilometers"),
        *("metres", "meters", "miles", "stops"),
    )
)
"""Names of columns that are said behind a number: "23 minutes"; of any other "time 23"."""
_NUMBER = re.compile(r"[-+]?(?:\d{1,15}(?:[.,]\d{0,15})?|[.,]\d{1,15})(?:e[-+]?\d{1,2})?", re.IGNORECASE)
_LARGEST = 10**15


def parse_weight(text: str) -> Fraction | None:
    """The number that a cell holds, exactly; None if it holds none, or one beyond ±10^15."""
    if not text.isascii() or not _NUMBER.fullmatch(text):
        return None
    number = Fraction(text.replace(",", "."))
    return number if abs(number) <= _LARGEST else None


def weights_of(graph: "KnowledgeGraph") -> list[Fraction]:
    """The weight of every connection of a map, in the order of :attr:`KnowledgeGraph.edges`.

    Raises:
        InputError: the map has no weights, one is missing, or one is negative.
    """
    facts = list(dict.fromkeys(graph.facts))
    if not graph.weights:
        raise InputError(
            f"{graph.name} does not say how long its connections take: give it a column of minutes, or ask "
            "for the shortest path, which has the fewest stops"
        )

    def between(number: int) -> str:
        subject, _, target = facts[number]
        return f"from {graph.entities[subject].name} to {graph.entities[target].name}"

    missing = [number for number, fact in enumerate(facts) if fact not in graph.weights]
    if missing:
        raise InputError(
            f"{len(missing):,} of the {len(facts):,} connections of {graph.name} have no {graph.measure}, as "
            f"that {between(missing[0])}: give each a number"
        )
    found = [graph.weights[fact] for fact in facts]
    negative = next((number for number, weight in enumerate(found) if weight < 0), None)
    if negative is not None:
        raise InputError(
            f"the {graph.measure} {between(negative)} in {graph.name} is {number_text(found[negative])}: "
            "give numbers from 0"
        )
    return found


def number_text(value: Fraction) -> str:
    """ "23", "1,250", "0.5", "0.0004"."""
    if value.denominator == 1:
        return f"{value.numerator:,}"
    places = 2 if abs(value) >= 1 else 2 - math.floor(math.log10(abs(value)))
    return f"{float(value):,.{places}f}".rstrip("0").rstrip(".")


def amount(value: Fraction, measure: str) -> str:
    """ "23 minutes", or "time 23" where the column does not say in what it measures."""
    said = number_text(value)
    if measure.casefold() not in UNITS:
        return f"{measure} {said}"
    plural = measure if value != 1 or not measure.casefold().endswith("s") else measure[:-1]
    return f"{said} {plural}"
