"""Finds what two people are to each other: by blood, as a couple, by adoption or step-parents, by in-laws."""

import dataclasses
import heapq
from collections.abc import Callable, Sequence

from .edges import parents_by
from .index import Kin, Tie
from .paths import Path, kinship, strength, with_steps
from .relation import LINES, Line, Step, weakest

MAX_TIES = 4
MAX_MARRIAGES = 4
"""On a way; with more two people are not called related."""
MARRIAGE_COST = 3
"""A marriage counts as so many steps of blood, so that a cousin's wife is nearer than a third cousin's."""

MAX_COST = 8
"""Of a way by marriages beside another tie that is known: two marriages and two steps."""
DEPTHS = (6, 12)
"""Generations up that are looked at first: most kin are near."""
FURTHER = 4
"""Steps that a further line of blood may be longer than the nearest."""
FEWEST_MARRIAGES = 10_000
"""The cost of a marriage where their number is what counts."""
MAX_STEPS_OF_STEP = 6
"""Nobody calls the kin of a step-parent's distant kin their own."""

_State = tuple[str, bool]
_Parents = Callable[[str, Line], Sequence[Tie]]


@dataclasses.dataclass
class _Ancestry:
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


def ties(kin: Kin, first: str, second: str) -> list[Path]:
    """The ways from one person to another, the nearest blood relation first.

    Then their own marriage, then relations by adoption, fostering or a step-parent, then by marriages of
    others. After the first one only those follow that are shorter than it, and further lines of blood that do
    not go by the same people. Of the same two people the other way round they are the same ways, turned.

    Args:
        kin: the family.
        first: entity id.
        second: entity id of somebody else.
    """
    if kin.order[first] > kin.order[second]:
        return [path.reversed() for path in ties(kin, second, first)]
    found = _by_blood(kin, first, second)
    found += _married(kin, first, second)
    longest = len(found[0].steps) if found else None
    found += _shorter(_by_adoption(kin, first, second, longest), longest)
    longest = min((len(path.steps) for path in found), default=None)
    in_law = _by_marriage(kin, first, second, MAX_COST if longest else None)
    # Beside a nearer tie a chain of words says nothing: "great-grandson's wife's grandmother".
    if in_law is not None and (not found or len(kinship(kin, in_law)) == 1):
        found += _shorter(in_law, longest)
    return found[:MAX_TIES]


def blood_ties(kin: Kin, first: str, second: str) -> list[Path]:
    """The ways by blood alone, the nearest first."""
    if kin.order[first] > kin.order[second]:
        return [path.reversed() for path in _by_blood(kin, second, first)]
    return _by_blood(kin, first, second)


def _shorter(path: Path | None, longest: int | None) -> list[Path]:
    return [path] if path is not None and (longest is None or len(path.steps) < longest) else []


def _by_blood(kin: Kin, first: str, second: str) -> list[Path]:
    def parents(person: str, _: Line) -> list[Tie]:
        return [Tie(parent, "birth") for parent in kin.blood_parents.get(person, ())]

    for limit in (*DEPTHS, None):
        one, other = _ancestry(first, parents, limit), _ancestry(second, parents, limit)
        paths, pairs = _straight(one, other), _sibling_pairs(one, other)
        shortest = min(
            [len(path.steps) for path in paths] + [_length(one, other, pair) for pair in pairs], default=0
        )
        if limit is None or (shortest and shortest + FURTHER <= limit):
            break
    pairs = {pair: top for pair, top in pairs.items() if _length(one, other, pair) <= shortest + FURTHER}
    nearest = sorted(pairs, key=lambda pair: (_length(one, other, pair), kin.is_half(*pair)))
    shapes: dict[tuple[int, int, bool], list[tuple[str, str]]] = {}
    for pair in nearest:
        up, down = one.depth[pair[0]] + 1, other.depth[pair[1]] + 1
        shapes.setdefault((up, down, kin.is_half(*pair)), []).append(pair)
    for place, alike in enumerate(shapes.values()):
        # Lines that only go by way of a nearer relation, such as parents who are cousins, are left out.
        fresh = [pair for pair in alike if pair[0] not in other.depth and pair[1] not in one.depth]
        if place == 0 and not paths:
            fresh = fresh or alike[:1]
        if fresh:
            path = _over(one, other, fresh[0], pairs[fresh[0]])
            paths.append(dataclasses.replace(path, lines=len(fresh)))
    return paths


def _length(one: _Ancestry, other: _Ancestry, pair: tuple[str, str]) -> int:
    return one.depth[pair[0]] + other.depth[pair[1]] + 2


def _ancestry(person: str, parents: _Parents, limit: int | None) -> _Ancestry:
    """A person and everybody above, up to so many generations; None: all."""
    found = _Ancestry(person, {person: 0}, {person: "birth"}, {})
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


def _sibling_pairs(one: _Ancestry, other: _Ancestry) -> dict[tuple[str, str], str]:
    """Two siblings, one at or above each of the two people, and a parent of both."""
    smaller, larger = (one, other) if len(one.depth) < len(other.depth) else (other, one)
    pairs: dict[tuple[str, str], str] = {}
    for parent in smaller.below:
        if parent in larger.below:
            for x, first in one.below[parent]:
                for y, second in other.below[parent]:
                    if x != y and not first == second == "step":
                        pairs.setdefault((x, y), parent)
    return pairs


def _straight(one: _Ancestry, other: _Ancestry) -> list[Path]:
    """Straight up from the first to the second, or straight down."""
    paths = []
    for start, end, turned in ((one, other, False), (other, one, True)):
        if end.person in start.depth:
            climb = start.climb(end.person)
            people = (start.person, *(person for person, _ in climb))
            path = Path(people, tuple(Step("up", line) for _, line in climb))
            paths.append(path.reversed() if turned else path)
    return paths


def _over(one: _Ancestry, other: _Ancestry, pair: tuple[str, str], parent: str) -> Path:
    """Up to one of two siblings, over their parent, and down from the other."""

    def half_way(ancestry: _Ancestry, child: str) -> Path:
        climb = ancestry.climb(child)
        last = next(tie.line for tie in ancestry.below[parent] if tie.person == child)
        lines = [*(line for _, line in climb), last]
        people = (ancestry.person, *(person for person, _ in climb), parent)
        return Path(people, tuple(Step("up", line) for line in lines))

    up, down = half_way(one, pair[0]), half_way(other, pair[1]).reversed()
    return Path((*up.people, *down.people[1:]), (*up.steps, *down.steps))


def _married(kin: Kin, first: str, second: str) -> list[Path]:
    former = dict(kin.spouses(first)).get(second)
    return [] if former is None else [Path((first, second), (Step("spouse", former=former),))]


def _by_adoption(kin: Kin, first: str, second: str, longest: int | None) -> Path | None:
    """The shortest way by adoption, fostering, guardianship or a step-parent; None if there is none."""

    def legal(person: str, _: Line) -> list[Tie]:
        return [tie for tie in kin.all_parents(person) if tie.line != "step"]

    def with_steps(person: str, line: Line) -> list[Tie]:
        steps = [tie for tie in parents_by(kin, person, "step", line) if tie.line == "step"]
        return [*legal(person, line), *steps]

    found = _weak_ways(first, second, with_steps, MAX_STEPS_OF_STEP)
    if kin.has_adoption:
        found += _weak_ways(first, second, legal, longest)
    return min(found, key=lambda path: (len(path.steps), strength(path)), default=None)


def _weak_ways(first: str, second: str, parents: _Parents, limit: int | None) -> list[Path]:
    """The shortest ways up and down, of so many steps at most, that are not by birth alone."""
    one, other = _ancestry(first, parents, limit), _ancestry(second, parents, limit)
    found = [path for path in _straight(one, other) if strength(path)]
    pairs = _sibling_pairs(one, other)
    for pair in sorted(pairs, key=lambda pair: _length(one, other, pair)):
        length = _length(one, other, pair)
        if (limit is not None and length > limit) or (found and len(found[-1].steps) < length):
            break
        path = _over(one, other, pair, pairs[pair])
        if strength(path) and sum(step.line == "step" for step in path.steps) < 2:
            found.append(path)
    return found


def _by_marriage(kin: Kin, first: str, second: str, most: int | None) -> Path | None:
    """The shortest way by a few marriages, which may cost so much; None if there is none."""
    path = _cheapest(kin, first, second, most, MARRIAGE_COST)
    if path is not None and path.marriages > MAX_MARRIAGES:
        path = _cheapest(kin, first, second, None, FEWEST_MARRIAGES)
    return path if path is not None and path.marriages <= MAX_MARRIAGES else None


def _cheapest(kin: Kin, first: str, second: str, most: int | None, marriage: int) -> Path | None:
    """Dijkstra's algorithm over (person, whether the way may still go up).

    A way goes up, then down, until it crosses a marriage.
    """
    start = (first, True)
    best: dict[_State, int] = {start: 0}
    came: dict[_State, tuple[_State, Step]] = {}
    queue: list[tuple[int, int, _State]] = [(0, 0, start)]
    pushed = 0
    while queue:
        cost, _, state = heapq.heappop(queue)
        if cost > best[state]:
            continue
        if state[0] == second:
            return with_steps(kin, _trace(came, state))
        if most is not None and cost > most:
            return None
        for following, step in kin.onward(*state):
            total = cost + (marriage if step.move == "spouse" else 1 + LINES.index(step.line))
            if total < best.get(following, total + 1):
                best[following], came[following] = total, (state, step)
                pushed += 1
                heapq.heappush(queue, (total, pushed, following))
    return None


def _trace(came: dict[_State, tuple[_State, Step]], state: _State) -> Path:
    people, steps = [state[0]], []
    while state in came:
        state, step = came[state]
        people.append(state[0])
        steps.append(step)
    return Path(tuple(reversed(people)), tuple(reversed(steps)))
