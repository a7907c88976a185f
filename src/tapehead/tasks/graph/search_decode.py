"""The closed loop of the search task: what a machine says is its next input, until it says DONE or FAIL."""

import copy
import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .search import Search
from .search_trace import BLANK, LABELS, LAST, Adjacency, Op, Record, path_of, query, tell

EXTRA_SLOTS = 4
"""Slots in addition to one for each word written: the tape begins at the second and must not wrap around."""

Machine = Callable[..., tuple[Tensor, Any]]
"""Called as ``machine(x, state)`` or ``machine(x, memory_size=slots)``: outputs [T, B, channels], state."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a machine said to a question."""

    said: list[Record]
    """in order, the last a DONE or a FAIL unless it was cut off"""
    start: int
    target: int

    @property
    def path(self) -> list[Record]:
        """The way it names from start to target, as (source, edge, destination); empty if it names none."""
        path = path_of(self.said) if self.said and self.said[-1].op == Op.DONE else []
        joined = all(a.destination == b.source for a, b in itertools.pairwise(path))
        ends = path and path[0].source == self.start and path[-1].destination == self.target
        return path if joined and ends else []

    @property
    def unreachable(self) -> bool:
        """Whether it says that no way leads there."""
        return bool(self.said) and self.said[-1].op == Op.FAIL


class ToldGraph:
    """A machine that was told a graph. Questions start from its state of then, which stays as it is.

    Args:
        machine: a trained one.
        task: whose channels it was trained on.
        adjacency: the edges of every node, by labels below 10^digits.
        order: in which the nodes are told.
        constrained: take for every label the most probable one among those told, and for three together the
            most probable edge told, instead of the most probable digits.
    """

    def __init__(
        self,
        machine: Machine,
        task: Search,
        adjacency: Adjacency,
        order: Sequence[int],
        *,
        constrained: bool = False,
    ) -> None:
        self.machine, self.task = machine, task
        graph = tell(adjacency, order)
        self.slots = len(graph) + len(order) + 2 + EXTRA_SLOTS
        self.limit = 4 * len(graph) + 64
        """records after which an answer is cut off; no search of this graph is longer"""
        self.nodes = [record for record in graph if record.op == Op.NODE]
        self.edges = [record for record in graph if record.op == Op.EDGE]
        self.constrained = constrained
        if constrained:
            W = task.label_channels
            self._edge_rows = torch.from_numpy(task.encode(self.edges))[:, :W]
            self._node_rows = torch.from_numpy(task.encode(self.nodes))[:, W * 2 // 3 : W]
        _, self.state = self._run(graph, None)

    def unconstrained(self) -> "ToldGraph":
        """The same, told no second time, but each answer of the most probable digits."""
        other = copy.copy(self)
        other.constrained = False
        return other

    def ask(self, start: int, target: int, draft: Sequence[Record] = ()) -> Answer:
        """Search for a shortest way.

        Args:
            start: a node.
            target: another.
            draft: an evaluation shortcut: the answer that is expected, such as the right one. As long as the
                machine says the same, its steps are run in one call, which is faster. The answer is the one
                without a draft.
        """
        question = query(start, target)
        fed = question + list(draft[:-1])
        outputs, state = self._run(fed, self.state)
        said: list[Record] = []
        for output, expected in zip(outputs[len(question) - 1 :], draft):
            said.append(self._decode(output))
            if said[-1] != expected or expected.op in LAST:
                break
        if said and said[-1] == draft[len(said) - 1]:
            if said[-1].op in LAST:
                return Answer(said, start, target)
        elif said:
            outputs, state = self._run((question + said)[:-1], self.state)
        else:
            said.append(self._decode(outputs[-1]))
        while said[-1].op not in LAST and len(said) < self.limit:
            outputs, state = self._run(said[-1:], state)
            said.append(self._decode(outputs[0]))
        return Answer(said, start, target)

    @torch.no_grad()
    def _run(self, records: Sequence[Record], state: Any) -> tuple[Tensor, Any]:
        x = torch.from_numpy(self.task.encode(records))[:, None]
        if state is None:
            outputs, state = self.machine(x, memory_size=self.slots)
        else:
            outputs, state = self.machine(x, state)
        return outputs[:, 0], state

    def _decode(self, output: Tensor) -> Record:
        record = self.task.read(output[None])[0]
        if not self.constrained:
            return record
        W = self.task.label_channels
        log_probabilities = output[:W].unflatten(0, (-1, 10)).log_softmax(1).flatten()
        has = LABELS[record.op]
        if all(has) and self.edges:
            edge = self.edges[int((self._edge_rows @ log_probabilities).argmax())]
            return Record(*edge[:3], record.op)
        if any(has) and self.nodes:
            part = has.index(True)
            node = self.nodes[
                int((self._node_rows @ log_probabilities[W * part // 3 : W * (part + 1) // 3]).argmax())
            ]
            labels = [node.destination if here else BLANK for here in has]
            return Record.of(labels, record.op)
        return record
