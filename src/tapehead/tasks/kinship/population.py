"""Random family trees, with remarriages, half-siblings, unknown parents and marriages of cousins."""

import dataclasses

import numpy as np

from .facts import MAX_RANKS
from .tree import Family, FamilyTree, Sex


@dataclasses.dataclass
class _Person:
    sex: Sex
    born: float
    family: int | None = None
    """the number of the family whose child this is; None for a founder, or where the parents are unknown"""
    unions: int = 0


@dataclasses.dataclass
class _Union:
    father: int | None
    mother: int | None
    children: list[int]


def random_tree(rng: np.random.Generator, people: int) -> FamilyTree:
    """Draw a tree of about ``people`` people, grown couple by couple from a few founders.

    Families have 0 to 12 children; about one of ten who married does so again; some marry into another branch
    of the tree, also a cousin; of one couple in twenty-five the children do not know their parents.

    Args:
        rng: the only source of random numbers.
        people: the tree grows until it has this many; the last family may add a few more.
    """
    population = _Population(rng, people)
    while len(population.persons) < people:
        population.grow()
    return population.tree()


def broad_tree(rng: np.random.Generator, people: int) -> FamilyTree:
    """Draw a tree in which large families, of up to 24 children, and people of several families are common.

    Args:
        rng: the only source of random numbers.
        people: the tree grows until it has at least this many.
    """
    sexes: list[Sex] = []
    families: list[Family] = []

    def add() -> int:
        sexes.append("m" if rng.random() < 0.5 else "f")
        if rng.random() >= 0.98:
            sexes[-1] = "u"
        return len(sexes) - 1

    pool = [add()]
    while len(sexes) < people:
        one = pool[int(rng.integers(len(pool)))]
        other = add() if rng.random() < 0.9 else None
        count = int(rng.geometric(0.25 if rng.random() < 0.7 else 0.07)) - 1
        children = tuple(add() for _ in range(min(MAX_RANKS, count)))
        families.append(Family((one, other) if rng.random() < 0.5 else (other, one), children))
        pool += [*children, *([] if other is None else [other])]
    return FamilyTree(sexes, families)


class _Population:
    """The people and couples of a tree while it grows."""

    def __init__(self, rng: np.random.Generator, people: int) -> None:
        self.persons: list[_Person] = []
        self.unions: list[_Union] = []
        self.ready: list[int] = []
        """those who may still marry"""
        # Drawn at once and read from a Python list: a call for each number would take most of the time.
        self._draw = iter(rng.random(60 * people + 2000).tolist()).__next__
        for _ in range(1 + int(3 * self._draw())):
            self.ready.append(self._add_person("m", 50 * self._draw()))

    def grow(self) -> None:
        """Let one person marry, or leave the ready ones; a marriage adds a couple and its children."""
        draw, persons, ready = self._draw, self.persons, self.ready
        if not ready:
            ready.append(self._add_person(_sex(draw()), 200 * draw()))
        index = ready.pop(int(len(ready) * draw()))
        me = persons[index]
        if draw() > (0.75 if me.unions == 0 else 0.25):
            return
        married = me.born + 20 + 15 * draw() + 12 * me.unions
        partner = self._find_partner(me)
        father, mother = (index, partner) if me.sex == "m" else (partner, index)
        self.unions.append(_Union(father, mother, []))
        children = _count(draw())
        if partner is None:
            children = max(1, children)
        self._add_children(children, married)
        for someone in (index, partner):
            if someone is not None:
                persons[someone].unions += 1
                ready.append(someone)

    def tree(self) -> FamilyTree:
        """The family tree of everybody so far."""
        return FamilyTree(
            [person.sex for person in self.persons],
            [Family((union.father, union.mother), tuple(union.children)) for union in self.unions],
        )

    def _add_person(self, sex: Sex, born: float, family: int | None = None) -> int:
        self.persons.append(_Person(sex, born, family))
        return len(self.persons) - 1

    def _add_outsider(self, sex: Sex, born: float) -> int:
        """Add somebody from outside the tree, in a third of the cases with parents and siblings."""
        draw = self._draw
        if draw() > 0.35:
            return self._add_person(sex, born)
        union = _Union(self._add_person("m", born - 30), self._add_person("f", born - 27), [])
        self.persons[-1].unions = self.persons[-2].unions = 1
        self.unions.append(union)
        before = int(3 * draw())
        for place in range(before + 1 + int(3 * draw())):
            its_sex = sex if place == before else _sex(draw())
            child = self._add_person(its_sex, born + 2 * (place - before), len(self.unions) - 1)
            union.children.append(child)
        self.ready.extend(union.children)
        return union.children[before]

    def _find_partner(self, me: _Person) -> int | None:
        """Somebody of the tree, an outsider, or None: the other parent is unknown."""
        draw, persons = self._draw, self.persons
        other: Sex = "f" if me.sex == "m" else "m"
        kind = draw()
        if kind > 0.93:
            return None
        if kind < 0.25:
            fitting = [
                i
                for i in self.ready
                if persons[i].sex == other
                and abs(persons[i].born - me.born) < 16
                and (persons[i].family is None or persons[i].family != me.family)
            ]
            if fitting:
                partner = fitting[int(len(fitting) * draw())]
                self.ready.remove(partner)
                return partner
        return self._add_outsider(other, me.born + 20 * draw() - 10)

    def _add_children(self, children: int, married: float) -> None:
        """Add the children of the latest couple."""
        draw, number = self._draw, len(self.unions) - 1
        forgotten = draw() < 0.04
        for place in range(children):
            child = self._add_person(_sex(draw()), married + 1 + 2 * place, None if forgotten else number)
            if not forgotten:
                self.unions[number].children.append(child)
            self.ready.append(child)


def _sex(uniform: float) -> Sex:
    return "m" if uniform < 0.495 else "f" if uniform < 0.99 else "u"


def _count(uniform: float) -> int:
    """The number of children of a couple: 0 for one in seven, 4 or more for one in three, at most 12."""
    thresholds = (0.14, 0.30, 0.48, 0.64, 0.76, 0.84, 0.90, 0.94, 0.965, 0.98, 0.99, 0.995)
    return sum(uniform > threshold for threshold in thresholds)
