"""The facts about a family tree that a machine reads: each is one person's place in one family."""

import dataclasses
from collections import deque
from typing import NamedTuple

from .tree import FamilyTree

CHILD, PARTNER = 0, 1
MAX_RANKS = 24
"""The highest rank: children of one family, or families of one person."""
Place = tuple[int, int, int, int]
"""A person's place in a family: person, family, role, slot."""


class FamilyFact(NamedTuple):
    """(person, label, family): the person is a child of the family or a partner in it.

    The rank and the flags are part of the label. They describe the facts of the episode, not the whole tree,
    so that the machine never has to look up a fact that it has not read.
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
    """1, 2, …: of a child its place among the siblings, of a partner the place of this family among theirs"""
    last: bool
    """no fact has a higher rank"""
    has_parents: bool
    """there is a fact with the person as a child"""
    has_families: bool
    """there is a fact with the person as a partner"""
    has_father: bool
    """there is a fact about the family's partner in slot 0"""
    has_mother: bool
    """the same for slot 1"""
    has_children: bool
    """there is a fact about a child of the family"""


@dataclasses.dataclass
class FactSet:
    """The facts of an episode, in the order of the inputs, and indices to look them up."""

    facts: list[FamilyFact] = dataclasses.field(default_factory=list)
    of_child: dict[int, int] = dataclasses.field(default_factory=dict)
    """person → index of the fact that names their parents' family"""
    of_partner: dict[int, list[int]] = dataclasses.field(default_factory=dict)
    """person → indices of their families, by rank"""
    children: dict[int, list[int]] = dataclasses.field(default_factory=dict)
    """family → indices of its children, by rank"""
    partners: dict[tuple[int, int], int] = dataclasses.field(default_factory=dict)
    """(family, slot) → index of the partner's fact"""


SEXES = {"m": 0, "f": 1, "u": 2}


def every_place(tree: FamilyTree) -> list[Place]:
    """All places (person, family, role, slot) of a tree, family by family."""
    found: dict[tuple[int, int, int], int] = {}
    for number, family in enumerate(tree.families):
        for slot, partner in enumerate(family.partners):
            if partner is not None:
                found.setdefault((partner, number, PARTNER), slot)
        for child in family.children:
            found.setdefault((child, number, CHILD), 0)
    return [(*place, slot) for place, slot in found.items()]


def nearest(tree: FamilyTree, person: int, maximum: int) -> list[Place]:
    """At most ``maximum`` places (person, family, role, slot) nearest to a person.

    The search is breadth-first over people and families, and does not depend on the question.
    """
    found: list[Place] = []
    families_seen: set[int] = set()
    people_seen = {person}
    waiting: deque[tuple[bool, int]] = deque([(True, person)])
    seen: set[tuple[int, int, int]] = set()

    def add(someone: int, family: int, role: int, slot: int) -> None:
        if (someone, family, role) not in seen:
            seen.add((someone, family, role))
            found.append((someone, family, role, slot))

    while waiting and len(found) < maximum:
        is_person, number = waiting.popleft()
        if is_person:
            parents = tree.parents[number]
            reached = [] if parents is None else [parents]
            if parents is not None:
                add(number, parents, CHILD, 0)
            for family in tree.unions[number]:
                add(number, family, PARTNER, tree.families[family].partners.index(number))
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
                add(someone, number, role, slot)
                if someone not in people_seen:
                    people_seen.add(someone)
                    waiting.append((True, someone))
    return found[:maximum]


def index_facts(tree: FamilyTree, places: list[Place]) -> FactSet:
    """The facts for these places (person, family, role, slot), in their order, with ranks and flags."""
    indexed = FactSet()
    for index, (person, family, role, slot) in enumerate(places):
        if role == CHILD:
            indexed.of_child[person] = index
            indexed.children.setdefault(family, []).append(index)
        else:
            indexed.of_partner.setdefault(person, []).append(index)
            indexed.partners[family, slot] = index
    birth_order = {
        (family, child): rank
        for family in indexed.children
        for rank, child in enumerate(tree.families[family].children)
    }
    for indices in indexed.children.values():
        indices.sort(key=lambda index: birth_order[places[index][1], places[index][0]])
    for indices in indexed.of_partner.values():
        indices.sort(key=lambda index: tree.unions[places[index][0]].index(places[index][1]))
    for person, family, role, slot in places:
        group = indexed.children[family] if role == CHILD else indexed.of_partner[person]
        rank = 1 + next(r for r, i in enumerate(group) if places[i][:2] == (person, family))
        indexed.facts.append(
            FamilyFact(
                person=person,
                family=family,
                role=role,
                slot=slot,
                sex=SEXES[tree.sexes[person]],
                rank=rank,
                last=rank == len(group),
                has_parents=person in indexed.of_child,
                has_families=person in indexed.of_partner,
                has_father=(family, 0) in indexed.partners,
                has_mother=(family, 1) in indexed.partners,
                has_children=family in indexed.children,
            )
        )
    return indexed
