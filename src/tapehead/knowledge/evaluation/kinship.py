"""How often a machine answers questions about a family tree as the exact solver does."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from ...nn import Machine
from ...tasks.base import check_whole
from ...tasks.kinship.relations import RELATIONS
from ...tasks.kinship.tree import FamilyTree
from .. import solver
from ..inference.kinship import KinshipQuery, answer_all, facts_about

MAX_BATCH = 25
"""Questions answered side by side."""


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

    by_length: dict[int, Tally]
    by_relation: dict[str, Tally]


def score_kinship(
    machine: Machine,
    tree: FamilyTree,
    *,
    lengths: Sequence[int] = (2, 3, 4, 5),
    questions: int = 1000,
    seed: int = 0,
) -> KinshipScore:
    """Ask random questions that have an answer; an answer is right if its whole set of people is.

    Args:
        machine: trained on the kinship task.
        tree: the family.
        lengths: of the relations' walks.
        questions: at each length; fewer if the tree does not have so many.
        seed: of the questions.

    Raises:
        ValueError: fewer than one question.
    """
    check_whole("questions", questions, minimum=1)
    rng = np.random.default_rng(seed)
    score = KinshipScore({}, {})
    for length in lengths:
        drawn = _draw_questions(tree, length, questions, rng)
        for start in range(0, len(drawn), MAX_BATCH):
            part = drawn[start : start + MAX_BATCH]
            queries = [KinshipQuery(facts_about(tree, p), p, r) for p, r, _ in part]
            for sample, (_, relation, expected) in zip(answer_all(machine, queries), part):
                right = sample.answer == expected
                score.by_length.setdefault(length, Tally()).add(right)
                score.by_relation.setdefault(RELATIONS[relation].name, Tally()).add(right)
    return score


def _draw_questions(
    tree: FamilyTree, length: int, questions: int, rng: np.random.Generator
) -> list[tuple[int, int, set[int]]]:
    """Different questions (person, relation, answer): a relation first, so that rare ones are asked, too."""
    relations = [r for r, relation in enumerate(RELATIONS) if relation.length == length]
    found: list[tuple[int, int, set[int]]] = []
    tried: set[tuple[int, int]] = set()
    for _ in range(200 * questions):
        if len(found) == questions or len(tried) == len(relations) * len(tree.sexes):
            break
        relation = relations[int(rng.integers(len(relations)))]
        person = int(rng.integers(len(tree.sexes)))
        if (person, relation) in tried:
            continue
        tried.add((person, relation))
        answer = solver.relatives(tree, person, RELATIONS[relation])
        if answer:
            found.append((person, relation, answer))
    return found
