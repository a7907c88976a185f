"""Words that ask for the path of least weight: the quickest, not the one of the fewest stops."""

import re
from typing import NamedTuple

_MEASURE = (
    r"(?:minutes?|mins?|seconds?|secs?|hours?|time|duration|costs?|weight|distance|length|met(?:re|er)s?|km|"
    r"kilomet(?:re|er)s?|miles?)"
)
_LEAST = (
    rf"(?:(?:fewest|least|lowest|smallest|shortest|minimum|minimal)"
    rf"\s+(?:(?:number|amount)\s+of\s+|total\s+|travel(?:l?ing)?\s+|journey\s+)?{_MEASURE})"
)
_BEHIND = re.compile(
    rf"[\s,]+(?:(?:the\s+)?(?:quickest|fastest|cheapest)(?:\s+(?:way|route))?|as\s+(?:quickly|fast)\s+as\s+possible|"
    rf"(?:in|with|by)\s+(?:the\s+)?(?:{_LEAST}|{_MEASURE}|(?:quickest|fastest)\s+(?:way|route)))$",
    re.IGNORECASE,
)
_BEFORE = re.compile(rf"\b(?:quickest|quickly|fastest|cheapest|{_LEAST})\b", re.IGNORECASE)
_AMOUNT = re.compile(
    rf"^(?:and\s+)?(?:how\s+long\b.*\b(?:take|takes|need|needs|ride|trip|journey)\b|how\s+long\s+to\b|"
    rf"how\s+(?:much\s+time|many\s+{_MEASURE})\b|"
    r"(?:what\s+is\s+)?(?:the\s+)?(?:(?:travel(?:l?ing)?|journey)\s+)?(?:time|duration)\b)",
    re.IGNORECASE,
)
_NAMES = re.compile(r"\b(?:from|between)\b|\bto\s+(?!get\b|go\b|travel\b|reach\b|come\b)", re.IGNORECASE)


class Wanted(NamedTuple):
    """What the words of a question about a path want to be least."""

    words: str
    """the question without the words behind the names that say so"""
    weight: bool
    """a weight, not the number of stops"""
    amount: bool
    """only how much it is"""


def wanted(words: str) -> Wanted:
    """Whether a question asks for a path of least weight."""
    rest = _BEHIND.sub("", words)
    names = _NAMES.search(rest)
    before = rest[: names.start()] if names else ""
    amount = bool(_AMOUNT.search(before))
    return Wanted(rest, rest != words or amount or bool(_BEFORE.search(before)), amount)
