"""Finds the person or place that a question names, whatever its accents, case, titles and abbreviations."""

import dataclasses
import difflib
import re
import unicodedata
from collections.abc import Iterable

from ...errors import InputError
from ..graph import Entity, KnowledgeGraph

MAX_LISTED = 10
"""candidates that an ambiguous name is answered with"""
MAX_COMPARED = 20_000
"""names that a misspelt one is compared with"""

# Letters that Unicode does not take apart into a base letter and an accent.
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
_ROMAN = re.compile(r"[ivxlc]+")
_ID = re.compile(r"@?([^@]+)@?")
_DATED = re.compile(r"\s*\(([^()]*)\)$")


class UnclearName(InputError):
    """Nobody of that name, or several; the message says who could be meant."""


def plain(text: str) -> str:
    """Without accents, case, punctuation and doubled spaces: "Émile_II  O’Brien" -> "emile ii obrien"."""
    text = unicodedata.normalize("NFKD", text.casefold()).translate(_LETTERS)
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    text = re.sub(r"['’‘`´.]", "", text)
    return " ".join(re.sub(r"[\W_]+", " ", text.replace("&", " and ")).split())


@dataclasses.dataclass(frozen=True, slots=True)
class _Known:
    entity: Entity
    names: tuple[tuple[str, ...], ...]
    """words of the name and of other names"""
    given: tuple[str, ...]
    titles: tuple[tuple[str, ...], ...]


class Names:
    """The persons of a family tree, or the places of a map, by name."""

    def __init__(self, graph: KnowledgeGraph) -> None:
        kind = "person" if graph.is_family else "place"
        self._people = graph.is_family
        self._known = [
            _Known(
                entity,
                tuple(tuple(plain(name).split()) for name in (entity.name, *entity.other_names)),
                tuple(plain(entity.given).split()),
                tuple(tuple(plain(title).split()) for title in entity.titles),
            )
            for entity in graph.entities.values()
            if entity.kind == kind
        ]
        self._by_id: dict[str, list[Entity]] = {}
        for known in self._known:
            match = _ID.fullmatch(known.entity.id)
            key = (match[1] if match else known.entity.id).casefold()
            self._by_id.setdefault(key, []).append(known.entity)

    def find(self, text: str) -> Entity:
        """The one that is meant.

        In this order: an id ("@I123@"); a whole name; a title with a name ("Queen Victoria", "Victoria, Queen
        of England"); a given name; the beginning of a name; words of the name in their order. "(1819-1901)"
        or "(born 1819)" behind a name tells namesakes apart.

        Raises:
            UnclearName: nobody, or several.
        """
        found = self.candidates(text)
        if len(found) == 1:
            return found[0]
        raise self.unclear(text)

    def unclear(self, text: str) -> UnclearName:
        """The error of a name that nobody has, or several have; its message lists them."""
        found = self.candidates(text)
        shown = " ".join(text.split())[:80]
        if not found:
            return UnclearName(
                f"{'nobody' if self._people else 'no place'} is called {shown!r}{self._hint(text)}"
            )
        listed = "; ".join(f"{entity} {entity.id}".strip() for entity in found[:MAX_LISTED])
        more = f"; and {len(found) - MAX_LISTED} more" if len(found) > MAX_LISTED else ""
        return UnclearName(
            f"{shown!r} may be any of {len(found)}: {listed}{more}. Ask again with the id,"
            " or with the years in brackets behind the name"
        )

    def candidates(self, text: str) -> list[Entity]:
        """All that are equally well meant, in file order; none if nobody is."""
        text = text.strip()
        by_id = self._by_id.get((match[1] if (match := _ID.fullmatch(text)) else text).casefold(), [])
        if len(by_id) == 1:
            return by_id
        years = _DATED.search(text)
        if years is not None:
            among = [known for known in self._known if _fits(known.entity, years[1])]
            found = self._ranked(text[: years.start()], among)
            if found:
                return found
        return self._ranked(text, self._known)

    def _ranked(self, text: str, among: Iterable[_Known]) -> list[Entity]:
        asked = tuple(plain(text).split())
        best: list[Entity] = []
        best_rank = 99
        if not asked:
            return best
        for known in among:
            rank = _rank(asked, known)
            if rank is not None and rank <= best_rank:
                if rank < best_rank:
                    best, best_rank = [], rank
                best.append(known.entity)
        return best

    def _hint(self, text: str) -> str:
        asked = plain(text)
        names = {" ".join(known.names[0]): known.entity.name for known in self._known[:MAX_COMPARED]}
        close = difflib.get_close_matches(asked, names, n=3, cutoff=0.7)
        if not close and asked:
            words = {word for word in asked.split() if len(word) > 2}
            close = [name for name in names if words & set(name.split())][:3]
        return f": did you mean {' or '.join(names[name] for name in close)}?" if close else ""


def _rank(asked: tuple[str, ...], known: _Known) -> int | None:
    """How well the words fit; the smaller, the better, None if not at all."""
    # A first name alone is nobody's whole name, as long as others have it too.
    if asked in known.names and not (len(asked) == 1 and asked == known.given):
        return 0
    best = min((rank for name in known.names if (rank := _rank_name(asked, name)) is not None), default=None)
    for title in known.titles:
        rank = _rank_titled(asked, title, known)
        if rank is not None and (best is None or rank < best):
            best = rank
    if known.given and asked == known.given:
        best = 4 if best is None else min(best, 4)
    return best


def _rank_titled(asked: tuple[str, ...], title: tuple[str, ...], known: _Known) -> int | None:
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
            ranks = [rank for name in known.names if (rank := _rank_name(rest, name)) is not None]
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


def _rank_name(asked: tuple[str, ...], name: tuple[str, ...]) -> int | None:
    if name[: len(asked)] == asked:
        return 5
    # Given name and surname, without the names between.
    if len(asked) > 1 and name and asked[0] == name[0] and asked[1:] == name[len(name) - len(asked) + 1 :]:
        return 5
    last = len(asked) - 1
    if last < len(name) and asked[:last] == name[:last] and _begins(name[last], asked[last]):
        return 7
    rest = iter(name)
    if all(any(word == other for other in rest) for word in asked):
        return 8
    rest = iter(name)
    if all(any(other == word or _begins(other, word) for other in rest) for word in asked):
        return 9
    return None


def _begins(word: str, start: str) -> bool:
    # The "I" of "Nicholas I" is not the beginning of "II".
    return word.startswith(start) and not (_ROMAN.fullmatch(start) and _ROMAN.fullmatch(word))


def _fits(entity: Entity, years: str) -> bool:
    """Whether "1819-1901", "1819-", "-1901", "born 1819", "died 1901" or "1819" is said of a person."""
    years = years.strip().lower().replace("–", "-").replace("—", "-")
    born, dash, died = years.partition("-")
    if not dash:
        word = re.fullmatch(r"(?:(b|born|d|died)\b\.?\s*)?(\d{1,4})", years)
        if word is None:
            return False
        year = int(word[2])
        return entity.died_year == year if (word[1] or "b")[0] == "d" else entity.born_year == year
    for asked, known in ((born, entity.born_year), (died, entity.died_year)):
        asked = asked.strip(" ?")
        if asked and not (asked.isdecimal() and int(asked) == known):
            return False
    return bool(born.strip() or died.strip())
