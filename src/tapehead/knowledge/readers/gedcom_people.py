"""A person of a GEDCOM file: names, sex, dates."""

import re
import unicodedata
from typing import NamedTuple

from ...tasks.kinship.tree import Sex
from ..graph import Entity
from .dates import UNKNOWN, Date, parse_date, shown_date
from .files import clean
from .gedcom_lines import Line, Record

BIRTHS = ("BIRT", "CHR", "BAPM")
"""Events that tell when somebody was born, the nearest first."""
DEATHS = ("DEAT", "BURI", "CREM")
_CALLED = ("NICK", "ALIA", "_AKA", "AKA", "_MARNM")
_WRITTEN = ("ROMN", "FONE", "TRAN")
"""A name in other letters."""


class Name(NamedTuple):
    """A name in its parts."""

    whole: str
    given: str
    surname: str


def person_of(record: Record, dateless: list[str]) -> Entity:
    """The person of a record.

    Args:
        record: of a person.
        dateless: dates of which nothing is understood are added to it.
    """
    person = Entity(record.id, "", "person")
    events: dict[str, tuple[str, Date]] = {}
    for line in record.lines:
        if line.tag == "SEX":
            person.sex = _sex(line.value)
        elif line.tag == "TITL" and line.value:
            person.titles += (clean(_text(line)),)
        elif line.tag in BIRTHS or line.tag in DEATHS:
            if line.tag in DEATHS and line.value.upper() != "N":
                person.dead = True
            found = date_of(line, dateless)
            if found[0] and (line.tag not in events or not events[line.tag][0]):
                events[line.tag] = found
    person.born, (person.born_year, person.born_on) = _first(events, BIRTHS)
    person.died, (person.died_year, _) = _first(events, DEATHS)
    _call(person, record)
    return person


def date_of(event: Line, dateless: list[str]) -> tuple[str, Date]:
    """The date of an event, for people and for order; ("", UNKNOWN) where there is none."""
    for below in event.below:
        if below.tag == "DATE" and below.value:
            date = parse_date(below.value)
            if date.year is None and any(letter.isdigit() for letter in below.value):
                dateless.append(below.value)
            return shown_date(clean(below.value)), date
    return "", UNKNOWN


def _first(events: dict[str, tuple[str, Date]], tags: tuple[str, ...]) -> tuple[str, Date]:
    """The nearest event of which a year is known, else the nearest."""
    found = [events[tag] for tag in tags if tag in events]
    return next((event for event in found if event[1].year is not None), found[0] if found else ("", UNKNOWN))


def _call(person: Entity, record: Record) -> None:
    """Give a person their names."""
    names: list[Name] = []
    called: list[Line] = []
    for line in record.lines:
        if line.tag == "NAME":
            names.append(_name(line))
            called.extend(below for below in line.below if below.tag in _CALLED)
            names.extend(_split(below.value) for below in line.below if below.tag in _WRITTEN)
        # In the standard, ALIA leads to another record of the same person.
        elif line.tag in _CALLED and not line.value.startswith("@"):
            called.append(line)
    loose = {line.tag: line.value for line in record.lines if line.tag in ("GIVN", "SURN")}
    if loose:
        names.append(_joined(loose.get("GIVN", ""), loose.get("SURN", "")))
    names = [name for name in names if name.whole]
    main = names[0] if names else Name("", "", "")
    others = [_completed(name, main) for name in names[1:]]
    for line in called:
        for text in re.split("[,;]", _text(line)):
            others.extend(_other_names(_split(text.strip(" \"'“”")), main, married=line.tag == "_MARNM"))
    if not main.whole and others:
        main = Name(others[0], "", "")
    person.name = main.whole or f"(no name) {record.id}"
    person.given, person.surname = main.given, main.surname
    person.other_names = tuple(dict.fromkeys(name for name in others if name and name != person.name))


def _other_names(name: Name, main: Name, married: bool) -> list[str]:
    """A nickname alone and with the surname, a married surname with the given name."""
    if not name.whole:
        return []
    first = main.given.partition(" ")[0].casefold()
    if not name.given or (married and not name.surname and first not in name.whole.casefold().split()):
        return [_completed(name._replace(given=""), main)]
    if name.surname or not main.surname or " " in name.whole:
        return [name.whole]
    return [name.whole, f"{name.whole} {main.surname}"]


def _completed(name: Name, main: Name) -> str:
    """A surname alone is one that the same person has beside the given name."""
    return name.whole if name.given or not main.given else f"{main.given} {name.whole}"


def _name(line: Line) -> Name:
    """The whole name of a NAME line; from its parts below where it has no value."""
    name = _split(_text(line))
    given, surname = (clean(line.first(tag).replace("/", " ")) for tag in ("GIVN", "SURN"))
    if not name.whole:
        return _joined(given, surname)
    if surname and not name.surname and surname not in name.whole:
        return Name(f"{name.whole} {surname}", name.given, surname)
    if given and not name.given:
        return Name(f"{given} {name.whole}", given, name.surname)
    return name


def _joined(given: str, surname: str) -> Name:
    # "Bach, Pach" are two spellings.
    given, surname = clean(given), clean(surname.partition(",")[0])
    return Name(f"{given} {surname}".strip(), given, surname)


def _text(line: Line) -> str:
    parts = [line.value]
    for below in line.below:
        if below.tag == "CONC":
            parts.append(below.value)
        elif below.tag == "CONT":
            parts.append(f" {below.value}")
    return "".join(parts)


def _split(value: str) -> Name:
    """A name by its slashes; old programs put "_" where a name has a space inside."""
    # ANSEL has accents as letters of their own, before the letter they belong to.
    value = value if value.isascii() else unicodedata.normalize("NFC", value)
    given, slash, rest = value.replace("_", " ").partition("/")
    surname, _, suffix = rest.partition("/")
    given, surname = clean(given), clean(surname)
    if slash and not given:  # "/王/ 小明"
        given, suffix = clean(suffix), ""
        return Name(f"{surname} {given}".strip(), given, surname)
    return Name(clean(f"{given} {surname} {suffix}"), given, surname)


def _sex(value: str) -> Sex:
    first = value[:1].upper()
    return "m" if first == "M" else "f" if first == "F" else "u"
