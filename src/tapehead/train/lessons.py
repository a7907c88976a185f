"""The lessons of the graph tasks, of kinship and of sorting."""

from typing import Any

from ..tasks import PrioritySort
from ..tasks.graph import Inference, ShortestPath, Traversal
from ..tasks.kinship import Kinship
from .config import CurriculumConfig

Range = tuple[int, int]


def _sizes(nodes: Range, degree: Range, path: Range) -> dict[str, Any]:
    return {
        "min_nodes": nodes[0],
        "max_nodes": nodes[1],
        "min_degree": degree[0],
        "max_degree": degree[1],
        "min_path": path[0],
        "max_path": path[1],
    }


# DNC Extended Data Table 3, "Traversal": nodes, edges that leave a node, steps.
PAPER_TRAVERSAL: tuple[tuple[Range, Range, Range], ...] = (
    ((3, 10), (2, 4), (1, 1)),
    ((3, 10), (2, 4), (1, 2)),
    ((5, 10), (2, 4), (1, 3)),
    ((5, 10), (2, 4), (1, 4)),
    ((10, 15), (2, 4), (1, 4)),
    ((10, 15), (2, 4), (1, 5)),
    ((10, 20), (2, 4), (1, 5)),
    ((10, 20), (2, 4), (1, 6)),
    ((10, 30), (2, 4), (1, 6)),
    ((10, 30), (2, 4), (1, 7)),
    ((10, 30), (2, 4), (1, 8)),
    ((10, 30), (2, 4), (1, 9)),
    ((10, 40), (2, 6), (1, 10)),
    ((10, 40), (2, 6), (1, 20)),
)

# The same table, "Inference".
PAPER_INFERENCE: tuple[tuple[Range, Range, Range], ...] = (
    ((3, 3), (2, 2), (2, 2)),
    ((3, 5), (2, 2), (2, 2)),
    ((4, 6), (2, 4), (2, 2)),
    ((4, 6), (2, 4), (2, 2)),
    ((6, 12), (2, 4), (2, 2)),
    ((12, 18), (2, 4), (2, 2)),
    ((4, 6), (2, 4), (2, 3)),
    ((6, 12), (2, 4), (2, 3)),
    ((12, 18), (2, 4), (2, 3)),
    ((4, 6), (2, 4), (2, 4)),
    ((4, 6), (2, 4), (2, 4)),
    ((6, 12), (2, 4), (2, 4)),
    ((12, 18), (2, 4), (2, 4)),
    ((4, 6), (2, 4), (2, 5)),
    ((6, 12), (2, 4), (2, 5)),
    ((12, 18), (2, 4), (2, 5)),
    ((20, 25), (2, 4), (2, 5)),
)

# Ours: single edges first, without which nothing is learned for a hundred thousand episodes.
INFERENCE: tuple[tuple[Range, Range, Range], ...] = (
    ((3, 3), (2, 2), (1, 1)),
    ((4, 6), (2, 4), (1, 1)),
    ((4, 6), (2, 4), (1, 2)),
    ((6, 12), (2, 4), (2, 2)),
    ((12, 18), (2, 4), (2, 2)),
    ((4, 6), (2, 4), (2, 3)),
    ((6, 12), (2, 4), (2, 3)),
    ((12, 18), (2, 4), (2, 3)),
    ((6, 12), (2, 4), (2, 4)),
    ((12, 18), (2, 4), (2, 4)),
    ((6, 12), (2, 4), (2, 5)),
    ((12, 18), (2, 4), (2, 5)),
    ((20, 25), (2, 4), (2, 5)),
)

# The same table, "Shortest path".
PAPER_SHORTEST_PATH: tuple[tuple[Range, Range, Range], ...] = (
    ((5, 10), (1, 2), (2, 2)),
    ((5, 20), (1, 2), (2, 2)),
    ((10, 20), (1, 2), (2, 2)),
    ((10, 20), (1, 2), (2, 3)),
    ((10, 20), (1, 3), (2, 3)),
    ((10, 20), (2, 3), (2, 3)),
    ((10, 20), (2, 3), (2, 4)),
    ((10, 20), (2, 4), (2, 4)),
    ((10, 25), (2, 4), (2, 4)),
    ((10, 25), (2, 4), (2, 5)),
    ((10, 25), (2, 4), (2, 5)),
    ((15, 25), (2, 4), (2, 5)),
    ((15, 25), (2, 5), (2, 5)),
    ((20, 25), (2, 5), (2, 5)),
    ((20, 25), (2, 6), (2, 5)),
)

# Ours: small graphs stay among the larger ones to the end.
SHORTEST_PATH: tuple[tuple[Range, Range, Range], ...] = (
    ((3, 5), (1, 2), (1, 1)),
    ((4, 8), (1, 2), (1, 2)),
    ((5, 10), (1, 2), (2, 3)),
    ((10, 20), (1, 2), (2, 5)),
    ((10, 20), (2, 4), (2, 5)),
    PAPER_SHORTEST_PATH[-1],
)


def traversal(lessons: tuple[tuple[Range, Range, Range], ...], **fields: Any) -> CurriculumConfig:
    """Lessons of the traversal task."""
    return CurriculumConfig(tuple(Traversal(**_sizes(*lesson), **fields) for lesson in lessons))


def inference(lessons: tuple[tuple[Range, Range, Range], ...], **fields: Any) -> CurriculumConfig:
    """Lessons of the inference task."""
    return CurriculumConfig(tuple(Inference(**_sizes(*lesson), **fields) for lesson in lessons))


def shortest_path_of_the_paper() -> CurriculumConfig:
    """Lessons of the shortest-path task: 50 episodes are graded after every 2,000; nothing is replayed.

    An episode passes if every step that it asks for begins a shortest way.
    """
    tasks = tuple(ShortestPath(**_sizes(*lesson)) for lesson in PAPER_SHORTEST_PATH)
    return CurriculumConfig(tasks, threshold=0.8, episodes=50, check_every=2000, replay=0.0)


def shortest_path(**fields: Any) -> CurriculumConfig:
    """Our lessons of the shortest-path task: soon over, but replayed to the end.

    An episode passes if each of its thoughts has all the right edges, and no other, in mind.
    """
    tasks = tuple(ShortestPath(**_sizes(*lesson), **fields) for lesson in SHORTEST_PATH)
    return CurriculumConfig(tasks, threshold=0.05, check_every=250, replay=0.75, stay=True)


def priority_sort() -> CurriculumConfig:
    """More vectors, lesson by lesson; the last is the paper's."""
    sizes = ((2, 2), (3, 3), (4, 4), (6, 5), (8, 7), (10, 8), (12, 10), (16, 13), (20, 16))
    lessons = tuple(PrioritySort(min_items=items, max_items=items, kept=kept) for items, kept in sizes)
    return CurriculumConfig(lessons, threshold=0.6, stay=True)


def kinship() -> CurriculumConfig:
    """More facts and longer relations, lesson by lesson."""
    sizes = (
        (12, 6, 1, 30),
        (20, 6, 2, 30),
        (30, 5, 3, 40),
        (50, 5, 4, 50),
        (80, 5, 6, 60),
        (120, 5, 6, 80),
        (250, 6, 6, 100),
    )
    lessons = tuple(
        Kinship(max_facts=facts, questions=questions, max_length=length, max_steps=steps)
        for facts, questions, length, steps in sizes
    )
    return CurriculumConfig(lessons, threshold=0.6, replay=0.0)
