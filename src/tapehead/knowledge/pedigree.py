"""A family as genealogists see it: every tie between a child and one parent has a kind of its own."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, TypeVar

from ..tasks.kinship.tree import Sex

ParentKind = Literal["birth", "unknown", "adopted", "foster", "guardian", "step"]
"""How a parent came to a child; "unknown" where the file says that it is not known."""
PARENT_KINDS: tuple[ParentKind, ...] = ("birth", "unknown", "adopted", "foster", "guardian", "step")
"""The strongest tie first."""

Day = tuple[int, ...]
"""Year, month and day, as far as they are known; () where nothing is."""
_Item = TypeVar("_Item")


class ParentTie(NamedTuple):
    """One parent of a person."""

    parent: str
    """entity id"""
    kind: ParentKind


@dataclasses.dataclass(frozen=True)
class Union:
    """A couple, or a parent alone, and their children."""

    family: str
    """entity id"""
    partners: tuple[str, ...]
    """entity ids, as the file names them; one, two or none"""
    children: tuple[str, ...] = ()
    """entity ids in the order of birth where known, else in file order, whatever the tie"""
    married_year: int | None = None
    divorced: bool = False


@dataclasses.dataclass(frozen=True)
class Pedigree:
    """All people of a file by entity id, with their ties."""

    sexes: dict[str, Sex]
    """in file order; told by the role in a family where the file has no sex"""
    birth_years: dict[str, int | None]
    parents: dict[str, tuple[ParentTie, ...]]
    """of every person; the strongest tie first, in the order of ParentKind"""
    unions: dict[str, tuple[Union, ...]]
    """of every person the unions in which they are a partner, by date of marriage where known, else in file
    order"""

    @classmethod
    def of_unions(
        cls,
        sexes: dict[str, Sex],
        birth_years: dict[str, int | None],
        unions: Sequence[Union],
        kind: Callable[[str, Union, str], ParentKind],
        order: Mapping[str, Sequence[Union]],
    ) -> "Pedigree":
        """The pedigree of these families.

        A parent who has a child in two families counts once, with the strongest tie.

        Args:
            sexes: of all people.
            birth_years: of all people.
            unions: in file order.
            kind: how a child is tied to a partner of a union.
            order: of every person who has any, their unions in order.
        """
        ties: dict[str, dict[str, ParentKind]] = {person: {} for person in sexes}
        for union in unions:
            for child in union.children:
                known = ties[child]
                for parent in union.partners:
                    tie = kind(child, union, parent)
                    if parent not in known or _rank(tie) < _rank(known[parent]):
                        known[parent] = tie
        parents = {
            child: tuple(ParentTie(*tie) for tie in sorted(known.items(), key=lambda tie: _rank(tie[1])))
            for child, known in ties.items()
        }
        return cls(sexes, birth_years, parents, {person: tuple(order.get(person, ())) for person in sexes})


def by_day(items: Sequence[_Item], day: Callable[[_Item], Day]) -> list[_Item]:
    """Items in the order of their days; one without a day keeps its place."""
    known = sorted((item for item in items if day(item)), key=day)
    rest = iter(known)
    return [next(rest) if day(item) else item for item in items]


def _rank(kind: ParentKind) -> int:
    return PARENT_KINDS.index(kind)
