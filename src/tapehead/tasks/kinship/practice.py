"""Steps to train on: random questions to a memory, and what follows from them for a while.

What a machine has to say depends on what is fed and on one record in memory alone. So practice need not walk:
it feeds random frames, some of a kind that is rare in walks, and returns to any of those that were fed.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterator

import numpy as np

from ..graph.search_graphs import draw_names, draw_similar_names
from .channels import BLANK, FAMILY_SLOTS, FATHER, FLAGS, MAX_PAIRS, MOVES, NUMBER_DIGITS, PERSON_SLOTS
from .records import ANSWER, AT_FAMILY, AT_PERSON, EITHER, RETURN, Back, Fact, Find, Frame, Pair, Plan
from .trace import PARENTS, Step, Told, come_back, descend, own_slot

RETURNS = 0.3
"""How often a step goes back to a frame."""
TO_ANY = 0.6
"""How often such a step goes to any frame, and not to the latest."""
TO_UNIONS, TO_CHILDREN = 0.3, 0.55
"""Cumulative: how often such a step goes to a frame after which comes the next family of a person, or the
next person of a family; most frames are the last of theirs."""
SEVERAL = 0.3
"""How often a frame is at a family that is not the last of its person."""
STARTS = 0.1
"""Of the other steps, how many begin a walk."""
GOES_ON, KEEPS_FRAME = 0.85, 0.5
"""How often what is said is fed: a search, and what it found."""
NOTES_OWN, NOTES_NONE = 0.45, 0.07
"""How often a frame notes its own slot, which "but one" leaves out; and how often one at a family notes none,
as the first of a walk do."""
FROM_PARENT = 0.8
"""How often a frame at one of all children notes that it came from a parent, as it does in walks."""
AT_A_PERSON, AT_AN_END = 0.6, 0.35
"""How many of the frames are people, and how many stand before the last step of their plan: what a frame
answers is the hardest to learn, and there most of all."""
SIMILAR_NUMBERS = 0.3
"""How often the numbers of frames are hard to tell apart."""
MAX_STEPS = 800
"""Steps of practice, at most: each may need a number for a frame."""

_UP_TO = (("U", ("p", "f", "m", "c'")), ("u", ("s", "c")), ("u'", ("c",)))
_NATURAL = [[Pair.of(up, down) for down in downs] for up, downs in _UP_TO]
_OFTEN = (0.45, 0.85)
"""Cumulative: how often a pair begins with U, with u."""
_LAST_OF_PERSON = FLAGS.index("last_of_person")
_MOVE = {name: place for place, name in enumerate(MOVES)}


class Practice:
    """Draws the steps of an episode.

    Args:
        rng: the only source of random numbers.
        told: the facts.
        steps: how many to draw; a few more, as what follows from the last is drawn to its end.
    """

    def __init__(self, rng: np.random.Generator, told: Told, steps: int) -> None:
        self.told, self.count = told, steps
        # Drawn at once and read from a Python list: a call for each number would take most of the time.
        self._draw: Callable[[], float] = _stream(rng).__next__
        names = draw_similar_names if self._draw() < SIMILAR_NUMBERS else draw_names
        self._numbers = iter(names(rng, min(900, steps + 60), NUMBER_DIGITS).tolist())
        self.frames: list[Frame] = []
        self._going_on: tuple[list[Frame], list[Frame]] = ([], [])
        """frames after which comes a person of a family, and those after which comes a family of a person"""
        self._not_last = [fact for fact in told.facts if not fact.flags[_LAST_OF_PERSON]]

    def steps(self) -> list[Step]:
        """All of them."""
        steps: list[Step] = []
        while len(steps) < self.count:
            steps += self._a_few()
        return steps

    def _a_few(self) -> Iterator[Step]:
        """One step, and what follows from it for a while."""
        draw = self._draw
        wanted: Find | Back
        if self.frames and draw() < RETURNS:
            frame = self._frame_to_return_to()
            wanted = come_back(frame)
            yield Back(ANSWER if draw() < 0.2 else RETURN, frame.number), wanted
        else:
            frame = self._start() if draw() < STARTS else self._frame()
            self._keep(frame)
            wanted = descend(frame)
            yield frame, wanted
        while isinstance(wanted, Find) and draw() < GOES_ON:
            found = self.told.find(wanted)
            assert found is not None, "flags tell which facts there are"
            yield wanted, found
            if draw() >= KEEPS_FRAME:
                return
            frame = dataclasses.replace(found, number=next(self._numbers), sex_wanted=self._below(3))
            self._keep(frame)
            wanted = descend(frame)
            yield frame, wanted

    def _keep(self, frame: Frame) -> None:
        self.frames.append(frame)
        following = come_back(frame)
        if isinstance(following, Find):
            self._going_on[following.by_person].append(frame)

    def _frame_to_return_to(self) -> Frame:
        drawn = self._draw()
        people, unions = self._going_on
        if unions and drawn < TO_UNIONS:
            return unions[self._below(len(unions))]
        if people and TO_UNIONS <= drawn < TO_CHILDREN:
            return people[self._below(len(people))]
        return self._any_frame() if self._draw() < TO_ANY else self.frames[-1]

    def _below(self, count: int) -> int:
        return int(count * self._draw())

    def _any_frame(self) -> Frame:
        return self.frames[self._below(len(self.frames))]

    def _fact(self) -> Fact:
        return self.told.facts[self._below(len(self.told.facts))]

    def _start(self) -> Frame:
        pairs = self._pairs(self._below(MAX_PAIRS)) or (Pair.of("U", "p"),)
        frame = self.told.start(self._fact().person, pairs, next(self._numbers))
        return dataclasses.replace(frame, sex_wanted=self._below(EITHER + 1))

    def _frame(self) -> Frame:
        """Any fact as a walk could have come by it, and with any plan."""
        fact, kind = self._fact(), (AT_PERSON if self._draw() < AT_A_PERSON else AT_FAMILY)
        if kind == AT_FAMILY and self._not_last and self._draw() < SEVERAL:
            fact = self._not_last[self._below(len(self._not_last))]
        further = 0 if self._draw() < AT_AN_END else self._below(MAX_PAIRS)
        if kind == AT_PERSON:
            pairs = self._pairs(further)
        else:
            first, *others = self._pairs(1 + further)
            pairs = (first._replace(to_family=BLANK), *others)
        back = self._any_frame().number if self.frames else self._below(10**NUMBER_DIGITS)
        frame = Frame(fact, kind, Plan(pairs), back, next(self._numbers), self._below(EITHER + 1))
        move = self._move(fact, kind)
        return dataclasses.replace(frame, plan=Plan(pairs, self._note(frame, move), _MOVE[move]))

    def _pairs(self, count: int) -> tuple[Pair, ...]:
        drawn = (_NATURAL[sum(self._draw() >= often for often in _OFTEN)] for _ in range(count))
        return tuple(pairs[self._below(len(pairs))] for pairs in list(drawn))

    def _move(self, fact: Fact, kind: int) -> str:
        """A move that leads to a fact."""
        moves: tuple[str, ...]
        if kind == AT_FAMILY:
            moves = ("U",) if fact.of_person == PARENTS else ("u", "u'")
        elif fact.in_family < FATHER:
            moves = ("c", "c'")
        else:
            moves = ("p", "s", ("f", "m")[fact.in_family - FATHER])
        return moves[self._below(len(moves))]

    def _note(self, frame: Frame, move: str) -> int:
        """A slot that a walk could have come from."""
        drawn, of_family = self._draw(), frame.kind == AT_PERSON
        if move == "c" and drawn < FROM_PARENT:
            return FATHER + self._below(2)
        if drawn < NOTES_OWN:
            return own_slot(frame)
        if not of_family and drawn < NOTES_OWN + NOTES_NONE:
            return BLANK
        first, slots = FAMILY_SLOTS, PERSON_SLOTS
        if of_family:
            first, slots = 0, FATHER if frame.fact.in_family < FATHER else FAMILY_SLOTS
        return first + self._below(6 if self._draw() < 0.7 else slots)


def _stream(rng: np.random.Generator) -> Iterator[float]:
    return itertools.chain.from_iterable(iter(lambda: rng.random(512).tolist(), None))
