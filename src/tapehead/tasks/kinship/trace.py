"""The teacher: a walk through a family, written down record by record, each a lookup of one exact record.

A walk is depth first. FRAME is where it stands, and what is left to do; the machine keeps it in memory under
a number, so that going back is to look up that number. What follows depends on what is fed and on the one
record that it looks up.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence

from .channels import BLANK, FAMILY_SLOTS, FATHER, FLAGS, MOTHER, MOVES, TO_FAMILY, TO_PERSON
from .facts import CHILD, FactSet
from .records import (
    ANSWER,
    AT_FAMILY,
    AT_PERSON,
    EITHER,
    END,
    RETURN,
    Back,
    Fact,
    Find,
    Frame,
    Pair,
    Plan,
    Record,
)

PARENTS = 0
"""The slot of the parents' family for a person; from 1 on are those in which they are a partner."""
UP = TO_FAMILY.index("U")
MAX_FRAMES = 900
"""Frames of a walk, at most."""
Fed = Frame | Find | Back
Step = tuple[Fed, Fed]
"""What is fed, and what is wanted."""

_BY = {name: place for place, name in enumerate(MOVES)}
_TO_CHILDREN = (_BY["c"], _BY["c'"])
_TO_UNIONS = (_BY["u"], _BY["u'"])
_BUT_ONE = (_BY["c'"], _BY["u'"])
_FLAG = {name: place for place, name in enumerate(FLAGS)}


class Told:
    """Facts under the names by which they are told, and where to find them.

    Args:
        given: the facts.
        people, families: their names, by number.
    """

    def __init__(self, given: FactSet, people: Mapping[int, int], families: Mapping[int, int]) -> None:
        self.facts: list[Fact] = []
        """in the order told"""
        self._at: dict[tuple[bool, int, int], Fact] = {}
        self._flags: dict[int, tuple[int, ...]] = {}
        for fact in given.facts:
            is_child = fact.role == CHILD
            last = fact.last if is_child else fact.slot == 1 or not fact.has_mother
            named = Fact(
                person=people[fact.person],
                family=families[fact.family],
                in_family=fact.rank - 1 if is_child else (FATHER, MOTHER)[fact.slot],
                of_person=PARENTS if is_child else fact.rank,
                sex=fact.sex,
                flags=(int(last), int(is_child or fact.last), *map(int, fact[-5:])),
            )
            self.facts.append(named)
            self._at[True, named.person, named.of_person] = named
            self._at[False, named.family, named.in_family] = named
            self._flags[named.person] = named.flags

    def find(self, fed: Find) -> Frame | None:
        """What is found; None where no such fact was told."""
        fact = self._at.get((fed.by_person, fed.name, fed.slot))
        kind = AT_FAMILY if fed.by_person else AT_PERSON
        return None if fact is None else Frame(fact, kind, fed.plan, fed.back)

    def start(self, person: int, pairs: tuple[Pair, ...], number: int, sex: int = EITHER) -> Frame:
        """The frame with which a walk begins.

        Raises:
            KeyError: no fact about the person was told.
        """
        kept = ("has_parents", "has_families")
        flags = (f if n in kept else BLANK for n, f in zip(FLAGS, self._flags[person]))
        begins = Fact(person, flags=tuple(flags))
        return Frame(begins, AT_PERSON, Plan(pairs), BLANK, number, sex, home=0)


def descend(frame: Frame) -> Find | Back:
    """What follows when a walk arrives at a frame."""
    fact, plan = frame.fact, frame.plan
    own = own_slot(frame)
    left_out = plan.move in _BUT_ONE and own != BLANK and plan.note == own
    back = Back(RETURN, frame.number)
    if left_out:
        return back
    if not plan.pairs:
        counts = frame.home == BLANK and frame.sex_wanted in (EITHER, fact.sex)
        return Back(ANSWER, frame.number) if counts else back
    if frame.kind == AT_PERSON:
        return _to_family(frame) or back
    slot = _slot_in_family(frame)
    if slot is None:
        return back
    onward = Plan(plan.pairs[1:], fact.in_family, len(TO_FAMILY) + plan.pairs[0].to_person)
    return Find(False, fact.family, slot, onward, frame.number)


def own_slot(frame: Frame) -> int:
    """The slot of a frame's fact as a note has it; BLANK where the walk begins."""
    if frame.kind == AT_PERSON:
        return frame.fact.in_family
    return FAMILY_SLOTS + frame.fact.of_person


def _to_family(frame: Frame) -> Find | None:
    """From a person to the first family that the next move leads to."""
    fact, (pair, *others) = frame.fact, frame.plan.pairs
    is_up = pair.to_family == UP
    if not fact.flags[_FLAG["has_parents" if is_up else "has_families"]]:
        return None
    note = BLANK if fact.of_person == BLANK else FAMILY_SLOTS + fact.of_person
    onward = Plan((pair._replace(to_family=BLANK), *others), note, pair.to_family)
    return Find(True, fact.person, PARENTS if is_up else 1, onward, frame.number)


def _slot_in_family(frame: Frame) -> int | None:
    """From a family, the slot of the first person whom the next move leads to."""
    fact = frame.fact
    father = FATHER if fact.flags[_FLAG["has_father"]] else None
    mother = MOTHER if fact.flags[_FLAG["has_mother"]] else None
    move = TO_PERSON[frame.plan.pairs[0].to_person]
    if move == "p":
        return mother if father is None else father
    if move == "s":
        return mother if fact.in_family == FATHER else father
    if move in ("f", "m"):
        return father if move == "f" else mother
    return 0 if fact.flags[_FLAG["has_children"]] else None


def come_back(frame: Frame) -> Find | Back:
    """What follows when a walk returns to a frame: the next beside it, or back to the frame before."""
    if frame.home != BLANK:
        return Back(END)
    fact, move = frame.fact, frame.plan.move
    if frame.kind == AT_PERSON and not fact.flags[_FLAG["last_in_family"]]:
        if move in _TO_CHILDREN:
            return Find(False, fact.family, fact.in_family + 1, frame.plan, frame.back)
        if move == _BY["p"]:
            return Find(False, fact.family, MOTHER, frame.plan, frame.back)
    if frame.kind == AT_FAMILY and not fact.flags[_FLAG["last_of_person"]] and move in _TO_UNIONS:
        return Find(True, fact.person, fact.of_person + 1, frame.plan, frame.back)
    return Back(RETURN, frame.back)


class Walking:
    """A walk as far as it has come.

    Args:
        told: the facts.
        numbers: of the frames, in this order.
    """

    def __init__(self, told: Told, numbers: Sequence[int]) -> None:
        self.told, self.numbers = told, numbers
        self.frames: dict[int, Frame] = {}
        """those that were fed, by number"""

    def start(self, person: int, pairs: tuple[Pair, ...], sex: int = EITHER) -> Frame:
        """The frame to begin with."""
        return self._keep(self.told.start(person, pairs, self.numbers[len(self.frames)], sex))

    def feed(self, said: Fed, sex: int) -> Fed | None:
        """What was said, as it is fed: a frame with a number and the sex wanted. None: no number is left."""
        if not isinstance(said, Frame):
            return said
        if len(self.frames) == len(self.numbers):
            return None
        number = self.numbers[len(self.frames)]
        return self._keep(dataclasses.replace(said, number=number, sex_wanted=sex))

    def _keep(self, frame: Frame) -> Frame:
        self.frames[frame.number] = frame
        return frame

    def wanted(self, fed: Fed) -> Fed | None:
        """The right answer; None where what is fed makes no sense."""
        if isinstance(fed, Frame):
            return descend(fed)
        if isinstance(fed, Find):
            return self.told.find(fed)
        return come_back(self.frames[fed.number]) if fed.number in self.frames else None

    def copy(self) -> "Walking":
        """The same, to go on from in another way."""
        other = Walking(self.told, self.numbers)
        other.frames = dict(self.frames)
        return other

    def answers(self, said: Iterable[Record]) -> list[int]:
        """The people of the frames that ANSWER records name, in this order; unknown frames are nobody's."""
        named = (record.number for record in said if isinstance(record, Back) and record.op == ANSWER)
        return [self.frames[number].fact.person for number in named if number in self.frames]


def steps_from(walking: Walking, fed: Fed, sex: int) -> Iterator[Step]:
    """The steps of a walk from what is fed on, until END, or as long as there are numbers for frames."""
    following: Fed | None = fed
    while following is not None:
        wanted = walking.wanted(following)
        if wanted is None:
            return
        yield following, wanted
        following = None if wanted == Back(END) else walking.feed(wanted, sex)


def walk(
    told: Told, person: int, pairs: tuple[Pair, ...], sex: int, numbers: Sequence[int]
) -> tuple[list[Step], list[int]]:
    """A whole walk.

    Args:
        told: the facts.
        person: the name of whom the walk begins with.
        pairs: of moves.
        sex: of those who are meant: 0 male, 1 female, EITHER.
        numbers: of the frames.

    Returns:
        The steps, and the names of those whom it found, in this order. The last step wants END unless
        there were too few numbers.

    Raises:
        KeyError: no fact about the person was told.
    """
    walking = Walking(told, numbers)
    steps = list(steps_from(walking, walking.start(person, pairs, sex), sex))
    return steps, walking.answers(wanted for _, wanted in steps)
