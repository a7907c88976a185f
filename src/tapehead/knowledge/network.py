"""The neural half of an answer: a trained machine is told facts, walks through them, and names whom it
found."""

import dataclasses
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .._errors import UserError
from .._types import Trace
from ..nn import Machine
from ..tasks.graph.episode import OUTPUT_SIZE as TRIPLE_SIZE
from ..tasks.graph.episode import read_triples
from ..tasks.graph.given import GivenGraph
from ..tasks.kinship.encoding import (
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
from ..tasks.kinship.facts import CHILD, MOST_RANKS, Fact, GivenFacts, give, nearest
from ..tasks.kinship.relations import RELATIONS, Relation
from ..tasks.kinship.task import Names, question, telling
from ..tasks.kinship.tree import FamilyTree
from ._maps import Said, find_paths, memory_for, nearest_edges, renumber, walk, with_slots

MOST_FACTS = 250
"""Facts told about a person: the nearest, chosen without a look at the question."""
MOST_STEPS = 250
"""Steps of an answer, after which the machine is taken to be lost."""
MEMORY_SIZE = MOST_FACTS + MOST_STEPS + 12
"""Slots for every fact and every step."""
PLANNING_STEPS = 6
"""Steps without input before a path is asked for, as in training."""
MOST_PATH = 12
"""Steps of a path, after which the machine is taken to be lost."""
IS_ANSWER, END = OUTPUTS["is_answer"].start, OUTPUTS["end"].start
BACKS = tuple(OUTPUTS[f"back{place}"] for place in range(DIGITS))
READ = 0.3
"""A slot counts as read from this weighting on."""


class NetworkAnswer(NamedTuple):
    """What a machine answered, and what can be seen of how."""

    answers: list[int]
    """people or places, in the order in which they were named, each once"""
    confidence: float
    """the probability that the machine gave to all that it said, in [0, 1]; 0 when it got lost"""
    facts: list[tuple[int, str, int]]
    """what it was told: (person or place, label, family or place)"""
    facts_read: list[int]
    """indices into ``facts``, in the order in which the answer's steps read them"""
    inputs: Tensor
    """[T, inputs]"""
    outputs: Tensor
    """[T, outputs]"""
    trace: Trace
    """[T, ...], of the one sequence"""
    step_facts: list[int]
    """of each step after the telling, the index of the fact it read; −1 for none"""
    answer_steps: list[int]
    """of each answer, the step in which it was given"""


@dataclasses.dataclass
class KinshipQuestion:
    """Facts about a family, and a question about them."""

    given: GivenFacts
    person: int
    relation: int
    """index in RELATIONS"""


@dataclasses.dataclass
class Walked:
    """How one question was walked."""

    answers: list[int]
    answer_steps: list[int]
    """of each answer, the index in ``rows`` of the step that named it"""
    confidence: float
    rows: list[np.ndarray]
    """the inputs of the answer's steps"""
    ended: bool
    """the machine said that it had finished"""


def facts_about(tree: FamilyTree, person: int, most: int = MOST_FACTS) -> GivenFacts:
    """The facts to tell about a person: the nearest that fit."""
    places = nearest(tree, person, most)
    # In an order that says nothing about how near they are.
    order = np.random.default_rng(len(places)).permutation(len(places))
    places = [places[index] for index in order]
    given = give(tree, places)
    if any(fact.rank > MOST_RANKS for fact in given.facts):
        # Of very large families only as many children, or families of one person, as ranks can tell apart.
        return give(tree, [place for place, fact in zip(places, given.facts) if fact.rank <= MOST_RANKS])
    return given


def answer_kinship(
    machine: Machine, tree: FamilyTree, person: int, relation: Relation, most_facts: int = MOST_FACTS
) -> NetworkAnswer:
    """Ask a machine trained on the kinship task.

    Args:
        machine: a DNC of the kinship task.
        tree: the family.
        person: whom the question is about.
        relation: what is asked for.
        most_facts: facts told, at most.
    """
    given = facts_about(tree, person, most_facts)
    asked = KinshipQuestion(given, person, RELATIONS.index(relation))
    walked = walk_all(machine, [asked])[0]
    rows = [_row(row) for row in telling(given, _names(given))] + walked.rows
    # Of somebody without a family nothing is told, and nobody is found.
    inputs = torch.from_numpy(np.stack(rows)) if rows else torch.zeros(1, INPUT_SIZE)
    with torch.no_grad():
        outputs, _, trace = machine(inputs, memory_size=MEMORY_SIZE, return_trace=True)
    step_facts = _facts_read(trace, len(given.facts))
    labels = [_label(fact) for fact in given.facts]
    facts = [(fact.person, label, fact.family) for fact, label in zip(given.facts, labels)]
    read = [fact for fact in dict.fromkeys(step_facts) if fact >= 0]
    return NetworkAnswer(
        walked.answers,
        walked.confidence,
        facts,
        read,
        inputs,
        outputs,
        trace,
        step_facts,
        [len(given.facts) + step for step in walked.answer_steps],
    )


@torch.no_grad()
def walk_all(machine: Machine, questions: Sequence[KinshipQuestion]) -> list[Walked]:
    """Let a machine answer several questions side by side, each with a memory of its own."""
    names = [_names(asked.given) for asked in questions]
    people = [{number: person for person, number in given.people.items()} for given in names]
    told = [[_row(row) for row in telling(asked.given, name)] for asked, name in zip(questions, names)]
    walks = [Walked([], [], 0.0, [], False) for _ in questions]
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
            _row(question(questions[i].given, names[i], questions[i].person, questions[i].relation))
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
                    walk.answer_steps.append(step)
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


def answer_walk(
    machine: Machine, edges: Sequence[tuple[int, int, int]], start: int, labels: Sequence[int]
) -> NetworkAnswer:
    """Ask a machine trained on the traversal task where a walk leads.

    Args:
        machine: a DNC of the traversal task.
        edges: the map, (place, line, place); if they do not fit, the nearest to the start are told.
        start: place.
        labels: the lines to take, one after another.

    Raises:
        UserError: the start or a line is not among the edges told.
    """
    told = nearest_edges(edges, [start], MOST_FACTS)
    graph, places, lines = renumber(told)
    if start not in places or not set(labels) <= set(lines):
        raise UserError(f"the walk leaves the {len(told)} edges nearest to its start: no more are told")
    said, inputs = walk(machine, graph, places.index(start), [lines.index(label) for label in labels])
    return _map_answer(machine, graph, places, lines, said, inputs, len(labels) + 1)


def answer_path(
    machine: Machine, edges: Sequence[tuple[int, int, int]], start: int, end: int
) -> NetworkAnswer:
    """Ask a machine trained on the shortest-path task for the way.

    Args:
        machine: a DNC of the shortest-path task.
        edges: the map, (place, line, place); if they do not fit, the nearest to start and end are told.
        start: place.
        end: place.

    Raises:
        UserError: one of the two is not among the edges told.
    """
    told = nearest_edges(edges, [start, end], MOST_FACTS)
    graph, places, lines = renumber(told)
    if start not in places or end not in places:
        raise UserError(
            f"the map has {len(edges):,} edges, and of the {len(told)} nearest, which are told, none joins "
            f"the {'start' if start not in places else 'end'}: ask on a smaller map"
        )
    asked = (graph, (places.index(start), places.index(end)))
    said, inputs = find_paths(machine, [asked], PLANNING_STEPS, MOST_PATH)
    return _map_answer(machine, graph, places, lines, said[0], inputs[0], len(said[0].places))


def _map_answer(
    machine: Machine,
    graph: GivenGraph,
    places: list[int],
    lines: list[int],
    said: Said,
    inputs: Tensor,
    answer_steps: int,
) -> NetworkAnswer:
    """Run the episode again, whole, for its trace."""
    told = len(graph.edges)
    with torch.no_grad():
        outputs, _, trace = machine(inputs, memory_size=memory_for(told), return_trace=True)
    line_number = {name: number for number, name in enumerate(said.named.labels)}
    facts = [
        (places[said.numbers[a]], str(lines[line_number[e]]), places[said.numbers[b]])
        for a, e, b in read_triples(inputs[:told, :TRIPLE_SIZE]).tolist()
    ]
    step_facts = _facts_read(trace, told)
    # What the answer's own steps read; the question and the planning may have looked at anything.
    read = [fact for fact in dict.fromkeys(step_facts[len(step_facts) - answer_steps :]) if fact >= 0]
    return NetworkAnswer(
        [places[number] for number in said.places],
        said.confidence,
        facts,
        read,
        inputs,
        outputs,
        trace,
        step_facts,
        said.steps,
    )


def _names(given: GivenFacts) -> Names:
    """The same numbers whenever the same facts are told."""
    return Names.draw(np.random.default_rng(len(given.facts)), given)


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


def _facts_read(trace: Trace, facts: int) -> list[int]:
    """Of each step after the telling: the index of the fact that it read, −1 for none.

    That is the fact in the slot that the head with the sharpest weighting reads.
    """
    written = trace.write_weights.argmax(-1).tolist()
    weight, slots = trace.read_weights.amax(1).max(-1)
    holds: dict[int, int] = {}
    found: list[int] = []
    for step, slot in enumerate(written):
        holds[slot] = step
        if step >= facts:
            source = holds.get(int(slots[step]), -1) if weight[step] > READ else -1
            # A step's slot holds what the step before it read.
            found.append(source if source < facts else found[source - 1 - facts] if source > facts else -1)
    return found


def _label(fact: Fact) -> str:
    """A fact's label in words."""
    if fact.role == CHILD:
        return "child of"
    return {0: "husband in", 1: "wife in"}.get(fact.sex, "partner in")


__all__ = [
    "MEMORY_SIZE",
    "MOST_FACTS",
    "KinshipQuestion",
    "NetworkAnswer",
    "Walked",
    "answer_kinship",
    "answer_path",
    "answer_walk",
    "facts_about",
    "walk_all",
]
