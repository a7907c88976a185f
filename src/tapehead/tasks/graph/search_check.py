"""Where a trace departs from breadth-first search, judged step by step."""

from collections.abc import Sequence
from typing import NamedTuple

from .search_trace import Adjacency, Op, Record, Searching


class Judged(NamedTuple):
    """What was to be said in a step."""

    right: Record | None
    """what a correct search says after all that was said before; None after what no correct search says"""
    edge: Record | None
    """the edge that the search is looking at, as a PUSH record; None where it is at none"""


def judge(adjacency: Adjacency, start: int, target: int, said: Sequence[Record]) -> list[Judged]:
    """Judge a trace. A mistake is counted once: what follows is judged by what was said, right or wrong.

    Args:
        adjacency: the edges of every node, in the order told.
        start, target: nodes.
        said: the trace, from the answer to ``(_,_,start;POP)`` on.

    Returns:
        As many as were said.

    Raises:
        ValueError: start and target are the same node.
    """
    follower = _Follower(adjacency, start, target)
    fed, judged = Record.at(start, Op.POP), []
    for record in said:
        right = follower.right(fed)
        follower.take_over(record)
        judged.append(Judged(right, follower.edge))
        fed = record
    return judged


class _Follower:
    """A search that goes where a trace goes."""

    def __init__(self, adjacency: Adjacency, start: int, target: int) -> None:
        self.search = Searching(adjacency, start, target)
        self.node = start
        self.place = 0
        """of the node in the queue"""
        self.cursor = -1
        """of the edges that leave the node, the last that was looked at"""
        self.edge: Record | None = None

    @property
    def leaving(self) -> list[Record]:
        """The edges of the node."""
        edges = self.search.adjacency.get(self.node, ())
        return [Record(self.node, label, end, Op.PUSH) for label, end in edges]

    def right(self, fed: Record) -> Record | None:
        """The right answer to a record; a node that is checked is seen from then on."""
        search, node = self.search, fed.destination
        if fed.op in (Op.POP, Op.SEEN, Op.PUSH):
            rest = self.leaving[self.cursor + 1 :]
            return Record.at(rest[0].destination, Op.CHECK) if rest else Record.at(self.node, Op.NEXT)
        if fed.op == Op.CHECK:
            return Record.bare(search.check(node))
        if fed.op == Op.NEXT and node in search.queue:
            return search.next(self._place(node))[1]
        if fed.op in (Op.UNSEEN, Op.FOUND) and self.edge is not None:
            return self.edge._replace(op=Op.PUSH if fed.op == Op.UNSEEN else Op.PATH)
        if fed.op == Op.PATH:
            return Record.at(fed.source, Op.BACK)
        if fed.op == Op.BACK and node in (search.start, *search.reached_by):
            return search.back(node)[1]
        return None

    def take_over(self, record: Record) -> None:
        """Go where the trace goes."""
        if record.op == Op.POP:
            self.place = self._place(record.destination, ahead=1)
            self.node, self.cursor, self.edge = record.destination, -1, None
        elif record.op == Op.CHECK:
            leaving, end = self.leaving, record.destination
            alike = [at for at, edge in enumerate(leaving) if edge.destination == end]
            ahead = [at for at in alike if at > self.cursor]
            self.edge = None
            if alike:
                self.cursor = (ahead or alike)[0]
                self.edge = leaving[self.cursor]
        elif record.op == Op.PUSH:
            before = self.search.reached_by.get(record.destination, record)
            self.search.push(record)
            # The way back may use either; the first is the shorter.
            self.search.reached_by[record.destination] = before
        elif record.op in (Op.NEXT, Op.BACK, Op.DONE, Op.FAIL):
            self.edge = None

    def _place(self, node: int, ahead: int = 0) -> int:
        """Where a node stands in the queue: here or ``ahead`` of here, if it does, else where it first is."""
        queue, here = self.search.queue, self.place + ahead
        if node in queue[here : here + 1]:
            return here
        return queue.index(node) if node in queue else self.place
