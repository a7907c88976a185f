"""Builds a knowledge graph of a family from people and couples, and mends contradictions between them."""

import dataclasses
import itertools
from collections.abc import Iterable

from ..graph import KIND_OF_LABEL, Entity, Fact, KnowledgeGraph
from ..pedigree import Day, ParentKind

LABEL_OF_KIND = {kind: label for label, kind in KIND_OF_LABEL.items()}
_PARTNER_LABELS = {"m": "husband in", "f": "wife in", "u": "partner in"}
MAX_SHOWN = 3
"""people that a note names"""


@dataclasses.dataclass(slots=True)
class Couple:
    """A family of the file: ids of the partners and of the children, each child with its ties."""

    id: str
    partners: list[str] = dataclasses.field(default_factory=list)
    roles: dict[str, str] = dataclasses.field(default_factory=dict)
    """partner → "HUSB", "WIFE" or "", where the file has such places"""
    children: dict[str, ParentKind] = dataclasses.field(default_factory=dict)
    """child → the strongest of its ties with the partners, in file order"""
    kinds: dict[tuple[str, str], ParentKind] = dataclasses.field(default_factory=dict)
    """(child, partner) → their tie, where it is another"""
    married_on: Day = ()
    divorced: bool = False


def build(name: str, people: dict[str, Entity], couples: list[Couple], notes: list[str]) -> KnowledgeGraph:
    """The graph of a family tree.

    Two families of the very same couple become one; whoever is their own ancestor is cut from one of their
    families; a couple has two partners at most. Each of these leaves a note.

    Args:
        name: of the file.
        people: by id, in file order.
        couples: in file order; they name only people that are there.
        notes: sentences so far.
    """
    notes = list(notes)
    couples = _merged(couples, people, notes)
    _cut_loops(couples, people, notes)
    crowded = [couple for couple in couples if len(couple.partners) > 2]
    if crowded:
        most = max(len(couple.partners) for couple in crowded)
        notes.append(
            f"{counted(len(crowded), 'family has', 'families have')} up to {most} partners, only two count:"
            f" {_some(_family_name(couple, people) for couple in crowded)}"
        )
    entities = dict(people)
    facts: list[Fact] = []
    parent_kinds: dict[tuple[str, str, str], ParentKind] = {}
    for couple in couples:
        partners = couple.partners[:2]
        entities[couple.id] = Entity(
            couple.id,
            _family_name(couple, people),
            "family",
            married_on=couple.married_on,
            divorced=couple.divorced,
        )
        for partner in partners:
            facts.append(Fact(partner, _PARTNER_LABELS[people[partner].sex], couple.id))
        for child, kind in couple.children.items():
            label = LABEL_OF_KIND.get(kind, "child of")
            facts.append(Fact(child, label, couple.id))
            for partner in partners:
                own = couple.kinds.get((child, partner), kind)
                if own != KIND_OF_LABEL[label]:
                    parent_kinds[child, couple.id, partner] = own
    for family, partner, children in _of_one_partner(couples, set(entities)):
        entities[family] = Entity(family, f"the family of {people[partner].name}", "family", made_up=True)
        facts.append(Fact(partner, _PARTNER_LABELS[people[partner].sex], family))
        facts.extend(Fact(child, LABEL_OF_KIND["birth"], family) for child in children)
    return KnowledgeGraph(name, entities, facts, notes, parent_kinds)


def _of_one_partner(couples: list[Couple], taken: set[str]) -> list[tuple[str, str, list[str]]]:
    """Made-up families (id, partner, children) of children who are only one partner's.

    A bare tree has one family for a child; a stepfather is no father in it.
    """
    whole: set[str] = set()  # children of two parents by birth, or of the only one
    found: dict[tuple[str, str], list[str]] = {}
    for couple in couples:
        for child, kind in couple.children.items():
            ties = [couple.kinds.get((child, partner), kind) for partner in couple.partners[:2]]
            own = [tie in ("birth", "unknown") for tie in ties]
            if all(own):
                whole.add(child)
            elif any(own) and "adopted" not in ties:
                found.setdefault((couple.id, couple.partners[own.index(True)]), []).append(child)
    families = []
    for (family, partner), children in found.items():
        kept = [child for child in children if child not in whole]
        if kept:
            identity = next(f"{family}+{n}" for n in itertools.count(1) if f"{family}+{n}" not in taken)
            taken.add(identity)
            families.append((identity, partner, kept))
    return families


def counted(number: int, one: str, many: str) -> str:
    """ "1 family", "2 families"."""
    return f"{number:,} {one if number == 1 else many}"


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:MAX_SHOWN]) + (", …" if len(listed) > MAX_SHOWN else "")


def _family_name(couple: Couple, people: dict[str, Entity]) -> str:
    names = [people[partner].name for partner in couple.partners[:2]]
    if names:
        return f"the family of {' and '.join(names)}"
    child = next(iter(couple.children), None)
    return (
        "a family of nobody known" if child is None else f"the family that {people[child].name} was born to"
    )


def _merged(couples: list[Couple], people: dict[str, Entity], notes: list[str]) -> list[Couple]:
    kept: list[Couple] = []
    twice: list[Couple] = []
    by_partners: dict[frozenset[str], Couple] = {}
    for couple in couples:
        partners = frozenset(couple.partners)
        first = by_partners.get(partners) if len(partners) == 2 else None
        if first is None:
            kept.append(couple)
            by_partners[partners] = couple
            continue
        twice.append(first)
        for child, kind in couple.children.items():
            if child not in first.children:
                first.children[child] = kind
                first.kinds.update((tie, own) for tie, own in couple.kinds.items() if tie[0] == child)
        first.married_on = min(filter(None, (first.married_on, couple.married_on)), default=())
        first.divorced = first.divorced or couple.divorced
    if twice:
        notes.append(
            f"{counted(len(twice), 'family is', 'families are')} in the file twice and read as one:"
            f" {_some(_family_name(couple, people) for couple in twice)}"
        )
    return kept


def _cut_loops(couples: list[Couple], people: dict[str, Entity], notes: list[str]) -> None:
    """Take a child out of a family where otherwise somebody would be their own ancestor."""
    below: dict[str, list[tuple[Couple, str]]] = {}  # person -> the families and children just below them
    for couple in couples:
        for partner in couple.partners:
            below.setdefault(partner, []).extend((couple, child) for child in couple.children)
    cut: list[str] = []
    state: dict[str, bool] = {}  # person -> True while among the ancestors of where we are, False when done
    for start in people:
        if start in state or start not in below:
            continue
        state[start] = True
        path = [(start, iter(below[start]))]
        while path:
            person, rest = path[-1]
            for couple, child in rest:
                if child not in couple.children:
                    continue  # cut already, seen from the other partner
                if state.get(child):
                    del couple.children[child]
                    cut.append(f"{people[child].name} as a child of {_family_name(couple, people)}")
                elif child not in state:
                    state[child] = True
                    path.append((child, iter(below.get(child, ()))))
                    break
            else:
                state[person] = False
                path.pop()
    if cut:
        notes.append(
            f"{counted(len(cut), 'tie', 'ties')} would make somebody their own ancestor, left out:"
            f" {_some(cut)}"
        )
