"""Understands the words for kin: every name that the namer gives, and the words that people use."""

import dataclasses
import functools
import re
from collections.abc import Sequence

from ...tasks.kinship.tree import Sex
from .namer import ORDINALS, TIMES
from .relation import Kinship, Line, Side
from .terms import Blood, Link, Term
from .vocabulary import (
    BASES,
    EMPTY_WORDS,
    ENDS,
    FOLDS,
    LINE_WORDS,
    MARRIAGE_IN_LAW,
    MAX_GENERATIONS,
    NUMBERS,
    PREFIXES,
    SIDE_WORDS,
    SUFFIX,
    WHOLE_WORDS,
    Kind,
    plain_words,
)

MAX_WORDS = 24


@dataclasses.dataclass(frozen=True)
class _Parts:
    """What the words of one term say; None where they say nothing."""

    kind: Kind | None = None
    sex: Sex = "u"
    greats: int = 0
    grand: bool = False
    degree: int | None = None
    removed: int | None = None
    blood: Blood | None = None
    line: Line | None = None
    side: Side | None = None
    order: int | None = None
    former: bool | None = None
    lines: int | None = None
    law: bool | None = None
    marriage: bool | None = None
    co: bool | None = None
    behind: frozenset[str] = frozenset()
    """the fields that words behind the noun set"""


def understand(words: str) -> Link | None:
    """What a relation's words ask for; None where they are no relation.

    Args:
        words: "great-aunts", "brothers and sisters", "second cousins once removed on his mother's side".
    """
    return _understand(plain_words(words))


@functools.lru_cache(maxsize=4096)
def _understand(text: str) -> Link | None:
    whole = " ".join(WHOLE_WORDS.get(word, word) for word in text.split()).split()
    if not whole or len(whole) > MAX_WORDS:
        return None
    if whole == ["in", "law"]:
        readings = list(map(_understand, ("parents in law", "siblings in law", "children in law")))
        terms = tuple(term for link in readings if link is not None for term in link)
        return tuple(dataclasses.replace(term, title="in-laws") for term in terms)
    pieces = [piece for piece in re.split(r" (?:and|or) ", " ".join(whole)) if piece]
    found = [_parts(piece) for piece in pieces]
    parts = [part for part in found if part is not None]
    if len(parts) != len(pieces):
        return None
    found_terms: list[Term] = []
    for place, part in enumerate(parts):
        if place:
            part = _inherit(part, parts[place - 1], leading=True)
        for later in parts[place + 1 :]:
            part = _inherit(part, later, leading=False)
        term = _term(part)
        if term is None:
            return None
        found_terms.append(term)
    return _merged(found_terms)


def _inherit(part: _Parts, other: _Parts, leading: bool) -> _Parts:
    """ "maternal aunts and uncles" are maternal both; "brothers and sisters in law" are in-laws both."""
    shared = ("side", "blood", "line", "former", "lines", "order") if leading else sorted(other.behind)
    missing = {field: getattr(other, field) for field in shared if getattr(part, field) is None}
    part = dataclasses.replace(part, **missing)
    if leading and part.kind == other.kind and not (part.greats or part.grand):
        part = dataclasses.replace(part, greats=other.greats, grand=other.grand)
    return part


def _merged(terms: list[Term]) -> Link:
    """Men and women of one kind are one term."""
    kept: list[Term] = []
    for term in terms:
        for place, before in enumerate(kept):
            if _of_sex(before, "u") == _of_sex(term, "u"):
                same = before.literal.sex == term.literal.sex
                kept[place] = before if same else _of_sex(before, "u")
                break
        else:
            kept.append(term)
    return tuple(kept)


def _of_sex(term: Term, sex: Sex) -> Term:
    return dataclasses.replace(
        term, readings=tuple(dataclasses.replace(reading, sex=sex) for reading in term.readings)
    )


def _split(word: str) -> list[str]:
    """ "stepgrandson" → step, grand, son."""
    if word in BASES or word in PREFIXES:
        return [word]
    for prefix in PREFIXES:
        if word.startswith(prefix):
            rest = _split(word[len(prefix) :])
            if rest[-1] in BASES:
                return [prefix, *rest]
    return [word]


def _parts(text: str) -> _Parts | None:
    """The parts that one term's words name, up to its noun and behind it."""
    part = _Parts()
    text = f" {text}"
    while match := SUFFIX.search(text):
        text = text[: match.start()]
        changes = _suffix(match)
        if changes is None or any(getattr(part, field) is not None for field in changes):
            return None
        behind = part.behind.union(changes)
        part = dataclasses.replace(part, **changes, behind=behind)  # type: ignore[arg-type]
    words = [piece for word in text.split() for piece in _split(word)]
    if not words or words[-1] not in BASES:
        return None
    kind, sex = BASES[words[-1]]
    return _prefixed(words[:-1], dataclasses.replace(part, kind=kind, sex=sex))


def _suffix(match: re.Match[str]) -> dict[str, object] | None:
    if match["law"]:
        return {"law": True}
    if match["side"]:
        return {"side": SIDE_WORDS[match["side"]]}
    if match["of"]:
        return {"blood": match["of"].removeprefix("the ")}
    if match["by"]:
        if match["by"] == "marriage":
            return {"marriage": True}
        lines = {"adoption": "adopted", "guardianship": "guardian"}
        return {"line": lines.get(match["by"], "birth")}
    times = match["removed"].removesuffix(" removed").removesuffix("times").removesuffix("x").strip()
    if times in TIMES:
        return {"removed": TIMES.index(times) + 1}
    number = _number(times)
    return None if number is None or number > MAX_GENERATIONS else {"removed": number}


def _prefixed(words: Sequence[str], part: _Parts) -> _Parts | None:
    """Read the words before the noun; None if one is not understood."""
    place = 0
    while place < len(words):
        word, following = words[place], words[place + 1 :]
        changes: dict[str, object] = {}
        number = _ordinal(word)
        if number is None and following[:1] in (["times"], ["x"]) and "great" in following:
            number, following = _number(word), following[1:]
            place += 1
        if number is None and word.isdecimal() and following[:1] == ["great"]:
            number = int(word)
        if number is not None:
            if number > MAX_GENERATIONS:
                return None
            if following[:1] == ["great"]:
                changes = {"greats": part.greats + number}
                place += 1
            elif (
                part.kind == "cousin" and part.degree is None and not set(following) & {"oldest", "youngest"}
            ):
                changes = {"degree": number}
            elif following[:1] and following[0] in ENDS:
                changes = {"order": number * ENDS[following[0]]}
                place += 1
            else:
                changes = {"order": number}
        elif word in ("great", "grand"):
            changes = {"greats": part.greats + 1} if word == "great" else {"grand": True}
        elif word in ("half", "full", "whole"):
            changes = {"blood": "half" if word == "half" else "full"}
        elif word in LINE_WORDS:
            changes = {"line": LINE_WORDS[word]}
        elif word in ("paternal", "maternal"):
            changes = {"side": SIDE_WORDS[word]}
        elif word in ENDS:
            changes = {"order": ENDS[word]}
        elif word in FOLDS or (word.isdecimal() and following[:1] == ["fold"]):
            changes = {"lines": FOLDS[word] if word in FOLDS else int(word)}
            place += word not in FOLDS
        elif word in ("ex", "former", "divorced"):
            changes = {"former": True}
        elif word == "co":
            changes = {"co": True}
        elif word in ("male", "female") and part.sex == "u":
            changes = {"sex": word[0]}
        elif word not in EMPTY_WORDS:
            return None
        part = dataclasses.replace(part, **changes)  # type: ignore[arg-type]
        place += 1
    return part


def _ordinal(word: str) -> int | None:
    if word in ORDINALS:
        return ORDINALS.index(word) + 1
    match = re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th|x)", word)
    return int(match[1]) if match and int(match[1]) else None


def _number(word: str) -> int | None:
    if word in NUMBERS:
        return NUMBERS.index(word) + 1
    return int(word) if re.fullmatch(r"[1-9]\d?", word) else None


def _generations(part: _Parts) -> tuple[int, int] | None:
    """(up, down), where the words go together."""
    kind, more = part.kind, part.greats + part.grand
    if more > MAX_GENERATIONS or (part.greats and not part.grand and kind in ("parent", "child")):
        return None
    if (part.degree or part.removed) and kind != "cousin":
        return None
    if kind == "parent":
        return 1 + more, 0
    if kind == "child":
        return 0, 1 + more
    if kind == "uncle":
        return 2 + more, 1
    if kind == "nephew":
        return 1, 2 + more
    if more:
        return None
    if kind == "cousin":
        degree = part.degree or 1
        return degree + 1 + (part.removed or 0), degree + 1
    return {"sibling": (1, 1), "spouse": (0, 0), "ancestors": (1, 0), "descendants": (0, 1)}[str(kind)]


def _term(part: _Parts) -> Term | None:
    """What the parts ask for; None where they do not go together ("grand-brother", "half-father")."""
    generations = _generations(part)
    if generations is None:
        return None
    up, down = generations
    if (part.blood is not None and not (up and down)) or (part.side and not up):
        return None
    if part.co and not (part.law and part.kind in ("parent", "sibling")):
        return None
    marriages = _marriages(part)
    if marriages is None or (part.former and marriages[0] == (False, False)):
        return None
    line = part.line
    if part.blood == "full" and line is None and not part.law and not part.marriage:
        line = "birth"
    base = Kinship(
        up=up,
        down=down,
        half=part.blood == "half",
        line=line or "birth",
        joined=bool(part.co) and part.kind == "parent",
        former=bool(part.former),
        lines=part.lines or 1,
        side=part.side or "",
        sex=part.sex,
    )
    readings = [dataclasses.replace(base, before=before, after=after) for before, after in marriages]
    if part.kind == "cousin" and part.removed:
        readings += [dataclasses.replace(each, up=each.down, down=each.up) for each in readings]
    # A word that nobody has ("spouse's first cousin once removed-in-law") is no reading, either.
    readings = [reading for reading in readings if reading.has_word]
    if not readings:
        return None
    reach = part.kind if part.kind in ("ancestors", "descendants") else ""
    return Term(
        tuple(readings),
        blood=part.blood or "any",
        line=line,
        order=part.order or 0,
        reach=reach,
        sided=bool(part.side),
    )


def _marriages(part: _Parts) -> tuple[tuple[bool, bool], ...] | None:
    """(before, after) of each reading, the literal one first."""
    kind = str(part.kind)
    if kind == "spouse":
        return None if part.law or part.marriage or part.line else ((True, False),)
    if part.co:
        return ((False, False),) if kind == "parent" else ((True, True),)
    if part.law or part.marriage:
        if kind not in MARRIAGE_IN_LAW or (part.law and part.marriage):
            return None
        found = MARRIAGE_IN_LAW[kind]
        if part.marriage and kind == "uncle":
            return ((False, True),)
        return found[::-1] if part.marriage else found
    if kind == "uncle" and part.blood is None and part.line is None:
        return ((False, False), (False, True))
    return ((False, False),)
