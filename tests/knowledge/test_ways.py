"""The shortest way between two people: exact, by a network, and beside the tie that has a name."""

import json
from pathlib import Path
from typing import Any

import networkx
import pytest

from tapehead import cli, hub
from tapehead.errors import InputError
from tapehead.knowledge import Answer, KnowledgeGraph, ask, read, read_bytes
from tapehead.knowledge.evaluation.ways import score_ways
from tapehead.knowledge.inference import family_way
from tapehead.knowledge.inference.family_way import WayAnswer
from tapehead.knowledge.kinship.index import kin_of
from tapehead.knowledge.kinship.ways import distances, nearest_ties, shortest_way, ties_of
from tapehead.tasks.graph.search_trace import Op, Record
from tapehead.viz.figures import plot_answer, plot_kinship, plot_search
from tapehead.viz.player_page import SearchRecording, record_answer
from tests.knowledge import kin_scripts, scripted
from tests.knowledge.files import ROYALS, family, graph_of
from tests.viz import searches

COUSINS = family(
    *("A m", "b f", "C m", "D m", "e f", "F m", "G m", "h f", "Z m"),
    *("A+b: C D", "C+?: F", "D+?: e", "F+e: G", "Z+?: h"),
)
"""F and e are cousins and a couple; nothing joins Z and h to the others."""
LINE = family(*(f"P{n} m" for n in range(12)), *(f"P{n}+?: P{n + 1}" for n in range(11)))
"""Twelve generations, 22 ties."""


def graph(text: str) -> KnowledgeGraph:
    return read_bytes(text.encode(), "own.ged")


def asked(text: str, words: str, script: type[scripted.Searcher] = scripted.Searcher) -> Answer:
    return ask(graph(text), words, model=scripted.searcher(script))


class Detours(scripted.Searcher):
    """Goes to the first neighbour and back before it sets out."""

    def said(self, target: int, start: int) -> list[Record]:
        said = super().said(target, start)
        ties = [record for record in self.heard if record.op == Op.EDGE]
        there = next(tie for tie in ties if tie.source == start)
        back = next(tie for tie in ties if (tie.source, tie.destination) == (there.destination, start))
        more = [
            step for tie in (back, there) for step in (tie._replace(op=Op.PATH), Record.at(tie[0], Op.BACK))
        ]
        return [*said[:-1], *more, said[-1]]


class Fails(scripted.Searcher):
    """Says that there is no way, whatever it is fed."""

    def said(self, target: int, start: int) -> list[Record]:
        return [Record.bare(Op.FAIL)] * 500


@pytest.mark.parametrize("name", ["family", "royals"])
def test_the_net_is_the_file_s(name: str) -> None:
    """Against another search, over the families as the file has them: each tie leads both ways."""
    if name == "royals" and not ROYALS.exists():
        pytest.skip("royal92.ged is not here")
    found = read("family" if name == "family" else ROYALS)
    kin, net = kin_of(found), networkx.Graph()
    net.add_nodes_from(kin.sexes)
    for unions in found.pedigree.unions.values():
        for union in unions:
            net.add_edges_from((a, b) for a in union.partners for b in union.partners if a != b)
            net.add_edges_from((parent, child) for parent in union.partners for child in union.children)
    if name == "family":  # Where a file lacks parents, siblings are joined by some without a name.
        assert kin.num_ties == 2 * net.number_of_edges()
    assert kin.num_ties == sum(len(ties_of(kin, person)) for person in kin.sexes)
    people = list(kin.sexes)
    for person in people[:: max(1, len(people) // 5)]:
        known = networkx.single_source_shortest_path_length(net, person)
        for other in people[:: max(1, len(people) // 20)]:
            way = shortest_way(kin, person, other)
            assert (None if way is None else len(way.steps)) == known.get(other)
        near = networkx.single_source_shortest_path_length(net, person, cutoff=4)
        assert distances(kin, person, 4) == near


def test_the_nearest_ties() -> None:
    kin = kin_of(graph(COUSINS))

    def told(people: list[str], most: int) -> set[str]:
        ties = nearest_ties(kin, people, most)
        assert len(ties) <= most
        among = {tie.person for tie in ties}
        assert all(set(ties_of(kin, p)) >= {tie for tie in ties if tie.person == p} for p in among)
        # All ties between them, each way.
        assert len(ties) == sum(tie.other in among for p in among for tie in ties_of(kin, p))
        return among

    assert told(["@I1@"], 1) == set()
    assert told(["@I1@"], 2) == {"@I1@", "@I3@"}
    assert told(["@I1@"], 5) == {"@I1@", "@I3@", "@I4@"}, "a tie to somebody of whom no more is told is none"
    assert told(["@I9@", "@I1@"], 4) == {"@I9@", "@I8@", "@I1@", "@I3@"}, "of each in turn"
    assert len(nearest_ties(kin, ["@I9@", "@I1@"], 1000)) == kin.num_ties


def test_the_tie_may_take_another_way() -> None:
    answer = asked(COUSINS, "How is e related to F?")
    assert answer.answers == ["F"]
    assert answer.correct
    assert answer.relation == "first cousin"
    assert [step.step for step in answer.way] == ["", "husband"]
    text = str(answer)
    assert "  network: e —husband→ F (100% sure) ✓\n  steps:   1, and no way in the file is shorter\n" in text
    assert "exact:   e is F's first cousin" in text
    assert (
        "  note: this path is another way than the shortest, of 4 steps: blood goes before marriage" in text
    )
    assert answer.lines[-1].startswith("note: this path is another way")
    # Whether by the father or by the mother of full siblings, it is the same way.
    assert asked(COUSINS, "How is C related to D?").other_way == ""
    assert asked(COUSINS, "Is C related to D?").answers[-1] == "D"
    both = family("A m", "b f", "C m", "d f", "E m", "f f", "A+b: C", "A+?: E", "C+d: f", "E+?: d")
    assert asked(both, "How is f related to A?").other_way in (
        "",
        "this path is another way than the shortest, of 2 steps, too",
    )


def test_a_wrong_way() -> None:
    answer = asked(COUSINS, "How is A related to F?", Detours)
    assert (len(answer.way), len(answer.shortest), answer.correct) == (5, 3, False)
    assert answer.way[-1] == answer.shortest[-1]._replace(generation=answer.way[-1].generation)
    assert "✗\n  steps:   4, but the shortest way has 2: A —son→ C —son→ F\n" in str(answer)
    figure = plot_kinship(answer)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["", "the network's way"]


def test_no_way() -> None:
    answer = asked(COUSINS, "How is A related to Z?")
    assert (answer.answers, answer.correct) == ([], True)
    assert "network: no way by the ties that it was told (100% sure) ✓" in str(answer)
    assert "steps:   none, as no ties of the file join the two" in str(answer)
    assert "exact:   no tie in this file" in str(answer)
    with pytest.raises(InputError, match="no way between two people"):
        plot_kinship(answer)
    # Of people without any tie nothing is told.
    alone = asked(family("A m", "B m"), "How is A related to B?")
    assert (alone.answers, alone.correct, alone.facts_given) == ([], True, 0)
    assert alone.verdict is None
    # There is one, but it does not find it.
    fails = asked(COUSINS, "How is A related to F?", Fails)
    assert (fails.answers, fails.correct) == ([], False)
    assert "no way by the ties that it was told (100% sure) ✗" in str(fails)
    assert "steps:   the shortest way has 2: A —son→ C —son→ F" in str(fails)
    figure = plot_kinship(fails)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["", "the shortest way"]


@pytest.mark.parametrize("script", [searches.NamesNoWay, searches.NeverEnds])
def test_a_search_gone_astray(script: type[scripted.Searcher]) -> None:
    answer = asked(COUSINS, "How is A related to F?", script)
    assert (answer.answers, answer.correct) == ([], False)
    assert "network: a search gone astray (100% sure) ✗" in str(answer)
    plot_kinship(answer)


def test_unsure() -> None:
    class Unsure(scripted.Searcher):
        """Would as soon have said anything else."""

        def step(self, row: Any) -> Any:
            output, slot = super().step(row)
            return output * 1e-6, slot

    answer = asked(COUSINS, "How is A related to F?", Unsure)
    assert 0 < (answer.confidence or 0) < 0.2
    answer = asked(COUSINS, "How is A related to Z?", Unsure)
    assert "0% sure" not in str(answer).replace("10% sure", "")


def test_every_tie_of_the_file_counts(tmp_path: Path) -> None:
    text = family("A m", "b f", "C m", "A+b: C").replace("1 CHIL @I3@", "1 CHIL @I3@\n2 _FREL Adopted")
    found = graph_of(text, tmp_path)
    answer = ask(found, "How is A related to C?", model=scripted.searcher())
    assert str(answer).splitlines()[1] == "  network: A —adopted son→ C (100% sure) ✓"
    # Siblings whose parents the file does not name.
    text = family("A m", "b f", "A+?: b").replace("1 HUSB @I1@", "1 CHIL @I1@")
    found = graph_of(text, tmp_path)
    answer = ask(found, "How is b related to A?", model=scripted.searcher())
    assert answer.answers == ["a parent whom the file does not name", "A"]
    assert answer.correct
    assert "network: b —parent→ a parent whom the file does not name —son→ A (100% sure) ✓" in str(answer)
    assert answer.other_way == ""
    assert json.loads(json.dumps(answer.to_dict()))["way"][1]["name"] == ""


def test_of_a_large_family_the_nearest_ties_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    found, machine = graph(LINE), scripted.searcher()
    words = "How is P4 related to P7?"
    whole = ask(found, words, model=machine)
    assert (whole.facts_given, whole.left_out) == (22, "")
    ask(found, "How is P0 related to P11?", model=machine)
    assert len(machine.memory_sizes) == 1, "a family is told once"
    monkeypatch.setattr(family_way, "TOLD_TIES", (10, 22))
    part = ask(found, words, model=machine)
    said = "the network is told 10 of the 22 ties, the nearest to both"
    assert (part.facts_given, part.left_out, part.correct) == (10, said, True)
    assert part.way == whole.way
    assert str(part).splitlines()[1] == f"  note: {said}"
    told = len(machine.memory_sizes)
    ask(found, "How is P7 related to P4?", model=machine)
    assert len(machine.memory_sizes) == told, "the same part is told once"
    # Where it names no way, it is told more.
    words = "How is P0 related to P8?"
    more = ask(found, words, model=machine)
    assert (more.facts_given, more.correct) == (22, True)
    monkeypatch.setattr(family_way, "TOLD_TIES", (6, 8))
    less = ask(found, words, model=machine)
    assert (less.answers, less.correct, less.facts_given) == ([], False, 8)
    assert "no way by the ties that it was told" in str(less)
    assert "steps:   the shortest way has 8: P0 —son→ P1" in str(less)


def test_the_search_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    searches.use(monkeypatch)
    found = graph(LINE)
    answer = ask(found, "How is P0 related to P5?", model=scripted.searcher())
    for limit, told in ((300, 22), (14, 14)):
        monkeypatch.setattr(family_way, "PLAYED_TIES", limit)
        recording = record_answer(found, answer)
        assert isinstance(recording, SearchRecording)
        assert len(recording.edges) <= told
        assert f" people and {len(recording.edges)} ties in memory" in recording.subtitle
        again = f"it was told all 22 ties; here of {len(recording.edges)} again, to be looked at"
        assert recording.note == ("" if told == 22 else again)
        asked_of = recording.question
        assert asked_of.answers == asked_of.exact == tuple(answer.answers)
        assert asked_of.correct
        assert [recording.places[place] for place in recording.answers] == answer.answers
    astray = ask(found, "How is P0 related to P2?", model=scripted.searcher(searches.NamesNoWay))
    recording = record_answer(found, astray)
    assert (recording.question.answers, recording.question.exact) == ((), ("P1", "P2"))
    for draw in (plot_answer, lambda answer: plot_search(found, answer)):
        with pytest.raises(ValueError, match="plot_kinship"):
            draw(astray)


def test_another_machine_is_refused() -> None:
    with pytest.raises(InputError, match="was not trained on search"):
        ask(graph(COUSINS), "How is A related to F?", model=kin_scripts.kin())
    with pytest.raises(InputError, match="needs a model of search"):
        ask(graph(COUSINS), "How is A related to F?", model="ntm-copy")


def test_the_shipped_network_finds_ways() -> None:
    answer = ask(read("family"), "How is Carl Philipp Emanuel Bach related to Anna Magdalena?")
    assert answer.correct
    assert answer.answers == ["Johann Sebastian Bach", "Anna Magdalena Wilcke"]
    assert isinstance(answer.network, WayAnswer)
    assert (answer.confidence or 0) > 0.5


def test_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    found = graph(LINE)
    score = score_ways(scripted.searcher(), found, pairs=12)
    assert score.total.pairs == score.total.right == score.total.right_constrained == 12
    assert max(steps or 0 for steps in score.by_steps) <= 8
    assert list(score_ways(scripted.searcher(), found, pairs=3, steps=4).by_steps) == [4]
    assert score_ways(scripted.searcher(), graph(family("A m", "B m", "A+?: B")), pairs=9).total.pairs == 2
    wrong = score_ways(scripted.searcher(Fails), found, pairs=3).total
    assert (wrong.right, wrong.right_constrained) == (0, 0)
    assert score_ways(scripted.searcher(Detours), found, pairs=3).total.right == 0
    # More ties are told where the network names no way.
    monkeypatch.setattr(family_way, "TOLD_TIES", (6, 22))
    assert score_ways(scripted.searcher(), found, pairs=5, steps=6).total.right == 5
    monkeypatch.setattr(family_way, "TOLD_TIES", (6, 8))
    assert score_ways(scripted.searcher(), found, pairs=5, steps=6).total.right == 0
    with pytest.raises(ValueError, match="no two people up to 8 steps apart"):
        score_ways(scripted.searcher(), graph(family("A m", "B m")), pairs=3)
    with pytest.raises(ValueError, match="no two people 30 steps apart"):
        score_ways(scripted.searcher(), found, pairs=1, steps=30)


def test_on_the_command_line(capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    searches.use(monkeypatch)
    monkeypatch.setattr(hub, "load", lambda name: scripted.searcher())
    path, picture, page = tmp_path / "own.ged", tmp_path / "way.png", tmp_path / "way.html"
    path.write_text(COUSINS)
    options = ["--figure", str(picture), "--page", str(page)]
    assert cli.main(["ask", str(path), "How is e related to G?", *options]) == 0
    assert "network: e —son→ G (100% sure) ✓" in capsys.readouterr().out
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "<title>Search of own.ged" in page.read_text(encoding="utf-8")
    assert cli.main(["ask", str(path), "How is A related to Z?", "--figure", str(picture)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    command = ["evaluate", "ntm-search", "--data", str(path), "--pairs", "7"]
    assert cli.main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["nodes"], found["told"], found["pairs"], found["accuracy"]) == (9, found["edges"], 7, 1)
    assert found["accuracy_constrained"] == 1
    monkeypatch.setattr(family_way, "TOLD_TIES", (5, 400))
    assert cli.main(command) == 0
    assert f"{found['edges']} edges, the nearest 5 told; an answer" in capsys.readouterr().out
    for more, complaint in (
        (["--graph", "london"], "--data is about a family"),
        (["--data", "london"], "london.csv is a map: give it with --graph"),
        (["--data", "nowhere.ged"], "there is no file 'nowhere.ged'"),
        (["--pairs", "0"], "pairs must be a whole number of at least 1"),
    ):
        assert cli.main([*command, *more]) == 2
        assert complaint in capsys.readouterr().err
