"""A question about a family or a map, as a recording with its picture."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .layout import family_layout, map_layout
from .recording import Asked, Edge, Node, Picture, Recording

if TYPE_CHECKING:
    from ...knowledge import Answer, KnowledgeGraph
    from ...knowledge.inference.answer import NetworkAnswer


def record_answer(graph: "KnowledgeGraph", answer: "Answer") -> Recording:
    """What the network did to answer a question.

    Args:
        graph: what was asked.
        answer: as ``knowledge.ask`` returned it: the network was told a fact in each of the first steps, and
            in each later step looked one up.
    """
    network = answer.network
    told = len(network.facts)
    draw = _Family(graph) if graph.is_family else _Map(graph)
    facts = [draw.sentence(fact) for fact in network.facts]
    looked_up = network.step_facts[: len(network.inputs) - told]
    N, W = network.trace.memory.shape[1:]
    R, T = network.trace.read_words.shape[1], len(network.inputs)
    heads = f"{R} read head{'s' if R > 1 else ''}"
    return Recording(
        trace=network.trace,
        title=f"Asking {graph.name}",
        subtitle=f"{told} facts told · {N} slots of {W} numbers · {heads} · {T} steps",
        inputs=network.inputs,
        outputs=network.outputs,
        step_words=[*facts, *(f"looks up {facts[fact]}" if fact >= 0 else "thinks" for fact in looked_up)],
        asked=Asked(
            question=answer.question,
            answers=tuple(answer.answers),
            exact=tuple(answer.exact),
            correct=bool(answer.correct),
            confidence=answer.confidence,
            facts=tuple(facts),
            fact_steps=tuple(range(told)),
            # A later step writes down what the step before it looked up.
            step_facts=(*range(told), *[-1, *looked_up][: T - told]),
            answer_steps=tuple(network.answer_steps),
            picture=draw.picture(network, _start(graph, answer.question)),
        ),
    )


def _start(graph: "KnowledgeGraph", question: str) -> str:
    """The id of the person or place that a question begins with."""
    from ...knowledge import KinshipQuestion, parse

    parsed = parse(question, graph)
    return parsed.person if isinstance(parsed, KinshipQuestion) else parsed.start


class _Family:
    """A family tree: people in rows of generations, families as dots that join them."""

    def __init__(self, graph: "KnowledgeGraph") -> None:
        self.graph = graph
        self.tree, self.ids = graph.family_tree()
        self.families = [entity for entity in graph.entities.values() if entity.kind == "family"]

    def sentence(self, fact: tuple[int, str, int]) -> str:
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
            *(Node(e.name, float(x), float(y), "person", e.years) for e, (x, y) in zip(entities, of_people)),
            *(Node("", float(x), float(y), "family") for x, y in of_families),
        ]
        edges = [
            Edge(person, len(people) + family, (fact,), self.sentence(network.facts[fact]))
            for fact, (person, family, _) in enumerate(ties)
        ]
        answers = tuple(people[person] for person in network.answers)
        return Picture("family", tuple(nodes), tuple(edges), people[asked], answers)


class _Map:
    """A map: neighbouring stations near each other."""

    def __init__(self, graph: "KnowledgeGraph") -> None:
        self.places = graph.edges.places
        self.names = [graph.entities[place].name for place in self.places]

    def sentence(self, fact: tuple[int, str, int]) -> str:
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
        spots = map_layout(len(places), list(lines))
        nodes = [
            Node(self.names[place], float(x), float(y), "station") for place, (x, y) in zip(places, spots)
        ]
        edges = [
            Edge(a, b, tuple(told), "; ".join(self.sentence(network.facts[fact]) for fact in told))
            for (a, b), told in lines.items()
        ]
        answers = tuple(places[place] for place in network.answers)
        return Picture("map", tuple(nodes), tuple(edges), places[asked], answers)


def _numbered(things: Sequence[int]) -> dict[int, int]:
    """Thing → its place among the different ones, in the order in which they come."""
    return {thing: number for number, thing in enumerate(dict.fromkeys(things))}
