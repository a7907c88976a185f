"""What a machine answered to a question about a family, and its walk again with a trace, to look at."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...nn import Machine, evaluation_mode
from ...tasks.kinship.channels import encode
from ...tasks.kinship.facts import CHILD, FamilyFact, Place, nearest
from ...tasks.kinship.records import Frame, Record
from ...tasks.kinship.relations import Relation
from ...tasks.kinship.trace import MAX_FRAMES, Fed
from ...tasks.kinship.tree import FamilyTree
from ...types import Trace
from .answer import NetworkAnswer, ToldFact
from .kinship import KinshipSample, ToldFamily, ask_until_sure, facts_at, told_family

PLAYED_FACTS = 150
"""Facts told where a walk is run again to look at it; more where more were read."""
PLAYED_STEPS = 300
"""Steps of a walk that are run again, at most."""


@dataclasses.dataclass(frozen=True, eq=False)
class KinshipAnswer:
    """What a machine answered to a question about a family."""

    answers: list[int]
    """people, in the order in which they were named, each once"""
    confidence: float
    """the probability that it gave to its least certain step, in [0, 1]; of a vote, that of the vote"""
    facts: list[ToldFact]
    """what it was told, in this order"""
    facts_read: list[int]
    """indices into ``facts``, in the order in which the walk found them"""
    left_out: str
    """sentences: what it was not told, and whether its walk was stopped"""
    sample: KinshipSample
    family: ToldFamily
    tree: FamilyTree
    person: int
    relation: Relation


def answer_kinship(machine: Machine, tree: FamilyTree, person: int, relation: Relation) -> KinshipAnswer:
    """Ask a machine trained on the kinship task, in one constrained pass, or where that is unsure by a vote.

    Args:
        machine: of the kinship task.
        tree: the family; told once, and kept for the next question.
        person: whom the question is about.
        relation: what is asked for.

    Raises:
        InputError: the machine is one of another task.
    """
    (sample,) = ask_until_sure(machine, tree, [(person, relation)])
    family, selection = told_family(tree, machine, person, sample=sample.names)
    left_out = [*selection.left_out]
    if sample.stopped:
        left_out.append(f"the network's walk was stopped after {MAX_FRAMES} frames: there may be others")
    return KinshipAnswer(
        answers=sample.answers,
        confidence=sample.confidence,
        facts=[told_fact(fact) for fact in family.given.facts],
        facts_read=_distinct(index for walked in sample.walks for index in family.facts_met(walked)),
        left_out="; ".join(left_out),
        sample=sample,
        family=family,
        tree=tree,
        person=person,
        relation=relation,
    )


class Played(NamedTuple):
    """A question asked again with a trace, of few facts."""

    network: NetworkAnswer
    fed: list[Fed]
    """of each step after the facts"""


def play(answer: KinshipAnswer) -> Played:
    """Ask again, of the facts that were read and of those nearest to the person; with a trace.

    Raises:
        InputError: the machine has no memory.
    """
    tree, machine = answer.tree, answer.family.machine
    read = [_place(answer.family.given.facts[index]) for index in answer.facts_read]
    near = nearest(tree, answer.person, PLAYED_FACTS)
    places = list(dict.fromkeys([*read, *near]))[: max(PLAYED_FACTS, min(len(read), PLAYED_STEPS))]
    order = np.random.default_rng(len(places)).permutation(len(places))
    given, _ = facts_at(tree, [places[index] for index in order])
    frames = 1 + max((sum(isinstance(r, Frame) for r in w.fed) for w in answer.sample.walks), default=1)
    family = ToldFamily(machine, given, max_frames=min(frames, PLAYED_STEPS))
    sample = family.ask(answer.person, answer.relation)
    walks = [walked.fed[:PLAYED_STEPS] for walked in sample.walks]
    with evaluation_mode(machine):
        network = _network_answer(answer, family, sample, walks)
    return Played(network, [fed for walk in walks for fed in walk])


def told_fact(fact: FamilyFact) -> ToldFact:
    """A fact in words and numbers."""
    if fact.role == CHILD:
        return ToldFact(fact.person, "child of", fact.family)
    label = {0: "husband in", 1: "wife in"}.get(fact.sex, "partner in")
    return ToldFact(fact.person, label, fact.family)


def _place(fact: FamilyFact) -> Place:
    return fact.person, fact.family, fact.role, fact.slot


def _traced(family: ToldFamily, records: Sequence[Record], state: Any) -> tuple[Tensor, Trace]:
    outputs, _, trace = family.facts.run(records, state, return_trace=True)
    if trace is None:
        raise InputError(f"a {type(family.machine).__name__} has no memory to read from: give an NTM")
    batch = 0 if family.machine.batch_first else 1
    return outputs, trace.map(lambda field: field.squeeze(batch))


def _network_answer(
    answer: KinshipAnswer, played: ToldFamily, sample: KinshipSample, fed: list[list[Fed]]
) -> NetworkAnswer:
    told = played.facts.told.facts
    runs = [_traced(played, told, None), *(_traced(played, walk, played.facts.state) for walk in fed)]
    traces = [trace for _, trace in runs]
    facts = [told_fact(fact) for fact in played.given.facts]
    index_of = {fact: index for index, fact in enumerate(facts)}
    read = (index_of.get(answer.facts[index], -1) for index in answer.facts_read)
    records = [*told, *(record for walk in fed for record in walk)]
    answered: dict[int, int] = {}
    first = len(told)
    for walked, walk in zip(sample.walks, fed):
        for name, step in zip(walked.people, walked.answered_at):
            person = played.person_of(name)
            if person is not None and step < len(walk):
                answered.setdefault(person, first + step)
        first += len(walk)
    met = [fact for walked, walk in zip(sample.walks, fed) for fact in played.facts_met(walked)[: len(walk)]]
    return NetworkAnswer(
        answers=answer.answers,
        confidence=answer.confidence,
        facts=facts,
        facts_read=[index for index in read if index >= 0],
        inputs=torch.from_numpy(encode([record.values for record in records])),
        outputs=torch.cat([outputs for outputs, _ in runs]),
        trace=Trace._make(None if fields[0] is None else torch.cat(fields) for fields in zip(*traces)),
        step_facts=met,
        answer_steps=[answered.get(person, len(records) - 1) for person in answer.answers],
    )


def _distinct(facts: Iterable[int]) -> list[int]:
    return [fact for fact in dict.fromkeys(facts) if fact >= 0]
