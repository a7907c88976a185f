"""Edge lists: tables of from, edge, to. A family where the edges are those of families, else a map."""

import csv
import io
from collections.abc import Iterator

from ..graph import Entity, Fact, KnowledgeGraph
from .family_edges import EdgeRow, is_family, read_family
from .files import ReadError, clean

MAX_FILE_BYTES = 64 << 20
MAX_EDGES = 300_000
MAX_LINE = 10_000
MAX_NAME = 500


_SOURCES = ("from", "source", "subject", "station1", "start", "head", "person", "from_station")
_LABELS = ("edge", "label", "line", "predicate", "relation", "route", "type", "property", "relationship")
_TARGETS = ("to", "target", "object", "station2", "end", "tail", "value", "to_station")


def read_edge_list(text: str, name: str) -> KnowledgeGraph:
    """The graph of a table of three columns: from, edge, to.

    Args:
        text: comma-, semicolon- or tab-separated, with or without a line of headings.
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
        names: of the nodes, where they are not called by their ids.

    Raises:
        ReadError: the facts contradict each other.
    """
    names = names or {}
    if is_family(edges):
        return read_family(edges, name, names)
    entities: dict[str, Entity] = {}
    for edge in edges:
        for place in (edge.source, edge.target):
            if place not in entities:
                entities[place] = Entity(place, names.get(place, place), "place")
    facts = [Fact(*edge) for edge in edges if edge.source != edge.target]
    return KnowledgeGraph(name, entities, facts)


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
    columns = (0, 1, 2)
    first = True
    count = 0
    try:
        for row in reader:
            cells = [clean(cell) for cell in row]
            if not any(cells) or cells[0].startswith("#"):
                continue
            if first:
                first = False
                headings = _columns(cells)
                if headings:
                    columns = headings
                    continue
            if len(cells) <= max(columns) or not all(cells[column] for column in columns):
                raise ReadError(
                    f"{name}, line {reader.line_num}: {separator.join(row)[:60]!a} is not an edge:"
                    " give from, edge, to"
                )
            edge = EdgeRow(*(cells[column] for column in columns))
            if max(map(len, edge)) > MAX_NAME:
                raise ReadError(f"{name}, line {reader.line_num}: a name has over {MAX_NAME} characters")
            yield edge
            count += 1
            if count > MAX_EDGES:
                raise ReadError(f"{name} has more than {MAX_EDGES:,} edges, the most that is read")
    except csv.Error as error:
        raise ReadError(f"{name}, line {reader.line_num}: {error}") from None


def _separator(text: str) -> str:
    head = text[:MAX_LINE].splitlines()[:20]
    counts = {separator: sum(line.count(separator) >= 2 for line in head) for separator in "\t,;"}
    return max(counts, key=lambda separator: counts[separator]) if any(counts.values()) else ","


def _columns(cells: list[str]) -> tuple[int, int, int] | None:
    """Where from, edge and to stand, if this is a line of headings."""
    lower = [cell.lower() for cell in cells]
    found = [
        next((lower.index(word) for word in words if word in lower), None)
        for words in (_SOURCES, _LABELS, _TARGETS)
    ]
    if None in found or len(set(found)) < 3:
        return None
    source, label, target = found
    return source, label, target  # type: ignore[return-value]
