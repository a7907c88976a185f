import itertools
from typing import Any

import pytest
import torch

from tapehead.errors import InputError
from tapehead.knowledge import Edges, read, solver
from tapehead.knowledge.inference import voting
from tapehead.knowledge.inference.answer import MAX_FACTS, answer_path, answer_walk
from tapehead.knowledge.inference.routes import memory_for, nearest_edges, renumber, sample_paths
from tapehead.tasks import ShortestPath
from tapehead.tasks.graph.fixed import FixedGraph
from tests.knowledge import scripted

LONDON = read("london").edges


def numbered(edges: list[tuple[int, int, int]]) -> Edges:
    """A map whose places and lines are called by their numbers."""
    places, lines = 1 + max(max(a, b) for a, _, b in edges), 1 + max(line for _, line, _ in edges)
    return Edges([str(n) for n in range(places)], [str(n) for n in range(lines)], edges)


def place(name: str) -> int:
    return next(n for n, at in enumerate(LONDON.places) if name in at)


def test_a_walk_on_the_map() -> None:
    machine = scripted.traveller()
    start = place("Bond Street")
    lines = [LONDON.lines.index(line) for line in ("Central westbound", "Circle anticlockwise")]
    answer = answer_walk(machine, LONDON, start, lines)
    assert answer.answers == solver.walk(read("london"), start, lines)
    assert len(answer.answers) == 2
    assert answer.confidence == pytest.approx(1)
    assert sorted(answer.facts) == sorted((a, LONDON.lines[line], b) for a, line, b in LONDON.edges)
    ends = [start, *answer.answers]
    assert [answer.facts[index] for index in answer.facts_read] == [
        (ends[step], LONDON.lines[lines[step]], ends[step + 1]) for step in range(2)
    ]
    steps = len(answer.inputs)
    assert answer.answer_steps == [steps - 3, steps - 2], "the last says that the walk is over"
    # Two readings, and one to look at.
    assert machine.memory_sizes == [memory_for(104)] * 3 == [152] * 3


def test_a_way_on_the_map() -> None:
    graph, start, end = read("london"), place("Moorgate"), place("Piccadilly")
    answer = answer_path(scripted.traveller(), LONDON, start, end)
    assert solver.is_shortest_path(graph, start, answer.answers, end)
    assert answer.confidence == pytest.approx(1)
    steps = len(answer.inputs)
    assert answer.answer_steps == [*range(steps - len(answer.answers), steps)]
    ends = [start, *answer.answers]
    read_edges = [answer.facts[index] for index in answer.facts_read]
    assert [(a, b) for a, _, b in read_edges] == list(itertools.pairwise(ends))


def test_edges_read_too_faintly_are_not_shown(monkeypatch: Any) -> None:
    """The script reads each edge that it says with 0.9."""
    start, end = place("Moorgate"), place("Piccadilly")
    for least, shown in ((0.89, True), (0.91, False)):
        monkeypatch.setattr("tapehead.knowledge.inference.answer.MIN_SHARE", least)
        answer = answer_path(scripted.traveller(), LONDON, start, end)
        assert bool(answer.facts_read) == shown
        assert min(answer.step_facts[-len(answer.answers) :]) >= 0, "each was looked up in its step"


def test_lost_on_the_map(monkeypatch: Any) -> None:
    monkeypatch.setattr(voting, "NUM_SAMPLES", 1)  # Of twenty, one comes to the end by luck.
    machine = scripted.traveller(scripted.GoesAstray)
    walked = answer_walk(machine, LONDON, place("Bank"), [LONDON.edges[0][1]])
    assert walked.answers == []
    assert walked.confidence == pytest.approx(0)
    went = answer_path(machine, LONDON, place("Paddington"), place("Moorgate"))
    joined = {(a, b) for a, _, b in LONDON.edges}
    ends = [place("Paddington"), *went.answers]
    assert len(went.answers) == 12, "the outputs only choose among the edges that leave"
    assert all(step in joined for step in itertools.pairwise(ends))
    assert (went.confidence, went.answers[-1] == place("Moorgate")) == (0, False)


def test_a_slip_in_a_digit_does_no_harm_on_the_map() -> None:
    """Of the edges that were told the likeliest is taken."""
    start = place("Bank")
    lines = [next(e for a, e, _ in LONDON.edges if a == start)]
    answer = answer_walk(scripted.traveller(scripted.MapSlips), LONDON, start, lines)
    assert answer.answers == solver.walk(read("london"), start, lines)
    assert 0 < answer.confidence < 0.01


def test_a_walk_is_read_until_two_readings_agree() -> None:
    made: list[scripted.Traveller] = []

    def script() -> scripted.Traveller:
        made.append((scripted.GoesAstray if not made else scripted.Traveller)())
        return made[-1]

    machine = scripted.traveller()
    machine.script = script
    start = place("Bank")
    lines = [next(e for a, e, _ in LONDON.edges if a == start)]
    answer = answer_walk(machine, LONDON, start, lines)
    assert answer.answers == solver.walk(read("london"), start, lines)
    assert len(made) == 3 + 1, "and once more to look at"
    assert answer.confidence == pytest.approx(2 / 3)


def test_thoughts_are_fed_back_until_the_start_is_reached() -> None:
    """Each planning step is fed the places at the distance it stands at, and those with the ones before."""
    graph = FixedGraph(((0, 0, 1), (1, 0, 3), (0, 1, 2), (2, 0, 3), (4, 0, 3), (5, 0, 0)))
    task = ShortestPath(planning_steps=9, scratchpad=True)
    (sample,) = sample_paths(scripted.traveller(), task, [(graph, (5, 3))], 5, [0])
    assert len(sample.places) == 3
    nodes = sample.named.nodes
    planning = sample.inputs[7 : 7 + 3]  # after six edges and the query
    rings = [[3], [1, 2, 4], [0]]
    for row, known, reached in zip(planning, [[3], [3, 1, 2, 4], [1, 2, 4, 0]], rings, strict=True):
        for channels, places in ((row[:30], known), (row[60:90], reached)):
            names = [(nodes[place], 0, 0) for place in places]
            together = (sum(map(scripted.channels, names))[:30] > 0).float().view(3, 10)
            torch.testing.assert_close(channels, (together / together.sum(1, keepdim=True).sqrt()).flatten())
        assert not bool(row[30:60].any())
    assert [row[90:].tolist() for row in planning] == [[1, 0], *[[0, 0]] * 2]
    assert sample.inputs[10, 90:].tolist() == [1, 1], "the answer begins"
    assert len(sample.inputs) == 10 + 3


def test_the_shortest_way_stands(monkeypatch: Any) -> None:
    """The first reading knows no edge, the second makes a detour; the other three go straight."""
    monkeypatch.setattr(voting, "NUM_SAMPLES", 5)
    made: list[scripted.Traveller] = []

    def script() -> scripted.Traveller:
        kinds = [scripted.GoesAstray, scripted.Detour]
        made.append((kinds[len(made)] if len(made) < 2 else scripted.Traveller)())
        return made[-1]

    machine = scripted.traveller()
    machine.script = script
    # 0 → 3 by 0 → 1 → 3, or by 0 → 2 → 1 → 3.
    answer = answer_path(machine, numbered([(0, 0, 1), (1, 0, 3), (0, 1, 2), (2, 0, 1)]), 0, 3)
    assert answer.answers == [1, 3]
    assert len(made) == 5 + 1, "and once more to look at"
    once = (1 / 2 + 3) / 5  # The first takes one of two edges that leave.
    assert answer.confidence == pytest.approx(1 - (1 - once) ** 5)


def test_a_way_that_ends_where_no_edge_leaves() -> None:
    graph, places, _ = renumber([(0, 0, 1), (2, 0, 0)])
    asked = (graph, (places.index(0), places.index(2)))
    task = ShortestPath(planning_steps=2)
    (sample,) = sample_paths(scripted.traveller(scripted.GoesAstray), task, [asked], 5, [0])
    assert (sample.places, sample.confidence) == ([1], 0)
    assert len(sample.inputs) == 2 + 1 + 2 + 2


def test_large_maps_are_cut_to_the_nearest_edges() -> None:
    """A line of 1,000 stations, there and back."""
    edges = [(n, 0, n + 1) for n in range(999)] + [(n + 1, 1, n) for n in range(999)]
    told = nearest_edges(edges, [500], 30)
    assert {a for a, _, _ in told} == set(range(493, 508))
    assert len(told) == 30
    answer = answer_walk(scripted.traveller(), numbered(edges), 500, [0, 0, 1])
    assert (answer.answers, len(answer.facts)) == ([501, 502, 501], MAX_FACTS)
    answer = answer_path(scripted.traveller(), numbered(edges), 500, 503)
    assert (answer.answers, len(answer.facts)) == ([501, 502, 503], MAX_FACTS)


def test_what_was_cut_away_is_said() -> None:
    edges = [(n, n, n + 1) for n in range(900)]
    with pytest.raises(InputError, match="leaves the 250 edges nearest to its start"):
        answer_walk(scripted.traveller(), numbered(edges), 0, [600])
    with pytest.raises(InputError, match=r"900 edges, and of the 250 nearest, .* none joins the end"):
        answer_path(scripted.traveller(), numbered(edges), 0, 900)


def test_memory_grows_with_the_map() -> None:
    assert [memory_for(edges) for edges in (1, 80, 81, 104, 250)] == [128, 128, 129, 152, 298]
