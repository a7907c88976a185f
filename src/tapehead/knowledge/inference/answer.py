"""Asks a trained machine a question in numbers, and records which facts it read for the answer."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from ...errors import InputError
from ...nn import Machine
from ...tasks.graph.episode import node_digits, read_triples, triple_channels
from ...tasks.graph.fixed import FixedGraph
from ...tasks.graph.shortest_path import ShortestPath
from ...types import Trace
from ..graph import Edges
from .routes import MapSample, memory_for, nearest_edges, renumber, sample_paths, sample_walk
from .run import run_time_first
from .voting import best_of_n, majority_vote

MAX_FACTS = 250
"""Connections of a map told, at most: the nearest."""
MAX_PATH = 12
"""Steps of a path, after which the machine is taken to be lost."""
MIN_READ_WEIGHT = 0.3
"""A slot counts as read from this weighting on."""
MIN_SHARE = 0.02
"""A slot counts as read among others, as one of a set of edges, from this weighting on."""


class ToldFact(NamedTuple):
    """A fact as the network was told it."""

    subject: int
    """number of a person or a place"""
    label: str
    """in words: "child of", "Central eastbound\""""
    object: int
    """number of a family or a place"""


class NetworkAnswer(NamedTuple):
    """What a machine answered, and how it came to its answer."""

    answers: list[int]
    """people or places, in the order in which they were named, each once"""
    confidence: float
    """the probability of this answer over several samples, in [0, 1]: see :mod:`.voting`"""
    facts: list[ToldFact]
    """what it was told, in this order"""
    facts_read: list[int]
    """indices into ``facts``, in the order in which the answer's steps read them"""
    inputs: Tensor
    """[T, inputs]"""
    outputs: Tensor
    """[T, outputs]"""
    trace: Trace
    """[T, ...], of the one sequence"""
    step_facts: list[int]
    """of each step after the facts were told, the index of the fact it read; −1 for none"""
    answer_steps: list[int]
    """of each answer, the step in which it was given"""


def answer_walk(machine: Machine, edges: Edges, start: int, lines: Sequence[int]) -> NetworkAnswer:
    """Ask a machine trained on the traversal task where a walk leads.

    Args:
        machine: a DNC of the traversal task.
        edges: the map; if not all of its edges fit, the nearest to the start are told.
        start: place.
        lines: the lines to take, one after another.

    Raises:
        InputError: the start or a line is not among the edges told.
    """
    told = nearest_edges(edges.edges, [start], MAX_FACTS)
    graph, place_of, line_of = renumber(told)
    if start not in place_of or not set(lines) <= set(line_of):
        raise InputError(f"the walk leaves the {len(told)} edges nearest to its start: no more are told")
    first, labels = place_of.index(start), [line_of.index(line) for line in lines]

    def draw(wanted: Sequence[tuple[int, int]]) -> list[MapSample]:
        return [sample_walk(machine, graph, first, labels, seed=number) for _, number in wanted]

    ((sample, confidence),) = majority_vote(1, draw)
    names = [edges.lines[line] for line in line_of]
    return _map_answer(machine, graph, sample, place_of, names, confidence, answer_steps=len(lines) + 1)


def answer_path(machine: Machine, edges: Edges, start: int, end: int) -> NetworkAnswer:
    """Ask a machine trained on the shortest-path task for the way.

    Args:
        machine: a DNC of the shortest-path task.
        edges: the map; if not all of its edges fit, the nearest to start and end are told.
        start: place.
        end: place.

    Raises:
        InputError: one of the two is not among the edges told.
    """
    told = nearest_edges(edges.edges, [start, end], MAX_FACTS)
    graph, place_of, line_of = renumber(told)
    if start not in place_of or end not in place_of:
        raise InputError(
            f"the map has {len(edges.edges):,} edges, and of the {len(told)} nearest, which are told, none "
            f"joins the {'start' if start not in place_of else 'end'}: ask on a smaller map"
        )
    question = (graph, (place_of.index(start), place_of.index(end)))

    digits = node_digits(machine.output_size)
    plan = ShortestPath(planning_steps=MAX_PATH, scratchpad=True, digits=digits)

    def draw(wanted: Sequence[tuple[int, int]]) -> list[MapSample]:
        seeds = [number for _, number in wanted]
        return sample_paths(machine, plan, [question] * len(seeds), MAX_PATH, seeds)

    ((sample, confidence),) = best_of_n(1, draw)
    names = [edges.lines[line] for line in line_of]
    return _map_answer(machine, graph, sample, place_of, names, confidence)


def _map_answer(
    machine: Machine,
    graph: FixedGraph,
    sample: MapSample,
    place_of: list[int],
    line_names: list[str],
    confidence: float,
    *,
    answer_steps: int | None = None,
) -> NetworkAnswer:
    """Run the sample's episode again, whole, for its trace.

    Args:
        machine: that was asked.
        graph: what it was told.
        sample: its answer.
        place_of: the number of each of the graph's places in the map.
        line_names: of the graph's lines.
        confidence: of the vote.
        answer_steps: the last steps of the episode, those of the answer, which read what they say. None: what
            they say may have been read while the machine planned, as one of a set.
    """
    num_facts = len(graph.edges)
    outputs, trace = _traced(machine, sample.inputs, memory_for(num_facts))
    line_name = dict(zip(sample.named.labels, line_names))
    step_facts = _facts_read(trace, num_facts)
    told = read_triples(triple_channels(sample.inputs[:num_facts])).tolist()
    if answer_steps is not None:
        # What the answer's own steps read; the question and the planning may have looked at anything.
        facts_read = step_facts[len(step_facts) - answer_steps :]
    else:
        facts_read = []
        slots = _slots_written(trace)
        for step, edge in zip(sample.steps, sample.edges):
            fact = told.index(list(edge))
            weights = trace.read_weights[num_facts : step + 1, :, slots[fact]].amax(1)
            facts_read.append(fact if weights.max() > MIN_SHARE else -1)
            step_facts[step - num_facts] = fact if weights[-1] > MIN_READ_WEIGHT else -1
    return NetworkAnswer(
        answers=[place_of[number] for number in sample.places],
        confidence=confidence,
        facts=[
            ToldFact(place_of[sample.numbers[a]], line_name[e], place_of[sample.numbers[b]])
            for a, e, b in told
        ],
        facts_read=_distinct(facts_read),
        inputs=sample.inputs,
        outputs=outputs,
        trace=trace,
        step_facts=step_facts,
        answer_steps=sample.steps,
    )


def _traced(machine: Machine, inputs: Tensor, memory_size: int) -> tuple[Tensor, Trace]:
    outputs, _, trace = run_time_first(machine, inputs, memory_size=memory_size, return_trace=True)
    if trace is None:
        raise InputError(f"a {type(machine).__name__} has no memory to read from: give a DNC")
    return outputs, trace


def _facts_read(trace: Trace, num_facts: int) -> list[int]:
    """Of each step after the facts were told: the index of the fact that it read, −1 for none.

    That is the fact in the slot that the head with the sharpest weighting reads.
    """
    written = _slots_written(trace)
    weight, slots = trace.read_weights.amax(1).max(-1)
    writer: dict[int, int] = {}  # slot → the step that wrote it last
    found: list[int] = []
    for step, slot in enumerate(written):
        writer[slot] = step
        if step >= num_facts:
            source = writer.get(int(slots[step]), -1) if weight[step] > MIN_READ_WEIGHT else -1
            # A step of the answer writes what the step before it read.
            if source > num_facts:
                source = found[source - 1 - num_facts]
            elif source == num_facts:
                source = -1
            found.append(source)
    return found


def _slots_written(trace: Trace) -> list[int]:
    """Of each step, the slot that it wrote most of."""
    writes = trace.write_weights
    return (writes.amax(1) if writes.dim() == 3 else writes).argmax(-1).tolist()  # an NTM has several heads


def _distinct(step_facts: Sequence[int]) -> list[int]:
    return [fact for fact in dict.fromkeys(step_facts) if fact >= 0]


__all__ = [
    "NetworkAnswer",
    "ToldFact",
    "answer_path",
    "answer_walk",
]
