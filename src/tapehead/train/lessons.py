"""The lessons of the graph tasks, of search, of kinship and of priority sort."""

from typing import Any, NamedTuple

from ..tasks import PrioritySort, Search
from ..tasks.graph import Inference, ShortestPath, Traversal
from ..tasks.graph.episode import GraphTask
from ..tasks.kinship import Kinship
from .config import CurriculumConfig

Range = tuple[int, int]


class GraphSizes(NamedTuple):
    """The sizes of a lesson of the graph tasks, each from the first number to the second."""

    nodes: Range
    degree: Range
    """edges that leave a node"""
    path: Range
    """steps of the walk, of the relation or of the shortest path"""

    def fields(self) -> dict[str, Any]:
        """The fields of a graph task with these sizes."""
        return {
            f"{bound}_{size}": value
            for size, values in self._asdict().items()
            for bound, value in zip(("min", "max"), values)
        }


# DNC Extended Data Table 3, "Traversal".
PAPER_TRAVERSAL: tuple[GraphSizes, ...] = (
    GraphSizes((3, 10), (2, 4), (1, 1)),
    GraphSizes((3, 10), (2, 4), (1, 2)),
    GraphSizes((5, 10), (2, 4), (1, 3)),
    GraphSizes((5, 10), (2, 4), (1, 4)),
    GraphSizes((10, 15), (2, 4), (1, 4)),
    GraphSizes((10, 15), (2, 4), (1, 5)),
    GraphSizes((10, 20), (2, 4), (1, 5)),
    GraphSizes((10, 20), (2, 4), (1, 6)),
    GraphSizes((10, 30), (2, 4), (1, 6)),
    GraphSizes((10, 30), (2, 4), (1, 7)),
    GraphSizes((10, 30), (2, 4), (1, 8)),
    GraphSizes((10, 30), (2, 4), (1, 9)),
    GraphSizes((10, 40), (2, 6), (1, 10)),
    GraphSizes((10, 40), (2, 6), (1, 20)),
)

# The same table, "Inference".
PAPER_INFERENCE: tuple[GraphSizes, ...] = (
    GraphSizes((3, 3), (2, 2), (2, 2)),
    GraphSizes((3, 5), (2, 2), (2, 2)),
    GraphSizes((4, 6), (2, 4), (2, 2)),
    GraphSizes((4, 6), (2, 4), (2, 2)),
    GraphSizes((6, 12), (2, 4), (2, 2)),
    GraphSizes((12, 18), (2, 4), (2, 2)),
    GraphSizes((4, 6), (2, 4), (2, 3)),
    GraphSizes((6, 12), (2, 4), (2, 3)),
    GraphSizes((12, 18), (2, 4), (2, 3)),
    GraphSizes((4, 6), (2, 4), (2, 4)),
    GraphSizes((4, 6), (2, 4), (2, 4)),
    GraphSizes((6, 12), (2, 4), (2, 4)),
    GraphSizes((12, 18), (2, 4), (2, 4)),
    GraphSizes((4, 6), (2, 4), (2, 5)),
    GraphSizes((6, 12), (2, 4), (2, 5)),
    GraphSizes((12, 18), (2, 4), (2, 5)),
    GraphSizes((20, 25), (2, 4), (2, 5)),
)

# Ours: single edges first, without which nothing is learned for a hundred thousand episodes.
INFERENCE: tuple[GraphSizes, ...] = (
    GraphSizes((3, 3), (2, 2), (1, 1)),
    GraphSizes((4, 6), (2, 4), (1, 1)),
    GraphSizes((4, 6), (2, 4), (1, 2)),
    GraphSizes((6, 12), (2, 4), (2, 2)),
    GraphSizes((12, 18), (2, 4), (2, 2)),
    GraphSizes((4, 6), (2, 4), (2, 3)),
    GraphSizes((6, 12), (2, 4), (2, 3)),
    GraphSizes((12, 18), (2, 4), (2, 3)),
    GraphSizes((6, 12), (2, 4), (2, 4)),
    GraphSizes((12, 18), (2, 4), (2, 4)),
    GraphSizes((6, 12), (2, 4), (2, 5)),
    GraphSizes((12, 18), (2, 4), (2, 5)),
    GraphSizes((20, 25), (2, 4), (2, 5)),
)

# The same table, "Shortest path".
PAPER_SHORTEST_PATH: tuple[GraphSizes, ...] = (
    GraphSizes((5, 10), (1, 2), (2, 2)),
    GraphSizes((5, 20), (1, 2), (2, 2)),
    GraphSizes((10, 20), (1, 2), (2, 2)),
    GraphSizes((10, 20), (1, 2), (2, 3)),
    GraphSizes((10, 20), (1, 3), (2, 3)),
    GraphSizes((10, 20), (2, 3), (2, 3)),
    GraphSizes((10, 20), (2, 3), (2, 4)),
    GraphSizes((10, 20), (2, 4), (2, 4)),
    GraphSizes((10, 25), (2, 4), (2, 4)),
    GraphSizes((10, 25), (2, 4), (2, 5)),
    GraphSizes((10, 25), (2, 4), (2, 5)),
    GraphSizes((15, 25), (2, 4), (2, 5)),
    GraphSizes((15, 25), (2, 5), (2, 5)),
    GraphSizes((20, 25), (2, 5), (2, 5)),
    GraphSizes((20, 25), (2, 6), (2, 5)),
)

# Ours: small graphs stay among the larger ones to the end.
SHORTEST_PATH: tuple[GraphSizes, ...] = (
    GraphSizes((3, 5), (1, 2), (1, 1)),
    GraphSizes((4, 8), (1, 2), (1, 2)),
    GraphSizes((5, 10), (1, 2), (2, 3)),
    GraphSizes((10, 20), (1, 2), (2, 5)),
    GraphSizes((10, 20), (2, 4), (2, 5)),
    PAPER_SHORTEST_PATH[-1],
)


def traversal(lessons: tuple[GraphSizes, ...], *, finish: bool = False, **fields: Any) -> CurriculumConfig:
    """Lessons of the traversal task; ``finish``: stay in the last to the run's end, at a falling rate."""
    return _of(Traversal, lessons, finish, fields)


def inference(lessons: tuple[GraphSizes, ...], *, finish: bool = False, **fields: Any) -> CurriculumConfig:
    """Lessons of the inference task; ``finish`` as for traversal."""
    return _of(Inference, lessons, finish, fields)


def _of(
    task: type[GraphTask], lessons: tuple[GraphSizes, ...], finish: bool, fields: dict[str, Any]
) -> CurriculumConfig:
    tasks = tuple(task(**lesson.fields(), **fields) for lesson in lessons)
    return CurriculumConfig(tasks, stay=finish, hold_rate=finish)


def shortest_path_of_the_paper() -> CurriculumConfig:
    """Lessons of the shortest-path task: 50 episodes are graded after every 2,000; nothing is replayed.

    An episode passes if each of its answers begins a shortest path.
    """
    tasks = tuple(ShortestPath(**lesson.fields()) for lesson in PAPER_SHORTEST_PATH)
    return CurriculumConfig(tasks, threshold=0.8, episodes=50, check_every=2000, replay=0.0)


def shortest_path(**fields: Any) -> CurriculumConfig:
    """Our lessons of the shortest-path task: passed early, but replayed until the end.

    An episode passes if each scratchpad step contains all the right edges and no other.
    """
    tasks = tuple(ShortestPath(**lesson.fields(), **fields) for lesson in SHORTEST_PATH)
    return CurriculumConfig(tasks, threshold=0.05, check_every=250, replay=0.75, stay=True)


def priority_sort() -> CurriculumConfig:
    """Lessons with more and more vectors; the last is the paper's."""
    lessons = tuple(
        PrioritySort(min_items=items, max_items=items, kept=kept)
        for items, kept in ((2, 2), (3, 3), (4, 4), (6, 5), (8, 7), (10, 8), (12, 10), (16, 13), (20, 16))
    )
    return CurriculumConfig(lessons, threshold=0.6, stay=True)


# Facts, steps of practice, and the fraction of families with similar names. Many steps among few facts are
# for what a frame decides, many facts with similar names for lookups in a large family.
KINSHIP: tuple[tuple[tuple[int, int], int, float], ...] = (
    ((4, 10), 24, 0.0),
    ((8, 20), 32, 0.0),
    ((15, 40), 40, 0.4),
    ((30, 80), 48, 0.5),
    ((6, 24), 100, 0.5),
    ((60, 160), 90, 0.95),
)


def kinship() -> CurriculumConfig:
    """Lessons with more and more facts, and one of many steps: an episode passes without a wrong field."""
    lessons = tuple(
        Kinship(min_facts=facts[0], max_facts=facts[1], steps=steps, similar=similar)
        for facts, steps, similar in KINSHIP
    )
    return CurriculumConfig(lessons, threshold=0.5, episodes=48, check_every=100, replay=0.6, stay=True)


# Nodes, edges that leave a node, and the least fraction of nodes to scan: a large graph is there for its many
# records, among which a few scans have to find theirs.
SEARCH: tuple[tuple[tuple[int, int], tuple[int, int], float], ...] = (
    ((3, 5), (1, 3), 0.5),
    ((4, 8), (1, 4), 0.5),
    ((6, 12), (1, 4), 0.3),
    ((10, 20), (2, 5), 0.2),
    ((18, 30), (2, 6), 0.15),
    ((30, 50), (2, 6), 0.1),
    ((60, 100), (2, 5), 0.05),
)


def search() -> CurriculumConfig:
    """Lessons of the search task, on larger and larger graphs; the small ones are replayed until the end."""
    tasks = tuple(
        Search(
            min_nodes=low,
            max_nodes=high,
            min_degree=least,
            max_degree=most,
            similar=0.7 if low >= 10 else 0.0,
            keep=keep,
            ask=0.5,
        )
        for (low, high), (least, most), keep in SEARCH
    )
    return CurriculumConfig(
        tasks, threshold=0.5, episodes=48, check_every=100, replay=0.75, stay=True, hold_rate=True
    )
