"""Scores of searches, with machines whose right and wrong answers are known."""

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
import torch

from tapehead import NTM
from tapehead.errors import InputError
from tapehead.knowledge import Edges
from tapehead.knowledge.evaluation import scores
from tapehead.knowledge.evaluation.search import (
    MAX_SHARED,
    SearchScore,
    SearchTally,
    score_random_searches,
    score_searches,
)
from tapehead.tasks import Search
from tapehead.tasks.graph.search_trace import Adjacency, Op, Record, path_of, search
from tests.tasks.graph.test_search import Scripted

TASK = Search(min_nodes=2, max_nodes=7, min_degree=0, max_degree=3)
WAYS = [(0, 1), (1, 0), (1, 2), (2, 3), (0, 4), (4, 2), (3, 0), (5, 0)]
"""0 to 2 by 1 or by 4; nothing leads to 5, nor from or to 6."""
MAP = Edges([f"place {n}" for n in range(7)], ["red", "green"], [(a, a < b, b) for a, b in WAYS])
FILE = "from,line,to\n" + "".join(f"{a},{a < b},{b}\n" for a, b in WAYS)


def distances(ways: list[tuple[int, int]] = WAYS, nodes: int = 7) -> Counter[int | None]:
    """How many ordered pairs of different nodes are so far apart."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(nodes))
    graph.add_edges_from(ways)
    found = dict(nx.all_pairs_shortest_path_length(graph))
    return Counter(found[a].get(b) for a in graph for b in graph if a != b)


class Searcher(Scripted):
    """Is right, and remembers the graphs that it was told."""

    def __init__(self, task: Search = TASK) -> None:
        super().__init__(task)
        self.graphs: list[list[Record]] = []

    def __call__(self, x: torch.Tensor, state: object = None, memory_size: int = 0):
        if state is None:
            self.graphs.append(self.task.read(x[:, 0]))
            assert memory_size > len(x)
        return super().__call__(x, state, memory_size)


def way(*path: tuple[int, int, int]) -> list[Record]:
    """A trace that does nothing but name a path."""
    said = []
    for source, edge, end in reversed(path):
        said += [Record(source, edge, end, Op.PATH), Record.at(source, Op.BACK)]
    return [*said, Record.bare(Op.DONE)]


class GivesUp(Searcher):
    """Says that there is no way where it takes three steps or more."""

    def trace(self, adjacency: Adjacency, start: int, target: int) -> list[Record]:
        said = search(adjacency, start, target)
        return said if len(path_of(said)) < 3 else [Record.bare(Op.FAIL)]


class Dreams(Searcher):
    """Names an edge that there is not, from start to target."""

    def trace(self, adjacency: Adjacency, start: int, target: int) -> list[Record]:
        return way((start, 77, target))


class StopsShort(Searcher):
    """Leaves out the last step of the path."""

    def trace(self, adjacency: Adjacency, start: int, target: int) -> list[Record]:
        path = path_of(search(adjacency, start, target))
        return way(*(record[:3] for record in path[:-1]))


class Otherwise(Searcher):
    """Takes the edges of every node in reverse order: as short a way, but perhaps another."""

    def trace(self, adjacency: Adjacency, start: int, target: int) -> list[Record]:
        return search({node: edges[::-1] for node, edges in adjacency.items()}, start, target)


class Detours(Searcher):
    """Goes forth and back before it sets out, where an edge leads back to the start."""

    def trace(self, adjacency: Adjacency, start: int, target: int) -> list[Record]:
        said = search(adjacency, start, target)
        for edge, end in adjacency.get(start, ()):
            for back, home in adjacency.get(end, ()):
                if home == start and path_of(said):
                    path = [record[:3] for record in path_of(said)]
                    return way((start, edge, end), (end, back, home), *path)
        return said


class Slips(Searcher):
    """Gets a digit wrong of the paths of two steps: the label that it means is the second most probable."""

    def __call__(self, x: torch.Tensor, state: object = None, memory_size: int = 0):
        outputs, fed = super().__call__(x, state, memory_size)
        for output, record in zip(outputs[:, 0], self.task.read(outputs[:, 0])):
            output *= 10
            if record.op == Op.PATH and self.slips:
                output[(int(output[:10].argmax()) + 1) % 10] = 11
        return outputs, fed

    def trace(self, adjacency: Adjacency, start: int, target: int) -> list[Record]:
        said = search(adjacency, start, target)
        self.slips = len(path_of(said)) == 2
        return said


def tallies(score: SearchScore) -> dict[int | None, tuple[int, int, int]]:
    return {
        steps: (tally.pairs, tally.right, tally.right_constrained) for steps, tally in score.by_steps.items()
    }


def test_all_pairs_are_asked_once() -> None:
    machine = Searcher()
    found = score_searches(machine, TASK, MAP, pairs=1000)
    assert tallies(found) == {steps: (count,) * 3 for steps, count in distances().items()}
    assert list(found.by_steps) == [1, 2, 3, 4, None], "the shortest first"
    assert found.total == SearchTally(42, 42, 42)
    assert (found.total.accuracy, found.total.accuracy_constrained) == (1, 1)
    assert sum(tally.pairs for tally in score_searches(machine, TASK, MAP, pairs=5).by_steps.values()) == 5


def test_only_pairs_so_many_steps_apart() -> None:
    for steps in (1, 2, 4):
        count = distances()[steps]
        assert tallies(score_searches(Searcher(), TASK, MAP, pairs=99, steps=steps)) == {steps: (count,) * 3}
    assert tallies(score_searches(Searcher(), TASK, MAP, pairs=3, steps=2)) == {2: (3, 3, 3)}


def test_wrong_answers_are_counted_where_they_are() -> None:
    count = distances()
    found = score_searches(GivesUp(), TASK, MAP, pairs=99)
    assert min(count[steps] for steps in (1, 2, 3, 4, None)) > 0
    assert {s: tally.right for s, tally in found.by_steps.items()} == count | {3: 0, 4: 0}
    assert found.total.right_constrained == count[1] + count[2] + count[None]
    assert found.total.accuracy == (42 - count[3] - count[4]) / 42
    assert score_searches(StopsShort(), TASK, MAP, pairs=99).total == SearchTally(42, 0, 0)
    dreamt = score_searches(Dreams(), TASK, MAP, pairs=99)
    assert dreamt.total.right == 0
    # One edge that was told is not enough where it takes two, or where there is no way.
    assert (dreamt.by_steps[2].right_constrained, dreamt.by_steps[None].right_constrained) == (0, 0)


def test_a_detour_is_wrong_and_another_shortest_way_is_right() -> None:
    assert score_searches(Otherwise(), TASK, MAP, pairs=99).total == SearchTally(42, 42, 42)
    detours = score_searches(Detours(), TASK, MAP, pairs=99).total
    assert detours == SearchTally(42, 42 - 2 * 4, 42 - 2 * 4), "from 0 and 1, which lead to four others each"


def test_constraining_repairs_a_digit() -> None:
    found = score_searches(Slips(), TASK, MAP, pairs=99)
    count = distances()[2]
    assert found.by_steps[2] == SearchTally(count, 0, count)
    assert found.total == SearchTally(42, 42 - count, 42)
    assert found.total.accuracy < found.total.accuracy_constrained == 1


def test_names_and_order_are_drawn_anew_and_do_not_depend_on_the_machine() -> None:
    machine, same, other = Searcher(), GivesUp(), Searcher()
    score_searches(machine, TASK, MAP, pairs=99, seed=3)
    score_searches(same, TASK, MAP, pairs=99, seed=3)
    score_searches(other, TASK, MAP, pairs=99, seed=4)
    assert len(machine.graphs) == -(-42 // MAX_SHARED) == 3
    assert machine.graphs == same.graphs
    assert all(graph not in other.graphs for graph in machine.graphs)
    for op, count in ((Op.NODE, 7), (Op.EDGE, 8)):
        told = [{record[:3] for record in graph if record.op == op} for graph in machine.graphs]
        assert [len(records) for records in told] == [count] * 3
        assert not told[0] & told[1]


def test_the_order_of_telling_is_drawn_anew() -> None:
    # From each node as many edges as its number, so that it is known whatever its name.
    edges = [(a, a, b) for a in range(7) for b in range(a)]
    machine = Searcher()
    score_searches(machine, TASK, Edges(MAP.places, list("0123456"), edges), pairs=3 * MAX_SHARED)
    nodes, ends = [], []
    for graph in machine.graphs:
        leaving = Counter(record.source for record in graph if record.op == Op.EDGE)
        nodes.append([leaving[record.destination] for record in graph if record.op == Op.NODE])
        ends.append([leaving[r.destination] for r in graph if r.op == Op.EDGE and leaving[r.source] == 6])
    for found, numbers in (nodes, range(7)), (ends, range(6)):
        assert [sorted(order) for order in found] == [list(numbers)] * 3
        assert len(set(map(tuple, found))) == 3


def test_lines_are_labels_until_there_are_too_many() -> None:
    machine = Searcher()
    score_searches(machine, TASK, MAP, pairs=1)
    assert len({r.edge for r in machine.graphs[0] if r.op == Op.EDGE}) == 2
    # A hundred labels serve 90 lines, but only in a code in which one digit may be all that differs.
    task = Search(digits=2, max_nodes=20)
    lines = Edges(MAP.places, [str(n) for n in range(90)], [(n % 3, n, 3 + n // 3 % 4) for n in range(90)])
    machine = Searcher(task)
    assert score_searches(machine, task, lines, pairs=3).total == SearchTally(3, 3, 3)
    told = [record for record in machine.graphs[0] if record.op == Op.EDGE]
    assert len({(record.source, record.edge) for record in told}) == len(told) == 90
    assert len({record.edge for record in told}) == 30


def test_random_graphs_are_of_the_task() -> None:
    machine = Searcher()
    found = score_random_searches(machine, TASK, pairs=30)
    assert found.total == SearchTally(30, 30, 30)
    assert None in found.by_steps
    sizes = [sum(record.op == Op.NODE for record in graph) for graph in machine.graphs]
    assert len(sizes) == 30, "each pair has a graph of its own"
    assert set(sizes) == set(range(2, 8))
    assert tallies(score_random_searches(GivesUp(), TASK, pairs=6, steps=3)) == {3: (6, 0, 0)}
    same, other = Searcher(), Searcher()
    score_random_searches(same, TASK, pairs=30)
    score_random_searches(other, TASK, pairs=30, seed=1)
    assert same.graphs == machine.graphs != other.graphs


class Module(NTM):
    """A script as a machine."""

    def __init__(self, script: Searcher) -> None:
        super().__init__(script.task.input_size, 2, output_size=script.task.output_size, memory_size=4)
        self.script = script

    def forward(self, x: torch.Tensor, state: Any = None, **_: Any) -> Any:  # type: ignore[override]
        assert not self.training
        return self.script(x, state, memory_size=len(x) + 1)


def test_report(tmp_path: Path) -> None:
    file = tmp_path / "map.csv"
    file.write_text(FILE)
    # Node 6 has no edge, so it is not in the file.
    count = distances(nodes=6)
    report = scores.search("mine", Module(GivesUp()), TASK, graph=str(file), pairs=99)
    found = report.to_dict()
    by_steps = found.pop("by_steps")
    right = count[1] + count[2] + count[None]
    assert found == {
        "model": "mine",
        "task": "search",
        "graph": str(file),
        "nodes": 6,
        "edges": 8,
        "pairs": 30,
        "accuracy": right / 30,
        "accuracy_constrained": right / 30,
    }
    assert by_steps[0] == {"steps": 1, "pairs": 8, "accuracy": 1.0, "accuracy_constrained": 1.0}
    assert [(row["steps"], row["pairs"]) for row in by_steps] == [(s, count[s]) for s in (1, 2, 3, 4, None)]
    assert [row["accuracy"] for row in by_steps] == [1, 1, 0, 0, 1]
    lines = str(report).splitlines()
    assert lines[0] == f"search on {file}, 6 nodes and 8 edges; an answer counts if it is a shortest way"
    assert [line.split() for line in lines[1:3]] == [
        ["greedy", "constrained"],
        ["1", "step", "100.0%", "100.0%", "of", "8"],
    ]
    assert lines[5].split() == ["4", "steps", "0.0%", "0.0%", "of", str(count[4])]
    assert lines[6].split() == ["no", "way", "100.0%", "100.0%", "of", str(count[None])]
    assert lines[7].split()[-1] == "30"
    assert len({line.index("%") for line in lines[2:]}) == 1


WEIGHTED = """from,edge,to,minutes
A,road,B,6
A,lane,C,2
C,lane,B,2
C,path,A,3
B,road,A,2
B,ferry,D,1
B,bridge,D,2
"""
"""By minutes, C is on the way from A to B. Nothing leads from D."""


class GoesByStops(Searcher):
    """Searches as if every connection took one step, however many waypoints it has."""

    def trace(self, adjacency: Adjacency, start: int, target: int) -> list[Record]:
        onward = {node for node, edges in adjacency.items() if len(edges) == 1}
        net = nx.DiGraph()
        for node, edges in adjacency.items():
            for label, end in edges:
                net.add_edge(node, end, label=label, weight=0.01 if node in onward else 1)
        if start not in net or not nx.has_path(net, start, target):
            return [Record.bare(Op.FAIL)]
        path = nx.dijkstra_path(net, start, target)
        return way(*((a, net[a][b]["label"], b) for a, b in pairwise(path)))


def test_ways_of_least_weight(tmp_path: Path) -> None:
    file = tmp_path / "map.csv"
    file.write_text(WEIGHTED)
    report = scores.search("mine", Module(Searcher()), TASK, graph=str(file), weights="minutes", pairs=99)
    found = report.to_dict()
    assert list(found)[:8] == ["model", "task", "graph", "nodes", "edges", "weights", "unit", "rounded"]
    assert (found["nodes"], found["edges"], found["weights"]) == (4, 7, "minutes")
    # 5 waypoints before B, 2 before A, 1 before C and D.
    assert (found["unit"], found["rounded"], found["waypoints"]) == (1, 0, 9)
    assert (found["pairs"], found["accuracy"], found["accuracy_constrained"]) == (12, 1, 1)
    # In minutes: A to B 4, to C 2, to D 5; B to A 2, to C 4, to D 1; C to A 3, to B 2, to D 3.
    count = {1: 1, 2: 3, 3: 2, 4: 2, 5: 1, None: 3}
    assert {row["steps"]: row["pairs"] for row in found["by_steps"]} == count
    assert str(report).splitlines()[0] == (
        f"search on {file}, 4 nodes and 7 edges, told in steps of 1 minute over 9 waypoints; "
        "an answer counts if it is a way of least minutes"
    )


def test_a_slower_way_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "map.csv"
    file.write_text(WEIGHTED)
    report = scores.search("mine", Module(GoesByStops()), TASK, graph=str(file), weights="minutes", pairs=99)
    # By the road from A to B, and on to D.
    right = {steps: tally.right for steps, tally in report.score.by_steps.items()}
    assert right == {1: 1, 2: 3, 3: 2, 4: 1, 5: 0, None: 3}


def test_a_way_counts_by_the_weights_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapehead.knowledge.evaluation.search.MAX_EDGES", 10)
    file = tmp_path / "map.csv"
    # Told in steps of 5 both ways from A to C have 3: one of them is really the longer.
    file.write_text("from,edge,to,weight\nA,x,B,9\nB,x,C,4\nA,y,C,14\n")
    asked = {"graph": str(file), "weights": "weight", "pairs": 99}
    machines = Searcher(), Otherwise()
    reports = [scores.search("mine", Module(machine), TASK, **asked) for machine in machines]
    for report in reports:
        found = report.to_dict()
        assert (found["unit"], found["rounded"], found["waypoints"]) == (5, 3, 3)
        assert "(3 edges rounded)" in str(report)
    assert sorted(report.score.total.right for report in reports) == [5, 6]


def test_too_many_edges_for_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapehead.knowledge.evaluation.search.MAX_EDGES", 5)
    file = tmp_path / "map.csv"
    file.write_text(WEIGHTED)
    with pytest.raises(InputError, match="the graph has 7 edges, but with weights 5 are told at most"):
        scores.search("mine", Module(Searcher()), TASK, graph=str(file), weights="minutes")


def test_report_on_random_graphs() -> None:
    report = scores.search("mine", Module(Searcher()), TASK, graph=None, pairs=3)
    assert (report.graph, report.nodes, report.edges) == ("random", None, None)
    report = scores.search("mine", Module(Searcher()), TASK, graph=None, nodes=5, steps=2, pairs=3)
    assert (report.nodes, report.score.by_steps) == (5, {2: SearchTally(3, 3, 3)})
    assert str(report).startswith("search on random, 5 nodes; ")


def test_relatives_are_a_graph_like_any_other() -> None:
    report = scores.search("mine", Module(Searcher()), TASK, graph="family", steps=3, pairs=1)
    assert report.score.total == SearchTally(1, 1, 1)


@pytest.mark.parametrize(
    ("content", "options", "complaint"),
    [
        ("A,red,B\n", {"steps": 2}, "no two nodes whose shortest path has 2 steps"),
        ("A,red,A\n", {}, "no two nodes: there is nothing to ask"),
        ("A,red,B\n", {"steps": 0}, "steps must be a whole number of at least 1, got 0"),
        ("A,red,B\n", {"pairs": 0}, "pairs must be a whole number of at least 1, got 0"),
        ("".join(f"{n},x,{n + 1}\n" for n in range(100)), {}, "101 nodes, but labels of 2 digits name 100"),
        ("nothing to see", {}, "is not an edge"),
        (None, {"pairs": 0}, "pairs must be a whole number of at least 1, got 0"),
        (None, {"nodes": 1}, "min_nodes must be a whole number of at least 2, got 1"),
        (None, {"nodes": 4, "steps": 40}, "of 4 nodes hardly ever have shortest paths of 40 steps"),
        (None, {"steps": 40}, "of 2 to 7 nodes hardly ever have shortest paths of 40 steps"),
    ],
)
def test_graphs_that_do_not_serve(content: str | None, options: dict, complaint: str, tmp_path: Path) -> None:
    file = tmp_path / "map.csv"
    if content is not None:
        file.write_text(content)
    task = Search(min_nodes=2, max_nodes=7, digits=2)
    with pytest.raises(InputError, match=complaint):
        scores.search(
            "mine", Module(Searcher(task)), task, graph=None if content is None else str(file), **options
        )
