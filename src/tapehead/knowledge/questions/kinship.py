"""Parses questions of kinship."""

import difflib
import re
from collections.abc import Iterator

from ...tasks.kinship.relations import RELATIONS, Relation
from ..graph import KnowledgeGraph
from .names import Names, plain
from .types import FAMILY_EXAMPLES, KinshipQuestion, QuestionError

MAX_LINKS = 8
"""relations that are understood in a chain"""

_OPENING = re.compile(
    r"^(?:(?:please|can you|could you|do you know|i want to know|i would like to know)[ ,]+)*"
    r"(?:(?:tell me|show me|show|give me|list|name|find)\b(?: all)?[ ,]*)?"
    r"(?:(?:who|what|which)(?:'s\b|s\b| people\b)?\s*(?:is|are|was|were|am|were all|are all)?\b\s*)?"
    r"(?:(?:all|the|names?|of|people|who|is|are|was|were)\b\s+)*",
    re.IGNORECASE,
)
_SYNONYMS = {
    "mum": "mother",
    "mom": "mother",
    "mummy": "mother",
    "mama": "mother",
    "dad": "father",
    "daddy": "father",
    "papa": "father",
    "grandpa": "grandfather",
    "grandad": "grandfather",
    "granddad": "grandfather",
    "grandma": "grandmother",
    "granny": "grandmother",
    "kid": "child",
    "kids": "children",
    "cousinonceremoved": "firstcousinonceremoved",
    "cousinsonceremoved": "firstcousinsonceremoved",
    "granduncle": "greatuncle",
    "granduncles": "greatuncles",
    "grandaunt": "greataunt",
    "grandaunts": "greataunts",
}


_POSSESSIVE = r"'[sS]?\s+"


def _key(words: str) -> str:
    """A relation's name without spaces and hyphens: "great uncle" is "great-uncle"."""
    key = plain(words).replace("1st", "first").replace("2nd", "second").replace(" ", "")
    return _SYNONYMS.get(key, key)


RELATION_KEYS: dict[str, Relation] = {
    _key(name): relation
    for relation in RELATIONS
    for name in (relation.name, relation.singular, *relation.other_names)
}


def parse_kinship(words: str, graph: KnowledgeGraph) -> KinshipQuestion:
    """The question of kinship that some words ask.

    Raises:
        InputError: an unknown or ambiguous name, an unknown relation, or words that are not understood.
    """
    match = _OPENING.match(words)
    bare = words[match.end() :] if match else words
    # Words that open a question may begin a name too ("All"): try without them first.
    names = Names(graph)
    failures: list[tuple[QuestionError | None, str]] = []  # an unknown relation, or else the unclear name
    for text in dict.fromkeys([bare, words]):
        for person, chain in _readings(text):
            found = names.candidates(person)
            try:
                relation = _relation(chain)
            except QuestionError as failure:
                failures.append((failure, person if len(found) != 1 else ""))
                continue
            if len(found) == 1:
                return KinshipQuestion(found[0].id, relation)
            failures.append((None, person))
    if failures:
        # The nearer to an answer, the better the complaint: first of a reading with one trouble, not two.
        unknown, person = min(failures, key=lambda failure: failure[0] is not None and failure[1] != "")
        raise unknown or names.unclear(person)
    if re.search(r"\b(from|path|route|way)\b.*\bto\b", words, re.IGNORECASE):
        raise QuestionError(f"{graph.name} is a family tree: ask, for example, {FAMILY_EXAMPLES}")
    raise QuestionError(f"{words[:80]!r} is not understood: ask, for example, {FAMILY_EXAMPLES}")


def _readings(text: str, links_left: int = MAX_LINKS) -> Iterator[tuple[str, list[str]]]:
    """(a name, the relations from that person on) in the order of likelihood."""
    if not links_left:
        return
    text = text.strip(" ,")
    # "the first cousins of Nicholas II": the words before "of" are a relation.
    for match in re.finditer(r"\s(?:of|to)\s+", text):
        before = re.sub(r"^(?:the|a|an|all|any)\s+", "", text[: match.start()], flags=re.IGNORECASE)
        links = re.split(_POSSESSIVE, before)
        if all(_key(link) in RELATION_KEYS for link in links):
            rest = re.sub(r"^the\s+", "", text[match.end() :], flags=re.IGNORECASE)
            for person, chain in _readings(rest, links_left - 1):
                yield person, [*chain, *links]
            yield rest, links
    # "Victoria's mother's brother", "Nicholas' cousins".
    cuts = list(re.finditer(_POSSESSIVE, text))[-links_left:]
    for cut in cuts:
        yield text[: cut.start()], re.split(_POSSESSIVE, text[cut.end() :])
    # "Queen Victoria siblings".
    for match in re.finditer(r"\s+", text):
        if _key(text[match.end() :]) in RELATION_KEYS:
            yield text[: match.start()], [text[match.end() :]]
            break
    # "the step-uncle of Nicholas II": no relation that is known, but it looks like one.
    unknown = None if cuts else re.match(r"(.{2,40}?)\s+of\s+(.+)", text)
    if unknown is not None:
        yield unknown[2], [unknown[1]]


def _relation(chain: list[str]) -> Relation:
    """The relation that a chain amounts to: "mother", "father" is the maternal grandfather."""
    links = []
    for words in chain:
        relation = RELATION_KEYS.get(_key(words))
        if relation is None:
            raise _unknown(words)
        links.append(relation)
    if len(links) == 1:
        return links[0]
    shown = "'s ".join(chain)
    walks = _joined(links)
    for relation in RELATIONS:
        if walks is not None and set(relation.walks) == walks and relation.sex == links[-1].sex:
            return relation
    raise QuestionError(f"there is no one word for {shown!r}: the relations are {_list()}")


def _joined(links: list[Relation]) -> set[str] | None:
    """The walks of one relation after the other, where walks can say it."""
    walks = {""}
    for place, link in enumerate(links):
        # In the middle of a walk nobody's sex is looked at; of spouses it hardly matters.
        if link.sex is not None and place < len(links) - 1 and link.walks != ("S",):
            return None
        # A C after a step up leads to the siblings, not to all the children of a parent.
        if any(walk[-1:] and walk[-1] in "FMP" and step[0] in "CH" for walk in walks for step in link.walks):
            return None
        walks = {walk + step for walk in walks for step in link.walks}
    return walks


def _unknown(words: str) -> QuestionError:
    keys = {_key(relation.singular): relation.singular for relation in RELATIONS}
    close = difflib.get_close_matches(_key(words), keys, n=3, cutoff=0.7)
    hint = f"did you mean {' or '.join(keys[key] for key in close)}? " if close else ""
    return QuestionError(f"there is no relation {words[:60]!r}: {hint}the relations are {_list()}")


def _list() -> str:
    return ", ".join(relation.singular for relation in RELATIONS)
