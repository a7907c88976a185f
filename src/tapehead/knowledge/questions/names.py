"""Finds the person or place that a question names, whatever its accents, case, titles and abbreviations."""

import bisect
import difflib
import functools
import re
import weakref
from collections.abc import Callable, Sequence

from ...errors import InputError
from ..collecting import uncollected
from ..graph import Entity, KnowledgeGraph
from .name_clues import Relatives, clues, fits
from .name_rank import SURE, Known, Words, rank
from .name_words import TITLES, WIFE_TITLES, is_east_asian, is_numeral, person_words, place_words
from .name_words import plain as plain

MAX_LISTED = 10
"""candidates that an ambiguous name is answered with"""
MAX_SUGGESTED = 3
MAX_CLUES = 3
"""clues that are understood beside a name"""
MAX_NAMED = 120
"""characters of a name with clues"""
MAX_WORDS = 20
"""words of a name; nobody has more"""
MAX_KEPT = 1000
"""answers of :meth:`Names.candidates` that are kept, for a question is read in many ways"""
MAX_COMPARED = 50_000
"""words that a misspelt one is compared with"""
_NEAR = 0.7
"""Ratio of equal letters from which a name is suggested for another."""

_ID = re.compile(r"@?([^@]+)@?")
_INITIAL = re.compile(r"\b([ivx])\.(?=\s+\S)", re.IGNORECASE)
_POSSESSIVE = re.compile(r"['’]s$")
_OF_A_COUNTRY = re.compile(r"^(.+?),?\s+of\s+(?:the\s+)?\S+(?:\s\S+)?$", re.IGNORECASE)

Check = Callable[[Entity], bool]


class UnclearName(InputError):
    """Nobody of that name, or several; the message says who could be meant."""


class Names:
    """The persons of a family tree, or the places of a map, by name."""

    def __init__(self, graph: KnowledgeGraph) -> None:
        self._index = _index_of(graph)

    def find(self, text: str) -> Entity:
        """The one that is meant.

        In this order: an id ("@I123@"); a whole name; a title with a name ("Queen Victoria", "Victoria, Queen
        of England"); a given name; the beginning of a name; a name by marriage; words of the name in their
        order. Years and relatives tell namesakes apart: "(1819-1901)", "born 1819", "daughter of Ann Lee".

        Raises:
            UnclearName: nobody, or several.
        """
        found = self.candidates(text)
        if len(found) == 1:
            return found[0]
        raise self.unclear(text)

    def candidates(self, text: str) -> list[Entity]:
        """All that are equally well meant, in file order; none if nobody is."""
        return self._index.candidates(text)

    def unclear(self, text: str) -> UnclearName:
        """The error of a name that nobody has, or several have; its message lists them."""
        index = self._index
        found = index.candidates(text)
        shown = " ".join(text.split())[:80]
        if not found:
            hint = index.nearest(text)
            return UnclearName(
                f"{'nobody' if index.people else 'no place'} is called {shown!r}"
                f"{f': did you mean {_or(hint)}?' if hint else ''}"
            )
        listed = "; ".join(index.described(found)[:MAX_LISTED])
        more = f"; and {len(found) - MAX_LISTED} more" if len(found) > MAX_LISTED else ""
        how = "the id"
        if index.people:
            how += ', a year ("born 1819") or a relative ("wife of Tom") behind the name'
        return UnclearName(f"{shown!r} may be any of {len(found)}: {listed}{more}. Ask again with {how}")


class _Index:
    """All names of a graph by their words."""

    def __init__(self, graph: KnowledgeGraph) -> None:
        self.people = graph.is_family
        self._words = person_words if self.people else place_words
        kind = "person" if self.people else "place"
        self._known = [self._of(entity) for entity in graph.entities.values() if entity.kind == kind]
        self._by_entity = {known.entity.id: known for known in self._known}
        self._by_id: dict[str, list[Entity]] = {}
        self._having: dict[str, list[int]] = {}  # word -> positions of those who have it in a name
        for place, known in enumerate(self._known):
            match = _ID.fullmatch(known.entity.id)
            key = (match[1] if match else known.entity.id).casefold()
            self._by_id.setdefault(key, []).append(known.entity)
            for word in known.words():
                self._having.setdefault(word, []).append(place)
        self._vocabulary = sorted(self._having)
        self._found: dict[str, list[Entity]] = {}
        # Not the graph: the index is kept beside it, as long as it lives.
        self._pedigree = graph.pedigree if self.people else None

    @functools.cached_property
    def _relatives(self) -> Relatives:
        assert self._pedigree is not None
        return Relatives(self._pedigree)

    def _of(self, entity: Entity) -> Known:
        names = [self._words(name) for name in (entity.name, *entity.other_names)]
        if self.people and is_east_asian(names[0]):
            # "小明王" and "王小明"; where the file does not tell the surname apart, it comes first.
            surname, _, given = plain(entity.name).partition(" ")
            if entity.surname:
                given, surname = plain(entity.given), plain(entity.surname)
            parts = [part.replace(" ", "") for part in (surname, given) if part]
            names += [("".join(parts),), ("".join(reversed(parts)),), (parts[-1],)]
        titles = tuple(self._words(title) for title in entity.titles)
        return Known(entity, tuple(dict.fromkeys(names)), self._words(entity.given), titles)

    def candidates(self, text: str) -> list[Entity]:
        """All that are equally well meant, in file order."""
        text = text.strip()
        if self.people:  # "Edith I's" is not "Edith Is…".
            text = _POSSESSIVE.sub("", text)
        by_id = self._by_id.get((match[1] if (match := _ID.fullmatch(text)) else text).casefold(), [])
        if len(by_id) == 1:
            return by_id
        if text not in self._found:
            if len(self._found) >= MAX_KEPT:
                self._found.clear()
            self._found[text] = (
                self._people(text, (), MAX_CLUES) if self.people else self._ranked(self._words(text))[0]
            )
        return self._found[text]

    def _people(self, text: str, checks: tuple[Check, ...], clues_left: int) -> list[Entity]:
        words = self._words(text)
        if len(words) > MAX_WORDS:
            return []
        found, best = self._ranked(words, checks)
        if best <= SURE:
            return found
        return (
            self._with_clue(text, checks, clues_left)
            or self._untitled(text, checks)
            or self._by_marriage(words, checks)
            or found
            or self._ranked(self._words(_INITIAL.sub(r"\1 ", text)), checks, _initials(text))[0]
        )

    def _with_clue(self, text: str, checks: tuple[Check, ...], clues_left: int) -> list[Entity]:
        for clue in clues(text) if clues_left > 0 and len(text) <= MAX_NAMED else ():
            check: Check
            if clue.years:
                check = functools.partial(fits, years=clue.years)
            else:
                others = self._people(clue.other, (), clues_left - 2)
                relation = self._relatives.to if clue.turned else self._relatives.of
                allowed = {one for other in others for one in relation(other.id, clue.relation)}
                check = functools.partial(_is_one_of, allowed=allowed)
                if not allowed:
                    continue
            found = self._people(clue.name, (*checks, check), clues_left - 1)
            if found:
                return found
        return []

    def _untitled(self, text: str, checks: tuple[Check, ...]) -> list[Entity]:
        """By the name without titles before it, and without "of France" behind a king's."""
        words = self._words(text)
        count = next((place for place, word in enumerate(words) if word not in TITLES), len(words))
        sexes = {TITLES[word] for word in words[:count]} - {"u"}
        country = _OF_A_COUNTRY.match(text)
        king = self._words(country[1]) if country is not None else ()
        if king and (count or is_numeral(king[-1])):
            words = king
        elif not count:
            return []
        rest = words[count:]
        if not rest:
            return []
        own = (*checks, lambda entity: not sexes or entity.sex in (*sexes, "u"))
        found, best = self._ranked(rest, own)
        if best <= SURE:
            return found
        return (
            self._by_marriage(rest, own)
            or (self._wives(rest, checks) if WIFE_TITLES & set(words[:count]) else [])
            or found
        )

    def _by_marriage(self, words: Words, checks: tuple[Check, ...]) -> list[Entity]:
        """ "Ida Bexley" is Ida Ford, if she married a Bexley; so is "Ida Ford Bexley"."""
        for count in range(1, len(words)):
            given, surname = words[:count], words[count:]
            bearers = set.intersection(*(set(self._having.get(word, ())) for word in surname))
            found = {
                spouse
                for known in (self._known[place] for place in bearers)
                if _surname(known, self._words) == surname
                for spouse in self._relatives.spouses(known.entity.id)
                if self._by_entity[spouse].entity.sex != "m"
                and any(name[:count] == given for name in self._by_entity[spouse].names)
            }
            married = [known.entity for known in self._known if known.entity.id in found] if found else []
            if married := [entity for entity in married if all(check(entity) for check in checks)]:
                return married
        return []

    def _wives(self, words: Words, checks: tuple[Check, ...]) -> list[Entity]:
        """ "Mrs Tom Bexley" is the wife of Tom Bexley."""
        husbands, best = self._ranked(words, (lambda entity: entity.sex != "f",))
        wives = {wife for husband in husbands for wife in self._relatives.spouses(husband.id)}
        if best > SURE:
            return []
        women = [self._by_entity[wife].entity for wife in wives if self._by_entity[wife].entity.sex != "m"]
        return [entity for entity in women if all(check(entity) for check in checks)]

    def _with_words(self, asked: Words) -> list[Known]:
        """Everybody who has words that begin like these."""
        having: list[set[int]] = []
        for word in asked:
            start = bisect.bisect_left(self._vocabulary, word)
            end = bisect.bisect_left(self._vocabulary, f"{word}\U0010ffff")
            having.append({place for one in self._vocabulary[start:end] for place in self._having[one]})
        if not having:
            return []
        return [self._known[place] for place in sorted(set.intersection(*having))]

    def _ranked(
        self, asked: Words, checks: Sequence[Check] = (), compared: Words | None = None
    ) -> tuple[list[Entity], int]:
        """Those whom the words fit best, and how well.

        Args:
            asked: words that their names must have, or begin with.
            checks: what else must hold.
            compared: the words as they are ranked, where they are others.
        """
        best: list[Entity] = []
        best_rank = 99
        for known in self._with_words(asked):
            if all(check(known.entity) for check in checks):
                found = rank(compared or asked, known)
                if found is not None and found <= best_rank:
                    if found < best_rank:
                        best, best_rank = [], found
                    best.append(known.entity)
        return best, best_rank

    def described(self, found: list[Entity]) -> list[str]:
        """Namesakes, each with what tells them apart."""
        shown = [str(entity) for entity in found]
        lines = [f"{words} {entity.id}".strip() for entity, words in zip(found, shown)]
        if self._pedigree is not None:
            names = {identity: known.entity.name for identity, known in self._by_entity.items()}
            for place, (entity, words) in enumerate(zip(found, shown)):
                told = self._relatives.told_by(entity.id, names) if shown.count(words) > 1 else ""
                lines[place] += f", {told}" if told else ""
        return lines

    def nearest(self, text: str) -> list[str]:
        """The two or three names that are most like one that nobody has."""
        for clue in clues(text) if self.people and len(text) <= MAX_NAMED else ():
            namesakes = self._people(clue.name, (), MAX_CLUES)
            if namesakes:
                return self.described(namesakes)[:MAX_SUGGESTED]
        asked = self._words(text)[:MAX_WORDS]
        scores: dict[int, float] = {}
        for word in asked:
            near: dict[int, float] = {}
            for other in difflib.get_close_matches(word, self._vocabulary[:MAX_COMPARED], n=8, cutoff=_NEAR):
                ratio = difflib.SequenceMatcher(None, word, other).ratio() if len(word) > 2 else 0.5
                for place in self._having[other]:
                    near[place] = max(near.get(place, 0), ratio)
            for place, ratio in near.items():
                scores[place] = scores.get(place, 0) + ratio
        likely = sorted(scores, key=lambda place: (-scores[place], place))[:100]
        whole = " ".join(asked)
        names = {self._known[place].entity.name: " ".join(self._known[place].names[0]) for place in likely}
        ratios = {name: difflib.SequenceMatcher(None, whole, words).ratio() for name, words in names.items()}
        ordered = sorted(ratios, key=lambda name: -ratios[name])
        close = [name for name in ordered if ratios[name] >= _NEAR]
        return (close or ordered)[:MAX_SUGGESTED]


_INDICES: "weakref.WeakKeyDictionary[KnowledgeGraph, _Index]" = weakref.WeakKeyDictionary()


def _index_of(graph: KnowledgeGraph) -> _Index:
    if graph not in _INDICES:
        with uncollected():
            _INDICES[graph] = _Index(graph)
    return _INDICES[graph]


def _is_one_of(entity: Entity, allowed: set[str]) -> bool:
    return entity.id in allowed


def _initials(text: str) -> Words:
    """The words, of which "I." keeps its point: it is no numeral."""
    words = list(person_words(_INITIAL.sub(r"\1 ", text)))
    for match in _INITIAL.finditer(text):
        place = len(person_words(text[: match.start()]))
        if place < len(words):
            words[place] = f"{match[1].casefold()}."
    return tuple(words)


def _surname(known: Known, words: Callable[[str], Words]) -> Words:
    """Where the file does not tell it apart, the last word of a name."""
    return words(known.entity.surname) or known.names[0][1:][-1:]


def _or(names: list[str]) -> str:
    return " or ".join(names)
