"""Lets a machine answer questions about a map: where a walk leads, and which path is the shortest."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ...nn import Machine
from ...tasks.graph.episode import (
    ANSWERING,
    BLANK,
    NEW_PHASE,
    TERMINATION,
    Triple,
    collate_graph,
    digits_of,
    node_digits,
)
from ...tasks.graph.fixed import FixedGraph, NamedGraph
from ...tasks.graph.shortest_path import (
    ShortestPath,
    choose_edges,
    decode_edges,
    frontier,
    shortest_path_query,
    triple_set,
)
from ...tasks.graph.traversal import traversal_episode
from .run import run_time_first

EXTRA_SLOTS = 48
"""Slots beyond one for every edge: for the question and the answer."""
MIN_SLOTS = 128


def memory_for(num_edges: int) -> int:
    """Memory slots for a map of so many edges."""
    return max(MIN_SLOTS, num_edges + EXTRA_SLOTS)


def nearest_edges(edges: Sequence[Triple], places: Sequence[int], max_edges: int) -> list[Triple]:
    """At most ``max_edges`` edges, breadth first from the given places."""
    leaving: dict[int, list[Triple]] = {}
    for edge in edges:
        leaving.setdefault(edge[0], []).append(edge)
    found: list[Triple] = []
    seen, waiting = set(places), list(dict.fromkeys(places))
    for place in waiting:  # grows as it goes
        found += leaving.get(place, [])
        if len(found) >= max_edges:
            break
        for _, _, end in leaving.get(place, []):
            if end not in seen:
                seen.add(end)
                waiting.append(end)
    return found[:max_edges]


def renumber(edges: Sequence[Triple]) -> tuple[FixedGraph, list[int], list[int]]:
    """The graph of these edges, its places and lines numbered from 0.

    Returns:
        The graph; of each of its places, and of each of its lines, the number that it had in ``edges``.
    """
    places = sorted({place for a, _, b in edges for place in (a, b)})
    lines = sorted({line for _, line, _ in edges})
    place_number = {place: number for number, place in enumerate(places)}
    line_number = {line: number for number, line in enumerate(lines)}
    renumbered = tuple((place_number[a], line_number[e], place_number[b]) for a, e, b in edges)
    return FixedGraph(renumbered), places, lines


@dataclasses.dataclass
class MapSample:
    """One answer of the network about a map, decoded step by step under the names of one episode."""

    named: NamedGraph
    """the map under the names that the network was told"""
    places: list[int] = dataclasses.field(default_factory=list)
    """numbers of the places named, in order"""
    steps: list[int] = dataclasses.field(default_factory=list)
    """of each, the step of the episode in which it was named"""
    edges: list[Triple] = dataclasses.field(default_factory=list)
    """of each, the edge that was said, under the episode's names"""
    nll: float = 0.0
    """negative log-likelihood of all that was said, in nats; infinite if a path did not arrive"""
    inputs: Tensor = dataclasses.field(default_factory=lambda: torch.zeros(0))
    """of the whole episode; [T, inputs]"""

    def __post_init__(self) -> None:
        self.numbers = {name: number for number, name in enumerate(self.named.nodes)}
        """name → number of a place"""

    def add_edge(self, edge: Triple, step: int) -> None:
        """Note an edge that was said in a step of the episode, and where it leads."""
        self.edges.append(edge)
        self.places.append(self.numbers[edge[2]])
        self.steps.append(step)

    def add_nll(self, logits: Tensor, triple: Triple, among: Sequence[Triple] = ()) -> None:
        """Add −log p of a triple under the outputs, renormalised over ``among`` if that is given."""
        log_p = logits.double().unflatten(0, (-1, 10)).log_softmax(1)
        digits = node_digits(len(logits))
        nll, *others = (-log_p[range(len(log_p)), digits_of(one, digits)].sum() for one in (triple, *among))
        self.nll += float(nll + (torch.stack(others).neg().logsumexp(0) if others else 0))

    @property
    def confidence(self) -> float:
        """The probability that the network gave to all that it said."""
        return math.exp(-self.nll)

    @property
    def answer(self) -> tuple[int, ...] | None:
        """The places named; None if a path did not arrive."""
        return None if math.isinf(self.nll) else tuple(self.places)


def sample_walk(
    machine: Machine, graph: FixedGraph, start: int, labels: Sequence[int], seed: int = 0
) -> MapSample:
    """Let a traversal machine follow labels from a node.

    Each step of the answer is the most probable of the edges that were told and of the pattern that ends an
    answer.
    """
    rng = np.random.default_rng(seed)
    named = graph.name(rng)
    # The destinations are what is asked, so they are not told.
    query: list[Triple] = [(named.nodes[start], named.labels[label], BLANK) for label in labels]
    inputs = collate_graph([traversal_episode(rng, named.graph, query)]).inputs
    outputs, _, _ = run_time_first(machine, inputs, memory_size=memory_for(len(graph.edges)))
    sample = MapSample(named, inputs=inputs[:, 0])
    first = len(outputs) - len(labels) - 1
    for step, triple in enumerate(choose_among(outputs[first:, 0], named.graph.edges), first):
        sample.add_nll(outputs[step, 0], triple)
        if triple == TERMINATION:
            break
        sample.add_edge(triple, step)
    return sample


def choose_among(outputs: Tensor, edges: Sequence[Triple]) -> list[Triple]:
    """The most probable of edges and the pattern that ends an answer, under each output of [n, outputs]."""
    return choose_edges(outputs, [[*edges, TERMINATION]] * len(outputs))


def sample_paths(
    machine: Machine,
    task: ShortestPath,
    questions: Sequence[tuple[FixedGraph, tuple[int, int]]],
    max_steps: int,
    seeds: Sequence[int | Sequence[int]],
    memory_size: int | None = None,
) -> list[MapSample]:
    """Let a shortest-path machine find a path for each (graph, (start, end)), side by side.

    Each step's edge is fed back with the next. Of the edges that leave the place where it is, the machine
    takes the one that its outputs make most probable; it stops at the end, where no edge leaves, or after
    ``max_steps``. With a scratchpad, the edges that a planning step asks for are fed back, too.

    Args:
        machine: trained on the shortest-path task.
        task: says how the machine plans.
        questions: what is asked.
        max_steps: of a path.
        seeds: of each question's names.
        memory_size: slots; None: enough for the largest graph.
    """
    decoders = [
        PathDecoder(task, graph, start, end, seed=seed, max_steps=max_steps)
        for seed, (graph, (start, end)) in zip(seeds, questions, strict=True)
    ]
    slots = memory_size or memory_for(max(len(graph.edges) for graph, _ in questions))
    queries = [decoder.query for decoder in decoders]
    lengths = [len(query) for query in queries]
    _, state, _ = run_time_first(machine, pad_sequence(queries), lengths=lengths, memory_size=slots)
    while not all(decoder.over for decoder in decoders):
        rows = [decoder.next_input() for decoder in decoders]
        outputs, state, _ = run_time_first(machine, torch.stack(rows)[None], state)
        for decoder, output in zip(decoders, outputs[0]):
            if not decoder.over:
                decoder.observe(output)
    return [decoder.result() for decoder in decoders]


class PathDecoder:
    """Decodes one path step by step: what is fed to the machine next depends on what it said.

    Args:
        task: says how the machine plans.
        graph: what is told.
        start: node number.
        end: node number.
        seed: of the names.
        max_steps: of the path.
    """

    def __init__(
        self,
        task: ShortestPath,
        graph: FixedGraph,
        start: int,
        end: int,
        *,
        seed: int | Sequence[int],
        max_steps: int,
    ) -> None:
        rng = np.random.default_rng(seed)
        named = graph.name(rng, digits=task.digits)
        self.start, self.end = named.nodes[start], named.nodes[end]
        self.here = self.start
        episode = shortest_path_query(rng, named.graph, self.start, self.end)
        self.query = collate_graph([episode], task.digits).inputs[:, 0]
        """the inputs [T, inputs] up to the planning"""
        self.task, self.max_steps = task, max_steps
        self.sample = MapSample(named)
        self.planning = task.planning_steps > 0
        self.arrived, self.stuck = start == end, False
        self._inputs = list(self.query)
        self._planned = self._steps = 0
        self._reached, self._before = [self.end], list[int]()
        self._fed = self._frontier() if task.scratchpad else self._blank()

    @property
    def over(self) -> bool:
        """Whether nothing more is to be decoded."""
        return self.arrived or self.stuck or self._steps == self.max_steps

    def next_input(self) -> Tensor:
        """The inputs of the next step, [inputs]."""
        row = torch.zeros(self.task.input_size)
        if self.over:  # Others beside it go on.
            return row
        row[: self.task.output_size] = self._fed
        row[NEW_PHASE] = (self._planned if self.planning else self._steps) == 0
        row[ANSWERING] = not self.planning
        self._inputs.append(row)
        return row

    def observe(self, output: Tensor) -> None:
        """Take the machine's outputs in this step, [outputs]."""
        if self.planning:
            self._plan(output)
        else:
            self._go(output)

    def result(self) -> MapSample:
        """The sample, when decoding is over."""
        self.sample.inputs = torch.stack(self._inputs)
        if not self.arrived:
            self.sample.nll = math.inf
        return self.sample

    def _plan(self, output: Tensor) -> None:
        self._planned += 1
        if self.task.scratchpad:
            edges = decode_edges(output, self.sample.named.graph.edges)
            self._reached, self._before = [source for source, _, _ in edges], self._reached
            self._fed = self._frontier()
        self.planning = self._planned < self.task.planning_steps and self.start not in self._reached
        if not self.planning:
            self._fed = self._blank()

    def _frontier(self) -> Tensor:
        return frontier(self._reached, self._before, self.task.digits)

    def _blank(self) -> Tensor:
        return torch.zeros(self.task.output_size)

    def _go(self, output: Tensor) -> None:
        leaving = self.sample.named.graph.edges_from(self.here)
        if not leaving:
            self.stuck = True
            return
        (chosen,) = choose_edges(output[None], [leaving])
        self.sample.add_nll(output, chosen, leaving)
        self._fed, self.here = triple_set([chosen], self.task.digits), chosen[2]
        self.sample.add_edge(chosen, len(self._inputs) - 1)
        self._steps += 1
        self.arrived = self.here == self.end
