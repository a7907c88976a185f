"""Reads bytes and text of untrusted files: sizes are capped, and every failure is a ReadError."""

import codecs
from io import BufferedIOBase

from ...errors import InputError

MEGABYTE = 1 << 20


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


def decode(data: bytes, name: str) -> str:
    """UTF-8 or UTF-16 (by its byte-order mark), else Windows-1252, which holds Western European text.

    Raises:
        ReadError: it is not text.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            text = data.decode("utf-16")
        except UnicodeDecodeError:
            raise ReadError(f"{name} begins like UTF-16 text, but is damaged further on") from None
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")
    if "\0" in text:
        raise ReadError(f"{name} holds binary data, not text: give a GEDCOM, CSV, GraphML or GTFS file")
    return text
