"""Excerpts of a search to train on, with further questions in between.

The right answer of a step depends on the memory and on the last record alone. So training may leave out any
step that leaves nothing in memory, and ask any other at any time: of those that are rare in a search, such as
the end of the queue, a machine would otherwise see too few.
"""

import numpy as np

from .search_trace import BLANK, Adjacency, Op, Record

Step = tuple[Record, Record]
"""What is fed, and what is wanted."""


class _Reached:
    """What the memory holds at a moment of the search."""

    def __init__(self, adjacency: Adjacency, start: int, target: int) -> None:
        self.target = target
        self.queue = [start]
        self.by: dict[int, Record] = {}
        self.edges = [(node, edge, end) for node, leaving in adjacency.items() for edge, end in leaving]

    def add(self, new: Record) -> None:
        self.queue.append(new.destination)
        self.by[new.destination] = new

    def question(self, rng: np.random.Generator) -> Step:
        """Any of the steps that look something up in the queue, each kind as likely as the others."""
        kind = int(rng.integers(4)) if self.edges else int(rng.integers(3))
        place = int(rng.integers(len(self.queue))) if kind else len(self.queue) - 1
        node = self.queue[place]
        if kind < 2:
            fed = Record(BLANK, BLANK, node, Op.NEXT)
            if place == len(self.queue) - 1:
                return fed, Record(BLANK, BLANK, BLANK, Op.FAIL)
            return fed, Record(BLANK, BLANK, self.queue[place + 1], Op.POP)
        if kind == 2:
            fed = Record(BLANK, BLANK, node, Op.BACK)
            if node not in self.by:
                return fed, Record(BLANK, BLANK, BLANK, Op.DONE)
            return fed, self.by[node]._replace(op=Op.PATH)
        source, edge, end = self.edges[int(rng.integers(len(self.edges)))]
        seen = end in self.by or end == self.queue[0]
        answer = Op.KNOWN if seen else Op.PATH if end == self.target else Op.NEW
        return Record(source, edge, end, Op.CAND), Record(source, edge, end, answer)


def practice_steps(
    rng: np.random.Generator, adjacency: Adjacency, question: Step, steps: list[Step], keep: float
) -> list[Step]:
    """Leave out steps of a search and put others in between.

    Args:
        rng: the only source of random numbers.
        adjacency: the edges of every node.
        question: the records START and TARGET.
        steps: from the one that is fed START.
        keep: the least fraction of steps to keep. What is left out is made up for by questions.
    """
    reached = _Reached(adjacency, question[0].destination, question[1].destination)
    kept_fraction = rng.uniform(keep, 1)
    kept = (rng.random(len(steps)) < kept_fraction).tolist()
    asked = (rng.random(len(steps)) < 1 - kept_fraction).tolist()
    practice: list[Step] = []
    for at, (fed, wanted) in enumerate(steps):
        if fed.op == Op.NEW:
            reached.add(fed)
        if kept[at] or fed.op in (Op.START, Op.NEW):
            practice.append((fed, wanted))
        if asked[at]:
            practice.append(reached.question(rng))
    return practice
