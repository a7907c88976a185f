"""Reports on the models that answer questions: what ``tapehead evaluate`` prints for them."""

import csv
import dataclasses
import io
import os
from pathlib import Path
from typing import Any

from torch import Tensor

from ...errors import InputError
from ...nn import Machine
from ...tasks.graph import Inference, Search, ShortestPath, Traversal
from ...tasks.graph.episode import GraphTask
from ...tasks.graph.fixed import FixedGraph
from ...tasks.graph.inference import FAMILY_EDGES, NUM_EDGE_LABELS, relations_of
from ...tasks.graph.search_decode import Machine as Run
from ...tasks.kinship.relations import BY_NAME
from ..graph import Edges, Entity, Fact, KnowledgeGraph
from ..inference.run import run_time_first
from ..readers import edge_list
from ..readers.files import ReadError, decode, read_capped
from ..readers.read import EXAMPLES, read
from ..weights import amount, weights_of
from .graphs import score_given, score_random
from .kinship import KinshipScore, score_kinship
from .search import SearchScore, score_random_searches, score_searches, score_weighted_searches

LENGTHS = (2, 3, 4, 5)
_DATA = Path(__file__).parents[1] / "data"
FAMILY_GRAPH, FAMILY_RELATIONS = _DATA / "family_inference.csv", _DATA / "family_relations.csv"


@dataclasses.dataclass(frozen=True)
class KinshipReport:
    """How a model did on a family tree."""

    model: str
    data: str
    people: int
    score: KinshipScore

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        by_length = self.score.by_length
        return {
            "model": self.model,
            "data": self.data,
            "people": self.people,
            "accuracy_by_length": {str(length): tally.accuracy for length, tally in by_length.items()},
            "questions_by_length": {str(length): tally.asked for length, tally in by_length.items()},
            "constrained_by_length": {str(n): tally.accuracy for n, tally in self.score.constrained.items()},
            "greedy_by_length": {str(n): tally.accuracy for n, tally in self.score.greedy.items()},
        }

    def __str__(self) -> str:
        """A row for each relation and each length."""
        width = 2 + max(map(len, self.score.by_relation), default=0)
        lines = [
            f"{self.data}: {self.people:,} people, {self.score.facts:,} facts told once; "
            "an answer counts if the whole set is right",
            *self.score.left_out,
            f"{'':{width}} as asked  constrained   greedy",
        ]
        for length, tally in self.score.by_length.items():
            constrained, greedy = self.score.constrained[length], self.score.greedy[length]
            lines.append(
                f"{f'{length} steps':{width}}  {tally.accuracy:7.1%}  {constrained.accuracy:11.1%}  "
                f"{greedy.accuracy:7.1%}  of {tally.asked:,}"
            )
            lines += [
                f"  {name:{width - 2}}  {part.accuracy:7.1%}{'':22}  of {part.asked:,}"
                for name, part in self.score.by_relation.items()
                if BY_NAME[name].length == length
            ]
        return "\n".join(lines)


@dataclasses.dataclass(frozen=True)
class GraphReport:
    """How a model did on a graph."""

    model: str
    task: str
    graph: str
    """the file or example; "random" for fresh graphs of the last lesson"""
    steps: int | None
    episodes: int
    right: int

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "model": self.model,
            "task": self.task,
            "graph": self.graph,
            "steps": self.steps,
            "episodes": self.episodes,
            "accuracy": self.right / self.episodes,
        }

    def __str__(self) -> str:
        """One line."""
        steps = "the last lesson" if self.steps is None else f"{self.steps} steps"
        return (
            f"{self.task} on {self.graph}, {steps}: {self.right / self.episodes:.1%} "
            f"of {self.episodes:,} episodes wholly right"
        )


@dataclasses.dataclass(frozen=True)
class SearchReport:
    """How a model did on searches for a shortest way."""

    model: str
    task: str
    graph: str
    """the file or example; "random" for fresh graphs"""
    nodes: int | None
    """None: random graphs of several sizes"""
    edges: int | None
    """None: random graphs"""
    score: SearchScore
    measure: str = ""
    """of ways of least weight: the column that they go by"""
    told: int | None = None
    """of a family: how many of its ties are told for a question, at most"""

    def to_dict(self) -> dict[str, Any]:
        """For JSON. The steps of pairs without a way between them are None."""
        return {
            "model": self.model,
            "task": self.task,
            "graph": self.graph,
            "nodes": self.nodes,
            "edges": self.edges,
            **({} if self.told is None else {"told": self.told}),
            **self._weights(),
            **self.score.total.to_dict(),
            "by_steps": [{"steps": steps, **tally.to_dict()} for steps, tally in self.score.by_steps.items()],
        }

    def _weights(self) -> dict[str, Any]:
        divided = self.score.divided
        if divided is None:
            return {}
        return {
            "weights": self.measure,
            "unit": float(divided.unit),
            "rounded": divided.rounded,
            "waypoints": len(divided.waypoints),
        }

    def __str__(self) -> str:
        """A row for each length of the shortest path, and one for all."""
        nodes = "graphs of the last lesson" if self.nodes is None else f"{self.nodes:,} nodes"
        edges = "" if self.edges is None else f" and {self.edges:,} edges"
        if self.told is not None and self.told < (self.edges or 0):
            edges += f", the nearest {self.told:,} told"
        lengths = self.score.by_steps.items()
        tallies = {
            "no way" if steps is None else f"{steps} step{'s' * (steps > 1)}": tally
            for steps, tally in lengths
        } | {"all": self.score.total}
        width = max(map(len, tallies))
        what = "a shortest way"
        if (divided := self.score.divided) is not None:
            what = f"a way of least {self.measure}"
            unit, waypoints = amount(divided.unit, self.measure), len(divided.waypoints)
            edges += f", told in steps of {unit} over {waypoints:,} waypoints"
            edges += f" ({divided.rounded:,} edges rounded)" if divided.rounded else ""
        return "\n".join(
            [
                f"{self.task} on {self.graph}, {nodes}{edges}; an answer counts if it is {what}",
                f"{'':{width}}   greedy  constrained",
                *(
                    f"{name:{width}}  {tally.accuracy:7.1%}  {tally.accuracy_constrained:11.1%}"
                    f"  of {tally.pairs:,}"
                    for name, tally in tallies.items()
                ),
            ]
        )


def kinship(
    model: str, machine: Machine, data: str | os.PathLike, *, questions: int = 1000, seed: int = 0
) -> KinshipReport:
    """Ask about a family tree, all of whose facts are told once, ``questions`` of each length from 2 to 5.

    Args:
        model: its name, for the report.
        machine: trained on the kinship task.
        data: a file, or the name of an example.
        questions: of each length.
        seed: of the questions.

    Raises:
        InputError: the file is no family tree, or nothing can be asked about it.
    """
    graph = read(data)
    if not graph.is_family:
        raise InputError(f"{graph.name} is a map: kinship is asked of a family tree")
    tree, people = graph.family_tree()
    try:
        score = score_kinship(machine, tree, lengths=LENGTHS, questions=questions, seed=seed)
    except ValueError as error:
        raise InputError(str(error)) from error
    if not score.by_length:
        raise InputError(f"{graph.name} has nobody with relatives two steps away: there is nothing to ask")
    return KinshipReport(model, str(data), len(people), score)


def graph(
    model: str,
    machine: Machine,
    task: GraphTask,
    *,
    graph: str | None,
    relations: str | None = None,
    steps: int | None = None,
    episodes: int = 1000,
    memory_size: int | None = None,
    seed: int = 0,
    single_pass: bool = False,
) -> GraphReport:
    """Score a graph model on a file, or without one on random graphs as in its last lesson.

    Args:
        model: its name, for the report.
        machine: trained on ``task``.
        task: traversal, inference or shortest path.
        graph: an edge list or another map, or the name of an example; None: random graphs.
        relations: of inference: a table (name, edges), the edges of each path parted by ">"; None: all 400,
            of the example family its own.
        steps: of the walk, the relation or the shortest path; None: as in the paper's test of the task, on
            random graphs as in the last lesson.
        episodes: how many; of shortest paths on a file at most all pairs of nodes that are so far apart.
        memory_size: slots; None: enough for the graph.
        seed: of the episodes.
        single_pass: take one sample of each, and the most probable digits of its outputs, as always with
            relations on random graphs; otherwise answer as ``tapehead ask`` does (voted).

    Raises:
        InputError: the file does not fit the task, or has no episode of so many steps.
    """
    try:
        if graph is None:
            asked = task if steps is None else task.with_sizes(path=steps)
            right, done = score_random(
                machine, asked, episodes=episodes, seed=seed, memory_size=memory_size, single_pass=single_pass
            )
            return GraphReport(model, task.name, "random", steps, done, right)
        if steps is None:
            steps = {Traversal: 7, Inference: 4, ShortestPath: 4}[type(task)]  # the paper's tests
        if isinstance(task, Inference):
            given, known = _inference_graph(graph, relations, steps)
        else:
            given, known = FixedGraph(tuple(_edges(graph).edges)), []
        right, done = score_given(
            machine,
            task,
            given,
            steps=steps,
            episodes=episodes,
            seed=seed,
            relations=known,
            memory_size=memory_size,
            single_pass=single_pass,
        )
    except InputError:
        raise
    except ValueError as error:
        raise InputError(str(error) if graph is None else f"{graph}: {error}") from error
    return GraphReport(model, task.name, graph, steps, done, right)


def search(
    model: str,
    machine: Machine,
    task: Search,
    *,
    graph: str | None,
    nodes: int | None = None,
    steps: int | None = None,
    weights: str | None = None,
    pairs: int = 1000,
    seed: int = 0,
) -> SearchReport:
    """Score a model of the search task on a file, or without one on random graphs.

    Args:
        model: its name, for the report.
        machine: trained on ``task``.
        task: says how graphs are told, and of which random ones are drawn.
        graph: an edge list or another map, or the name of an example; None: random graphs.
        nodes: of random graphs; None: as many as in the task.
        steps: of the shortest path; None: of any length, and pairs without a way between them, too.
        weights: a column of the file: ask for the ways of least weight by it, instead of the shortest.
        pairs: how many pairs of nodes; on a file at most all that there are, each once.
        seed: of the pairs and the names.

    Raises:
        InputError: the file does not fit the task, or has no such pair.
    """

    def run(x: Tensor, state: tuple | None = None, memory_size: int | None = None) -> tuple[Tensor, tuple]:
        return run_time_first(machine, x, state, memory_size=memory_size)[:2]

    try:
        if graph is None:
            drawn = task if nodes is None else task.with_sizes(nodes=nodes)
            score = score_random_searches(run, drawn, pairs=pairs, steps=steps, seed=seed)
            fixed = drawn.min_nodes if drawn.min_nodes == drawn.max_nodes else None
            return SearchReport(model, task.name, "random", fixed, None, score)
        if weights is not None:
            return _weighted_search(model, run, task, graph, weights, pairs=pairs, seed=seed)
        edges = _edges(graph)
        score = score_searches(run, task, edges, pairs=pairs, steps=steps, seed=seed)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(str(error) if graph is None else f"{graph}: {error}") from error
    return SearchReport(model, task.name, graph, len(edges.places), len(edges.edges), score)


def _weighted_search(
    model: str, machine: Run, task: Search, graph: str, weights: str, *, pairs: int, seed: int
) -> SearchReport:
    found = read(graph, weights=weights)
    edges = found.edges
    score = score_weighted_searches(machine, task, edges, weights_of(found), pairs=pairs, seed=seed)
    return SearchReport(
        model, task.name, graph, len(edges.places), len(edges.edges), score, measure=found.measure
    )


Relations = list[tuple[int, tuple[int, ...]]]
"""(label, edges) of relations that may be asked for."""


def _edges(graph: str) -> Edges:
    """The edges of a map, or of any other edge list."""
    found = read(graph)
    if found.is_family:  # An edge list of relatives is a graph like any other.
        rows = _rows(graph)
        nodes = dict.fromkeys(node for start, _, end in rows for node in (start, end))
        entities = {node: Entity(node, node, "place") for node in nodes}
        found = KnowledgeGraph(graph, entities, [Fact(*row) for row in rows])
    return found.edges


def _inference_graph(graph: str, relations: str | None, steps: int) -> tuple[FixedGraph, Relations]:
    """The edges of a file with labels 0 to 9, and the relations of so many steps that may be asked."""
    rows = _rows(graph)
    used = list(dict.fromkeys(label for _, label, _ in rows))
    names = FAMILY_EDGES if set(used) <= set(FAMILY_EDGES) else used
    if len(names) > NUM_EDGE_LABELS:
        raise InputError(f"{graph} has {len(names)} edge labels: inference knows {NUM_EDGE_LABELS}")
    labels = {label: number for number, label in enumerate(names)}
    nodes: dict[str, int] = {}
    for start, _, end in rows:
        nodes.setdefault(start, len(nodes))
        nodes.setdefault(end, len(nodes))
    given = FixedGraph(tuple((nodes[a], labels[e], nodes[b]) for a, e, b in rows))
    source = FAMILY_RELATIONS if relations is None and _is_example(graph) else relations
    known = relations_of(steps)
    if source is None:
        return given, list(known)
    paths = _paths(Path(source), labels)
    return given, [(label, path) for label, path in known if path in paths]


def _paths(path: Path, labels: dict[str, int]) -> set[tuple[int, ...]]:
    """The paths of a table of relations: name, edges parted by ">"."""
    known = {edges for length in (1, *LENGTHS) for _, edges in relations_of(length)}
    found = set()
    try:
        rows = list(csv.reader(io.StringIO(_text(path), newline="")))
    except csv.Error as error:
        raise ReadError(f"{path}: {error}") from None
    for row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells == ["name", "edges"]:
            continue
        if len(cells) != 2:
            raise InputError(f"{path}: {','.join(row)[:60]!a} is no relation: give name, edge > edge > …")
        name, words = cells[0], [word.strip() for word in cells[1].split(">")]
        for word in words:
            if word not in labels:
                raise InputError(
                    f"{path}: the relation {name!r} has the edge {word!r}, which the graph has not"
                )
        edges = tuple(labels[word] for word in words)
        if edges not in known:
            raise InputError(
                f"{path}: the relation {name!r} is none of the 400 that the model learned; "
                "tapehead.tasks.graph.inference.relations() lists them"
            )
        found.add(edges)
    return found


def _is_example(graph: str) -> bool:
    return graph == "family" and not Path(graph).exists()


def _rows(graph: str) -> list[tuple[str, str, str]]:
    path = FAMILY_GRAPH if _is_example(graph) else Path(graph)
    rows = dict.fromkeys(edge_list.read_rows(_text(path), path.name))
    return [(edge.source, edge.label, edge.target) for edge in rows]


def _text(path: Path) -> str:
    if path.exists() and not path.is_file():  # A pipe or a device may never end.
        raise ReadError(f"{path} is not a regular file")
    try:
        with path.open("rb") as file:
            return decode(read_capped(file, path.name, edge_list.MAX_FILE_BYTES), path.name)
    except FileNotFoundError:
        raise ReadError(f"there is no file {str(path)!r}; the examples are {', '.join(EXAMPLES)}") from None
    except OSError as error:
        raise ReadError(f"{path} cannot be opened: {error.strerror or error}") from None
