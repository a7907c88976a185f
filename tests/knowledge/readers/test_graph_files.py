from pathlib import Path

import networkx
import pytest

from tapehead.knowledge import ReadError
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
    ],
)
def test_damage_is_told(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    with pytest.raises(ReadError, match=says):
        graph_of(content, tmp_path, name)
