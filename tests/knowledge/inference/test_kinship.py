import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch

from tapehead import NTM
from tapehead.errors import InputError
from tapehead.knowledge import ask, read, solver
from tapehead.knowledge.inference import kinship, kinship_answer
from tapehead.knowledge.inference.kinship import (
    KinshipSample,
    ToldFamily,
    ask_until_sure,
    facts_at,
    select_facts,
    told_family,
)
from tapehead.knowledge.inference.kinship_answer import answer_kinship, play
from tapehead.knowledge.inference.voting import MAX_VOTES
from tapehead.tasks.kinship.channels import BLANK, SIZE, SIZES
from tapehead.tasks.kinship.decode import no_draft
from tapehead.tasks.kinship.facts import MAX_RANKS, every_place, nearest
from tapehead.tasks.kinship.population import random_tree
from tapehead.tasks.kinship.records import Frame, Pair
from tapehead.tasks.kinship.relations import BY_NAME, RELATIONS
from tapehead.tasks.kinship.tree import Family, FamilyTree
from tapehead.viz.figures import plot_answer
from tapehead.viz.player_page.question import record_answer
from tests.knowledge import kin_scripts


@pytest.fixture(scope="module")
def tree() -> FamilyTree:
    return random_tree(np.random.default_rng(4), 60)


@pytest.fixture(scope="module")
def somebody(tree: FamilyTree) -> int:
    """Somebody with uncles, and some who are no uncles of theirs."""
    return next(p for p in range(60) if len(solver.relatives(tree, p, BY_NAME["uncles"])) > 1)


def untrained() -> NTM:
    torch.manual_seed(0)
    options: dict[str, Any] = {"controller": "feedforward", "read_first": True, "write_gate": True}
    machine = NTM(SIZE, 16, output_size=SIZE, word_size=12, init="lookup", feed_reads=False, **options)
    return machine.eval()


def tell(machine: Any, tree: FamilyTree, **options: Any) -> ToldFamily:
    return ToldFamily(machine, select_facts(tree, 0).given, **options)


def test_a_perfect_machine_answers_everything(tree: FamilyTree) -> None:
    family = tell(kin_scripts.kin(), tree)
    rng = np.random.default_rng(0)
    for _ in range(60):
        person, relation = int(rng.integers(len(tree.sexes))), RELATIONS[int(rng.integers(len(RELATIONS)))]
        for constrained in (True, False):
            sample = family.ask(person, relation, constrained=constrained)
            if person not in family.name_of:
                assert (sample.answer, sample.confidence) == (None, 0)
                continue
            assert sample.answer == set(sample.answers) == solver.relatives(tree, person, relation)
            assert len(sample.answers) == len(set(sample.answers))
            assert sample.confidence == pytest.approx(1)
            assert sample.same_unconstrained
            assert len(sample.walks) == len(relation.walks)


def test_a_slip_in_a_digit_does_no_harm_where_it_is_constrained(tree: FamilyTree, somebody: int) -> None:
    """Of the names and numbers that it can mean the likeliest is taken."""
    family = tell(kin_scripts.kin(kin_scripts.Slips), tree)
    uncles = solver.relatives(tree, somebody, BY_NAME["uncles"])
    sample = family.ask(somebody, BY_NAME["uncles"])
    assert (sample.answer, sample.same_unconstrained) == (uncles, False)
    assert 0 < sample.confidence < 1
    assert family.ask(somebody, BY_NAME["uncles"], constrained=False).answer != uncles


def test_the_confidence_is_that_of_the_least_certain_step(tree: FamilyTree, somebody: int) -> None:
    sure = kin_scripts.Unsure.sure
    family = tell(kin_scripts.kin(kin_scripts.Unsure), tree)
    sample = family.ask(somebody, BY_NAME["uncles"], constrained=False)

    def of_step(record: Any) -> float:
        """Each field is one of so many, all alike but the one that is said."""
        sizes = [size for value, size in zip(record.values, SIZES.values()) if value != BLANK]
        return math.prod(1 / (1 + (size - 1) * math.exp(-sure)) for size in sizes)

    steps = [of_step(record) for walked in sample.walks for record in walked.said]
    assert sample.confidence == pytest.approx(min(steps))
    assert sample.answer == solver.relatives(tree, somebody, BY_NAME["uncles"])
    assert family.ask(somebody, BY_NAME["uncles"]).confidence > sample.confidence


def test_broken_machines(tree: FamilyTree, somebody: int) -> None:
    def asked(script: type[kin_scripts.Kin]) -> KinshipSample:
        return tell(kin_scripts.kin(script), tree, max_frames=20).ask(somebody, BY_NAME["parents"])

    too_soon, never, wrongly = map(
        asked, (kin_scripts.EndsAtOnce, kin_scripts.NeverEnds, kin_scripts.LooksUpWrongly)
    )
    assert (too_soon.answers, too_soon.ended) == ([], True)
    assert (never.ended, never.answer, never.confidence, never.stopped) == (False, None, 0, False)
    assert (wrongly.answer, wrongly.stopped) == (None, False), "it goes in a circle"
    assert len(wrongly.walks[0].said) < 20


def test_what_cannot_follow_ends_the_walk(tree: FamilyTree, somebody: int) -> None:
    class SaysFramesOnly(kin_scripts.Kin):
        def next(self, fed: Any, slot: int) -> Any:
            said, read = super().next(fed, slot)
            return (fed.said if isinstance(fed, Frame) else said), read

    (walked,) = tell(kin_scripts.kin(SaysFramesOnly), tree).ask(somebody, BY_NAME["parents"]).walks
    assert (walked.ended, len(walked.fed), walked.said, walked.least_sure) == (False, 1, [], 0)


def test_a_walk_of_too_many_frames_is_stopped() -> None:
    children = tuple(range(2, 22))
    tree = FamilyTree(["m", "f"] + ["m"] * 20, [Family((0, 1), children)])
    family = tell(kin_scripts.kin(), tree, max_frames=12)
    sample = family.ask(0, BY_NAME["children"])
    assert (sample.ended, sample.stopped, sample.answer) == (False, True, None)
    # The first two are where it begins, and the family.
    assert sample.answers == list(children[:10])
    assert tell(kin_scripts.kin(), tree, max_frames=22).ask(0, BY_NAME["children"]).ended


def test_steps_together_are_steps_one_by_one(tree: FamilyTree, somebody: int) -> None:
    """Whatever is expected, the answer is that of the machine; here of one that knows nothing."""
    facts = tell(untrained(), tree, max_frames=10)
    pairs = (Pair.of("U", "p"), Pair.of("U", "c'"))
    name = facts.name_of[somebody]
    for constrained in (True, False):
        together = facts.facts.walk(name, pairs, 2, constrained=constrained)
        one_by_one = facts.facts.walk(name, pairs, 2, constrained=constrained, draft=no_draft)
        assert dataclasses.replace(together, least_sure=0.0) == dataclasses.replace(
            one_by_one, least_sure=0.0
        )
        assert together.least_sure == pytest.approx(one_by_one.least_sure)
    perfect = tell(kin_scripts.kin(), tree)
    name = perfect.name_of[somebody]
    together, one_by_one = (perfect.facts.walk(name, pairs, 2, draft=d) for d in (None, no_draft))
    assert (together.said, together.people) == (one_by_one.said, one_by_one.people)
    assert together.ended


def test_told_once_is_told_anew(tree: FamilyTree) -> None:
    """The state of then is not changed by questions: to the bit what a machine has that is told now."""
    machine = untrained()
    family, _ = told_family(tree, machine, 0)
    family.ask(3, BY_NAME["uncles"])
    again, _ = told_family(tree, machine, 7)
    assert again is family
    anew = tell(machine, tree)
    for kept, new in zip(family.facts.state, anew.facts.state):
        if isinstance(kept, torch.Tensor):
            assert torch.equal(kept, new)
    with torch.no_grad():
        machine.interface.bias += 0.1
    changed, _ = told_family(tree, machine, 0)
    assert changed is not family, "other weights"
    assert told_family(tree, machine, 0, sample=1)[0] is not changed
    for sample in range(2, 2 + kinship.MAX_KEPT):
        told_family(tree, machine, 0, sample=sample)
    assert told_family(tree, machine, 0)[0] is not changed, "only so many are kept"


def test_names_are_others_in_every_sample(tree: FamilyTree) -> None:
    one, again, other = (tell(untrained(), tree, sample=sample) for sample in (0, 0, 1))
    assert one.name_of == again.name_of
    assert sum(one.name_of[p] == other.name_of[p] for p in one.name_of) < 3
    assert one.facts.numbers != other.facts.numbers


def test_another_machine_is_refused(tree: FamilyTree) -> None:
    with pytest.raises(InputError, match="NTM with 9 inputs and 8 outputs was not trained on kinship as"):
        told_family(tree, NTM(9, 4, output_size=8), 0)


def test_samples_are_drawn_until_two_agree(
    monkeypatch: pytest.MonkeyPatch, tree: FamilyTree, somebody: int
) -> None:
    parents = solver.relatives(tree, somebody, BY_NAME["parents"])

    def vote(wrong: dict[int, type[kin_scripts.Kin]]) -> tuple[KinshipSample, int]:
        made: list[kin_scripts.Kin] = []

        def script() -> kin_scripts.Kin:
            made.append(wrong.get(len(made), kin_scripts.Kin)())
            return made[-1]

        machine = kin_scripts.kin()
        machine.script = script
        (found,) = ask_until_sure(machine, tree, [(somebody, BY_NAME["parents"])])
        return found, len(made)

    sure, once = vote({})
    assert (sure.answer, once, sure.names) == (parents, 1, 0)
    monkeypatch.setattr(kinship, "SURE", 1.1)  # the scripts are always sure
    at_once, twice = vote({})
    assert (at_once.answer, twice) == (parents, 2)
    assert at_once.confidence == pytest.approx(1)
    after_one, three = vote({0: kin_scripts.EndsAtOnce})
    assert (after_one.answer, three) == (parents, 3)
    assert after_one.names > 0
    assert after_one.confidence == pytest.approx(2 / 3)
    never = dict.fromkeys(range(1, MAX_VOTES), kin_scripts.EndsAtOnce)
    alone, three = vote(never)
    assert (alone.answer, three) == (frozenset(), 3)


def test_all_facts_are_told_whatever_the_question(tree: FamilyTree) -> None:
    selection = select_facts(tree, 0)
    assert selection.left_out == ()
    told = {(fact.person, fact.family, fact.role) for fact in selection.given.facts}
    assert told == {place[:3] for place in every_place(tree)}
    assert selection.given.facts == select_facts(tree, 40).given.facts


def test_of_large_trees_the_nearest_facts_are_told_and_it_is_said(monkeypatch: Any) -> None:
    tree = random_tree(np.random.default_rng(8), 600)
    total = len(every_place(tree))
    person = max(range(0, 600, 20), key=lambda p: len(nearest(tree, p, 10**6)))
    selection = select_facts(tree, person, 100)
    told = {(fact.person, fact.family) for fact in selection.given.facts}
    assert told == {(p, f) for p, f, _, _ in nearest(tree, person, 100)}
    said = f"the network is told 100 of the {total:,} facts, the nearest ones"
    assert selection.left_out == (said,)
    machine = kin_scripts.kin()
    monkeypatch.setattr(kinship, "MAX_FACTS", 100)
    one, other = (told_family(tree, machine, p)[0] for p in (person, person + 1))
    assert one is not other
    answer = answer_kinship(machine, tree, person, BY_NAME["parents"])
    assert (answer.left_out, len(answer.facts)) == (said, 100)
    assert set(answer.answers) == solver.relatives(tree, person, BY_NAME["parents"])


@pytest.mark.parametrize("children", [MAX_RANKS, MAX_RANKS + 1, 300])
def test_very_large_families(children: int) -> None:
    """Ranks end at 24: no more children of a family are told, which is said; the others' are as ever."""
    tree = FamilyTree(["m", "f"] + ["m"] * children, [Family((0, 1), tuple(range(2, 2 + children)))])
    selection = select_facts(tree, 0)
    assert max(fact.rank for fact in selection.given.facts) == MAX_RANKS
    assert sum(fact.last for fact in selection.given.facts) == 3
    answer = answer_kinship(kin_scripts.kin(), tree, 0, BY_NAME["children"])
    assert answer.answers == list(range(2, 2 + MAX_RANKS))
    left = f"24 children of a family and 24 families of a person: {children - MAX_RANKS} facts are left out"
    assert answer.left_out.endswith(left) == (children > MAX_RANKS)


def test_many_marriages() -> None:
    tree = FamilyTree(["m"] + ["f"] * 40, [Family((0, wife), ()) for wife in range(1, 41)])
    assert len(answer_kinship(kin_scripts.kin(), tree, 0, BY_NAME["wives"]).answers) == MAX_RANKS


def test_somebody_of_whom_nothing_is_known() -> None:
    tree = FamilyTree(["m", "m", "f"], [Family((1, 2), ())])
    answer = answer_kinship(kin_scripts.kin(), tree, 0, BY_NAME["parents"])
    assert (answer.answers, answer.facts_read, answer.confidence) == ([], [], 0)
    played = play(answer).network
    assert (played.answers, len(played.inputs)) == ([], 0)


def test_an_answer_and_what_was_read(tree: FamilyTree, somebody: int) -> None:
    answer = answer_kinship(kin_scripts.kin(), tree, somebody, BY_NAME["uncles"])
    uncles = solver.relatives(tree, somebody, BY_NAME["uncles"])
    assert set(answer.answers) == uncles
    assert {label for _, label, _ in answer.facts} <= {"child of", "husband in", "wife in", "partner in"}
    # The answer begins at the person's own parents, and comes by everybody whom it names.
    assert answer.facts[answer.facts_read[0]] == (somebody, "child of", tree.parents[somebody])
    assert uncles <= {answer.facts[index].subject for index in answer.facts_read}
    assert len(set(answer.facts_read)) == len(answer.facts_read)


def test_a_walk_is_played_with_few_facts(monkeypatch: Any, tree: FamilyTree, somebody: int) -> None:
    monkeypatch.setattr(kinship_answer, "PLAYED_FACTS", 20)
    answer = answer_kinship(kin_scripts.kin(), tree, somebody, BY_NAME["sisters-in-law"])
    network, fed = play(answer)
    read_there = [network.facts[index] for index in network.facts_read]
    assert read_there == [answer.facts[index] for index in answer.facts_read]
    given, steps = len(network.facts), len(network.inputs)
    assert given == max(20, len(read_there)) < len(answer.facts)
    assert steps == given + len(fed) == len(network.outputs) == len(network.trace.memory)
    # Each fact is read in the step that looks it up, from the slot in which it was written.
    slots = network.trace.write_weights[:, 0].argmax(-1)
    for step, (record, fact) in enumerate(zip(fed, network.step_facts, strict=True)):
        if record.op in (1, 2):
            assert network.trace.read_weights[given + step, 0].argmax() == slots[fact]
    assert len(network.answer_steps) == len(answer.answers)


def test_a_question_becomes_a_recording_and_a_figure() -> None:
    graph = read("family")
    answer = ask(graph, "Who are the siblings of Johann Sebastian Bach?", model=kin_scripts.kin())
    recording = record_answer(graph, answer)
    asked = recording.question  # type: ignore[union-attr]
    assert asked is not None
    assert asked.picture is not None
    assert [asked.picture.nodes[n].label for n in asked.picture.answers] == list(asked.answers)
    captions = recording.step_captions[len(asked.facts) :]  # type: ignore[union-attr]
    assert captions[0].startswith("begins, as frame ")
    assert captions[1].startswith("looks up Johann Sebastian Bach —child of→ ")
    assert captions[2].startswith("keeps Johann Sebastian Bach —child of→ ")
    assert captions[-1].endswith(": where it began")
    for step in asked.answer_steps:
        assert captions[step - len(asked.facts)].startswith("keeps ")
    written = asked.step_facts[len(asked.facts) :]
    assert [fact >= 0 for fact in written[:3]] == [False, False, True]
    figure = plot_answer(answer)
    axes = figure.axes[0]
    assert len(axes.get_yticklabels()) == len(answer.facts_read)
    rows = axes.images[0].get_array()
    assert rows is not None
    assert (np.asarray(rows).max(1) > 0.8).all(), "every fact was read in some step"


def test_facts_beyond_the_last_rank() -> None:
    tree = FamilyTree(["m"] * 30, [Family((0, None), tuple(range(1, 30)))])
    given, dropped = facts_at(tree, every_place(tree))
    assert (len(given.facts), dropped) == (25, 5)
