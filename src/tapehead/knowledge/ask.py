"""From a question in words to the network's answer, with the exact answer beside it."""

import dataclasses
import os
import time
from typing import Any

from ..errors import InputError
from . import solver
from .graph import Entity, KnowledgeGraph
from .inference import answer as network
from .inference.answer import NetworkAnswer
from .questions import KinshipQuestion, PathQuestion, Question, WalkQuestion, parse

MODELS = {KinshipQuestion: "dnc-kinship", WalkQuestion: "dnc-traversal", PathQuestion: "dnc-shortest-path"}
"""The model that answers a kind of question when none is named."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the network said, and what it should have said."""

    question: str
    """as it was asked"""
    reading: str
    """how it was understood"""
    answered: tuple[Entity, ...]
    """the network's answer: people; of a walk or a way, the places after the start in their order"""
    expected: tuple[Entity, ...]
    """the exact answer; of several shortest ways the network's own if it is one"""
    correct: bool
    """whether they agree: as sets of people, as sequences of places"""
    confidence: float
    """the network's own, 0 to 1"""
    facts_given: int
    """facts that were put into the memory"""
    facts_read: tuple[str, ...]
    """sentences: the facts that the answer was read from, in order"""
    seconds: float
    """from the words to the answer"""
    network: NetworkAnswer = dataclasses.field(repr=False, compare=False)
    """the network's answer as it came, with the trace, for figures"""
    notes: tuple[str, ...] = ()
    """sentences about the file and the reading"""

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
            "facts_read": list(self.facts_read),
            "seconds": self.seconds,
        }

    def __str__(self) -> str:
        """As ``tapehead ask`` prints it."""
        lines = [
            self.reading,
            f"  network: {_listed(self.answered)} ({self.confidence:.0%} sure)",
            f"  exact:   {_listed(self.expected)} {'✓' if self.correct else '✗'}",
            f"  {self.facts_given} facts in memory, {len(self.facts_read)} read for the answer"
            f"{':' if self.facts_read else ''}",
            *(f"    {fact}" for fact in self.facts_read),
            f"  {self.seconds:.2f} s",
        ]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


def ask(graph: KnowledgeGraph, question: str, *, model: Any = None) -> Answer:
    """Ask a trained network about a family tree or a map that it has never seen.

    Args:
        graph: from :func:`tapehead.knowledge.read`.
        question: in words; see :mod:`tapehead.knowledge.questions`.
        model: a machine, or the name or folder of one; by default the one that ships for such questions.

    Raises:
        InputError: the question is not understood, a name is unknown or ambiguous, or there is no such model.
    """
    start = time.perf_counter()
    parsed = parse(question, graph)
    expected = _expected(graph, parsed)
    machine = _machine(parsed, model)

    numbers: list[str]
    lines: list[str] | None = None
    if isinstance(parsed, KinshipQuestion):
        tree, numbers = graph.family_tree()
        person = numbers.index(parsed.person)
        answer = network.answer_kinship(machine, tree, person, parsed.relation)
        objects = [entity.id for entity in graph.entities.values() if entity.kind == "family"]
        correct = set(answer.answers) == set(expected)
    else:
        numbers = objects = graph.edges.places
        lines = graph.edges.lines
        edges, first = graph.edges.edges, numbers.index(parsed.start)
        if isinstance(parsed, WalkQuestion):
            labels = [graph.edges.lines.index(line) for line in parsed.lines]
            answer = network.answer_walk(machine, edges, first, labels)
            correct = answer.answers == expected
        else:
            end = numbers.index(parsed.end)
            answer = network.answer_path(machine, edges, first, end)
            correct = solver.is_shortest_path(graph, first, answer.answers, end)
            expected = list(answer.answers) if correct else expected

    def sentence(fact: tuple[int, str, int]) -> str:
        subject, label, target = fact
        label = label if lines is None else lines[int(label)]
        return f"{_name(graph, numbers[subject])} —{label}→ {_name(graph, objects[target])}"

    return Answer(
        question,
        reading(graph, parsed),
        tuple(graph.entities[numbers[number]] for number in answer.answers),
        tuple(graph.entities[numbers[number]] for number in expected),
        correct,
        float(answer.confidence),
        len(answer.facts),
        tuple(sentence(answer.facts[index]) for index in answer.facts_read),
        time.perf_counter() - start,
        notes=(parsed.note,) if isinstance(parsed, WalkQuestion) and parsed.note else (),
        network=answer,
    )


def reading(graph: KnowledgeGraph, question: Question) -> str:
    """How a question was understood, in words: "maternal grandfathers of Victoria Hanover (1819–1901)"."""
    if isinstance(question, KinshipQuestion):
        return f"{question.relation.name} of {graph.entities[question.person]}"
    start = graph.entities[question.start]
    if isinstance(question, WalkQuestion):
        return f"from {start}: {', '.join(question.lines)}"
    return f"from {start} to {graph.entities[question.end]}"


def _expected(graph: KnowledgeGraph, question: Question) -> list[int]:
    """The exact answer in person or place numbers."""
    if isinstance(question, KinshipQuestion):
        tree, people = graph.family_tree()
        return sorted(solver.relatives(tree, people.index(question.person), question.relation))
    places, lines, _ = graph.edges
    start = places.index(question.start)
    if isinstance(question, WalkQuestion):
        return solver.walk(graph, start, [lines.index(line) for line in question.lines])
    path = solver.shortest_path(graph, start, places.index(question.end))
    if path is None:
        raise InputError(f"there is no way {reading(graph, question)} in {graph.name}")
    return path


def _machine(question: Question, model: Any) -> Any:
    if not isinstance(model, str | os.PathLike | None):
        return model
    from .. import hub

    usual = MODELS[type(question)]
    if model is None and usual not in hub.names():
        raise InputError(
            f"no model for such questions ships yet: train one with `tapehead train {usual}` (hours) "
            "and give its folder as the model"
        )
    try:
        if model is not None:
            about, wanted = hub.info(model), usual.removeprefix("dnc-")
            task = about.get("task")
            trained_on = task.get("name") if isinstance(task, dict) else None
            if trained_on != wanted:
                raise InputError(
                    f"{model} was trained on {trained_on or 'no task that it tells of'}: "
                    f"this question needs a model of {wanted}"
                )
            if about["architecture"] == "DeepLSTM":
                raise InputError(f"{model} has no memory to read from: give a DNC")
        return hub.load(model or usual)
    except hub.PretrainedError as error:
        raise InputError(str(error)) from error


def _name(graph: KnowledgeGraph, identity: str) -> str:
    return graph.entities[identity].name


def _listed(entities: tuple[Entity, ...]) -> str:
    return ", ".join(map(str, entities)) or "nobody"
