"""How often a machine is right on episodes of a given graph, or of random ones."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from ..nn import Machine
from ..tasks import Sampler
from ..tasks.graph import Inference, ShortestPath, Traversal
from ..tasks.graph.episode import Episode, GraphTask, collate
from ..tasks.graph.given import GivenGraph
from ._maps import LEAST_SLOTS, find_paths, memory_for, renumber

TOGETHER = 50
"""Episodes side by side."""
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

    Returns:
        (episodes wholly right, episodes).

    Raises:
        ValueError: the graph has no such episode.
    """
    chance = np.random.default_rng(seed)
    if isinstance(task, ShortestPath):
        pairs = graph.pairs(steps)
        if not pairs:
            raise ValueError(f"no two nodes of the graph are {steps} steps apart.")
        order = chance.permutation(len(pairs))[:episodes]
        asked = [pairs[index] for index in order]
        return _score_pairs(machine, task, [(graph, pair) for pair in asked], steps, seed), len(asked)
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
    right = sum(_right(machine, task, part, memory_for(len(graph.edges))) for part in _parts(drawn))
    return right, len(drawn)


def score_random(
    machine: Machine, task: GraphTask, *, episodes: int, seed: int = 0, memory_size: int | None = None
) -> tuple[int, int]:
    """Score a machine on fresh random graphs of a task; arguments and result as of :func:`score_given`."""
    if not isinstance(task, ShortestPath):
        sampler = Sampler(TOGETHER, seed)
        right = done = 0
        while done < episodes:
            batch = sampler.draw(task)
            slots = memory_size or max(LEAST_SLOTS, batch.inputs.shape[0])
            with torch.no_grad():
                outputs, _ = machine(batch.inputs, lengths=batch.lengths, memory_size=slots)
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
    return _score_pairs(machine, task, asked, task.max_path, seed), episodes


def _score_pairs(
    machine: Machine,
    task: ShortestPath,
    asked: Sequence[tuple[GivenGraph, tuple[int, int]]],
    longest: int,
    seed: int,
) -> int:
    """How many paths are as short as can be."""
    right = 0
    for part in _parts(asked):
        said, _ = find_paths(machine, part, task.planning_steps, longest + MORE_STEPS, seed)
        for words, (graph, (start, end)) in zip(said, part):
            right += words.places[-1:] == [end] and len(words.places) == graph.away(end)[start]
        seed += 1
    return right


def _right(machine: Machine, task: GraphTask, episodes: list[Episode], memory_size: int) -> int:
    batch = collate(episodes)
    with torch.no_grad():
        outputs, _ = machine(batch.inputs, lengths=batch.lengths, memory_size=memory_size)
    return int((task.wrong_bits(outputs, batch) == 0).sum())


def _parts(things: Sequence) -> Iterator[list]:
    for start in range(0, len(things), TOGETHER):
        yield list(things[start : start + TOGETHER])
