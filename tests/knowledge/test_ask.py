import json
import os
import shutil
from pathlib import Path
from typing import Any

import networkx
import pytest

from tapehead import DNC, hub, tasks
from tapehead.errors import InputError
from tapehead.knowledge import ask, read, read_bytes
from tapehead.knowledge.ask import load_model
from tapehead.knowledge.inference import voting
from tapehead.knowledge.inference.kinship_answer import KinshipAnswer
from tapehead.nn import DeepLSTM
from tapehead.tasks.kinship.records import ANSWER, END, Back
from tapehead.tasks.kinship.trace import Fed
from tests.knowledge import kin_scripts, scripted

BROTHERS = "Who were Johann Sebastian Bach's brothers?"
WAY = "shortest path from Moorgate to Piccadilly Circus"


def test_kinship() -> None:
    answer = ask(read("family"), BROTHERS, model=kin_scripts.kin())
    assert sorted(answer.answers) == sorted(answer.exact) == ["Johann Christoph Bach", "Johann Jacob Bach"]
    assert answer.correct
    assert answer.confidence == pytest.approx(1)
    assert answer.facts_given == len(answer.network.facts) > 70
    assert answer.facts_read[0].startswith(
        "Johann Sebastian Bach —child of→ the family of Johann Ambrosius Bach and"
    )
    assert len(answer.facts_read) == len(answer.network.facts_read) >= 3
    assert answer.understood == "brothers of Johann Sebastian Bach (1685–1750)"
    assert isinstance(answer.network, KinshipAnswer)


def test_a_part_of_the_answer_is_wrong() -> None:
    class SeesOne(kin_scripts.Kin):
        """Names the first whom it finds, and ends."""

        def next(self, fed: Fed, slot: int) -> tuple[Fed, int]:
            said, read = super().next(fed, slot)
            return (Back(END), read) if fed.op == ANSWER else (said, read)

    answer = ask(read("family"), BROTHERS, model=kin_scripts.kin(SeesOne))
    assert len(answer.answers) == 1
    assert set(answer.answers) < set(answer.exact)
    assert not answer.correct
    assert "✗" in str(answer)


def test_nobody() -> None:
    answer = ask(read("family"), "Who is Veit Bach's father?", model=kin_scripts.kin())
    assert answer.correct
    assert "nobody" in str(answer)


def test_lost_in_the_family() -> None:
    answer = ask(read("family"), BROTHERS, model=kin_scripts.kin(kin_scripts.NeverEnds))
    assert (answer.confidence, "(0% sure)" in str(answer)) == (0, True)


def test_a_walk() -> None:
    graph, words = read("london"), "from Bond Street take Central, Circle: where am I?"
    answer = ask(graph, words, model=scripted.traveller())
    assert answer.answers == answer.exact == ["Notting Hill Gate", "Gloucester Road"]
    assert answer.correct
    assert answer.facts_given == 104
    assert answer.facts_read == (
        "Bond Street —Central westbound→ Notting Hill Gate",
        "Notting Hill Gate —Circle anticlockwise→ Gloucester Road",
    )
    assert "taken: Central westbound" in answer.notes[0]
    lost = ask(graph, words, model=scripted.traveller(scripted.GoesAstray))
    assert (lost.answers, lost.correct) == ([], False)
    assert lost.confidence == pytest.approx(0)


def test_any_of_the_shortest_ways_is_right(monkeypatch: Any) -> None:
    class TheOtherWay(scripted.Traveller):
        """The last of the shortest ways, where the solver takes the first."""

        def answer(self, number: int) -> tuple[int, int, int]:
            edges = self.heard[: self.phases[0]]
            start, _, end = self.heard[self.phases[0]]
            here = start if number == 0 else self.heard[-1][2]
            net = networkx.DiGraph((a, b) for a, _, b in edges)
            onward = sorted(path[1] for path in networkx.all_shortest_paths(net, here, end))[-1]
            return next(e for e in edges if (e[0], e[2]) == (here, onward))  # type: ignore[return-value]

    graph = read("london")
    for script in (scripted.Traveller, TheOtherWay):
        answer = ask(graph, WAY, model=scripted.traveller(script))
        assert answer.correct
        assert answer.exact == answer.answers
        assert len(answer.facts_read) == len(answer.answers)
    monkeypatch.setattr(voting, "NUM_SAMPLES", 1)  # Of twenty, one is right by luck.
    answer = ask(graph, WAY, model=scripted.traveller(scripted.GoesAstray))
    assert not answer.correct
    assert answer.exact[-1] == "Piccadilly Circus"
    assert answer.exact != answer.answers


def test_as_a_dictionary() -> None:
    answer = ask(read("family"), "Who is Hans Bach's father?", model=kin_scripts.kin()).to_dict()
    assert json.loads(json.dumps(answer)) == answer
    assert list(answer) == [
        *("question", "answers", "exact", "correct", "confidence"),
        *("facts_given", "left_out", "facts_read", "seconds", "notes"),
        *("understood", "not_asked", "narrower", "relations", "relation", "said", "path"),
        *("way", "shortest", "other_way", "count"),
    ]
    assert answer["question"] == "Who is Hans Bach's father?"
    assert answer["answers"] == ["Veit Bach"]
    assert answer["seconds"] > 0


def test_as_text() -> None:
    text = str(ask(read("family"), "Who is Hans Bach's father?", model=kin_scripts.kin()))
    assert "network: Veit Bach (1555–1619) (100% sure)" in text
    assert "exact:   Veit Bach (1555–1619) ✓" in text
    assert " facts in memory, 2 read for the answer:" in text
    assert "Hans Bach —child of→ the family of Veit Bach" in text


@pytest.mark.parametrize(
    ("graph", "words", "model"),
    [
        ("family", "Who is Hans Bach's father?", "ntm-kinship"),
        ("london", "from Bank take Central eastbound", "dnc-traversal"),
        ("london", "from Bank to Victoria", "ntm-search"),
        ("london", "places within 2 stops of Bank", "ntm-search"),
    ],
)
def test_a_model_for_each_kind_of_question(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, graph: str, words: str, model: str
) -> None:
    asked = []
    task = {"name": model.partition("-")[2]}

    def load(folder: Path) -> Any:
        asked.append(folder.name)
        return {
            "ntm-kinship": kin_scripts.kin,
            "dnc-traversal": scripted.traveller,
            "ntm-search": scripted.searcher,
        }[model]()

    for name in (model, "mine"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(hub, "names", lambda: (model,))
    monkeypatch.setattr(hub, "find", tmp_path.__truediv__)
    monkeypatch.setattr(hub, "load", load)
    monkeypatch.setattr(hub, "info", lambda name: {"architecture": "DNC", "task": task})
    assert ask(read(graph), words).correct
    assert ask(read(graph), words, model="mine").correct
    assert asked == [model, "mine"]


def test_a_kind_of_question_without_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "names", lambda: ())
    with pytest.raises(InputError, match="tapehead train ntm-search"):
        ask(read("london"), "from Bank to Victoria")


def test_a_missing_model_is_told() -> None:
    with pytest.raises(InputError, match="no-such-model"):
        ask(read("family"), "Who is Hans Bach's father?", model="no-such-model")


@pytest.mark.parametrize(
    ("machine", "task", "complaint"),
    [
        (DNC, "copy", "was trained on copy: this question needs a model of kinship"),
        (DNC, None, "was trained on no task that it tells of: this question needs a model of kinship"),
        (DeepLSTM, "kinship", "has no memory to read from: give an NTM or a DNC"),
    ],
)
def test_models_that_do_not_serve(machine: Any, task: str | None, complaint: str, tmp_path: Path) -> None:
    extra = {"task": tasks.get(task).to_dict()} if task else {}
    machine(4, 3, output_size=4).save_pretrained(tmp_path, extra=extra)
    with pytest.raises(InputError, match=complaint):
        ask(read("family"), "Who is Hans Bach's father?", model=tmp_path)


def test_no_way(tmp_path: Path) -> None:
    (tmp_path / "map.csv").write_text("A,red,B\n")
    with pytest.raises(InputError, match="no way from B to A"):
        ask(read(tmp_path / "map.csv"), "from B to A", model=scripted.traveller())


def test_a_map_of_one_way_streets() -> None:
    """Too large to be told whole; and no told edge leads to the end."""
    rows = "".join(f"S{n},road{n},S{n + 1}\n" for n in range(800))
    graph = read_bytes(rows.encode(), "roads.csv")
    assert ask(graph, "from S3 take road3, road4", model=scripted.traveller()).answers == ["S4", "S5"]
    with pytest.raises(InputError, match="none joins the end: ask on a smaller map"):
        ask(graph, "from S3 to S800", model=scripted.traveller())


def test_a_model_is_loaded_once_for_several_questions(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(hub.find("dnc-traversal"), folder)
    first = load_model(folder)
    assert load_model(str(folder)) is first
    os.utime(folder / "model.safetensors", ns=(1, 1))
    assert load_model(folder) is not first, "it may be another one now"
