"""A family as a net of ties: the shortest way between two people, and what lies nearest to them.

A tie leads from a person to a parent of any kind whom the file names, to a child, or to a spouse, divorced or
not. Children of one family without known parents are joined by a parent without a name.
"""

import itertools
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .explain import NameOf, PathStep, step_kinship
from .index import Kin
from .namer import name
from .paths import Path
from .relation import Step

NAMELESS = "a parent whom the file does not name"


class NetTie(NamedTuple):
    """One step of the net; there is one for the way back, too."""

    person: str
    """entity id"""
    step: Step
    other: str
    """entity id"""


def ties_of(kin: Kin, person: str) -> list[NetTie]:
    """The ties that lead from a person."""
    return [NetTie(person, step, other) for (other, _), step in kin.onward(person, True)]


def nearest_ties(kin: Kin, people: Sequence[str], most: int) -> list[NetTie]:
    """The ties between the people nearest to some, ``most`` together at most.

    Breadth first from each of ``people``, in turns: where many are near to one, it goes farther from others.
    A tie to somebody farther away is left out: as none of theirs is told, it would lead nowhere.

    Args:
        kin: the family.
        people: entity ids.
        most: ties, each way counted.
    """
    told: dict[str, list[NetTie]] = {}
    count = 0
    seen, queues = set(people), [deque([person]) for person in dict.fromkeys(people)]
    while any(queues):
        for queue in filter(None, queues):
            person = queue.popleft()
            ties = ties_of(kin, person)
            count += 2 * sum(tie.other in told for tie in ties)
            if count > most:
                return _ties_between(told)
            told[person] = ties
            for tie in ties:
                if tie.other not in seen:
                    seen.add(tie.other)
                    queue.append(tie.other)
    return _ties_between(told)


def _ties_between(ties: Mapping[str, Sequence[NetTie]]) -> list[NetTie]:
    """Those that lead to somebody whose own are given, too."""
    return [tie for theirs in ties.values() for tie in theirs if tie.other in ties]


def distances(kin: Kin, person: str, most: int) -> dict[str, int]:
    """Everybody within so many ties of a person, the nearest first, and how many they are."""
    found = {person: 0}
    waiting = deque([person])
    while waiting and found[waiting[0]] < most:
        here = waiting.popleft()
        for tie in ties_of(kin, here):
            if tie.other not in found:
                found[tie.other] = found[here] + 1
                waiting.append(tie.other)
    return found


def shortest_way(kin: Kin, first: str, second: str) -> Path | None:
    """A way of the fewest ties from one person to another, breadth first; None if there is none."""
    came: dict[str, NetTie | None] = {first: None}
    waiting = deque([first])
    while waiting and second not in came:
        for tie in ties_of(kin, waiting.popleft()):
            if tie.other not in came:
                came[tie.other] = tie
                waiting.append(tie.other)
    if second not in came:
        return None
    back: list[NetTie] = []
    while (tie_before := came[back[-1].person if back else second]) is not None:
        back.append(tie_before)
    return path_of(first, reversed(back))


def path_of(first: str, ties: Iterable[NetTie]) -> Path:
    """The way that begins at a person and takes these ties."""
    steps, people = [], [first]
    for tie in ties:
        steps.append(tie.step)
        people.append(tie.other)
    return Path(tuple(people), tuple(steps))


def tie_name(kin: Kin, tie: NetTie) -> str:
    """What the person at the end of a tie is to the one at its beginning: "mother", "adopted son"."""
    return name(step_kinship(kin, tie.step, tie.other))


def way_steps(kin: Kin, path: Path, name_of: NameOf) -> tuple[PathStep, ...]:
    """A way with one person for each tie, and what each is to the one before.

    :func:`~tapehead.knowledge.kinship.explain.path_steps` has both parents at the top of a way, and the
    parent whom a step-parent married; here stands what was walked.
    """
    found = [PathStep("", name_of(path.people[0]), path.people[0])]
    generation = 0
    for step, person in zip(path.steps, path.people[1:]):
        generation += (step.move == "up") - (step.move == "down")
        known = kin.is_known(person)
        called, identity = name(step_kinship(kin, step, person)), person if known else ""
        found.append(PathStep(called, name_of(person) if known else "", identity, "", generation))
    return tuple(found)


def way_sentences(steps: Sequence[PathStep]) -> tuple[str, ...]:
    """The ties of a way: "Ann —mother→ Xena"."""
    return tuple(f"{_called(a)} —{b.step}→ {_called(b)}" for a, b in itertools.pairwise(steps))


def way_text(steps: Sequence[PathStep]) -> str:
    """ "Ann —mother→ Xena —son→ Bob"; "" of no way."""
    return "".join([*map(_called, steps[:1]), *(f" —{step.step}→ {_called(step)}" for step in steps[1:])])


def _called(step: PathStep) -> str:
    return step.name or NAMELESS
