"""A pedigree laid out for walking: parents, children, siblings and spouses of everybody at hand."""

import functools
import weakref
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ...tasks.kinship.tree import Sex
from ..collecting import uncollected
from ..graph import CHILD_LABELS, PARTNER_LABELS, KnowledgeGraph
from ..pedigree import PARENT_KINDS, ParentKind, ParentTie, Pedigree, Union
from .relation import LINE_OF, Line, Step, step_of


class Tie(NamedTuple):
    """One step to a parent or to a child."""

    person: str
    line: Line


class Marriage(NamedTuple):
    """One step to a spouse."""

    person: str
    former: bool
    """divorced, and not married again"""


_Onward = tuple[tuple[str, bool], Step]


class Kin:
    """The people of a pedigree with the ties between them.

    Children of one family whose parents nobody knows are siblings: two parents without a name stand for
    these.

    Args:
        pedigree: of a file.
        parentless: the children of each family without known parents.
    """

    def __init__(self, pedigree: Pedigree, parentless: Iterable[Sequence[str]] = ()) -> None:
        self.pedigree = pedigree
        self.sexes: dict[str, Sex] = dict(pedigree.sexes)
        self.order = {person: place for place, person in enumerate(pedigree.sexes)}
        """of the file"""
        ties: dict[str, tuple[ParentTie, ...]] = dict(pedigree.parents)
        self._of_one_parent: dict[str, set[str]] = {}
        """child → their families in which only one parent is known"""
        for unions in pedigree.unions.values():
            for union in unions:
                if len(union.partners) == 1:
                    for child in union.children:
                        self._of_one_parent.setdefault(child, set()).add(union.family)
        nameless: dict[str, list[str]] = {}
        for number, children in enumerate(parentless):
            for name in (f"?{number}a", f"?{number}b"):
                self.sexes[name] = "u"
                nameless[name] = list(children)
            for child in children:
                ties[child] = (
                    *ties.get(child, ()),
                    *(ParentTie(f"?{number}{letter}", "birth") for letter in "ab"),
                )
        self._ties = ties
        self.blood_parents: dict[str, tuple[str, ...]] = {}
        self._parents: dict[str, tuple[Tie, ...]] = {}
        for child, known in ties.items():
            self._parents[child] = self._nearest(known)
            self.blood_parents[child] = tuple(
                parent for parent, line in self._parents[child] if line == "birth"
            )
        self._all_parents = {
            child: tuple(Tie(parent, self._line(parent, child, kind)) for parent, kind in known)
            for child, known in ties.items()
        }
        self.has_adoption = any(
            line not in ("birth", "step") for known in self._all_parents.values() for _, line in known
        )
        """whether anybody is adopted, fostered or a ward"""
        self._spouses: dict[str, list[Marriage]] = {}
        self._step_parents: dict[str, list[str]] = {}
        self._children: dict[str, list[Tie]] = {}
        for parent, unions in pedigree.unions.items():
            born = dict.fromkeys(child for union in unions for child in union.children)
            self._children[parent] = [
                Tie(child, line) for child in born for who, line in self._all_parents[child] if who == parent
            ]
        for parent, born_to in nameless.items():
            self._children[parent] = [Tie(child, "birth") for child in born_to]

    def _nearest(self, ties: Sequence[ParentTie]) -> tuple[Tie, ...]:
        """Of the parents of each sex those with the strongest tie: whom one calls father and mother."""
        best: dict[Sex, int] = {}
        for parent, kind in ties:
            rank = PARENT_KINDS.index(kind)
            sex = self.sexes[parent]
            best[sex] = min(rank, best.get(sex, rank))
        return tuple(
            Tie(parent, LINE_OF[kind])
            for parent, kind in ties
            if kind != "step" and PARENT_KINDS.index(kind) == best[self.sexes[parent]]
        )

    def _line(self, parent: str, child: str, kind: ParentKind) -> Line:
        """A tie of which nothing is known is one of birth, unless there is a surer parent of that sex."""
        doubtful = kind == "unknown" and parent not in self.blood_parents[child]
        return "foster" if doubtful else LINE_OF[kind]

    @functools.cached_property
    def num_ties(self) -> int:
        """Steps to a parent, to a child and to a spouse, each way."""
        parents = sum(len(known) for known in self._all_parents.values())
        return 2 * parents + sum(len(self._partners(person)) for person in self.sexes)

    def is_known(self, person: str) -> bool:
        """Whether the file has this person; False for a parent without a name."""
        return person in self.pedigree.sexes

    def parents(self, person: str) -> Sequence[Tie]:
        """The father and the mother as people use the words: by birth, else adopted, else foster parents."""
        return self._parents.get(person, ())

    def children(self, person: str) -> Sequence[Tie]:
        """The children as people use the word: born or adopted."""
        return [tie for tie in self._children.get(person, ()) if tie.line in ("birth", "adopted")]

    def all_parents(self, person: str) -> Sequence[Tie]:
        """Everybody whom the file calls a parent of any kind."""
        return self._all_parents.get(person, ())

    def all_children(self, person: str) -> Sequence[Tie]:
        """Everybody whom the file calls a child of any kind."""
        return self._children.get(person, ())

    def spouses(self, person: str) -> list[Marriage]:
        """The partners in the order of marriage."""
        if person not in self._spouses:
            self._spouses[person] = self._partners(person)
        return self._spouses[person]

    def _partners(self, person: str) -> list[Marriage]:
        former: dict[str, bool] = {}
        for union in self.pedigree.unions.get(person, ()):
            for partner in union.partners:
                if partner != person:
                    former[partner] = former.get(partner, True) and union.divorced
        return [Marriage(*item) for item in former.items()]

    def onward(self, person: str, may_rise: bool) -> list[_Onward]:
        """The steps that a way may take from a person: to whom, and whether it may rise from there.

        Args:
            person: entity id.
            may_rise: whether it may go up to a parent; after a step down it may not.
        """
        rising = self.all_parents(person) if may_rise else ()
        return [
            *(((parent, True), step_of("up", line)) for parent, line in rising),
            *(((child, False), step_of("down", line)) for child, line in self.all_children(person)),
            *(((spouse, True), step_of("spouse", former=former)) for spouse, former in self.spouses(person)),
        ]

    def step_parents(self, person: str) -> list[str]:
        """Those whom the file calls so, and the other spouses of the parents.

        A spouse whom the parent had before the couple came together that the person was born to is none.
        """
        if person not in self._step_parents:
            self._step_parents[person] = self._find_step_parents(person)
        return self._step_parents[person]

    def _find_step_parents(self, person: str) -> list[str]:
        ties = self._ties.get(person, ())
        own = {parent for parent, kind in ties if kind != "step"}
        found = dict.fromkeys(parent for parent, kind in ties if kind == "step")
        for parent, line in self.parents(person):
            if line not in ("birth", "adopted"):
                continue
            unions = self.pedigree.unions.get(parent, ())
            home = [union for union in unions if person in union.children]
            begun = min((year for union in home if (year := self._begun(union))), default=None)
            for union in unions:
                year = self._begun(union)
                if begun is not None and year is not None and year < begun:
                    continue
                found |= dict.fromkeys(other for other in union.partners if other != parent)
        return [other for other in found if other not in own and other != person]

    def _begun(self, union: Union) -> int | None:
        """The first year that is known of a union: of the marriage or of a birth."""
        births = (self.pedigree.birth_years.get(child) for child in union.children)
        years = [year for year in (union.married_year, *births) if year is not None]
        return min(years, default=None)

    def step_children(self, person: str) -> list[str]:
        """Those whom the file calls so, and the spouses' children by others."""
        found = dict.fromkeys(child for child, line in self.all_children(person) if line == "step")
        for spouse, _ in self.spouses(person):
            for child, _ in self.children(spouse):
                if person in self.step_parents(child):
                    found[child] = None
        return list(found)

    def shared_parents(self, one: str, other: str) -> list[str]:
        """Parents by birth of both."""
        theirs = self.blood_parents.get(other, ())
        return [parent for parent in self.blood_parents.get(one, ()) if parent in theirs]

    def is_half(self, one: str, other: str) -> bool:
        """Whether siblings by birth have one parent in common only, as far as the file knows.

        Two children of one family are full siblings even where only one parent is named.
        """
        if len(self.shared_parents(one, other)) > 1:
            return False
        return not (self._of_one_parent.get(one, set()) & self._of_one_parent.get(other, set()))

    def is_doubtful_half(self, one: str, other: str) -> bool:
        """Whether half-siblings may be full ones, because a parent of one of them is not known."""
        return (
            self.is_half(one, other)
            and min(map(len, (self.blood_parents[one], self.blood_parents[other]))) < 2
        )


_KEPT: "weakref.WeakKeyDictionary[KnowledgeGraph, Kin]" = weakref.WeakKeyDictionary()


def kin_of(graph: KnowledgeGraph) -> Kin:
    """The kin of a family tree, laid out once for each graph."""
    kin = _KEPT.get(graph)
    if kin is None:
        with uncollected():
            kin = _KEPT[graph] = _laid_out(graph)
    return kin


def _laid_out(graph: KnowledgeGraph) -> Kin:
    couples = {fact.object for fact in graph.facts if fact.label in PARTNER_LABELS}
    parentless: dict[str, list[str]] = {}
    for child, label, family in graph.facts:
        if label == CHILD_LABELS[0] and family not in couples:
            parentless.setdefault(family, []).append(child)
    several = (children for children in parentless.values() if len(children) > 1)
    return Kin(graph.pedigree, several)
