import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch

from tapehead.errors import InputError
from tapehead.knowledge import Edges, read, solver
from tapehead.knowledge.inference import voting
from tapehead.knowledge.inference.answer import answer_kinship, answer_path, answer_walk
from tapehead.knowledge.inference.kinship import (
    MAX_FACTS,
    MAX_STEPS,
    MEMORY_SIZE,
    KinshipQuery,
    KinshipSample,
    answer_all,
    facts_about,
    names_of,
    sample_answers,
)
from tapehead.knowledge.inference.routes import memory_for, nearest_edges, renumber, sample_paths
from tapehead.knowledge.inference.voting import MAX_VOTES
from tapehead.tasks import ShortestPath
from tapehead.tasks.graph.fixed import FixedGraph
from tapehead.tasks.kinship.encoding import FACT, INPUTS, OUTPUTS, decode_number
from tapehead.tasks.kinship.facts import MAX_RANKS, nearest
from tapehead.tasks.kinship.population import random_tree
from tapehead.tasks.kinship.relations import BY_NAME, RELATIONS
from tapehead.tasks.kinship.tree import Family, FamilyTree
from tests.knowledge import scripted

LONDON = read("london").edges


def numbered(edges: list[tuple[int, int, int]]) -> Edges:
    """A map whose places and lines are called by their numbers."""
    places, lines = 1 + max(max(a, b) for a, _, b in edges), 1 + max(line for _, line, _ in edges)
    return Edges([str(n) for n in range(places)], [str(n) for n in range(lines)], edges)


def place(name: str) -> int:
    return next(n for n, at in enumerate(LONDON.places) if name in at)


@pytest.fixture(scope="module")
def tree() -> FamilyTree:
    return random_tree(np.random.default_rng(4), 60)


@pytest.fixture(scope="module")
def questions(tree: FamilyTree) -> list[KinshipQuery]:
    chance = np.random.default_rng(0)
    people = chance.integers(0, len(tree.sexes), 40).tolist()
    return [KinshipQuery(facts_about(tree, p), p, int(chance.integers(len(RELATIONS)))) for p in people]


def test_a_perfect_machine_answers_everything(tree: FamilyTree, questions: list[KinshipQuery]) -> None:
    machine = scripted.kin()
    for walked, asked in zip(sample_answers(machine, questions), questions):
        assert set(walked.answers) == solver.relatives(tree, asked.person, RELATIONS[asked.relation])
        assert len(set(walked.answers)) == len(walked.answers)
        if asked.given.facts:
            assert walked.ended
            assert walked.confidence == pytest.approx(1)
    assert machine.memory_sizes == [MEMORY_SIZE]


def test_side_by_side_is_one_by_one(questions: list[KinshipQuery]) -> None:
    machine = scripted.kin(scripted.Unsure)
    together = sample_answers(machine, questions[:6])
    for asked, walked in zip(questions, together):
        (alone,) = sample_answers(machine, [asked])
        assert (alone.answers, alone.ended) == (walked.answers, walked.ended)
        assert alone.confidence == pytest.approx(walked.confidence)


def log_chance(said: np.ndarray, candidate: np.ndarray, names: tuple[str, ...]) -> float:
    """How a machine whose logits are 3 where a frame has ones, and −3 elsewhere, rates another frame."""
    found = 0.0
    for name in names:
        part = slice(OUTPUTS[name].start, OUTPUTS[name].stop)
        logits = np.where(said[part] > 0, 3.0, -3.0)
        if len(logits) == 1:
            found -= math.log1p(math.exp(-logits[0] if candidate[part][0] else logits[0]))
        elif candidate[part].any():
            found += logits[candidate[part].argmax()] - math.log(np.exp(logits).sum())
    return found


def surprise(said: np.ndarray, candidates: list[np.ndarray], names: tuple[str, ...]) -> float:
    """−log of the chance of what was said among all that could be."""
    chances = [log_chance(said, candidate, names) for candidate in candidates]
    return math.log(sum(map(math.exp, chances))) - log_chance(said, said, names)


def test_confidence_is_the_probability_of_all_that_was_said(
    tree: FamilyTree, questions: list[KinshipQuery]
) -> None:
    """Facts renormalised over those told, and ways back over the steps taken."""
    asked = questions[:8]
    walks = sample_answers(scripted.kin(scripted.Unsure), asked)
    assert max(len(walked.rows) - len(one.given.facts) for walked, one in zip(walks, asked)) > 3
    back = ("back0", "back1", "back2")
    for walked, one in zip(walks, asked):
        facts = len(one.given.facts)
        told, steps = walked.rows[:facts], walked.rows[facts:]
        nats = 2 * math.log1p(math.exp(-3)) * len(steps)  # is it an answer, is it the end
        numbers = []
        for row in steps[1:]:
            nats += surprise(row, told, tuple(FACT))
            nats -= log_chance(row, row, ("kind", "level", "note", "walk", "returned"))
            home = np.zeros_like(row)
            home[OUTPUTS["home"].start] = 1
            nats += surprise(row, [home, *numbers], ("home", *back))
            number = np.zeros_like(row)
            for place in range(3):
                digit = row[INPUTS[f"number{place}"].start : INPUTS[f"number{place}"].stop].argmax()
                number[OUTPUTS[f"back{place}"].start + digit] = 1
            numbers.append(number)
        assert walked.confidence == pytest.approx(math.exp(-nats) if walked.ended else 0)


def test_a_slip_in_a_digit_does_no_harm(tree: FamilyTree, questions: list[KinshipQuery]) -> None:
    """Of the facts that were told the likeliest is taken: a number with a wrong digit is nobody's."""
    for walked, asked in zip(sample_answers(scripted.kin(scripted.Slips), questions[:12]), questions):
        assert set(walked.answers) == solver.relatives(tree, asked.person, RELATIONS[asked.relation])
        assert 0 <= walked.confidence <= 1


def test_broken_machines(tree: FamilyTree) -> None:
    person = next(p for p, family in enumerate(tree.parents) if family is not None)
    asked = KinshipQuery(facts_about(tree, person), person, RELATIONS.index(BY_NAME["parents"]))

    def walked(script: type[scripted.Kin]) -> KinshipSample:
        (found,) = sample_answers(scripted.kin(script), [asked])
        return found

    too_soon, never, wrongly = map(walked, (scripted.EndsAtOnce, scripted.NeverEnds, scripted.LooksUpWrongly))
    facts = len(asked.given.facts)
    assert (too_soon.answers, too_soon.ended, len(too_soon.rows)) == ([], True, facts + 1)
    assert (never.ended, never.confidence, len(never.rows)) == (False, 0, facts + MAX_STEPS)
    assert set(wrongly.answers) != solver.relatives(tree, person, BY_NAME["parents"])


def test_readings_go_on_until_two_agree(tree: FamilyTree) -> None:
    person = next(p for p, family in enumerate(tree.parents) if family is not None)
    asked = KinshipQuery(facts_about(tree, person), person, RELATIONS.index(BY_NAME["parents"]))
    parents = solver.relatives(tree, person, BY_NAME["parents"])

    def ask(wrong: dict[int, type[scripted.Kin]]) -> tuple[KinshipSample, int]:
        """What is answered by a machine that errs in some readings, and how many there were."""
        made: list[scripted.Kin] = []

        def script() -> scripted.Kin:
            made.append(wrong.get(len(made), scripted.Kin)())
            return made[-1]

        machine = scripted.kin()
        machine.script = script
        (found,) = answer_all(machine, [asked])
        return found, len(made)

    at_once, once = ask({})
    assert (set(at_once.answers), once) == (parents, 2)
    assert at_once.confidence == pytest.approx(1)
    after_one, three = ask({0: scripted.EndsAtOnce})
    assert (set(after_one.answers), three) == (parents, 3)
    assert after_one.confidence == pytest.approx(2 / 3)
    after_many, five = ask({0: scripted.NeverEnds, 1: scripted.NeverEnds, 2: scripted.EndsAtOnce})
    assert (set(after_many.answers), five) == (parents, MAX_VOTES)
    assert after_many.confidence == pytest.approx(2 / 5)
    lost, five = ask(dict.fromkeys(range(MAX_VOTES), scripted.NeverEnds))
    assert (lost.ended, lost.confidence, five) == (False, 0, MAX_VOTES)
    alone, five = ask(dict.fromkeys(range(1, MAX_VOTES), scripted.NeverEnds))
    assert (set(alone.answers), five) == (parents, MAX_VOTES)


def test_readings_have_numbers_of_their_own(tree: FamilyTree) -> None:
    given = facts_about(tree, 5)
    one, again, other = (names_of(KinshipQuery(given, 5, 0, reading)) for reading in (0, 0, 1))
    assert one == again
    assert sum(one.people[p] == other.people[p] for p in one.people) < 3


def test_an_answer_and_what_was_read(tree: FamilyTree) -> None:
    person = next(p for p in range(60) if len(solver.relatives(tree, p, BY_NAME["uncles"])) > 1)
    machine = scripted.kin()
    answer = answer_kinship(machine, tree, person, BY_NAME["uncles"])
    uncles = solver.relatives(tree, person, BY_NAME["uncles"])
    assert set(answer.answers) == uncles
    assert answer.confidence == pytest.approx(1)
    given = facts_about(tree, person)
    assert [(p, f) for p, _, f in answer.facts] == [(fact.person, fact.family) for fact in given.facts]
    assert {label for _, label, _ in answer.facts} <= {"child of", "husband in", "wife in", "partner in"}
    # The answer begins at the person's own parents, and comes by everybody whom it names.
    first = answer.facts[answer.facts_read[0]]
    assert first == (person, "child of", tree.parents[person])
    assert uncles <= {answer.facts[index][0] for index in answer.facts_read}
    assert len(set(answer.facts_read)) == len(answer.facts_read)
    steps = len(answer.inputs) - len(answer.facts)
    assert len(answer.step_facts) == len(answer.outputs) - len(answer.facts) == steps
    assert all(-1 <= index < len(answer.facts) for index in answer.step_facts)
    # A person is named in the step to which the frame that found them was fed back.
    names = names_of(KinshipQuery(given, person, 0))
    fed_back = [decode_number("person", answer.inputs[step].numpy()) for step in answer.answer_steps]
    assert fed_back == [names.people[person] for person in answer.answers]
    # A step that comes back reads the frame that it wrote when it was there: the fact of that frame.
    assert -1 not in answer.step_facts[:-1]
    assert machine.memory_sizes == [MEMORY_SIZE] * 2


def test_somebody_of_whom_nothing_is_known() -> None:
    answer = answer_kinship(scripted.kin(), FamilyTree(["m"], []), 0, BY_NAME["parents"])
    assert (answer.answers, answer.facts, answer.facts_read, answer.confidence) == ([], [], [], 0)


def test_large_trees_are_cut_to_the_nearest_facts() -> None:
    tree = random_tree(np.random.default_rng(8), 600)
    person = max(range(0, 600, 20), key=lambda p: len(nearest(tree, p, 10**6)))
    given = facts_about(tree, person)
    assert len(given.facts) == MAX_FACTS
    told = {(fact.person, fact.family) for fact in given.facts}
    assert told == {(p, f) for p, f, _, _ in nearest(tree, person, MAX_FACTS)}
    answer = answer_kinship(scripted.kin(), tree, person, BY_NAME["grandparents"])
    assert set(answer.answers) == solver.relatives(tree, person, BY_NAME["grandparents"])
    assert len(answer.facts) == MAX_FACTS
    few = answer_kinship(scripted.kin(), tree, person, BY_NAME["parents"], max_facts=9)
    assert len(few.facts) == 9


@pytest.mark.parametrize("children", [MAX_RANKS, MAX_RANKS + 1, 300])
def test_very_large_families(children: int) -> None:
    """Ranks end at 24: no more children of a family are told, and the others' facts are as ever."""
    tree = FamilyTree(["m", "f"] + ["m"] * children, [Family((0, 1), tuple(range(2, 2 + children)))])
    for person in (0, 2):
        given = facts_about(tree, person)
        assert max(fact.rank for fact in given.facts) == MAX_RANKS
        assert sum(fact.last for fact in given.facts) == 3
    answer = answer_kinship(scripted.kin(), tree, 0, BY_NAME["children"])
    assert len(answer.answers) == MAX_RANKS
    assert set(answer_kinship(scripted.kin(), tree, 2, BY_NAME["parents"]).answers) <= {0, 1}


def test_many_marriages() -> None:
    tree = FamilyTree(["m"] + ["f"] * 40, [Family((0, wife), ()) for wife in range(1, 41)])
    assert len(answer_kinship(scripted.kin(), tree, 0, BY_NAME["wives"]).answers) == MAX_RANKS


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
            torch.testing.assert_close(channels, sum(map(scripted.channels, names))[:30] / len(names))
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
