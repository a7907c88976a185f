"""Reads bytes and text of untrusted files: sizes are capped, and every failure is a ReadError."""

import codecs
from io import BufferedIOBase

from ...errors import InputError

MEGABYTE = 1 << 20
SNIFFED = 40
"""bytes that UTF-16 is told by: a level and a tag, or a heading"""


class ReadError(InputError):
    """A file that cannot be read as what it seems to be; the message says why."""


def clean(text: str) -> str:
    """Single spaces, and nothing that a terminal would take for a command."""
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(text.split())


def read_capped(file: BufferedIOBase, name: str, max_bytes: int) -> bytes:
    """The content of a file of at most ``max_bytes`` bytes, from its start.

    Raises:
        ReadError: it is larger.
    """
    file.seek(0)
    data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ReadError(
            f"{name} is larger than {max_bytes // MEGABYTE} MB, the most that is read of its kind"
        )
    return data


def utf16(data: bytes) -> str | None:
    """The text of data in UTF-16, with or without a byte-order mark; None if it is something else.

    What is damaged in it becomes "\ufffd".
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    start = data[:SNIFFED]
    for order, encoding in ((0, "utf-16-le"), (1, "utf-16-be")):
        # Digits, blanks and Latin letters, of which every table and every GEDCOM file begins.
        letters, zeros = start[order::2], start[1 - order :: 2]
        if len(zeros) > 2 and not zeros.strip(b"\0") and b"\0" not in letters:
            return data.decode(encoding, errors="replace")
    return None


def decode(data: bytes, name: str) -> str:
    """UTF-8 or UTF-16, else Windows-1252, which holds Western European text.

    Raises:
        ReadError: it is not text.
    """
    text = utf16(data)
    if text is None:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")
    if "\0" in text:
        raise ReadError(f"{name} holds binary data, not text: give a GEDCOM, CSV, GraphML or GTFS file")
    return text
