"""Builds a knowledge graph of a family from people and couples, and mends contradictions between them."""

import dataclasses

from ..graph import CHILD_LABELS, Entity, Fact, KnowledgeGraph

BORN, ADOPTED, FOSTER = CHILD_LABELS[:3]


@dataclasses.dataclass(slots=True)
class Couple:
    """A family of the file: ids of the partners and of the children, each child with its tie."""

    id: str
    partners: list[str] = dataclasses.field(default_factory=list)
    children: dict[str, str] = dataclasses.field(default_factory=dict)
    """child → "child of", "adopted child of" or "foster child of", in file order"""


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
    entities = dict(people)
    facts: list[Fact] = []
    for couple in couples:
        if len(couple.partners) > 2:
            notes.append(
                f"{_family_name(couple, people)} has {len(couple.partners)} partners: the first two count"
            )
        entities[couple.id] = Entity(couple.id, _family_name(couple, people), "family")
        for partner in couple.partners[:2]:
            label = {"m": "husband in", "f": "wife in", "u": "partner in"}[people[partner].sex]
            facts.append(Fact(partner, label, couple.id))
        facts.extend(Fact(child, tie, couple.id) for child, tie in couple.children.items())
    _note_second_families(couples, people, notes)
    return KnowledgeGraph(name, entities, facts, notes)


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
    by_partners: dict[frozenset[str], Couple] = {}
    for couple in couples:
        partners = frozenset(couple.partners)
        first = by_partners.get(partners) if len(partners) == 2 else None
        if first is None:
            kept.append(couple)
            by_partners[partners] = couple
            continue
        for child, tie in couple.children.items():
            first.children.setdefault(child, tie)
        notes.append(f"{_family_name(couple, people)} is in the file twice: read as one family")
    return kept


def _cut_loops(couples: list[Couple], people: dict[str, Entity], notes: list[str]) -> None:
    """Take a child out of a family where otherwise somebody would be their own ancestor."""
    below: dict[str, list[tuple[Couple, str]]] = {}  # person -> the families and children just below them
    for couple in couples:
        for partner in couple.partners:
            below.setdefault(partner, []).extend((couple, child) for child in couple.children)
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
                    notes.append(
                        f"{people[child].name} would be their own ancestor: not read as a child of"
                        f" {_family_name(couple, people)}"
                    )
                elif child not in state:
                    state[child] = True
                    path.append((child, iter(below.get(child, ()))))
                    break
            else:
                state[person] = False
                path.pop()


def _note_second_families(couples: list[Couple], people: dict[str, Entity], notes: list[str]) -> None:
    ties: dict[str, list[str]] = {}
    for couple in couples:
        for child, tie in couple.children.items():
            ties.setdefault(child, []).append(tie)
    for child, found in ties.items():
        if len(found) > 1:
            notes.append(
                f"{people[child].name} is a child of {len(found)} families: only"
                f" {'the family of birth' if BORN in found else 'the first'} counts in questions"
            )
