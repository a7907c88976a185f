"""The teacher: follows a relation through the facts of an episode, one fact a step.

A walk is depth first. Each step looks up one fact, given the one before, and records it on a *frame*: the
fact, the progress of the walk, and the frame to return to. Frames are numbered; the machine writes them into
its memory like facts, so returning means looking up a frame by its number. The next step depends on the last
frame and the question only.
"""

from typing import NamedTuple

from .facts import FactSet, FamilyFact
from .relations import Relation

START, UP, PARENT, OFFSPRING, UNION, SPOUSE = range(6)
"""Kinds of frames: the question itself; the family that somebody is a child of; a parent; a child; a family
in which somebody is a partner; a spouse."""
ARRIVALS = (PARENT, OFFSPRING, SPOUSE)


class Frame(NamedTuple):
    """A step of a walk."""

    fact: int
    """index of the fact that was looked up, or that was copied on returning"""
    kind: int
    level: int
    """number of moves of the walk that are done"""
    back: int
    """number of the frame to return to when nothing is left here; 0: the walk is over"""
    note: int
    """the rank to leave out, of the child or the family that the walk came from; 0: none"""
    walk: int
    """index of the walk in ``Relation.walks``"""
    returned: bool = False
    """the walk has returned here: the frame is a copy of an earlier one"""


class Walk(NamedTuple):
    """All steps of an answer."""

    frames: list[Frame]
    """numbered from 1"""
    is_answer: list[bool]
    """for each frame: whether its person is part of the answer"""


def follow(given: FactSet, person: int, relation: Relation, max_steps: int = 10_000) -> Walk | None:
    """Follow a relation from a person through the facts; None if it takes more than ``max_steps`` steps."""
    steps = _Steps(given, person, relation)
    frames: list[Frame] = []
    is_answer: list[bool] = []
    frame = steps.begin(0)
    while frame is not None:
        if len(frames) == max_steps:
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

    def __init__(self, given: FactSet, person: int, relation: Relation) -> None:
        self.given = given
        self.person = person
        self.relation = relation

    def begin(self, walk: int) -> Frame | None:
        """The first step of the first walk, from ``walk`` on, that has one."""
        for number in range(walk, len(self.relation.walks)):
            frame = self._leave(self.person, 0, 0, 0, number)
            if frame is not None:
                return frame
        return None

    def is_answer(self, frame: Frame) -> bool:
        """Whether the frame's person is part of the answer."""
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
        """The next step deeper from a frame; None at the end of a walk."""
        given, fact, moves = self.given, self._fact(frame), self.relation.walks[frame.walk]
        level, walk = frame.level, frame.walk
        if frame.kind in ARRIVALS:
            if level == len(moves) or self._left_out(frame):
                return None
            # With nobody left beside this person there is nothing to return for.
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

    def _fact(self, frame: Frame) -> FamilyFact:
        return self.given.facts[frame.fact]

    def _leave(self, person: int, level: int, back: int, rank: int, walk: int) -> Frame | None:
        """The first step of the next move, from a person that the walk has reached."""
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
        """Whether this is the person or the family that the walk came from."""
        return frame.kind in (OFFSPRING, UNION) and frame.note == self._fact(frame).rank


def answers(given: FactSet, person: int, walk: Walk) -> set[int]:
    """The people that a walk found, without the person the question is about."""
    found = {given.facts[f.fact].person for f, is_one in zip(walk.frames, walk.is_answer) if is_one}
    return found - {person}
