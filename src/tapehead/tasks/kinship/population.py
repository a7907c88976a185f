"""Random family trees as families are: remarriages, half-siblings, unknown parents, marriages of cousins."""

import dataclasses

import numpy as np

from .tree import Family, FamilyTree, Sex


@dataclasses.dataclass
class _Person:
    sex: Sex
    born: float
    family: int | None = None
    """whose child; None of a founder or where forgotten"""
    unions: int = 0


@dataclasses.dataclass
class _Union:
    father: int | None
    mother: int | None
    children: list[int]


def random_tree(generator: np.random.Generator, people: int) -> FamilyTree:
    """A tree of about ``people`` people, grown couple by couple from a few founders.

    Families have 0 to 12 children; about one of ten who married does so again; some marry into another branch
    of the tree, also a cousin; of one couple in twenty-five the children do not know their parents.

    Args:
        generator: the only source of chance.
        people: the tree grows until it has so many; the last family may bring a few more.
    """
    persons: list[_Person] = []
    unions: list[_Union] = []
    # Chance drawn ahead, a number at a time from Python lists: one call a number would be the slowest part.
    chances = iter(generator.random(60 * people + 2000).tolist())
    draw = chances.__next__

    def new_person(sex: Sex, born: float, family: int | None = None) -> int:
        persons.append(_Person(sex, born, family))
        return len(persons) - 1

    def found(sex: Sex, born: float) -> int:
        """Somebody from outside; now and then with parents, and brothers and sisters, of their own."""
        if draw() > 0.35:
            return new_person(sex, born)
        union = _Union(new_person("m", born - 30), new_person("f", born - 27), [])
        persons[-1].unions = persons[-2].unions = 1
        unions.append(union)
        before = int(3 * draw())
        for place in range(before + 1 + int(3 * draw())):
            its_sex = sex if place == before else _sex(draw())
            union.children.append(new_person(its_sex, born + 2 * (place - before), len(unions) - 1))
        ready.extend(union.children)
        return union.children[before]

    ready: list[int] = []
    for _ in range(1 + int(3 * draw())):
        ready.append(new_person("m", 50 * draw()))
    while len(persons) < people:
        if not ready:
            ready.append(new_person(_sex(draw()), 200 * draw()))
        index = ready.pop(int(len(ready) * draw()))
        me = persons[index]
        if draw() > (0.75 if me.unions == 0 else 0.25):
            continue
        marrying = me.born + 20 + 15 * draw() + 12 * me.unions
        partner: int | None = None
        other: Sex = "f" if me.sex == "m" else "m"
        chance = draw()
        if chance > 0.93:
            partner = None
        elif chance < 0.25:
            fitting = [
                i
                for i in ready
                if persons[i].sex == other
                and abs(persons[i].born - me.born) < 16
                and (persons[i].family is None or persons[i].family != me.family)
            ]
            if fitting:
                partner = fitting[int(len(fitting) * draw())]
                ready.remove(partner)
        if partner is None and chance <= 0.93:
            partner = found(other, me.born + 20 * draw() - 10)
        father, mother = (index, partner) if me.sex == "m" else (partner, index)
        union = _Union(father, mother, [])
        unions.append(union)
        number = len(unions) - 1
        children = _count(draw())
        if partner is None:
            children = max(1, children)
        forgotten = draw() < 0.04
        for place in range(children):
            child = new_person(_sex(draw()), marrying + 1 + 2 * place, None if forgotten else number)
            if not forgotten:
                union.children.append(child)
            ready.append(child)
        for someone in (index, partner):
            if someone is not None:
                persons[someone].unions += 1
                ready.append(someone)
    return FamilyTree(
        [person.sex for person in persons],
        [Family((union.father, union.mother), tuple(union.children)) for union in unions],
    )


def _sex(chance: float) -> Sex:
    return "m" if chance < 0.495 else "f" if chance < 0.99 else "u"


def _count(chance: float) -> int:
    """Children of a couple: none of every seventh, four or more of every third, twelve at most."""
    thresholds = (0.14, 0.30, 0.48, 0.64, 0.76, 0.84, 0.90, 0.94, 0.965, 0.98, 0.99, 0.995)
    return sum(chance > threshold for threshold in thresholds)
