"""Lets a machine answer questions about a family: it is told facts, then names people step by step."""

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
from .run import run_time_first
from .voting import majority_vote

MAX_FACTS = 250
"""Facts told about a person: the nearest, chosen without regard to the question."""
MAX_STEPS = 250
"""Steps of an answer, after which the machine is taken to be lost."""
MEMORY_SIZE = MAX_FACTS + MAX_STEPS + 12
"""Slots for every fact and every step."""
IS_ANSWER, END = OUTPUTS["is_answer"].start, OUTPUTS["end"].start
BACKS = tuple(OUTPUTS[f"back{place}"] for place in range(DIGITS))


@dataclasses.dataclass
class KinshipQuery:
    """What the network is asked: facts about a family, and a question about them in numbers."""

    given: FactSet
    person: int
    relation: int
    """index in RELATIONS"""
    sample: int = 0
    """number of the sample: people, families and steps have other random numbers in each"""


@dataclasses.dataclass
class KinshipSample:
    """One answer of the network to one query."""

    answers: list[int]
    """people, in the order in which they were named, each once"""
    answer_steps: list[int]
    """of each answer, the index in ``rows`` of the step that named it"""
    confidence: float
    """the probability that the network gave to all that it said; 0 if it did not come to an end"""
    rows: list[np.ndarray]
    """the inputs [INPUT_SIZE] of each step: a fact each, then the steps of the answer"""
    ended: bool
    """whether the network said that it had finished"""

    @property
    def answer(self) -> frozenset[int] | None:
        """The people named; None if the network did not come to an end."""
        return frozenset(self.answers) if self.ended else None


def facts_about(tree: FamilyTree, person: int, max_facts: int = MAX_FACTS) -> FactSet:
    """The facts to tell about a person: the nearest ones, ``max_facts`` at most."""
    places = nearest(tree, person, max_facts)
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


def answer_all(machine: Machine, queries: Sequence[KinshipQuery]) -> list[KinshipSample]:
    """Answer several queries, each by majority vote; the confidence is that of the vote."""

    def draw(wanted: Sequence[tuple[int, int]]) -> list[KinshipSample]:
        return sample_answers(
            machine, [dataclasses.replace(queries[i], sample=number) for i, number in wanted]
        )

    voted = majority_vote(len(queries), draw)
    return [dataclasses.replace(sample, confidence=confidence) for sample, confidence in voted]


def sample_answers(machine: Machine, queries: Sequence[KinshipQuery]) -> list[KinshipSample]:
    """Draw one answer to each query; they run side by side, each with a memory of its own."""
    decoders = [_AnswerDecoder(query) for query in queries]
    # About somebody without a family there is nothing to tell.
    running = [decoder for decoder in decoders if decoder.facts]
    if not running:
        return [decoder.sample for decoder in decoders]
    lengths = [len(decoder.facts) for decoder in running]
    inputs = np.zeros((max(lengths), len(running), INPUT_SIZE), np.float32)
    for b, decoder in enumerate(running):
        inputs[: lengths[b], b] = decoder.facts
    _, state, _ = run_time_first(machine, torch.from_numpy(inputs), lengths=lengths, memory_size=MEMORY_SIZE)
    while not all(decoder.over for decoder in running):
        rows = np.stack([decoder.next_input() for decoder in running])
        outputs, state, _ = run_time_first(machine, torch.from_numpy(rows).unsqueeze(0), state)
        for decoder, logits in zip(running, outputs[0].double().numpy()):
            if not decoder.over:
                decoder.observe(logits)
    return [decoder.sample for decoder in decoders]


def names_of(query: KinshipQuery) -> EpisodeNames:
    """The random numbers of a sample: the same whenever the same number of facts is told."""
    return EpisodeNames.draw(np.random.default_rng([len(query.given.facts), query.sample]), query.given)


class _AnswerDecoder:
    """Decodes one answer step by step: what is fed to the machine next depends on what it said."""

    def __init__(self, query: KinshipQuery) -> None:
        names = names_of(query)
        self.asked = query.person
        self.facts = [_row(channels) for channels in fact_steps(query.given, names)]
        self.sample = KinshipSample(
            answers=[], answer_steps=[], confidence=0.0, rows=list(self.facts), ended=False
        )
        self.steps = 0
        self._person = {number: person for person, number in names.people.items()}
        self._step_numbers = names.frames
        self._nll = 0.0
        if self.facts:
            self._question = _row(question_step(query.given, names, query.person, query.relation))
            self._constrained = ConstrainedDecoder(self.facts, names.frames[:MAX_STEPS])
            self._said = np.zeros(SHARED, np.float32)
            self._said[OUTPUTS["home"].start] = 1

    @property
    def over(self) -> bool:
        """Whether nothing more is to be decoded."""
        return self.sample.ended or self.steps == MAX_STEPS

    def next_input(self) -> np.ndarray:
        """The inputs [INPUT_SIZE] of the next step: the question, the frame said last, the step's number."""
        if self.over:  # Others beside it go on.
            return np.zeros(INPUT_SIZE, np.float32)
        row = self._question.copy()
        row[:SHARED] += self._said
        row[digits("number", self._step_numbers[self.steps], INPUTS)] = 1
        self.sample.rows.append(row)
        return row

    def observe(self, logits: np.ndarray) -> None:
        """Take the machine's outputs [OUTPUT_SIZE] in this step."""
        sample = self.sample
        if self.steps and logits[IS_ANSWER] > 0:
            person = self._person[decode_number("person", self._said)]
            if person != self.asked and person not in sample.answers:
                sample.answers.append(person)
                sample.answer_steps.append(len(sample.rows) - 1)
        self._nll += np.logaddexp(0, -abs(logits[[IS_ANSWER, END]])).sum()
        if logits[END] > 0:
            sample.ended, sample.confidence = True, math.exp(-self._nll)
        else:
            self._said, nll = self._constrained.choose(logits, self.steps)
            self._nll += nll
        self.steps += 1


class ConstrainedDecoder:
    """Decodes outputs to frames that are possible: with a fact that was told, and a step that was taken.

    The outputs are renormalised over these, as the paper's are over the edges that leave a node (DNC Methods,
    "Shortest path"): a number with one wrong digit belongs to nobody.

    Args:
        facts: the inputs [INPUT_SIZE] of each fact that was told.
        step_numbers: the number of each step, in their order.
    """

    def __init__(self, facts: list[np.ndarray], step_numbers: list[int]) -> None:
        self.facts = np.stack(facts)[:, :FACT_SIZE]
        self.backs = np.array([digits("back", number, OUTPUTS) for number in step_numbers])

    def choose(self, logits: np.ndarray, step: int) -> tuple[np.ndarray, float]:
        """The most probable frame [SHARED] after ``step`` steps, and its negative log-likelihood in nats."""
        one, zero = np.zeros(OUTPUT_SIZE), np.zeros(OUTPUT_SIZE)
        bits = list(BITS)
        one[bits], zero[bits] = -np.logaddexp(0, -logits[bits]), -np.logaddexp(0, logits[bits])
        frame = np.zeros(SHARED, np.float32)
        nll = 0.0
        for field in CHOICES:
            part = slice(field.start, field.stop)
            one[part] = logits[part] - np.logaddexp.reduce(logits[part])
            if field.start >= FACT_SIZE and field not in BACKS:
                best = field.start + int(logits[part].argmax())
                frame[best] = 1
                nll -= one[best]
        returned, home = OUTPUTS["returned"].start, OUTPUTS["home"].start
        frame[returned] = logits[returned] > 0
        nll -= max(one[returned], zero[returned])

        facts = self.facts @ (one - zero)[:FACT_SIZE]
        frame[:FACT_SIZE] = self.facts[facts.argmax()]
        nll += float(np.logaddexp.reduce(facts) - facts.max())
        # Frame 0 is the question: to go back there is to be at home.
        backs = np.append(one[home], zero[home] + one[self.backs[1 : step + 1]].sum(1))
        best = int(backs.argmax())
        frame[self.backs[best] if best else home] = 1
        nll += float(np.logaddexp.reduce(backs) - backs.max())
        return frame, nll


def _row(channels: list[int]) -> np.ndarray:
    row = np.zeros(INPUT_SIZE, np.float32)
    row[channels] = 1
    return row


__all__ = [
    "MAX_FACTS",
    "MAX_STEPS",
    "MEMORY_SIZE",
    "KinshipQuery",
    "KinshipSample",
    "answer_all",
    "facts_about",
    "names_of",
    "sample_answers",
]
