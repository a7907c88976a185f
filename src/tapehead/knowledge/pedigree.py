"""A family as genealogists see it: every tie between a child and one parent has a kind of its own."""

import dataclasses
from typing import Literal, NamedTuple

from ..tasks.kinship.tree import Sex

ParentKind = Literal["birth", "unknown", "adopted", "foster", "guardian", "step"]
"""How a parent came to a child; "unknown" where the file says that it is not known."""


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
