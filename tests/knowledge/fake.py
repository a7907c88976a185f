"""A stand-in for the neural half: it answers by the exact solver, or as it is told."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import networkx

from tapehead.knowledge import exact
from tapehead.tasks.kinship.relations import Relation
from tapehead.tasks.kinship.tree import FamilyTree


class Told(NamedTuple):
    answers: list[int]
    confidence: float
    facts: list[tuple[int, str, int]]
    facts_read: list[int]


class Network:
    """What ``tapehead.knowledge.network`` offers."""

    def __init__(self, wrong: list[int] | None = None) -> None:
        self.wrong = wrong
        self.machines: list[Any] = []

    def answer_kinship(self, machine: Any, tree: FamilyTree, person: int, relation: Relation) -> Told:
        self.machines.append(machine)
        found = sorted(exact.relatives(tree, person, relation), reverse=True)
        facts = [
            (child, "child of", family) for child, family in enumerate(tree.parents) if family is not None
        ]
        read = [place for place, fact in enumerate(facts) if fact[0] == person]
        return Told(found if self.wrong is None else self.wrong, 0.93, facts, read)

    def answer_walk(
        self, machine: Any, edges: Sequence[tuple[int, int, int]], start: int, labels: Sequence[int]
    ) -> Told:
        self.machines.append(machine)
        leads = {(begin, line): end for begin, line, end in edges}
        visited = [start]
        for label in labels:
            visited.append(leads[visited[-1], label])
        facts = [(begin, f"line {line}", end) for begin, line, end in edges]
        return Told(visited[1:] if self.wrong is None else self.wrong, 0.5, facts, [0])

    def answer_path(self, machine: Any, edges: Sequence[tuple[int, int, int]], start: int, end: int) -> Told:
        self.machines.append(machine)
        net = networkx.DiGraph((begin, stop) for begin, _, stop in edges)
        # The last of the shortest paths, where the solver takes the first.
        path = list(networkx.all_shortest_paths(net, start, end))[-1]
        return Told(path[1:] if self.wrong is None else self.wrong, 0.75, [(0, "line", 1)] * len(edges), [])
