"""One form for everything that can be asked about: named entities and labelled, directed facts."""

import dataclasses
import functools
from collections import Counter
from fractions import Fraction
from typing import Literal, NamedTuple

from ..tasks.kinship.tree import Family, FamilyTree, Sex
from .pedigree import PARENT_KINDS, Day, ParentKind, Pedigree, Union, by_day

Kind = Literal["person", "family", "place"]

KIND_OF_LABEL: dict[str, ParentKind] = {
    "child of": "birth",
    "adopted child of": "adopted",
    "foster child of": "foster",
    "ward of": "guardian",
    "step child of": "step",
}
"""How a child came to the parents; where they differ, :attr:`KnowledgeGraph.parent_kinds` says."""
CHILD_LABELS = tuple(KIND_OF_LABEL)
"""From a person to the family they grew up in, the strongest tie first."""
PARTNER_LABELS = ("husband in", "wife in", "partner in")
"""From a person to the family they founded; "partner in" where the sex is unknown."""


@dataclasses.dataclass(slots=True)
class Entity:
    """A person, a family or a place."""

    id: str
    """as in the file ("@I1@"), or made up where the file has none"""
    name: str
    kind: Kind
    sex: Sex = "u"
    """of a person"""
    born: str = ""
    """date of birth as the file has it ("ABT 1050"), for people to read"""
    born_year: int | None = None
    """negative before Christ"""
    died: str = ""
    died_year: int | None = None
    dead: bool = False
    """the file says that the person died, with or without a date"""
    living: bool = False
    """nothing says that the person died, and they may well be alive"""
    given: str = ""
    """the name without the surname, where the file tells them apart"""
    surname: str = ""
    """where the file tells it apart"""
    titles: tuple[str, ...] = ()
    other_names: tuple[str, ...] = ()
    born_on: Day = ()
    """for order"""
    families: tuple[str, ...] = ()
    """of a person: ids of the families they founded, in the order of their own record; () where unsaid"""
    married_on: Day = ()
    """of a family"""
    divorced: bool = False
    """of a family"""
    made_up: bool = False
    """a family that stands for one partner of another, whose children are not both partners'"""

    @property
    def years(self) -> str:
        """ "1819–1901", "born 1926", "died 1066", or "" where nothing is known."""
        born, died = _year(self.born_year), _year(self.died_year)
        if born and died:
            return f"{born}–{died}"
        return f"born {born}" if born else f"died {died}" if died else ""

    @property
    def born_day(self) -> Day:
        """As far as it is known."""
        return self.born_on or (() if self.born_year is None else (self.born_year,))

    def __str__(self) -> str:
        return f"{self.name} ({self.years})" if self.years else self.name


class Fact(NamedTuple):
    """A labelled, directed edge between two entities (their ids)."""

    subject: str
    label: str
    object: str


class Edges(NamedTuple):
    """A map in numbers, with labels that are unique among the edges that leave a place."""

    places: list[str]
    """entity ids; a place's number is its position"""
    lines: list[str]
    """labels; a line's number is its position"""
    edges: list[tuple[int, int, int]]
    """from (place), line, to (place)"""


@dataclasses.dataclass(eq=False)
class KnowledgeGraph:
    """What a file says.

    A family tree has persons and families: a fact leads from a person to a family ("child of", "husband in",
    …). A map has places: a fact leads from a place along a line to the next place.
    """

    name: str
    """the file's name, or that of the example"""
    entities: dict[str, Entity]
    """by id, in file order"""
    facts: list[Fact]
    """in file order"""
    notes: list[str] = dataclasses.field(default_factory=list)
    """sentences: what was strange in the file, and what was made of it"""
    parent_kinds: dict[tuple[str, str, str], ParentKind] = dataclasses.field(default_factory=dict)
    """(child, family, parent) → the tie between them, where it is not what the child's fact says"""
    weights: dict[Fact, Fraction] = dataclasses.field(default_factory=dict)
    """of a map: how long a connection takes, or what else its file measures; {} where it measures nothing"""
    measure: str = ""
    """what the weights are: "minutes", "time", "metres", as the file calls it"""

    @property
    def is_family(self) -> bool:
        """Whether this is a family tree; else it is a map."""
        return any(entity.kind == "person" for entity in self.entities.values())

    @functools.cached_property
    def is_one_way(self) -> bool:
        """Whether this is a map in which no connection leads back to where another came from."""
        pairs = {(fact.subject, fact.object) for fact in self.facts}
        return not self.is_family and bool(pairs) and all((end, start) not in pairs for start, end in pairs)

    def family_tree(self) -> tuple[FamilyTree, list[str]]:
        """The bare tree that questions of kinship are about.

        Nobody is a child of two families in it: the family of birth counts before one of adoption, that
        before a foster or a step family, and of two alike the first. Where a child is only one partner's, it
        is a child of that partner alone. The man is the first partner and the woman the second, as far as a
        couple allows it. Children stand in order of birth where it is known, else in file order; families in
        file order.

        Returns:
            The tree, and the entity id of every person number.
        """
        return self._family_tree

    @functools.cached_property
    def _family_tree(self) -> tuple[FamilyTree, list[str]]:
        people = [entity.id for entity in self.entities.values() if entity.kind == "person"]
        number = {identity: place for place, identity in enumerate(people)}
        partners: dict[str, list[str]] = {e.id: [] for e in self.entities.values() if e.kind == "family"}
        labels: dict[str, dict[str, str]] = {}  # child -> family -> label
        for subject, label, family in self.facts:
            if label in PARTNER_LABELS:
                partners[family].append(subject)
            elif label in KIND_OF_LABEL:
                labels.setdefault(subject, {})[family] = label
        children: dict[str, list[str]] = {family: [] for family in partners}
        for child, found in labels.items():
            # Of the strongest tie with one parent, then with the other; of two alike the first.
            ranks = {
                family: sorted(
                    PARENT_KINDS.index(self.parent_kinds.get((child, family, parent), KIND_OF_LABEL[label]))
                    for parent in partners[family]
                )
                or [PARENT_KINDS.index(KIND_OF_LABEL[label])]
                for family, label in found.items()
            }
            children[min(ranks, key=lambda family: (ranks[family][0], ranks[family][-1]))].append(child)
        families = []
        for family, couple in partners.items():
            order = by_day(children[family], lambda child: self.entities[child].born_day)
            families.append(Family(self._slots(couple, number), tuple(number[child] for child in order)))
        return FamilyTree([self.entities[person].sex for person in people], families), people

    def _slots(self, couple: list[str], number: dict[str, int]) -> tuple[int | None, int | None]:
        if len(couple) == 1:
            alone = number[couple[0]]
            return (None, alone) if self.entities[couple[0]].sex == "f" else (alone, None)
        if not couple:
            return None, None
        first, second = couple[:2]
        sexes = self.entities[first].sex, self.entities[second].sex
        # Of two women or two men, the one whom the file names first stays first.
        if sexes[0] != sexes[1] and (sexes[0] == "f" or sexes[1] == "m"):
            first, second = second, first
        return number[first], number[second]

    @functools.cached_property
    def pedigree(self) -> Pedigree:
        """All ties of the family, each parent's own; of a map, nobody's."""
        people = [entity for entity in self.entities.values() if entity.kind == "person"]
        families = [e.id for e in self.entities.values() if e.kind == "family" and not e.made_up]
        partners: dict[str, list[str]] = {family: [] for family in families}
        children: dict[str, list[str]] = {family: [] for family in families}
        labels: dict[tuple[str, str], str] = {}
        for subject, label, family in self.facts:
            if family not in partners:
                continue
            if label in PARTNER_LABELS:
                partners[family].append(subject)
            elif label in KIND_OF_LABEL:
                children[family].append(subject)
                labels[subject, family] = label
        unions = {
            family: Union(
                family,
                tuple(couple),
                tuple(by_day(children[family], lambda child: self.entities[child].born_day)),
                next(iter(self.entities[family].married_on), None),
                self.entities[family].divorced,
            )
            for family, couple in partners.items()
        }
        order: dict[str, list[Union]] = {}
        for union in unions.values():
            for partner in union.partners:
                order.setdefault(partner, []).append(union)
        for person, found in order.items():
            own = {family: place for place, family in enumerate(self.entities[person].families)}
            found.sort(key=lambda union: own.get(union.family, len(own)))
            order[person] = by_day(found, lambda union: self.entities[union.family].married_on)

        def kind(child: str, union: Union, parent: str) -> ParentKind:
            said = self.parent_kinds.get((child, union.family, parent))
            return said or KIND_OF_LABEL[labels[child, union.family]]

        return Pedigree.of_unions(
            {person.id: person.sex for person in people},
            {person.id: person.born_year for person in people},
            list(unions.values()),
            kind,
            order,
        )

    @functools.cached_property
    def edges(self) -> Edges:
        """The map's facts in numbers.

        Where a line leaves a place in several directions under one name, each is told apart by where it goes:
        "Central to Bank". The same edge given twice counts once.
        """
        places = list(self.entities)
        number = {identity: place for place, identity in enumerate(places)}
        facts = dict.fromkeys(self.facts)
        leaving = Counter((fact.subject, fact.label) for fact in facts)
        lines: dict[str, int] = {}
        taken = set(leaving)
        edges = []
        for subject, label, target in facts:
            if leaving[subject, label] > 1:
                label = f"{label} to {self.entities[target].name}"
                # Two places of one name, or a line that is called so.
                if (subject, label) in taken:
                    numbered = (f"{label} ({n})" for n in range(2, len(facts) + 2))
                    label = next(name for name in numbered if (subject, name) not in taken)
                taken.add((subject, label))
            edges.append((number[subject], lines.setdefault(label, len(lines)), number[target]))
        return Edges(places, list(lines), edges)


def _year(year: int | None) -> str:
    return "" if year is None else str(year) if year > 0 else f"{-year} BC"
