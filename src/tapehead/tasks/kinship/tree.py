"""A family tree as the kinship task needs it: people are numbers, families connect them."""

import dataclasses
from typing import Literal

Sex = Literal["m", "f", "u"]


@dataclasses.dataclass(frozen=True)
class Family:
    """A couple, or a parent alone, and their children."""

    partners: tuple[int | None, int | None]
    """person numbers: the father or husband, the mother or wife; None where unknown"""
    children: tuple[int, ...] = ()
    """in the order of birth where known"""


@dataclasses.dataclass(eq=False)  # what was told of one is kept for it, so it is a key
class FamilyTree:
    """People 0, 1, … and their families; nobody is a child of more than one family."""

    sexes: list[Sex]
    """of every person; "u" where unknown"""
    families: list[Family]
    parents: list[int | None] = dataclasses.field(init=False, repr=False)
    """of every person: the number of the family whose child they are"""
    unions: list[list[int]] = dataclasses.field(init=False, repr=False)
    """of every person: the numbers of the families in which they are a partner, in their order"""

    def __post_init__(self) -> None:
        self.parents = [None] * len(self.sexes)
        self.unions = [[] for _ in self.sexes]
        for number, family in enumerate(self.families):
            for partner in family.partners:
                if partner is not None and number not in self.unions[partner]:
                    self.unions[partner].append(number)
            for child in family.children:
                if self.parents[child] is not None:
                    raise ValueError(
                        f"person {child} is a child of two families: keep one, by birth if known"
                    )
                self.parents[child] = number
