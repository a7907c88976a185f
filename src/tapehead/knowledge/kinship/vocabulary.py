"""The words for kin: nouns, what stands before them and behind them, and what to say to an unknown one."""

import difflib
import re
from typing import Literal

from ...tasks.kinship.tree import Sex
from .namer import FOLD
from .relation import Line, Side

MAX_GENERATIONS = 40
"""Of a word; more are nobody's."""

Kind = Literal[
    "parent", "child", "sibling", "uncle", "nephew", "cousin", "spouse", "ancestors", "descendants"
]


def _table(*rows: tuple[Kind, Sex, str]) -> dict[str, tuple[Kind, Sex]]:
    return {word: (kind, sex) for kind, sex, words in rows for word in words.split()}


BASES = _table(
    ("parent", "u", "parent parents"),
    ("parent", "m", "father fathers dad dads daddy papa pa pop"),
    ("parent", "f", "mother mothers mum mums mom moms mummy mommy mama ma"),
    ("child", "u", "child children kid kids offspring"),
    ("child", "m", "son sons boy boys"),
    ("child", "f", "daughter daughters girl girls"),
    ("sibling", "u", "sibling siblings sib sibs"),
    ("sibling", "m", "brother brothers bro bros"),
    ("sibling", "f", "sister sisters sis"),
    ("uncle", "m", "uncle uncles"),
    ("uncle", "f", "aunt aunts auntie aunties aunty"),
    ("nephew", "m", "nephew nephews"),
    ("nephew", "f", "niece nieces"),
    ("nephew", "u", "nibling niblings"),
    ("cousin", "u", "cousin cousins"),
    ("spouse", "u", "spouse spouses partner partners consort consorts"),
    ("spouse", "m", "husband husbands hubby"),
    ("spouse", "f", "wife wives"),
    ("ancestors", "u", "ancestor ancestors forebear forebears ancestry"),
    ("ancestors", "m", "forefather forefathers"),
    ("ancestors", "f", "foremother foremothers"),
    ("descendants", "u", "descendant descendants descendent descendents progeny issue"),
)
WHOLE_WORDS = {
    "guardian": "guardian parent",
    "guardians": "guardian parents",
    "ward": "guardian child",
    "wards": "guardian children",
    "granny": "grand mother",
    "grannies": "grand mothers",
    "gran": "grand mother",
    "nan": "grand mother",
    "nana": "grand mother",
    "inlaws": "in law",
    "inlaw": "in law",
    "laws": "law",
    "firstborn": "oldest child",
    "thrice": "three times",
    "widow": "wife",
    "widower": "husband",
    "widows": "wives",
}
PREFIXES = ("step", "half", "great", "grand", "foster", "ex", "co")
LINE_WORDS: dict[str, Line] = {
    "step": "step",
    "adopted": "adopted",
    "adoptive": "adopted",
    "foster": "foster",
    "guardian": "guardian",
    "birth": "birth",
    "biological": "birth",
    "natural": "birth",
    "genetic": "birth",
    "blood": "birth",
}
SIDE_WORDS: dict[str, Side] = {
    "paternal": "paternal",
    "fathers": "paternal",
    "maternal": "maternal",
    "mothers": "maternal",
}
ENDS = {"oldest": 1, "eldest": 1, "youngest": -1, "last": -1, "latest": -1}
FOLDS = {word: fold for fold, word in FOLD.items()}
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
EMPTY_WORDS = {"other", "own", "known", "the", "a", "an", "full"}
SUFFIX = re.compile(
    r" (?:(?P<law>in law)|(?P<removed>(?:once|twice|(?:\w+) ?times|\d+x|\d+) removed)"
    r"|(?:on )?(?:(?:the|his|her|their|its|my) )?(?P<side>paternal|maternal|fathers|mothers) (?:side|line)"
    r"|by (?P<by>marriage|blood|birth|adoption|guardianship)|of (?P<of>full|half|the full|the half) blood)$"
)
MARRIAGE_IN_LAW: dict[str, tuple[tuple[bool, bool], ...]] = {
    "parent": ((True, False),),
    "child": ((False, True),),
    "sibling": ((True, False), (False, True)),
    "uncle": ((True, False), (False, True)),
    "nephew": ((True, False), (False, True)),
    "cousin": ((True, False), (False, True)),
}
"""(before, after) of the readings of "…-in-law", the namer's own first."""


def plain_words(words: str) -> str:
    """ "Great-Aunt’s" -> "great aunts"."""
    return " ".join(re.sub(r"[\W_]+", " ", re.sub(r"['’]", "", words.casefold())).split())


VOCABULARY = tuple(
    prefix + word
    for prefixes, words in (
        (("", "step", "half-"), ("brother", "sister", "sibling")),
        (("", "grand", "great-grand", "step"), ("father", "mother", "parent", "son", "daughter", "child")),
        (("", "great-", "half-", "step-"), ("uncle", "aunt", "nephew", "niece")),
        (("", "first ", "second ", "third ", "half-", "step-", "double "), ("cousin",)),
        (
            ("",),
            ("husband", "wife", "spouse", "ancestors", "descendants", "in-laws", "grandkids", "guardian"),
        ),
        (("birth ", "adoptive ", "foster "), ("father", "mother", "parents", "child")),
        (("mother", "father", "brother", "sister", "son", "daughter"), ("-in-law",)),
        (("ex-",), ("husband", "wife")),
    )
    for prefix in prefixes
    for word in words
)
"""Words for a hint; the grammar understands many more."""


def nearest(words: str, count: int = 3) -> list[str]:
    """The words for kin that look most like these."""
    keys = {plain_words(word).replace(" ", ""): word for word in VOCABULARY}
    close = difflib.get_close_matches(plain_words(words)[:60].replace(" ", ""), keys, n=count, cutoff=0.0)
    return [keys[key] for key in close]
