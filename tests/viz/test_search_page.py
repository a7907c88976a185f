"""A search as a recording: what is packed is what the network was told, said and read."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tapehead import NTM, knowledge
from tapehead.knowledge.inference.search import SearchAnswer, read_heads
from tapehead.tasks import Search
from tapehead.tasks.graph.search_trace import Op
from tapehead.viz.player_page import (
    QuestionRecord,
    SearchRecording,
    pack,
    player_html,
    record_answer,
    write_player,
)
from tests.viz import searches
from tests.viz.test_player import unpack


@pytest.fixture(autouse=True)
def _heads(monkeypatch: pytest.MonkeyPatch) -> None:
    searches.use(monkeypatch)


def recorded(graph: knowledge.KnowledgeGraph, answer: knowledge.Answer) -> SearchRecording:
    recording = record_answer(graph, answer)
    assert isinstance(recording, SearchRecording)
    return recording


def test_what_is_packed_is_what_was_told_and_said(tmp_path: Path) -> None:
    graph = searches.small_map(tmp_path)
    answer = searches.asked(graph)
    network = answer.network
    assert isinstance(network, SearchAnswer)
    recording = recorded(graph, answer)
    header, arrays = unpack(pack(recording))
    page = header["search"]
    places, lines = page["places"], page["lines"]
    name = {
        number: graph.entities[graph.edges.places[number]].name for number in network.told.place_of.values()
    }

    # Places and edges have their numbers in the order told, in which they lie in the slots.
    told = network.told.records
    order = [network.told.place_of.get(record.destination) for record in told if record.op == Op.NODE]
    assert places == [name.get(place, "") for place in order]
    assert order.index(None) == page["nowhere"]
    sentences = [f"{places[a]} —{lines[line]}→ {places[b]}" for a, line, b in arrays["edges"]]
    assert sentences == [f"{name[fact.subject]} —{fact.label}→ {name[fact.object]}" for fact in network.facts]
    assert page["queue_begins"] == 1 + len(told) == 1 + 2 * len(places) + len(sentences)

    assert [page["kinds"][kind] for kind in arrays["said"][:, 0]] == [step.op.name for step in network.steps]
    for (_, source, destination, edge), step in zip(arrays["said"].tolist(), network.steps):
        for shown, meant in ((source, step.source), (destination, step.destination)):
            assert (shown < 0) == (meant < 0)
            assert shown < 0 or places[shown] == name[meant]
        if step.edge >= 0:
            assert edge == step.edge
        if step.op in (Op.CHECK, Op.SEEN, Op.UNSEEN, Op.FOUND):
            assert edge >= 0, "the edge that is looked at"
    assert (arrays["right"][:, 0] == -1).all(), "it makes no mistake"

    assert header["steps"] == len(network.said)
    assert (places[page["start"]], places[page["target"]], page["stops"]) == ("Ash", "Elm", None)
    asked = header["question"]
    assert asked["answers"] == answer.answers == [places[place] for place in page["answers"]]
    for step, place in zip(asked["answer_steps"], page["answers"]):
        assert page["kinds"][arrays["said"][step, 0]] == "PATH"
        assert arrays["said"][step, 2] == place
    np.testing.assert_array_equal(arrays["slots"], searches.heads(network).slots)
    np.testing.assert_array_equal(arrays["weights"], searches.heads(network).weights)
    drawn = np.delete(arrays["spots"], page["nowhere"], 0)
    apart = np.linalg.norm(drawn[:, None] - drawn[None], axis=-1)
    assert apart[~np.eye(len(drawn), dtype=bool)].min() > 20, "no two places are drawn on one spot"
    assert recording.subtitle == (
        f"6 places and 10 connections in memory · {network.told.graph.slots} slots of 2 numbers · "
        f"2 read heads · {len(network.said)} steps"
    )


def test_the_heads_are_those_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    size = Search().input_size
    machine = NTM(size, 8, output_size=size, word_size=4, num_reads=2, controller="feedforward")
    graph = searches.small_map(tmp_path)
    for question in (searches.WAY, searches.NEARBY):
        answer = knowledge.ask(graph, question, model=machine)
        assert isinstance(answer.network, SearchAnswer)
        _, arrays = unpack(pack(recorded(graph, answer)))
        np.testing.assert_array_equal(arrays["slots"], read_heads(answer.network).slots)
        np.testing.assert_array_equal(arrays["weights"], read_heads(answer.network).weights)
        assert torch.is_grad_enabled()


def test_places_nearby(tmp_path: Path) -> None:
    graph = searches.small_map(tmp_path)
    header, arrays = unpack(pack(recorded(graph, searches.asked(graph, searches.NEARBY))))
    page, kinds = header["search"], arrays["said"][:, 0]
    assert page["target"] == page["nowhere"]
    assert page["stops"] == 1
    assert sorted(page["places"][place] for place in page["answers"]) == ["Birch", "Cedar"]
    assert kinds[-1] == Op.FAIL, "it searches for what is nowhere"
    assert [kinds[step] for step in header["question"]["answer_steps"]] == [Op.PUSH, Op.PUSH]


def test_a_mistake_is_recorded_with_what_is_right(tmp_path: Path) -> None:
    graph = searches.small_map(tmp_path)
    _, arrays = unpack(pack(recorded(graph, searches.asked(graph, script=searches.PushesTwice))))
    (first, *_) = np.flatnonzero(arrays["right"][:, 0] >= 0)
    assert arrays["said"][first, 0] == Op.UNSEEN
    assert arrays["right"][first, 0] == Op.SEEN
    pushed = arrays["said"][arrays["said"][:, 0] == Op.PUSH, 2].tolist()
    assert len(pushed) == len(set(pushed)) + (pushed.count(arrays["said"][first + 1, 2]) - 1)
    assert arrays["said"][first + 1, 0] == Op.PUSH


def test_an_underground_in_a_megabyte(tmp_path: Path) -> None:
    """302 places, 812 edges, 3,000 steps and 1,800 slots, of which the heads read any."""
    rng = np.random.default_rng(0)
    places, edges, steps, slots = 302, 812, 3_000, 1_800

    def names(count: int) -> tuple[str, ...]:
        letters = rng.integers(ord("a"), ord("z"), (count, 30))
        return tuple("".join(map(chr, word)) for word in letters.tolist())

    def numbers(*highest: int) -> np.ndarray:
        return np.stack([rng.integers(0, high, steps) for high in highest], 1).astype(np.int32)

    recording = SearchRecording(
        title="Underground",
        subtitle="",
        question=QuestionRecord("?", answers=names(30), exact=names(30), correct=False),
        note="",
        places=names(places),
        spots=rng.normal(size=(places, 2)).astype(np.float32),
        lines=names(20),
        edges=rng.integers(0, (places, 20, places), (edges, 3)).astype(np.int32),
        start=0,
        target=1,
        nowhere=2,
        stops=None,
        answers=tuple(range(30)),
        said=numbers(len(Op), places, places, edges),
        right=numbers(len(Op), places, places, edges),
        slots=numbers(slots, slots),
        weights=rng.random((steps, 2)).astype(np.float32),
        queue_begins=1_500,
    )
    assert write_player(recording, tmp_path / "p.html").stat().st_size < 1e6


def test_names_do_not_become_markup(tmp_path: Path) -> None:
    hostile = "</script><script>alert(1)</script>"
    graph = searches.small_map(tmp_path, searches.EDGES.replace("Ash", hostile))
    answer = searches.asked(graph, f"shortest path from {hostile} to Elm")
    assert answer.correct
    page = player_html(recorded(graph, answer))
    assert "alert(1)" not in page, "names are in the recording alone, which is base64"
