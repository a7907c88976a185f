"""Excerpts of a search to train on, with further questions in between.

What a machine answers to a POP, NEXT, CHECK or BACK depends on the memory alone, and what follows on the last
few steps. So training may leave out whole scans of a node, but what they mark and push, and ask other
questions in between: of those that are rare in a search, a machine would otherwise see too few.
"""

from collections.abc import Iterator

import numpy as np

from .search_trace import Adjacency, Op, Record, Searching, Step

PracticeStep = tuple[Record, Record | None]
"""What is fed, and what is wanted; None where the answer does not count."""

QUESTIONS = ("next", "back", "check", "scan")
WEIGHTS = (0.4, 0.2, 0.2, 0.2)
"""How often each of them is asked; what NEXT looks for is hardest to find in a large graph."""
ANOTHER = 0.4
"""The probability of another question after one."""


class _Practice:
    def __init__(self, rng: np.random.Generator, searching: Searching) -> None:
        self.rng, self.searching = rng, searching
        self.edges = [(u, e, v) for u, leaving in searching.adjacency.items() for e, v in leaving]

    def questions(self) -> Iterator[Step]:
        """One question or more."""
        while True:
            yield from self._question()
            if self.rng.random() >= ANOTHER:
                return

    def _question(self) -> Iterator[Step]:
        rng, searching = self.rng, self.searching
        kind = QUESTIONS[int(rng.choice(len(QUESTIONS), p=WEIGHTS))]
        last = len(searching.queue) - 1
        if kind == "back":
            step = searching.back(searching.queue[int(rng.integers(last + 1))])
            yield step
            if step[1].op == Op.PATH:
                yield step[1], Record.at(step[1].source, Op.BACK)
        elif kind == "next" or not self.edges:
            yield searching.next(int(rng.integers(last + 1)) if rng.random() < 0.7 else last)
        elif kind == "check":
            end = self.edges[int(rng.integers(len(self.edges)))][2]
            if not self._would_end(end):
                yield Record.at(end, Op.CHECK), Record.bare(searching.check(end))
        else:
            yield from self._scan()

    def _scan(self) -> Iterator[Step]:
        """Part of the scan of any node, up to the first push at most, which does not come about."""
        nodes = list(self.searching.adjacency)
        node = nodes[int(self.rng.integers(len(nodes)))]
        edges = int(self.rng.integers(len(self.searching.adjacency[node]) + 1))
        for fed, wanted in self.searching.scan(node):
            yield fed, wanted
            edges -= wanted.op == Op.CHECK
            ends = wanted.op == Op.CHECK and self._would_end(wanted.destination)
            if edges < 0 or wanted.op == Op.PUSH or ends:
                return

    def _would_end(self, node: int) -> bool:
        """Whether a check would find the target, which is left to the search."""
        return node == self.searching.target and node not in self.searching.seen


def practice(
    rng: np.random.Generator, adjacency: Adjacency, start: int, target: int, keep: float, ask: float
) -> list[PracticeStep]:
    """The steps of a search, some left out, and other questions in between.

    Args:
        rng: the only source of random numbers.
        adjacency: the edges of every node.
        start, target: nodes.
        keep: the least fraction of the nodes whose scans are kept. The first always is.
        ask: the mean number of times to ask something else after a node, where all scans are kept; up to
            twice as often where few are.
    """
    searching = Searching(adjacency, start, target)
    asking = _Practice(rng, searching)
    kept_fraction = rng.uniform(keep, 1)
    steps: list[PracticeStep] = []
    for place, node in enumerate(searching.queue):  # which grows
        kept = place == 0 or rng.random() < kept_fraction
        scan = list(searching.scan(node))
        changes = [step for step in scan if step[0].op == Op.PUSH or step[1].op in (Op.UNSEEN, Op.FOUND)]
        steps += scan if kept else [(fed, None) for fed, _ in changes]
        path = scan[-1][1]
        if path.op == Op.PATH:
            return [*steps, *(searching.way_back(path) if kept else ())]
        if kept:
            steps.append(searching.next(place))
        if rng.random() < ask * (2 - kept_fraction):
            steps += asking.questions()
    return steps
