"""Lets a machine search a map in its memory: the shortest path, the quickest, and what is near."""

import dataclasses
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...nn import Machine, evaluation_mode
from ...tasks import Search
from ...tasks.graph.episode import Triple
from ...tasks.graph.search_decode import Answer, ToldGraph
from ...tasks.graph.search_graphs import draw_distant_names
from ...tasks.graph.search_trace import BLANK, FIELDS, Op, Record, query
from ..graph import KnowledgeGraph
from ..weights import weights_of
from .answer import ToldFact
from .routes import nearest_edges
from .run import run_time_first
from .subdivide import Subdivision, room_for, subdivide

MAX_EDGES = 4_000
"""Edges told, at most."""
MAX_WEIGHTED = 2_000
"""Of a map with weights, connections told, at most: the rest of ``MAX_EDGES`` is for their units."""
ONWARD = "onward"
"""The line from a waypoint to the next."""
TRACED_STEPS = 32
"""Steps whose traces are held at once."""
MAX_KEPT = 4
"""Maps that are kept for the next question, for each machine."""


class SearchStep(NamedTuple):
    """A record that a machine said, in the numbers of the map."""

    op: Op
    source: int
    """place, or BLANK"""
    destination: int
    """place, or BLANK"""
    edge: int
    """index of the told edge that the record names; BLANK without labels, or if no such edge was told"""


@dataclasses.dataclass(frozen=True)
class ToldMap:
    """A map as a machine was told it: a state, and which name means which place."""

    machine: Machine
    graph: ToldGraph
    edges: list[Triple]
    """(place, line, place) of the map, in the order told; of a weighted one, its steps and waypoints"""
    name_of: dict[int, int]
    """place → the name under which it was told"""
    nowhere: int
    """the name of a node that is told without edges: to look for it is to search everything"""
    place_of: dict[int, int]
    edge_of: dict[tuple[int, int, int], int]
    """(source, label, destination) as told → index in ``edges``"""
    divided: Subdivision | None = None
    """how weights were told; None if they were not"""

    @classmethod
    def tell(
        cls,
        machine: Machine,
        edges: Sequence[Triple],
        places: Sequence[int],
        divided: Subdivision | None = None,
    ) -> "ToldMap":
        """Tell a machine these edges between these places, under names that depend on their number alone.

        Args:
            machine: a search machine.
            edges: (place, line, place).
            places: numbers.
            divided: what ``edges`` and ``places`` were made by, if they are steps and waypoints.

        Raises:
            InputError: the machine's task has too few names.
        """
        task = search_task(machine)
        rng = np.random.default_rng([len(edges), len(places)])
        lines = sorted({line for _, line, _ in edges})
        most = 10**task.digits
        if len(places) >= most:
            raise InputError(
                f"the map has {len(places):,} places: the model knows {most - 1:,} names at most"
            )
        nowhere, *names = draw_distant_names(rng, len(places) + 1, task.digits).tolist()
        labels = draw_distant_names(rng, min(len(lines), most), task.digits).tolist()
        name_of = dict(zip(places, names))
        # Of more lines than labels some share one; two edges that are then told alike lead to the same place.
        label_of = {line: labels[number % most] for number, line in enumerate(lines)}
        adjacency: dict[int, list[tuple[int, int]]] = {name: [] for name in [nowhere, *names]}
        order = [edges[i] for i in rng.permutation(len(edges))]
        for a, line, b in order:
            adjacency[name_of[a]].append((label_of[line], name_of[b]))
        told_order = rng.permutation(list(adjacency)).tolist()
        graph = ToldGraph(machine, task, adjacency, told_order, constrained=True)
        triples = {(name_of[a], label_of[line], name_of[b]): (a, line, b) for a, line, b in order}
        told = [record[:3] for record in graph.records if record.op == Op.EDGE]
        return cls(
            machine=machine,
            graph=graph,
            edges=[triples[triple] for triple in told],
            name_of=name_of,
            nowhere=nowhere,
            place_of={name: place for place, name in name_of.items()},
            edge_of={triple: index for index, triple in enumerate(told)},
            divided=divided,
        )

    @property
    def records(self) -> list[Record]:
        """What it was told, in order: slot by slot, from the second on."""
        return self.graph.records

    def step(self, record: Record) -> SearchStep:
        """A record in the numbers of the map."""
        return SearchStep(
            record.op,
            self.place_of.get(record.source, BLANK),
            self.place_of.get(record.destination, BLANK),
            self.edge_of.get(record[:3], BLANK),
        )

    def place_before(self, number: int) -> tuple[int, int]:
        """The place that a number stands for, or to which a waypoint leads; and the units before it."""
        waypoints = {} if self.divided is None else self.divided.waypoints
        return waypoints.get(number, (number, 0))

    def title(self, number: int, graph: KnowledgeGraph) -> str:
        """The name of a place of the map; of a waypoint "2 before Bank"."""
        place, units = self.place_before(number)
        name = graph.entities[graph.edges.places[place]].name
        return f"{units} before {name}" if units else name


def is_search_machine(machine: Machine) -> bool:
    """Whether a machine has the inputs and outputs of the search task."""
    labels = machine.input_size - len(Op)
    return machine.input_size == machine.output_size and labels % (10 * len(FIELDS)) == 0


def search_task(machine: Machine) -> Search:
    """The task of a search machine, with its number of digits.

    Raises:
        InputError: the machine has the inputs and outputs of another task.
    """
    if not is_search_machine(machine):
        raise InputError(
            f"a {type(machine).__name__} with {machine.input_size} inputs and {machine.output_size} outputs "
            "was not trained on search: give a model of search"
        )
    return Search(digits=(machine.input_size - len(Op)) // (10 * len(FIELDS)))


_told: "weakref.WeakKeyDictionary[KnowledgeGraph, OrderedDict[object, ToldMap]]" = weakref.WeakKeyDictionary()


def told_map(
    graph: KnowledgeGraph, machine: Machine, near: Sequence[int], *, weighted: bool = False
) -> ToldMap:
    """A map as a machine was told it, now or for an earlier question: the state of then is kept.

    Args:
        graph: the map.
        machine: a search machine.
        near: places. Of a map with more than ``MAX_EDGES`` edges the nearest to these are told.
        weighted: tell the weights of the connections, too; at most ``MAX_WEIGHTED`` of these.

    Raises:
        InputError: the machine has too few names; or the map lacks a weight, or has a negative one.
    """
    (edges, lines), places = _connections(graph), list(range(len(graph.edges.places)))
    weight_of = dict(zip(edges, weights_of(graph))) if weighted else {}
    most = MAX_WEIGHTED if weighted else MAX_EDGES
    if len(edges) > most:
        edges = nearest_edges(edges, near, most)
        places = sorted({*near, *(place for a, _, b in edges for place in (a, b))})
    divided = None
    if weighted:
        room = room_for(search_task(machine).digits, len(places) + 1, len(edges), MAX_EDGES)
        divided = subdivide(
            edges,
            [weight_of[edge] for edge in edges],
            places=len(graph.edges.places),
            onward=len(lines),
            waypoints=room,
        )
        edges, places = divided.edges, [*places, *divided.waypoints]
    parameters = tuple((parameter.data_ptr(), parameter._version) for parameter in machine.parameters())
    key = (machine, parameters, weighted, tuple(places), tuple(edges))
    kept = _told.setdefault(graph, OrderedDict())
    if key not in kept:
        kept[key] = ToldMap.tell(machine, edges, places, divided)
        while len(kept) > MAX_KEPT:
            kept.popitem(last=False)
    kept.move_to_end(key)
    return kept[key]


class SearchAnswer(NamedTuple):
    """What a search machine answered, and what it said on the way."""

    answers: list[int]
    """the places of the path after the start, in order; or the places nearby, the nearest first"""
    confidence: float
    """the probability, in [0, 1], that it gave to its least certain step among what may be said there; of all
    steps together it is near 0 for right paths, too, as there are some thousand of them"""
    facts: list[ToldFact]
    """what it was told, in this order"""
    facts_read: list[int]
    """indices into ``facts``: the edges that it named for the answer, in order; of a quickest way, those by
    which it leaves a place"""
    steps: list[SearchStep]
    """all that it said, in the numbers of the map"""
    asked: list[Record]
    """the question as it was put to it"""
    said: list[Record]
    """what it said, as it said it"""
    told: ToldMap

    @property
    def unreachable(self) -> bool:
        """Whether it says that no way leads there; else an answer without a way is a search gone astray."""
        return bool(self.said) and self.said[-1].op == Op.FAIL

    @property
    def connections(self) -> list[ToldFact]:
        """Those of the map that ``facts_read`` names."""
        facts = [self.facts[index] for index in self.facts_read]
        return [fact._replace(object=self.told.place_before(fact.object)[0]) for fact in facts]

    @property
    def connections_told(self) -> int:
        """How many of the map's connections it was told."""
        return len(self.facts) - self._waypoints

    def in_memory(self, nodes: int, of: tuple[str, str] = ("places", "connections")) -> str:
        """ "26 places and 104 connections in memory"; of these nodes some may be waypoints."""
        parts = [f"{nodes - self._waypoints:,} {of[0]}", f"{self.connections_told:,} {of[1]}"]
        if self._waypoints:
            return f"{', '.join(parts)} and {self._waypoints:,} waypoints in memory"
        return f"{' and '.join(parts)} in memory"

    @property
    def _waypoints(self) -> int:
        divided = self.told.divided
        return 0 if divided is None else len(divided.waypoints)


def answer_path(
    machine: Machine, graph: KnowledgeGraph, start: int, end: int, *, weighted: bool = False
) -> SearchAnswer:
    """Ask a search machine for the shortest path between two places, in one pass.

    Of a map with weights it can be asked for the path of least weight. It is then told every connection as
    unit steps over waypoints (see :mod:`.subdivide`), and searches these as it does any map.

    Each label that it says is the most probable one of those told (constrained decoding); everything else is
    the machine's: which edge comes next, what was seen, the queue, the end, and the way back.
    """
    told = told_map(graph, machine, [start, end], weighted=weighted)
    asked = told.name_of[start], told.name_of[end]
    said = _said(machine, told, *asked)
    path = [told.step(record) for record in said.path]
    # From a waypoint there is only one way on.
    path = [step for step in path if not told.place_before(step.source)[1]]
    return SearchAnswer(
        answers=[told.place_before(step.destination)[0] for step in path],
        confidence=said.least_sure,
        facts=_facts(graph, told),
        facts_read=[step.edge for step in path],
        steps=[told.step(record) for record in said.said],
        asked=query(*asked),
        said=said.said,
        told=told,
    )


def answer_nearby(machine: Machine, graph: KnowledgeGraph, start: int, stops: int) -> SearchAnswer:
    """Ask a search machine for the places within some stops of another: a search for a place without edges.

    What it pushes is a tree of shortest paths; the places at most ``stops`` deep in it are the answer.
    """
    told = told_map(graph, machine, [start])
    asked = told.name_of[start], told.nowhere
    said = _said(machine, told, *asked)
    depth = {start: 0}
    pushed = [step for step in map(told.step, said.said) if step.op == Op.PUSH]
    for step in pushed:
        # A source that was never reached is a mistake of the machine's, whose answer ends there.
        if step.source in depth and step.destination != BLANK:
            depth.setdefault(step.destination, depth[step.source] + 1)
    near = [step for step in pushed if 0 < depth.get(step.destination, 0) <= stops]
    answers = list(dict.fromkeys(step.destination for step in near))
    return SearchAnswer(
        answers=answers,
        confidence=said.least_sure,
        facts=_facts(graph, told),
        facts_read=[step.edge for step in near if step.edge != BLANK],
        steps=[told.step(record) for record in said.said],
        asked=query(*asked),
        said=said.said,
        told=told,
    )


def _said(machine: Machine, told: ToldMap, start: int, target: int) -> Answer:
    with evaluation_mode(machine):
        return told.graph.ask(start, target)


def _facts(graph: KnowledgeGraph, told: ToldMap) -> list[ToldFact]:
    lines = [*_connections(graph)[1], ONWARD]
    return [ToldFact(a, lines[line], b) for a, line, b in told.edges]


def _connections(graph: KnowledgeGraph) -> tuple[list[Triple], list[str]]:
    """The map's facts in numbers, and the names of their lines: as the file has them, unlike a walk's."""
    number = {place: i for i, place in enumerate(graph.edges.places)}
    lines: dict[str, int] = {}
    edges = [
        (number[fact.subject], lines.setdefault(fact.label, len(lines)), number[fact.object])
        for fact in dict.fromkeys(graph.facts)
    ]
    return edges, list(lines)


class Heads(NamedTuple):
    """Where the read heads stood at each record that a machine said."""

    slots: Tensor
    """of each record, the slot that each head read most, int64 [n, R]"""
    weights: Tensor
    """and how much of its reading that was, [n, R]"""
    queue_begins: int
    """the slot of START; those before it hold the map, those from it on the queue"""


@torch.no_grad()
def read_heads(answer: SearchAnswer) -> Heads:
    """Run a search again, step by step, and look at its heads.

    Args:
        answer: from :func:`answer_path` or :func:`answer_nearby`.
    """
    told = answer.told.graph
    fed = [*answer.asked, *answer.said[:-1]]
    x = torch.from_numpy(told.task.encode(fed))
    slots, weights, state = [], [], told.state
    # The trace of a step holds the whole memory: only a few steps at once.
    for part in x.split(TRACED_STEPS):
        _, state, trace = run_time_first(answer.told.machine, part.unsqueeze(1), state, return_trace=True)
        assert trace is not None
        weight, slot = trace.read_weights[:, 0].max(-1)
        slots.append(slot)
        weights.append(weight)
    first = len(answer.asked) - 1
    return Heads(
        slots=torch.cat(slots)[first:],
        weights=torch.cat(weights)[first:],
        # The tape begins at slot 1; the target is marked, not written.
        queue_begins=1 + len(told.records),
    )
