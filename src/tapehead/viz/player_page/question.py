"""A question about a family tree or a map, as a recording with a picture."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ...errors import InputError
from ...knowledge.inference.family_way import WayAnswer
from ...knowledge.inference.kinship_answer import KinshipAnswer, play
from ...knowledge.inference.search import SearchAnswer
from ...tasks.kinship.records import ANSWER, Find, Frame
from .layout import family_layout, map_layout
from .recording import Picture, PictureEdge, PictureNode, QuestionRecord, Recording
from .search import SearchRecording, record_search, record_way

if TYPE_CHECKING:
    from ...knowledge import Answer, KnowledgeGraph
    from ...knowledge.inference.answer import NetworkAnswer, ToldFact
    from ...knowledge.questions import Question


def record_answer(graph: "KnowledgeGraph", answer: "Answer") -> Recording | SearchRecording:
    """Record what the network did to answer a question.

    A network that does not search was given one fact in each of the first steps; each later step may look up
    one of them. Of a family, at most some hundred facts are shown: those that were read, and the nearest; a
    search for the way between two people is run again with these alone.

    Args:
        graph: the graph that was asked about.
        answer: as :func:`tapehead.knowledge.ask` returned it.

    Raises:
        InputError: the network was not asked.
    """
    network = answer.network
    if network is None:
        raise InputError(f"the network was not asked, so that there is nothing to play: {answer.not_asked}")
    if isinstance(network, SearchAnswer):
        return record_search(graph, answer)
    if isinstance(network, WayAnswer):
        return record_way(graph, answer, network)
    if isinstance(network, KinshipAnswer):
        return _record_kinship(_Family(graph), answer, network)
    subject: _Subject = _Family(graph) if graph.is_family else _Map(graph)
    given = len(network.facts)
    looked_up = network.step_facts[: len(network.inputs) - given]
    facts = [subject.sentence(fact) for fact in network.facts]
    captions = [f"looks up {facts[fact]}" if fact >= 0 else "looks up no fact" for fact in looked_up]
    # A later step writes the fact that the step before it looked up.
    return _recording(subject, answer, network, facts, captions, [-1, *looked_up])


def _record_kinship(subject: "_Subject", answer: "Answer", kinship: KinshipAnswer) -> Recording:
    """Of a walk through a family, which is run again for its trace: its frames write the facts found."""
    network, fed = play(kinship)
    facts = [subject.sentence(fact) for fact in network.facts]
    captions, written = [], []
    for record, fact in zip(fed, network.step_facts):
        about = facts[fact] if fact >= 0 else ""
        if isinstance(record, Find):
            captions.append(f"looks up {about or 'no fact'}")
        elif isinstance(record, Frame):
            keeps = f"keeps {about}," if about else "begins,"
            captions.append(f"{keeps} as frame {record.number}")
        else:
            answered = "an answer; " if record.op == ANSWER else ""
            captions.append(f"{answered}goes back to frame {record.number}: {about or 'where it began'}")
        written.append(fact if isinstance(record, Frame) else -1)
    return _recording(subject, answer, network, facts, captions, written)


def _recording(
    subject: "_Subject",
    answer: "Answer",
    network: "NetworkAnswer",
    facts: list[str],
    captions: list[str],
    written: list[int],
) -> Recording:
    """A recording of a network that was given one fact in each of the first steps.

    Args:
        subject: what the question is about.
        answer: to the question.
        network: its trace.
        facts: sentences.
        captions: of the steps after the facts.
        written: of each of these, the fact that it writes, −1 for none.
    """
    given = len(facts)
    N, W = network.trace.memory.shape[1:]
    R, T = network.trace.read_words.shape[1], len(network.inputs)
    heads = f"{R} read head{'s' if R > 1 else ''}"
    return Recording(
        trace=network.trace,
        title=f"Question about {subject.graph.name}",
        subtitle=f"{given} facts · {N} slots of {W} numbers · {heads} · {T} steps",
        inputs=network.inputs,
        outputs=network.outputs,
        step_captions=[*facts, *captions],
        question=QuestionRecord(
            text=answer.question,
            answers=tuple(answer.answers),
            exact=tuple(answer.exact),
            correct=bool(answer.correct),
            confidence=answer.confidence,
            facts=tuple(facts),
            fact_steps=tuple(range(given)),
            step_facts=(*range(given), *written[: T - given]),
            answer_steps=tuple(network.answer_steps),
            picture=subject.picture(network, _start(answer.parsed)),
        ),
    )


class _Subject(Protocol):
    """What a question is about."""

    graph: "KnowledgeGraph"

    def sentence(self, fact: "ToldFact") -> str:
        """A fact in words."""

    def picture(self, network: "NetworkAnswer", start: str) -> Picture:
        """The given facts as a picture; ``start`` is the id that the question begins with."""


def _start(question: "Question") -> str:
    """The id of the person or place that a question begins with."""
    from ...knowledge.questions import FamilyQuestion

    return question.person if isinstance(question, FamilyQuestion) else question.start


class _Family:
    """A family tree: a row for each generation, a dot for each family."""

    def __init__(self, graph: "KnowledgeGraph") -> None:
        self.graph = graph
        self.tree, self.ids = graph.family_tree()
        self.families = [entity for entity in graph.entities.values() if entity.kind == "family"]

    def sentence(self, fact: "ToldFact") -> str:
        person, label, family = fact
        return f"{self.graph.entities[self.ids[person]].name} —{label}→ {self.families[family].name}"

    def picture(self, network: "NetworkAnswer", start: str) -> Picture:
        asked = self.ids.index(start)
        people = _numbered([asked, *(person for person, _, _ in network.facts), *network.answers])
        families = _numbered([family for _, _, family in network.facts])
        ties = [
            (people[person], families[family], person in self.tree.families[family].children)
            for person, _, family in network.facts
        ]
        of_people, of_families = family_layout(len(people), len(families), ties)
        entities = [self.graph.entities[self.ids[person]] for person in people]
        nodes = [
            *(
                PictureNode(label=entity.name, x=float(x), y=float(y), kind="person", note=entity.years)
                for entity, (x, y) in zip(entities, of_people)
            ),
            *(PictureNode(label="", x=float(x), y=float(y), kind="family") for x, y in of_families),
        ]
        edges = [
            PictureEdge(
                start=person,
                end=len(people) + family,
                facts=(fact,),
                label=self.sentence(network.facts[fact]),
            )
            for fact, (person, family, _) in enumerate(ties)
        ]
        return Picture(
            kind="family",
            nodes=tuple(nodes),
            edges=tuple(edges),
            start=people[asked],
            answers=tuple(people[person] for person in network.answers),
        )


class _Map:
    """A map: neighbouring stations are drawn near each other."""

    def __init__(self, graph: "KnowledgeGraph") -> None:
        self.graph = graph
        self.places = graph.edges.places
        self.names = [graph.entities[place].name for place in self.places]

    def sentence(self, fact: "ToldFact") -> str:
        start, line, end = fact
        return f"{self.names[start]} —{line}→ {self.names[end]}"

    def picture(self, network: "NetworkAnswer", start: str) -> Picture:
        asked = self.places.index(start)
        ends = [place for start_place, _, end in network.facts for place in (start_place, end)]
        places = _numbered([asked, *ends, *network.answers])
        lines: dict[tuple[int, int], list[int]] = {}
        for fact, (a, _, b) in enumerate(network.facts):
            low, high = sorted((places[a], places[b]))
            lines.setdefault((low, high), []).append(fact)
        positions = map_layout(len(places), list(lines))
        nodes = [
            PictureNode(label=self.names[place], x=float(x), y=float(y), kind="station")
            for place, (x, y) in zip(places, positions)
        ]
        edges = [
            PictureEdge(
                start=a,
                end=b,
                facts=tuple(facts),
                label="; ".join(self.sentence(network.facts[fact]) for fact in facts),
            )
            for (a, b), facts in lines.items()
        ]
        return Picture(
            kind="map",
            nodes=tuple(nodes),
            edges=tuple(edges),
            start=places[asked],
            answers=tuple(places[place] for place in network.answers),
        )


def _numbered(ids: Sequence[int]) -> dict[int, int]:
    """Numbers from 0 for the distinct ids, in order of first occurrence."""
    return {id_: number for number, id_ in enumerate(dict.fromkeys(ids))}
