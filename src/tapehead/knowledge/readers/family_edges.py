"""Family trees from edge lists: "Charles Darwin,father,Robert Darwin"."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ...tasks.kinship.tree import Sex
from ..graph import Entity, KnowledgeGraph
from ..pedigree import PARENT_KINDS, ParentKind
from .dates import parse_date, year_of
from .family_tree import Couple, build
from .files import ReadError


class EdgeRow(NamedTuple):
    """A row of an edge list."""

    source: str
    label: str
    target: str
    weight: str = ""
    """as the file has it"""


class _Kin(NamedTuple):
    """An edge's meaning: ``named`` is the husband, daughter, … of ``other``."""

    kind: str
    """one of "parent", "child", "partner", "former partner"."""
    named: str
    sex: Sex
    """of the named"""
    other: str
    tie: ParentKind
    """of a parent or a child edge: how the one came to the other"""

    @property
    def child(self) -> str:
        """Of a parent or a child edge: the child."""
        return self.other if self.kind == "parent" else self.named

    @property
    def parent(self) -> str:
        """Of a parent or a child edge: the parent."""
        return self.named if self.kind == "parent" else self.other

    @property
    def is_couple(self) -> bool:
        """Whether this is an edge between partners."""
        return self.kind.endswith("partner")


_PARENTS: dict[str, tuple[str, Sex]] = {
    "father": ("parent", "m"),
    "mother": ("parent", "f"),
    "parent": ("parent", "u"),
    "son": ("child", "m"),
    "daughter": ("child", "f"),
    "child": ("child", "u"),
}
_PARTNERS: dict[str, Sex] = {"husband": "m", "wife": "f", "spouse": "u", "partner": "u", "married": "u"}
_TIES: dict[str, ParentKind] = {
    **dict.fromkeys(("", "birth ", "biological ", "natural "), "birth"),
    **dict.fromkeys(("step", "step "), "step"),
    **dict.fromkeys(("adoptive ", "adopted ", "adopting "), "adopted"),
    **dict.fromkeys(("foster", "foster "), "foster"),
}
"""What stands before a word for a parent or a child."""
_KIN: dict[str, tuple[str, Sex, ParentKind]] = {
    **{
        before + word: (kind, sex, tie)
        for before, tie in _TIES.items()
        for word, (kind, sex) in _PARENTS.items()
    },
    "guardian": ("parent", "u", "guardian"),
    "ward": ("child", "u", "guardian"),
    **{word: ("partner", sex, "birth") for word, sex in _PARTNERS.items()},
    **{
        before + word: ("former partner", sex, "birth")
        for before in ("ex ", "former ", "divorced ")
        for word, sex in _PARTNERS.items()
    },
    "divorced": ("former partner", "u", "birth"),
    "divorced from": ("former partner", "u", "birth"),
}
_ATTRIBUTES = frozenset({"sex", "gender", "born", "birth", "died", "death", "title", "name", "also called"})


def is_family(edges: Sequence[EdgeRow]) -> bool:
    """Whether most edges are those of a family, and not only say what a person is like."""
    labels = [_plain(edge.label)[0] for edge in edges]
    known = sum(label in _KIN or label in _ATTRIBUTES for label in labels)
    return 2 * known > len(labels) and not _KIN.keys().isdisjoint(labels)


def read_family(edges: list[EdgeRow], name: str, names: dict[str, str]) -> KnowledgeGraph:
    """The family tree of such edges.

    "A,father,B" says that A's father is B; "A,father of,B" that A is B's father. The rows without "of" are
    read the other way round, all of them, only where most of them make somebody a child of three parents or
    of two sexes as they stand, and none does the other way round. Two mothers or two fathers are parents
    like any others.

    Args:
        edges: in file order.
        name: of the file, for messages.
        names: of the people, where they are not called by their ids.

    Raises:
        ReadError: the facts contradict each other.
    """
    notes: list[str] = []
    edges = _known(edges, name, notes)
    opposite = _is_opposite(edges, name, notes)
    people: dict[str, Entity] = {}
    for edge in edges:
        label = _plain(edge.label)[0]
        for identity in [edge.source] if label in _ATTRIBUTES else [edge.source, edge.target]:
            people.setdefault(identity, Entity(identity, names.get(identity, identity), "person"))
        if label in _ATTRIBUTES:
            _describe(people[edge.source], label, edge.target)
    ties = list(_kin(edges, opposite))
    parents: dict[tuple[str, ParentKind], list[str]] = {}  # of each child and tie, in file order
    for kin in ties:
        if kin.sex != "u":
            people[kin.named].sex = kin.sex
        if not kin.is_couple:
            known = parents.setdefault((kin.child, kin.tie), [])
            if kin.parent not in known:
                known.append(kin.parent)
    own = {child: known for (child, tie), known in parents.items() if tie == "birth"}
    _note_same_sex(own, people, notes)
    couples = _couples(ties, parents)
    taken = 0
    for couple in couples.values():
        taken += 1
        while f"F{taken}" in people:  # Somebody may be called F1.
            taken += 1
        couple.id = f"F{taken}"
    return build(name, people, list(couples.values()), notes)


def _couples(
    ties: list[_Kin], parents: dict[tuple[str, ParentKind], list[str]]
) -> dict[frozenset[str], Couple]:
    """The families: couples, with the children of both or of one."""
    pairs = {frozenset((kin.named, kin.other)) for kin in ties if kin.is_couple}
    couples: dict[frozenset[str], Couple] = {}
    for kin in ties:
        if kin.is_couple:
            partners = [kin.other, kin.named]
        else:
            partners = parents[kin.child, kin.tie]
            if kin.tie != "birth" and len(partners) == 1:
                # A stepmother is the father's wife.
                mates = parents.get((kin.child, "birth"), [])
                partners = partners + [mate for mate in mates if frozenset((mate, *partners)) in pairs][:1]
        couple = couples.setdefault(frozenset(partners), Couple("", list(partners)))
        if kin.is_couple:
            couple.divorced = couple.divorced or kin.kind == "former partner"
            continue
        for parent in partners:
            tie = kin.tie if parent in parents[kin.child, kin.tie] else "birth"
            couple.kinds[kin.child, parent] = tie
        found = {couple.kinds[kin.child, parent] for parent in partners}
        couple.children[kin.child] = min(found, key=PARENT_KINDS.index)
    return couples


def _known(edges: list[EdgeRow], name: str, notes: list[str]) -> list[EdgeRow]:
    """The edges whose labels are known; one that is misspelt is an error."""
    known = [*_KIN, *_ATTRIBUTES]
    others = dict.fromkeys(edge.label for edge in edges if _plain(edge.label)[0] not in known)
    for label in others:
        close = difflib.get_close_matches(_plain(label)[0], known, n=1, cutoff=0.7)
        if close:
            raise ReadError(f"{name}: {label[:60]!a} is no edge of a family: did you mean {close[0]!r}?")
    if others:
        notes.append(f"edges with other labels were left out: {', '.join(list(others)[:5])}")
    return [edge for edge in edges if edge.label not in others]


def _plain(label: str) -> tuple[str, bool]:
    """ "Father of" -> "father", and whether the edge leads from the one that the label names."""
    words = re.sub(r"[\s_-]+", " ", label).strip().lower()
    backwards = words.endswith(" of")
    words = words.removeprefix("has ").removeprefix("is ").removesuffix(" of").removesuffix(" to")
    return words.removesuffix(" date"), backwards


def _kin(edges: Iterable[EdgeRow], opposite: bool) -> Iterable[_Kin]:
    for edge in edges:
        label, backwards = _plain(edge.label)
        if label in _KIN:
            kind, sex, tie = _KIN[label]
            # "of" says plainly which way it leads.
            turned = backwards or opposite
            named, other = (edge.source, edge.target) if turned else (edge.target, edge.source)
            yield _Kin(kind, named, sex, other, tie)


def _is_opposite(edges: Sequence[EdgeRow], name: str, notes: list[str]) -> bool:
    """Whether "A,father,B" means in this file that A is the father of B.

    Raises:
        ReadError: the facts contradict each other either way.
    """
    ties = list(_kin(edges, False))
    conflicts = _conflicts(ties)
    if not conflicts:
        return False
    # "father of" says plainly which way it leads; a row about a couple leads the same way for both.
    turnable = [
        kin
        for edge, kin in zip((edge for edge in edges if _plain(edge.label)[0] in _KIN), ties, strict=True)
        if not kin.is_couple and not _plain(edge.label)[1]
    ]
    at_odds = sum(not conflicts.keys().isdisjoint((kin.child, kin.parent)) for kin in turnable)
    if 2 * at_odds <= len(turnable) or _conflicts(_kin(edges, True)):
        person, what = next(iter(conflicts.items()))
        raise ReadError(
            f'{name}: {person} {what} ("A,father,B" says that A\'s father is B, "A,father of,B" the opposite)'
        )
    notes.append(
        '"A,father,B" is read as: A is the father of B; the other way some would have three parents or two '
        "sexes"
    )
    return True


def _conflicts(ties: Iterable[_Kin]) -> dict[str, str]:
    """Person → what these ties say of them that cannot be."""
    sexes: dict[str, Sex] = {}
    parents: dict[str, set[str]] = {}
    found: dict[str, str] = {}
    for kin in ties:
        if kin.named == kin.other:
            found.setdefault(kin.named, "is their own relative")
        if kin.sex != "u" and sexes.setdefault(kin.named, kin.sex) != kin.sex:
            found.setdefault(kin.named, "is a man in one row and a woman in another")
        if not kin.is_couple and kin.tie == "birth":
            parents.setdefault(kin.child, set()).add(kin.parent)
            if len(parents[kin.child]) > 2:
                found.setdefault(kin.child, "has three parents")
    return found


def _note_same_sex(parents: dict[str, list[str]], people: dict[str, Entity], notes: list[str]) -> None:
    """Two fathers or two mothers may also be a slip of the pen."""
    for sex, who in (("m", "fathers"), ("f", "mothers")):
        found = [
            people[child].name
            for child, known in parents.items()
            if len(known) == 2 and all(people[parent].sex == sex for parent in known)
        ]
        if found:
            more = f", and so have {len(found) - 1} more" if len(found) > 1 else ""
            notes.append(f"{found[0]} has two {who}{more}: read as the file says")


def _describe(person: Entity, label: str, value: str) -> None:
    if label in ("sex", "gender"):
        first = value[:1].lower()
        person.sex = "m" if first == "m" else "f" if first in ("f", "w") else "u"
    elif label in ("born", "birth"):
        person.born, (person.born_year, person.born_on) = value, parse_date(value)
    elif label in ("died", "death"):
        person.died, person.died_year, person.dead = value, year_of(value), True
    elif label == "title":
        person.titles += (value,)
    elif label == "name":
        person.name = value
    else:
        person.other_names += (value,)
