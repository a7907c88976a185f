"""How often a machine is right on episodes of a given graph, or of random ones."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from ...nn import Machine
from ...tasks import Sampler
from ...tasks.base import check_whole
from ...tasks.graph import Inference, ShortestPath, Traversal
from ...tasks.graph.episode import TERMINATION, GraphEpisode, GraphTask, Triple, collate_graph, read_triples
from ...tasks.graph.fixed import FixedGraph, NamedGraph
from ...tasks.graph.graphs import Graph
from ..inference.routes import (
    LEAST_SLOTS,
    MapReading,
    Said,
    choose_among,
    find_paths,
    memory_for,
    renumber,
    with_slots,
)
from ..inference.voting import read_for_the_shortest, read_until_two_agree

TOGETHER = 50
"""Episodes side by side; fewer on large maps, whose links between all pairs of slots fill the memory."""
MOST_LINKS = 1 << 25
"""Links of all episodes that are side by side."""
MORE_STEPS = 4
"""Steps over the shortest, after which a path is given up."""


def score_given(
    machine: Machine,
    task: GraphTask,
    graph: FixedGraph,
    *,
    steps: int,
    episodes: int,
    seed: int = 0,
    relations: Sequence[tuple[int, tuple[int, ...]]] = (),
    memory_size: int | None = None,
    single_pass: bool = False,
) -> tuple[int, int]:
    """Score a machine on one graph, its nodes under new names in every episode.

    As by ``tapehead ask``, each walk or relation is read under other names until two readings agree, and of
    several readings of a path the shortest that arrives stands. A step of a walk is answered with the
    likeliest of the edges that were told.

    Args:
        machine: trained on ``task``.
        task: traversal, inference or shortest path.
        graph: the graph.
        steps: of the walk, of the relation, or of the shortest path.
        episodes: random ones; of shortest paths at most all pairs of nodes that are so far apart.
        seed: of the episodes.
        relations: of inference: (label, edges) of those that may be asked.
        memory_size: slots; None: enough for the graph.
        single_pass: one reading, and each output taken for the digits that it says.

    Returns:
        (episodes wholly right, episodes).

    Raises:
        ValueError: the graph has no such episode, or a number is below 1.
    """
    check_whole("steps", steps, minimum=1)
    check_whole("episodes", episodes, minimum=1)
    chance = np.random.default_rng(seed)
    slots = memory_size or memory_for(len(graph.edges))
    if isinstance(task, ShortestPath):
        pairs = graph.pairs(steps)
        if not pairs:
            raise ValueError(f"no two nodes of the graph are {steps} steps apart.")
        order = chance.permutation(len(pairs))[:episodes]
        questions = [(graph, pairs[index]) for index in order]
        return _score_pairs(machine, task, questions, steps, seed, slots, single_pass=single_pass), len(
            questions
        )
    asked: list[Any]
    if isinstance(task, Traversal):
        asked = [graph.walk(chance, steps) for _ in range(episodes)]
    else:
        assert isinstance(task, Inference)
        asked = graph.relation_paths(relations)
        if not asked:
            raise ValueError(f"the graph has no path of {steps} steps that is one of the relations.")
        asked = [asked[int(chance.integers(len(asked)))] for _ in range(episodes)]
    questions = [(graph, one) for one in asked]
    return _score_answers(machine, task, questions, seed, slots, single_pass=single_pass), episodes


def _score_answers(
    machine: Machine,
    task: GraphTask,
    asked: Sequence[tuple[FixedGraph, Any]],
    seed: int,
    slots: int,
    *,
    single_pass: bool,
) -> int:
    """How many walks or relations are answered wholly right."""

    def read(wanted: Sequence[tuple[int, int]]) -> list[_Reading]:
        found: list[_Reading] = []
        for part in _parts(wanted, slots):
            chances = [np.random.default_rng([seed, *which]) for which in part]
            drawn = [_episode(chance, task, *asked[i]) for chance, (i, _) in zip(chances, part)]
            found += _read(machine, drawn, slots, choose=isinstance(task, Traversal) and not single_pass)
        return found

    if single_pass:
        return sum(reading.right for reading in read([(i, 0) for i in range(len(asked))]))
    return sum(reading.right for reading, _ in read_until_two_agree(len(asked), read))


class _Reading(NamedTuple):
    """What a machine said of an episode."""

    answer: tuple[Triple, ...] | None
    """in the graph's own numbers; None where it named something that is not there"""
    confidence: float
    right: bool


def _episode(
    chance: np.random.Generator, task: GraphTask, graph: FixedGraph, asked: Any
) -> tuple[GraphEpisode, NamedGraph]:
    if isinstance(task, Inference):
        return graph.inference(chance, asked, task.planning_steps)
    return graph.traversal(chance, asked)


def _read(
    machine: Machine, drawn: Sequence[tuple[GraphEpisode, NamedGraph]], memory_size: int, *, choose: bool
) -> list[_Reading]:
    """Run episodes side by side; with ``choose`` an answer is of the edges told, else what its digits say."""
    batch = collate_graph([episode for episode, _ in drawn])
    with torch.no_grad():
        outputs, _ = machine(batch.inputs, lengths=batch.lengths, **with_slots(machine, memory_size))
    found = []
    for b, (episode, named) in enumerate(drawn):
        steps, wanted = zip(*episode.targets)
        logits = outputs[list(steps), b]
        if choose:
            said = choose_among(logits, named.graph.edges)
        else:
            said = [(int(a), int(e), int(c)) for a, e, c in read_triples(logits).tolist()]
        words = Said(named)
        for row, triple in zip(logits, said):
            words.spend(row, triple)
        found.append(_Reading(_in_numbers(words, said), words.confidence, said == list(wanted)))
    return found


def _in_numbers(words: Said, triples: Sequence[Triple]) -> tuple[Triple, ...] | None:
    nodes, labels = words.numbers, {name: number for number, name in enumerate(words.named.labels)}
    try:
        return tuple(
            triple if triple == TERMINATION else (nodes[triple[0]], labels[triple[1]], nodes[triple[2]])
            for triple in triples
        )
    except KeyError:
        return None


def score_random(
    machine: Machine,
    task: GraphTask,
    *,
    episodes: int,
    seed: int = 0,
    memory_size: int | None = None,
    single_pass: bool = False,
) -> tuple[int, int]:
    """Score a machine on fresh random graphs of a task; arguments and result as of :func:`score_given`.

    Relations are always taken as said.
    """
    check_whole("episodes", episodes, minimum=1)
    if isinstance(task, Inference):
        sampler = Sampler(TOGETHER, seed)
        right = done = 0
        while done < episodes:
            batch = sampler.draw(task)
            slots = memory_size or max(LEAST_SLOTS, batch.inputs.shape[0])
            with torch.no_grad():
                outputs, _ = machine(batch.inputs, lengths=batch.lengths, **with_slots(machine, slots))
            exact = task.num_errors(outputs, batch) == 0
            right += int(exact[: episodes - done].sum())
            done += min(TOGETHER, episodes - done)
        return right, done
    assert isinstance(task, Traversal | ShortestPath)
    chance = np.random.default_rng(seed)
    questions = [_renumbered(*task.question(chance)) for _ in range(episodes)]
    slots = memory_size or memory_for(max(len(graph.edges) for graph, _ in questions))
    if isinstance(task, Traversal):
        return _score_answers(machine, task, questions, seed, slots, single_pass=single_pass), episodes
    return _score_pairs(
        machine, task, questions, task.max_path, seed, slots, single_pass=single_pass
    ), episodes


def _renumbered(drawn: Graph, asked: Any) -> tuple[FixedGraph, Any]:
    """A question about a random graph, a walk or (start, end), in the graph's own numbers."""
    graph, nodes, labels = renumber(drawn.edges)
    if isinstance(asked, tuple):
        return graph, tuple(map(nodes.index, asked))
    return graph, [(nodes.index(a), labels.index(e), nodes.index(b)) for a, e, b in asked]


def _score_pairs(
    machine: Machine,
    task: ShortestPath,
    asked: Sequence[tuple[FixedGraph, tuple[int, int]]],
    longest: int,
    seed: int,
    slots: int,
    *,
    single_pass: bool,
) -> int:
    """How many paths are as short as can be."""

    def read(wanted: Sequence[tuple[int, int]]) -> list[MapReading]:
        found: list[MapReading] = []
        for part in _parts(wanted, slots):
            questions, seeds = [asked[i] for i, _ in part], [[seed, *which] for which in part]
            found += find_paths(machine, task, questions, longest + MORE_STEPS, seeds, memory_size=slots)
        return found

    if single_pass:
        readings = read([(i, 0) for i in range(len(asked))])
    else:
        readings = [reading for reading, _ in read_for_the_shortest(len(asked), read)]
    lengths = [graph.distances(end)[start] for graph, (start, end) in asked]
    answers = [reading.answer for reading in readings]
    return sum(answer is not None and len(answer) == steps for answer, steps in zip(answers, lengths))


def _parts(things: Sequence, slots: int) -> Iterator[list]:
    together = max(1, min(TOGETHER, MOST_LINKS // slots**2))
    for start in range(0, len(things), together):
        yield list(things[start : start + together])
