"""Quickest ways: asked in words, searched over unit steps, compared with Dijkstra's."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tapehead import cli, hub
from tapehead.errors import InputError
from tapehead.knowledge import KnowledgeGraph, ask, read
from tapehead.knowledge.inference import search
from tapehead.knowledge.inference.search import SearchAnswer
from tapehead.tasks.graph.search_trace import BLANK, Op, Record
from tapehead.viz.figures import plot_search
from tapehead.viz.player_page import record_answer
from tests.knowledge import scripted
from tests.knowledge.files import graph_of
from tests.viz import searches

TOWN = """from,edge,to,minutes
Inn,road,Mill,9
Inn,lane,Church,2
Church,lane,Farm,3
Farm,lane,Mill,2
Mill,road,Inn,1
Mill,ferry,Island,4
Mill,bridge,Island,6
"""
"""The road from Inn to Mill is short, the lanes are quick; nothing leads back from Island."""


@pytest.fixture
def town(tmp_path: Path) -> KnowledgeGraph:
    return graph_of(TOWN, tmp_path, "town.csv")


def network(answer: Any) -> SearchAnswer:
    assert isinstance(answer.network, SearchAnswer)
    return answer.network


def test_the_quickest_is_not_the_shortest(town: KnowledgeGraph) -> None:
    answer = ask(town, "quickest way from Inn to Island", model=scripted.searcher())
    assert answer.answers == answer.exact == ["Church", "Farm", "Mill", "Island"]
    assert answer.correct
    assert (answer.measure, answer.total, answer.expected_total) == ("minutes", 11, 11)
    assert answer.understood == "from Inn to Island, by minutes"
    assert answer.facts_read == (
        "Inn —lane→ Church",
        "Church —lane→ Farm",
        "Farm —lane→ Mill",
        "Mill —ferry→ Island",
    )
    # Of 1, 8, 1, 2, 5 units before Inn, Mill, Church, Farm and Island all but the last are waypoints.
    assert answer.facts_given == 7 + 0 + 8 + 1 + 2 + 5
    assert not answer.left_out
    assert not answer.rounded
    assert "network: 11 minutes: Church, Farm, Mill, Island (100% sure)\n" in str(answer)
    assert "exact:   11 minutes: Church, Farm, Mill, Island ✓\n" in str(answer)
    shortest = ask(town, "shortest path from Inn to Island", model=scripted.searcher())
    assert shortest.answers == ["Mill", "Island"]
    assert shortest.facts_given == 7
    assert shortest.notes == (
        'this is the way with the fewest stops: ask for the "quickest way" to go by minutes',
    )


def test_how_long_it_takes(town: KnowledgeGraph) -> None:
    answer = ask(town, "How long does it take to get to Mill from Inn?", model=scripted.searcher())
    assert answer.total == 7
    assert answer.lines[1].startswith("network: 7 minutes: Church, Farm, Mill")
    assert not answer.notes


def test_json(town: KnowledgeGraph) -> None:
    found = ask(town, "quickest way from Inn to Mill", model=scripted.searcher()).to_dict()
    assert (found["measure"], found["total"], found["exact_total"]) == ("minutes", 7.0, 7.0)
    assert found["rounded"] == ""
    assert json.loads(json.dumps(found)) == found
    lost = ask(town, "quickest way from Inn to Mill", model=scripted.searcher(scripted.FailsToSearch))
    assert (lost.to_dict()["total"], lost.to_dict()["exact_total"], lost.correct) == (None, 7.0, False)
    assert "measure" not in ask(town, "shortest path from Inn to Mill", model=scripted.searcher()).to_dict()


class GoesByStops(scripted.Searcher):
    """Says that the longest road to the target is the way, over its waypoints; the target is Mill."""

    def said(self, target: int, start: int) -> list[Record]:
        edges = [record for record in self.heard if record.op == Op.EDGE]
        first = next(edge for edge in edges if edge.source == start and edge.edge == self.road(edges, start))
        path = [first]
        while path[-1].destination != target:
            path.append(next(edge for edge in edges if edge.source == path[-1].destination))
        said = []
        for edge in reversed(path):
            said += [edge._replace(op=Op.PATH), Record.at(edge.source, Op.BACK)]
        return [*said, Record.bare(Op.DONE)]

    def road(self, edges: list[Record], start: int) -> int:
        """The label by which the start is left for the place farthest in steps."""
        leads = {edge.source: edge.destination for edge in edges}
        leaving = [edge for edge in edges if edge.source == start]

        def steps(edge: Record) -> int:
            here, count = edge.destination, 0
            while sum(other.source == here for other in edges) == 1 and count < 8:
                here, count = leads[here], count + 1
            return count

        return max(leaving, key=steps).edge


def test_a_slower_way_is_wrong(town: KnowledgeGraph) -> None:
    answer = ask(town, "quickest way from Inn to Mill", model=scripted.searcher(GoesByStops))
    assert answer.answers == ["Mill"]
    assert answer.exact == ["Church", "Farm", "Mill"]
    assert (answer.correct, answer.total, answer.expected_total) == (False, 9, 7)


def test_random_pairs(tmp_path: Path) -> None:
    rng = random.Random(0)
    rows = {(a, b) for a in range(8) for b in (*rng.sample(range(8), 2), (a + 1) % 8) if a != b}
    table = "from,edge,to,time\n" + "".join(f"p{a},x,p{b},{rng.randint(1, 4)}\n" for a, b in sorted(rows))
    graph, machine = graph_of(table, tmp_path, "map.csv"), scripted.searcher()
    for _ in range(4):
        a, b = rng.sample(graph.edges.places, 2)
        answer = ask(graph, f"fastest route from {a} to {b}", model=machine)
        assert answer.correct
        assert answer.total == answer.expected_total
    assert len(machine.memory_sizes) == 1, "the map is told once"


def test_weights_that_do_not_fit_are_rounded_and_it_is_said_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_EDGES", 20)
    rows = "from,edge,to,metres\nA,x,B,30000\nB,x,C,14000\nA,y,C,44001\nC,y,D,5\n"
    graph = graph_of(rows, tmp_path, "map.csv")
    answer = ask(graph, "least metres from A to D", model=scripted.searcher())
    assert answer.rounded == (
        "the network is told the metres of connections in whole steps, rounded to 5,000 metres, and 1 that "
        "come to less as one: what it finds may not be the very quickest way"
    )
    lines = str(answer).splitlines()
    assert lines.index(f"  note: {answer.rounded}") < next(i for i, s in enumerate(lines) if "network: " in s)
    # Both ways are as many steps long; only one is the quickest.
    assert answer.expected_total == 44_005
    assert answer.total in (44_005, 44_006)
    assert answer.correct == (answer.total == 44_005)


def test_connections_of_no_time(tmp_path: Path) -> None:
    graph = graph_of("from,edge,to,minutes\nA,x,B,0\nB,x,C,2\nA,y,C,6\n", tmp_path, "map.csv")
    answer = ask(graph, "quickest way from A to C", model=scripted.searcher())
    assert (answer.answers, answer.total, answer.correct) == (["B", "C"], 2, True)
    assert answer.rounded == "connections of next to nothing count as 2 minutes, 1 of them"


def test_a_map_is_told_with_and_without_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MAX_EDGES", 2)
    graph = graph_of("from,edge,to,minutes\nA,x,B,2\nB,x,C,3\n", tmp_path, "map.csv")
    machine = scripted.searcher()
    answers = [
        ask(graph, f"{words} from A to C", model=machine) for words in ("shortest path", "quickest way")
    ]
    # Without room for a waypoint both are told the same edges.
    assert [answer.facts_given for answer in answers] == [2, 2]
    assert [bool(answer.rounded) for answer in answers] == [False, True]


def test_the_nearest_part_of_a_large_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MAX_EDGES", 24)
    monkeypatch.setattr(search, "MAX_WEIGHTED", 12)
    rows = "".join(f"p{n},x,p{n + 1},{1 + n % 3}\n" for n in range(40))
    graph = graph_of("from,edge,to,minutes\n" + rows, tmp_path, "map.csv")
    answer = ask(graph, "quickest way from p0 to p5", model=scripted.searcher())
    assert answer.left_out == "the network is told 12 of the 40 connections, the nearest ones"
    assert answer.facts_given == 24
    assert (answer.total, answer.correct) == (9, True)


def test_names_are_kept_apart_from_waypoints(town: KnowledgeGraph) -> None:
    answer = network(ask(town, "quickest way from Inn to Island", model=scripted.searcher()))
    told = answer.told
    assert told.divided is not None
    titles = [told.title(place, town) for place in told.name_of]
    assert len(set(titles)) == len(titles) == 5 + len(told.divided.waypoints)
    assert "5 before Island" in titles
    assert {fact.label for fact in answer.facts} == {"road", "lane", "ferry", "bridge", search.ONWARD}
    assert all(step.edge != BLANK for step in answer.steps if step.op in (Op.PUSH, Op.PATH))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            "how long does it take from Bank to Victoria",
            "london.csv does not say how long its connections take",
        ),
        ("quickest way from Victoria to Victoria", "you are at Victoria already"),
    ],
)
def test_what_cannot_be_answered(words: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        ask(read("london"), words, model=scripted.searcher())


def test_no_way(town: KnowledgeGraph) -> None:
    with pytest.raises(InputError, match=r"there is no way from Island to Inn, by minutes in town\.csv"):
        ask(town, "quickest way from Island to Inn", model=scripted.searcher())


def test_a_map_without_weights_is_searched_by_stops() -> None:
    answer = ask(read("london"), "quickest way from Bank to Victoria", model=scripted.searcher())
    assert answer.correct
    assert answer.notes == (
        "london.csv does not say how long its connections take: this is the way with the fewest stops",
    )


def test_another_model_is_refused(town: KnowledgeGraph) -> None:
    with pytest.raises(
        InputError, match="goes by the number of stops: a quickest way needs a model of search"
    ):
        ask(town, "quickest way from Inn to Mill", model=scripted.traveller())


def test_it_can_be_seen(town: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    searches.use(monkeypatch)
    monkeypatch.setattr("tapehead.viz.figures.search.read_heads", searches.heads)
    answer = ask(town, "quickest way from Inn to Island", model=scripted.searcher())
    recording = record_answer(town, answer)
    assert set(recording.places) > {"Inn", "3 before Mill"}
    assert [recording.places[place] for place in recording.answers] == answer.answers
    assert recording.subtitle.startswith("5 places, 7 connections and 16 waypoints in memory · ")
    figure = plot_search(town, answer)
    assert figure.axes[0].get_title(loc="left") == "5 places, 7 connections and 16 waypoints in memory"
    assert "network: 11 minutes, 100% sure; exact: 11 minutes ✓" in [text.get_text() for text in figure.texts]


def test_by_the_command(town: KnowledgeGraph, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr(hub, "load", lambda name: scripted.searcher())
    file = str(tmp_path / "town.csv")
    assert cli.main(["ask", file, "quickest way from Inn to Mill", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"] == 7
    assert cli.main(["ask", file, "quickest way from Inn to Mill", "--weights", "fare"]) == 2
    assert "town.csv has no column 'fare'" in capsys.readouterr().err
