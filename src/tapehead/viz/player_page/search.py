"""A search in memory as a recording: the map, what the network said, and where its heads stood."""

import dataclasses
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...knowledge.inference.family_way import WayAnswer, play_way
from ...knowledge.inference.search import SearchAnswer, read_heads
from ...knowledge.kinship.ways import NAMELESS
from ...tasks.graph.search_check import judge
from ...tasks.graph.search_trace import BLANK, Op, Record
from .layout import map_layout
from .recording import QuestionRecord

if TYPE_CHECKING:
    from ...knowledge import Answer, KnowledgeGraph

NOTHING = -1
"""In place of a kind, where a step has no other right answer than what was said."""
_ON_IT = {"map": ("places", "connections"), "family": ("people", "ties")}


@dataclasses.dataclass(frozen=True)
class SearchRecording:
    """A search of a map, as its page shows it. Places and connections have numbers in the order told.

    A step is a row of four numbers: the kind of record that was said, its source and its destination, and the
    connection that it names or that the search is looking at; −1 for what it does not have.
    """

    title: str
    subtitle: str
    question: QuestionRecord
    note: str
    """a sentence where not all of the map was told, else empty"""
    places: tuple[str, ...]
    """names"""
    spots: np.ndarray
    """[places, 2]: x to the right and y downwards, in any unit"""
    lines: tuple[str, ...]
    """names"""
    edges: np.ndarray
    """[connections, 3]: place, line, place"""
    start: int
    target: int
    """the place that is looked for"""
    nowhere: int
    """the place that is not of the map; to look for it is to search everything"""
    stops: int | None
    """of a question for what is nearby; None for a path"""
    answers: tuple[int, ...]
    """places"""
    said: np.ndarray
    """[T, 4]"""
    right: np.ndarray
    """[T, 4]: what a correct search would have said; the kind is −1 where the network said that"""
    slots: np.ndarray
    """[T, R]: the slot that each read head read most"""
    weights: np.ndarray
    """[T, R]: and how much of its reading that was"""
    queue_begins: int
    """the slot of START; what was told is in those before it"""
    about: Literal["map", "family"] = "map"
    """in whose words the page is written"""


def record_search(
    graph: "KnowledgeGraph", answer: "Answer", about: Literal["map", "family"] = "map"
) -> SearchRecording:
    """Record how a network searched a map; its search is run again to look at its heads.

    Args:
        graph: the map that was asked about.
        answer: of a search machine, as :func:`tapehead.knowledge.ask` returned it.
        about: what the map is of; a family's places are people, and its connections ties.

    Raises:
        ValueError: an answer of another machine.
    """
    network = answer.network
    if not isinstance(network, SearchAnswer):
        raise ValueError("give the answer of a search machine, or record this one with record_answer")
    told, heads = network.told, read_heads(network)
    nodes = [record.destination for record in told.records if record.op == Op.NODE]
    number = {name: place for place, name in enumerate(nodes)}
    of_map = {name: told.title(place, graph) for place, name in told.name_of.items()}
    lines = list(dict.fromkeys(fact.label for fact in network.facts))
    line_of = {label: line for line, label in enumerate(lines)}
    edges = [
        (number[told.name_of[a]], line_of[label], number[told.name_of[b]]) for a, label, b in network.facts
    ]
    steps, right = _steps(network, number)
    R = heads.slots.shape[1]
    answers = tuple(number[told.name_of[place]] for place in network.answers)
    start, target = (number[record.destination] for record in reversed(network.asked[:2]))
    named_by = Op.PUSH if target == number[told.nowhere] else Op.PATH
    searched = network.in_memory(len(of_map), _ON_IT[about])
    size = f"{told.graph.slots:,} slots of {told.machine.word_size} numbers"
    return SearchRecording(
        title=f"Search of {graph.name}",
        subtitle=f"{searched} · {size} · {R} read head{'s' if R > 1 else ''} · {len(steps):,} steps",
        question=QuestionRecord(
            text=answer.question,
            answers=tuple(answer.answers),
            exact=tuple(answer.exact),
            correct=bool(answer.correct),
            confidence=answer.confidence,
            answer_steps=_answer_steps(steps, answers, named_by),
        ),
        note=". ".join(sentence for sentence in (answer.left_out, answer.rounded) if sentence),
        places=tuple(of_map.get(name, "") for name in number),
        spots=_spots(edges, len(number), [number[name] for name in of_map]),
        lines=tuple(lines),
        edges=np.array(edges, np.int32).reshape(-1, 3),
        start=start,
        target=target,
        nowhere=number[told.nowhere],
        stops=getattr(answer.parsed, "stops", None),
        answers=answers,
        said=steps,
        right=right,
        slots=heads.slots.numpy().astype(np.int32),
        weights=heads.weights.float().numpy(),
        queue_begins=heads.queue_begins,
        about=about,
    )


def record_way(graph: "KnowledgeGraph", answer: "Answer", network: WayAnswer) -> SearchRecording:
    """Record how a network searched a family for the way between two people, asked again of the nearest ties.

    Args:
        graph: the family.
        answer: about two people.
        network: of ``answer``.
    """
    played = play_way(graph, network)
    part = played.part
    correct = played.is_shortest(len(answer.shortest) - 1 if answer.shortest else None)
    again = "" if played is network else f"; here of {len(part.tie_of):,} again, to be looked at"
    shown = dataclasses.replace(
        answer,
        network=played.search,
        answered=tuple(part.person(tie.other) for tie in played.ties),
        correct=correct,
        confidence=played.search.confidence,
        left_out=(answer.left_out or f"it was told all {part.of_all:,} ties") + again if again else "",
    )
    recording = record_search(part.graph, shown, "family")
    exact = shown.answers if correct else [step.name or NAMELESS for step in answer.shortest[1:]]
    return dataclasses.replace(
        recording, question=dataclasses.replace(recording.question, exact=tuple(exact))
    )


def _steps(network: SearchAnswer, number: dict[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The steps [T, 4], and those that a correct search would have said instead."""
    told = network.told
    adjacency: dict[int, list[tuple[int, int]]] = {}
    for source, edge, destination, op in told.records:
        if op == Op.EDGE:
            adjacency.setdefault(source, []).append((edge, destination))
    target, start = (record.destination for record in network.asked[:2])

    def numbers(record: Record, looked_at: Record | None) -> tuple[int, int, int, int]:
        edge = record if record.edge != BLANK else looked_at
        return (
            record.op,
            number.get(record.source, BLANK),
            number.get(record.destination, BLANK),
            BLANK if edge is None else told.edge_of.get(edge[:3], BLANK),
        )

    steps, right = [], []
    for said, judged in zip(network.said, judge(adjacency, start, target, network.said)):
        other = judged.right if judged.right != said else None
        steps.append(numbers(said, judged.edge))
        right.append((NOTHING, BLANK, BLANK, BLANK) if other is None else numbers(other, judged.edge))
    return np.array(steps, np.int32), np.array(right, np.int32)


def _answer_steps(steps: np.ndarray, answers: tuple[int, ...], kind: Op) -> tuple[int, ...]:
    """Of each place of the answer, the first step of this kind that names it."""
    first: dict[int, int] = {}
    for step, (op, _, destination, _) in enumerate(steps.tolist()):
        if op == kind:
            first.setdefault(destination, step)
    return tuple(first.get(place, len(steps) - 1) for place in answers)


def _spots(edges: list[tuple[int, int, int]], places: int, of_map: list[int]) -> np.ndarray:
    """Positions [places, 2]; zero of what is not of the map."""
    seat = {place: at for at, place in enumerate(of_map)}
    pairs = sorted({(min(seat[a], seat[b]), max(seat[a], seat[b])) for a, _, b in edges})
    spots = np.zeros((places, 2), np.float32)
    spots[of_map] = map_layout(len(of_map), pairs)
    return spots
