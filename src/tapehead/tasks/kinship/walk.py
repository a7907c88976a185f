"""The teacher: how a relation is walked, one looked-up fact after another.

A walk is depth first. Each step looks up one fact, given the one before, and notes it on a *frame*: the fact,
how far the walk is, and where to go back to. Frames are numbered; the machine writes them into its memory as
it does facts, so going back is looking up a frame by its number. What the next step is depends on the last
frame and the question alone.
"""

from typing import NamedTuple

from .facts import Fact, GivenFacts
from .relations import Relation

START, UP, PARENT, OFFSPRING, UNION, SPOUSE = range(6)
"""Kinds of frames: the question itself; the family somebody is a child of; a parent, a child, a family as a
partner, and a spouse that the walk came to."""
ARRIVALS = (PARENT, OFFSPRING, SPOUSE)


class Frame(NamedTuple):
    """A step of a walk."""

    fact: int
    """index of the fact looked up, or copied when the walk came back"""
    kind: int
    level: int
    """moves of the walk that are done"""
    back: int
    """number of the frame to go back to when nothing is left here; 0: the walk is over"""
    note: int
    """the rank to leave out: of the person one came from among the siblings, or of the family; 0: none"""
    walk: int
    """which of the relation's walks"""
    returned: bool = False
    """the walk came back here: the frame is a copy of an earlier one"""


class Walk(NamedTuple):
    """All steps of an answer."""

    frames: list[Frame]
    """numbered from 1"""
    is_answer: list[bool]
    """of each frame: its person is one of those asked for"""


def follow(given: GivenFacts, person: int, relation: Relation, most: int = 10_000) -> Walk | None:
    """Walk a relation from a person through the facts given; None if it takes more than ``most`` steps."""
    steps = _Steps(given, person, relation)
    frames: list[Frame] = []
    is_answer: list[bool] = []
    frame = steps.begin(0)
    while frame is not None:
        if len(frames) == most:
            return None
        frames.append(frame)
        is_answer.append(steps.is_answer(frame))
        following = None if frame.returned else steps.descend(frame, len(frames))
        if following is None:
            following = steps.beside(frame)
        if following is None:
            following = frames[frame.back - 1]._replace(returned=True) if frame.back else None
            if following is None:
                following = steps.begin(frame.walk + 1)
        frame = following
    return Walk(frames, is_answer)


class _Steps:
    """The moves of one question."""

    def __init__(self, given: GivenFacts, person: int, relation: Relation) -> None:
        self.given = given
        self.person = person
        self.relation = relation

    def begin(self, walk: int) -> Frame | None:
        """The first step of the first walk from ``walk`` on that can be begun."""
        for number in range(walk, len(self.relation.walks)):
            frame = self._leave(self.person, 0, 0, 0, number)
            if frame is not None:
                return frame
        return None

    def is_answer(self, frame: Frame) -> bool:
        """Whether the frame's person is one of those asked for."""
        fact = self._fact(frame)
        moves = self.relation.walks[frame.walk]
        wanted = self.relation.sex is None or fact.sex == "mf".index(self.relation.sex)
        return (
            frame.kind in ARRIVALS
            and frame.level == len(moves)
            and wanted
            and not frame.returned
            and not self._left_out(frame)
        )

    def descend(self, frame: Frame, number: int) -> Frame | None:
        """The step that goes on from a frame, if the walk is not at its end there."""
        given, fact, moves = self.given, self._fact(frame), self.relation.walks[frame.walk]
        level, walk = frame.level, frame.walk
        if frame.kind in ARRIVALS:
            if level == len(moves) or self._left_out(frame):
                return None
            # With nobody left beside this person there is nothing to come back for.
            back = number if self._is_one_beside(frame) else frame.back
            return self._leave(fact.person, level, back, fact.rank, walk)
        if frame.kind == UP:
            if moves[level + 1 : level + 2] == "C":
                first = given.children[fact.family][0]
                return Frame(first, OFFSPRING, level + 2, frame.back, fact.rank, walk)
            slots = {"F": (0,), "M": (1,), "P": (0, 1)}[moves[level]]
            for slot in slots:
                if (fact.family, slot) in given.partners:
                    found = given.partners[fact.family, slot]
                    return Frame(found, PARENT, level + 1, frame.back, 0, walk)
            return None
        if self._left_out(frame):
            return None
        back = frame.back if fact.last else number
        if moves[level] == "S":
            other = given.partners.get((fact.family, 1 - fact.slot))
            return None if other is None else Frame(other, SPOUSE, level + 1, back, 0, walk)
        if not fact.has_children:
            return None
        return Frame(given.children[fact.family][0], OFFSPRING, level + 1, back, 0, walk)

    def beside(self, frame: Frame) -> Frame | None:
        """The step to the next child of the same family, family of the same person, or other parent."""
        if not self._is_one_beside(frame):
            return None
        fact = self._fact(frame)
        if frame.kind == OFFSPRING:
            found = self.given.children[fact.family][fact.rank]
        elif frame.kind == UNION:
            found = self.given.of_partner[fact.person][fact.rank]
        else:
            found = self.given.partners[fact.family, 1]
        return frame._replace(fact=found, returned=False)

    def _fact(self, frame: Frame) -> Fact:
        return self.given.facts[frame.fact]

    def _leave(self, person: int, level: int, back: int, rank: int, walk: int) -> Frame | None:
        """The step from a person at which the walk arrived towards the next move."""
        move = self.relation.walks[walk][level]
        if move in "FMP":
            if person not in self.given.of_child:
                return None
            return Frame(self.given.of_child[person], UP, level, back, 0, walk)
        if person not in self.given.of_partner:
            return None
        return Frame(self.given.of_partner[person][0], UNION, level, back, rank if move == "H" else 0, walk)

    def _is_one_beside(self, frame: Frame) -> bool:
        fact = self._fact(frame)
        if frame.kind in (OFFSPRING, UNION):
            return not fact.last
        if frame.kind == PARENT:
            either = self.relation.walks[frame.walk][frame.level - 1] == "P"
            return either and fact.slot == 0 and fact.has_mother
        return False

    def _left_out(self, frame: Frame) -> bool:
        """The person or the family from which the walk came up."""
        return frame.kind in (OFFSPRING, UNION) and frame.note == self._fact(frame).rank


def answers(given: GivenFacts, person: int, walk: Walk) -> set[int]:
    """The people that a walk found, without the person asked about."""
    found = {given.facts[f.fact].person for f, is_one in zip(walk.frames, walk.is_answer) if is_one}
    return found - {person}
