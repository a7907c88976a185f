"""Makes GML as programs write it into GML as networkx reads it."""

import re
from collections.abc import Iterator

from .files import ReadError

_TOKEN = re.compile(r'"[^"]*"|[\[\]]|\n|[^\s\[\]"]+')
_NUMBER = re.compile(r"[+-]?(?:\d+|(?:\d*\.\d+|\d+\.\d*)(?:[Ee][+-]?\d+)?)")
_NO_KEY = re.compile(r"[^0-9A-Za-z_]+")
MAX_DEPTH = 50


def tidy_gml(text: str, name: str) -> Iterator[str]:
    """The lines of a GML file: one key and value each, every text in quotes, parallel edges allowed.

    Args:
        text: of the file; its texts may lack their quotes, and go on to the end of the line or the next key.
        name: of the file, for messages.

    Raises:
        ReadError: a bracket or a key is missing, or it is nested too deeply.
    """
    tokens = [match.group() for match in _TOKEN.finditer(_without_comments(text))]
    depth = place = 0
    while place < len(tokens):
        key = tokens[place]
        place += 1
        if key == "\n":
            continue
        if key == "]":
            depth -= 1
            if depth < 0:
                raise ReadError(f"{name} cannot be read as GML: a ']' closes nothing")
            yield key
            continue
        while place < len(tokens) and tokens[place] == "\n":
            place += 1
        if place == len(tokens):
            break
        if tokens[place] == "[":
            place += 1
            depth += 1
            if depth > MAX_DEPTH:
                raise ReadError(f"{name} is nested too deeply to be GML")
            yield f"{_key(key, name)} ["
            if depth == 1 and key.lower() == "graph":
                yield "multigraph 1"
            continue
        value, place = _value(tokens, place)
        if key.lower() != "multigraph":
            yield f"{_key(key, name)} {value}"
    if depth:
        raise ReadError(f"{name} cannot be read as GML: {depth} of its '[' are not closed")


def _value(tokens: list[str], place: int) -> tuple[str, int]:
    """The value that begins at a place, and the place behind it."""
    value = tokens[place]
    place += 1
    if value.startswith('"') or _NUMBER.fullmatch(value):
        return value, place
    words = [value]
    while place < len(tokens) and tokens[place] not in ("\n", "[", "]") and not _is_pair(tokens, place):
        words.append(tokens[place])
        place += 1
    return '"' + " ".join(words).replace('"', "") + '"', place


def _is_pair(tokens: list[str], place: int) -> bool:
    """Whether a key with its value stands here, and not the next word of a text."""
    following = tokens[place + 1] if place + 1 < len(tokens) else ""
    return following[:1] in ('"', "[") or _NUMBER.fullmatch(following) is not None


def _key(key: str, name: str) -> str:
    """networkx wants letters and digits, and a letter first.

    Raises:
        ReadError: it has no letter first.
    """
    if not key[:1].isalpha():
        raise ReadError(f"{name} cannot be read as GML: {key[:40]!a} stands where a key should")
    return _NO_KEY.sub("_", key)


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
