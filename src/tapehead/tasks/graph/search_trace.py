"""Breadth-first search as a written trace: what is told, and what is said in answer, record by record."""

import enum
from collections.abc import Mapping, Sequence
from typing import NamedTuple

BLANK = -1
"""In place of a label that a record does not have."""

Adjacency = Mapping[int, Sequence[tuple[int, int]]]
"""Of every node its edges in the order told, as (label, destination)."""


class Op(enum.IntEnum):
    """The kind of a record."""

    NODE = 0
    EDGE = 1
    TARGET = 2
    START = 3
    POP = 4
    CAND = 5
    KNOWN = 6
    NEW = 7
    END = 8
    NEXT = 9
    PATH = 10
    BACK = 11
    DONE = 12
    FAIL = 13


class Record(NamedTuple):
    """A step: three labels and a kind. A label that the kind does not have is BLANK."""

    source: int
    edge: int
    destination: int
    op: Op

    @classmethod
    def of(cls, labels: Sequence[int], op: Op) -> "Record":
        """A record of three labels and a kind."""
        source, edge, destination = labels
        return cls(source, edge, destination, op)

    def __str__(self) -> str:
        labels = ", ".join("_" if label == BLANK else str(label) for label in self[:3])
        return f"({labels}; {self.op.name})"


LABELS: dict[Op, tuple[bool, bool, bool]] = {
    **dict.fromkeys((Op.EDGE, Op.CAND, Op.KNOWN, Op.NEW, Op.PATH), (True, True, True)),
    **dict.fromkeys((Op.NODE, Op.TARGET, Op.START, Op.POP, Op.NEXT, Op.BACK), (False, False, True)),
    Op.END: (True, False, False),
    **dict.fromkeys((Op.DONE, Op.FAIL), (False, False, False)),
}
"""Which of source, edge and destination a record of each kind has."""

TOLD = (Op.NODE, Op.EDGE, Op.TARGET, Op.START)
"""The kinds that the asker says; all others are the machine's."""
LAST = (Op.DONE, Op.FAIL)
"""The kinds that end a trace."""


def tell(adjacency: Adjacency, order: Sequence[int], start: int, target: int) -> list[Record]:
    """What a machine is told: the nodes in this order, each with its edges; the target; the start."""
    told: list[Record] = []
    for node in order:
        told.append(Record(BLANK, BLANK, node, Op.NODE))
        told += [Record(node, edge, end, Op.EDGE) for edge, end in adjacency.get(node, ())]
    told.append(Record(BLANK, BLANK, target, Op.TARGET))
    told.append(Record(BLANK, BLANK, start, Op.START))
    return told


def search(adjacency: Adjacency, start: int, target: int) -> list[Record]:
    """What the machine says to that: the trace of a breadth-first search, by plain Python.

    Raises:
        ValueError: start and target are the same node.
    """
    if start == target:
        raise ValueError(f"start and target are both {start}: there is nothing to search")
    said: list[Record] = []
    reached_by: dict[int, Record | None] = {start: None}
    queue = [start]
    for node in queue:
        said.append(Record(BLANK, BLANK, node, Op.POP))
        for edge, end in adjacency.get(node, ()):
            said.append(Record(node, edge, end, Op.CAND))
            if end in reached_by:
                said.append(Record(node, edge, end, Op.KNOWN))
            elif end == target:
                return said + _path_back(Record(node, edge, end, Op.PATH), reached_by)
            else:
                reached_by[end] = Record(node, edge, end, Op.PATH)
                queue.append(end)
                said.append(Record(node, edge, end, Op.NEW))
        said.append(Record(node, BLANK, BLANK, Op.END))
        said.append(Record(BLANK, BLANK, node, Op.NEXT))
    return [*said, Record(BLANK, BLANK, BLANK, Op.FAIL)]


def _path_back(step: Record | None, reached_by: Mapping[int, Record | None]) -> list[Record]:
    said: list[Record] = []
    while step is not None:
        said += [step, Record(BLANK, BLANK, step.source, Op.BACK)]
        step = reached_by[step.source]
    return [*said, Record(BLANK, BLANK, BLANK, Op.DONE)]


def path_of(said: Sequence[Record]) -> list[Record]:
    """The way that a trace found, from start to target; empty where it found none."""
    return [record for record in reversed(said) if record.op == Op.PATH]
