"""What a question adds to a name to tell namesakes apart: years and relatives."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from ...tasks.kinship.tree import Sex
from ..graph import Entity
from ..pedigree import Pedigree

_BRACKETS = re.compile(r"\s*\(([^()]*)\)$")
_YEAR_BEHIND = re.compile(
    r"[\s,(]+(?:and\s+|who\s+)?(?:was\s+|is\s+|has\s+)?(?P<what>born|b\.?|died|dead|d\.?|\*|†)\s*"
    r"(?:in\s+|about\s+|around\s+|circa\s+|ca?\.?\s+|on\s+)?(?P<year>\d{1,4})(?P<bc>\s*B\.?C\.?E?\.?)?\s*\)?$",
    re.IGNORECASE,
)
_SPAN_BEHIND = re.compile(r"[\s,]+(?P<born>\d{3,4})?\s*[-–—]\s*(?P<died>\d{3,4})?$")
_BARE_YEAR = re.compile(r"[\s,]+(?P<year>\d{4})$")

_RELATIVES = (
    *(
        "son",
        "daughter",
        "child",
        "father",
        "mother",
        "parent",
        "husband",
        "wife",
        "spouse",
        "partner",
        "widow",
    ),
    *("widower", "brother", "sister", "sibling", "grandson", "granddaughter", "grandchild", "grandfather"),
    *("grandmother", "grandparent", "dad", "mum", "mom"),
)
_RELATION = rf"(?P<relation>{'|'.join(sorted(_RELATIVES, key=len, reverse=True))})"
_BY_RELATIVE = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # "the mother of Ann called Eva"
        rf"^(?:the\s+)?{_RELATION}\s+of\s+(?P<other>.+?)\s+(?:who\s+(?:is|was)\s+)?(?:called|named)\s+(?P<name>.+)$",
        # "Ann's daughter Eva", "Ann's daughter called Eva"
        rf"^(?P<other>.+?)'s?\s+{_RELATION}[\s,]+(?:(?:called|named)\s+)?(?P<name>.+)$",
        # "Eva, daughter of Ann", "Eva (the daughter of Ann)"
        rf"^(?P<name>.+?)[\s,(]+(?:the\s+|a\s+|an\s+)?{_RELATION}\s+of\s+(?P<other>.+?)\)?$",
        # "Eva, Ann's daughter"
        rf"^(?P<name>.+?)\s*[,(]\s*(?P<other>[^,]+?)'s?\s+{_RELATION}\)?$",
    )
]
# "Eva, whose mother is Ann": the relative is the one that is named last.
_WHOSE = re.compile(
    rf"^(?P<name>.+?)[\s,(]+whose\s+{_RELATION}\s+(?:is|was)\s+(?:called\s+|named\s+)?(?P<other>.+?)\)?$",
    re.IGNORECASE,
)
_SEXES: dict[str, Sex] = {
    **dict.fromkeys(
        ("son", "father", "dad", "husband", "brother", "grandson", "grandfather", "widower"), "m"
    ),
    **dict.fromkeys(("daughter", "mother", "mum", "mom", "wife", "sister", "granddaughter", "widow"), "f"),
    "grandmother": "f",
}
_PATHS = {
    **dict.fromkeys(("son", "daughter", "child"), "C"),
    **dict.fromkeys(("father", "mother", "parent", "dad", "mum", "mom"), "P"),
    **dict.fromkeys(("husband", "wife", "spouse", "partner", "widow", "widower"), "S"),
    **dict.fromkeys(("brother", "sister", "sibling"), "PC"),
    **dict.fromkeys(("grandson", "granddaughter", "grandchild"), "CC"),
    **dict.fromkeys(("grandfather", "grandmother", "grandparent"), "PP"),
}
"""C to the children, P to the parents, S to the spouses."""


class Clue(NamedTuple):
    """A name, and what is said beside it."""

    name: str
    years: str = ""
    """as in brackets: "1819-1901", "born 1819\""""
    relation: str = ""
    """of the named one to the other: "daughter\""""
    other: str = ""
    """the other's name"""
    turned: bool = False
    """the relation is the other's to the named one"""


def clues(text: str) -> Iterator[Clue]:
    """The ways to read a text as a name and one clue, the likeliest first; the name may hold more of them."""
    if match := _BRACKETS.search(text):
        yield Clue(text[: match.start()], years=match[1])
    if match := _YEAR_BEHIND.search(text):
        what = "died" if match["what"][0].lower() in "d†" else "born"
        yield Clue(text[: match.start()], years=f"{what} {'-' if match['bc'] else ''}{match['year']}")
    elif (match := _SPAN_BEHIND.search(text)) and (match["born"] or match["died"]):
        yield Clue(text[: match.start()], years=f"{match['born'] or ''}-{match['died'] or ''}")
    elif match := _BARE_YEAR.search(text):
        yield Clue(text[: match.start()], years=match["year"])
    for pattern in (_WHOSE, *_BY_RELATIVE):
        if match := pattern.match(text):
            yield Clue(
                match["name"],
                relation=match["relation"].lower(),
                other=match["other"],
                turned=pattern is _WHOSE,
            )


def fits(entity: Entity, years: str) -> bool:
    """Whether "1819-1901", "1819-", "-1901", "born 1819", "died 1901" or "1819" is said of a person."""
    years = years.strip().lower().replace("–", "-").replace("—", "-")
    word = re.fullmatch(r"(?:(b|born|d|died)\b\.?\s*(-?))?(\d{1,4})", years)
    if word is not None:
        year = -int(word[3]) if word[2] else int(word[3])
        return entity.died_year == year if (word[1] or "b")[0] == "d" else entity.born_year == year
    born, dash, died = years.partition("-")
    if not dash:
        return False
    for asked, known in ((born, entity.born_year), (died, entity.died_year)):
        asked = asked.strip(" ?")
        if asked and not (asked.isdecimal() and int(asked) == known):
            return False
    return bool(born.strip() or died.strip())


class Relatives:
    """The nearest relatives of everybody, by entity id."""

    def __init__(self, pedigree: Pedigree) -> None:
        self._pedigree = pedigree
        self._children: dict[str, list[str]] = {}
        for child, ties in pedigree.parents.items():
            for tie in ties:
                self._children.setdefault(tie.parent, []).append(child)

    def of(self, person: str, relation: str) -> set[str]:
        """All who are this to a person: their sons."""
        found = {person}
        for step in _PATHS[relation]:
            found = {relative for one in found for relative in self._step(one, step)}
        sex = _SEXES.get(relation)
        sexes = self._pedigree.sexes
        return {one for one in found - {person} if sex is None or sexes[one] in (sex, "u")}

    def to(self, person: str, relation: str) -> set[str]:
        """All to whom a person is this: those of whom they are a son."""
        back = {"C": "P", "P": "C", "S": "S"}
        found = {person}
        for step in reversed(_PATHS[relation]):
            found = {relative for one in found for relative in self._step(one, back[step])}
        sex = self._pedigree.sexes[person]
        return found - {person} if _SEXES.get(relation, sex) in (sex, "u") or sex == "u" else set()

    def spouses(self, person: str) -> list[str]:
        """Wives, husbands and partners, in order."""
        return self._step(person, "S")

    def told_by(self, person: str, names: dict[str, str]) -> str:
        """The nearest relatives in words, to tell namesakes apart; "" if there are none."""
        if parents := self._step(person, "P")[:2]:
            return f"child of {' and '.join(names[parent] for parent in parents)}"
        if spouses := self.spouses(person)[:1]:
            return f"married to {names[spouses[0]]}"
        if children := self._step(person, "C")[:1]:
            return f"parent of {names[children[0]]}"
        return ""

    def _step(self, person: str, step: str) -> list[str]:
        if step == "C":
            return self._children.get(person, [])
        if step == "P":
            return [tie.parent for tie in self._pedigree.parents.get(person, ())]
        unions = self._pedigree.unions.get(person, ())
        return [partner for union in unions for partner in union.partners if partner != person]
