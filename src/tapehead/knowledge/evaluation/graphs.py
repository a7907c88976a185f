"""How often a machine is right on episodes of a given graph, or of random ones."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from ...nn import Machine
from ...tasks import Sampler
from ...tasks.base import check_whole
from ...tasks.graph import Inference, ShortestPath, Traversal
from ...tasks.graph.episode import TERMINATION, GraphEpisode, GraphTask, Triple, collate_graph, read_triples
from ...tasks.graph.fixed import FixedGraph, NamedGraph
from ..inference.routes import MIN_SLOTS, MapSample, choose_among, memory_for, renumber, sample_paths
from ..inference.run import run_time_first
from ..inference.voting import best_of_n, majority_vote

MAX_BATCH = 50
"""Episodes side by side; fewer on large maps, whose links between all pairs of slots fill the memory."""
MAX_LINKS = 1 << 25
"""Links of all episodes that are side by side."""
EXTRA_STEPS = 4
"""Steps over the shortest, after which a path is given up."""

DrawEpisode = Callable[[np.random.Generator], tuple[GraphEpisode, NamedGraph]]
"""Draws an episode of one question, under new names."""
T = TypeVar("T")


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

    As by ``tapehead ask``, each walk or relation is answered by majority vote, and a path is the best of
    several samples. A step of a walk is answered with the most probable of the edges that were told.

    Args:
        machine: trained on ``task``.
        task: traversal, inference or shortest path.
        graph: the graph.
        steps: of the walk, of the relation, or of the shortest path.
        episodes: random ones; of shortest paths at most all pairs of nodes that are so far apart.
        seed: of the episodes.
        relations: of inference: (label, edges) of those that may be asked.
        memory_size: slots; None: enough for the graph.
        single_pass: take one sample of each, and the digits that are most probable in each output.

    Returns:
        (episodes wholly right, episodes).

    Raises:
        ValueError: another task, a graph without such an episode, or a number below 1.
    """
    check_whole("steps", steps, minimum=1)
    check_whole("episodes", episodes, minimum=1)
    rng = np.random.default_rng(seed)
    slots = memory_size or memory_for(len(graph.edges))
    if isinstance(task, ShortestPath):
        pairs = graph.pairs(steps)
        if not pairs:
            raise ValueError(f"no two nodes of the graph are {steps} steps apart.")
        questions = [(graph, pairs[index]) for index in rng.permutation(len(pairs))[:episodes]]
        right = _score_paths(machine, task, questions, steps, seed, slots, single_pass=single_pass)
        return right, len(questions)
    if isinstance(task, Traversal):
        draws = [_walk_episode(graph, graph.walk(rng, steps)) for _ in range(episodes)]
    elif isinstance(task, Inference):
        paths = graph.relation_paths(relations)
        if not paths:
            raise ValueError(f"the graph has no path of {steps} steps that is one of the relations.")
        drawn = [paths[int(rng.integers(len(paths)))] for _ in range(episodes)]
        draws = [_relation_episode(graph, path, task.planning_steps) for path in drawn]
    else:
        raise _unknown(task)
    choose = isinstance(task, Traversal) and not single_pass
    right = _score_answers(machine, draws, seed, slots, choose=choose, single_pass=single_pass)
    return right, episodes


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

    Relations are always scored by a single pass.
    """
    check_whole("episodes", episodes, minimum=1)
    if isinstance(task, Inference):
        return _score_relations(machine, task, episodes, seed, memory_size)
    rng = np.random.default_rng(seed)
    if isinstance(task, ShortestPath):
        questions = []
        for _ in range(episodes):
            drawn, (start, end) = task.question(rng)
            graph, nodes, _ = renumber(drawn.edges)
            questions.append((graph, (nodes.index(start), nodes.index(end))))
        slots = memory_size or memory_for(max(len(graph.edges) for graph, _ in questions))
        longest = task.max_path
        right = _score_paths(machine, task, questions, longest, seed, slots, single_pass=single_pass)
        return right, episodes
    if not isinstance(task, Traversal):
        raise _unknown(task)
    draws, edges = [], 0
    for _ in range(episodes):
        drawn, walk = task.question(rng)
        graph, nodes, labels = renumber(drawn.edges)
        own = [(nodes.index(a), labels.index(e), nodes.index(b)) for a, e, b in walk]
        draws.append(_walk_episode(graph, own))
        edges = max(edges, len(graph.edges))
    slots = memory_size or memory_for(edges)
    right = _score_answers(machine, draws, seed, slots, choose=not single_pass, single_pass=single_pass)
    return right, episodes


def _unknown(task: GraphTask) -> ValueError:
    return ValueError(f"{task.name} is not scored on graphs: give traversal, inference or shortest-path.")


def _walk_episode(graph: FixedGraph, walk: Sequence[Triple]) -> DrawEpisode:
    return lambda rng: graph.traversal(rng, walk)


def _relation_episode(graph: FixedGraph, path: tuple[int, list[Triple]], planning_steps: int) -> DrawEpisode:
    return lambda rng: graph.inference(rng, path, planning_steps)


class _AnswerSample(NamedTuple):
    """One answer of the network to a walk or a relation."""

    answer: tuple[Triple, ...] | None
    """in the graph's own numbers; None if it named something that is not there"""
    confidence: float
    right: bool


def _score_answers(
    machine: Machine,
    draws: Sequence[DrawEpisode],
    seed: int,
    slots: int,
    *,
    choose: bool,
    single_pass: bool,
) -> int:
    """How many walks or relations are answered wholly right."""

    def draw(wanted: Sequence[tuple[int, int]]) -> list[_AnswerSample]:
        found: list[_AnswerSample] = []
        for part in _parts(wanted, slots):
            episodes = [draws[i](np.random.default_rng([seed, i, number])) for i, number in part]
            found += _sample_answers(machine, episodes, slots, choose=choose)
        return found

    if single_pass:
        return sum(sample.right for sample in draw([(i, 0) for i in range(len(draws))]))
    return sum(sample.right for sample, _ in majority_vote(len(draws), draw))


def _sample_answers(
    machine: Machine, drawn: Sequence[tuple[GraphEpisode, NamedGraph]], slots: int, *, choose: bool
) -> list[_AnswerSample]:
    """Run episodes side by side; with ``choose`` an answer is of the edges told, else what its digits say."""
    batch = collate_graph([episode for episode, _ in drawn])
    outputs, _, _ = run_time_first(machine, batch.inputs, lengths=batch.lengths, memory_size=slots)
    found = []
    for b, (episode, named) in enumerate(drawn):
        steps, wanted = zip(*episode.targets)
        logits = outputs[list(steps), b]
        if choose:
            said = choose_among(logits, named.graph.edges)
        else:
            said = [(int(a), int(e), int(c)) for a, e, c in read_triples(logits).tolist()]
        sample = MapSample(named)
        for row, triple in zip(logits, said):
            sample.add_nll(row, triple)
        found.append(_AnswerSample(_in_numbers(sample, said), sample.confidence, said == list(wanted)))
    return found


def _in_numbers(sample: MapSample, triples: Sequence[Triple]) -> tuple[Triple, ...] | None:
    nodes, labels = sample.numbers, {name: number for number, name in enumerate(sample.named.labels)}
    try:
        return tuple(
            triple if triple == TERMINATION else (nodes[triple[0]], labels[triple[1]], nodes[triple[2]])
            for triple in triples
        )
    except KeyError:
        return None


def _score_relations(
    machine: Machine, task: Inference, episodes: int, seed: int, memory_size: int | None
) -> tuple[int, int]:
    sampler = Sampler(MAX_BATCH, seed)
    right = done = 0
    while done < episodes:
        batch = sampler.draw(task)
        slots = memory_size or max(MIN_SLOTS, batch.inputs.shape[0])
        outputs, _, _ = run_time_first(machine, batch.inputs, lengths=batch.lengths, memory_size=slots)
        exact = task.num_errors(outputs, batch) == 0
        right += int(exact[: episodes - done].sum())
        done += min(MAX_BATCH, episodes - done)
    return right, done


def _score_paths(
    machine: Machine,
    task: ShortestPath,
    questions: Sequence[tuple[FixedGraph, tuple[int, int]]],
    longest: int,
    seed: int,
    slots: int,
    *,
    single_pass: bool,
) -> int:
    """How many paths are as short as can be."""

    def draw(wanted: Sequence[tuple[int, int]]) -> list[MapSample]:
        found: list[MapSample] = []
        for part in _parts(wanted, slots):
            asked, seeds = [questions[i] for i, _ in part], [[seed, *which] for which in part]
            found += sample_paths(machine, task, asked, longest + EXTRA_STEPS, seeds, memory_size=slots)
        return found

    if single_pass:
        samples = draw([(i, 0) for i in range(len(questions))])
    else:
        samples = [sample for sample, _ in best_of_n(len(questions), draw)]
    lengths = [graph.distances(end)[start] for graph, (start, end) in questions]
    answers = [sample.answer for sample in samples]
    return sum(answer is not None and len(answer) == steps for answer, steps in zip(answers, lengths))


def _parts(things: Sequence[T], slots: int) -> Iterator[Sequence[T]]:
    """The things in batches that fit into memory."""
    size = max(1, min(MAX_BATCH, MAX_LINKS // slots**2))
    for start in range(0, len(things), size):
        yield things[start : start + size]
