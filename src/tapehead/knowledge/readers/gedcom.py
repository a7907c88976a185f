"""GEDCOM files: 5.5 and its dialects by ged4py, 7.0 by gedcom7."""

import io
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from ...tasks.kinship.tree import Sex
from ..graph import Entity, KnowledgeGraph
from .family_tree import ADOPTED, BORN, FOSTER, Couple, build
from .files import ReadError, clean
from .gedcom_filter import filter_gedcom

if TYPE_CHECKING:
    import ged4py.model
    import gedcom7

MAX_FILE_BYTES = 200 << 20
PORTION = 5000
"""records of GEDCOM 7 that are parsed at a time"""
MAX_LISTED = 5
"""missing ids that a note names"""

_HEADER = re.compile(rb"(?:\xef\xbb\xbf)?\s*0\s+HEAD\b")
_VERSION_7 = re.compile(rb"^2 VERS 7(?:\.|$)", re.MULTILINE)
_CHARACTERS = re.compile(rb"^1 CHAR\b.*\n", re.MULTILINE)
_RECORD_START = re.compile(r"(?<=\n)(?=0 )")
_YEAR = re.compile(r"(?<!\d)(\d{3,4})(?:/\d{2,4})?(?!\d)(.*)")
_SHORT_YEAR = re.compile(r"(?<!\d)(\d{1,2})(?=\D*$)(.*)")
_BEFORE_CHRIST = re.compile(r"\s*B\.?\s?C", re.IGNORECASE)
_MONTHLESS = re.compile(r"(?:[A-Z.]+\s+)?\d+(?:\s*B\.?\s?C\.?(?:E\.?)?)?", re.IGNORECASE)


class Line(NamedTuple):
    """A line of a record and the lines below it, whichever parser read them."""

    tag: str
    value: str
    below: list["Line"]


class Record(NamedTuple):
    """A person or a family."""

    tag: str
    id: str
    lines: list[Line]


def is_gedcom(start: bytes) -> bool:
    """Whether a file that begins like this is GEDCOM."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        start = start[: len(start) // 2 * 2].decode("utf-16", errors="ignore").encode()
    return _HEADER.match(start) is not None


def read_gedcom(data: bytes, name: str) -> KnowledgeGraph:
    """The family tree of a GEDCOM file.

    Args:
        data: the file.
        name: of the file, for messages.

    Raises:
        ReadError: it is damaged; the message says where.
    """
    kept = filter_gedcom(data, name)
    del data
    notes = []
    if kept.skipped:
        notes.append(f"{kept.skipped} broken lines between the facts were left out")
    if _VERSION_7.search(kept.data):
        records = _by_gedcom7(kept.data, name)
    else:
        records = _by_ged4py(kept.data, name, notes)
    people, couples, missing = _interpret(records, notes)
    if missing:
        listed = ", ".join(missing[:MAX_LISTED]) + (", …" if len(missing) > MAX_LISTED else "")
        what = f"{len(missing)} people or families that it names are missing ({listed})"
        if not kept.complete:
            raise ReadError(f"{name} seems to be cut off: it has no end mark (0 TRLR), and {what}")
        notes.append(f"{what}: left out")
    elif not kept.complete:
        notes.append("the file has no end mark (0 TRLR): it may be cut off")
    if not people:
        raise ReadError(f"{name} is GEDCOM, but there are no people in it")
    return build(name, people, couples, notes)


def _by_ged4py(data: bytes, name: str, notes: list[str]) -> Iterator[Record]:
    from ged4py.parser import CodecError, GedcomReader, IntegrityError, ParserError, guess_codec

    try:
        data.decode()
        encoding = "utf-8"  # Also where the header says otherwise: other text is hardly ever valid UTF-8.
    except UnicodeDecodeError:
        try:
            encoding = guess_codec(io.BytesIO(data), errors="replace", warn=False)[0]
        except (CodecError, OSError):
            encoding = "utf-8"
        if encoding.replace("_", "-") in ("utf-8", "ascii"):
            encoding = "cp1252"
            notes.append("the file is not in the encoding that it names: read as Windows-1252")
    # The reader insists on knowing the encoding that the header names, even if another is given.
    data = _CHARACTERS.sub(b"", data, count=1)
    try:
        with GedcomReader(io.BytesIO(data), encoding=encoding, errors="replace") as reader:
            for record in reader.records0():
                if record.tag in ("INDI", "FAM"):
                    yield Record(record.tag, record.xref_id or "", _ged4py_lines(record.sub_records))
    except (CodecError, IntegrityError, ParserError, OSError, LookupError) as error:
        raise ReadError(f"{name} cannot be read as GEDCOM: {clean(str(error))[:200]}") from None


def _ged4py_lines(records: "Iterable[ged4py.model.Record]") -> list[Line]:
    lines = []
    for record in records:
        value = record.value
        if isinstance(value, tuple):  # A name: given, surname, what comes behind it.
            value = f"{value[0]} /{value[1]}/ {value[2]}"
        lines.append(
            Line(record.tag or "", "" if value is None else str(value), _ged4py_lines(record.sub_records))
        )
    return lines


def _by_gedcom7(data: bytes, name: str) -> Iterator[Record]:
    import gedcom7

    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ReadError(f"{name} says that it is GEDCOM 7, but it is not UTF-8 text") from None
    # In portions, for a parsed line takes ten times the memory of a written one.
    head, *records = _RECORD_START.split(text)
    records = [record for record in records if record != "0 TRLR\n"]
    for start in range(0, len(records), PORTION):
        portion = [head, *records[start : start + PORTION], "0 TRLR\n"]
        try:
            structures = gedcom7.loads("".join(portion))
        except gedcom7.GedcomParseError as error:
            raise ReadError(f"{name} cannot be read as GEDCOM 7: {clean(str(error))[:200]}") from None
        for structure in structures:
            if structure.tag in ("INDI", "FAM"):
                yield Record(structure.tag, structure.xref or "", _gedcom7_lines(structure.children))


def _gedcom7_lines(structures: "Iterable[gedcom7.GedcomStructure]") -> list[Line]:
    return [Line(s.tag, s.pointer or s.text or "", _gedcom7_lines(s.children)) for s in structures]


def _interpret(
    records: Iterable[Record], notes: list[str]
) -> tuple[dict[str, Entity], list[Couple], list[str]]:
    """People, families, and the ids that are named but missing."""
    people: dict[str, Entity] = {}
    couples: dict[str, Couple] = {}
    ties: dict[tuple[str, str], str] = {}  # (child, family) -> tie, as the child's record has it
    claims: list[tuple[str, str]] = []  # (partner, family), as the partner's record has it
    for record in records:
        if record.id in people or record.id in couples or not record.id:
            notes.append(f"a second record has the id {record.id or '(none)'}: left out")
        elif record.tag == "INDI":
            people[record.id] = _person(record)
            for line in record.lines:
                if line.tag == "FAMC":
                    ties[record.id, line.value] = _tie(line)
                elif line.tag == "FAMS":
                    claims.append((record.id, line.value))
        else:
            couple = couples[record.id] = Couple(record.id)
            for line in record.lines:
                if line.tag == "CHIL":
                    couple.children[line.value] = _tie(line)
                elif line.tag in ("HUSB", "WIFE") and line.value not in couple.partners:
                    couple.partners.append(line.value)
    _note_one_sided(ties, couples, notes)
    named: dict[str, None] = {}
    for couple in couples.values():
        named.update(dict.fromkeys([*couple.partners, *couple.children]))
        couple.partners = [partner for partner in couple.partners if partner in people]
        couple.children = {child: tie for child, tie in couple.children.items() if child in people}
    missing = [identity for identity in named if identity not in people]
    # The families' records count; where only the person's own record tells, it is believed.
    for (child, family), tie in ties.items():
        if family not in couples:
            missing.append(family)
        elif tie != BORN or child not in couples[family].children:
            couples[family].children[child] = tie
    for partner, family in claims:
        if family not in couples:
            missing.append(family)
        elif len(couples[family].partners) < 2 and partner not in couples[family].partners:
            couples[family].partners.append(partner)
    return people, list(couples.values()), [m for m in dict.fromkeys(missing) if m not in ("", "@VOID@")]


def _note_one_sided(ties: dict[tuple[str, str], str], couples: dict[str, Couple], notes: list[str]) -> None:
    """A few ties that only one side tells are more likely mistakes than the way of the file."""
    told = {(child, couple.id) for couple in couples.values() for child in couple.children}
    one_sided = len(told ^ ties.keys())
    if 0 < one_sided < len(told & ties.keys()):
        notes.append(f"{one_sided} times only one of a child and its family names the other: believed")


def _tie(line: Line) -> str:
    said = " ".join(below.value for below in line.below if below.tag in ("PEDI", "_FREL", "_MREL")).lower()
    return ADOPTED if "adopt" in said else FOSTER if "foster" in said else BORN


def _person(record: Record) -> Entity:
    person = Entity(record.id, "", "person")
    names: list[tuple[str, str]] = []
    titles = []
    for line in record.lines:
        if line.tag == "NAME":
            names.append(_name(line.value))
        elif line.tag == "TITL" and line.value:
            titles.append(clean(line.value))
        elif line.tag == "SEX":
            person.sex = _sex(line.value)
        elif line.tag in ("BIRT", "CHR"):
            if not person.born:
                person.born, person.born_year = _date(line)
        elif line.tag in ("DEAT", "BURI", "CREM"):
            person.dead = person.dead or line.value.upper() != "N"
            if not person.died:
                person.died, person.died_year = _date(line)
    names = [name for name in names if name[0]]
    person.name, person.given = names[0] if names else (f"(no name) {record.id}", "")
    person.other_names = tuple(name for name, _ in names[1:])
    person.titles = tuple(titles)
    return person


def _name(value: str) -> tuple[str, str]:
    """The whole name, and the given name; old programs put "_" where a name has a space inside."""
    # ANSEL has accents as letters of their own, before the letter they belong to.
    given, _, rest = unicodedata.normalize("NFC", value).replace("_", " ").partition("/")
    surname, _, suffix = rest.partition("/")
    return clean(f"{given} {surname} {suffix}"), clean(given)


def _sex(value: str) -> Sex:
    first = value[:1].upper()
    return "m" if first == "M" else "f" if first == "F" else "u"


def _date(event: Line) -> tuple[str, int | None]:
    shown = next((clean(below.value) for below in event.below if below.tag == "DATE"), "")
    return shown, year_of(shown)


def year_of(date: str) -> int | None:
    """The year of a date as files have it ("24 MAY 1819", "ABT 1050", "BET 1480 AND 1490", "44 B.C.")."""
    match = _YEAR.search(date)
    if match is None:
        match = _SHORT_YEAR.search(date) if _MONTHLESS.fullmatch(date.strip()) else None
    if match is None:
        return None
    year = int(match[1])
    return (-year if _BEFORE_CHRIST.match(match[2]) else year) or None
