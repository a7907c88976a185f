"""Reads the lines of a GEDCOM file that are about people and families: 5.5 and its dialects, 7.0.

Real files hold much more (notes, sources, pictures). That makes them large, and it is often damaged: a line
break inside a note gives a line without a level and a tag. What is not about the facts is dropped unread.
"""

import codecs
import dataclasses
import io
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from .files import ReadError, utf16

_EVENT = frozenset({b"DATE", b"TYPE", b"FAMC"})
_NAME = frozenset({b"GIVN", b"SURN", b"NICK", b"TYPE", b"CONC", b"CONT", b"_MARNM", b"_AKA", b"AKA", b"ALIA"})
_NAME |= {b"ROMN", b"FONE", b"TRAN"}
_TIE = frozenset({b"PEDI", b"STAT", b"_FREL", b"_MREL"})
_TEXT = frozenset({b"CONC", b"CONT"})
_NOTHING: frozenset[bytes] = frozenset()

KEPT: dict[bytes, dict[bytes, frozenset[bytes]]] = {
    b"INDI": {
        **dict.fromkeys((b"NAME",), _NAME),
        **dict.fromkeys((b"TITL", b"NICK", b"ALIA", b"_AKA", b"AKA", b"_MARNM", b"GIVN", b"SURN"), _TEXT),
        **dict.fromkeys((b"BIRT", b"CHR", b"BAPM", b"DEAT", b"BURI", b"CREM", b"ADOP"), _EVENT),
        b"SEX": _NOTHING,
        b"FAMC": _TIE,
        b"FAMS": _NOTHING,
    },
    b"FAM": {
        b"HUSB": _NOTHING,
        b"WIFE": _NOTHING,
        b"CHIL": _TIE,
        **dict.fromkeys((b"MARR", b"DIV", b"ANUL", b"EVEN"), _EVENT),
    },
    b"TRLR": {},
}
"""Of the records that are kept their lines of level 1, and of those the lines of level 2."""
BELOW = frozenset({b"ADOP", b"PHRASE"})
"""Lines of level 3 that are kept."""

MAX_LINE = 4096
"""bytes of a line that is kept; the standard allows 255"""
MAX_LINES = 10_000
"""kept lines of a record"""
MAX_RECORDS = 400_000
"""people and families"""
HEADER = 1 << 16
"""bytes in which a header names its encoding"""
FOREIGN = 0.1
"""of the accents of ANSEL, how many may stand before no letter: there they belong to another encoding"""

_LINE = re.compile(rb"[^\r\n]+")
_PARTS = re.compile(
    rb"[ \t]*(\d{1,2})[ \t]+(?:(@[^@\s][^@]*@)[ \t]*)?([A-Za-z0-9_]+)(?:[ \t](.*))?", re.DOTALL
)
_ACCENT = re.compile(rb"[\xe0-\xfe]")
_ACCENTED = re.compile(rb"[\xe0-\xfe](?=[A-Za-z\xa1-\xc6\xe0-\xfe])")


class Line(NamedTuple):
    """A line of a record and the lines below it."""

    tag: str
    value: str
    below: list["Line"]

    def first(self, tag: str) -> str:
        """The value of the first line of this tag below, "" if there is none."""
        return next((line.value for line in self.below if line.tag == tag), "")


class Record(NamedTuple):
    """A person or a family."""

    tag: str
    id: str
    lines: list[Line]


@dataclasses.dataclass
class Findings:
    """What was strange in a file, as far as it has been read."""

    complete: bool = False
    """the end mark (0 TRLR) was there"""
    broken: int = 0
    """broken lines that were left out"""
    first_broken: int = 0
    """number of the first of them that stood among the facts"""
    foreign: int = 0
    """lines in another encoding than the file's"""
    encoding: str = "utf-8"
    """the file's"""

    def notes(self) -> list[str]:
        """Sentences."""
        notes = []
        if self.broken:
            where = f" (the first of a person or family is line {self.first_broken})"
            notes.append(
                f"{self.broken} broken lines between the facts were left out{where * bool(self.first_broken)}"
            )
        if self.foreign:
            notes.append(
                f"{self.foreign} lines are not in the encoding of the file ({self.encoding}):"
                " read as Windows-1252"
            )
        return notes


def records(data: bytes, name: str, findings: Findings) -> Iterator[Record]:
    """People and families.

    Args:
        data: the file, in any encoding.
        name: of the file, for messages.
        findings: is filled in.

    Raises:
        ReadError: binary data, or a broken line among the facts.
    """
    text = utf16(data)
    if text is not None:
        data = text.encode()
        del text
    if b"\0" in data:
        raise ReadError(f"{name} holds binary data, not GEDCOM lines")
    decode = _decoder(data, findings)
    for count, record in enumerate(_kept(data, name, decode, findings), 1):
        if count > MAX_RECORDS:
            raise ReadError(f"{name} holds over {MAX_RECORDS:,} people and families, the most that is read")
        yield record


def _kept(data: bytes, name: str, decode: Callable[[bytes], str], findings: Findings) -> Iterator[Record]:
    """People and families, with the lines that are kept of them."""
    current: Record | None = None
    wanted: dict[bytes, frozenset[bytes]] = {}  # of the record that we are in
    # Whether something of this record's is read at all, and what is kept below the lines above.
    reading = True
    below: frozenset[bytes] = _NOTHING
    first: Line | None = None
    second: Line | None = None
    matters = True  # whether the line above was kept
    lines = 0
    for match in _LINE.finditer(data, len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0):
        line = match.group()
        if not reading and line[:1] != b"0" and line[:1].isdigit():
            matters = False
            continue
        parts = _PARTS.fullmatch(line)
        if parts is None:
            if line.strip():
                _broken(data, match, matters, name, findings)
            continue
        level, xref, tag, value = parts.groups()
        tag = tag.upper()
        depth = int(level)
        parent: list[Line] | None = None
        if depth == 0:
            if current is not None:
                yield current
            wanted = KEPT.get(tag, {})
            reading = matters = tag in KEPT
            findings.complete = findings.complete or tag == b"TRLR"
            current = Record(tag.decode(), _id(decode, xref), []) if wanted else None
            first = second = None
            lines = 0
            continue
        if depth == 1:
            first = second = None
            if current is not None and tag in wanted:
                parent, below = current.lines, wanted[tag]
        elif depth == 2:
            second = None
            if first is not None and tag in below:
                parent = first.below
        elif depth == 3 and second is not None and tag in BELOW:
            parent = second.below
        matters = parent is not None
        if parent is None:
            continue
        lines += 1
        if len(line) > MAX_LINE or lines > MAX_LINES:
            what = f"{len(line):,} bytes" if len(line) > MAX_LINE else f"{lines:,} lines of one record"
            raise ReadError(f"{name}, line {_number(data, match.start())}: {what} are too many")
        new = Line(tag.decode(), _value(decode, tag, value), [])
        parent.append(new)
        if depth == 1:
            first = new
        elif depth == 2:
            second = new
    if current is not None:
        yield current


def _id(decode: Callable[[bytes], str], xref: bytes | None) -> str:
    return " ".join(decode(xref).split()) if xref else ""


def _value(decode: Callable[[bytes], str], tag: bytes, value: bytes | None) -> str:
    """Without the padding of old programs; that of a continued line is part of the text."""
    if not value:
        return ""
    text = decode(value)
    if tag in _TEXT:
        return text
    text = " ".join(text.split())
    # "@@" is an "@" that begins no pointer.
    return text.replace("@@", "@") if "@@" in text else text


def _decoder(data: bytes, findings: Findings) -> Callable[[bytes], str]:
    """How the values of a file are read.

    Text that is valid UTF-8 is hardly ever anything else, whatever the header says. A file that should be
    UTF-8 but is not has single lines from elsewhere.
    """
    if _is_utf8(data):
        return lambda value: value.decode(errors="replace")
    encoding = _named_encoding(data)
    if encoding == "gedcom":
        accents = len(_ACCENT.findall(data))
        if accents - len(_ACCENTED.findall(data)) > FOREIGN * accents:
            findings.encoding, encoding = "ANSEL", "cp1252"
            findings.foreign = sum(1 for line in _LINE.finditer(data) if not line.group().isascii())
    if encoding not in ("utf-8", "ascii"):
        return lambda value: value.decode(encoding, errors="replace")

    def decode(value: bytes) -> str:
        try:
            return value.decode()
        except UnicodeDecodeError:
            findings.foreign += 1
            return value.decode("cp1252", errors="replace")

    return decode


def _is_utf8(data: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(data), HEADER):
            decoder.decode(data[start : start + HEADER])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _named_encoding(data: bytes) -> str:
    """The codec of the encoding that the header names."""
    from ged4py.parser import CodecError, guess_codec

    head = data[:HEADER].replace(b"\r\n", b"\n").replace(b"\r", b"\n") + b"\n0 TRLR\n"
    try:
        encoding = guess_codec(io.BytesIO(head), errors="replace", warn=False)[0]
    except (CodecError, OSError, ValueError):
        return "utf-8"
    # Not text encodings, or such as Python has for other ends.
    try:
        "a".encode(encoding)
    except (LookupError, UnicodeError):
        return "utf-8"
    return encoding.replace("_", "-")


def _broken(data: bytes, match: re.Match[bytes], matters: bool, name: str, findings: Findings) -> None:
    """Count a line that is none of GEDCOM, unless a fact may have been lost with it.

    Raises:
        ReadError: it stands between facts, and begins like a line of GEDCOM.
    """
    line = match.group()
    # What is cut off at the end of a file is told by its missing end mark.
    if matters and line.lstrip()[:1].isdigit() and match.end() < len(data.rstrip()):
        shown = ascii(line[:40].decode("latin-1"))
        raise ReadError(
            f"{name}, line {_number(data, match.start())}: {shown} is not a line of GEDCOM (a level, a tag"
            " and a value): mend it or take it out"
        )
    findings.broken += 1
    if matters and not findings.first_broken:
        findings.first_broken = _number(data, match.start())


def _number(data: bytes, place: int) -> int:
    return data.count(b"\n", 0, place) + 1 if b"\n" in data else data.count(b"\r", 0, place) + 1
