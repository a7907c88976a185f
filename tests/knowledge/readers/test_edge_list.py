from pathlib import Path

import pytest

from tapehead import knowledge
from tapehead.knowledge import ReadError, read, read_bytes
from tapehead.tasks.kinship.tree import Family
from tests.knowledge.files import graph_of

FAMILY = """\
Ann,father,Bob
Ann,mother,Cat
Dan,father,Bob
Dan,mother,Cat
Bob,wife,Eve
Fay,parent,Ann
Ann,born,1801
Ann,title,Queen
"""


def test_a_map_is_kept_directed(tmp_path: Path) -> None:
    graph = graph_of("from,edge,to\nA,red,B\nB,red,A\nB,blue,C\n", tmp_path, "map.csv")
    assert not graph.is_family
    assert graph.facts == [("A", "red", "B"), ("B", "red", "A"), ("B", "blue", "C")]
    assert graph.edges == (["A", "B", "C"], ["red", "blue"], [(0, 0, 1), (1, 0, 0), (1, 1, 2)])


@pytest.mark.parametrize(
    "text",
    [
        "A,red,B\nB,blue,C",
        "\ufeffA,red,B\r\nB,blue,C\r\n",
        "A\tred\tB\nB\tblue\tC\n",
        "A;red;B\nB;blue;C\n",
        '"A","red","B","7"\n"B","blue","C","8"\n',
        "source,target,line\nA,B,red\nB,C,blue\n",
        "# a comment\nA,red,B\n\nB,blue,C\n",
        "station1,station2,line,time\nA,B,red,1\nB,C,blue,2\n",
    ],
)
def test_dialects(tmp_path: Path, text: str) -> None:
    graph = graph_of(text, tmp_path, "map.csv")
    assert graph.facts == [("A", "red", "B"), ("B", "blue", "C")]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Station A,Station B,Line,Distance (km)\nP,Q,red,1.2\nQ,R,blue,0.8\n", None),
        ("source,target,weight\nP,Q,3\nQ,R,4\n", "link"),
        ("Weight;To;From\n3;Q;P\n4;R;Q\n", "link"),
        ("from_station,to_station,travel_time,route\nP,Q,3,red\nQ,R,4,blue\n", None),
        ("id,start station,end station,colour\n1,P,Q,red\n2,Q,R,blue\n", None),
        ("Node1,Node2\nP,Q\nQ,R\n", "link"),
        ("station,next station,line\nP,Q,red\nQ,R,blue\n", None),
        ("Von\tNach\tBuslinie\nP\tQ\tred\nQ\tR\tblue\n", None),
        ("Von;Linie;Nach\nP;red;Q\nQ;blue;R\n", None),
        ("Time,Start,End\n2,P,Q\n3,Q,R\n", "link"),
        ("P,Q,3.5\nQ,R,4\n", "link"),
        # Places may be called like headings: a heading does not come again.
        ("P,red,Q\nQ,blue,R\n", None),
    ],
)
def test_columns_go_by_their_headings(tmp_path: Path, text: str, label: str | None) -> None:
    graph = graph_of(text, tmp_path, "map.csv")
    assert graph.facts == [("P", label or "red", "Q"), ("Q", label or "blue", "R")]


def test_places_that_are_called_like_headings(tmp_path: Path) -> None:
    graph = graph_of("Start,line,End\nEnd,line,Start\nVillage,road,Start\n", tmp_path, "map.csv")
    assert list(graph.entities) == ["Start", "End", "Village"]
    graph = graph_of("Node 1,red,Node 2\nNode 2,red,Node 3\n", tmp_path, "map.csv")
    assert list(graph.entities) == ["Node 1", "Node 2", "Node 3"]


UNTOLD = ["station,station,line", "source,weight,line", "line,distance,foo", "station,line,minutes"]


@pytest.mark.parametrize("headings", UNTOLD)
def test_columns_that_cannot_be_told_apart(tmp_path: Path, headings: str) -> None:
    with pytest.raises(ReadError, match=r"columns '\w+', '\w+', '\w+'.*call them from, edge, to"):
        graph_of(f"{headings}\nP,Q,red\nQ,R,blue\n", tmp_path, "map.csv")


def test_connections_both_ways_on_request(tmp_path: Path) -> None:
    path = tmp_path / "map.csv"
    path.write_text("A,red,B\nB,blue,C\n")
    once = read(path)
    assert once.is_one_way
    assert "with --both-ways (both_ways=True) each leads back" in once.notes[0]
    both = read(path, both_ways=True)
    assert both.facts == [*once.facts, ("B", "red", "A"), ("C", "blue", "B")]
    assert both.notes == ["2 connections lead back as well, as asked"]
    assert not both.is_one_way
    # Twice is not thrice.
    path.write_text("A,red,B\nB,red,A\nB,blue,C\n")
    assert not read(path).notes
    assert len(read(path, both_ways=True).facts) == 4
    path.write_text("A,father,B\n")
    with pytest.raises(ReadError, match="family tree"):
        read_bytes(path.read_bytes(), "family.csv", both_ways=True)


def test_encodings(tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "cp1252"):
        graph = graph_of("Zürich,S3,Bülach\n".encode(encoding), tmp_path, "map.csv")
        assert list(graph.entities) == ["Zürich", "Bülach"]


def test_lines_that_leave_in_two_directions_are_told_apart(tmp_path: Path) -> None:
    graph = graph_of("A,red,B\nA,red,C\nB,red,A\n", tmp_path, "map.csv")
    assert graph.edges.lines == ["red to B", "red to C", "red"]


def test_a_family(tmp_path: Path) -> None:
    graph = graph_of(FAMILY, tmp_path, "family.csv")
    tree, people = graph.family_tree()
    assert people == ["Ann", "Bob", "Cat", "Dan", "Eve", "Fay"]
    assert tree.sexes == ["u", "m", "f", "u", "f", "u"]
    assert tree.families == [Family((1, 2), (0, 3)), Family((1, 4)), Family((0, None), (5,))]
    assert (graph.entities["Ann"].born_year, graph.entities["Ann"].titles) == (1801, ("Queen",))
    assert not graph.notes


def test_edges_of_a_family_the_other_way_round(tmp_path: Path) -> None:
    plain = graph_of(FAMILY, tmp_path, "family.csv").family_tree()[0]
    said = graph_of("Bob,father of,Ann\nCat,Mother_Of,Ann\nBob,has child,Dan\nCat,child,Dan\nBob,wife,Eve\n"
                    "Fay,child of,Ann\n", tmp_path, "said.csv")  # fmt: skip
    assert sorted(said.family_tree()[1]) == sorted(["Ann", "Bob", "Cat", "Dan", "Eve", "Fay"])
    assert len(said.family_tree()[0].families) == len(plain.families)
    # "Bob,father,Ann": Bob is the father of Ann, for else he would be a child of two.
    rows = "Bob,father,Ann\nBob,father,Dan\nBob,father,Gil\nBob,husband,Cat\n"
    turned = graph_of(rows, tmp_path, "turned.csv")
    tree, people = turned.family_tree()
    assert [tree.parents[people.index(child)] is not None for child in ("Ann", "Dan", "Gil", "Bob")] == [
        True,
        True,
        True,
        False,
    ]
    assert tree.sexes[people.index("Bob")] == "m"
    assert "is the father of B" in turned.notes[0]


SAME_SEX = [
    "Tom,mother,Ann\nTom,mother,Bea\n",
    "Tom,father,Ann\nTom,father,Bea\n",
    "Tom,mother,Ann\nTom,mother,Bea\nAnn,mother,Zoe\nUte,father,Udo\n",
    "Tom,mother,Ann\nTom,mother,Bea\nTim,mother,Ann\nTim,mother,Bea\nAnn,wife,Bea\n",
    "Ann,mother of,Tom\nBea,mother of,Tom\n",
    "Ann,son,Tom\nBea,son,Tom\nAnn,sex,f\nBea,sex,f\n",
]
"""Tom's parents are Ann and Bea."""


@pytest.mark.parametrize("rows", SAME_SEX)
def test_two_mothers_are_the_parents(tmp_path: Path, rows: str) -> None:
    """One such couple does not turn the file round."""
    graph = graph_of(rows, tmp_path, "family.csv")
    tree, people = graph.family_tree()
    family = tree.parents[people.index("Tom")]
    assert family is not None
    assert {people[p] for p in tree.families[family].partners if p is not None} == {"Ann", "Bea"}
    for parent in ("Ann", "Bea"):
        own = tree.parents[people.index(parent)]
        assert own is None or people.index("Tom") not in tree.families[own].partners
    assert not any("read as: A is the father" in note for note in graph.notes)
    assert any("has two" in note for note in graph.notes)


@pytest.mark.parametrize(
    "slip", ["Ann,father,Dan\nAnn,father,Eli\nAnn,father,Fox\n", "Ann,mother,Bob\n", "Bob,father,Bob\n"]
)
def test_one_slip_does_not_turn_a_file_round(tmp_path: Path, slip: str) -> None:
    plain = "".join(f"P{n},father,P{n + 1}\n" for n in range(9))
    with pytest.raises(ReadError, match=r"three parents|a man in one row|own relative"):
        graph_of(f"{plain}Ann,father,Bob\n{slip}", tmp_path, "family.csv")


def test_what_else_is_told_of_a_family(tmp_path: Path) -> None:
    graph = graph_of(FAMILY + "Ann,lives in,London\n", tmp_path, "family.csv")
    assert list(graph.entities)[:6] == ["Ann", "Bob", "Cat", "Dan", "Eve", "Fay"]
    assert graph.notes == ["edges with other labels were left out: lives in"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("A,red\n", "is not an edge"),
        ("A,red,B\nC,red\n", "line 2"),
        ("A,red,\n", "is not an edge"),
        ('A,red,"B\n', "line 1"),
        ("from,edge,to\n", "no edges"),
        ("   \n", "empty"),
        ("A,red,B\0\n", "binary"),
        ("A,red," + "B" * 20_000, "too many for an edge"),
        ("A,father,A\n", "own relative"),
        ("A,father,B\nA,mother,C\nC,fahter,D\n", "'fahter' is no edge of a family: did you mean 'father'"),
        ("A,father,B\nA,father,C\nA,mother,D\nE,father,C\n", "A has three parents"),
        ("A,father,B\nA,mother,B\n", "a man in one row"),
        ("hello\n", "is not an edge"),
    ],
)
def test_damage_is_told(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ReadError, match=says):
        graph_of(text, tmp_path, "file.csv")


def test_the_example_map() -> None:
    graph = read("london")
    _, _, edges = graph.edges
    assert len(graph.entities) == 26
    assert len(edges) == 104
    # Every edge of a station has a name of its own, there is a way back, and no station has more than six.
    assert len({(start, line) for start, line, _ in edges}) == len(edges)
    assert {(end, start) for start, _, end in edges} == {(start, end) for start, _, end in edges}
    assert max(sum(start == place for start, _, _ in edges) for place in range(26)) == 6


def test_the_example_families_are_one() -> None:
    tree, people = read("family").family_tree()
    table = read(Path(knowledge.__file__).parent / "data" / "family.csv")
    assert vars(table.family_tree()[0]) == vars(tree)
    assert len(people) == 70
    for graph in (table, read("family")):
        assert not graph.notes
        assert not any(entity.living for entity in graph.entities.values())
        assert all((entity.died_year or 0) < 1926 for entity in graph.entities.values())


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nowhere.csv", "no file 'nowhere.csv'"),
        ("lodnon", "did you mean london"),
        (".", "folder"),
        ("/dev/null", "regular"),
    ],
)
def test_no_such_file(name: str, says: str) -> None:
    with pytest.raises(ReadError, match=says) as raised:
        read(name)
    assert "is no path" not in str(raised.value), "the sentence is said once"


def test_content_in_memory() -> None:
    graph = read_bytes(b"A,red,B\n", "C:\\maps\\my\x1bmap.csv")
    assert graph.name == "my map.csv"
    assert graph.facts == [("A", "red", "B")]
    assert read_bytes(b"0 @I1@ INDI\n1 NAME Ann //\n0 TRLR\n", "ann.ged", hide_living=True).notes
    with pytest.raises(ReadError, match="the file is empty"):
        read_bytes(b"", "")


def test_packed_with_gzip(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="unpack"):
        graph_of(b"\x1f\x8b\x08 and more", tmp_path, "map.csv.gz")
