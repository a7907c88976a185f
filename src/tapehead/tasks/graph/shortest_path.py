"""The shortest-path task: how to get from one node to another."""

import dataclasses
from collections import deque
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ..base import CERTAIN, Batch, check_range, check_whole
from ..registry import register
from .episode import (
    ANSWERING,
    BLANK,
    DIGITS,
    NEW_PHASE,
    OUTPUT_SIZE,
    Episode,
    GraphTask,
    Triple,
    collate,
    digits_of,
    told_triples,
)
from .graphs import TRIES, Graph, random_graph

IN_MIND = 0.04
"""Probability from which on a digit counts as thought of. Of n edges evenly mixed each digit has 1 / n."""


@register
@dataclasses.dataclass(frozen=True)
class ShortestPath(GraphTask):
    """Name the edges of a shortest path, one after another (DNC Methods, "Shortest path").

    A random graph is told edge by edge; the query is (source, _, destination); then come ``planning_steps``
    steps without input. In the answer every step's triple is fed back with the next step. In training the
    steps are a mixture of the optimal planner's and others, so that the machine learns to find its way back:
    with probability ``mixture`` the next step is the planner's, else a random edge; what is asked for is
    always the planner's.

    Thinking ``aloud`` (ours) searches backwards: the k-th planning step asks for all edges from distance k to
    k − 1 of the destination, evenly mixed. It is fed (known, _, reached): the places at distance k − 1, and
    those together with the places at k − 2. Where the start is reached, the planning is over.
    """

    name: ClassVar[str] = "shortest-path"
    sizes: ClassVar[tuple[str, ...]] = ("nodes", "degree", "path")

    min_nodes: int = 20
    max_nodes: int = 25
    min_degree: int = 2
    """edges that leave a node"""
    max_degree: int = 6
    min_path: int = 2
    max_path: int = 5
    """edges of the shortest path"""
    planning_steps: int = 10
    """thinking aloud: at most"""
    mixture: float = 0.8
    """probability that a step is the planner's (the paper's β)"""
    aloud: bool = False
    """think aloud in the planning steps"""

    def __post_init__(self) -> None:
        check_range(self, "nodes", least=2)
        check_range(self, "degree")
        check_range(self, "path")
        check_whole("planning_steps", self.planning_steps, least=0)
        if not 0 < self.mixture <= 1:
            raise ValueError(f"mixture is {self.mixture}: give a probability above 0, up to 1.")

    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        check_whole("batch_size", batch_size, least=1)
        seed = int(torch.randint(1 << 62, (), generator=generator, device=generator.device))
        chance = np.random.default_rng(seed)
        episodes, thoughts = zip(*(self._draw(chance) for _ in range(batch_size)))
        batch = collate(episodes)
        for b, (episode, thought) in enumerate(zip(episodes, thoughts)):
            _write_thoughts(batch, b, episode, thought)
        return batch

    def episode(self, chance: np.random.Generator) -> Episode:
        return self._draw(chance)[0]

    def question(self, chance: np.random.Generator) -> tuple[Graph, tuple[int, int]]:
        """Draw a graph, a start and an end.

        Raises:
            ValueError: graphs of these sizes have no such paths, or next to none.
        """
        for _ in range(TRIES):
            nodes = int(chance.integers(self.min_nodes, self.max_nodes + 1))
            graph = random_graph(chance, nodes, self.min_degree, self.max_degree)
            for _ in range(10):
                end = graph.edges[int(chance.integers(len(graph.edges)))][2]
                steps = int(chance.integers(self.min_path, self.max_path + 1))
                starts = [node for node, distance in distances(graph, end).items() if distance == steps]
                if starts:
                    return graph, (starts[int(chance.integers(len(starts)))], end)
        raise ValueError(
            f"random graphs of up to {self.max_nodes} nodes hardly ever have shortest paths of "
            f"{self.min_path} edges or more: give shorter paths or larger graphs."
        )

    @torch.no_grad()
    def wrong_bits(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Wrong digits of each episode's answers; int64, [B].

        Of the edges that leave the node where it stands, the machine takes the one that its outputs make
        most probable, as the paper has it. Any edge of a shortest path is right, whichever the planner chose;
        a wrong one has as many wrong digits as tell it from the nearest right one. Of a thought, each edge
        too many or too few counts as one.
        """
        wrong = [self._wrong_digits(outputs[:, b], batch.one(b)) for b in range(batch.lengths.shape[0])]
        return torch.tensor(wrong, dtype=torch.int64, device=outputs.device)

    def _wrong_digits(self, outputs: Tensor, one: Batch) -> int:
        """Of one episode and its outputs [≥ T, 90]."""
        told = told_triples(one.inputs[:, 0])
        query = int(one.inputs[:, 0, NEW_PHASE].argmax())
        start, _, end = told[query]
        graph = Graph(tuple(told[:query]))
        away = distances(graph, end)
        steps = one.inputs[:, 0, ANSWERING].nonzero().flatten().tolist()
        places = [start, *(told[step][2] for step in steps[1:])]
        chosen = choose_edges(outputs[steps], [graph.edges_from(place) for place in places])
        wrong = sum(
            min(_different_digits(edge, right) for right in best_edges(graph, place, away))
            for edge, place in zip(chosen, places)
        )
        for step in range(query + 1, steps[0] if self.aloud else 0):
            # Also the right mixture may bring edges to mind whose digits are all those of others.
            right, found = (
                thought_of(said, graph.edges)
                for said in (one.targets[step, 0].log().clamp(min=-CERTAIN), outputs[step])
            )
            wrong += len(set(right) ^ set(found))
        return wrong

    def _draw(self, chance: np.random.Generator) -> tuple[Episode, list[list[Triple]]]:
        graph, (start, end) = self.question(chance)
        return self._episode(chance, graph, start, end, distances(graph, end))

    def _episode(
        self, chance: np.random.Generator, graph: Graph, start: int, end: int, away: dict[int, int]
    ) -> tuple[Episode, list[list[Triple]]]:
        thoughts = rings(graph, start, away)[: self.planning_steps] if self.aloud else []
        episode = shortest_path_query(chance, graph, start, end)
        episode.phase()
        episode.think(len(thoughts) if self.aloud else self.planning_steps)
        here, said = start, (BLANK, BLANK, BLANK)
        episode.phase()
        most = away[start] + 3
        for _ in range(most):
            best = best_edges(graph, here, away)
            wanted = best[int(chance.integers(len(best)))]
            episode.ask(wanted, said)
            said = wanted
            if chance.random() > self.mixture:
                choices = [(here, e, n) for e, n in graph.leaving[here].items() if n in away]
                said = choices[int(chance.integers(len(choices)))]
            here = said[2]
            if here == end:
                break
        return episode, thoughts


def shortest_path_query(chance: np.random.Generator, graph: Graph, start: int, end: int) -> Episode:
    """Everything up to the planning."""
    episode = Episode()
    episode.tell([graph.edges[i] for i in chance.permutation(len(graph.edges))])
    episode.phase()
    episode.tell([(start, BLANK, end)])
    return episode


def distances(graph: Graph, end: int) -> dict[int, int]:
    """Steps of the shortest path to ``end`` from every node that has one."""
    arriving: dict[int, list[int]] = {}
    for source, _, destination in graph.edges:
        arriving.setdefault(destination, []).append(source)
    found = {end: 0}
    waiting = deque([end])
    while waiting:
        node = waiting.popleft()
        for source in arriving.get(node, ()):
            if source not in found:
                found[source] = found[node] + 1
                waiting.append(source)
    return found


def best_edges(graph: Graph, node: int, away: dict[int, int]) -> list[Triple]:
    """The edges from ``node`` that begin a shortest path."""
    return [
        (node, label, end)
        for label, end in graph.leaving[node].items()
        if end in away and away[end] == away[node] - 1
    ]


def rings(graph: Graph, start: int, away: dict[int, int]) -> list[list[Triple]]:
    """The edges towards the destination, from each distance in turn up to the start's."""
    found: list[list[Triple]] = [[] for _ in range(away[start])]
    for edge in graph.edges:
        distance = away.get(edge[0], 0)
        if 0 < distance <= away[start] and away.get(edge[2]) == distance - 1:
            found[distance - 1].append(edge)
    return found


def mixed(triples: Sequence[Triple]) -> Tensor:
    """Several triples at once, as channels [90]: of each digit the share of them that have it."""
    shares = torch.zeros(OUTPUT_SIZE)
    for triple in triples:
        for place, digit in enumerate(digits_of(triple)):
            if triple[place // 3] != BLANK:
                shares[10 * place + digit] += 1 / len(triples)
    return shares


def frontier(reached: Sequence[int], before: Sequence[int]) -> Tensor:
    """What a planning step is fed, as channels [90]: (known, _, reached), the places each evenly mixed.

    Args:
        reached: the places at one distance from the destination.
        before: the places one step nearer; with the others they are what is known.
    """
    known = mixed([(place, BLANK, BLANK) for place in {*reached, *before}])
    return known + mixed([(BLANK, BLANK, place) for place in set(reached)])


def _write_thoughts(batch: Batch, b: int, episode: Episode, thoughts: Sequence[Sequence[Triple]]) -> None:
    """Ask an episode for these thoughts, one a planning step; where each leads, is fed to the step after."""
    reached, before = [episode.rows[episode.phases[0]][2]], list[int]()
    for step, thought in enumerate(thoughts, start=episode.phases[1]):
        batch.inputs[step, b, :OUTPUT_SIZE] = frontier(reached, before)
        batch.targets[step, b] = mixed(thought)
        batch.mask[step, b] = True
        reached, before = [source for source, _, _ in thought], reached


def thought_of(outputs: Tensor, edges: Sequence[Triple]) -> list[Triple]:
    """Which of these edges an output [90] has in mind: each whose nine digits are all likely in it.

    If none is, the most probable.
    """
    digits = torch.tensor([digits_of(edge) for edge in edges], device=outputs.device)
    chances = outputs.unflatten(0, (DIGITS, 10)).softmax(1)
    least = chances.gather(1, digits.T).amin(0)
    found = [edge for edge, chance in zip(edges, least.tolist()) if chance > IN_MIND]
    return found or choose_edges(outputs[None], [list(edges)])


def _different_digits(one: Triple, other: Triple) -> int:
    return sum(a != b for a, b in zip(digits_of(one), digits_of(other)))


def choose_edges(outputs: Tensor, leaving: list[list[Triple]]) -> list[Triple]:
    """The most probable of the edges that leave the current node: outputs [B, 90] → a triple for each.

    This is the most probable action after the outputs are renormalised over those edges.
    """
    chances = outputs.unflatten(1, (9, 10)).log_softmax(2)
    chosen = []
    for b, edges in enumerate(leaving):
        digits = torch.tensor([digits_of(edge) for edge in edges], device=outputs.device)
        scores = chances[b].gather(1, digits.T).sum(0)
        chosen.append(edges[int(scores.argmax())])
    return chosen
