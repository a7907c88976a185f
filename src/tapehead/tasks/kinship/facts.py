"""What a machine is told about a family: facts, each a person's place in a family."""

import dataclasses
from collections import deque
from typing import NamedTuple

from .tree import FamilyTree

CHILD, PARTNER = 0, 1
MOST_RANKS = 24
"""Children of one family, or families of one person, that ranks can tell apart."""


class Fact(NamedTuple):
    """(person, label, family): a child of the family or a partner in it.

    The rank and the five signs are part of the label. They speak of the facts that are given, not of the
    whole tree, so that the machine never has to look for what it was not told.
    """

    person: int
    family: int
    role: int
    """CHILD or PARTNER"""
    slot: int
    """of a partner: 0 the father or husband, 1 the mother or wife; of a child 0"""
    sex: int
    """0 male, 1 female, 2 unknown"""
    rank: int
    """1, 2, …: which child of the family this is, or which of the person's families this is"""
    last: bool
    """no higher rank is given"""
    has_parents: bool
    """a fact about the person as a child is given"""
    has_families: bool
    """a fact about the person as a partner is given"""
    has_father: bool
    """a fact about the family's partner in slot 0 is given"""
    has_mother: bool
    """the same for slot 1"""
    has_children: bool
    """a fact about a child of the family is given"""


@dataclasses.dataclass
class GivenFacts:
    """The facts of an episode, in the order in which they are told, and where to look each up."""

    facts: list[Fact] = dataclasses.field(default_factory=list)
    of_child: dict[int, int] = dataclasses.field(default_factory=dict)
    """person → index of the fact that names their parents' family"""
    of_partner: dict[int, list[int]] = dataclasses.field(default_factory=dict)
    """person → indices of their families, by rank"""
    children: dict[int, list[int]] = dataclasses.field(default_factory=dict)
    """family → indices of its children, by rank"""
    partners: dict[tuple[int, int], int] = dataclasses.field(default_factory=dict)
    """(family, slot) → index of the partner's fact"""


SEXES = {"m": 0, "f": 1, "u": 2}


def nearest(tree: FamilyTree, person: int, most: int) -> list[tuple[int, int, int, int]]:
    """At most ``most`` places (person, family, role, slot) nearest to a person.

    Near means few places to pass on the way, whatever is asked: breadth first over people and families.
    """
    found: list[tuple[int, int, int, int]] = []
    families_seen: set[int] = set()
    people_seen = {person}
    waiting: deque[tuple[bool, int]] = deque([(True, person)])
    told: set[tuple[int, int, int]] = set()

    def tell(someone: int, family: int, role: int, slot: int) -> None:
        if (someone, family, role) not in told:
            told.add((someone, family, role))
            found.append((someone, family, role, slot))

    while waiting and len(found) < most:
        is_person, number = waiting.popleft()
        if is_person:
            parents = tree.parents[number]
            reached = [] if parents is None else [parents]
            if parents is not None:
                tell(number, parents, CHILD, 0)
            for family in tree.unions[number]:
                tell(number, family, PARTNER, tree.families[family].partners.index(number))
                reached.append(family)
            for family in reached:
                if family not in families_seen:
                    families_seen.add(family)
                    waiting.append((False, family))
        else:
            partners, children = tree.families[number].partners, tree.families[number].children
            members = [(p, PARTNER, s) for s, p in enumerate(partners) if p is not None]
            members += [(child, CHILD, 0) for child in children]
            for someone, role, slot in members:
                tell(someone, number, role, slot)
                if someone not in people_seen:
                    people_seen.add(someone)
                    waiting.append((True, someone))
    return found[:most]


def give(tree: FamilyTree, places: list[tuple[int, int, int, int]]) -> GivenFacts:
    """The facts for these places, in their order, with ranks and signs."""
    given = GivenFacts()
    by_child: dict[int, int] = {}
    by_partner: dict[int, list[int]] = {}
    children: dict[int, list[int]] = {}
    for index, (person, family, role, slot) in enumerate(places):
        if role == CHILD:
            by_child[person] = index
            children.setdefault(family, []).append(index)
        else:
            by_partner.setdefault(person, []).append(index)
            given.partners[family, slot] = index
    order = {
        family: {child: rank for rank, child in enumerate(tree.families[family].children)}
        for family in children
    }
    for family, indices in children.items():
        indices.sort(key=lambda index: order[family][places[index][0]])
    for person, indices in by_partner.items():
        indices.sort(key=lambda index: tree.unions[person].index(places[index][1]))
    given.of_child, given.of_partner, given.children = by_child, by_partner, children
    for person, family, role, slot in places:
        group = children[family] if role == CHILD else by_partner[person]
        rank = 1 + next(r for r, i in enumerate(group) if places[i][0] == person and places[i][1] == family)
        given.facts.append(
            Fact(
                person,
                family,
                role,
                slot,
                SEXES[tree.sexes[person]],
                rank,
                rank == len(group),
                person in by_child,
                person in by_partner,
                (family, 0) in given.partners,
                (family, 1) in given.partners,
                family in children,
            )
        )
    return given
