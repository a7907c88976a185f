"""How well asked words fit the names that somebody has."""

import dataclasses

from ..graph import Entity
from .name_words import is_numeral

SURE = 6
"""The worst rank of a name that is surely meant; beyond are abbreviations and scattered words."""
Words = tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Known:
    """Somebody or some place, by the words that they are called."""

    entity: Entity
    names: tuple[Words, ...]
    """of the name and of other names"""
    given: Words
    titles: tuple[Words, ...]

    def words(self) -> set[str]:
        """All that somebody may be asked for by."""
        return {word for name in (*self.names, self.given, *self.titles) for word in name}


def rank(asked: Words, known: Known) -> int | None:
    """How well the words fit; the smaller, the better, None if not at all."""
    # A first name alone is nobody's whole name, as long as others have it too.
    if asked in known.names and not (len(asked) == 1 and asked == known.given):
        return 0
    best = min(
        (found for name in known.names if (found := _rank_name(asked, name)) is not None), default=None
    )
    for title in known.titles:
        found = _rank_titled(asked, title, known)
        if found is not None and (best is None or found < best):
            best = found
    if known.given and asked == known.given:
        best = 4 if best is None else min(best, 4)
    return best


def _rank_titled(asked: Words, title: Words, known: Known) -> int | None:
    if not title:
        return None
    for name in known.names:
        if asked in (name + title, title + name):
            return 0
    # "Queen Victoria" and "Queen of England Victoria": some first words of the title, then the name.
    for count in range(min(len(title), len(asked) - 1), 0, -1):
        if asked[:count] == title[:count]:
            rest = asked[count:]
            if rest in known.names or rest == known.given:
                return 1
            ranks = [found for name in known.names if (found := _rank_name(rest, name)) is not None]
            if ranks:
                return 2 if min(ranks) <= 5 else 6
    # "Victoria, Queen of England", "Edward, Prince".
    for count in range(1, len(asked)):
        if asked[count:] == title[: len(asked) - count]:
            rest = asked[:count]
            if rest == known.given:
                return 1
            if any(name[:count] == rest for name in known.names):
                return 2
    return None


def _rank_name(asked: Words, name: Words) -> int | None:
    if name[: len(asked)] == asked:
        return 5
    # Given name and surname, without the names between.
    if len(asked) > 1 and name and asked[0] == name[0] and asked[1:] == name[len(name) - len(asked) + 1 :]:
        return 5
    last = len(asked) - 1
    if last < len(name) and asked[:last] == name[:last] and _begins(name[last], asked[last], last):
        return 7
    rest = iter(name)
    if all(any(word == other for other in rest) for word in asked):
        return 8
    rest = iter(name)
    if all(
        any(other == word or _begins(other, word, place) for other in rest)
        for place, word in enumerate(asked)
    ):
        return 9
    return None


def _begins(word: str, start: str, place: int) -> bool:
    """Whether a word of a name may be abbreviated so, as the asked word of this place."""
    if start.endswith("."):  # an "I." that is an initial
        return word.startswith(start[:-1])
    # The "I" of "Nicholas I" is the beginning neither of "II" nor of "Ivan".
    return word.startswith(start) and not (place and is_numeral(start))
