"""How often a machine answers questions about a family tree as the exact solver does."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from ...nn import Machine
from ...tasks.base import check_whole
from ...tasks.kinship.relations import RELATIONS
from ...tasks.kinship.tree import FamilyTree
from .. import solver
from ..inference.kinship import ask_until_sure, told_family


@dataclasses.dataclass
class Tally:
    """Right answers of all asked."""

    right: int = 0
    asked: int = 0

    def add(self, right: bool) -> None:
        """Count one more."""
        self.right += right
        self.asked += 1

    @property
    def accuracy(self) -> float:
        """right / asked."""
        return self.right / self.asked


@dataclasses.dataclass
class KinshipScore:
    """By the length of the relation's walk, and by relation."""

    by_length: dict[int, Tally] = dataclasses.field(default_factory=dict)
    """as ``tapehead ask`` answers: constrained, voted where that is unsure"""
    by_relation: dict[str, Tally] = dataclasses.field(default_factory=dict)
    """likewise"""
    constrained: dict[int, Tally] = dataclasses.field(default_factory=dict)
    """in one constrained pass, by length"""
    greedy: dict[int, Tally] = dataclasses.field(default_factory=dict)
    """in one pass, each output digit by itself, by length"""
    facts: int = 0
    """that were told"""
    left_out: tuple[str, ...] = ()
    """sentences: what was not told"""


def score_kinship(
    machine: Machine,
    tree: FamilyTree,
    *,
    lengths: Sequence[int] = (2, 3, 4, 5),
    questions: int = 1000,
    seed: int = 0,
) -> KinshipScore:
    """Ask random questions that have an answer; an answer is right if its whole set of people is.

    All facts are told once, and once more for every further sample of a vote. Of a family that is too large,
    those nearest to somebody are told, and questions are asked about people among these.

    Args:
        machine: trained on the kinship task.
        tree: the family.
        lengths: of the relations' walks.
        questions: at each length; fewer if the tree does not have so many.
        seed: of the questions.

    Raises:
        ValueError: fewer than one question.
        InputError: the machine is one of another task.
    """
    check_whole("questions", questions, minimum=1)
    rng = np.random.default_rng(seed)
    center = int(rng.integers(len(tree.sexes)))
    family, selection = told_family(tree, machine, center)
    score = KinshipScore(facts=len(selection.given.facts), left_out=selection.left_out)
    people = range(len(tree.sexes)) if not selection.left_out else sorted(family.name_of)
    for length in lengths:
        drawn = _draw_questions(tree, people, length, questions, rng)
        asked = [(person, RELATIONS[relation]) for person, relation, _ in drawn]
        once = [family.ask(*question) for question in asked]
        greedy = [
            sample if sample.same_unconstrained else family.ask(*question, constrained=False)
            for sample, question in zip(once, asked)
        ]
        voted = ask_until_sure(machine, tree, asked, center, first=once)
        passes = ((score.by_length, voted), (score.constrained, once), (score.greedy, greedy))
        for (_, relation, expected), *samples in zip(drawn, *(samples for _, samples in passes)):
            for (tallies, _), sample in zip(passes, samples):
                tallies.setdefault(length, Tally()).add(sample.answer == expected)
            right = samples[0].answer == expected
            score.by_relation.setdefault(RELATIONS[relation].name, Tally()).add(right)
    return score


def _draw_questions(
    tree: FamilyTree, people: Sequence[int], length: int, questions: int, rng: np.random.Generator
) -> list[tuple[int, int, set[int]]]:
    """Different questions (person, relation, answer): a relation first, so that rare ones are asked, too."""
    relations = [r for r, relation in enumerate(RELATIONS) if relation.length == length]
    found: list[tuple[int, int, set[int]]] = []
    tried: set[tuple[int, int]] = set()
    for _ in range(200 * questions):
        if len(found) == questions or len(tried) == len(relations) * len(people):
            break
        relation = relations[int(rng.integers(len(relations)))]
        person = people[int(rng.integers(len(people)))]
        if (person, relation) in tried:
            continue
        tried.add((person, relation))
        answer = solver.relatives(tree, person, RELATIONS[relation])
        if answer:
            found.append((person, relation, answer))
    return found
