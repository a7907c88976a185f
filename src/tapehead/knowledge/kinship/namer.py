"""Names what one person is to another in the words that genealogists use."""

import dataclasses
from typing import NamedTuple

from ...tasks.kinship.tree import Sex
from .relation import Kinship

MAX_GREATS = 4
"""Written out; from there on "5th great-grandfather"."""
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
TIMES = ("once", "twice", "three times", "four times", "five times", "six times", "seven times",
         "eight times", "nine times", "ten times")  # fmt: skip
FOLD = {2: "double", 3: "triple", 4: "quadruple"}
IRREGULAR = {"child": "children", "wife": "wives"}

_HEADS: dict[str, dict[Sex, tuple[str, ...]]] = {
    "parent": {"m": ("father",), "f": ("mother",), "u": ("parent",)},
    "child": {"m": ("son",), "f": ("daughter",), "u": ("child",)},
    "sibling": {"m": ("brother",), "f": ("sister",), "u": ("sibling",)},
    "uncle": {"m": ("uncle",), "f": ("aunt",), "u": ("aunt", "uncle")},
    "nephew": {"m": ("nephew",), "f": ("niece",), "u": ("niece", "nephew")},
    "cousin": {"m": ("cousin",), "f": ("cousin",), "u": ("cousin",)},
    "spouse": {"m": ("husband",), "f": ("wife",), "u": ("spouse",)},
}


class _Core(NamedTuple):
    kind: str
    stem: str
    """ "great-grand", "first " """
    tail: str = ""
    """ " once removed" """


def name(kinship: Kinship) -> str:
    """What a person is called: "half first cousin twice removed", "great-great-great-aunt by marriage".

    Args:
        kinship: what the person is; one for which there is a word.

    Raises:
        ValueError: no one word says it.
    """
    return _named(kinship, plural=False)


def plural(kinship: Kinship) -> str:
    """What several such people are called: "half first cousins twice removed"."""
    return _named(kinship, plural=True)


def chain_name(chain: tuple[Kinship, ...]) -> str:
    """One word for each part of a way, one after the other: "wife's uncle's wife"."""
    return "'s ".join(map(name, chain))


def ordinal(number: int) -> str:
    """ "first" … "tenth", "11th", "21st"."""
    return ORDINALS[number - 1] if number <= len(ORDINALS) else _in_digits(number)


def _in_digits(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _named(kinship: Kinship, plural: bool) -> str:
    if not kinship.has_word:
        raise ValueError(f"there is no one word for {kinship}")
    if kinship == dataclasses.replace(kinship, line="guardian", before=False, after=False, half=False):
        word = {(1, 0): "guardian", (0, 1): "ward"}.get((kinship.up, kinship.down))
        if word is not None:
            return word + ("s" if plural else "")
    core = _core(kinship)
    in_law = kinship.before or kinship.joined or (kinship.after and kinship.up == 0)
    in_law = in_law or (kinship.after and kinship.up == kinship.down == 1)
    in_law = in_law and core.kind != "spouse"
    words = [
        _prefix(kinship, core, in_law) + core.stem + (_several(head) if plural else head) + "-in-law" * in_law
        for head in _HEADS[core.kind][kinship.sex]
    ]
    return "".join(
        [
            _outer(kinship, core, in_law),
            (" and " if plural else " or ").join(words),
            core.tail,
            " by marriage" if kinship.after and not in_law else "",
            " by guardianship" if kinship.line == "guardian" else "",
        ]
    )


def _core(kinship: Kinship) -> _Core:
    up, down = kinship.up, kinship.down
    if up == down == 0:
        return _Core("spouse", "")
    if down == 0:
        return _Core("parent", _greats(up - 2) + "grand" if up > 1 else "")
    if up == 0:
        return _Core("child", _greats(down - 2) + "grand" if down > 1 else "")
    if up == down == 1:
        return _Core("sibling", "")
    if down == 1:
        return _Core("uncle", _greats(up - 2))
    if up == 1:
        return _Core("nephew", _greats(down - 2))
    removed = abs(up - down)
    times = TIMES[removed - 1] if 0 < removed <= len(TIMES) else f"{removed} times"
    return _Core("cousin", f"{ordinal(min(up, down) - 1)} ", f" {times} removed" if removed else "")


def _greats(count: int) -> str:
    return "great-" * count if count <= MAX_GREATS else f"{_in_digits(count)} great-"


def _outer(kinship: Kinship, core: _Core, in_law: bool) -> str:
    """The words before all, each with a blank behind it."""
    words = []
    if kinship.former and not (in_law or core.kind == "spouse"):
        words.append("former")
    words.append(kinship.side)
    if kinship.lines > 1:
        words.append(FOLD.get(kinship.lines, f"{kinship.lines}-fold"))
    if kinship.line == "adopted":
        words.append("adopted" if kinship.up == 0 and not kinship.before else "adoptive")
    elif kinship.line == "foster":
        words.append("foster")
    return "".join(f"{word} " for word in words if word)


def _prefix(kinship: Kinship, core: _Core, in_law: bool) -> str:
    """What is joined to the word itself: "ex-", "co-", "step", "half-"."""
    joint = " " if core.kind == "cousin" or core.stem[:1].isdigit() else "-"
    prefix = "ex-" if kinship.former and (in_law or core.kind == "spouse") else ""
    if kinship.joined or (kinship.before and kinship.after):
        prefix += "co-"
    if kinship.line == "step":
        simple = core.kind in ("parent", "child", "sibling") and not core.stem and not kinship.half
        prefix += "step" + ("" if simple else joint)
    if kinship.half:
        prefix += "half" + joint
    return prefix


def _several(head: str) -> str:
    return IRREGULAR.get(head, f"{head}s")
