"""The algebra of kinship: what one person is to another, in a handful of numbers."""

import dataclasses
import functools
from typing import Literal

from ...tasks.kinship.tree import Sex
from ..pedigree import ParentKind

Line = Literal["birth", "adopted", "foster", "guardian", "step"]
"""How a chain of parents and children holds together: as its weakest tie does."""
LINES: tuple[Line, ...] = ("birth", "adopted", "foster", "guardian", "step")
"""The strongest first."""
LINE_OF: dict[ParentKind, Line] = {
    "birth": "birth",
    "unknown": "birth",
    "adopted": "adopted",
    "foster": "foster",
    "guardian": "guardian",
    "step": "step",
}
"""A tie of which the file does not know the kind is taken for one of birth."""
Side = Literal["", "paternal", "maternal"]
SIDE_OF: dict[Sex, Side] = {"m": "paternal", "f": "maternal", "u": ""}
"""The side that a parent of this sex stands for."""


Move = Literal["up", "down", "spouse"]


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """To a parent, to a child, or to a spouse."""

    move: Move
    line: Line = "birth"
    former: bool = False
    """of a spouse: divorced"""


@functools.cache
def step_of(move: Move, line: Line = "birth", former: bool = False) -> Step:
    """The step, one object for all that are alike: a large family has half a million."""
    return Step(move, line, former)


@dataclasses.dataclass(frozen=True)
class Kinship:
    """What B is to A: so many generations up from A, so many down, and how.

    A brother is one up and one down, a first cousin two and two, a grandson none and two. With ``before``
    the way starts at A's spouse, with ``after`` it ends at a spouse of whom it has reached: a mother-in-law
    is one up and before, an uncle by marriage two up, one down and after. A spouse is none, none and before.
    """

    up: int = 0
    """generations"""
    down: int = 0
    """generations"""
    half: bool = False
    """the two children of the common ancestor have one parent in common, not two"""
    line: Line = "birth"
    """the weakest tie on the way"""
    before: bool = False
    """the way starts at a spouse"""
    after: bool = False
    """the way ends at a spouse"""
    joined: bool = False
    """a child of A married a child of B; one up, none down"""
    former: bool = False
    """that marriage ended in divorce"""
    lines: int = 1
    """ways of the same length by different parents: double cousins have two"""
    side: Side = ""
    """of A's parents the one that the way goes by; "" for both, or where it does not matter"""
    sex: Sex = "u"
    """of B"""

    @property
    def is_cousin(self) -> bool:
        """Whether the word for it is a cousin's."""
        return self.up > 1 and self.down > 1

    @property
    def by_marriage(self) -> bool:
        """Whether a marriage is on the way."""
        return self.before or self.after or self.joined

    @property
    def has_word(self) -> bool:
        """Whether one word says it; else it takes a chain of them ("wife's uncle's wife")."""
        if self.half and not (self.up and self.down):
            return False
        if self.joined:
            return (self.up, self.down, self.before, self.after) == (1, 0, False, False)
        if self.up == self.down == 0:
            return self.before and not self.after and self.line == "birth"
        if self.before and self.after:
            return (self.up, self.down) == (1, 1)
        if self.before:
            return self.up > 0 and not (self.is_cousin and self.up != self.down)
        return self.down > 0 or not self.after

    def inverse(self, sex: Sex = "u", side: Side = "") -> "Kinship":
        """What A is to B.

        Args:
            sex: of A.
            side: of B's parents the one that the way goes by.
        """
        spouses = self.up == self.down == 0
        return dataclasses.replace(
            self,
            up=self.up if self.joined else self.down,
            down=self.down if self.joined else self.up,
            before=self.before if spouses else self.after,
            after=self.after if spouses else self.before,
            side=side,
            sex=sex,
        )


def weakest(*lines: Line) -> Line:
    """The line that these ties make together."""
    return max(lines, key=LINES.index, default="birth")
