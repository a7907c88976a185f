"""Who may be alive, and how to keep their names to oneself."""

import dataclasses
import datetime

from .graph import CHILD_LABELS, PARTNER_LABELS, Entity, KnowledgeGraph

OLDEST = 110
"""years that nobody is taken to outlive"""

HIDDEN = "Living person"


def mark_living(graph: KnowledgeGraph, this_year: int | None = None) -> None:
    """Set ``living`` of all persons of the graph, in place.

    Living is who has no record of death and was born less than 110 years ago; without a year of birth, who
    has no descendant that died or was born 110 years ago or more.

    Args:
        graph: a family tree.
        this_year: today's by default.
    """
    before = (this_year or datetime.date.today().year) - OLDEST
    children: dict[str, list[str]] = {}  # family -> its children
    unions: dict[str, list[str]] = {}  # person -> families founded
    for subject, label, family in graph.facts:
        if label in CHILD_LABELS:
            children.setdefault(family, []).append(subject)
        elif label in PARTNER_LABELS:
            unions.setdefault(subject, []).append(family)

    def gone(person: Entity) -> bool:
        return person.dead or (person.born_year is not None and person.born_year <= before)

    # Being gone spreads up to the parents whose birth is not known, and on to theirs.
    parents: dict[str, list[str]] = {}
    for parent, families in unions.items():
        for family in families:
            for child in children.get(family, ()):
                parents.setdefault(child, []).append(parent)
    people = [entity for entity in graph.entities.values() if entity.kind == "person"]
    passed = {person.id for person in people if gone(person)}
    waiting = list(passed)
    above = set(passed)  # those with somebody gone among themselves and their descendants
    while waiting:
        for parent in parents.get(waiting.pop(), ()):
            if parent not in above:
                above.add(parent)
                waiting.append(parent)
    for person in people:
        if person.id in passed:
            person.living = False
        else:
            person.living = person.born_year is not None or person.id not in above


def hide_living(graph: KnowledgeGraph, this_year: int | None = None) -> KnowledgeGraph:
    """The same tree with "Living person" for the name of everybody who may be alive, and without their dates.

    Ids and family ties stay, so that questions about others are answered as before.

    Args:
        graph: a family tree; it is left as it is.
        this_year: today's by default.
    """
    entities = {identity: dataclasses.replace(entity) for identity, entity in graph.entities.items()}
    hidden = KnowledgeGraph(graph.name, entities, list(graph.facts), [])
    mark_living(hidden, this_year)
    names: dict[str, list[str]] = {}  # family -> names of its partners, as they are to be shown
    living = 0
    shown_as: dict[str, str] = {}
    for identity, entity in entities.items():
        if entity.living:
            living += 1
            shown_as[identity] = f"{HIDDEN} {living}"
            entities[identity] = Entity(shown_as[identity], HIDDEN, "person", entity.sex, living=True)
    # Ids may be names (in an edge list they are), so those of the living go too.
    hidden.entities = {shown_as.get(identity, identity): entity for identity, entity in entities.items()}
    hidden.facts = [fact._replace(subject=shown_as.get(fact.subject, fact.subject)) for fact in graph.facts]
    for subject, label, family in hidden.facts:
        if label in PARTNER_LABELS:
            names.setdefault(family, []).append(hidden.entities[subject].name)
    for entity in hidden.entities.values():
        if entity.kind == "family":
            entity.name = (
                f"the family of {' and '.join(names[entity.id])}" if entity.id in names else "a family"
            )
    # Notes name people.
    hidden.notes = [f"{living} people who may be alive are not named"] if living else []
    return hidden
