from pathlib import Path

import networkx
import pytest

from tapehead.knowledge import ReadError, solver
from tests.knowledge.files import graph_of


def _net(directed: bool) -> networkx.MultiGraph:
    net = networkx.MultiDiGraph() if directed else networkx.MultiGraph()
    net.add_node("n0", label="Alpha")
    net.add_node("n1", label="Béta")
    net.add_edge("n0", "n1", line="red")
    net.add_edge("n0", "n1", line="blue")
    return net


def _graphml(net: networkx.Graph) -> bytes:
    return "\n".join(networkx.generate_graphml(net)).encode()


@pytest.mark.parametrize("directed", [True, False])
def test_graphml(tmp_path: Path, directed: bool) -> None:
    graph = graph_of(_graphml(_net(directed)), tmp_path, "map.graphml")
    assert [entity.name for entity in graph.entities.values()] == ["Alpha", "Béta"]
    both = [("n0", "red", "n1"), ("n1", "red", "n0"), ("n0", "blue", "n1"), ("n1", "blue", "n0")]
    assert graph.facts == ([both[0], both[2]] if directed else both)


@pytest.mark.parametrize("directed", [True, False])
def test_gml(tmp_path: Path, directed: bool) -> None:
    net = networkx.convert_node_labels_to_integers(_net(directed), label_attribute="name")
    graph = graph_of("\n".join(networkx.generate_gml(net)).encode(), tmp_path, "map.gml")
    assert len(graph.facts) == (2 if directed else 4)
    assert {fact.label for fact in graph.facts} == {"red", "blue"}


WILD_GML = """\
# A comment [ with a bracket
Creator Gephi 0.9 of \"somebody\"
Version 1
graph
[
  directed 0
  multigraph 0
  comment of no consequence
  node [ id 0 label New York Longitude -74.0 population 1e6 ]
  node
  [
    id 1
    label "Ås & Bø"
    graphics [ x 1. y .5 w NaN ]
  ]
  node [ id 2 name Isle with-hyphen "x" ]
  edge [ source 0 target 1 LinkLabel "OC-3" ]
  edge [ source 0 target 1 LinkLabel OC-12 weight 3 ]
  edge [ source 1 target 0 ]
]
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_gml_as_programs_write_it(tmp_path: Path, encoding: str) -> None:
    graph = graph_of(WILD_GML.encode(encoding), tmp_path, "map.gml")
    assert [entity.name for entity in graph.entities.values()] == ["New York", "Ås & Bø", "Isle"]
    assert {fact.label for fact in graph.facts} == {"OC-3", "OC-12", "link"}
    assert len(graph.facts) == 6
    # Told by its content, too.
    assert len(graph_of(WILD_GML.encode(encoding), tmp_path, "map.txt").facts) == 6


def test_a_place_that_no_edge_leads_to(tmp_path: Path) -> None:
    net = _net(False)
    net.add_node("n9", label="Isle")
    graph = graph_of(_graphml(net), tmp_path, "map.graphml")
    assert graph.entities["n9"].name == "Isle"
    assert solver.shortest_path(graph, 0, 2) is None
    assert graph.edges.places == ["n0", "n1", "n9"]


def test_a_family_in_graphml(tmp_path: Path) -> None:
    net = networkx.DiGraph()
    net.add_edge("Ann", "Bob", relation="father")
    graph = graph_of(_graphml(net), tmp_path, "family.graphml")
    assert graph.is_family
    assert graph.family_tree()[0].parents == [0, None]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.graphml", b"<graphml><graph>", "cannot be read as GraphML"),
        ("a.graphml", b"<html></html>", "GraphML"),
        (
            "a.graphml",
            b'<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><graphml>&b;</graphml>',
            "entities",
        ),
        ("a.graphml", b"<graphml>" + b"<a>" * 100_000, "cannot be read as GraphML"),
        ("a.gml", b"graph [ node [ id 0 ]", "cannot be read as GML"),
        ("a.gml", b"graph [ " * 50_000, "GML"),
        ("a.gml", b"graph [ node [ id 0 ] ]", "no edges"),
        ("a.gml", b"graph [ edge [ source 0 target 1 ] ]", "GML"),
        ("a.gml", b"graph [ ] ]", "closes nothing"),
        ("a.gml", b"graph [ node [ id 0 id 0 ] node [ id 0 ] ]", "GML"),
        ("a.gml", b"graph [ node [ id zero ] edge [ source zero ] ]", "GML"),
    ],
)
def test_damage_is_told(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    with pytest.raises(ReadError, match=says):
        graph_of(content, tmp_path, name)


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be",
             "latin-1", "cp1252", "cp037", "cp500", "utf-7", "cp932", "koi8-r"]  # fmt: skip
DOCUMENT_TYPES = [
    '<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>',
    "<!DOCTYPE graphml>",
    '<!DOCTYPE graphml SYSTEM "file:///etc/passwd">',
    '<!DOCTYPE\tx [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>',
]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("declared", [None, "the encoding", "after it"])
@pytest.mark.parametrize("document_type", DOCUMENT_TYPES)
def test_entities_are_refused_in_every_encoding(
    tmp_path: Path, encoding: str, declared: str | None, document_type: str
) -> None:
    """Whoever may hide a declaration in an encoding: it is refused, by name or as text that is no XML."""
    body = f"{document_type}<graphml><graph><node id='a'/><node id='b'/>"
    body += "<edge source='a' target='b'/></graph></graphml>"
    named = encoding.removesuffix("-sig").removesuffix("-le").removesuffix("-be")
    declaration = f'<?xml version="1.0" encoding="{named}"?>'
    if declared == "after it":  # An encoding that is not ASCII's sister, from behind the declaration on.
        content = declaration.encode() + body.encode(encoding)
    else:
        content = ((declaration if declared else "") + body).encode(encoding)
    with pytest.raises(ReadError) as raised:
        graph_of(content, tmp_path, "map.graphml")
    if encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252", "koi8-r") and declared != "after it":
        assert "declares entities" in str(raised.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_graphml_in_other_encodings(tmp_path: Path, encoding: str) -> None:
    named = encoding.removesuffix("-sig").removesuffix("-le").removesuffix("-be")
    text = _graphml(_net(True)).decode().replace("<?xml version='1.0' encoding='utf-8'?>", "")
    content = f'<?xml version="1.0" encoding="{named}"?>{text}'.encode(encoding)
    graph = graph_of(content, tmp_path, "map.graphml")
    assert [entity.name for entity in graph.entities.values()] == ["Alpha", "Béta"]
