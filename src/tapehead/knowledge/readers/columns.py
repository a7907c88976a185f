"""Which columns of a table of edges are from, edge and to, by their headings."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from ..weights import parse_weight
from .files import ReadError

SOURCES = (
    *("from", "source", "subject", "station1", "start", "head", "person", "from station", "origin", "src"),
    *(
        "from stop",
        "from node",
        "from place",
        "from id",
        "source id",
        "start station",
        "start stop",
        "departure",
    ),
    *("begin", "left", "von", "desde", "fra", "från", "individual", "name"),
)
TARGETS = (
    *(
        "to",
        "target",
        "object",
        "station2",
        "end",
        "tail",
        "value",
        "to station",
        "destination",
        "dest",
        "dst",
    ),
    *("to stop", "to node", "to place", "to id", "target id", "end station", "end stop", "arrival"),
    *("next", "next station", "next stop", "neighbour", "neighbor", "connected to", "relative", "right"),
    *("nach", "vers", "hasta", "til", "till", "naar"),
)
LABELS = (
    *("edge", "label", "line", "predicate", "relation", "route", "type", "property", "relationship"),
    *("line name", "route name", "route short name", "edge label", "link", "connection", "via", "service"),
    *(
        "road",
        "street",
        "highway",
        "name",
        "colour",
        "color",
        "mode",
        "linie",
        "ligne",
        "linea",
        "linja",
        "lijn",
    ),
)
_MEASURES = frozenset(
    (
        *("weight", "distance", "time", "length", "cost", "duration", "minutes", "seconds", "km", "miles"),
        *(
            "travel time",
            "capacity",
            "speed",
            "fare",
            "price",
            "count",
            "number",
            "id",
            "key",
            "metres",
            "meters",
        ),
        *("dist", "hours", "lat", "lon", "latitude", "longitude", "frequency", "probability", "value"),
    )
)
"""What is no name of a line."""
WEIGHTS = (
    *(
        "minutes",
        "mins",
        "min",
        "travel time",
        "time",
        "duration",
        "seconds",
        "secs",
        "hours",
        "weight",
        "cost",
    ),
    *("distance", "dist", "length", "metres", "meters", "km", "kilometres", "kilometers", "miles"),
)
"""What the weights of edges are called; of several the first counts."""
_PLACES = frozenset(
    (
        *(
            "station",
            "stop",
            "place",
            "node",
            "city",
            "town",
            "airport",
            "vertex",
            "point",
            "halt",
            "village",
        ),
        *("haltestelle", "bahnhof", "gare", "estacion", "stazione", "halte", "port", "location", "junction"),
    )
)
_PAIRS = (("1", "2"), ("a", "b"), ("from", "to"), ("start", "end"), ("x", "y"), ("i", "j"), ("u", "v"))
LOOKED_AT = 200
"""rows that a row of headings is told by: nothing in it comes again"""
NO_COLUMN = -1
_NUMBER = re.compile(r"[-+]?\d*[.,]?\d+(?:e[-+]?\d+)?", re.IGNORECASE)


class Columns(NamedTuple):
    """Where from, edge and to stand."""

    source: int
    label: int
    """NO_COLUMN where the table has no names of edges"""
    target: int
    weight: int = NO_COLUMN
    """NO_COLUMN where the table has no weights of edges"""

    @property
    def names(self) -> list[int]:
        """Those that a row must have something in."""
        return [place for place in self[:3] if place != NO_COLUMN]


def columns_of(rows: Sequence[Sequence[str]], name: str) -> Columns | None:
    """The columns that the first row names, None if it is no row of headings.

    Args:
        rows: the first ones.
        name: of the file, for messages.

    Raises:
        ReadError: these are headings, but from and to cannot be told apart.
    """
    headings = [plain_heading(cell) for cell in rows[0]]
    source, target = _first(headings, SOURCES), _first(headings, TARGETS)
    if source is None or target is None:
        source, target = _pair(headings) or (source, target)
    label = next(
        (
            headings.index(word)
            for word in LABELS
            if word in headings and headings.index(word) not in (source, target)
        ),
        None,
    )
    again = {cell for row in rows[1:] for cell in row}
    if source is not None and target is not None and source != target:
        if rows[0][source] in again or rows[0][target] in again:
            return None
        if label is None:
            others = [place for place in range(len(headings)) if place not in (source, target)]
            unknown = [
                place
                for place in others
                if headings[place] not in _MEASURES and not _numeric(rows[1:], place)
            ]
            label = unknown[0] if len(unknown) == 1 else NO_COLUMN
        return Columns(source, label, target)
    places = sum(word in _PLACES for word in headings)
    measures = sum(word in _MEASURES for word in headings)
    known = sum(place is not None for place in (source, target, label)) + places + measures
    if known < 2 or any(rows[0][place] in again for place in range(len(headings)) if headings[place]):
        return None
    raise ReadError(
        f"{name} has the columns {', '.join(map(repr, rows[0]))[:200]}, and which of them an edge leads from"
        " and which to cannot be told: call them from, edge, to"
    )


def without_headings(rows: Sequence[Sequence[str]]) -> Columns:
    """The columns of a table without headings: from, edge, to; or from, to and a number."""
    if len(rows[0]) > 2 and _numeric(rows, 2) and not _numeric(rows, 0) and not _numeric(rows, 1):
        return Columns(0, NO_COLUMN, 1)
    return Columns(0, 1, 2)


def weight_column(
    rows: Sequence[Sequence[str]], columns: Columns, wanted: str | None, *, has_headings: bool, name: str
) -> tuple[int, str]:
    """Where the weights of edges stand, and what they are called; (NO_COLUMN, "") for nowhere.

    Args:
        rows: the first ones.
        columns: where the rest stands.
        wanted: the heading of the column; None: one that is called so.
        has_headings: whether the first row is one of headings.
        name: of the file, for messages.

    Raises:
        ReadError: there is no column of that heading, or no number in it.
    """
    if not has_headings:
        if wanted is not None:
            raise ReadError(f"{name} has no row of headings: give it one with the column {wanted!r}")
        place = max(columns.names) + 1
        return (place, "weight") if _numeric(rows, place) else (NO_COLUMN, "")
    headings = [plain_heading(cell) for cell in rows[0]]
    words = WEIGHTS if wanted is None else (plain_heading(wanted),)
    places = [headings.index(word) for word in words if word in headings]
    for place in places:
        if place not in columns.names and any(
            parse_weight(row[place]) is not None for row in rows[1:] if len(row) > place
        ):
            return place, rows[0][place]
    if wanted is None:
        return NO_COLUMN, ""
    if places:
        raise ReadError(
            f"{name} has no numbers in its column {wanted!r}: give one of minutes, metres or the like"
        )
    listed = ", ".join(map(repr, rows[0]))[:200]
    raise ReadError(f"{name} has no column {wanted!r}: its columns are {listed}")


def _numeric(rows: Sequence[Sequence[str]], place: int) -> bool:
    """Whether there are only numbers in a column."""
    cells = [row[place] for row in rows if len(row) > place]
    return bool(cells) and all(_NUMBER.fullmatch(cell) for cell in cells)


def _pair(headings: list[str]) -> tuple[int, int] | None:
    """Two columns of one name, but for "1" and "2", "a" and "b", …; or the only two that are of places."""
    for first, second in _PAIRS:
        for place, word in enumerate(headings):
            parts = word.split()
            if first in parts:
                other = " ".join(second if part == first else part for part in parts)
            elif first.isdigit() and word.endswith(first):
                other = word.removesuffix(first) + second
            else:
                continue
            if len(word) > 1 and other in headings:
                return place, headings.index(other)
    places = [place for place, word in enumerate(headings) if set(word.split()) & _PLACES]
    if len(places) == 2 and headings[places[0]] != headings[places[1]]:
        return places[0], places[1]
    return None


def _first(headings: list[str], words: Sequence[str]) -> int | None:
    return next((headings.index(word) for word in words if word in headings), None)


def plain_heading(heading: str) -> str:
    """ "From_Station (name)" -> "from station"."""
    bare = re.sub(r"\([^)]*\)|\[[^]]*\]", " ", heading.casefold())
    return " ".join(re.sub(r"[\W_]+", " ", bare).split())
