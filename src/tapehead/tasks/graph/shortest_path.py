"""The shortest-path task: find a way from one node to another."""

import dataclasses
from collections import deque
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ..base import CERTAIN, Batch, Channels, check_range, check_whole
from ..registry import register
from ..sampler import numpy_rng
from .episode import (
    ANSWERING,
    BLANK,
    NEW_PHASE,
    GraphEpisode,
    GraphTask,
    Triple,
    collate_graph,
    decode_triples,
    digits_of,
    graph_channels,
    node_digits,
    split_triples,
    triple_channels,
    triple_size,
)
from .graphs import DIGITS, TRIES, Graph, random_graph

MAX_DIGITS = 18
"""which fit into 64 bits"""
SET_SCALE = 5.0
"""Factor of the logits of a set: what is read of each of its members is small beside a single edge."""
MIN_DIGIT_PROBABILITY = 0.03
"""A set contains an edge if each of the edge's digits is more probable than this."""


@register
@dataclasses.dataclass(frozen=True)
class ShortestPath(GraphTask):
    """Name the edges of a shortest path, one after another (DNC Methods, "Shortest path").

    The inputs are the edges of a random graph; the query is (source, _, destination); then come
    ``planning_steps`` steps without input. In the answer, the triple of each step is the input of the next.
    In training the steps taken are a mixture of the optimal planner's and others, so that the machine learns
    to recover from a detour: with probability ``mixture`` the next step is the planner's, else a random edge.
    The target is always the planner's edge.

    With ``scratchpad`` (ours) the planning steps are a breadth-first search from the destination: the target
    of the k-th planning step is the set of all edges that lead from distance k to distance k − 1. Its input
    is (known, _, reached): the nodes at distance k − 1, and those together with the nodes at distance k − 2.
    Planning ends where the start is reached. A set is written as the digits of all its members at once, like
    a Bloom filter: the more ``digits`` a name has, the fewer others look like members.
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
    """steps between query and answer; with ``scratchpad``: at most"""
    mixture: float = 0.8
    """probability that a step of the answer is the planner's (the paper's β)"""
    scratchpad: bool = False
    """search breadth-first in the planning steps"""
    digits: int = DIGITS
    """of a node's name"""

    def __post_init__(self) -> None:
        check_range(self, "nodes", minimum=2)
        check_range(self, "degree")
        check_range(self, "path")
        check_whole("planning_steps", self.planning_steps, minimum=0)
        check_whole("digits", self.digits, minimum=DIGITS)
        if self.digits > MAX_DIGITS:
            raise ValueError(f"digits is {self.digits}: give at most {MAX_DIGITS}.")
        if not 0 < self.mixture <= 1:
            raise ValueError(f"mixture is {self.mixture}: give a probability above 0, up to 1.")

    @property
    def channels(self) -> Channels:
        """Names of so many digits."""
        return graph_channels(self.digits)

    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        """Draw a batch; see ``Task.sample``."""
        check_whole("batch_size", batch_size, minimum=1)
        rng = numpy_rng(generator)
        episodes, scratchpads = zip(*(self._draw(rng) for _ in range(batch_size)))
        batch = collate_graph(episodes, self.digits)
        for b, (episode, layers) in enumerate(zip(episodes, scratchpads)):
            _write_scratchpad(batch, b, episode, layers, self.digits)
        return batch.to(generator.device)

    def draw_episode(self, rng: np.random.Generator) -> GraphEpisode:
        """Draw an episode, without the inputs and targets of its scratchpad."""
        return self._draw(rng)[0]

    def question(self, rng: np.random.Generator) -> tuple[Graph, tuple[int, int]]:
        """Draw a graph, a start and an end.

        Raises:
            ValueError: graphs of these sizes have no such paths, or hardly any.
        """
        for _ in range(TRIES):
            nodes = int(rng.integers(self.min_nodes, self.max_nodes + 1))
            graph = random_graph(rng, nodes, self.min_degree, self.max_degree, self.digits)
            for _ in range(10):
                end = graph.edges[int(rng.integers(len(graph.edges)))][2]
                steps = int(rng.integers(self.min_path, self.max_path + 1))
                starts = [node for node, distance in distances(graph, end).items() if distance == steps]
                if starts:
                    return graph, (starts[int(rng.integers(len(starts)))], end)
        raise ValueError(
            f"random graphs of up to {self.max_nodes} nodes hardly ever have shortest paths of "
            f"{self.min_path} edges or more: give shorter paths or larger graphs."
        )

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """−Σ log p over the steps that count, in nats; [B]. A digit of a set is in it or not, by itself."""
        answers = super().loss(outputs, batch._replace(mask=batch.mask & _answering(batch)))
        logits = SET_SCALE * (outputs if outputs.dtype == torch.float64 else outputs.float())
        targets = batch.targets.to(logits.dtype)
        sets = nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(2)
        return answers + sets.masked_fill(~batch.mask | _answering(batch), 0).sum(0)

    @torch.no_grad()
    def oracle(self, batch: Batch) -> Tensor:
        """Logits of the best answer; zero at steps that do not count."""
        sets = (batch.mask & ~_answering(batch)).unsqueeze(-1)
        return torch.where(sets, (2 * batch.targets - 1) * CERTAIN, super().oracle(batch))

    @torch.no_grad()
    def num_errors(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Number of wrong digits of each episode's answers; int64, [B].

        Of the edges that leave the current node, the machine takes the one that its outputs make most
        probable, as in the paper. Any edge of a shortest path is right, whichever the planner chose; a wrong
        edge counts the digits in which it differs from the nearest right one. In a scratchpad step each edge
        too many or too few counts as one.
        """
        wrong = [self._wrong_digits(outputs[:, b], batch.episode(b)) for b in range(batch.lengths.shape[0])]
        return torch.tensor(wrong, dtype=torch.int64, device=outputs.device)

    def _wrong_digits(self, outputs: Tensor, episode: Batch) -> int:
        """Errors of one episode (a batch of one) with outputs [≥ T, channels]."""
        triples = decode_triples(triple_channels(episode.inputs[:, 0]))
        query = int(episode.inputs[:, 0, NEW_PHASE].argmax())
        start, _, end = triples[query]
        graph = Graph(tuple(triples[:query]))
        to_end = distances(graph, end)
        steps = episode.inputs[:, 0, ANSWERING].nonzero().flatten().tolist()
        nodes = [start, *(triples[step][2] for step in steps[1:])]
        chosen = choose_edges(outputs[steps], [graph.edges_from(node) for node in nodes])
        wrong = sum(
            min(self._different_digits(edge, right) for right in best_edges(graph, node, to_end))
            for edge, node in zip(chosen, nodes)
        )
        wanted = self.oracle(episode)[:, 0]
        for step in range(query + 1, steps[0] if self.scratchpad else 0):
            # The target is decoded, too: a set may have all digits of an edge that is not in it.
            right, found = (decode_edges(logits[step], graph.edges) for logits in (wanted, outputs))
            wrong += len(set(right) ^ set(found))
        return wrong

    def _different_digits(self, one: Triple, other: Triple) -> int:
        return sum(a != b for a, b in zip(digits_of(one, self.digits), digits_of(other, self.digits)))

    def _draw(self, rng: np.random.Generator) -> tuple[GraphEpisode, list[list[Triple]]]:
        """An episode, and the edges of each scratchpad step."""
        graph, (start, end) = self.question(rng)
        to_end = distances(graph, end)
        layers = bfs_layers(graph, start, to_end)[: self.planning_steps] if self.scratchpad else []
        episode = shortest_path_query(rng, graph, start, end)
        episode.begin_phase()
        episode.add_planning_steps(len(layers) if self.scratchpad else self.planning_steps)
        here, fed = start, (BLANK, BLANK, BLANK)
        episode.begin_phase()
        for _ in range(to_end[start] + 3):
            best = best_edges(graph, here, to_end)
            target = best[int(rng.integers(len(best)))]
            episode.add_answer(target, fed)
            fed = target
            if rng.random() > self.mixture:
                choices = [(here, e, n) for e, n in graph.leaving[here].items() if n in to_end]
                fed = choices[int(rng.integers(len(choices)))]
            here = fed[2]
            if here == end:
                break
        return episode, layers


def shortest_path_query(rng: np.random.Generator, graph: Graph, start: int, end: int) -> GraphEpisode:
    """The steps of an episode before its planning steps."""
    episode = GraphEpisode()
    episode.add_inputs([graph.edges[i] for i in rng.permutation(len(graph.edges))])
    episode.begin_phase()
    episode.add_inputs([(start, BLANK, end)])
    return episode


def distances(graph: Graph, end: int) -> dict[int, int]:
    """The number of edges of the shortest path to ``end``, for every node that has a path to it."""
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


def best_edges(graph: Graph, node: int, to_end: dict[int, int]) -> list[Triple]:
    """The edges from ``node`` that begin a shortest path; ``to_end`` is from :func:`distances`."""
    return [
        (node, label, end)
        for label, end in graph.leaving[node].items()
        if end in to_end and to_end[end] == to_end[node] - 1
    ]


def bfs_layers(graph: Graph, start: int, to_end: dict[int, int]) -> list[list[Triple]]:
    """The layers of a breadth-first search from the destination back to ``start``.

    Returns:
        For k = 1, 2, …, the edges that lead from distance k to distance k − 1.
    """
    layers: list[list[Triple]] = [[] for _ in range(to_end[start])]
    for edge in graph.edges:
        distance = to_end.get(edge[0], 0)
        if 0 < distance <= to_end[start] and to_end.get(edge[2]) == distance - 1:
            layers[distance - 1].append(edge)
    return layers


def triple_set(triples: Sequence[Triple], digits: int) -> Tensor:
    """The digits of all these triples at once, a one for each; float32, [channels]."""
    ones = torch.zeros(triple_size(digits) // 10, 10)
    for triple in triples:
        ones[range(len(ones)), digits_of(triple, digits)] = 1
    return ones.flatten()


def frontier(reached: Sequence[int], before: Sequence[int], digits: int) -> Tensor:
    """The triple of a scratchpad step's input, [channels]: (known, _, reached), two sets of nodes.

    Each place of a set has length one, as that of a single name: the digits in it are 1 / √(their number).

    Args:
        reached: the nodes at one distance from the destination.
        before: the nodes one step nearer; both together are the known nodes.
        digits: of a node's name.
    """
    sets = [
        split_triples(triple_set([(node, 0, 0) for node in nodes], digits))[0]
        for nodes in ({*reached, *before}, reached)
    ]
    known, ends = nn.functional.normalize(torch.stack(sets).unflatten(1, (digits, 10)), dim=2).flatten(1)
    return torch.cat([known, torch.zeros(10 * DIGITS), ends])


def _write_scratchpad(
    batch: Batch, b: int, episode: GraphEpisode, layers: Sequence[Sequence[Triple]], digits: int
) -> None:
    """Write inputs and targets of the scratchpad steps: one step for each layer of the search."""
    reached, before = [episode.rows[episode.phases[0]][2]], list[int]()
    for step, layer in enumerate(layers, start=episode.phases[1]):
        triple_channels(batch.inputs)[step, b] = frontier(reached, before, digits)
        batch.targets[step, b] = triple_set(layer, digits)
        batch.mask[step, b] = True
        reached, before = [source for source, _, _ in layer], reached


def _answering(batch: Batch) -> Tensor:
    """The steps of the answers, bool [T, B]."""
    return batch.inputs[..., ANSWERING] > 0


def decode_edges(logits: Tensor, edges: Sequence[Triple]) -> list[Triple]:
    """Those of ``edges`` in the set that a scratchpad step says, logits [channels].

    If no edge is in it, the one whose least probable digit is the most probable.
    """
    probabilities = (SET_SCALE * logits).sigmoid().unflatten(0, (-1, 10))
    least = probabilities.gather(1, _digits(edges, logits)).amin(0)
    found = [edge for edge, value in zip(edges, least.tolist()) if value > MIN_DIGIT_PROBABILITY]
    return found or [edges[int(least.argmax())]]


def choose_edges(logits: Tensor, leaving: list[list[Triple]]) -> list[Triple]:
    """The most probable of the edges that leave each current node: logits [B, channels], B lists of edges.

    This is the most probable action after the outputs are renormalised over those edges.
    """
    log_probabilities = logits.unflatten(1, (-1, 10)).log_softmax(2)
    chosen = []
    for b, edges in enumerate(leaving):
        scores = log_probabilities[b].gather(1, _digits(edges, logits)).sum(0)
        chosen.append(edges[int(scores.argmax())])
    return chosen


def _digits(edges: Sequence[Triple], logits: Tensor) -> Tensor:
    """The digits of edges, for outputs [.., channels]: int64 [digits of a triple, edges]."""
    digits = node_digits(logits.shape[-1])
    return torch.tensor([digits_of(edge, digits) for edge in edges], device=logits.device).T
