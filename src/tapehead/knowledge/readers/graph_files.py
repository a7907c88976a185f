"""GraphML and GML files, by networkx."""

import codecs
import io
from collections.abc import Iterable, Mapping
from typing import Any
from xml.parsers import expat

from ..graph import KnowledgeGraph
from ..weights import parse_weight
from .columns import WEIGHTS, plain_heading
from .edge_list import LINK, MAX_EDGES, MAX_NAME, from_edges
from .family_edges import EdgeRow
from .files import ReadError, clean, decode
from .gml import tidy_gml

MAX_FILE_BYTES = 16 << 20

LABELS = (
    "label",
    "line",
    "edge",
    "relation",
    "route",
    "name",
    "linklabel",
    "linkname",
    "linktype",
    "type",
    "key",
)
"""Attributes that an edge's label is looked for in, in any case."""
NAMES = ("label", "name", "title", "station", "stop_name", "id")


def read_graph_file(data: bytes, name: str, kind: str, weights: str | None = None) -> KnowledgeGraph:
    """The graph of a GraphML or GML file; an undirected edge leads both ways.

    Args:
        data: the file.
        name: of the file, for messages.
        kind: "GraphML" or "GML".
        weights: the attribute with the weights of a map's edges; None: one called "minutes", "time",
            "weight", or the like, if there is one.

    Raises:
        ReadError: it is damaged, has no edges, or no such attribute.
    """
    import networkx

    try:
        if kind == "GraphML":
            _refuse_entities(data, name)
            graph: networkx.MultiGraph = networkx.read_graphml(io.BytesIO(data), force_multigraph=True)
        else:
            graph = networkx.parse_gml(tidy_gml(decode(data, name), name), label=None)
    except ReadError:
        raise
    except (RecursionError, MemoryError):
        raise ReadError(f"{name} is nested too deeply to be {kind}") from None
    except Exception as error:  # networkx and its XML parser raise all kinds on a damaged file.
        raise ReadError(
            f"{name} cannot be read as {kind}: {clean(str(error))[:200] or type(error).__name__}"
        ) from None
    if graph.number_of_edges() > MAX_EDGES:
        raise ReadError(f"{name} has more than {MAX_EDGES:,} edges, the most that is read")
    names = {str(node): _first(attributes, NAMES) or str(node) for node, attributes in graph.nodes(data=True)}
    measure = _measure((attributes for _, _, attributes in graph.edges(data=True)), weights, name)
    edges: dict[EdgeRow, None] = {}
    for source, target, attributes in graph.edges(data=True):
        label = _first(attributes, LABELS) or LINK
        edge = EdgeRow(str(source), label, str(target), _text(attributes.get(measure)))
        edges[edge] = None
        if not graph.is_directed():
            edges[edge._replace(source=edge.target, target=edge.source)] = None
    if not edges:
        raise ReadError(f"{name} has no edges")
    return from_edges(list(edges), name, names, measure)


def _measure(edges: Iterable[Mapping[str, Any]], wanted: str | None, name: str) -> str:
    """The attribute that the weights of the edges stand in; "" for none."""
    called: dict[str, str] = {}
    for attributes in edges:
        for key, value in attributes.items():
            if parse_weight(_text(value)) is not None:
                called.setdefault(plain_heading(str(key)), str(key))
    words = WEIGHTS if wanted is None else (plain_heading(wanted),)
    found = next((called[word] for word in words if word in called), "")
    if wanted is not None and not found:
        listed = ", ".join(map(repr, called.values()))[:200] or "none"
        raise ReadError(f"{name} has no numbers called {wanted!r} at its edges: what it has is {listed}")
    return found


def _text(value: object) -> str:
    return "" if value is None else clean(str(value))[:MAX_NAME]


def _refuse_entities(data: bytes, name: str) -> None:
    """Refuse a document type declaration, in which entities may be declared that unfold without end.

    The bytes go through the parser that networkx uses, for only it knows what they mean: XML may come in any
    encoding, and names its own.

    Raises:
        ReadError: there is such a declaration.
        xml.parsers.expat.ExpatError: this is no XML.
    """

    def refuse(*_: object) -> None:
        raise ReadError(f"{name} declares entities, which GraphML does not need and which are not read")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.Parse(data, True)


def is_xml(start: bytes) -> bool:
    """Whether a file that begins like this is XML, in UTF-8, UTF-16 or an encoding that holds ASCII."""
    for mark in (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        start = start.removeprefix(mark)
    return start.replace(b"\0", b"").lstrip().startswith(b"<")


def _first(attributes: dict[str, Any], wanted: tuple[str, ...]) -> str:
    found = {str(key).lower(): value for key, value in attributes.items()}
    for key in wanted:
        value = clean(str(found.get(key, "")))
        if value:
            return value[:MAX_NAME]
    return ""
