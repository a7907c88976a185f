"""What a word of kinship asks for: "aunts", "second cousins twice removed", "oldest half-brother"."""

import dataclasses
from typing import Literal

from .namer import name, ordinal, plural
from .relation import Kinship, Line

Blood = Literal["any", "full", "half"]


@dataclasses.dataclass(frozen=True)
class Term:
    """Everybody who is one of these to a person.

    Everyday words are wide: siblings include half-siblings and adopted ones, aunts the wives of uncles.
    """

    readings: tuple[Kinship, ...]
    """the literal one first; ``half`` of a reading says nothing, as ``blood`` does"""
    blood: Blood = "any"
    line: Line | None = None
    """only such ties; None: as people use the word, by birth or adoption, and the nearest parents"""
    order: int = 0
    """1: the oldest, or the first marriage; 2: the second; −1: the youngest or last; 0: all"""
    reach: Literal["", "ancestors", "descendants"] = ""
    """all generations; the reading then says only the side and the sex"""
    sided: bool = False
    """the words name a side"""
    title: str = dataclasses.field(default="", compare=False)
    """how the whole is called in the plural where the readings do not say it: "in-laws" """

    @property
    def literal(self) -> Kinship:
        """The first reading, with the blood and the line asked for."""
        return self.readings[0]

    @property
    def plural(self) -> str:
        """ "aunts by blood"; of one who is picked by age, "oldest brother"."""
        return self.singular if self.order else self._called(plural(self.literal))

    @property
    def singular(self) -> str:
        """ "aunt by blood", "oldest brother"."""
        return self._called(name(self.literal))

    def _called(self, words: str) -> str:
        if self.reach:
            sex = {"m": "male ", "f": "female ", "u": ""}[self.literal.sex]
            side = f"{self.literal.side} " if self.literal.side else ""
            words = side + sex + self.reach
        if self.title:
            return self.title
        if self.order:
            words = f"{self._order()} {words}"
        if self.blood == "full":
            words = f"full {words}"
        if self.line == "birth" and self.blood == "any":
            words = f"birth {words}" if self.literal.up + self.literal.down == 1 else f"{words} by blood"
        return words

    def _order(self) -> str:
        marriage = self.literal.before and self.literal.up == self.literal.down == 0
        if marriage:
            return "last" if self.order == -1 else ordinal(self.order)
        place = "" if abs(self.order) == 1 else f"{ordinal(abs(self.order))} "
        return place + ("oldest" if self.order > 0 else "youngest")


Link = tuple[Term, ...]
"""Alternatives: "sons and nephews"."""
Chain = tuple[Link, ...]
"""One after the other: "mother's sister's sons"."""


def chain_title(chain: Chain) -> str:
    """How a chain is called: "mother's sister's sons"."""
    words = [" or ".join(term.singular for term in link) for link in chain[:-1]]
    last = chain[-1]
    plurals = [term.plural for term in last]
    return "'s ".join([*words, last[0].title or " and ".join(plurals)])
