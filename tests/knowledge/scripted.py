"""Machines that follow a script in place of trained weights: perfect ones, and ones that err on purpose.

They are called as a DNC is, and remember what they hear: every step in a slot of its own, from which the
steps of an answer read.
"""

import copy
from collections.abc import Callable
from typing import Any

import networkx
import torch
from torch import Tensor

from tapehead import DNC, NTM, Trace
from tapehead.tasks import Search
from tapehead.tasks.graph.inference import relations
from tapehead.tasks.graph.search_trace import Op, Record, search
from tests.tasks.graph.reading import Row, rows

SURE = 30.0


class Scripted(DNC):
    """Runs a script over sequences: a fresh one for each, a step at a time."""

    def __init__(self, script: Callable[[], Any], input_size: int, output_size: int) -> None:
        super().__init__(input_size, 2, output_size=output_size, memory_size=128, word_size=2, num_reads=1)
        self.script = script
        self.memory_sizes: list[int | None] = []
        self.train(False)

    def forward(  # type: ignore[override]
        self,
        x: Tensor,
        state: tuple[Any, ...] | None = None,
        *,
        lengths: Tensor | list[int] | None = None,
        memory_size: int | None = None,
        return_trace: bool = False,
    ) -> Any:
        unbatched = x.dim() == 2
        x = x.unsqueeze(1) if unbatched else x
        assert x.shape[2] == self.input_size
        if state is None:
            self.memory_sizes.append(memory_size)
        steps, size, _ = x.shape
        scripts = tuple(self.script() for _ in range(size)) if state is None else state
        outputs = torch.zeros(steps, size, self.output_size)
        slots = [[-1] * size for _ in range(steps)]
        for b, script in enumerate(scripts):
            for t in range(steps if lengths is None else int(lengths[b])):
                outputs[t, b], slots[t][b] = script.step(x[t, b])
        outputs = outputs.squeeze(1) if unbatched else outputs
        if not return_trace:
            return outputs, scripts
        assert unbatched
        return outputs, scripts, _trace([slot for (slot,) in slots], memory_size or 128)


def _trace(read_slots: list[int], N: int) -> Trace:
    """Of one sequence: step t writes slot t, and reads the slot it says; −1: none."""
    T = len(read_slots)
    assert T <= N
    write = torch.eye(T, N)
    reads = torch.zeros(T, 1, N)
    for t, slot in enumerate(read_slots):
        if slot >= 0:
            reads[t, 0, slot] = 0.9
    none = torch.zeros(T, 1)
    fields = dict.fromkeys(Trace._fields, none) | {"write_weights": write, "read_weights": reads}
    return Trace(**fields | {"memory": torch.zeros(T, N, 2), "read_words": torch.zeros(T, 1, 2)})


class Traveller:
    """Answers the questions of the graph tasks: which one it is, the query tells."""

    def __init__(self) -> None:
        self.heard: list[Row] = []
        self.phases: list[int] = []
        self.answers = 0

    def step(self, row: Tensor) -> tuple[Tensor, int]:
        """Outputs, and the slot that was read."""
        phase, answering = row[90:].tolist()
        if phase:
            self.phases.append(len(self.heard))
            self.answers = 0
        if len(self.phases) == 2 and not answering and self.heard[self.phases[0]][2] is not None:
            self.heard.append((None, None, None))  # Several places at once.
            return self.think(len(self.heard) - self.phases[1]), -1
        self.heard += rows(row.unsqueeze(0))
        if not answering:
            return torch.zeros(90), -1
        triple = self.answer(self.answers)
        self.answers += 1
        edge = self._path()[-1] if self._relation() is not None else triple
        slot = self.heard.index(edge) if edge in self.heard[: self.phases[0]] else -1
        return SURE * channels(triple), slot

    def answer(self, number: int) -> tuple[int, int, int]:
        """The triple of this step of the answer."""
        start, _, end = self.heard[self.phases[0]]
        if self._relation() is not None:
            source, relation, _ = self.heard[self.phases[-1]]
            return source, relation, self._path()[-1][2]  # type: ignore[return-value]
        if end is not None:
            fed = self.heard[-1][2]
            here = start if fed is None else fed
            edges = self.heard[: self.phases[0]]
            net = networkx.DiGraph((a, b) for a, _, b in edges)
            if here == end:  # Others beside it are not there yet.
                return 0, 0, 0
            onward = networkx.shortest_path(net, here, end)[1]
            return next(edge for edge in edges if (edge[0], edge[2]) == (here, onward))  # type: ignore[return-value]
        return [*self._path(), (0, 0, 0)][number]

    def think(self, distance: int) -> Tensor:
        """All edges from this distance towards the destination at once."""
        _, _, end = self.heard[self.phases[0]]
        edges = self.heard[: self.phases[0]]
        left = networkx.single_source_shortest_path_length(networkx.DiGraph((b, a) for a, _, b in edges), end)
        ring = [e for e in edges if left.get(e[0]) == distance and left.get(e[2]) == distance - 1]
        ones = sum((channels(edge) for edge in ring), torch.zeros(90)) > 0
        return SURE * (2 * ones.float() - 1)

    def _relation(self) -> int | None:
        """The relation that is asked for, if this is inference: one phase a query."""
        last = self.heard[self.phases[-1]]
        return last[1] if last[0] is not None and last[1] is not None and last[2] is None else None

    def _path(self) -> list[tuple[int, int, int]]:
        relation = self._relation()
        if relation is None:
            query = self.heard[self.phases[0] : self.phases[1]]
            here, labels = query[0][0], [label for _, label, _ in query]
        else:
            here = self.heard[self.phases[-1]][0]
            labels = list((relation,) if relation < 10 else relations()[relation - 10])
        leads = {(a, e): b for a, e, b in self.heard[: self.phases[0]]}
        path = []
        for label in labels:
            path.append((here, label, leads[here, label]))
            here = path[-1][2]
        return path  # type: ignore[return-value]


def channels(triple: Row) -> Tensor:
    digits = torch.tensor([int(digit) for label in triple for digit in f"{label:03}"])
    return torch.nn.functional.one_hot(digits, 10).flatten().float()


class Searcher:
    """Searches, by the reference trace; its answers are read from all that it has heard."""

    def __init__(self) -> None:
        self.task = Search()
        self.heard: list[Record] = []

    def step(self, row: Tensor) -> tuple[Tensor, int]:
        """Outputs, and no slot."""
        self.heard += self.task.read(row.unsqueeze(0))
        said = Record.bare(Op.FAIL)
        kinds = [record.op for record in self.heard]
        if Op.START in kinds and kinds[-1] != Op.START:
            first = kinds.index(Op.START)
            said = self.said(self.heard[first - 1].destination, self.heard[first].destination)[
                len(kinds) - first - 2
            ]
        return SURE * torch.from_numpy(self.task.encode([said])[0]), -1

    def said(self, target: int, start: int) -> list[Record]:
        """The whole trace."""
        adjacency: dict[int, list[tuple[int, int]]] = {}
        for source, edge, end, op in self.heard:
            if op == Op.EDGE:
                adjacency.setdefault(source, []).append((edge, end))
        return search(adjacency, start, target)


class FailsToSearch(Searcher):
    """Says that there is no way."""

    def said(self, target: int, start: int) -> list[Record]:
        return [Record.bare(Op.FAIL)]


class _SearchMachine(Scripted):
    """A state is kept for the next question, so each call goes on from a copy of it."""

    state_type = tuple  # type: ignore[assignment]

    def forward(self, x: Tensor, state: Any = None, **options: Any) -> Any:  # type: ignore[override]
        return super().forward(x, copy.deepcopy(state), **options)


def searcher(script: type[Searcher] = Searcher) -> Scripted:
    """A machine for search."""
    task = Search()
    machine = _SearchMachine(script, task.input_size, task.output_size)
    machine.backend = "reference"  # it has no weights for a kernel to run
    return machine


def untrained_searcher() -> NTM:
    """A small machine of random weights with the heads of a search machine."""
    torch.manual_seed(0)
    size = Search().input_size
    options: dict[str, Any] = {"controller": "feedforward", "read_first": True, "write_gate": True}
    return NTM(size, 16, output_size=size, word_size=8, num_reads=2, num_writes=2, **options)


class GoesAstray(Traveller):
    """Takes the first edge that leaves, names a place that is none, and ends nowhere."""

    def answer(self, number: int) -> tuple[int, int, int]:
        names = {name for a, _, b in self.heard[: self.phases[0]] for name in (a, b)}
        stranger = min(set(range(1, 1000)) - names)
        return stranger, stranger, stranger


class Detour(Traveller):
    """Begins a path with another edge than the best, where there is one."""

    def answer(self, number: int) -> tuple[int, int, int]:
        onward = super().answer(number)
        others = [e for e in self.heard[: self.phases[0]] if e[0] == onward[0] and e != onward]
        return others[0] if number == 0 and others else onward  # type: ignore[return-value]


class MapSlips(Traveller):
    """Says the middle digit of every destination wrong, the right one being its second choice."""

    def step(self, row: Tensor) -> tuple[Tensor, int]:
        output, slot = super().step(row)
        digit = output[70:80]
        digit.copy_(digit / 2 + digit.roll(1))
        return output, slot


def traveller(script: type[Traveller] = Traveller) -> Scripted:
    """A machine for traversal, inference and shortest path."""
    return Scripted(script, 92, 90)
