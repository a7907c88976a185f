"""Which weights the readers keep of an edge."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import networkx
import pytest

from tapehead.knowledge import Fact, ReadError
from tapehead.knowledge.readers.gtfs_times import seconds_of
from tests.knowledge.files import GTFS, graph_of, packed

THERE, BACK = Fact("A", "red", "B"), Fact("B", "red", "A")


@pytest.mark.parametrize(
    ("table", "measure"),
    [
        ("from,edge,to,time\nA,red,B,3\n", "time"),
        ("from,edge,to,Minutes,km\nA,red,B,3,8\n", "Minutes"),
        ("from,edge,to,km,minutes\nA,red,B,8,3\n", "minutes"),
        ("from,edge,to,time (min)\nA,red,B,3\n", "time (min)"),
        ("weight;to;edge;from\n3;B;red;A\n", "weight"),
        # Departures are no durations.
        ("from,edge,to,time,length\nA,red,B,08:15,3\n", "length"),
        ("A,red,B,3\nB,red,C,4\n", "weight"),
    ],
)
def test_the_column(table: str, measure: str, tmp_path: Path) -> None:
    graph = graph_of(table, tmp_path, "map.csv")
    assert graph.measure == measure
    assert graph.weights[THERE] == 3


@pytest.mark.parametrize(
    "table",
    [
        "from,edge,to\nA,red,B\n",
        "from,edge,to,colour\nA,red,B,3\n",
        "A,red,B\n",
        "from,edge,to,time\nA,red,B,x\n",
        f"from,edge,to,time\nA,red,B,{'9' * 600}\n",
    ],
)
def test_no_column(table: str, tmp_path: Path) -> None:
    graph = graph_of(table, tmp_path, "map.csv")
    assert (graph.weights, graph.measure) == ({}, "")
    assert [fact.object for fact in graph.facts] == ["B"]


def test_edges_without_a_name(tmp_path: Path) -> None:
    graph = graph_of("A,B,3\nB,C,4\n", tmp_path, "map.csv")
    assert graph.weights == {Fact("A", "link", "B"): 3, Fact("B", "link", "C"): 4}


def test_a_column_by_its_name(tmp_path: Path) -> None:
    table = "from,edge,to,minutes,Fare (EUR)\nA,red,B,3,2.80\n"
    graph = graph_of(table, tmp_path, "map.csv", weights="fare")
    assert (graph.measure, graph.weights) == ("Fare (EUR)", {THERE: Fraction(14, 5)})


@pytest.mark.parametrize(
    ("content", "name", "weights", "says"),
    [
        (
            "from,edge,to,minutes\nA,red,B,3\n",
            "map.csv",
            "fare",
            "no column 'fare': its columns are 'from', 'edge'",
        ),
        ("from,edge,to,minutes\nA,red,B,3\n", "map.csv", "edge", "no numbers in its column 'edge'"),
        ("A,red,B,3\n", "map.csv", "fare", "no row of headings: give it one with the column 'fare'"),
        ("from,edge,to,n\nAnn,father,Bob,3\n", "tree.csv", "n", "only the connections of a map have weights"),
        (packed(GTFS), "feed.zip", "fare", "is a timetable, which has no 'fare': its weights are minutes"),
        (
            "graph [ node [ id 0 ] node [ id 1 ] edge [ source 0 target 1 w 2 ] ]",
            "g.gml",
            "fare",
            "what it has is 'w'",
        ),
    ],
)
def test_a_column_that_is_not_there(
    content: str | bytes, name: str, weights: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(ReadError, match=says):
        graph_of(content, tmp_path, name, weights=weights)


def test_a_way_back_weighs_the_same_unless_the_file_says_otherwise(tmp_path: Path) -> None:
    rows = "from,edge,to,minutes\nA,red,B,3\nB,red,A,5\nB,red,C,7\n"
    graph = graph_of(rows, tmp_path, "map.csv", both_ways=True)
    assert graph.weights == {THERE: 3, BACK: 5, Fact("B", "red", "C"): 7, Fact("C", "red", "B"): 7}
    assert graph.measure == "minutes"


def _net() -> networkx.MultiGraph:
    net = networkx.MultiGraph()
    net.add_edge("A", "B", line="red", weight=2.5, Minutes=4)
    net.add_edge("B", "C", line="red", weight=1, Minutes=6)
    return net


@pytest.mark.parametrize(("weights", "first"), [(None, 4), ("minutes", 4), ("weight", Fraction(5, 2))])
@pytest.mark.parametrize("kind", ["graphml", "gml"])
def test_graph_files(kind: str, weights: str | None, first: Any, tmp_path: Path) -> None:
    lines = {"graphml": networkx.generate_graphml, "gml": networkx.generate_gml}[kind](_net())
    graph = graph_of("\n".join(lines), tmp_path, f"map.{kind}", weights=weights)
    name = {entity.name: identity for identity, entity in graph.entities.items()}
    for start, end in (("A", "B"), ("B", "A")):
        assert graph.weights[Fact(name[start], "red", name[end])] == first
    assert graph.measure == ("weight" if weights == "weight" else "Minutes")


def minutes(rows: str, folder: Path) -> dict[tuple[str, str, str], Fraction]:
    """Of the feed with these trips of the line U1: t1, t2, t4 and t5."""
    head = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
    trips = "".join(f"r1,s,{trip}\n" for trip in ("t1", "t2", "t4", "t5"))
    tables = GTFS | {
        "stop_times.txt": head + rows,
        "trips.txt": f"route_id,service_id,trip_id\n{trips}",
    }
    graph = graph_of(packed(tables), folder, "feed.zip")
    assert graph.measure == ("minutes" if graph.weights else "")
    return {tuple(fact): weight for fact, weight in graph.weights.items()}  # type: ignore[misc]


def test_a_timetable(tmp_path: Path) -> None:
    graph = graph_of(packed(GTFS), tmp_path, "feed.zip", weights="Minutes")
    assert graph.measure == "minutes"
    assert [graph.weights[fact] for fact in graph.facts] == [5, 4, 5, 4, 30]


def test_the_median_trip_from_departure_to_arrival(tmp_path: Path) -> None:
    rows = ""
    for trip, arrival in (("t1", "8:04:00"), ("t2", "8:09:30"), ("t4", "8:20:00"), ("t5", "8:21:00")):
        rows += f"{trip},7:50:00,8:00:00,A1,1\n{trip},{arrival},8:30:00,B,2\n{trip},8:31:00,,C,3\n"
    assert minutes(rows, tmp_path) == {("A", "U1", "B"): Fraction(19, 2), ("B", "U1", "C"): 1}


def test_stops_without_times_share_what_lies_between(tmp_path: Path) -> None:
    rows = "t1,23:58:00,23:58:00,A1,1\nt1,,,B,2\nt1,24:05:00,24:05:00,C,3\n"
    assert minutes(rows, tmp_path) == {("A", "U1", "B"): Fraction(7, 2), ("B", "U1", "C"): Fraction(7, 2)}


@pytest.mark.parametrize("times", [("", "", ""), ("8:00:00", "", ""), ("9:00:00", "8:00:00", "7:00:00")])
def test_a_timetable_that_does_not_tell(times: tuple[str, str, str], tmp_path: Path) -> None:
    rows = "".join(
        f"t1,{time},{time},{stop},{n}\n" for n, (time, stop) in enumerate(zip(times, ("A1", "B", "C")))
    )
    assert minutes(rows, tmp_path) == {}


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("7:05:09", 25_509),
        ("25:00:00", 90_000),
        ("", None),
        ("7:05", None),
        ("7:-5:00", None),
        ("7:٥:00", None),
        ("9999:00:00", None),
        ("0" * 9999 + ":0:0", None),
    ],
)
def test_times(time: str, seconds: int | None) -> None:
    assert seconds_of(time) == seconds
