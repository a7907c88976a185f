"""The neural half of an answer about a map: a walk along lines, or a shortest path."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..nn import Machine
from ..tasks.graph.episode import BLANK, TERMINATION, Episode, Triple, collate, digits_of
from ..tasks.graph.given import GivenGraph, NamedGraph
from ..tasks.graph.shortest_path import choose_edges, shortest_path_query
from ..tasks.graph.traversal import traversal_episode

SLOTS_BESIDE = 48
"""Slots beyond one for every edge: for the question and the answer."""
LEAST_SLOTS = 128


def memory_for(edges: int) -> int:
    """Memory slots for so many edges."""
    return max(LEAST_SLOTS, edges + SLOTS_BESIDE)


def with_slots(machine: Machine, slots: int) -> dict[str, int]:
    """The argument that gives a machine so many memory slots; none for a baseline, which has no memory."""
    return {"memory_size": slots} if hasattr(machine, "memory_size") else {}


def nearest_edges(edges: Sequence[Triple], places: Sequence[int], most: int) -> list[Triple]:
    """At most ``most`` edges, those that leave the places nearest to the given ones first."""
    leaving: dict[int, list[Triple]] = {}
    for edge in edges:
        leaving.setdefault(edge[0], []).append(edge)
    found: list[Triple] = []
    seen, waiting = set(places), list(dict.fromkeys(places))
    for place in waiting:  # grows as it goes
        found += leaving.get(place, [])
        if len(found) >= most:
            break
        for _, _, end in leaving.get(place, []):
            if end not in seen:
                seen.add(end)
                waiting.append(end)
    return found[:most]


def renumber(edges: Sequence[Triple]) -> tuple[GivenGraph, list[int], list[int]]:
    """The graph of these edges with its own numbers; of each, the place and the line number it stands for."""
    places = sorted({place for a, _, b in edges for place in (a, b)})
    lines = sorted({line for _, line, _ in edges})
    place_number = {place: number for number, place in enumerate(places)}
    line_number = {line: number for number, line in enumerate(lines)}
    own = tuple((place_number[a], line_number[e], place_number[b]) for a, e, b in edges)
    return GivenGraph(own), places, lines


class Said:
    """What a machine said in its answer, collected step by step."""

    def __init__(self, named: NamedGraph) -> None:
        self.named = named
        self.numbers = {name: number for number, name in enumerate(named.nodes)}
        self.places: list[int] = []
        """numbers of the places named, in order"""
        self.steps: list[int] = []
        """of each, the step of the episode in which it was named"""
        self.nats = 0.0

    def name(self, place: int, step: int) -> None:
        """Note a place named in a step of the episode."""
        self.places.append(self.numbers[place])
        self.steps.append(step)

    def spend(self, logits: Tensor, triple: Triple) -> None:
        """Count what the triple said costs under the outputs [90]."""
        chances = logits.double().unflatten(0, (9, 10)).log_softmax(1)
        self.nats -= float(chances[range(9), digits_of(triple)].sum())

    @property
    def confidence(self) -> float:
        """The probability of all that was said; 0 if it led nowhere."""
        return math.exp(-self.nats)

    @property
    def answer(self) -> tuple[int, ...] | None:
        """The places named; None if they led nowhere."""
        return None if math.isinf(self.nats) else tuple(self.places)


class MapReading(NamedTuple):
    """A walk or a path under the names of one reading."""

    said: Said
    inputs: Tensor
    """of the episode; [T, 92]"""

    @property
    def confidence(self) -> float:
        """The probability of all that was said."""
        return self.said.confidence

    @property
    def answer(self) -> tuple[int, ...] | None:
        """The places named; None if they led nowhere."""
        return self.said.answer


@torch.no_grad()
def walk(machine: Machine, graph: GivenGraph, start: int, labels: Sequence[int], seed: int = 0) -> MapReading:
    """Let a traversal machine follow labels from a node.

    Of the edges that it was told, and the pattern that ends an answer, each step of the answer takes the one
    that the machine's output makes most probable.
    """
    chance = np.random.default_rng(seed)
    named = graph.name(chance)
    # The destinations are what is asked, so they are not told.
    query: list[Triple] = [(named.nodes[start], named.labels[label], BLANK) for label in labels]
    inputs = collate([traversal_episode(chance, named.graph, query)]).inputs
    outputs, _ = machine(inputs, **with_slots(machine, memory_for(len(graph.edges))))
    said = Said(named)
    first = len(outputs) - len(labels) - 1
    for step, triple in enumerate(choose_among(outputs[first:, 0], named.graph.edges), first):
        said.spend(outputs[step, 0], triple)
        if triple == TERMINATION:
            break
        said.name(triple[2], step)
    return MapReading(said, inputs[:, 0])


def choose_among(outputs: Tensor, edges: Sequence[Triple]) -> list[Triple]:
    """Of edges and the pattern that ends an answer, the most probable under each of the outputs [n, 90]."""
    return choose_edges(outputs, [[*edges, TERMINATION]] * len(outputs))


@torch.no_grad()
def find_paths(
    machine: Machine,
    asked: Sequence[tuple[GivenGraph, tuple[int, int]]],
    planning_steps: int,
    most_steps: int,
    seeds: Sequence[int | Sequence[int]],
    memory_size: int | None = None,
) -> list[MapReading]:
    """Let a shortest-path machine go from start to end, each (graph, (start, end)) by itself, side by side.

    Each step's edge is fed back with the next. Of the edges that leave the place where it is, the machine
    takes the one that its outputs make most probable; it stops at the end, where no edge leaves, or after
    ``most_steps``.

    Args:
        machine: trained on the shortest-path task.
        asked: the questions.
        planning_steps: steps without input before the answer.
        most_steps: of a path.
        seeds: of each question's names.
        memory_size: slots; None: enough for the largest graph.
    """
    chances = [np.random.default_rng(seed) for seed in seeds]
    named = [graph.name(chance) for chance, (graph, _) in zip(chances, asked, strict=True)]
    batch = collate(
        [
            shortest_path_query(chance, n.graph, n.nodes[start], n.nodes[end], planning_steps)
            for chance, n, (_, (start, end)) in zip(chances, named, asked)
        ]
    )
    slots = memory_size or memory_for(max(len(graph.edges) for graph, _ in asked))
    _, state = machine(batch.inputs, lengths=batch.lengths, **with_slots(machine, slots))
    said = [Said(n) for n in named]
    here = [n.nodes[start] for n, (_, (start, _)) in zip(named, asked)]
    fed: list[Triple] = [(BLANK, BLANK, BLANK)] * len(asked)
    going = set(range(len(asked)))
    inputs = [[batch.inputs[:steps, b]] for b, steps in enumerate(batch.lengths.tolist())]
    for step in range(most_steps):
        answer = [Episode() for _ in asked]
        for episode, triple in zip(answer, fed):
            if step == 0:
                episode.phase()
            episode.ask((BLANK, BLANK, BLANK), triple)
        x = collate(answer).inputs
        outputs, state = machine(x, state)
        leaving = [n.graph.edges_from(place) for n, place in zip(named, here)]
        chosen = choose_edges(outputs[0], [edges or [(0, 0, 0)] for edges in leaving])
        for b in list(going):
            inputs[b].append(x[:, b])
            if not leaving[b]:
                going.discard(b)
                continue
            said[b].spend(outputs[0, b], chosen[b])
            fed[b], here[b] = chosen[b], chosen[b][2]
            said[b].name(here[b], sum(map(len, inputs[b])) - 1)
            if said[b].places[-1] == asked[b][1][1]:
                going.discard(b)
        if not going:
            break
    for words, (_, (_, end)) in zip(said, asked):
        if words.places[-1:] != [end]:
            words.nats = math.inf
    return [MapReading(words, torch.cat(steps)) for words, steps in zip(said, inputs)]
