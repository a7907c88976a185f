"""How often a machine is right on episodes of a given graph, or of random ones."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from ..nn import Machine
from ..tasks import Sampler
from ..tasks._base import check_whole
from ..tasks.graph import Inference, ShortestPath, Traversal
from ..tasks.graph.episode import Episode, GraphTask, collate
from ..tasks.graph.given import GivenGraph
from ._maps import LEAST_SLOTS, find_paths, memory_for, renumber, with_slots

TOGETHER = 50
"""Episodes side by side; fewer on large maps, whose links between all pairs of slots fill the memory."""
MOST_LINKS = 1 << 25
"""Links of all episodes that are side by side."""
MORE_STEPS = 4
"""Steps over the shortest, after which a path is given up."""


def score_given(
    machine: Machine,
    task: GraphTask,
    graph: GivenGraph,
    *,
    steps: int,
    episodes: int,
    seed: int = 0,
    relations: Sequence[tuple[int, tuple[int, ...]]] = (),
    memory_size: int | None = None,
) -> tuple[int, int]:
    """Score a machine on one graph, its nodes under new names in every episode.

    Args:
        machine: trained on ``task``.
        task: traversal, inference or shortest path.
        graph: the graph.
        steps: of the walk, of the relation, or of the shortest path.
        episodes: random ones; of shortest paths at most all pairs of nodes that are so far apart.
        seed: of the episodes.
        relations: of inference: (label, edges) of those that may be asked.
        memory_size: slots; None: enough for the graph.

    Returns:
        (episodes wholly right, episodes).

    Raises:
        ValueError: the graph has no such episode, or a number is below 1.
    """
    check_whole("steps", steps, least=1)
    check_whole("episodes", episodes, least=1)
    chance = np.random.default_rng(seed)
    slots = memory_size or memory_for(len(graph.edges))
    if isinstance(task, ShortestPath):
        pairs = graph.pairs(steps)
        if not pairs:
            raise ValueError(f"no two nodes of the graph are {steps} steps apart.")
        order = chance.permutation(len(pairs))[:episodes]
        asked = [pairs[index] for index in order]
        questions = [(graph, pair) for pair in asked]
        return _score_pairs(machine, task, questions, steps, seed, slots), len(asked)
    if isinstance(task, Traversal):
        drawn = [graph.traversal(chance, steps) for _ in range(episodes)]
    else:
        assert isinstance(task, Inference)
        paths = graph.relation_paths(relations)
        if not paths:
            raise ValueError(f"the graph has no path of {steps} steps that is one of the relations.")
        drawn = [
            graph.inference(chance, paths[int(chance.integers(len(paths)))], task.planning_steps)
            for _ in range(episodes)
        ]
    return sum(_right(machine, task, part, slots) for part in _parts(drawn, slots)), len(drawn)


def score_random(
    machine: Machine, task: GraphTask, *, episodes: int, seed: int = 0, memory_size: int | None = None
) -> tuple[int, int]:
    """Score a machine on fresh random graphs of a task; arguments and result as of :func:`score_given`."""
    check_whole("episodes", episodes, least=1)
    if not isinstance(task, ShortestPath):
        sampler = Sampler(TOGETHER, seed)
        right = done = 0
        while done < episodes:
            batch = sampler.draw(task)
            slots = memory_size or max(LEAST_SLOTS, batch.inputs.shape[0])
            with torch.no_grad():
                outputs, _ = machine(batch.inputs, lengths=batch.lengths, **with_slots(machine, slots))
            exact = task.wrong_bits(outputs, batch) == 0
            right += int(exact[: episodes - done].sum())
            done += min(TOGETHER, episodes - done)
        return right, done
    chance = np.random.default_rng(seed)
    asked = []
    for _ in range(episodes):
        drawn, start, end = task.question(chance)
        graph, nodes, _ = renumber(drawn.edges)
        asked.append((graph, (nodes.index(start), nodes.index(end))))
    slots = memory_size or memory_for(max(len(graph.edges) for graph, _ in asked))
    return _score_pairs(machine, task, asked, task.max_path, seed, slots), episodes


def _score_pairs(
    machine: Machine,
    task: ShortestPath,
    asked: Sequence[tuple[GivenGraph, tuple[int, int]]],
    longest: int,
    seed: int,
    slots: int,
) -> int:
    """How many paths are as short as can be."""
    right = 0
    for part in _parts(asked, slots):
        said, _ = find_paths(machine, part, task.planning_steps, longest + MORE_STEPS, seed, slots)
        for words, (graph, (start, end)) in zip(said, part):
            right += words.places[-1:] == [end] and len(words.places) == graph.away(end)[start]
        seed += 1
    return right


def _right(machine: Machine, task: GraphTask, episodes: list[Episode], memory_size: int) -> int:
    batch = collate(episodes)
    with torch.no_grad():
        outputs, _ = machine(batch.inputs, lengths=batch.lengths, **with_slots(machine, memory_size))
    return int((task.wrong_bits(outputs, batch) == 0).sum())


def _parts(things: Sequence, slots: int) -> Iterator[list]:
    together = max(1, min(TOGETHER, MOST_LINKS // slots**2))
    for start in range(0, len(things), together):
        yield list(things[start : start + together])
