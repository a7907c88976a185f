"""The neural half of an answer about a map: a walk along lines, or a shortest path."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ...nn import Machine
from ...tasks.graph.episode import (
    ANSWERING,
    BLANK,
    INPUT_SIZE,
    NEW_PHASE,
    OUTPUT_SIZE,
    TERMINATION,
    Triple,
    collate_graph,
    digits_of,
)
from ...tasks.graph.fixed import FixedGraph, NamedGraph
from ...tasks.graph.shortest_path import (
    ShortestPath,
    choose_edges,
    decode_edges,
    frontier,
    mix_triples,
    shortest_path_query,
)
from ...tasks.graph.traversal import traversal_episode

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


def renumber(edges: Sequence[Triple]) -> tuple[FixedGraph, list[int], list[int]]:
    """The graph of these edges with its own numbers; of each, the place and the line number it stands for."""
    places = sorted({place for a, _, b in edges for place in (a, b)})
    lines = sorted({line for _, line, _ in edges})
    place_number = {place: number for number, place in enumerate(places)}
    line_number = {line: number for number, line in enumerate(lines)}
    own = tuple((place_number[a], line_number[e], place_number[b]) for a, e, b in edges)
    return FixedGraph(own), places, lines


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

    def spend(self, logits: Tensor, triple: Triple, among: Sequence[Triple] = ()) -> None:
        """Count what the triple said costs under the outputs [90], renormalised over ``among`` if given."""
        chances = logits.double().unflatten(0, (9, 10)).log_softmax(1)
        nats, *others = (-chances[range(9), digits_of(one)].sum() for one in (triple, *among))
        self.nats += float(nats + (torch.stack(others).neg().logsumexp(0) if others else 0))

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
def walk(machine: Machine, graph: FixedGraph, start: int, labels: Sequence[int], seed: int = 0) -> MapReading:
    """Let a traversal machine follow labels from a node.

    Of the edges that it was told, and the pattern that ends an answer, each step of the answer takes the one
    that the machine's output makes most probable.
    """
    chance = np.random.default_rng(seed)
    named = graph.name(chance)
    # The destinations are what is asked, so they are not told.
    query: list[Triple] = [(named.nodes[start], named.labels[label], BLANK) for label in labels]
    inputs = collate_graph([traversal_episode(chance, named.graph, query)]).inputs
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


class _Way:
    """A way that is being looked for: what the machine is fed next, and what follows from what it says."""

    def __init__(
        self, task: ShortestPath, named: NamedGraph, start: int, end: int, told: Tensor, most_steps: int
    ) -> None:
        self.task, self.most_steps = task, most_steps
        self.start = self.here = named.nodes[start]
        self.end = named.nodes[end]
        self.reached, self.before = [self.end], list[int]()
        self.said = Said(named)
        self.inputs = list(told)
        self.planned = self.steps = 0
        self.planning, self.arrived, self.lost = task.planning_steps > 0, start == end, False
        self.fed = frontier(self.reached, self.before) if task.scratchpad else torch.zeros(OUTPUT_SIZE)

    @property
    def over(self) -> bool:
        return self.arrived or self.lost or self.steps == self.most_steps

    def next(self) -> Tensor:
        """The inputs of the next step [92]."""
        row = torch.zeros(INPUT_SIZE)
        row[:OUTPUT_SIZE] = self.fed
        row[NEW_PHASE] = (self.planned if self.planning else self.steps) == 0
        row[ANSWERING] = not self.planning
        self.inputs.append(row)
        return row

    def hear(self, output: Tensor) -> None:
        """Take what the machine said to it [90]."""
        graph = self.said.named.graph
        if self.planning:
            self.planned += 1
            if self.task.scratchpad:
                thought = decode_edges(output, graph.edges)
                self.reached, self.before = [source for source, _, _ in thought], self.reached
                self.fed = frontier(self.reached, self.before)
            self.planning = self.planned < self.task.planning_steps and self.start not in self.reached
            if not self.planning:
                self.fed = torch.zeros(OUTPUT_SIZE)
            return
        leaving = graph.edges_from(self.here)
        if not leaving:
            self.lost = True
            return
        (chosen,) = choose_edges(output[None], [leaving])
        self.said.spend(output, chosen, leaving)
        self.fed, self.here = mix_triples([chosen]), chosen[2]
        self.said.name(self.here, len(self.inputs) - 1)
        self.steps += 1
        self.arrived = self.here == self.end


@torch.no_grad()
def find_paths(
    machine: Machine,
    task: ShortestPath,
    asked: Sequence[tuple[FixedGraph, tuple[int, int]]],
    most_steps: int,
    seeds: Sequence[int | Sequence[int]],
    memory_size: int | None = None,
) -> list[MapReading]:
    """Let a shortest-path machine go from start to end, each (graph, (start, end)) by itself, side by side.

    Each step's edge is fed back with the next. Of the edges that leave the place where it is, the machine
    takes the one that its outputs make most probable; it stops at the end, where no edge leaves, or after
    ``most_steps``. With a scratchpad, a search layer is of the edges that were told, and fed back, too.

    Args:
        machine: trained on the shortest-path task.
        task: how it plans.
        asked: the questions.
        most_steps: of a path.
        seeds: of each question's names.
        memory_size: slots; None: enough for the largest graph.
    """
    ways, queries = [], []
    for seed, (graph, (start, end)) in zip(seeds, asked, strict=True):
        chance = np.random.default_rng(seed)
        named = graph.name(chance)
        query = collate_graph(
            [shortest_path_query(chance, named.graph, named.nodes[start], named.nodes[end])]
        )
        queries.append(query.inputs[:, 0])
        ways.append(_Way(task, named, start, end, queries[-1], most_steps))
    slots = memory_size or memory_for(max(len(graph.edges) for graph, _ in asked))
    lengths = torch.tensor([len(query) for query in queries])
    _, state = machine(pad_sequence(queries), lengths=lengths, **with_slots(machine, slots))
    while going := [way for way in ways if not way.over]:
        rows = [torch.zeros(INPUT_SIZE) if way.over else way.next() for way in ways]
        outputs, state = machine(torch.stack(rows)[None], state)
        for way, output in zip(ways, outputs[0]):
            if way in going:
                way.hear(output)
    for way in ways:
        if not way.arrived:
            way.said.nats = math.inf
    return [MapReading(way.said, torch.stack(way.inputs)) for way in ways]
