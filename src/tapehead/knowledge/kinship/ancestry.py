"""Everybody above two people, and where the lines of both meet."""

import dataclasses
import heapq
from collections.abc import Callable, Sequence

from .index import Tie
from .paths import Path
from .relation import LINES, Line, step_of, weakest

Parents = Callable[[str, Line], Sequence[Tie]]
"""(person, line so far) → the steps up that a way may take"""
Crossing = tuple[str, str, str]
"""Two siblings, one at or above each of the two people, and a parent of both."""


@dataclasses.dataclass
class Ancestry:
    """A person and everybody above."""

    person: str
    depth: dict[str, int]
    """ancestor → generations, by the shortest way"""
    line: dict[str, Line]
    """of that way"""
    below: dict[str, list[Tie]]
    """ancestor → their children on some way, with the tie; the child of the shortest way first"""

    def climb(self, ancestor: str) -> list[tuple[str, Line]]:
        """The shortest way up to an ancestor: everybody on it from the first step on, with the tie."""
        way = []
        while self.depth[ancestor]:
            child, line = self.below[ancestor][0]
            way.append((ancestor, line))
            ancestor = child
        return way[::-1]


def ancestry_of(person: str, parents: Parents, limit: int | None) -> Ancestry:
    """A person and everybody above, up to so many generations; None: all."""
    found = Ancestry(person, {person: 0}, {person: "birth"}, {})
    here = [person]
    while here and (limit is None or found.depth[here[0]] < limit):
        above: list[str] = []
        for child in here:
            for parent, line in parents(child, found.line[child]):
                whole = weakest(found.line[child], line)
                if parent not in found.depth:
                    found.depth[parent], found.line[parent] = found.depth[child] + 1, whole
                    found.below[parent] = [Tie(child, line)]
                    above.append(parent)
                elif found.depth[parent] == found.depth[child] + 1 and _stronger(whole, found.line[parent]):
                    found.line[parent] = whole
                    found.below[parent].insert(0, Tie(child, line))
                elif parent != person:
                    found.below[parent].append(Tie(child, line))
        here = above
    return found


def _stronger(line: Line, other: Line) -> bool:
    return LINES.index(line) < LINES.index(other)


def shared_parents(one: Ancestry, other: Ancestry) -> dict[str, int]:
    """The parents who are above both, numbered in the order in which the smaller ancestry comes to them."""
    smaller, larger = (one, other) if len(one.depth) < len(other.depth) else (other, one)
    return {parent: number for number, parent in enumerate(p for p in smaller.below if p in larger.below)}


def least_over(one: Ancestry, other: Ancestry, parent: str) -> int | None:
    """Steps of the shortest way over two children of a parent; None if one child is all."""
    ups, downs = (heapq.nsmallest(2, ((a.depth[x], x) for x, _ in a.below[parent])) for a in (one, other))
    return min((up + down + 2 for up, x in ups for down, y in downs if x != y), default=None)


def straight(one: Ancestry, other: Ancestry) -> list[Path]:
    """Straight up from the first to the second, or straight down."""
    paths = []
    for start, end, turned in ((one, other, False), (other, one, True)):
        if end.person in start.depth:
            climb = start.climb(end.person)
            people = (start.person, *(person for person, _ in climb))
            path = Path(people, tuple(step_of("up", line) for _, line in climb))
            paths.append(path.reversed() if turned else path)
    return paths


def over(one: Ancestry, other: Ancestry, x: str, y: str, parent: str) -> Path:
    """Up to one of two siblings, over their parent, and down from the other."""

    def half_way(ancestry: Ancestry, child: str) -> Path:
        climb = ancestry.climb(child)
        last = next(tie.line for tie in ancestry.below[parent] if tie.person == child)
        lines = [*(line for _, line in climb), last]
        people = (ancestry.person, *(person for person, _ in climb), parent)
        return Path(people, tuple(step_of("up", line) for line in lines))

    up, down = half_way(one, x), half_way(other, y).reversed()
    return Path((*up.people, *down.people[1:]), (*up.steps, *down.steps))
