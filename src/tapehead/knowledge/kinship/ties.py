"""Finds what two people are to each other: by blood, as a couple, by adoption or step-parents, by in-laws."""

import dataclasses
import heapq
import math
from typing import NamedTuple

from .ancestry import Ancestry, Crossing, Parents, ancestry_of, least_over, over, shared_parents, straight
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

_STEP = LINES.index("step")

_State = tuple[str, bool]


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
        one, other = ancestry_of(first, parents, limit), ancestry_of(second, parents, limit)
        paths, shared = straight(one, other), shared_parents(one, other)
        near = (least_over(one, other, parent) for parent in shared)
        shortest = min([*(len(path.steps) for path in paths), *filter(None, near)], default=0)
        if limit is None or (shortest and shortest + FURTHER <= limit):
            break
    found = _lines_of_blood(kin, one, other, shared, shortest + FURTHER)
    # Of two shapes of one length, the one of full blood; of two alike, the one found first.
    for place, shape in enumerate(sorted(found, key=lambda shape: (shape.up + shape.down, shape.half))):
        line = found[shape]
        # Lines that only go by way of a nearer relation, such as parents who are cousins, are left out.
        if line.lines:
            paths.append(dataclasses.replace(over(one, other, *line.fresh), lines=line.lines))
        elif place == 0 and not paths:
            paths.append(over(one, other, *line.first))
    return paths


class _Shape(NamedTuple):
    """What two people are to each other by one line of blood."""

    up: int
    down: int
    half: bool


@dataclasses.dataclass
class _Lines:
    """The lines of blood of one shape."""

    first: Crossing
    """of all"""
    fresh: Crossing = ("", "", "")
    """the first one in which neither sibling is above both people"""
    lines: int = 0
    """how many such there are, by different siblings"""


def _lines_of_blood(
    kin: Kin, one: Ancestry, other: Ancestry, shared: dict[str, int], longest: int
) -> dict[_Shape, _Lines]:
    """The lines over siblings, of so many steps at most, in the order found.

    Two people of an old island family have hundreds of thousands of them: only the first of a shape is kept.
    """
    found: dict[_Shape, _Lines] = {}
    for parent, number in shared.items():
        below = other.below[parent]
        least = min(other.depth[y] for y, _ in below) + 2
        for x, _ in one.below[parent]:
            up, fresh_up = one.depth[x] + 1, x not in other.depth
            for y, _ in below if up - 1 + least <= longest else ():
                down = other.depth[y] + 1
                if up + down > longest or x == y:
                    continue
                fresh = fresh_up and y not in one.depth
                if not fresh and (up, down, True) in found and (up, down, False) in found:
                    continue
                lines = found.setdefault(_Shape(up, down, kin.is_half(x, y)), _Lines((x, y, parent)))
                # By the father and by the mother of full siblings, it is one line.
                if fresh and all(shared.get(p, number) >= number for p in kin.shared_parents(x, y)):
                    lines.fresh = lines.fresh if lines.lines else (x, y, parent)
                    lines.lines += 1
    return found


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


def _weak_ways(first: str, second: str, parents: Parents, limit: int | None) -> list[Path]:
    """Ways up and down, of so many steps at most, that are not by birth alone: straight, and the best over
    two siblings if it is no longer than that."""
    one, other = ancestry_of(first, parents, limit), ancestry_of(second, parents, limit)
    found = [path for path in straight(one, other) if strength(path)]
    most = min(
        (steps for steps in (limit, *(len(path.steps) for path in found[-1:])) if steps is not None),
        default=None,
    )
    best = _weak_crossing(one, other, parents, most)
    return found if best is None else [*found, over(one, other, *best)]


def _weak_crossing(one: Ancestry, other: Ancestry, parents: Parents, most: int | None) -> Crossing | None:
    """The shortest way over two siblings that is not by birth alone; of two the one of the stronger ties.

    A step-parent counts on one side of it only.
    """
    shared = shared_parents(one, other)
    best: Crossing | None = None
    least = (math.inf if most is None else most, len(LINES))
    for parent in shared:
        ups, downs = _ends(one, parent), _ends(other, parent)
        if not any(weak for *_, weak in (*ups, *downs)):
            continue  # As nearly everybody, where few are adopted.
        weak_downs = [down for down in downs if down[2]]
        for x, up, first in ups:
            for y, down, second in downs if first else weak_downs:
                rank = up + down + 2, max(first, second)
                if rank >= least or x == y or first == second == _STEP:
                    continue
                # They are siblings by the first parent that they share, whatever they are by another.
                if _first_shared(shared, parents, (x, one.line[x]), (y, other.line[y])) == parent:
                    best, least = (x, y, parent), rank
    return best


def _ends(ancestry: Ancestry, parent: str) -> list[tuple[str, int, int]]:
    """The children of a parent on some way: each with the generations up to it, and the weakest line of the
    way over it to the parent, as a number of LINES."""
    return [
        (child, ancestry.depth[child], LINES.index(weakest(ancestry.line[child], line)))
        for child, line in ancestry.below[parent]
    ]


def _first_shared(
    shared: dict[str, int], parents: Parents, one: tuple[str, Line], other: tuple[str, Line]
) -> str:
    """The first parent whom two siblings share; a step-parent of both makes nobody siblings."""
    theirs = dict(parents(*other))
    return min(
        (p for p, line in parents(*one) if p in shared and p in theirs and not line == theirs[p] == "step"),
        key=shared.__getitem__,
    )


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
