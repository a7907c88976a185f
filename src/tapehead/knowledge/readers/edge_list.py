"""Edge lists: tables of from, edge, to. A family where the edges are those of families, else a map."""

import csv
import io
import itertools
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from ..graph import Entity, Fact, KnowledgeGraph
from ..weights import parse_weight
from .columns import LOOKED_AT, NO_COLUMN, Columns, columns_of, weight_column, without_headings
from .family_edges import EdgeRow, is_family, read_family
from .files import ReadError, clean

if TYPE_CHECKING:
    import _csv

MAX_FILE_BYTES = 64 << 20
MAX_EDGES = 300_000
MAX_LINE = 10_000
MAX_NAME = 500


ONE_WAY = (
    "no connection stands in the file both ways: with --both-ways (both_ways=True) each leads back as well"
)
"""Said of a map."""
LINK = "link"
"""What an edge without a name is called."""


def read_edge_list(text: str, name: str, weights: str | None = None) -> KnowledgeGraph:
    """The graph of a table of edges: from, edge, to.

    Args:
        text: comma-, semicolon- or tab-separated. Without a row of headings, the columns stand in this order
            (or: from, to, a number), and a number behind them is a weight; with one, they may stand anywhere,
            and an edge needs no name.
        name: of the file, for messages.
        weights: the heading of the column with the weights of a map's edges; None: one called "minutes",
            "time", "metres", or the like, if there is one.

    Raises:
        ReadError: it is not such a table.
    """
    measure, rows = _table(text, name, weights)
    edges = list(dict.fromkeys(rows))
    if not edges:
        raise ReadError(f"{name} has no edges: give rows of from, edge, to")
    return from_edges(edges, name, measure=measure)


def from_edges(
    edges: list[EdgeRow], name: str, names: dict[str, str] | None = None, measure: str = ""
) -> KnowledgeGraph:
    """A family tree if most labels are those of families ("father", "wife", "born", …), else a map.

    "A,father,B" says that A's father is B, "A,father of,B" that A is B's father, and so on.

    Args:
        edges: directed.
        name: of the file.
        names: of the nodes, where they are not called by their ids; also of those that no edge leads to.
        measure: what the weights of the edges are called; of an edge that is given twice the least counts.

    Raises:
        ReadError: the facts contradict each other.
    """
    names = names or {}
    if is_family(edges):
        return read_family(list(dict.fromkeys(edge._replace(weight="") for edge in edges)), name, names)
    entities = {place: Entity(place, called, "place") for place, called in names.items()}
    for edge in edges:
        for place in (edge.source, edge.target):
            if place not in entities:
                entities[place] = Entity(place, place, "place")
    weights: dict[Fact, Fraction] = {}
    facts: dict[Fact, None] = {}
    for edge in edges:
        if edge.source != edge.target:
            fact = Fact(*edge[:3])
            facts[fact] = None
            weight = parse_weight(edge.weight)
            if weight is not None:
                weights[fact] = min(weight, weights.get(fact, weight))
    graph = KnowledgeGraph(
        name, entities, list(facts), weights=weights, measure=clean(measure) if weights else ""
    )
    if graph.is_one_way:
        graph.notes.append(ONE_WAY)
    return graph


def read_rows(text: str, name: str) -> Iterator[EdgeRow]:
    """The rows of a table of from, edge, to, without their weights.

    Raises:
        ReadError: it is not such a table.
    """
    return (edge._replace(weight="") for edge in _table(text, name, None)[1])


def _table(text: str, name: str, weights: str | None) -> tuple[str, Iterator[EdgeRow]]:
    """What the weights are called, and the rows."""
    separator = _separator(text)

    def lines() -> Iterator[str]:
        for number, line in enumerate(io.StringIO(text, newline=""), 1):
            if len(line) > MAX_LINE:
                raise ReadError(f"{name}, line {number}: {len(line):,} characters are too many for an edge")
            yield line

    reader = csv.reader(lines(), delimiter=separator, strict=True)
    rows = _rows(reader, name)
    first = list(itertools.islice(rows, LOOKED_AT))
    if not first:
        return "", iter(())
    looked_at = [cells for _, cells in first]
    named = columns_of(looked_at, name)
    columns = named or without_headings(looked_at)
    weight, measure = weight_column(looked_at, columns, weights, has_headings=named is not None, name=name)
    wanted = "from, edge, to"
    if named is not None:
        wanted = ", ".join(repr(looked_at[0][place]) for place in columns.names)
    rows = itertools.chain(first[named is not None :], rows)
    return measure, _edges(rows, columns._replace(weight=weight), separator, wanted, name)


def _edges(
    rows: Iterable[tuple[int, list[str]]], columns: Columns, separator: str, wanted: str, name: str
) -> Iterator[EdgeRow]:
    needed = max(columns.names) + 1
    for count, (number, cells) in enumerate(rows, 1):
        if len(cells) < needed or not all(cells[place] for place in columns.names):
            raise ReadError(
                f"{name}, line {number}: {separator.join(cells)[:60]!a} is not an edge: give {wanted}"
            )
        source, label, target = (cells[place] if place != NO_COLUMN else LINK for place in columns[:3])
        weight = cells[columns.weight][:MAX_NAME] if NO_COLUMN < columns.weight < len(cells) else ""
        edge = EdgeRow(source, label, target, weight)
        if max(map(len, edge)) > MAX_NAME:
            raise ReadError(f"{name}, line {number}: a name has over {MAX_NAME} characters")
        yield edge
        if count >= MAX_EDGES:
            raise ReadError(f"{name} has more than {MAX_EDGES:,} edges, the most that is read")


def _rows(reader: "_csv.Reader", name: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that hold something, each with the number of its line."""
    try:
        for row in reader:
            cells = [clean(cell) for cell in row]
            if any(cells) and not cells[0].startswith("#"):
                yield reader.line_num, cells
    except csv.Error as error:
        raise ReadError(f"{name}, line {reader.line_num}: {error}") from None


def _separator(text: str) -> str:
    """What most rows have twice; if none has, once."""
    head = text[:MAX_LINE].splitlines()[:20]
    for times in (2, 1):
        counts = {separator: sum(line.count(separator) >= times for line in head) for separator in "\t,;"}
        if any(counts.values()):
            return max(counts, key=lambda separator: counts[separator])
    return ","
