"""How a child came to each of its parents, as GEDCOM and the vendors' own tags say it."""

import re
from typing import NamedTuple

from ..pedigree import PARENT_KINDS, ParentKind
from .family_tree import Couple
from .gedcom_lines import Line

Said = ParentKind | None
"""None where nothing is said."""

_WORDS: tuple[tuple[str, ParentKind], ...] = (
    # The longer word first: "adoptive stepfather" is a stepfather.
    (r"step|stief|styv|stju[fp]|stj[uú]p|beau-|belle-|padrast|madrast", "step"),
    (r"adop|adott", "adopted"),
    (r"foster|pflege|pleeg|accueil|affid|acogid", "foster"),
    (r"guard|ward|vormund|tut[eo]", "guardian"),
    (r"birth|natur|biol|blood|leiblich|genetic|legitim", "birth"),
)
_NO_PARENT = re.compile(r"disprov", re.IGNORECASE)
_DOUBTED = re.compile(r"challeng", re.IGNORECASE)


class Tie(NamedTuple):
    """What is said of a child and one family, in one place of the file."""

    both: Said = None
    """of the two parents alike (PEDI)"""
    husband: Said = None
    """of the one in the husband's place (_FREL)"""
    wife: Said = None
    """of the one in the wife's place (_MREL)"""
    refuted: bool = False
    """the file says that they are no parents"""


NOTHING_SAID = Tie()


def kind_of(words: str) -> Said:
    """The kind of a word for a tie: "Step" -> "step"; a word that is not known says "unknown"."""
    words = words.strip().casefold()
    if not words:
        return None
    return next((kind for pattern, kind in _WORDS if re.search(pattern, words)), "unknown")


def tie_of(line: Line) -> Tie:
    """What stands below a FAMC of a person or a CHIL of a family."""
    if not line.below:
        return NOTHING_SAID
    said: dict[str, Said] = {}
    refuted = False
    for below in line.below:
        if below.tag == "PEDI":
            # GEDCOM 7 has what is meant by OTHER in a phrase.
            other = below.first("PHRASE") if below.value.upper() == "OTHER" else ""
            said["both"] = kind_of(other or below.value)
        elif below.tag == "_FREL":
            said["husband"] = kind_of(below.value)
        elif below.tag == "_MREL":
            said["wife"] = kind_of(below.value)
        elif below.tag == "STAT":
            refuted = refuted or _NO_PARENT.search(below.value) is not None
            if _DOUBTED.search(below.value):
                said.setdefault("both", "unknown")
    return Tie(said.get("both"), said.get("husband"), said.get("wife"), refuted)


def adoption_of(event: Line) -> tuple[str, Tie] | None:
    """The family and the ties that an ADOP event tells of, None if it does not say who adopted."""
    family = next((below for below in event.below if below.tag == "FAMC"), None)
    if family is None or not family.value:
        return None
    by = family.first("ADOP").upper()
    if by == "HUSB":
        return family.value, Tie(husband="adopted")
    if by == "WIFE":
        return family.value, Tie(wife="adopted")
    return family.value, Tie(both="adopted")


def joined(told: list[Tie]) -> Tie:
    """What several places say of one child and one family; the one that says more counts."""
    if all(tie == NOTHING_SAID for tie in told):
        return NOTHING_SAID
    return Tie(
        _strongest([tie.both for tie in told]),
        _strongest([tie.husband for tie in told]),
        _strongest([tie.wife for tie in told]),
        any(tie.refuted for tie in told),
    )


def _strongest(said: list[Said]) -> Said:
    """Programs write "natural" wherever nothing else was chosen, so that anything else says more."""
    kinds = [kind for kind in said if kind is not None]
    return next((kind for kind in kinds if kind not in ("birth", "unknown")), kinds[0] if kinds else None)


def resolve(child: str, families: list[tuple[Couple, Tie]]) -> bool:
    """Give a child the tie with each parent of its families, in place.

    Of several families of which nothing is said, the first is that of birth; a tie with somebody who is a
    parent in another one only is unknown.

    Args:
        child: its id.
        families: in the order of the child's own record, each with what is said of it.

    Returns:
        Whether there were several families of which nothing is said.
    """
    by_birth: dict[str, str] = {}  # parent -> their place
    for couple, tie in families:
        for parent in couple.partners:
            if _said(tie, couple.roles[parent]) == "birth":
                by_birth[parent] = couple.roles[parent]
    unsaid = [couple for couple, tie in families if tie == NOTHING_SAID]
    for couple in unsaid:
        if by_birth.keys() <= set(couple.partners):
            by_birth.update((parent, couple.roles[parent]) for parent in couple.partners)
            break
    for couple, tie in families:
        ties = {}
        for parent in couple.partners:
            role = couple.roles[parent]
            kind = _said(tie, role)
            if kind is None and parent in by_birth:
                kind = "birth"
            elif kind is None and tie == NOTHING_SAID:
                kind = "unknown"
            elif kind is None:
                # The other parent is a step or an adoptive one: this one is of birth if nobody else is.
                kind = "step" if role in by_birth.values() else "birth"
            ties[parent] = kind
        strongest = min(ties.values(), key=PARENT_KINDS.index, default=tie.both or "birth")
        couple.children[child] = strongest
        couple.kinds.update(((child, parent), kind) for parent, kind in ties.items() if kind != strongest)
    return len(unsaid) > 1


def _said(tie: Tie, role: str) -> Said:
    """What is said of the parent in this place."""
    own = {"HUSB": tie.husband, "WIFE": tie.wife}.get(role)
    # "Natural" for both is what programs write by default: "adopted" says more.
    if own == "birth" == tie.husband == tie.wife and tie.both not in (None, "birth"):
        return tie.both
    if own is None and tie.both == "adopted" and "adopted" in (tie.husband, tie.wife):
        return None  # adopted, but by the other one
    return own or tie.both
