"""Asks a network a question in words, and finds the exact answer to compare with."""

import dataclasses
import functools
import os
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from .. import hub
from ..errors import InputError
from ..nn import Machine
from . import solver
from .answers import Answer
from .ask_family import answer_family, describe_family, fact_sentences, needs_network
from .graph import Fact, KnowledgeGraph
from .inference import search
from .inference.answer import NetworkAnswer, answer_path, answer_walk
from .inference.search import SearchAnswer
from .inference.subdivide import Subdivision
from .questions import (
    CheckQuestion,
    FamilyQuestion,
    KinshipQuestion,
    MapQuestion,
    NearbyQuestion,
    PathQuestion,
    Question,
    TieQuestion,
    WalkQuestion,
    parse,
)
from .weights import amount

MODELS: dict[type, str] = {
    KinshipQuestion: "ntm-kinship",
    TieQuestion: "ntm-search",
    CheckQuestion: "ntm-search",
    WalkQuestion: "dnc-traversal",
    PathQuestion: "ntm-search",
    NearbyQuestion: "ntm-search",
}
"""The model that answers a kind of question when none is named."""
MAX_LOADED = 4
"""Models that are kept for the next question."""
TASKS: dict[type, tuple[str, ...]] = {
    KinshipQuestion: ("kinship",),
    TieQuestion: ("search",),
    CheckQuestion: ("search",),
    WalkQuestion: ("traversal",),
    PathQuestion: ("search", "shortest-path"),
    NearbyQuestion: ("search",),
}
"""The tasks that a model for a kind of question may have been trained on."""


def ask(
    graph: KnowledgeGraph, question: str, *, model: Machine | str | os.PathLike[str] | None = None
) -> Answer:
    """Ask a trained network about a family tree or a map that it has never seen.

    Args:
        graph: from :func:`tapehead.knowledge.read`.
        question: in words; see :mod:`tapehead.knowledge.questions`.
        model: a machine (in any mode and layout; it is left as it is), or the name or folder of one; by
            default the one that ships for such questions.

    Raises:
        InputError: the question is not understood, a name is unknown or ambiguous, or there is no such model.
    """
    start = time.perf_counter()
    parsed = parse(question, graph)
    machine: Machine | None = None
    if isinstance(model, Machine):
        machine = model
    elif model is not None or needs_network(parsed):
        named = model_for(parsed, model)
        machine = load_model(named) if needs_network(parsed) else None
    answer = ask_parsed(graph, parsed, machine, words=question)
    return dataclasses.replace(answer, seconds=time.perf_counter() - start)


def ask_parsed(
    graph: KnowledgeGraph, question: Question, machine: Machine | None, *, words: str = ""
) -> Answer:
    """As :func:`ask`, of a question that :func:`parse` has understood and a machine that is loaded.

    Args:
        graph: that the question is about.
        question: as parsed.
        machine: trained for such questions; None where :func:`needs_network` says that none is asked.
        words: the question as it was asked.

    Raises:
        InputError: there is no way between two places, or too much of the map would have to be told.
        ValueError: the question needs a machine.
    """
    start = time.perf_counter()
    if machine is None and needs_network(question):
        raise ValueError("this question is one for a network: give a machine")
    words = words or describe(graph, question)
    if isinstance(question, FamilyQuestion):
        answer = answer_family(graph, question, machine, words)
    else:
        assert machine is not None
        answer = _answer_map(graph, question, machine, words)
    return dataclasses.replace(answer, seconds=time.perf_counter() - start)


def _answer_map(graph: KnowledgeGraph, question: MapQuestion, machine: Machine, words: str) -> Answer:
    exact = _exact(graph, question)
    answer, correct = _ask_map(machine, graph, question, exact)
    places, edges = graph.edges.places, len(graph.edges.edges)
    weighted, divided, told = exact.weight is not None, None, len(answer.facts)
    connections = [answer.facts[index] for index in answer.facts_read]
    if isinstance(answer, SearchAnswer):
        connections, told, divided = answer.connections, answer.connections_told, answer.told.divided
    left_out = f"the network is told {told:,} of the {edges:,} connections, the nearest ones"
    note = "" if isinstance(question, NearbyQuestion) else question.note
    return Answer(
        question=words,
        parsed=question,
        understood=describe(graph, question),
        answered=tuple(graph.entities[places[number]] for number in answer.answers),
        expected=tuple(
            graph.entities[places[number]] for number in (answer.answers if correct else exact.places)
        ),
        correct=correct,
        confidence=float(answer.confidence),
        facts_given=len(answer.facts),
        facts_read=tuple(fact_sentences(graph, connections)),
        seconds=0.0,
        network=answer,
        notes=(note,) if note else (),
        left_out=left_out if told < edges else "",
        rounded="" if divided is None else _rounding(divided, graph.measure),
        measure=graph.measure if weighted else "",
        total=_weight(graph, answer) if weighted and isinstance(answer, SearchAnswer) else None,
        expected_total=exact.weight,
    )


def model_for(question: Question, model: str | os.PathLike[str] | None = None) -> str | os.PathLike[str]:
    """The model to ask: the given one, if it was trained for such questions, or the one that ships for them.

    Raises:
        InputError: there is no such model, or it was trained for something else.
    """
    default = MODELS[type(question)]
    if model is None:
        if default not in hub.names():
            raise InputError(
                f"no model for such questions ships yet: train one with `tapehead train {default}` (hours) "
                "and give its folder as the model"
            )
        return default
    try:
        config = hub.info(model)
    except hub.PretrainedError as error:
        raise InputError(str(error)) from error
    task, wanted = config.get("task"), TASKS[type(question)]
    trained_on = task.get("name") if isinstance(task, dict) else None
    if trained_on not in wanted:
        raise InputError(
            f"{model} was trained on {trained_on or 'no task that it tells of'}: "
            f"this question needs a model of {' or '.join(wanted)}"
        )
    if config["architecture"] == "DeepLSTM":
        raise InputError(f"{model} has no memory to read from: give an NTM or a DNC")
    return model


def load_model(model: str | os.PathLike[str]) -> Machine:
    """The machine of this name or in this folder, the same for the next question: what it was told is kept.

    Raises:
        InputError: no such model, or a damaged one.
    """
    try:
        folder = hub.find(model)
        changed = tuple(file.stat().st_mtime_ns for file in sorted(folder.iterdir()) if file.is_file())
        return _loaded(hub.load, folder, changed)
    except hub.PretrainedError as error:
        raise InputError(str(error)) from error


@functools.lru_cache(maxsize=MAX_LOADED)
def _loaded(load: Callable[[Path], Machine], folder: Path, changed: tuple[int, ...]) -> Machine:
    return load(folder)


def describe(graph: KnowledgeGraph, question: Question) -> str:
    """A question in words: "maternal grandfathers of Victoria Hanover (1819–1901)"."""
    if isinstance(question, FamilyQuestion):
        return describe_family(graph, question)
    start = graph.entities[question.start]
    if isinstance(question, WalkQuestion):
        return f"from {start}: {', '.join(question.lines)}"
    if isinstance(question, NearbyQuestion):
        return f"within {question.stops} stop{'s' if question.stops > 1 else ''} of {start}"
    by = f", by {graph.measure}" if question.weighted else ""
    return f"from {start} to {graph.entities[question.end]}{by}"


def _ask_map(
    machine: Machine,
    graph: KnowledgeGraph,
    question: MapQuestion,
    exact: "_Exact",
) -> tuple[NetworkAnswer | SearchAnswer, bool]:
    """The network's answer, and whether it is right."""
    edges = graph.edges
    start = edges.places.index(question.start)
    if isinstance(question, WalkQuestion):
        walk = answer_walk(machine, edges, start, [edges.lines.index(line) for line in question.lines])
        return walk, walk.answers == exact.places
    if isinstance(question, NearbyQuestion):
        nearby = search.answer_nearby(machine, graph, start, question.stops)
        return nearby, set(nearby.answers) == set(exact.places)
    end = edges.places.index(question.end)
    if not search.is_search_machine(machine):
        if question.weighted:
            raise InputError("this model goes by the number of stops: a quickest way needs a model of search")
        path = answer_path(machine, edges, start, end)
        return path, solver.is_shortest_path(graph, start, path.answers, end)
    found = search.answer_path(machine, graph, start, end, weighted=question.weighted)
    if question.weighted:
        return found, _is_way(found, start, end) and _weight(graph, found) == exact.weight
    return found, solver.is_shortest_path(graph, start, found.answers, end)


def _is_way(answer: SearchAnswer, start: int, end: int) -> bool:
    """Whether the connections of an answer lead from one place to another."""
    ends = [start, *(fact.object for fact in answer.connections)]
    return ends[-1] == end and [fact.subject for fact in answer.connections] == ends[:-1]


def _weight(graph: KnowledgeGraph, answer: SearchAnswer) -> Fraction | None:
    """The weight of the connections of an answer; None if it names none."""
    places = graph.edges.places
    facts = [Fact(places[a], line, places[b]) for a, line, b in answer.connections]
    return sum((graph.weights[fact] for fact in facts), Fraction(0)) if facts else None


def _rounding(divided: Subdivision, measure: str) -> str:
    """A sentence, where the weights that a network was told are not those of the map."""
    if not divided.rounded:
        return ""
    unit = amount(divided.unit, measure)
    if divided.rounded == divided.raised:
        return f"connections of next to nothing count as {unit}, {divided.raised:,} of them"
    small = f", and {divided.raised:,} that come to less as one" if divided.raised else ""
    return (
        f"the network is told the {measure} of connections in whole steps, rounded to {unit}{small}: what it "
        "finds may not be the very quickest way"
    )


class _Exact(NamedTuple):
    """The exact answer."""

    places: list[int]
    """numbers"""
    weight: Fraction | None = None
    """of the path of least weight"""


def _exact(graph: KnowledgeGraph, question: MapQuestion) -> _Exact:
    places, lines, _ = graph.edges
    start = places.index(question.start)
    if isinstance(question, WalkQuestion):
        return _Exact(solver.walk(graph, start, [lines.index(line) for line in question.lines]))
    if isinstance(question, NearbyQuestion):
        return _Exact(solver.places_nearby(graph, start, question.stops))
    end = places.index(question.end)
    if question.weighted:
        quickest = solver.quickest_path(graph, start, end)
        found = None if quickest is None else _Exact(*quickest)
    else:
        path = solver.shortest_path(graph, start, end)
        found = None if path is None else _Exact(path)
    if found is None:
        hint = "; --both-ways lets each connection lead back as well" if graph.is_one_way else ""
        raise InputError(f"there is no way {describe(graph, question)} in {graph.name}{hint}")
    return found
