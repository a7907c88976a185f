from pathlib import Path

import pytest

from tapehead.knowledge import KnowledgeGraph, ReadError
from tapehead.knowledge.readers import gtfs as _gtfs
from tests.knowledge.files import GTFS, graph_of, packed

EDGES = [
    ("A", "U1", "B"),
    ("B", "U1", "C"),
    ("C", "U1", "B"),
    ("B", "U1", "A"),
    ("A", "Second line", "C"),
]


def _read(tables: dict[str, str], folder: Path) -> KnowledgeGraph:
    return graph_of(packed(tables), folder, "feed.zip")


def test_lines_between_stations(tmp_path: Path) -> None:
    graph = _read(GTFS, tmp_path)
    names = {entity.id: entity.name for entity in graph.entities.values()}
    assert names == {"A": "Alpha", "B": "Beta", "C": "Gamma"}
    assert graph.facts == EDGES
    assert graph.edges.lines == ["U1", "U1 to Gamma", "U1 to Alpha", "Second line"]


def test_rows_in_any_order(tmp_path: Path) -> None:
    head, *rows = GTFS["stop_times.txt"].splitlines()
    mix_triples = "\n".join([head, *rows[::2], *rows[1::2]])
    assert sorted(_read({**GTFS, "stop_times.txt": mix_triples}, tmp_path).facts) == sorted(EDGES)


def test_a_folder_inside_and_a_byte_order_mark(tmp_path: Path) -> None:
    tables = {f"feed/{name}": "\ufeff" + text for name, text in GTFS.items()}
    assert _read(tables, tmp_path).facts == EDGES


@pytest.mark.parametrize(
    ("table", "old", "new", "says"),
    [
        ("stops.txt", "stop_id,", "id,", "no column stop_id"),
        ("stop_times.txt", "t2,9:00", "t" * 70_000, "has a line of over"),
    ],
)
def test_damage_is_told(tmp_path: Path, table: str, old: str, new: str, says: str) -> None:
    with pytest.raises(ReadError, match=says):
        _read({**GTFS, table: GTFS[table].replace(old, new)}, tmp_path)


@pytest.mark.parametrize(
    ("table", "old", "new", "says"),
    [
        ("stop_times.txt", ",9\n", ",nine\n", "1 row of stop_times.txt is cut off or bad: left out"),
        ("stop_times.txt", "t3,7:30:00,7:30:00,C,2", "t3,7:30", "1 row of stop_times.txt is cut off"),
        ("stop_times.txt", "t3,", "t4,", "2 rows of stop_times.txt are cut off"),
        ("stop_times.txt", "t3,7:00", '"t3"x,7:00', "1 row of stop_times.txt is cut off"),
        ("trips.txt", "r2,s,t3", "r2,s", "1 row of trips.txt is cut off"),
        ("routes.txt", "r2,,Second line", '"r2', "1 row of routes.txt is cut off"),
    ],
)
def test_a_bad_row_is_left_out_and_counted(tmp_path: Path, table: str, old: str, new: str, says: str) -> None:
    graph = _read({**GTFS, table: GTFS[table].replace(old, new)}, tmp_path)
    assert says in graph.notes[0]
    assert {("B", "U1", "A"), ("C", "U1", "B")} <= set(graph.facts)


def test_an_unknown_stop_is_called_by_its_id(tmp_path: Path) -> None:
    """Its neighbours on the way are not each other's."""
    tables = {
        **GTFS,
        "stops.txt": GTFS["stops.txt"].replace("B,Beta,1.1,1.0,0,\nB2,Beta,1.1001,1.0,0,\n", ""),
    }
    graph = _read(tables, tmp_path)
    assert graph.facts[:2] == [("A", "U1", "B"), ("B", "U1", "C")]
    assert graph.entities["B"].name == "B"
    assert graph.notes == ["2 stops are missing in stops.txt: called by their ids"]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_tables_in_other_encodings(tmp_path: Path, encoding: str) -> None:
    """Each table has its own."""
    stops = GTFS["stops.txt"].replace("Gamma", "Ås")
    graph = graph_of(packed({**GTFS, "stops.txt": stops.encode(encoding)}), tmp_path, "feed.zip")
    assert graph.facts == EDGES
    assert graph.entities["C"].name == "Ås"
    assert not graph.notes


def test_no_feed(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"stops\.txt, routes\.txt"):
        _read({"hello.txt": ""}, tmp_path)
    with pytest.raises(ReadError, match="no trip"):
        _read({name: text.splitlines()[0] + "\n" for name, text in GTFS.items()}, tmp_path)
    with pytest.raises(ReadError, match="damaged zip"):
        graph_of(packed(GTFS)[:-40], tmp_path, "feed.zip")


def test_a_zip_bomb(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="zip bomb"):
        _read({**GTFS, "stop_times.txt": GTFS["stop_times.txt"] + "\n" * 40_000_000}, tmp_path)


def test_tables_larger_than_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_gtfs, "MAX_TABLE_BYTES", 200)
    with pytest.raises(ReadError, match="is larger than"):
        _read(GTFS, tmp_path)
