"""Drops the lines of a GEDCOM file that are not about people and families, before a parser sees it.

Real files hold much more (notes, sources, pictures). That makes them large, and it is often damaged: a line
break inside a note gives a line without a level and a tag. A broken line after a dropped one is dropped too;
a broken line after a kept one is an error.
"""

import codecs
import io
import re
from typing import NamedTuple

from .files import ReadError

KEPT: dict[bytes, frozenset[bytes]] = {
    b"HEAD": frozenset({b"CHAR", b"GEDC", b"SOUR"}),
    b"INDI": frozenset(
        {b"NAME", b"TITL", b"SEX", b"BIRT", b"CHR", b"DEAT", b"BURI", b"CREM", b"FAMC", b"FAMS"}
    ),
    b"FAM": frozenset({b"HUSB", b"WIFE", b"CHIL"}),
    b"TRLR": frozenset(),
}
"""Of the records that are kept: their lines of level 1 that are."""
SUB_KEPT = frozenset({b"DATE", b"PEDI", b"VERS", b"TYPE", b"CONC", b"CONT", b"_FREL", b"_MREL"})
"""Lines of level 2 that are kept under those."""

MAX_LINE = 4096
"""bytes of a line that is kept; the standard allows 255"""

MAX_LINES = 10_000
"""kept lines of a record"""
MAX_RECORDS = 400_000
"""people and families"""

_LINE = re.compile(rb"[^\r\n]+")
_PARTS = re.compile(
    rb"[ \t]*(\d{1,2})[ \t]+(?:(@[^@\s][^@]*@)[ \t]*)?([A-Za-z0-9_]+)(?:[ \t](.*))?", re.DOTALL
)


class FilteredGedcom(NamedTuple):
    """What is left of a file."""

    data: bytes
    """GEDCOM lines of levels 0 to 2, ends of line "\\n", no byte-order mark"""
    complete: bool
    """whether the end mark (0 TRLR) was there"""
    skipped: int
    """broken lines that were left out"""


def filter_gedcom(data: bytes, name: str) -> FilteredGedcom:
    """Keep the lines of people and families.

    Args:
        data: the file; UTF-16 with a byte-order mark, or anything that holds ASCII as single bytes.
        name: of the file, for messages.

    Raises:
        ReadError: binary data, or a broken line among the facts.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            data = data.decode("utf-16").encode()
        except UnicodeDecodeError:
            raise ReadError(f"{name} begins like UTF-16 text, but is damaged further on") from None
    if b"\0" in data:
        raise ReadError(f"{name} holds binary data, not GEDCOM lines")
    start = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0

    kept = io.BytesIO()
    records = lines = 0
    record: frozenset[bytes] | None = None  # what is kept of the record that we are in
    inside = False  # whether the line of level 1 above was kept
    matters = True  # whether the line above was kept
    skipped = 0
    complete = False
    for match in _LINE.finditer(data, start):
        line = match.group()
        parts = _PARTS.fullmatch(line)
        if parts is None:
            if not line.strip():
                continue
            if matters:
                raise _broken(data, match.start(), line, name)
            skipped += 1
            continue
        level, xref, tag, value = parts.groups()
        tag = tag.upper()
        depth = int(level)
        if depth == 0:
            record = KEPT.get(tag)
            records += tag in (b"INDI", b"FAM")
            if records > MAX_RECORDS:
                raise ReadError(
                    f"{name} holds over {MAX_RECORDS:,} people and families, the most that is read"
                )
            lines = 0
            complete = complete or tag == b"TRLR"
            inside = False
            matters = record is not None
        elif depth == 1:
            inside = matters = record is not None and tag in record
        else:
            matters = inside and depth == 2 and tag in SUB_KEPT
        if not matters:
            continue
        lines += 1
        if len(line) > MAX_LINE or lines > MAX_LINES:
            what = f"{len(line):,} bytes" if len(line) > MAX_LINE else f"{lines:,} lines of one record"
            raise ReadError(f"{name}, line {_number(data, match.start())}: {what} are too many")
        parts_kept = (b"%d" % depth, xref, tag, _clean(tag, value))
        kept.write(b" ".join(part for part in parts_kept if part) + b"\n")
    return FilteredGedcom(kept.getvalue(), complete, skipped)


def _clean(tag: bytes, value: bytes | None) -> bytes | None:
    """Without the padding of old programs; that of a continued line is part of the text."""
    return value if value is None or tag in (b"CONC", b"CONT") else b" ".join(value.split())


def _broken(data: bytes, place: int, line: bytes, name: str) -> ReadError:
    shown = ascii(line[:40].decode("latin-1"))
    return ReadError(
        f"{name}, line {_number(data, place)}: {shown} is not a line of GEDCOM (a level, a tag and a value)"
    )


def _number(data: bytes, place: int) -> int:
    return data.count(b"\n", 0, place) + 1 if b"\n" in data else data.count(b"\r", 0, place) + 1
