"""Maps searched in a machine's memory: paths, places nearby, what is told, and what is kept."""

import csv
import dataclasses
import random
from pathlib import Path
from typing import Any

import pytest
import torch

from tapehead import NTM
from tapehead.errors import InputError
from tapehead.knowledge import KnowledgeGraph, ask, read, solver
from tapehead.knowledge.inference import search
from tapehead.knowledge.inference.search import SearchAnswer
from tests.knowledge import scripted

WAY = "shortest path from Moorgate to Piccadilly Circus"


def grid(folder: Path, side: int) -> KnowledgeGraph:
    """A map of side × side places, each joined with its neighbours both ways."""
    path = folder / "grid.csv"
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["from", "edge", "to"])
        for x in range(side):
            for y in range(side):
                for a, b in ((x + 1, y), (x, y + 1)):
                    if a < side and b < side:
                        table.writerow([f"{x}/{y}", "road", f"{a}/{b}"])
                        table.writerow([f"{a}/{b}", "road", f"{x}/{y}"])
    return read(path)


def test_a_path() -> None:
    answer = ask(read("london"), WAY, model=scripted.searcher())
    assert answer.correct
    assert answer.answers == answer.exact
    assert answer.answers[-1] == "Piccadilly Circus"
    assert answer.confidence == pytest.approx(1, abs=1e-3)
    assert answer.facts_given == 104
    assert not answer.left_out
    assert answer.facts_read[0].startswith("Moorgate —")
    assert len(answer.facts_read) == len(answer.answers)
    assert isinstance(answer.network, SearchAnswer)
    assert "✓" in str(answer)


def test_the_number_of_stops() -> None:
    answer = ask(read("london"), "How many stops is it from Bank to Victoria?", model=scripted.searcher())
    assert answer.correct
    assert f"network: {len(answer.answers)} stops: " in str(answer)


@pytest.mark.parametrize("stops", [1, 2, 5, 100])
def test_places_nearby(stops: int) -> None:
    graph = read("london")
    words = f"Which stations are within {stops} stop{'s' if stops > 1 else ''} of Bank?"
    answer = ask(graph, words, model=scripted.searcher())
    assert answer.correct
    assert answer.understood == f"within {stops} stop{'s' if stops > 1 else ''} of Bank"
    assert len(answer.answers) == len(set(answer.answers))
    assert set(answer.answers) == set(answer.exact)
    if stops == 1:
        start = graph.edges.places.index("Bank")
        assert set(answer.answers) == {
            graph.edges.places[end] for place, _, end in graph.edges.edges if place == start
        }


def test_it_says_that_there_is_no_way() -> None:
    answer = ask(read("london"), WAY, model=scripted.searcher(scripted.FailsToSearch))
    assert (answer.answers, answer.correct) == ([], False)
    assert "network: no place" in str(answer)
    nearby = ask(read("london"), "within 2 stops of Bank", model=scripted.searcher(scripted.FailsToSearch))
    assert (nearby.answers, nearby.correct) == ([], False)


def test_random_pairs_of_a_grid(tmp_path: Path) -> None:
    graph, machine = grid(tmp_path, 5), scripted.searcher()
    places = graph.edges.places
    for _ in range(5):
        a, b = random.Random(3).sample(places, 2)
        answer = ask(graph, f"from {a} to {b}", model=machine)
        assert answer.correct
    assert len(machine.memory_sizes) == 1, "the map is told once"


def test_a_told_map_answers_bit_for_bit_the_same() -> None:
    machine = scripted.untrained_searcher()
    graph = read("london")
    places = len(graph.edges.places)
    answers = [search.answer_path(machine, graph, 1, 2) for _ in range(2)]
    fresh = search.answer_path(machine, read("london"), 1, 2)
    assert answers[0].said == answers[1].said == fresh.said
    assert answers[0].confidence == answers[1].confidence == fresh.confidence
    assert answers[0].told is answers[1].told is not fresh.told
    assert set(fresh.told.name_of) == set(range(places))
    batches_first = NTM.from_config(dataclasses.replace(machine.config, batch_first=True))
    batches_first.load_state_dict(machine.state_dict())
    assert search.answer_path(batches_first, graph, 1, 2).said == fresh.said
    # New weights are told anew.
    with torch.no_grad():
        machine.interface.bias.add_(0.1)
    assert search.answer_path(machine, graph, 1, 2).told is not answers[0].told


def test_of_a_map_that_does_not_fit_the_nearest_part_is_told(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(search, "MAX_EDGES", 60)
    graph = grid(tmp_path, 8)
    answer = ask(graph, "from 0/0 to 1/1", model=scripted.searcher())
    assert answer.facts_given == 60
    assert answer.left_out == "the network is told 60 of the 224 connections, the nearest ones"
    assert answer.correct
    lines = str(answer).splitlines()
    told = next(i for i, line in enumerate(lines) if "60 of the 224" in line)
    assert told < next(i for i, line in enumerate(lines) if "network:" in line), "said before the answer"


def test_the_heads_of_a_search() -> None:
    graph, machine = read("london"), scripted.untrained_searcher()
    answer = search.answer_path(machine, graph, 1, 2)
    heads = search.read_heads(answer)
    assert heads.slots.shape == heads.weights.shape == (len(answer.said), 2)
    assert heads.queue_begins == 1 + 2 * (len(graph.edges.places) + 1) + len(graph.edges.edges)
    assert bool((heads.weights > 0).all())
    assert bool((heads.weights <= 1.0001).all())
    nearby = search.answer_nearby(machine, graph, 1, 2)
    assert search.read_heads(nearby).slots.shape == (len(nearby.said), 2)


def test_another_machine_is_refused() -> None:
    with pytest.raises(InputError, match="with 4 inputs and 4 outputs was not trained on search"):
        search.search_task(NTM(4, 4))


def test_places_nearby_by_the_solver(tmp_path: Path) -> None:
    graph = grid(tmp_path, 4)
    start = graph.edges.places.index("0/0")
    near = [graph.edges.places[place] for place in solver.places_nearby(graph, start, 2)]
    assert sorted(near) == ["0/1", "0/2", "1/0", "1/1", "2/0"]
