"""A family told in edges: "Charles Darwin,father,Robert Darwin"."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ...tasks.kinship.tree import Sex
from ..graph import Entity, KnowledgeGraph
from .family_tree import BORN, Couple, build
from .files import ReadError
from .gedcom import year_of


class Edge(NamedTuple):
    """A row of an edge list."""

    source: str
    label: str
    target: str


class _Kin(NamedTuple):
    """An edge's meaning: ``named`` is the husband, daughter, … of ``other``."""

    kind: str
    """"parent", "child" or "partner\""""
    named: str
    sex: Sex
    """of the named"""
    other: str


_KIN: dict[str, tuple[str, Sex]] = {
    "father": ("parent", "m"),
    "mother": ("parent", "f"),
    "parent": ("parent", "u"),
    "son": ("child", "m"),
    "daughter": ("child", "f"),
    "child": ("child", "u"),
    "husband": ("partner", "m"),
    "wife": ("partner", "f"),
    "spouse": ("partner", "u"),
    "partner": ("partner", "u"),
    "married": ("partner", "u"),
}
_ATTRIBUTES = frozenset({"sex", "gender", "born", "birth", "died", "death", "title", "name", "also called"})


def is_family(edges: Sequence[Edge]) -> bool:
    """Whether most edges are those of a family, and not only say what a person is like."""
    labels = [_plain(edge.label)[0] for edge in edges]
    known = sum(label in _KIN or label in _ATTRIBUTES for label in labels)
    return 2 * known > len(labels) and not _KIN.keys().isdisjoint(labels)


def read_family(edges: list[Edge], name: str, names: dict[str, str]) -> KnowledgeGraph:
    """The family tree of such edges.

    "A,father,B" says that A's father is B; "A,father of,B" that A is B's father. If by the first reading
    somebody had two fathers, three parents or two sexes, but by its opposite nobody, the opposite is taken
    for all.

    Args:
        edges: in file order.
        name: of the file, for messages.
        names: of the people, where they are not called by their ids.

    Raises:
        ReadError: the facts contradict each other.
    """
    notes: list[str] = []
    edges = _known(edges, name, notes)
    opposite = False
    problem = _contradiction(_kin(edges, False))
    if problem:
        if _contradiction(_kin(edges, True)):
            person, what = problem
            raise ReadError(f'{name}: {person} {what} ("A,father,B" says that A\'s father is B)')
        opposite = True
        notes.append(
            '"A,father,B" is read as: A is the father of B; the other way some would have two fathers'
        )

    people: dict[str, Entity] = {}
    for edge in edges:
        label = _plain(edge.label)[0]
        for identity in [edge.source] if label in _ATTRIBUTES else [edge.source, edge.target]:
            people.setdefault(identity, Entity(identity, names.get(identity, identity), "person"))
        if label in _ATTRIBUTES:
            _describe(people[edge.source], label, edge.target)
    ties = list(_kin(edges, opposite))
    parents: dict[str, list[str]] = {}  # of each child, the father first
    for kin in ties:
        if kin.sex != "u":
            people[kin.named].sex = kin.sex
        if kin.kind != "partner":
            child, parent = (kin.other, kin.named) if kin.kind == "parent" else (kin.named, kin.other)
            known = parents.setdefault(child, [])
            if parent not in known:
                known.append(parent)
    couples: dict[frozenset[str], Couple] = {}
    for kin in ties:
        born = {"parent": kin.other, "child": kin.named}.get(kin.kind)
        partners = [kin.other, kin.named] if born is None else parents[born]
        couple = couples.setdefault(frozenset(partners), Couple("", list(partners)))
        if born is not None:
            couple.children[born] = BORN
    taken = 0
    for couple in couples.values():
        taken += 1
        while f"F{taken}" in people:  # Somebody may be called F1.
            taken += 1
        couple.id = f"F{taken}"
    return build(name, people, list(couples.values()), notes)


def _known(edges: list[Edge], name: str, notes: list[str]) -> list[Edge]:
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


def _kin(edges: Iterable[Edge], opposite: bool) -> Iterable[_Kin]:
    for edge in edges:
        label, backwards = _plain(edge.label)
        if label in _KIN:
            kind, sex = _KIN[label]
            # "of" says plainly which way it leads.
            turned = backwards or opposite
            named, other = (edge.source, edge.target) if turned else (edge.target, edge.source)
            yield _Kin(kind, named, sex, other)


def _contradiction(ties: Iterable[_Kin]) -> tuple[str, str] | None:
    """Somebody, and what cannot be about them."""
    sexes: dict[str, Sex] = {}
    parents: dict[str, set[str]] = {}
    fathers: dict[tuple[str, Sex], str] = {}
    for kin in ties:
        if kin.named == kin.other:
            return kin.named, "is their own relative"
        if kin.sex != "u" and sexes.setdefault(kin.named, kin.sex) != kin.sex:
            return kin.named, "is a man in one row and a woman in another"
        if kin.kind == "partner":
            continue
        child, parent = (kin.other, kin.named) if kin.kind == "parent" else (kin.named, kin.other)
        parents.setdefault(child, set()).add(parent)
        if len(parents[child]) > 2:
            return child, "has three parents"
        if kin.kind == "parent" and kin.sex != "u" and fathers.setdefault((child, kin.sex), parent) != parent:
            return child, f"has two {'fathers' if kin.sex == 'm' else 'mothers'}"
    return None


def _describe(person: Entity, label: str, value: str) -> None:
    if label in ("sex", "gender"):
        first = value[:1].lower()
        person.sex = "m" if first == "m" else "f" if first in ("f", "w") else "u"
    elif label in ("born", "birth"):
        person.born, person.born_year = value, year_of(value)
    elif label in ("died", "death"):
        person.died, person.died_year, person.dead = value, year_of(value), True
    elif label == "title":
        person.titles += (value,)
    elif label == "name":
        person.name = value
    else:
        person.other_names += (value,)
