"""Finds everybody who is something to somebody, each with what exactly they are."""

import dataclasses
from collections.abc import Iterator

from .edges import children_by, parents_by
from .index import Kin
from .relation import LINES, SIDE_OF, Kinship, Line, Side, weakest
from .terms import Chain, Term
from .ties import blood_ties

Found = dict[str, Kinship]
"""Person → what they are"""


@dataclasses.dataclass(frozen=True)
class _Way:
    """How somebody was reached."""

    line: Line = "birth"
    half: bool = False
    sides: frozenset[Side] = frozenset()
    former: bool = False

    @property
    def rank(self) -> tuple[int, bool, bool]:
        return LINES.index(self.line), self.half, self.former


_Ways = dict[str, _Way]


def relatives(kin: Kin, person: str, chain: Chain) -> Found:
    """Everybody at the end of a chain of relations, with what they are to the person before them.

    Between two relations only those by blood and adoption count: an uncle's wife is the wife of a parent's
    brother, not a parent's sister.

    Args:
        kin: the family.
        person: entity id.
        chain: one link or several.
    """
    here = [person]
    for reached in stages(kin, person, chain):
        here = list(reached)
    found: Found = {}
    for start in here:
        for term in chain[-1]:
            for identity, what in _of_term(kin, start, term).items():
                if identity != person and (identity not in found or _rank(what) < _rank(found[identity])):
                    found[identity] = what
    return found


def stages(kin: Kin, person: str, chain: Chain) -> Iterator[Found]:
    """Whom each relation of a chain but the last reaches, with what they are to the person before them."""
    here = [person]
    for link in chain[:-1]:
        reached: Found = {}
        for start in here:
            for term in link:
                reached |= _of_term(kin, start, _without_marriage(term))
        here = list(reached)
        yield reached


def _without_marriage(term: Term) -> Term:
    blood = tuple(reading for reading in term.readings if not reading.by_marriage)
    return dataclasses.replace(term, readings=blood or term.readings)


def _of_term(kin: Kin, person: str, term: Term) -> Found:
    """Everybody who is this to a person, the strongest tie of each."""
    found: Found = {}
    for reading in term.readings:
        for identity, what in _of_reading(kin, person, term, reading).items():
            if not _fits(kin, what, term, reading) or identity == person:
                continue
            if identity not in found or _rank(what) < _rank(found[identity]):
                found[identity] = what
    if term.literal.lines > 1:
        found = {one: what for one, what in found.items() if _lines(kin, person, one) >= term.literal.lines}
    if any(reading.after and reading.up > 1 for reading in term.readings):
        for parent, _ in kin.parents(person):  # who married the other parent's brother
            found.pop(parent, None)
    return _picked(kin, person, found, term)


def _lines(kin: Kin, person: str, other: str) -> int:
    """Independent lines of the nearest relation by blood."""
    return max((path.lines for path in blood_ties(kin, person, other)[:1]), default=0)


def _rank(what: Kinship) -> tuple[bool, int, bool, bool]:
    return what.by_marriage, LINES.index(what.line), what.half, what.former


def _fits(kin: Kin, what: Kinship, term: Term, reading: Kinship) -> bool:
    return (
        reading.sex in ("u", what.sex)
        and (term.blood == "any" or what.half == (term.blood == "half"))
        and (term.line is None or what.line == term.line)
        and (not reading.former or what.former)
    )


def _picked(kin: Kin, person: str, found: Found, term: Term) -> Found:
    """The oldest, or the second wife."""
    if not term.order:
        return found
    people = in_order(kin, found)
    place = term.order - 1 if term.order > 0 else term.order
    chosen = people[place : place + 1 or None] if -len(people) <= place < len(people) else []
    return {identity: found[identity] for identity in chosen}


def in_order(kin: Kin, found: Found) -> list[str]:
    """By year of birth where all are known, else in the order of families; spouses in that of marriages."""
    people = list(found)
    years = [kin.pedigree.birth_years.get(identity) for identity in people]
    if any(what.before and what.up == what.down == 0 for what in found.values()) or None in years:
        return people
    return [identity for _, identity in sorted(zip(years, people), key=lambda item: item[0] or 0)]


def _of_reading(kin: Kin, person: str, term: Term, reading: Kinship) -> Found:
    starts: _Ways = {person: _Way()}
    if reading.before:
        starts = {spouse: _Way(former=former) for spouse, former in kin.spouses(person)}
    if reading.joined:
        starts = _descend(kin, starts, 1, term.line)
        starts = {spouse: _Way() for child in starts for spouse, _ in kin.spouses(child)}
    if term.reach:
        return _all_generations(kin, person, term, reading)
    found = _walk(kin, starts, reading, term)
    if reading.after:
        ended: _Ways = {}
        for identity, way in found.items():
            for spouse, former in kin.spouses(identity):
                _keep(ended, spouse, dataclasses.replace(way, former=former))
        found = ended
    return {
        identity: dataclasses.replace(
            reading,
            half=way.half,
            line=way.line,
            former=way.former,
            lines=1,
            side=next(iter(way.sides)) if len(way.sides) == 1 else "",
            sex=kin.sexes[identity],
        )
        for identity, way in found.items()
        if kin.is_known(identity) and (not reading.side or reading.side in way.sides)
    }


def _walk(kin: Kin, starts: _Ways, reading: Kinship, term: Term) -> _Ways:
    """So many generations up, over to siblings, and so many down."""
    if not (reading.up and reading.down):
        here = _ascend(kin, starts, reading.up, term.line)
        return _descend(kin, here, reading.down, term.line)
    here = _ascend(kin, starts, reading.up - 1, term.line)
    beside: _Ways = {}
    for identity, way in here.items():
        for sibling, other in _siblings(kin, identity, term.line, way.line).items():
            sides = way.sides or other.sides
            line = weakest(way.line, other.line)
            _keep(beside, sibling, dataclasses.replace(other, line=line, sides=sides, former=way.former))
    return _descend(kin, beside, reading.down - 1, term.line)


def _keep(ways: _Ways, identity: str, way: _Way) -> None:
    """Of two ways to one person the stronger, with the sides of both."""
    before = ways.get(identity)
    if before is not None:
        sides = way.sides | before.sides
        way = dataclasses.replace(min(way, before, key=lambda each: each.rank), sides=sides)
    ways[identity] = way


def _ascend(kin: Kin, here: _Ways, generations: int, line: Line | None) -> _Ways:
    for _ in range(generations):
        above: _Ways = {}
        for identity, way in here.items():
            for tie in parents_by(kin, identity, line, way.line):
                sides = way.sides or frozenset({SIDE_OF[kin.sexes[tie.person]]})
                reached = dataclasses.replace(way, line=weakest(way.line, tie.line), sides=sides)
                _keep(above, tie.person, reached)
        here = above
    return here


def _descend(kin: Kin, here: _Ways, generations: int, line: Line | None) -> _Ways:
    for _ in range(generations):
        below: _Ways = {}
        for identity, way in here.items():
            for tie in children_by(kin, identity, line, way.line):
                _keep(below, tie.person, dataclasses.replace(way, line=weakest(way.line, tie.line)))
        here = below
    return here


def _siblings(kin: Kin, person: str, line: Line | None, so_far: Line) -> _Ways:
    """The siblings, half and full, along such ties; without the person."""
    found: _Ways = {}
    for parent, first in parents_by(kin, person, line, so_far):
        side = frozenset({SIDE_OF[kin.sexes[parent]]})
        for child, second in children_by(kin, parent, line, weakest(so_far, first)):
            way = weakest(first, second)
            if child == person or (way == "step" and kin.shared_parents(person, child)):
                continue
            half = way == "birth" and kin.is_half(person, child)
            _keep(found, child, _Way(way, half, side))
    return found


def _all_generations(kin: Kin, person: str, term: Term, reading: Kinship) -> Found:
    """All ancestors, or all descendants, the nearest generation first."""
    up = term.reach == "ancestors"
    found: Found = {}
    here: _Ways = {person: _Way()}
    generation = 0
    while here:
        generation += 1
        here = (_ascend if up else _descend)(kin, here, 1, term.line)
        here = {identity: way for identity, way in here.items() if identity not in found}
        if generation == 1 and reading.side:
            here = {identity: way for identity, way in here.items() if reading.side in way.sides}
        for identity, way in here.items():
            if kin.is_known(identity):
                found[identity] = Kinship(
                    up=generation if up else 0,
                    down=0 if up else generation,
                    line=way.line,
                    side=next(iter(way.sides)) if generation > 1 and len(way.sides) == 1 else "",
                    sex=kin.sexes[identity],
                )
    return found
