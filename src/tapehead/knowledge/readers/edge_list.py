"""Edge lists: tables of from, edge, to. A family where the edges are those of families, else a map."""

import csv
import io
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..graph import Entity, Fact, KnowledgeGraph
from .columns import LOOKED_AT, NO_COLUMN, Columns, columns_of, without_headings
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


def read_edge_list(text: str, name: str) -> KnowledgeGraph:
    """The graph of a table of edges: from, edge, to.

    Args:
        text: comma-, semicolon- or tab-separated. Without a row of headings, the columns stand in this order
            (or: from, to, a number); with one, they may stand anywhere, and an edge needs no name.
        name: of the file, for messages.

    Raises:
        ReadError: it is not such a table.
    """
    edges = list(dict.fromkeys(read_rows(text, name)))
    if not edges:
        raise ReadError(f"{name} has no edges: give rows of from, edge, to")
    return from_edges(edges, name)


def from_edges(edges: list[EdgeRow], name: str, names: dict[str, str] | None = None) -> KnowledgeGraph:
    """A family tree if most labels are those of families ("father", "wife", "born", …), else a map.

    "A,father,B" says that A's father is B, "A,father of,B" that A is B's father, and so on.

    Args:
        edges: directed.
        name: of the file.
        names: of the nodes, where they are not called by their ids; also of those that no edge leads to.

    Raises:
        ReadError: the facts contradict each other.
    """
    names = names or {}
    if is_family(edges):
        return read_family(edges, name, names)
    entities = {place: Entity(place, called, "place") for place, called in names.items()}
    for edge in edges:
        for place in (edge.source, edge.target):
            if place not in entities:
                entities[place] = Entity(place, place, "place")
    facts = [Fact(*edge) for edge in edges if edge.source != edge.target]
    graph = KnowledgeGraph(name, entities, facts)
    if graph.is_one_way:
        graph.notes.append(ONE_WAY)
    return graph


def read_rows(text: str, name: str) -> Iterator[EdgeRow]:
    """The rows of a table of from, edge, to.

    Raises:
        ReadError: it is not such a table.
    """
    separator = _separator(text)

    def lines() -> Iterator[str]:
        for number, line in enumerate(io.StringIO(text, newline=""), 1):
            if len(line) > MAX_LINE:
                raise ReadError(f"{name}, line {number}: {len(line):,} characters are too many for an edge")
            yield line

    reader = csv.reader(lines(), delimiter=separator, strict=True)
    try:
        rows = _rows(reader)
        first = list(itertools.islice(rows, LOOKED_AT))
        if not first:
            return
        headings = columns_of([cells for _, cells in first], name)
        columns = headings or without_headings([cells for _, cells in first])
        for count, (number, cells) in enumerate(itertools.chain(first[headings is not None :], rows), 1):
            if len(cells) < columns.needed or not all(cells[place] for place in columns if place >= 0):
                raise ReadError(
                    f"{name}, line {number}: {separator.join(cells)[:60]!a} is not an edge:"
                    f" give {_wanted(columns, first[0][1]) if headings else 'from, edge, to'}"
                )
            edge = EdgeRow(
                *(cells[place] if place != NO_COLUMN else LINK for place in columns),
            )
            if max(map(len, edge)) > MAX_NAME:
                raise ReadError(f"{name}, line {number}: a name has over {MAX_NAME} characters")
            yield edge
            if count >= MAX_EDGES:
                raise ReadError(f"{name} has more than {MAX_EDGES:,} edges, the most that is read")
    except csv.Error as error:
        raise ReadError(f"{name}, line {reader.line_num}: {error}") from None


def _rows(reader: "_csv.Reader") -> Iterator[tuple[int, list[str]]]:
    """Rows that hold something, each with the number of its line."""
    for row in reader:
        cells = [clean(cell) for cell in row]
        if any(cells) and not cells[0].startswith("#"):
            yield reader.line_num, cells


def _wanted(columns: Columns, headings: list[str]) -> str:
    return ", ".join(repr(headings[place]) for place in columns if place != NO_COLUMN)


def _separator(text: str) -> str:
    """What most rows have twice; if none has, once."""
    head = text[:MAX_LINE].splitlines()[:20]
    for times in (2, 1):
        counts = {separator: sum(line.count(separator) >= times for line in head) for separator in "\t,;"}
        if any(counts.values()):
            return max(counts, key=lambda separator: counts[separator])
    return ","
