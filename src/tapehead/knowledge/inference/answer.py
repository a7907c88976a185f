"""The neural half of an answer: a trained machine is told facts, walks through them, and names whom it
found."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...nn import Machine
from ...tasks.graph.episode import OUTPUT_SIZE as TRIPLE_SIZE
from ...tasks.graph.episode import read_triples
from ...tasks.graph.fixed import FixedGraph
from ...tasks.graph.shortest_path import ShortestPath
from ...tasks.kinship.encoding import INPUT_SIZE
from ...tasks.kinship.facts import CHILD, FamilyFact
from ...tasks.kinship.relations import RELATIONS, Relation
from ...tasks.kinship.tree import FamilyTree
from ...types import Trace
from .kinship import MEMORY_SIZE, MOST_FACTS, KinshipQuestion, answer_all, facts_about
from .routes import MapReading, find_paths, memory_for, nearest_edges, renumber, walk
from .voting import read_for_the_shortest, read_until_two_agree

MOST_PATH = 12
"""Steps of a path, after which the machine is taken to be lost."""
PLAN = ShortestPath(planning_steps=MOST_PATH, scratchpad=True)
"""How the shortest-path machine plans."""
READ = 0.3
"""A slot counts as read from this weighting on."""


class NetworkAnswer(NamedTuple):
    """What a machine answered, and what can be seen of how."""

    answers: list[int]
    """people or places, in the order in which they were named, each once"""
    confidence: float
    """the probability that the machine gave to all that it said, in [0, 1]; 0 when it got lost. A question
    is read several times, and this is their mean"""
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
    (walked,) = answer_all(machine, [asked])
    # Of somebody without a family nothing is told, and nobody is found.
    inputs = torch.from_numpy(np.stack(walked.rows)) if walked.rows else torch.zeros(1, INPUT_SIZE)
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
        walked.answer_steps,
    )


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
        InputError: the start or a line is not among the edges told.
    """
    told = nearest_edges(edges, [start], MOST_FACTS)
    graph, places, lines = renumber(told)
    if start not in places or not set(labels) <= set(lines):
        raise InputError(f"the walk leaves the {len(told)} edges nearest to its start: no more are told")
    first, along = places.index(start), [lines.index(label) for label in labels]

    def read(asked: Sequence[tuple[int, int]]) -> list[MapReading]:
        return [walk(machine, graph, first, along, seed=number) for _, number in asked]

    ((reading, confidence),) = read_until_two_agree(1, read)
    return _map_answer(machine, graph, places, lines, reading, confidence, len(labels) + 1)


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
        InputError: one of the two is not among the edges told.
    """
    told = nearest_edges(edges, [start, end], MOST_FACTS)
    graph, places, lines = renumber(told)
    if start not in places or end not in places:
        raise InputError(
            f"the map has {len(edges):,} edges, and of the {len(told)} nearest, which are told, none joins "
            f"the {'start' if start not in places else 'end'}: ask on a smaller map"
        )
    question = (graph, (places.index(start), places.index(end)))

    def read(asked: Sequence[tuple[int, int]]) -> list[MapReading]:
        seeds = [number for _, number in asked]
        return find_paths(machine, PLAN, [question] * len(seeds), MOST_PATH, seeds)

    ((reading, confidence),) = read_for_the_shortest(1, read)
    return _map_answer(machine, graph, places, lines, reading, confidence, len(reading.said.places))


def _map_answer(
    machine: Machine,
    graph: FixedGraph,
    places: list[int],
    lines: list[int],
    reading: MapReading,
    confidence: float,
    answer_steps: int,
) -> NetworkAnswer:
    """Run the episode again, whole, for its trace."""
    (said, inputs), told = reading, len(graph.edges)
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
        confidence,
        facts,
        read,
        inputs,
        outputs,
        trace,
        step_facts,
        said.steps,
    )


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


def _label(fact: FamilyFact) -> str:
    """A fact's label in words."""
    if fact.role == CHILD:
        return "child of"
    return {0: "husband in", 1: "wife in"}.get(fact.sex, "partner in")


__all__ = [
    "NetworkAnswer",
    "answer_kinship",
    "answer_path",
    "answer_walk",
]
