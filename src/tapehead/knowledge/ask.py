"""Asks a network a question in words, and finds the exact answer to compare with."""

import dataclasses
import os
import time
from collections.abc import Sequence
from typing import Any

from .. import hub
from ..errors import InputError
from ..nn import Machine
from . import solver
from .graph import Entity, KnowledgeGraph
from .inference import search
from .inference.answer import NetworkAnswer, ToldFact, answer_kinship, answer_path, answer_walk
from .inference.search import SearchAnswer
from .questions import KinshipQuestion, NearbyQuestion, PathQuestion, Question, WalkQuestion, parse

MODELS = {
    KinshipQuestion: "dnc-kinship",
    WalkQuestion: "dnc-traversal",
    PathQuestion: "ntm-search",
    NearbyQuestion: "ntm-search",
}
"""The model that answers a kind of question when none is named."""
TASKS = {
    KinshipQuestion: ("kinship",),
    WalkQuestion: ("traversal",),
    PathQuestion: ("search", "shortest-path"),
    NearbyQuestion: ("search",),
}
"""The tasks that a model for a kind of question may have been trained on."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """The network's answer to a question, and the exact one."""

    question: str
    """as it was asked"""
    parsed: Question
    """as it was understood"""
    understood: str
    """the same in words: "maternal grandfathers of Victoria Hanover (1819–1901)\""""
    answered: tuple[Entity, ...]
    """the network's: people; places nearby; of a walk or a path, the places after the start in order"""
    expected: tuple[Entity, ...]
    """the exact answer; of several shortest paths the network's own if it is one"""
    correct: bool
    """whether they agree: as sets of people, as sequences of places"""
    confidence: float
    """the network's own, 0 to 1"""
    facts_given: int
    """facts that were put into the memory"""
    facts_read: tuple[str, ...]
    """sentences: the facts that the answer was read from, in order"""
    seconds: float
    """wall time from the words to the answer"""
    network: NetworkAnswer | SearchAnswer = dataclasses.field(repr=False, compare=False)
    """the network's answer in numbers, with the trace or the steps of the search, for figures"""
    notes: tuple[str, ...] = ()
    """sentences: what the question left open, and what was made of it"""
    left_out: str = ""
    """a sentence, where the answer rests on a part of the file: what the network was not told"""

    @property
    def answers(self) -> list[str]:
        """The names of the network's answer."""
        return [entity.name for entity in self.answered]

    @property
    def exact(self) -> list[str]:
        """The names of the exact answer."""
        return [entity.name for entity in self.expected]

    def to_dict(self) -> dict[str, Any]:
        """As ``tapehead ask --json`` prints it."""
        return {
            "question": self.question,
            "answers": self.answers,
            "exact": self.exact,
            "correct": self.correct,
            "confidence": self.confidence,
            "facts_given": self.facts_given,
            "left_out": self.left_out,
            "facts_read": list(self.facts_read),
            "seconds": self.seconds,
        }

    def __str__(self) -> str:
        """As ``tapehead ask`` prints it."""
        lines = [
            self.understood,
            f"  network: {self._said(self.answered)} ({self.confidence:.0%} sure)",
            f"  exact:   {self._said(self.expected)} {'✓' if self.correct else '✗'}",
            f"  {self.facts_given} facts in memory, {len(self.facts_read)} read for the answer"
            f"{':' if self.facts_read else ''}",
            *(f"    {fact}" for fact in self.facts_read),
            f"  {self.seconds:.2f} s",
        ]
        if self.left_out:
            lines.insert(1, f"  note: {self.left_out}")
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])

    def _said(self, entities: tuple[Entity, ...]) -> str:
        nobody = "nobody" if isinstance(self.parsed, KinshipQuestion) else "no place"
        listed = ", ".join(map(str, entities)) or nobody
        if isinstance(self.parsed, PathQuestion) and self.parsed.only_length and entities:
            return f"{len(entities)} stop{'s' if len(entities) > 1 else ''}: {listed}"
        return listed


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
    machine = model if isinstance(model, Machine) else load_model(model_for(parsed, model))
    answer = ask_parsed(graph, parsed, machine, words=question)
    return dataclasses.replace(answer, seconds=time.perf_counter() - start)


def ask_parsed(graph: KnowledgeGraph, question: Question, machine: Machine, *, words: str = "") -> Answer:
    """As :func:`ask`, of a question that :func:`parse` has understood and a machine that is loaded.

    Args:
        graph: that the question is about.
        question: as parsed.
        machine: trained for such questions.
        words: the question as it was asked.

    Raises:
        InputError: there is no way between two places, or too much of the map would have to be told.
    """
    start = time.perf_counter()
    expected = _exact(graph, question)
    answer: NetworkAnswer | SearchAnswer
    if isinstance(question, KinshipQuestion):
        tree, ids = graph.family_tree()
        answer = answer_kinship(machine, tree, ids.index(question.person), question.relation)
        correct = set(answer.answers) == set(expected)
    else:
        ids = graph.edges.places
        answer, correct = _ask_map(machine, graph, question, expected)
        if correct:
            expected = answer.answers
    facts = len(graph.facts if graph.is_family else graph.edges.edges)
    what = "facts" if graph.is_family else "connections"
    left_out = f"the network is told {len(answer.facts):,} of the {facts:,} {what}, the nearest ones"
    understood = describe(graph, question)
    return Answer(
        question=words or understood,
        parsed=question,
        understood=understood,
        answered=tuple(graph.entities[ids[number]] for number in answer.answers),
        expected=tuple(graph.entities[ids[number]] for number in expected),
        correct=correct,
        confidence=float(answer.confidence),
        facts_given=len(answer.facts),
        facts_read=tuple(fact_sentences(graph, [answer.facts[index] for index in answer.facts_read])),
        seconds=time.perf_counter() - start,
        network=answer,
        notes=(question.note,) if isinstance(question, WalkQuestion) and question.note else (),
        left_out=left_out if len(answer.facts) < facts else "",
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
    if isinstance(question, KinshipQuestion):
        return f"{question.relation.name} of {graph.entities[question.person]}"
    start = graph.entities[question.start]
    if isinstance(question, WalkQuestion):
        return f"from {start}: {', '.join(question.lines)}"
    if isinstance(question, NearbyQuestion):
        return f"within {question.stops} stop{'s' if question.stops > 1 else ''} of {start}"
    return f"from {start} to {graph.entities[question.end]}"


def fact_sentences(graph: KnowledgeGraph, facts: Sequence[ToldFact]) -> list[str]:
    """Facts in words: "Bond Street —Central westbound→ Notting Hill Gate"."""
    if graph.is_family:
        subjects = graph.family_tree()[1]
        objects = [entity.id for entity in graph.entities.values() if entity.kind == "family"]
    else:
        subjects = objects = graph.edges.places
    names = {identity: entity.name for identity, entity in graph.entities.items()}
    return [f"{names[subjects[fact.subject]]} —{fact.label}→ {names[objects[fact.object]]}" for fact in facts]


def _ask_map(
    machine: Machine,
    graph: KnowledgeGraph,
    question: WalkQuestion | PathQuestion | NearbyQuestion,
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


def _exact(graph: KnowledgeGraph, question: Question) -> list[int]:
    """The exact answer in numbers of people or places."""
    if isinstance(question, KinshipQuestion):
        tree, people = graph.family_tree()
        return sorted(solver.relatives(tree, people.index(question.person), question.relation))
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


def _listed(entities: tuple[Entity, ...]) -> str:
    return ", ".join(map(str, entities)) or "nobody"
