"""Dates as family trees have them: in any calendar, in any language, or no date at all."""

import functools
import re
import unicodedata
import warnings
from typing import NamedTuple

from ..pedigree import Day

LATEST = 2200
"""Whatever is later is no year of a birth, but a number."""


class Date(NamedTuple):
    """What is known of a date."""

    year: int | None
    """as the file has it, of the two of "1731/32" the first; negative before Christ"""
    day: Day
    """for order, in the calendar of today as far as days are concerned"""


UNKNOWN = Date(None, ())

_ESCAPE = re.compile(r"@#D([^@]*)@")
_CALENDAR_7 = re.compile(r"\b(GREGORIAN|JULIAN|FRENCH_R|HEBREW)\b|(?<!\w)(_[A-Z][A-Z_]*)\b")
_NEXT = re.compile(r"\b(?:AND|TO)\b")
# "185?" is a decade, not a year.
_YEAR = re.compile(r"(?<!\d)(\d{4}|\d{3}(?![?_xX]))(?:/(\d{1,4}))?(?!\d)(.*)")
_SHORT_YEAR = re.compile(r"(?<!\d)(\d{1,2})(?=\D*$)(.*)")
_BC_FIRST = re.compile(r"\bB\.?\s?C\.?(?:\s?E\.?)?\s*$", re.IGNORECASE)
_BEFORE_CHRIST = re.compile(r"\s*B\.?\s?C", re.IGNORECASE)
_MONTHLESS = re.compile(r"(?:[A-Z.]+\s+)?\d+(?:\s*B\.?\s?C\.?(?:E\.?)?)?", re.IGNORECASE)
_DAY_FIRST = re.compile(r"(?<!\d)(\d{1,2})\.?\s+(?:de\s+|of\s+)?([^\W\d_]{3,})\.?[\s,]*(?:de\s+)?$")
_MONTH_FIRST = re.compile(r"(?<!\w)([^\W\d_]{3,})\.?\s*(?:(\d{1,2})(?:st|nd|rd|th)?)?[\s,]*(?:de\s+)?$")
_NUMBERS_FIRST = re.compile(r"(?<!\d)(\d{1,2})\s?[./-]\s?(\d{1,2})\s?[./-]\s?$")
_NUMBERS_BEHIND = re.compile(r"[-./](\d{1,2})[-./](\d{1,2})(?!\d)")

_HEBREW_MONTHS = ("NSN", "IYR", "SVN", "TMZ", "AAV", "ELL", "TSH", "CSH", "KSL", "TVT", "SHV", "ADR", "ADS")
_FRENCH_MONTHS = (
    *("VEND", "BRUM", "FRIM", "NIVO", "PLUV", "VENT", "GERM", "FLOR", "PRAI", "MESS", "THER", "FRUC", "COMP"),
)
_HEBREW = {month: place for place, month in enumerate(_HEBREW_MONTHS, 1)}
_FRENCH = {month: place for place, month in enumerate(_FRENCH_MONTHS, 1)}
_OTHER_DAY = re.compile(
    rf"(?:(?:(\d{{1,2}})\s+)?\b({'|'.join([*_HEBREW, *_FRENCH])})\s+)?(?<!\d)(\d{{1,4}})\b"
)
_MONTHS = {
    start: month
    for month, starts in enumerate(
        (
            "jan ene gen sty янв",
            "feb fev lut фев",
            "mar mae maa mrt mrz мар",
            "apr avr abr kwi апр",
            "may mai mei maj mag май мая",
            "jun juin giu cze июн",
            "jul juil lug lip июл",
            "aug aou ago sie авг",
            "sep set wrz сен",
            "oct okt ott out paz окт",
            "nov lis ноя",
            "dec dez des dic gru дек",
        ),
        1,
    )
    for start in starts.split()
}
"""The first letters of the months in a dozen languages, without accents."""


@functools.lru_cache(maxsize=1 << 16)
def parse_date(text: str) -> Date:
    """What a date says, of a range its beginning: "24 MAY 1819", "BET 1480 AND 1490", "44 B.C.",
    "@#DHEBREW@ 2 TVT 5758"; UNKNOWN if nothing.
    """
    text, calendar = _calendar(text)
    if calendar in ("HEBREW", "FRENCH"):
        return _other_calendar(_NEXT.split(text)[0], calendar)
    if calendar not in ("", "GREGORIAN", "JULIAN"):
        return UNKNOWN  # Roman, Mayan: nobody says how their years are counted.
    match = _YEAR.search(text)
    if match is None:
        return _short_year(text)
    year = int(match[1])
    if _BEFORE_CHRIST.match(match[3]) or _BC_FIRST.search(text[: match.start()]):
        return Date(-year, (-year,)) if year else UNKNOWN
    if not 0 < year <= LATEST:
        return UNKNOWN
    # The year began in March; "FEB 1731/32" is after December 1731.
    dual = match[2] is not None and (year + 1) % 10 ** len(match[2]) == int(match[2])
    return Date(year, (year + dual, *_month_and_day(text[: match.start()], text[match.end(1) :])))


def year_of(date: str) -> int | None:
    """The year of a date as files have it, None where it has none that is understood."""
    return parse_date(date).year


def shown_date(text: str) -> str:
    """A date without GEDCOM's escapes: "@#DJULIAN@ 11 FEB 1731/32" -> "11 FEB 1731/32 (Julian)"."""
    match = _ESCAPE.search(text)
    if match is None:
        return text
    bare = " ".join(_ESCAPE.sub(" ", text).split())
    name = match[1].strip().capitalize().replace("French r", "French republican")
    return bare if name in ("Gregorian", "") else f"{bare} ({name})"


def _calendar(text: str) -> tuple[str, str]:
    """The date without its calendar, and the calendar's name."""
    escape = _ESCAPE.search(text)
    if escape is not None:
        return _ESCAPE.sub(" ", text), escape[1].strip().upper().partition(" ")[0]
    named = _CALENDAR_7.search(text)
    if named is not None:
        return _CALENDAR_7.sub(" ", text), (named[1] or named[2]).partition("_R")[0]
    return text, ""


def _short_year(text: str) -> Date:
    """ "ABT 44", "15 MAR 44 B.C."; "5 MAY" has no year."""
    match = _SHORT_YEAR.search(text)
    if match is None:
        return UNKNOWN
    year = int(match[1])
    if year and (_BEFORE_CHRIST.match(match[2]) or _BC_FIRST.search(text[: match.start()])):
        return Date(-year, (-year,))
    return Date(year, (year,)) if year and _MONTHLESS.fullmatch(text.strip()) else UNKNOWN


def _other_calendar(text: str, calendar: str) -> Date:
    from convertdate import french_republican, gregorian, hebrew  # type: ignore[import-untyped]

    match = _OTHER_DAY.search(text.upper())
    if match is None:
        return UNKNOWN
    is_hebrew = calendar == "HEBREW"
    month = (_HEBREW if is_hebrew else _FRENCH).get(match[2] or "")
    year, day = int(match[3]), int(match[1] or 0)
    day = day if day <= 30 else 0
    if month is None:  # The calendar's year ends in the year of ours in which most of it lies.
        ours = year - 3760 if is_hebrew else year + 1792
        return Date(ours, (ours,)) if year > 0 and 0 < ours <= LATEST else UNKNOWN
    try:
        with warnings.catch_warnings():  # convertdate calls functions of its own that it means to drop
            warnings.simplefilter("ignore", DeprecationWarning)
            if not is_hebrew:
                days = french_republican.to_jd(year, month, day or 1)
            elif month == 13 and not hebrew.leap(year):
                days = hebrew.to_jd(year, 12, day or 1)
            else:
                days = hebrew.to_jd(year, month, day or 1)
            found = tuple(int(part) for part in gregorian.from_jd(days))
    except (ValueError, OverflowError, IndexError):
        return UNKNOWN
    return Date(found[0], found[: 3 if day else 2]) if 0 < found[0] <= LATEST else UNKNOWN


def _month_and_day(before: str, behind: str) -> Day:
    """Month and day from what stands before and behind a year, as far as they are told."""
    match = _DAY_FIRST.search(before)
    if match is not None and (month := _month(match[2])):
        return month, int(match[1])
    match = _MONTH_FIRST.search(before)
    if match is not None and (month := _month(match[1])):
        return (month, int(match[2])) if match[2] else (month,)
    match = _NUMBERS_BEHIND.match(behind)
    if match is not None and 1 <= int(match[1]) <= 12:
        return int(match[1]), int(match[2])
    match = _NUMBERS_FIRST.search(before)
    if match is not None:
        first, second = int(match[1]), int(match[2])
        # "3/4/1850" is in March for some and in April for others.
        if (first > 12 or "." in match[0]) and 1 <= second <= 12:
            return second, first
        if second > 12 >= first >= 1:
            return first, second
    return ()


def _month(word: str) -> int | None:
    letters = unicodedata.normalize("NFKD", word.casefold())
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    # "май" loses its breve above.
    return _MONTHS.get(plain[:4]) or _MONTHS.get(plain[:3]) or _MONTHS.get(word.casefold()[:3])
