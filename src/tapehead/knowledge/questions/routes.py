"""Parses questions about a map: walks along lines, paths between places, and places nearby."""

import difflib
import re

from ...errors import InputError
from ..graph import KnowledgeGraph
from ..weights import weights_of
from .names import Names, UnclearName, plain
from .types import MAP_EXAMPLES, NearbyQuestion, PathQuestion, QuestionError, WalkQuestion
from .weights import wanted

MAX_STEPS = 30
MAX_STOPS = 1_000
MAX_LISTED = 40
"""lines that an unknown one is answered with"""

_THEN = r"\s*(?:,|;|→|->|\b(?:and\s+)?then\b)\s*(?:(?:and|then)\s+)*"

_WALK = re.compile(
    r"^(?:(?:if )?(?:i |you |we |one )?(?:am |are |is )?"
    r"(?:start|starts|starting|begin|beginning|leave|leaving|set out)?\s*"
    r"(?:from|at|in)?)\s+(?P<start>.+?)[\s,:]+(?:(?:and|then|i|you|we|one|if)\s+)*"
    r"(?:take|takes|taking|ride|riding|follow|following|go along|going along|go by|by|via|along)\s+"
    r"(?P<lines>.+?)"
    r"(?:[\s,.;:?-]*(?:\b(?:and|then)\s+)?\b(?:where|what station|which station|what stop|which stop)\b.*)?$",
    re.IGNORECASE,
)
_WHERE_FIRST = re.compile(
    r"^where (?:am|are|is|do|does|will|would|shall)\b.*?\b(?:if|when|after|starting|from)\b\s*", re.IGNORECASE
)
_STEPS_FIRST = re.compile(
    r"^(?:if )?(?:i |you |we |one )?(?:take|taking|ride|riding|follow|following)\s+(?P<lines>.+?)\s+"
    r"(?:starting |beginning )?(?:from|at)\s+(?P<start>.+?)"
    r"(?:[\s,.;:?-]*\bwhere\b.*)?$",
    re.IGNORECASE,
)
_TO_FROM = re.compile(
    r"\bto (?!(?:get|go|travel|reach|come)\b)(?P<end>.+?) from (?P<start>.+)$", re.IGNORECASE
)
_HOW_LONG = re.compile(r"^how (?:many|far|long)\b|^(?:the )?(?:number of|distance)\b", re.IGNORECASE)
_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NEARBY = re.compile(
    r"\b(?:within|no (?:more|further|farther) than|(?:in )?at most|up to)\s+(?P<stops>\w+)\s+"
    r"(?:stops?|stations?|steps?|hops?|connections?)(?:\s+away)?\s+(?:of|from)\s+(?P<start>.+)$",
    re.IGNORECASE,
)
_FROM_TO = re.compile(r"(?:.*?\b(?:from|between)\s+)?(?P<both>.+)$", re.IGNORECASE)


def parse_travel(words: str, graph: KnowledgeGraph) -> WalkQuestion | PathQuestion | NearbyQuestion:
    """The walk, the path or the places nearby that some words ask for.

    Raises:
        InputError: an unknown or ambiguous name, an unknown line, or words that are not understood.
    """
    names = Names(graph)
    if nearby := _NEARBY.search(words):
        return NearbyQuestion(names.find(nearby["start"]).id, _stops(nearby["stops"]))
    rest = _WHERE_FIRST.sub("", words)
    failure: InputError | None = None
    for text in dict.fromkeys([words, f"from {rest}" if rest != words else words, rest]):
        for pattern in (_STEPS_FIRST, _WALK):
            match = pattern.match(text)
            if match:
                try:
                    return _walk(match["start"], match["lines"], graph, names)
                except InputError as error:
                    failure = failure or error
    if failure is not None:
        raise failure
    return _path(words, graph, names)


def _path(words: str, graph: KnowledgeGraph, names: Names) -> PathQuestion:
    pairs: list[tuple[str, str]] = []
    words, by_weight, amount = wanted(words)
    if amount:
        weights_of(graph)  # or there is nothing to tell
    asked = _FROM_TO.match(words)
    both = asked["both"] if asked else words
    for match in re.finditer(r"\s+(?:to|and|->|→)\s+", both):
        pairs.append((both[: match.start()], both[match.end() :]))
    if turned := _TO_FROM.search(words):
        pairs.insert(0, (turned["start"], turned["end"]))
    failure: InputError | None = None
    for start, end in pairs:
        try:
            found = names.find(start).id, names.find(end).id
            question = PathQuestion(
                *found,
                only_length=amount or bool(_HOW_LONG.match(words)),
                weighted=by_weight and bool(graph.weights),
                note=_by_stops(graph, words, by_weight),
            )
        except UnclearName as error:
            failure = failure or error
            continue
        if question.start == question.end:
            raise QuestionError(f"you are at {graph.entities[question.start].name} already")
        return question
    if failure is not None:
        raise failure
    if re.search(r"\bof\b|'s\b", words):
        raise QuestionError(f"{graph.name} is a map, not a family tree: ask, for example, {MAP_EXAMPLES}")
    raise QuestionError(f"{words[:80]!r} is not understood: ask, for example, {MAP_EXAMPLES}")


def _by_stops(graph: KnowledgeGraph, words: str, by_weight: bool) -> str:
    """A sentence about the least weight, where a map's path of the fewest stops may not be what is meant."""
    if by_weight and not graph.weights:
        return (
            f"{graph.name} does not say how long its connections take: this is the way with the fewest stops"
        )
    if graph.weights and not by_weight and not re.search(r"\bstops?\b", words):
        return f'this is the way with the fewest stops: ask for the "quickest way" to go by {graph.measure}'
    return ""


def _stops(word: str) -> int:
    number = _NUMBERS.index(word.lower()) + 1 if word.lower() in _NUMBERS else word
    if not str(number).isascii() or not str(number).isdigit() or not 1 <= int(number) <= MAX_STOPS:
        raise QuestionError(f"{word!r} is no number of stops: give one from 1 to {MAX_STOPS}")
    return int(number)


def _walk(start: str, lines: str, graph: KnowledgeGraph, names: Names) -> WalkQuestion:
    place = names.find(start)

    def walk(joint: str) -> WalkQuestion:
        steps = [step for step in re.split(joint, lines, flags=re.IGNORECASE) if step.strip()]
        if len(steps) > MAX_STEPS:
            raise QuestionError(f"the walk has {len(steps)} steps: {MAX_STEPS} are the most")
        return _resolve(place.id, steps, graph)

    # "and" joins steps, but it may be a part of a line's name too ("Hammersmith and City").
    try:
        return walk(_THEN)
    except QuestionError as failure:
        try:
            return walk(rf"{_THEN}|\s+and\s+")
        except QuestionError:
            raise failure from None


def _resolve(start: str, steps: list[str], graph: KnowledgeGraph) -> WalkQuestion:
    """Which edges are meant.

    Where a line leaves a place in two directions, it is the first by which the walk can go on to its end;
    turning straight back is the last thing that is tried.
    """
    edges = graph.edges
    plain_lines = [plain(line) for line in edges.lines]
    leaving: dict[int, list[tuple[int, int]]] = {}
    for place, line, end in edges.edges:
        leaving.setdefault(place, []).append((line, end))
    options: list[list[int]] = [_lines_called(step, plain_lines, edges.lines) for step in steps]
    first = edges.places.index(start)
    # Depth first, over the few ways that a vague walk may go; each (step, place, from where) is tried once.
    dead: set[tuple[int, int, int | None]] = set()
    furthest: tuple[int, int] = (0, first)

    def search(step: int, here: int, before: int | None) -> list[int] | None:
        nonlocal furthest
        furthest = max(furthest, (step, here), key=lambda reached: reached[0])
        if step == len(steps):
            return []
        if (step, here, before) in dead:
            return None
        ways = [(line, end) for line, end in leaving.get(here, ()) if line in options[step]]
        for line, end in sorted(ways, key=lambda way: way[1] == before):
            rest = search(step + 1, end, here)
            if rest is not None:
                return [line, *rest]
        dead.add((step, here, before))
        return None

    found = search(0, first, None)
    if found is None:
        step, here = furthest
        at = graph.entities[edges.places[here]].name
        lines = ", ".join(dict.fromkeys(edges.lines[line] for line, _ in leaving.get(here, ()))) or "nothing"
        raise QuestionError(f"{steps[step].strip()!r} does not leave {at}: from there go {lines}")
    open_ends = []
    here, before = first, None
    for step, line in enumerate(found):
        others = [
            graph.entities[edges.places[end]].name
            for way, end in leaving[here]
            if way in options[step] and way != line and end != before
        ]
        if others:
            open_ends.append(
                f"{edges.lines[line]} from {graph.entities[edges.places[here]].name}"
                f" (it also goes to {' and '.join(others)})"
            )
        before, here = here, dict(leaving[here])[line]
    note = f"taken: {'; '.join(open_ends)}" if open_ends else ""
    return WalkQuestion(start, tuple(edges.lines[line] for line in found), note)


def _lines_called(step: str, plain_lines: list[str], lines: list[str]) -> list[int]:
    asked = re.sub(
        r"^the | (?:line|train|bus|tram)\b", "", f"{plain(step)} ".replace(" towards ", " to ")
    ).strip()
    for fits in (
        lambda line: line == asked or line.startswith(f"{asked} "),
        lambda line: line.startswith(asked),
        lambda line: re.sub(r"^line | line\b", "", line) in (asked, asked.replace("line ", "")),
    ):
        found = [number for number, line in enumerate(plain_lines) if asked and fits(line)]
        if found:
            return found
    names = dict(zip(plain_lines, lines))
    names |= {line.rpartition(" ")[0]: name.rpartition(" ")[0] for line, name in zip(plain_lines, lines)}
    close = difflib.get_close_matches(asked, names, n=1, cutoff=0.6)
    listed = ", ".join(lines[:MAX_LISTED]) + (", …" if len(lines) > MAX_LISTED else "")
    hint = f"did you mean {names[close[0]]}?" if close else f"the lines are {listed}"
    raise QuestionError(f"there is no line {step.strip()[:60]!r}: {hint}")
