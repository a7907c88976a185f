"""Finds the people of a family tree who may be alive, and hides their names."""

import dataclasses
import datetime

from .graph import CHILD_LABELS, PARTNER_LABELS, Entity, KnowledgeGraph

OLDEST = 110
"""Years after birth from which a person without a record of death counts as dead."""

HIDDEN = "Living person"


def mark_living(graph: KnowledgeGraph, this_year: int | None = None) -> None:
    """Set ``living`` of every person of the graph, in place.

    A person counts as living unless the file records their death, gives a year of birth at least 110 years
    ago, or gives no year of birth but a descendant who was born or died at least 110 years ago. That a
    descendant died more recently, or at an unknown date, says nothing about the parents: a child may die
    before them.

    Args:
        graph: a family tree.
        this_year: today's by default.
    """
    latest = (this_year or datetime.date.today().year) - OLDEST
    people = [entity for entity in graph.entities.values() if entity.kind == "person"]
    # Whoever was born or died by then was born by then, and so were all their ancestors.
    born_by_then = {
        person.id
        for person in people
        if any(year is not None and year <= latest for year in (person.born_year, person.died_year))
    }
    parents = _parents(graph)
    waiting = list(born_by_then)
    while waiting:
        for parent in parents.get(waiting.pop(), ()):
            if parent not in born_by_then:
                born_by_then.add(parent)
                waiting.append(parent)
    for person in people:
        if person.born_year is not None:
            person.living = not person.dead and person.born_year > latest
        else:
            person.living = not person.dead and person.id not in born_by_then


def _parents(graph: KnowledgeGraph) -> dict[str, list[str]]:
    """The parents of each child, by entity id, of all families that the child belongs to."""
    partners: dict[str, list[str]] = {}
    for subject, label, family in graph.facts:
        if label in PARTNER_LABELS:
            partners.setdefault(family, []).append(subject)
    parents: dict[str, list[str]] = {}
    for subject, label, family in graph.facts:
        if label in CHILD_LABELS:
            parents.setdefault(subject, []).extend(partners.get(family, ()))
    return parents


def hide_living(graph: KnowledgeGraph, this_year: int | None = None) -> KnowledgeGraph:
    """A copy of the tree in which everybody who may be alive is called "Living person" and has no dates.

    Ids and family ties stay, so that questions about others are answered as before; an id that may be a name
    (in an edge list it is) is replaced too.

    Args:
        graph: a family tree; it is not changed.
        this_year: today's by default.
    """
    entities = {identity: dataclasses.replace(entity) for identity, entity in graph.entities.items()}
    marked = KnowledgeGraph(graph.name, entities, graph.facts)
    mark_living(marked, this_year)
    new_ids: dict[str, str] = {}
    for identity, entity in entities.items():
        if entity.living:
            new_ids[identity] = new_id = f"{HIDDEN} {len(new_ids) + 1}"
            entities[identity] = Entity(new_id, HIDDEN, "person", entity.sex, living=True)
    entities = {new_ids.get(identity, identity): entity for identity, entity in entities.items()}
    facts = [fact._replace(subject=new_ids.get(fact.subject, fact.subject)) for fact in graph.facts]
    partners: dict[str, list[str]] = {}  # family → names of its partners, as they are shown now
    for subject, label, family in facts:
        if label in PARTNER_LABELS:
            partners.setdefault(family, []).append(entities[subject].name)
    for entity in entities.values():
        if entity.kind == "family":
            names = partners.get(entity.id)
            entity.name = f"the family of {' and '.join(names)}" if names else "a family"
    # The file's own notes name people.
    notes = [f"{len(new_ids)} people who may be alive are not named"] if new_ids else []
    parent_kinds = {
        (new_ids.get(child, child), family, new_ids.get(parent, parent)): kind
        for (child, family, parent), kind in graph.parent_kinds.items()
    }
    return KnowledgeGraph(graph.name, entities, facts, notes, parent_kinds)
