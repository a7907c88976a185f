"""The closed loop of the search task: what a machine says is its next input, until it says DONE or FAIL."""

import copy
import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ... import engine
from .search import Search
from .search_trace import BLANK, HOLDS, LABELS, LAST, Adjacency, Op, Record, path_of, query, tell

EXTRA_SLOTS = 4
"""Slots in addition to one for each word written: the tape begins at the second and must not wrap around."""

Machine = Callable[..., tuple[Tensor, Any]]
"""Called as ``machine(x, state)`` or ``machine(x, memory_size=slots)``: outputs [T, B, channels], state;
[B, T, channels] where it has a ``batch_first`` that is true."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a machine said to a question."""

    said: list[Record]
    """in order, the last a DONE or a FAIL unless it was cut off"""
    start: int
    target: int
    least_sure: float
    """the probability that it gave to its least certain step, among what it could say there"""

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
        self.machine, self.task, self.adjacency = machine, task, adjacency
        graph = self.records = tell(adjacency, order)
        """what it was told, in order: slot by slot, from the second on"""
        self.slots = len(graph) + len(order) + 2 + EXTRA_SLOTS
        # Two for each edge, three for each node, two for each step of the way back; and some.
        self.limit = 2 * len(graph) + len(order) + 64
        """records after which an answer is cut off; no search of this graph is longer"""
        self.choice = _choice(task, graph if constrained else [])
        _, self.state = self._run(graph, None)

    def unconstrained(self) -> "ToldGraph":
        """The same, told no second time, but each answer of the most probable digits."""
        other = copy.copy(self)
        other.choice = _choice(self.task, [])
        return other

    def ask(self, start: int, target: int, draft: Sequence[Record] = ()) -> Answer:
        """Search for a shortest way.

        Args:
            start: a node.
            target: another.
            draft: an evaluation shortcut: the answer that is expected, such as the right one. As long as the
                machine says the same, its steps are run as one sequence. The answer is the one without a
                draft.
        """
        question = query(start, target)
        said, outputs, last = self._follow(question, draft)
        if not said or (said[-1].op not in LAST and len(said) < self.limit):
            _, state = self._run([*question, *said][:-1], self.state)
            decoded = engine.decode(self.machine, last, state, self.choice, self.limit - len(said))
            said += self.task.read(decoded.chosen)
            outputs = torch.cat([outputs, decoded.outputs])
        least = float(self.choice.log_probabilities(outputs).min().exp())
        return Answer(said, start, target, least)

    def _follow(
        self, question: Sequence[Record], draft: Sequence[Record]
    ) -> tuple[list[Record], Tensor, Tensor]:
        """What the machine says as long as that is the draft, and the first that is not; its outputs; and the
        last of it, or else of the question, as it is fed."""
        said: list[Record] = []
        last = self._encode(question[-1:])[0]
        if not draft:
            return said, torch.zeros(0, self.task.output_size), last
        outputs, _ = self._run([*question, *draft[:-1]], self.state)
        # Channels are compared: of a label that stands in two fields a record shows the first alone.
        for output, expected, row in zip(outputs[len(question) - 1 :], draft, self._encode(draft)):
            last, _ = self.choice.read(output, output)
            said += self.task.read(last[None])
            if not torch.equal(last, row.to(last)) or expected.op in LAST:
                break
        return said, outputs[len(question) - 1 :][: len(said)], last

    @torch.no_grad()
    def _run(self, records: Sequence[Record], state: Any) -> tuple[Tensor, Any]:
        sequence = 0 if getattr(self.machine, "batch_first", False) else 1
        x = self._encode(records).unsqueeze(sequence)
        if state is None:
            outputs, state = self.machine(x, memory_size=self.slots)
        else:
            outputs, state = self.machine(x, state)
        return outputs.squeeze(sequence), state

    def _encode(self, records: Sequence[Record]) -> Tensor:
        return torch.from_numpy(self.task.encode(records))


def _choice(task: Search, told: Sequence[Record]) -> engine.Choice:
    """How an output is read: labels as those told for a node or an edge; digit by digit where none was."""
    W = task.label_channels
    tables: dict[tuple[int, ...], Tensor] = {}
    digits = [(channel, 10) for channel in range(0, W, 10)]
    fed: dict[int, Sequence[engine.Field | Tensor]] = {}
    kinds = {kind: [record for record in told if record.op == kind] for kind in (Op.NODE, Op.EDGE)}
    for op in Op:
        holds = HOLDS[op]
        alike = kinds[Op.EDGE if LABELS[op] == LABELS[Op.EDGE] else Op.NODE]
        if alike and any(LABELS[op]) and holds not in tables:
            tables[holds] = torch.from_numpy(task.encode([record._replace(op=op) for record in alike]))
            tables[holds][:, W:] = 0
        here = itertools.chain.from_iterable(itertools.repeat(h != BLANK, task.digits) for h in holds)
        fed[op] = [tables[holds]] if holds in tables else list(itertools.compress(digits, here))
    return engine.Choice((W, len(Op)), fed, LAST)
