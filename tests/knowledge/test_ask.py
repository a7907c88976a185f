import json
import sys

import pytest

from tapehead import zoo
from tapehead._errors import UserError
from tapehead.knowledge import ask, read

from .fake import Network

MACHINE = object()


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    fake = Network()
    monkeypatch.setitem(sys.modules, "tapehead.knowledge.network", fake)
    return fake


def test_kinship(network: Network) -> None:
    answer = ask(read("family"), "Who were Johann Sebastian Bach's brothers?", model=MACHINE)
    assert network.machines == [MACHINE]
    assert sorted(answer.answers) == sorted(answer.exact) == ["Johann Christoph Bach", "Johann Jacob Bach"]
    assert answer.correct
    assert answer.confidence == 0.93
    assert answer.facts_given == 48
    (read_fact,) = answer.facts_read
    assert read_fact.startswith("Johann Sebastian Bach —child of→ the family of Johann Ambrosius Bach and")
    assert answer.reading == "brothers of Johann Sebastian Bach (1685–1750)"


def test_a_part_of_the_answer_is_wrong(network: Network) -> None:
    graph = read("family")
    _, people = graph.family_tree()
    brother = next(e.id for e in graph.entities.values() if e.name == "Johann Jacob Bach")
    network.wrong = [people.index(brother)]
    answer = ask(graph, "Who were Johann Sebastian Bach's brothers?", model=MACHINE)
    assert answer.answers == ["Johann Jacob Bach"]
    assert not answer.correct
    assert "✗" in str(answer)


def test_nobody(network: Network) -> None:
    answer = ask(read("family"), "Who is Veit Bach's father?", model=MACHINE)
    assert answer.correct
    assert "nobody" in str(answer)


def test_a_walk(network: Network) -> None:
    answer = ask(read("london"), "from Bond Street take Central, Circle: where am I?", model=MACHINE)
    assert answer.answers == answer.exact == ["Notting Hill Gate", "Gloucester Road"]
    assert answer.correct
    assert answer.facts_given == 104
    assert "taken: Central westbound" in answer.notes[0]
    network.wrong = [0, 1]
    assert not ask(read("london"), "from Bond Street take Central westbound", model=MACHINE).correct


def test_any_of_the_shortest_ways_is_right(network: Network) -> None:
    graph = read("london")
    answer = ask(graph, "shortest path from Moorgate to Piccadilly Circus", model=MACHINE)
    assert answer.correct
    assert answer.exact == answer.answers
    network.wrong = [3]
    answer = ask(graph, "shortest path from Moorgate to Piccadilly Circus", model=MACHINE)
    assert not answer.correct
    assert answer.exact[-1] == "Piccadilly Circus"


def test_as_a_dictionary(network: Network) -> None:
    answer = ask(read("family"), "Who is Hans Bach's father?", model=MACHINE).to_dict()
    assert json.loads(json.dumps(answer)) == answer
    assert list(answer) == [
        *("question", "answers", "exact", "correct", "confidence", "facts_given", "facts_read", "seconds"),
    ]
    assert answer["question"] == "Who is Hans Bach's father?"
    assert answer["answers"] == ["Veit Bach"]
    assert answer["seconds"] > 0


def test_as_text(network: Network) -> None:
    text = str(ask(read("family"), "Who is Hans Bach's father?", model=MACHINE))
    assert "network: Veit Bach (1555–1619) (93% sure)" in text
    assert "exact:   Veit Bach (1555–1619) ✓" in text
    assert "48 facts in memory, 1 read for the answer:" in text
    assert "Hans Bach —child of→ the family of Veit Bach" in text


@pytest.mark.parametrize(
    ("graph", "words", "model"),
    [
        ("family", "Who is Hans Bach's father?", "dnc-kinship"),
        ("london", "from Bank take Circle clockwise", None),
        ("london", "from Bank take Central eastbound", "dnc-traversal"),
        ("london", "from Bank to Victoria", "dnc-shortest-path"),
    ],
)
def test_a_model_for_each_kind_of_question(
    network: Network, monkeypatch: pytest.MonkeyPatch, graph: str, words: str, model: str | None
) -> None:
    monkeypatch.setattr(zoo, "load", lambda name: name)
    if model is None:
        with pytest.raises(UserError, match="does not leave Bank"):
            ask(read(graph), words)
    else:
        ask(read(graph), words)
        ask(read(graph), words, model="mine")
        assert network.machines == [model, "mine"]


def test_a_missing_model_is_told(network: Network) -> None:
    with pytest.raises(UserError, match="no-such-model"):
        ask(read("family"), "Who is Hans Bach's father?", model="no-such-model")


def test_no_way(network: Network, tmp_path) -> None:
    (tmp_path / "map.csv").write_text("A,red,B\n")
    with pytest.raises(UserError, match="no way from B to A"):
        ask(read(tmp_path / "map.csv"), "from B to A", model=MACHINE)
