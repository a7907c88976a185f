"""Asks a network a question in words, and finds the exact answer to compare with."""

import dataclasses
import os
import time

from .. import hub
from ..errors import InputError
from ..nn import Machine
from . import solver
from .answers import Answer
from .ask_family import answer_family, describe_family, fact_sentences, needs_network
from .graph import KnowledgeGraph
from .inference import search
from .inference.answer import NetworkAnswer, answer_path, answer_walk
from .inference.search import SearchAnswer
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

MODELS: dict[type, str] = {
    KinshipQuestion: "ntm-kinship",
    TieQuestion: "ntm-kinship",
    CheckQuestion: "ntm-kinship",
    WalkQuestion: "dnc-traversal",
    PathQuestion: "ntm-search",
    NearbyQuestion: "ntm-search",
}
"""The model that answers a kind of question when none is named."""
TASKS: dict[type, tuple[str, ...]] = {
    KinshipQuestion: ("kinship",),
    TieQuestion: ("kinship",),
    CheckQuestion: ("kinship",),
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
    expected = _exact(graph, question)
    answer, correct = _ask_map(machine, graph, question, expected)
    if correct:
        expected = answer.answers
    places, edges = graph.edges.places, len(graph.edges.edges)
    left_out = f"the network is told {len(answer.facts):,} of the {edges:,} connections, the nearest ones"
    return Answer(
        question=words,
        parsed=question,
        understood=describe(graph, question),
        answered=tuple(graph.entities[places[number]] for number in answer.answers),
        expected=tuple(graph.entities[places[number]] for number in expected),
        correct=correct,
        confidence=float(answer.confidence),
        facts_given=len(answer.facts),
        facts_read=tuple(fact_sentences(graph, [answer.facts[index] for index in answer.facts_read])),
        seconds=0.0,
        network=answer,
        notes=(question.note,) if isinstance(question, WalkQuestion) and question.note else (),
        left_out=left_out if len(answer.facts) < edges else "",
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
    """The machine of this name or in this folder.

    Raises:
        InputError: no such model, or a damaged one.
    """
    try:
        return hub.load(model)
    except hub.PretrainedError as error:
        raise InputError(str(error)) from error


def describe(graph: KnowledgeGraph, question: Question) -> str:
    """A question in words: "maternal grandfathers of Victoria Hanover (1819–1901)"."""
    if isinstance(question, FamilyQuestion):
        return describe_family(graph, question)
    start = graph.entities[question.start]
    if isinstance(question, WalkQuestion):
        return f"from {start}: {', '.join(question.lines)}"
    if isinstance(question, NearbyQuestion):
        return f"within {question.stops} stop{'s' if question.stops > 1 else ''} of {start}"
    return f"from {start} to {graph.entities[question.end]}"


def _ask_map(
    machine: Machine,
    graph: KnowledgeGraph,
    question: MapQuestion,
    expected: list[int],
) -> tuple[NetworkAnswer | SearchAnswer, bool]:
    """The network's answer, and whether it is right."""
    edges = graph.edges
    start = edges.places.index(question.start)
    if isinstance(question, WalkQuestion):
        walk = answer_walk(machine, edges, start, [edges.lines.index(line) for line in question.lines])
        return walk, walk.answers == expected
    if isinstance(question, NearbyQuestion):
        nearby = search.answer_nearby(machine, graph, start, question.stops)
        return nearby, set(nearby.answers) == set(expected)
    end = edges.places.index(question.end)
    path: NetworkAnswer | SearchAnswer
    if search.is_search_machine(machine):
        path = search.answer_path(machine, graph, start, end)
    else:
        path = answer_path(machine, edges, start, end)
    return path, solver.is_shortest_path(graph, start, path.answers, end)


def _exact(graph: KnowledgeGraph, question: MapQuestion) -> list[int]:
    """The exact answer in numbers of places."""
    places, lines, _ = graph.edges
    start = places.index(question.start)
    if isinstance(question, WalkQuestion):
        return solver.walk(graph, start, [lines.index(line) for line in question.lines])
    if isinstance(question, NearbyQuestion):
        return solver.places_nearby(graph, start, question.stops)
    path = solver.shortest_path(graph, start, places.index(question.end))
    if path is None:
        hint = "; --both-ways lets each connection lead back as well" if graph.is_one_way else ""
        raise InputError(f"there is no way {describe(graph, question)} in {graph.name}{hint}")
    return path
