"""Lets a search machine find the shortest way between two people of a family, in its memory."""

import dataclasses
import functools
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ...nn import Machine
from ..graph import Entity, Fact, KnowledgeGraph
from ..kinship.index import Kin, kin_of
from ..kinship.paths import Path
from ..kinship.ways import NAMELESS, NetTie, nearest_ties, path_of, tie_name, ties_of
from .search import MAX_KEPT, SearchAnswer, answer_path

TOLD_TIES = (1_000, 3_000)
"""Ties told, at most; and how many, where the network names no way by these."""
PLAYED_TIES = 150
"""Ties told where a search is run again to look at it."""


@dataclasses.dataclass(frozen=True, eq=False)
class FamilyPart:
    """Ties of a family as a map that can be told: its places are people, its lines what they are."""

    graph: KnowledgeGraph
    tie_of: dict[Fact, NetTie]
    """connection of the map → tie"""
    of_all: int
    """ties of the whole family"""

    @functools.cached_property
    def number(self) -> dict[str, int]:
        """Person → number of the place."""
        return {person: place for place, person in enumerate(self.graph.edges.places)}

    def person(self, identity: str) -> Entity:
        """A person of it, or a parent without a name."""
        return dataclasses.replace(self.graph.entities[identity], kind="person")

    def ties(self, answer: SearchAnswer) -> list[NetTie]:
        """The way that a machine named."""
        places = self.graph.edges.places
        return [self.tie_of[Fact(places[a], label, places[b])] for a, label, b in answer.connections]

    @property
    def left_out(self) -> str:
        """A sentence, where this is not the whole family."""
        told = len(self.tie_of)
        if told == self.of_all:
            return ""
        return f"the network is told {told:,} of the {self.of_all:,} ties, the nearest to both"


_kept: "weakref.WeakKeyDictionary[KnowledgeGraph, OrderedDict[object, FamilyPart]]" = (
    weakref.WeakKeyDictionary()
)


def family_part(
    graph: KnowledgeGraph, people: Sequence[str], most: int, first: Sequence[NetTie] = ()
) -> FamilyPart:
    """The ties that a machine is told; the same object for the same ties, so that its state is kept.

    Args:
        graph: the family.
        people: entity ids. Of a family with more ties than ``most`` those nearest to them are told.
        most: ties.
        first: ties that are told in any case.
    """
    kin = kin_of(graph)
    if kin.num_ties <= most:
        ties = [tie for person in kin.sexes for tie in ties_of(kin, person)]
        places = list(kin.sexes)
    else:
        # From A to B and from B to A the same is told.
        nearest = nearest_ties(kin, sorted(people, key=kin.order.__getitem__), most)
        ties = sorted({*first, *nearest}, key=_place_of)
        places = sorted({*people, *(person for tie in ties for person in (tie.person, tie.other))})
    kept = _kept.setdefault(graph, OrderedDict())
    key = (tuple(places), tuple(ties))
    if key not in kept:
        kept[key] = _part(graph, kin, places, ties)
        while len(kept) > MAX_KEPT:
            kept.popitem(last=False)
    kept.move_to_end(key)
    return kept[key]


def _place_of(tie: NetTie) -> tuple[str, ...]:
    return tie.person, tie.other, tie.step.move, tie.step.line


def _part(graph: KnowledgeGraph, kin: Kin, places: Sequence[str], ties: Sequence[NetTie]) -> FamilyPart:
    entities = {
        person: dataclasses.replace(graph.entities[person], kind="place")
        if kin.is_known(person)
        else Entity(person, NAMELESS, "place")
        for person in places
    }
    tie_of = {Fact(tie.person, tie_name(kin, tie), tie.other): tie for tie in ties}
    return FamilyPart(KnowledgeGraph(graph.name, entities, list(tie_of)), tie_of, kin.num_ties)


class WayAnswer(NamedTuple):
    """What a search machine answered about two people."""

    first: str
    second: str
    """entity ids"""
    search: SearchAnswer
    part: FamilyPart
    """what it was told"""
    ties: list[NetTie]
    """the way that it named; empty if it named none"""

    @property
    def path(self) -> Path | None:
        """The same as a path."""
        return path_of(self.first, self.ties) if self.ties else None

    def is_shortest(self, steps: int | None) -> bool:
        """Whether it is right, given the steps of a shortest way; None: there is no way."""
        return len(self.ties) == steps if self.ties else self.search.unreachable and steps is None


def answer_way(machine: Machine, graph: KnowledgeGraph, first: str, second: str) -> WayAnswer:
    """Ask a search machine for the shortest way between two people, in one constrained pass.

    Of a large family it is told the nearest ties; where it names no way by them, it is told more.

    Args:
        machine: a search machine.
        graph: a family.
        first: entity id.
        second: entity id of somebody else.

    Raises:
        InputError: the machine is one of another task.
    """
    for part in parts(graph, first, second):
        told = ask_part(machine, part, first, second)
        if told.ties:
            break
    return told


def parts(graph: KnowledgeGraph, first: str, second: str) -> Iterator[FamilyPart]:
    """What a machine is told about two people; the next where it names no way by these ties."""
    before = None
    for most in TOLD_TIES:
        part = family_part(graph, [first, second], most)
        if part is not before:  # Else nobody else is near.
            yield part
        before = part


def ask_part(machine: Machine, part: FamilyPart, first: str, second: str) -> WayAnswer:
    """As :func:`answer_way`, of a part of the family that is given."""
    search = answer_path(machine, part.graph, part.number[first], part.number[second])
    return WayAnswer(first, second, search, part, part.ties(search))


def play_way(graph: KnowledgeGraph, answer: WayAnswer) -> WayAnswer:
    """Ask again, of so few ties that one can look at them: those of the way, and the nearest."""
    if len(answer.part.tie_of) <= PLAYED_TIES:
        return answer
    people = [answer.first, answer.second]
    part = family_part(graph, people, PLAYED_TIES - len(answer.ties), answer.ties)
    return ask_part(answer.search.told.machine, part, *people)
