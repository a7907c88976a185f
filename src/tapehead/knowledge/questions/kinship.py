"""Parses questions of kinship: who is what to somebody, how many, whether, and how two are related."""

import re
from collections.abc import Iterator

from ...errors import InputError
from ...tasks.kinship.relations import RELATIONS, Relation
from ..graph import KnowledgeGraph
from ..kinship.grammar import understand
from ..kinship.terms import Chain, Link
from ..kinship.vocabulary import nearest
from .names import Names
from .types import (
    FAMILY_EXAMPLES,
    CheckQuestion,
    FamilyQuestion,
    KinshipQuestion,
    QuestionError,
    TieQuestion,
)

MAX_LINKS = 30
"""relations that are understood in a chain"""

_POLITE = re.compile(
    r"^(?:(?:please|can you|could you|would you|do you know|i(?: would|'d) like to know|i want to know)[ ,]+"
    r"|(?:tell|show|give) me[ ,]+(?=how|who|what|which|whether|if|is|was|are|were|did|does))+",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"^(?:(?:tell me|show me|show|give me|list|name|find)\b(?: all)?[ ,]*)?"
    r"(?:(?:who|what|which)(?:'s\b|s\b| people\b)?\s*(?:is|are|was|were|am|were all|are all)?\b\s*)?"
    r"(?:(?:all|the|names?|of|people|who|is|are|was|were)\b\s+)*",
    re.IGNORECASE,
)
_POSSESSIVE = r"'[sS]?\s+"
_SIDE = re.compile(
    r",?\s+(?:on|from) (?:(?:the|his|her|their|its) )?(?P<side>mother|father|maternal|paternal)"
    r"(?:'s|s')? side(?: of the family)?(?=\s|$)",
    re.IGNORECASE,
)
_MANNER = re.compile(r",?\s+by (?:blood|birth|marriage|adoption)$", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:the|an?|all|any|one of(?: the)?)\s+", re.IGNORECASE)
_HAVE = r"(?:has|have|had)"
_DO = r"(?:does|do|did)"
_REPHRASED: tuple[tuple[str, str], ...] = (
    (rf"how many (.+?) {_DO} (.+?) (?:ever )?have(?: had)? with (.+)", r"#\1 of \2 and \3"),
    (rf"how many (.+?) {_DO} (.+?) (?:ever )?have(?: had)?", r"#\1 of \2"),
    (rf"how many (.+?) {_HAVE} (.+?)(?: got| had)?", r"#\1 of \2"),
    (r"how many (.+?) (?:are|were) (?:there )?(?:of|born to) (.+)", r"#\1 of \2"),
    (r"how many of (.+)", r"#\1"),
    (
        r"how (?:many times|often) (?:was|is|has|did) (.+?) (?:ever |been |get )*(?:married|marry)",
        r"#spouses of \1",
    ),
    (r"how many (.+)", r"#\1"),
    (r"(?:what (?:is|was) )?(?:the )?number of (.+)", r"#\1"),
    (rf"(?:which|what) (.+?) {_DO} (.+?) have with (.+)", r"\1 of \2 and \3"),
    (rf"(?:which|what) (.+?) {_DO} (.+?) have", r"\1 of \2"),
    (rf"(?:which|what) (.+?) {_HAVE} (.+?)(?: got| had)?", r"\1 of \2"),
    (rf"{_DO} (.+?) (?:ever )?have (?:any |an? |some )?(.+)", r"\2 of \1"),
    (rf"{_HAVE} (.+?) (?:got )?(?:any|an?|some) (.+)", r"\2 of \1"),
    (rf"whom? {_DO} (.+?) (?:marry|wed)", r"spouses of \1"),
    (rf"whom? {_DO} (.+?) (?:marry|wed) (first|second|third|last)(?:ly)?", r"\2 spouse of \1"),
    (rf"(?:to )?whom? (?:is|was|were|{_HAVE}) (.+?) (?:ever |been )*married(?: to| with)?", r"spouses of \1"),
    (rf"who (?:{_HAVE} )?(?:ever )?(?:married|wed|wedded) (.+)", r"spouses of \1"),
    (r"who adopted (.+)", r"adoptive parents of \1"),
    (rf"whom? {_DO} (.+?) adopt", r"adopted children of \1"),
    (r"(?:to )?whom? (?:was|is|were) (.+?) born(?: to)?", r"birth parents of \1"),
)
"""Other ways to ask who stands in a relation to somebody; # for how many."""
_HOW = r"how (?:is|are|was|were|do|does|did)"
_WHAT = r"(?:what (?:is|was|'s) )?(?:the )?"
_RELATED = r"(?:related|relate|connected|kin|akin)"
_PAIRS: tuple[str, ...] = (
    rf"{_HOW} (?P<both>.+?) {_RELATED}(?: (?:to|with) (?:each other|one another))?",
    rf"{_HOW} (?P<one>.+?) {_RELATED} (?:to|with) (?P<other>.+)",
    rf"{_WHAT}(?:relation|relationship|kinship|connection|tie)s? between (?P<both>.+)",
    rf"{_WHAT}(?:relation|relationship|kinship)s? of (?P<apart>.+)",
    r"what (?:relation|relative|kin) (?:is|was) (?P<apart>.+)",
    r"(?:what|who) (?:is|was) (?P<perhaps>.+)",
)
_CHECKS: tuple[tuple[str, str], ...] = (
    (r"(?:are|were) (?P<both>.+?) (?:related|relatives|kin)(?: to (?:each other|one another))?", ""),
    (r"(?:is|was) (?P<both>.+?) related", ""),
    (r"(?:is|was|are) (?P<one>.+?) (?:related|kin|a relative|connected) (?:to|of|with) (?P<other>.+)", ""),
    (r"(?:are|were) (?P<both>.+?) (?:ever )?married(?: to (?:each other|one another))?", "spouse"),
    (r"(?:is|was|were|are) (?P<one>.+?) (?:ever )?married (?:to|with) (?P<other>.+)", "spouse"),
    (r"did (?P<one>.+?) (?:ever )?marry (?P<other>.+)", "spouse"),
    (rf"{_HAVE} (?P<one>.+?) (?:ever )?married (?P<other>.+)", "spouse"),
    (r"(?:is|was|are|does|did) (?P<one>.+?) (?:descended|descend|descends) from (?P<other>.+)", "descendant"),
)

_RELATION_OF: dict[Link, Relation] = {}
"""The relations that the network has learned, by what the grammar makes of their names."""
for _relation in RELATIONS:
    _link = understand(_relation.name)
    assert _link is not None, _relation.name
    _RELATION_OF[_link] = _relation


def parse_kinship(words: str, graph: KnowledgeGraph) -> FamilyQuestion:
    """The question of kinship that some words ask.

    Raises:
        InputError: an unknown or ambiguous name, an unknown relation, or words that are not understood.
    """
    names = Names(graph)
    words = _POLITE.sub("", words)
    words = re.sub(r"^(who|what) (.+) (is|are|was|were)$", r"\1 \3 \2", words, flags=re.IGNORECASE)
    pair = _pair(words, names) or _check(words, names)
    if pair is not None:
        return pair
    count = False
    for pattern, phrase in _REPHRASED:
        match = re.fullmatch(pattern, words, re.IGNORECASE)
        if match is not None:
            asked = match.expand(phrase)
            count, words = asked.startswith("#"), asked.removeprefix("#")
            break
    words, manner = _manner(words)
    match = _OPENING.match(words)
    bare = words[match.end() :] if match else words
    # Words that open a question may begin a name too ("All"): try without them first.
    failures: list[tuple[QuestionError | None, str]] = []  # an unknown relation, or else the unclear name
    for text in dict.fromkeys([bare, words]):
        understood: list[tuple[str, KinshipQuestion]] = []
        for person, links in _readings(text):
            found = names.candidates(person)
            try:
                chain = _chain(links, manner)
            except QuestionError as failure:
                failures.append((failure, person if len(found) != 1 else ""))
                continue
            if len(found) == 1:
                question = KinshipQuestion(found[0].id, chain, _network_relation(chain), count)
                understood.append((person, question))
            elif not found and (both := _split_two(person, r"\s+and\s+", names)):
                _different(*both, names, person)
                understood.append((person, KinshipQuestion(both[0], chain, None, count, both[1])))
            else:
                failures.append((None, person if found else _unclear_part(person, names)))
        if understood:
            # Of "Mary's Son's child" the longest name, where somebody has it.
            return max(understood, key=lambda reading: len(reading[0]))[1]
    if failures:
        # The nearer to an answer, the better the complaint: first of a reading with one trouble, not two.
        unknown, person = min(failures, key=lambda failure: failure[0] is not None and failure[1] != "")
        raise unknown or names.unclear(person)
    if re.search(r"\b(from|path|route|way)\b.*\bto\b", words, re.IGNORECASE):
        raise QuestionError(f"{graph.name} is a family tree: ask, for example, {FAMILY_EXAMPLES}")
    raise QuestionError(f"{words[:80]!r} is not understood: ask, for example, {FAMILY_EXAMPLES}")


def _unclear_part(text: str, names: Names) -> str:
    """Of "Ann and Bob", where one of the two is clear, the other; else all of it."""
    for match in re.finditer(r"\s+and\s+", text, re.IGNORECASE):
        first, second = text[: match.start()], text[match.end() :]
        if len(names.candidates(first)) == 1:
            return second
        if len(names.candidates(second)) == 1:
            return first
    return text


def _manner(words: str) -> tuple[str, str]:
    """Take "on his mother's side" and "by blood" out, wherever they stand; they belong to the relation."""
    manner = ""
    if match := _SIDE.search(words):
        side = {"mother": "maternal", "father": "paternal"}.get(match["side"].lower(), match["side"].lower())
        manner = f" on the {side} side"
        words = words[: match.start()] + words[match.end() :]
    if match := _MANNER.search(words):
        manner = words[match.start() :] + manner
        words = words[: match.start()]
    return words, manner.replace(",", "")


def _readings(text: str, links_left: int = MAX_LINKS) -> Iterator[tuple[str, list[str]]]:
    """(a name, the relations from that person on) in the order of likelihood."""
    if not links_left:
        return
    text = text.strip(" ,")
    # "the first cousins of Nicholas II": the words before "of" are a relation.
    for match in re.finditer(r"\s(?:of|to)\s+", text):
        before = _ARTICLE.sub("", text[: match.start()])
        links = re.split(_POSSESSIVE, before)
        if all(understand(link) for link in links):
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
        if understand(text[match.end() :]):
            yield text[: match.start()], [text[match.end() :]]
            break
    # "the step-uncel of Nicholas II": no relation that is known, but it looks like one.
    unknown = None if cuts else re.match(r"(.{2,40}?)\s+of\s+(.+)", text)
    if unknown is not None:
        yield unknown[2], [unknown[1]]


def _chain(words: list[str], manner: str = "") -> Chain:
    """What a chain of relations asks for; how it is meant is said of the last that it can be said of."""
    links = []
    for link in reversed(words):
        found = understand(link + manner)
        if found is None:
            found = understand(link)
        else:
            manner = ""
        if found is None:
            raise _unknown(link)
        links.append(found)
    if manner:
        raise QuestionError(f"{' '.join(words)!r} is nobody{manner}: ask without these words")
    return tuple(reversed(links))


def _unknown(words: str) -> QuestionError:
    *most, last = nearest(words)
    return QuestionError(f"there is no relation {words[:60]!r}: did you mean {', '.join(most)} or {last}?")


def _network_relation(chain: Chain) -> Relation | None:
    """The relation that the network has learned, if the chain amounts to one: a mother's father is one."""
    links = [_RELATION_OF.get(link) for link in chain]
    known = [link for link in links if link is not None]
    if len(known) < len(links):
        return None
    if len(known) == 1:
        return known[0]
    walks = _joined(known)
    for relation in RELATIONS:
        if walks is not None and set(relation.walks) == walks and relation.sex == known[-1].sex:
            return relation
    return None


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


def _pair(words: str, names: Names) -> TieQuestion | None:
    """ "How is Ann related to Bob?" """
    failure: InputError | None = None
    for pattern in _PAIRS:
        match = re.fullmatch(pattern, words, re.IGNORECASE)
        if match is None:
            continue
        try:
            found = _two(match, names)
        except InputError as error:
            # "Who is Ann to Bob?" has the words of many another question.
            failure = failure if "perhaps" in match.groupdict() else failure or error
            continue
        if found is not None:
            return TieQuestion(*found)
    if failure is not None:
        raise failure
    return None


def _check(words: str, names: Names) -> CheckQuestion | None:
    """ "Is Ann the mother of Bob?" """
    failure: InputError | None = None
    for pattern, relation in _CHECKS:
        match = re.fullmatch(pattern, words, re.IGNORECASE)
        if match is None:
            continue
        try:
            found = _two(match, names)
        except InputError as error:
            failure = failure or error
            continue
        if found is not None:
            return CheckQuestion(*found, _chain([relation]) if relation else ())
    match = re.fullmatch(r"(?:is|was|are|were)\s+(.+)", words, re.IGNORECASE)
    if match is not None:
        text, manner = _manner(match[1])
        found_check = _check_relation(text, manner, names)
        if found_check is not None:
            return found_check
    if failure is not None:
        raise failure
    return None


def _check_relation(text: str, manner: str, names: Names) -> CheckQuestion | None:
    """ "Ann the mother of Bob", "Ann Bob's mother", "Ann and Bob first cousins".

    Raises:
        InputError: all but one name, or but the relation, is understood.
    """
    failures: list[tuple[int, int, InputError]] = []  # (troubles, unknown relations, the first of them)
    for match in re.finditer(r"\s+", text):
        rest = _ARTICLE.sub("", text[match.end() :])
        before = text[: match.start()]
        if understand(rest + manner) and (both := _split_two(before, r"\s+and\s+", names)):
            return CheckQuestion(*both, _chain([rest], manner))
        person = names.candidates(before)
        for other, links in _readings(rest):
            found = names.candidates(other)
            unknown = [link for link in links if not understand(link)]
            unclear = [who for who, known in ((before, person), (other, found)) if len(known) != 1]
            if not unknown and not unclear and found[0].id != person[0].id:
                return CheckQuestion(person[0].id, found[0].id, _chain(links, manner))
            troubles = len(unknown) + len(unclear)
            if troubles == 1 or (troubles and not unknown):
                trouble = names.unclear(unclear[0]) if unclear else _unknown(unknown[0])
                failures.append((troubles, len(unknown), trouble))
    if failures:
        raise min(failures, key=lambda failure: failure[:2])[2]
    return None


def _two(match: re.Match[str], names: Names) -> tuple[str, str] | None:
    """The ids of the two people that a match names; None if it names no two.

    Raises:
        InputError: a name is unclear, or both are the same person.
    """
    groups = match.groupdict()
    if groups.get("one"):
        one, other = names.find(groups["one"]).id, names.find(groups["other"]).id
        return _different(one, other, names, groups["one"])
    joint = r"\s+(?:and|to|with)\s+" if "both" in groups else r"\s+to\s+"
    text = next(groups[name] for name in ("both", "apart", "perhaps") if name in groups)
    found = _split_two(text, joint, names)
    if found is not None:
        return _different(*found, names, text)
    first = re.search(joint, text, re.IGNORECASE)
    if first is None:
        return None
    names.find(text[: first.start()])
    names.find(text[first.end() :])
    return None


def _different(one: str, other: str, names: Names, text: str) -> tuple[str, str]:
    if one == other:
        raise QuestionError(f"{text[:80]!r} names one person twice: name two people")
    return one, other


def _split_two(text: str, joint: str, names: Names) -> tuple[str, str] | None:
    """The ids of two people whose names stand on both sides of a joint."""
    for match in re.finditer(joint, text, re.IGNORECASE):
        one, other = names.candidates(text[: match.start()]), names.candidates(text[match.end() :])
        if len(one) == len(other) == 1:
            return one[0].id, other[0].id
    return None
