"""Questions about a family: the exact answer with its labels and notes, and when the network is asked."""

import json
from pathlib import Path
from typing import Any

import pytest

from tapehead import cli, hub
from tapehead.errors import InputError
from tapehead.knowledge import (
    KinshipQuestion,
    KnowledgeGraph,
    ask,
    ask_parsed,
    needs_network,
    parse,
    read,
    read_bytes,
)
from tapehead.viz.figures import plot_answer, plot_kinship
from tapehead.viz.player_page import record_answer
from tests.knowledge import kin_scripts, scripted
from tests.knowledge.files import family, graph_of

HALF = family(
    *("Ann f", "Bob m", "Cyril m", "Dot f", "Eva f", "Fay f", "Gus m", "Hal m", "Ivy f"),
    *("Cyril+Dot: Ann", "Cyril+Eva: Bob", "Gus+Ann: Fay", "Bob+Ivy: Hal"),
)
MARRIAGE = family(
    *("Sue f", "Tim m", "Una f", "Wes m", "Xena f", "Abe m"), *("Tim+Una: Sue", "Wes+Xena:", "Abe+?: Tim Wes")
)


def graph(text: str) -> KnowledgeGraph:
    return read_bytes(text.encode(), "own.ged")


def said(text: str, words: str) -> str:
    """What is printed, of networks that are right."""
    found = graph(text)
    question = parse(words, found)
    machine = kin_scripts.kin() if isinstance(question, KinshipQuestion) else scripted.searcher()
    return str(ask_parsed(found, question, machine if needs_network(question) else None))


def test_half_blood_counts_and_is_marked() -> None:
    answer = ask(graph(HALF), "Who are Ann's siblings?", model=kin_scripts.kin())
    assert (answer.exact, answer.relations, answer.marked) == (["Bob"], ("half-brother",), (True,))
    # The network knows full siblings by this word, and is right about them.
    assert (answer.answers, answer.correct) == ([], True)
    assert answer.narrower == "siblings in the narrow sense: full blood, no marriage"
    assert "network: nobody (100% sure) ✓, asked for siblings in the narrow sense" in str(answer)
    assert "exact:   Bob, half-brother\n" in str(answer)
    assert answer.notes == ('half-blood counts, too: "full siblings" leaves it out',)
    assert "exact:   Bob, half-uncle" in said(HALF, "Who is Fay's uncle?")
    assert "exact:   nobody" in said(HALF, "Ann's full siblings")
    assert "note: on the way: Bob is a half-brother" in said(HALF, "Who is Ann's brother's wife?")


def test_a_wrong_network_is_wrong_in_every_sense() -> None:
    for words in ("Cyril's children", "Hal's grandfathers"):
        answer = ask(graph(HALF), words, model=kin_scripts.kin(kin_scripts.EndsAtOnce))
        assert (answer.answers, answer.correct, answer.narrower) == ([], False, "")
        assert " ✗" in str(answer)


def test_marriage_counts_and_is_marked() -> None:
    text = said(MARRIAGE, "Who is Sue's aunt?")
    assert "exact:   Xena, aunt by marriage" in text
    assert 'marriage counts, too: "aunts by blood" leaves it out' in text
    assert "exact:   nobody" in said(MARRIAGE, "Sue's aunts by blood")
    text = said(MARRIAGE, "Who is Xena's niece?")
    assert "exact:   Sue, niece-in-law" in text
    assert "there are none by blood, so marriage counts: nieces-in-law" in text


def test_what_is_not_counted_is_named() -> None:
    text = said(HALF, "Who is Bob's mother?")
    assert "exact:   Eva ✓" in text
    assert "not counted: Dot (stepmother)" in text
    text = said(HALF.replace("+Eva", "+?"), "who are Ann's brothers")
    assert "note:" in text


def test_a_half_brother_may_be_a_full_one() -> None:
    text = said(family("A m", "b f", "C m", "d f", "A+b: C", "A+?: d"), "C's siblings")
    assert "d, half-sister" in text
    assert "the file lacks a parent, so these may be of full blood: d" in text
    assert "may be" not in said(HALF, "Ann's siblings")


def test_the_order_of_birth_may_be_unknown() -> None:
    text = said(family("A m", "B m", "C m", "A+?: B C"), "A's oldest son")
    assert "exact:   B\n" in text
    assert "the file lacks years of birth: its own order was taken" in text
    assert "lacks" not in said(family("A m", "B m 1850", "C m 1840", "A+?: B C"), "A's oldest son")


def test_two_people() -> None:
    text = said(HALF, "How is Ann related to Bob?").splitlines()
    assert text[:5] == [
        "how Ann is related to Bob",
        "  network: Ann —father→ Cyril —son→ Bob (100% sure) ✓",
        "  steps:   2, and no way in the file is shorter",
        "  exact:   Ann is Bob's half-sister: they share their father, Cyril",
        "  path:    Ann → father Cyril → son Bob",
    ]
    text = said(family("A m", "b f", "C m", "D m", "e f", "F m", "A+b: C D", "C+?: F", "D+?: e", "F+e:"),
                "how is e related to F")  # fmt: skip
    assert "exact:   e is F's first cousin: both descend from A and b" in text
    assert "also:    e is F's wife" in text


def test_as_a_dictionary() -> None:
    found = ask(graph(HALF), "How is Ann related to Bob?", model=scripted.searcher()).to_dict()
    assert json.loads(json.dumps(found)) == found
    assert (found["exact"], found["relation"]) == (["half-sister"], "half-sister")
    assert found["path"] == [
        {"step": "", "name": "Ann", "id": "@I1@", "beside": "", "generation": 0},
        {"step": "father", "name": "Cyril", "id": "@I3@", "beside": "", "generation": 1},
        {"step": "son", "name": "Bob", "id": "@I2@", "beside": "", "generation": 0},
    ]
    assert (found["answers"], found["correct"]) == (["Cyril", "Bob"], True)
    assert found["facts_read"] == ["Ann —father→ Cyril", "Cyril —son→ Bob"]
    assert found["way"] == found["shortest"] == found["path"]
    assert (found["other_way"], found["not_asked"], found["left_out"]) == ("", "", "")
    found = ask(graph(HALF), "Is Bob Ann's half-brother?").to_dict()
    assert (found["answers"], found["correct"], found["confidence"]) == ([], None, None)
    assert found["not_asked"] == "of two people it is asked for the way between them, not for one relation"
    assert (found["way"], found["shortest"]) == ([], [])
    found = ask(graph(HALF), "Ann's siblings", model=kin_scripts.kin()).to_dict()
    assert (found["exact"], found["relations"], found["not_asked"]) == (["Bob"], ["half-brother"], "")


def test_the_network_is_asked_what_it_has_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> Any:
        raise AssertionError(name)

    monkeypatch.setattr(hub, "load", load)
    found = graph(HALF)
    answer = ask(found, "Who are Ann's grandkids?", model=kin_scripts.kin())
    assert answer.network is not None
    for words, why in (
        ("Who are Ann's half-uncles?", "it has learned 66 relations, and 'half-uncles' is none of them"),
        ("Fay's mother's brother's son", "\"mother's brother's sons\" is none of them"),
        ("Is Ann the mother of Fay?", "not for one relation"),
    ):
        answer = ask(found, words)  # No weights are loaded.
        assert answer.network is None
        assert why in answer.not_asked
        assert f"the network was not asked: {answer.not_asked}" in str(answer)
        for draw in (lambda: plot_answer(answer), lambda: record_answer(found, answer)):  # noqa: B023
            with pytest.raises(InputError, match="the network was not asked"):
                draw()
    with pytest.raises(InputError, match="no-such-model"):
        ask(found, "Who are Ann's half-uncles?", model="no-such-model")
    with pytest.raises(ValueError, match="give a machine"):
        ask_parsed(found, parse("Ann's mother", found), None)


@pytest.mark.parametrize(
    ("words", "exact", "count"),
    [
        ("Who are the children of Cyril and Dot?", ["Ann"], None),
        ("Cyril and Eva's children", ["Bob"], None),
        ("children of Eva and Dot", [], None),
        ("How many children did Cyril have with Eva?", ["Bob"], 1),
        ("Who are the grandfathers of Fay and Hal?", ["Cyril"], None),
    ],
)
def test_of_two_people(words: str, exact: list[str], count: int | None) -> None:
    answer = ask(graph(HALF), words)
    assert (answer.exact, answer.count, answer.network) == (exact, count, None)
    assert answer.not_asked == "it is asked about one person at a time"
    assert " and " in answer.understood


def test_of_two_people_of_whom_one_is_unclear() -> None:
    with pytest.raises(InputError, match="nobody is called 'Nobody'"):
        ask(graph(HALF), "children of Cyril and Nobody")
    with pytest.raises(InputError, match="names one person twice"):
        ask(graph(HALF), "children of Cyril and Cyril")


def test_siblings_without_parents_in_the_file(tmp_path: Path) -> None:
    text = family("A m", "b f", "A+?: b").replace("1 HUSB @I1@", "1 CHIL @I1@")
    found = graph_of(text, tmp_path)
    assert ask(found, "how is b related to A", model=scripted.searcher()).said == (
        "b is A's sister: the file has them in one family without its parents",
    )
    assert ask(found, "full brothers of b").exact == ["A"]
    assert ask(found, "ancestors of b").exact == []


def test_on_the_command_line(capsys: Any, tmp_path: Path) -> None:
    path = tmp_path / "half.ged"
    path.write_text(HALF)
    assert cli.main(["ask", str(path), "Is Bob Ann's brother?"]) == 0
    out, err = capsys.readouterr()
    assert "exact:   yes: Bob is Ann's half-brother: they share their father, Cyril" in out
    assert "path:    Bob → father Cyril → daughter Ann" in out
    assert err == ""
    assert cli.main(["ask", str(path), "Who are Ann's nieces and nephews?", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["exact"], answer["relations"]) == (["Hal"], ["half-nephew"])


def test_the_way_is_drawn(capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "load", lambda name: scripted.searcher())
    path, picture = tmp_path / "half.ged", tmp_path / "way.png"
    path.write_text(HALF)
    assert cli.main(["ask", str(path), "How is Hal related to Fay?", "--figure", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    figure = plot_kinship(ask(graph(HALF), "How is Hal related to Fay?"))
    drawn = {text.get_text(): text.get_position() for text in figure.axes[0].texts}
    assert drawn == {
        "Hal": (0, 0),
        "father\nBob": (1, 1),
        "father\nCyril": (2, 2),
        "daughter\nAnn": (3, 1),
        "daughter\nFay": (4, 0),
    }
    with pytest.raises(InputError, match="no way between two people"):
        plot_kinship(ask(graph(HALF), "Ann's half-siblings' fathers"))
    with pytest.raises(InputError, match="no way between two people"):
        plot_kinship(ask(graph(family("A m", "B m")), "How is A related to B?"))
    names = [f"P{number} m" for number in range(30)]
    line = [f"P{number}+?: P{number + 1}" for number in range(29)]
    with pytest.raises(InputError, match="by 30 people: 24 are the most"):
        plot_kinship(ask(graph(family(*names, *line)), "How is P0 related to P29?"))
    capsys.readouterr()
    assert cli.main(["ask", str(path), "Ann's full siblings", "--figure", str(picture)]) == 2
    assert "the network was not asked, so that there is no figure" in capsys.readouterr().err


def test_a_long_answer_is_cut_in_print() -> None:
    names = [f"C{number} m" for number in range(70)]
    text = family("A m", *names, "A+?: " + " ".join(f"C{number}" for number in range(70)))
    answer = ask(graph(text), "descendants of A")
    assert len(answer.exact) == 70
    assert str(answer).count(", son") == 60
    assert "; and 10 more" in str(answer)


def test_the_example_family() -> None:
    found = read("family")
    words = "How is Carl Philipp Emanuel Bach related to Anna Magdalena?"
    answer = ask(found, words, model=scripted.searcher())
    assert answer.relation == "stepson"
    assert ask(found, "Johann Sebastian Bach's second wife").exact == ["Anna Magdalena Wilcke"]
