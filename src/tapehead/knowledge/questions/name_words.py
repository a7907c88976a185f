"""The words of a name as they are compared: without accents and case, numerals in one form."""

import re
import unicodedata

from ...tasks.kinship.tree import Sex

# Letters that Unicode does not take apart into a base letter and an accent.
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
_SPACES = re.compile(r"[\W_]+")
_DROPPED = re.compile(r"['’‘`´.]")
_EAST_ASIAN = re.compile(r"[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
"""Chinese, Japanese and Korean: they write a name without blanks."""
_NUMERAL = re.compile(r"[ivx]+")
_COUNTED = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?")
_ONES = ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix")
NUMERALS = [tens + ones for tens in ("", "x", "xx", "xxx") for ones in _ONES][1:]
"""Those that kings have: "i" to "xxxix"."""
_ORDINALS = (
    *(
        "first",
        "second",
        "third",
        "fourth",
        "fifth",
        "sixth",
        "seventh",
        "eighth",
        "ninth",
        "tenth",
        "eleventh",
    ),
    *("twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth"),
)

TITLES: dict[str, Sex] = {
    **dict.fromkeys(
        ("king", "prince", "duke", "archduke", "count", "earl", "baron", "lord", "sir", "mr"), "m"
    ),
    **dict.fromkeys(("emperor", "tsar", "czar", "kaiser", "pope", "infante", "marquess", "marquis"), "m"),
    **dict.fromkeys(("viscount", "herr", "monsieur", "don"), "m"),
    **dict.fromkeys(
        ("queen", "princess", "duchess", "archduchess", "countess", "baroness", "lady", "dame"), "f"
    ),
    **dict.fromkeys(("empress", "tsarina", "czarina", "infanta", "mrs", "miss", "ms", "viscountess"), "f"),
    **dict.fromkeys(("marchioness", "frau", "madame", "dona"), "f"),
    **dict.fromkeys(("saint", "st", "dr", "doctor", "prof", "professor", "rev", "reverend", "captain"), "u"),
    **dict.fromkeys(("capt", "colonel", "col", "general", "gen", "major", "grand", "the", "hon"), "u"),
}
"""What may stand before a name without being one, and whose title it is."""

WIFE_TITLES = frozenset(("mrs", "lady", "frau", "madame"))
"""Those that stand before a husband's name as well."""


def plain(text: str) -> str:
    """Without accents, case, punctuation and doubled spaces: "Émile_II  O’Brien" -> "emile ii obrien"."""
    text = text.casefold()
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text).translate(_LETTERS)
        text = "".join(letter for letter in text if not unicodedata.combining(letter))
    text = _DROPPED.sub("", text)
    return " ".join(_SPACES.sub(" ", text.replace("&", " and ")).split())


def place_words(text: str) -> tuple[str, ...]:
    """The words of a place's name."""
    return tuple(plain(text).split())


def person_words(text: str) -> tuple[str, ...]:
    """The words of a person's name.

    "Louis 14" and "Louis the Fourteenth" are "louis", "xiv"; "王 小明" is one word.
    """
    words = plain(text).split()
    if text.isascii() and not any(word in _ORDINALS or word[0].isdigit() for word in words):
        return tuple(words)
    found: list[str] = []
    east_asian = False  # the word above
    for word in words:
        match = _COUNTED.fullmatch(word)
        if match is not None and 0 < int(match[1]) <= len(NUMERALS):
            if found[-1:] == ["the"]:
                found.pop()
            word = NUMERALS[int(match[1]) - 1]
        elif word in _ORDINALS and found[-1:] == ["the"]:
            found.pop()
            word = NUMERALS[_ORDINALS.index(word)]
        joins = _EAST_ASIAN.fullmatch(word) is not None
        if joins and east_asian:
            found[-1] += word
        else:
            found.append(word)
        east_asian = joins
    return tuple(found)


def is_east_asian(words: tuple[str, ...]) -> bool:
    """Whether a name is written in Chinese, Japanese or Korean letters."""
    return bool(words) and all(_EAST_ASIAN.fullmatch(word) for word in words)


def is_numeral(word: str) -> bool:
    """Whether a word may tell one king from another of his name."""
    return _NUMERAL.fullmatch(word) is not None and word in NUMERALS
