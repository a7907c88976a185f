"""From a path, a file's content or the name of an example to a knowledge graph."""

import difflib
import io
import os
import re
import zipfile
from io import BufferedIOBase
from pathlib import Path

from ..collecting import uncollected
from ..graph import KnowledgeGraph
from ..privacy import hide_living as without_living
from ..privacy import mark_living
from . import edge_list, gedcom, graph_files, gtfs
from .files import ReadError, clean, decode, read_capped, utf16
from .gtfs_times import MEASURE

EXAMPLES = {"family": "family.ged", "london": "london.csv"}
"""Name → file in data/."""

_DATA = Path(__file__).parents[1] / "data"
_SNIFFED = 4096
_GML = re.compile(rb"(?:#.*\s+)*(?:(?:Creator|Version|comment)\b.*\s+)*graph\s*\[", re.IGNORECASE)


def read(
    path_or_name: str | os.PathLike,
    *,
    hide_living: bool = False,
    both_ways: bool = False,
    weights: str | None = None,
) -> KnowledgeGraph:
    """Read a family tree or a map; its kind is told by its content.

    Args:
        path_or_name: GEDCOM (5.5 and its dialects, 7.0, .gdz), an edge list (CSV or TSV: from, edge, to),
            GraphML, GML or a GTFS zip; or "family" or "london", the examples that come with tapehead.
        hide_living: of a family tree, leave out the names and dates of people who may be alive.
        both_ways: of a map, let every connection lead both ways.
        weights: of a map, the column (of GraphML and GML, the attribute) that a quickest way goes by; None:
            one called "minutes", "time", "metres", "weight", or the like, if there is one.

    Raises:
        ReadError: no such file, or one that cannot be read; the message says why.
    """
    path = Path(path_or_name)
    try:
        if not path.exists() and str(path_or_name) in EXAMPLES:
            path = _DATA / EXAMPLES[str(path_or_name)]
        if path.is_dir():
            raise ReadError(f"{path} is a folder: give a file in it")
        if not path.exists():
            close = difflib.get_close_matches(str(path_or_name), EXAMPLES, n=1)
            hint = f"did you mean {close[0]}?" if close else f"the examples are {', '.join(EXAMPLES)}"
            raise ReadError(f"there is no file {str(path_or_name)!r}: {hint}")
        if not path.is_file():  # A pipe or a device may never end.
            raise ReadError(f"{path} is not a regular file")
        with path.open("rb") as file, uncollected():
            return _marked(_read(file, path.name, weights), hide_living, both_ways, weights)
    except ReadError:
        raise
    except OSError as error:
        raise ReadError(f"{path} cannot be opened: {error.strerror or error}") from None
    except ValueError as error:  # A path with a NUL in it.
        raise ReadError(f"{str(path_or_name)[:80]!a} is no path: {error}") from None


def read_bytes(
    data: bytes,
    filename: str,
    *,
    hide_living: bool = False,
    both_ways: bool = False,
    weights: str | None = None,
) -> KnowledgeGraph:
    """As :func:`read`, of a file's content: nothing is written anywhere.

    Args:
        data: the content.
        filename: what to call it; its ending counts where the content does not tell the kind.
        hide_living: of a family tree, leave out the names and dates of people who may be alive.
        both_ways: of a map, let every connection lead both ways.
        weights: as in :func:`read`.

    Raises:
        ReadError: it cannot be read; the message says why.
    """
    name = clean(filename.replace("\\", "/").rpartition("/")[2])[:100] or "the file"
    with uncollected():
        return _marked(_read(io.BytesIO(data), name, weights), hide_living, both_ways, weights)


def _marked(graph: KnowledgeGraph, hide_living: bool, both_ways: bool, weights: str | None) -> KnowledgeGraph:
    if weights is not None and graph.is_family:
        raise ReadError(f"{graph.name} is a family tree: only the connections of a map have weights")
    if both_ways:
        if graph.is_family:
            raise ReadError(f"{graph.name} is a family tree: only the connections of a map lead both ways")
        back = [fact._replace(subject=fact.object, object=fact.subject) for fact in graph.facts]
        there = set(graph.facts)
        added = [fact for fact in dict.fromkeys(back) if fact not in there]
        notes = [note for note in graph.notes if note != edge_list.ONE_WAY]
        notes.append(f"{len(added):,} connections lead back as well, as asked")
        turned = {
            fact._replace(subject=fact.object, object=fact.subject): weight
            for fact, weight in graph.weights.items()
        }
        graph = KnowledgeGraph(
            graph.name,
            graph.entities,
            [*graph.facts, *added],
            notes,
            weights={**turned, **graph.weights},
            measure=graph.measure,
        )
    if graph.is_family:
        mark_living(graph)
        if hide_living:
            return without_living(graph)
    return graph


def _read(file: BufferedIOBase, name: str, weights: str | None) -> KnowledgeGraph:
    start = file.read(_SNIFFED)
    suffix = Path(name).suffix.lower()
    if not start.strip():
        raise ReadError(f"{name} is empty")
    if start.startswith(b"PK"):
        return _read_zip(file, name, weights)
    if start.startswith(b"\x1f\x8b"):
        raise ReadError(f"{name} is packed with gzip: unpack it first")
    if gedcom.is_gedcom(start) or suffix in (".ged", ".gedcom"):
        return gedcom.read_gedcom(read_capped(file, name, gedcom.MAX_FILE_BYTES), name)
    wide = utf16(start)
    text = start.removeprefix(b"\xef\xbb\xbf") if wide is None else wide.encode()
    kind = "GraphML" if graph_files.is_xml(start) else ""
    if suffix == ".gml" or _GML.match(text.lstrip()):
        kind = "GML"
    if kind:
        content = read_capped(file, name, graph_files.MAX_FILE_BYTES)
        return graph_files.read_graph_file(content, name, kind, weights)
    table = decode(read_capped(file, name, edge_list.MAX_FILE_BYTES), name)
    return edge_list.read_edge_list(table, name, weights)


def _read_zip(file: BufferedIOBase, name: str, weights: str | None) -> KnowledgeGraph:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            # GEDCOM 7's own zip, .gdz, or one tree that somebody has packed.
            member = next((one for one in names if one.lower() == "gedcom.ged"), None)
            if member is not None and not gtfs.is_gtfs(names):
                with archive.open(member) as packed:
                    data = packed.read(gedcom.MAX_FILE_BYTES + 1)
                if len(data) > gedcom.MAX_FILE_BYTES:
                    raise ReadError(f"{name} unpacks to more than is read of a GEDCOM file")
                return gedcom.read_gedcom(data, name)
    except ReadError:
        raise
    except gtfs.UNPACKING as error:
        raise ReadError(f"{name} is a damaged zip: {clean(str(error))[:200]}") from None
    graph = gtfs.read_gtfs(file, name)
    if weights is not None and weights.strip().casefold() != MEASURE:
        raise ReadError(f"{name} is a timetable, which has no {weights!r}: its weights are {MEASURE}")
    return graph
