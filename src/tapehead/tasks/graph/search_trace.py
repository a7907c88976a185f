"""Breadth-first search as a written trace: what is told, and what is said in answer, record by record."""

import enum
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

BLANK = -1
"""In place of a label that a record does not have."""

Adjacency = Mapping[int, Sequence[tuple[int, int]]]
"""Of every node its edges in the order told, as (label, destination)."""


class Op(enum.IntEnum):
    """The kind of a record."""

    NODE = 0
    EDGE = 1
    END = 2
    TARGET = 3
    START = 4
    POP = 5
    CHECK = 6
    SEEN = 7
    UNSEEN = 8
    PUSH = 9
    NEXT = 10
    FOUND = 11
    PATH = 12
    BACK = 13
    DONE = 14
    FAIL = 15


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

    @classmethod
    def at(cls, node: int, op: Op) -> "Record":
        """A record about one node."""
        return cls(BLANK, BLANK, node, op)

    @classmethod
    def bare(cls, op: Op) -> "Record":
        """A record without labels."""
        return cls(BLANK, BLANK, BLANK, op)

    def __str__(self) -> str:
        labels = ", ".join("_" if label == BLANK else str(label) for label in self[:3])
        return f"({labels}; {self.op.name})"


FIELDS = ("source", "edge", "destination", "node", "queue", "queue again")
"""A label has the same channels in all records that are looked up alike. What NODE, POP and CHECK say of a
node and what PUSH, NEXT and BACK say of it must not look like the destination of an EDGE: of these there are
as many as there are edges, and each would be found as well. PUSH says its node twice, because it has two more
labels, which no one looks for: said once, it resembled the PUSH of a similar name too much."""

_EDGE = ("source", "edge", "destination", "", "", "")
_END = ("", "", "destination", "", "", "")
_REACHED = ("source", "edge", "", "", "destination", "destination")
_NODE = ("", "", "", "destination", "", "")
_QUEUED = ("", "", "", "", "destination", "destination")
_START = ("", "", "", "destination", "destination", "destination")
_FIELDS_OF: dict[Op, tuple[str, ...]] = {
    **dict.fromkeys((Op.NODE, Op.TARGET, Op.POP, Op.CHECK), _NODE),
    **dict.fromkeys((Op.PUSH, Op.PATH), _REACHED),
    **dict.fromkeys((Op.NEXT, Op.BACK), _QUEUED),
    Op.EDGE: _EDGE,
    Op.END: _END,
    Op.START: _START,
}
HOLDS: tuple[tuple[int, ...], ...] = tuple(
    tuple(Record._fields.index(label) if label else BLANK for label in _FIELDS_OF.get(op, [""] * len(FIELDS)))
    for op in Op
)
"""Of every kind, which of its labels each of the FIELDS holds, by number; BLANK for none."""
LABELS: dict[Op, tuple[bool, ...]] = {op: tuple(label in HOLDS[op] for label in range(3)) for op in Op}
"""Which of source, edge and destination a record of each kind has."""

WRITTEN = (Op.NODE, Op.EDGE, Op.END, Op.START, Op.PUSH)
"""The kinds that have to be in memory, each in a slot of its own."""
MARKED = (Op.TARGET, Op.START, Op.CHECK)
"""The kinds that have to be marked in the slot of their node."""
LAST = (Op.DONE, Op.FAIL)
"""The kinds that end a trace."""

Step = tuple[Record, Record]
"""What is fed, and what is wanted."""


def tell(adjacency: Adjacency, order: Sequence[int]) -> list[Record]:
    """What a machine is told of a graph: the nodes in this order, each with its edges."""
    told: list[Record] = []
    for node in order:
        told.append(Record.at(node, Op.NODE))
        told += [Record(node, edge, end, Op.EDGE) for edge, end in adjacency.get(node, ())]
        told.append(Record.at(node, Op.END))
    return told


def query(start: int, target: int) -> list[Record]:
    """What a machine is told next: where to, where from, and with the last record to begin."""
    return [Record.at(target, Op.TARGET), Record.at(start, Op.START), Record.at(start, Op.POP)]


class Searching:
    """A breadth-first search as far as it has come, and the right answers to what can be asked then.

    Args:
        adjacency: the edges of every node.
        start, target: nodes.

    Raises:
        ValueError: start and target are the same node.
    """

    def __init__(self, adjacency: Adjacency, start: int, target: int) -> None:
        if start == target:
            raise ValueError(f"start and target are both {start}: there is nothing to search")
        self.adjacency, self.start, self.target = adjacency, start, target
        self.queue = [start]
        self.seen = {start}
        """what was checked; in a whole search, what is in the queue"""
        self.reached_by: dict[int, Record] = {}

    def push(self, record: Record) -> None:
        """Take over a PUSH record."""
        self.queue.append(record.destination)
        self.reached_by[record.destination] = record

    def scan(self, node: int) -> Iterator[Step]:
        """The steps from ``(_,_,node;POP)`` to its last edge or to FOUND; what is pushed is taken over."""
        leaving = self.adjacency.get(node, ())
        fed = Record.at(node, Op.POP)
        for edge, end in leaving:
            check = Record.at(end, Op.CHECK)
            yield fed, check
            answer = Record.bare(self.check(end))
            yield check, answer
            fed = answer
            if answer.op == Op.FOUND:
                yield fed, Record(node, edge, end, Op.PATH)
                return
            if answer.op == Op.UNSEEN:
                push = Record(node, edge, end, Op.PUSH)
                yield fed, push
                self.push(push)
                fed = push
        yield fed, Record.at(node, Op.NEXT)

    def check(self, node: int) -> Op:
        """What CHECK answers; from then on the node is seen."""
        if node in self.seen:
            return Op.SEEN
        self.seen.add(node)
        return Op.FOUND if node == self.target else Op.UNSEEN

    def next(self, place: int) -> Step:
        """What NEXT answers to the node at a place of the queue."""
        fed = Record.at(self.queue[place], Op.NEXT)
        if place + 1 == len(self.queue):
            return fed, Record.bare(Op.FAIL)
        return fed, Record.at(self.queue[place + 1], Op.POP)

    def back(self, node: int) -> Step:
        """What BACK answers to a node of the queue."""
        fed = Record.at(node, Op.BACK)
        if node == self.start:
            return fed, Record.bare(Op.DONE)
        return fed, self.reached_by[node]._replace(op=Op.PATH)

    def way_back(self, path: Record) -> Iterator[Step]:
        """The steps from a PATH record to DONE."""
        while path.op == Op.PATH:
            fed, answer = self.back(path.source)
            yield path, fed
            yield fed, answer
            path = answer


def search(adjacency: Adjacency, start: int, target: int) -> list[Record]:
    """What the machine says: the trace of a breadth-first search, by plain Python.

    Raises:
        ValueError: start and target are the same node.
    """
    searching = Searching(adjacency, start, target)
    said: list[Record] = []
    for place, node in enumerate(searching.queue):  # which grows
        said += [wanted for _, wanted in searching.scan(node)]
        if said[-1].op == Op.PATH:
            return said + [wanted for _, wanted in searching.way_back(said[-1])]
        said.append(searching.next(place)[1])
    return said


def path_of(said: Sequence[Record]) -> list[Record]:
    """The path that a trace found, from start to target; empty where it found none."""
    return [record for record in reversed(said) if record.op == Op.PATH]
