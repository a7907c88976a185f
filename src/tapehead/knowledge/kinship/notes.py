"""What an answer of kin left open, and what was made of it, in sentences."""

import dataclasses
from collections.abc import Iterable

from .explain import NameOf
from .index import Kin
from .namer import name
from .relation import Kinship, Line
from .relatives import Found, relatives, stages
from .terms import Chain, Term

MAX_NAMED = 5
NEAR = 3
"""Steps of a relation whose step-kin are worth a word."""


def notes(kin: Kin, person: str, chain: Chain, found: Found, name_of: NameOf) -> list[str]:
    """Sentences on an answer: whom a wide word takes in, whom it leaves out, and what the file does not know.

    Args:
        kin: the family.
        person: whom the question is about.
        chain: what was asked for.
        found: the answer.
        name_of: gives a name to an id.
    """
    said: list[str] = []
    for reached in stages(kin, person, chain):
        said += [
            f"on the way: {name_of(one)} is a {name(_plain(what))}"
            for one, what in reached.items()
            if what.half or what.line != "birth"
        ][:MAX_NAMED]
    for term in chain[-1]:
        said += _taken_in(term, found)
    if len(chain) == 1:
        for term in chain[0]:
            said += _left_out(kin, person, term, found, name_of)
            said += _doubts(kin, person, term, found, name_of)
    return list(dict.fromkeys(said))


def _taken_in(term: Term, found: Found) -> list[str]:
    """What the everyday word includes."""
    said = []
    word = term.plural
    if term.blood == "any" and term.line is None and any(what.half for what in found.values()):
        said.append(f'half-blood counts, too: "full {word}" leaves it out')
    if not term.literal.by_marriage and any(what.after and what.up for what in found.values()):
        said.append(f'marriage counts, too: "{word} by blood" leaves it out')
    if term.line is None and any(what.line == "adopted" for what in found.values()):
        said.append(f'adoption counts, too: "{dataclasses.replace(term, line="birth").plural}" leaves it out')
    return said


def _left_out(kin: Kin, person: str, term: Term, found: Found, name_of: NameOf) -> list[str]:
    """Who is something like it, but not what the word says."""
    literal = term.literal
    if term.line is not None or term.blood == "full" or term.order or term.reach:
        return []
    others: Found = {}
    if not literal.by_marriage and 0 < literal.up + literal.down <= NEAR - 1 and term.blood == "any":
        kinds: tuple[Line, ...] = ("adopted", "foster", "guardian", "step")
        for line in kinds:
            readings = (dataclasses.replace(literal, line=line),)
            wider = dataclasses.replace(term, readings=readings, line=line)
            others |= relatives(kin, person, ((wider,),))
    if not literal.by_marriage and literal.up == 1 and literal.down > 1 and term.blood == "any":
        wider = dataclasses.replace(term, readings=(dataclasses.replace(literal, before=True),))
        others |= relatives(kin, person, ((wider,),))
    missing = {identity: what for identity, what in others.items() if identity not in found}
    if not missing:
        return []
    listed = [f"{name_of(one)} ({name(_plain(what))})" for one, what in list(missing.items())[:MAX_NAMED]]
    more = f" and {len(missing) - MAX_NAMED} more" if len(missing) > MAX_NAMED else ""
    return [f"not counted: {', '.join(listed)}{more}"]


def _doubts(kin: Kin, person: str, term: Term, found: Found, name_of: NameOf) -> list[str]:
    said = []
    literal = term.literal
    if (literal.up, literal.down, literal.by_marriage) == (1, 1, False):
        unsure = [one for one, what in found.items() if what.half and kin.is_doubtful_half(person, one)]
        if unsure:
            said.append(f"the file lacks a parent, so these may be of full blood: {_names(unsure, name_of)}")
    pool = relatives(kin, person, ((dataclasses.replace(term, order=0),),)) if term.order else {}
    if None in map(kin.pedigree.birth_years.get, pool) and not literal.before:
        said.append("the file lacks years of birth: its own order was taken")
    if (literal.up, literal.down) == (1, 0):
        kinds = dict(kin.pedigree.parents[person])
        unknown = [one for one in found if kinds.get(one) == "unknown"]
        if unknown:
            said.append(f"the file does not say whether by birth: {_names(unknown, name_of)}")
    return said


def _names(people: Iterable[str], name_of: NameOf) -> str:
    return ", ".join(name_of(one) for one in people)


def _plain(what: Kinship) -> Kinship:
    return dataclasses.replace(what, side="")
