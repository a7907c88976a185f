"""The neural half of an answer about a family: a machine walks through facts, and names whom it finds."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import torch

from ...nn import Machine
from ...tasks.kinship.encoding import (
    BITS,
    CHOICES,
    DIGITS,
    FACT_SIZE,
    INPUT_SIZE,
    INPUTS,
    OUTPUT_SIZE,
    OUTPUTS,
    SHARED,
    decode_number,
    digits,
)
from ...tasks.kinship.facts import MAX_RANKS, FactSet, index_facts, nearest
from ...tasks.kinship.task import EpisodeNames, fact_steps, question_step
from ...tasks.kinship.tree import FamilyTree
from .routes import with_slots
from .voting import read_until_two_agree

MOST_FACTS = 250
"""Facts told about a person: the nearest, chosen without a look at the question."""
MOST_STEPS = 250
"""Steps of an answer, after which the machine is taken to be lost."""
MEMORY_SIZE = MOST_FACTS + MOST_STEPS + 12
"""Slots for every fact and every step."""
IS_ANSWER, END = OUTPUTS["is_answer"].start, OUTPUTS["end"].start
BACKS = tuple(OUTPUTS[f"back{place}"] for place in range(DIGITS))


@dataclasses.dataclass
class KinshipQuestion:
    """Facts about a family, and a question about them."""

    given: FactSet
    person: int
    relation: int
    """index in RELATIONS"""
    reading: int = 0
    """people, families and steps go by other random numbers in each"""


@dataclasses.dataclass
class Walked:
    """How one question was walked."""

    answers: list[int]
    answer_steps: list[int]
    """of each answer, the index in ``rows`` of the step that named it"""
    confidence: float
    """the probability that the machine gave to all that it said; 0 when it got lost"""
    rows: list[np.ndarray]
    """the inputs: a fact in each step, then the answer's steps"""
    ended: bool
    """the machine said that it had finished"""

    @property
    def answer(self) -> frozenset[int] | None:
        """The people named; None when the machine got lost."""
        return frozenset(self.answers) if self.ended else None


def facts_about(tree: FamilyTree, person: int, most: int = MOST_FACTS) -> FactSet:
    """The facts to tell about a person: the nearest that fit."""
    places = nearest(tree, person, most)
    # In an order that says nothing about how near they are.
    order = np.random.default_rng(len(places)).permutation(len(places))
    places = [places[index] for index in order]
    given = index_facts(tree, places)
    if any(fact.rank > MAX_RANKS for fact in given.facts):
        # Of very large families only as many children, or families of one person, as ranks can tell apart.
        return index_facts(
            tree, [place for place, fact in zip(places, given.facts) if fact.rank <= MAX_RANKS]
        )
    return given


def answer_all(machine: Machine, questions: Sequence[KinshipQuestion]) -> list[Walked]:
    """Answer several questions, each read under other random numbers until two readings agree."""

    def read(asked: Sequence[tuple[int, int]]) -> list[Walked]:
        return walk_all(machine, [dataclasses.replace(questions[i], reading=number) for i, number in asked])

    found = read_until_two_agree(len(questions), read)
    return [dataclasses.replace(walked, confidence=confidence) for walked, confidence in found]


@torch.no_grad()
def walk_all(machine: Machine, questions: Sequence[KinshipQuestion]) -> list[Walked]:
    """Let a machine answer several questions side by side, each with a memory of its own."""
    names = [names_of(asked) for asked in questions]
    people = [{number: person for person, number in given.people.items()} for given in names]
    told = [[_row(row) for row in fact_steps(asked.given, name)] for asked, name in zip(questions, names)]
    walks = [Walked([], [], 0.0, list(rows), False) for rows in told]
    possible = [i for i, rows in enumerate(told) if rows]
    if not possible:
        return walks
    steps = max(len(told[i]) for i in possible)
    inputs = np.zeros((steps, len(possible), INPUT_SIZE), np.float32)
    for b, i in enumerate(possible):
        inputs[: len(told[i]), b] = told[i]
    lengths = torch.tensor([len(told[i]) for i in possible])
    _, state = machine(torch.from_numpy(inputs), lengths=lengths, **with_slots(machine, MEMORY_SIZE))

    constant = np.stack(
        [
            _row(question_step(questions[i].given, names[i], questions[i].person, questions[i].relation))
            for i in possible
        ]
    )
    sayable = [_Sayable(told[i], names[i].frames[:MOST_STEPS]) for i in possible]
    said = np.zeros((len(possible), SHARED), np.float32)
    said[:, OUTPUTS["home"].start] = 1
    nats = np.zeros(len(possible))
    waiting = set(range(len(possible)))
    for step in range(MOST_STEPS):
        rows = constant.copy()
        rows[:, :SHARED] += said
        for b, i in enumerate(possible):
            rows[b, digits("number", names[i].frames[step], INPUTS)] = 1
        outputs, state = machine(torch.from_numpy(rows).unsqueeze(0), state)
        logits = outputs[0].double().numpy()
        for b in list(waiting):
            walk, i = walks[possible[b]], possible[b]
            walk.rows.append(rows[b])
            if step and logits[b, IS_ANSWER] > 0:
                person = people[i][decode_number("person", said[b])]
                if person != questions[i].person and person not in walk.answers:
                    walk.answers.append(person)
                    walk.answer_steps.append(len(walk.rows) - 1)
            nats[b] += np.logaddexp(0, -abs(logits[b, [IS_ANSWER, END]])).sum()
            if logits[b, END] > 0:
                walk.ended, walk.confidence = True, math.exp(-nats[b])
                waiting.discard(b)
            else:
                said[b], cost = sayable[b].choose(logits[b], step)
                nats[b] += cost
        if not waiting:
            break
    return walks


def names_of(asked: KinshipQuestion) -> EpisodeNames:
    """The numbers of a reading: the same whenever the same facts are told."""
    return EpisodeNames.draw(np.random.default_rng([len(asked.given.facts), asked.reading]), asked.given)


def _row(channels: list[int]) -> np.ndarray:
    row = np.zeros(INPUT_SIZE, np.float32)
    row[channels] = 1
    return row


class _Sayable:
    """What a machine can say about one family: the facts that it was told, and the steps that it took.

    Its outputs are renormalised over these, as the paper's are over the edges that leave a node (DNC Methods,
    "Shortest path"): a number with one wrong digit belongs to nobody.
    """

    def __init__(self, told: list[np.ndarray], numbers: list[int]) -> None:
        self.facts = np.stack(told)[:, :FACT_SIZE]
        self.backs = np.array([digits("back", number, OUTPUTS) for number in numbers])

    def choose(self, logits: np.ndarray, step: int) -> tuple[np.ndarray, float]:
        """The most probable frame [SHARED] after ``step`` steps, and its cost in nats."""
        one, zero = np.zeros(OUTPUT_SIZE), np.zeros(OUTPUT_SIZE)
        bits = list(BITS)
        one[bits], zero[bits] = -np.logaddexp(0, -logits[bits]), -np.logaddexp(0, logits[bits])
        said = np.zeros(SHARED, np.float32)
        nats = 0.0
        for field in CHOICES:
            part = slice(field.start, field.stop)
            one[part] = logits[part] - np.logaddexp.reduce(logits[part])
            if field.start >= FACT_SIZE and field not in BACKS:
                best = field.start + int(logits[part].argmax())
                said[best] = 1
                nats -= one[best]
        returned, home = OUTPUTS["returned"].start, OUTPUTS["home"].start
        said[returned] = logits[returned] > 0
        nats -= max(one[returned], zero[returned])

        facts = self.facts @ (one - zero)[:FACT_SIZE]
        said[:FACT_SIZE] = self.facts[facts.argmax()]
        nats += float(np.logaddexp.reduce(facts) - facts.max())
        # Frame 0 is the question: to go back there is to be at home.
        backs = np.append(one[home], zero[home] + one[self.backs[1 : step + 1]].sum(1))
        best = int(backs.argmax())
        said[self.backs[best] if best else home] = 1
        nats += float(np.logaddexp.reduce(backs) - backs.max())
        return said, nats


__all__ = [
    "MEMORY_SIZE",
    "MOST_FACTS",
    "MOST_STEPS",
    "KinshipQuestion",
    "Walked",
    "answer_all",
    "facts_about",
    "names_of",
    "walk_all",
]
