"""How often a search machine finds the shortest way between two people of a family."""

import os

import numpy as np

from ...errors import InputError
from ...nn import Machine, evaluation_mode
from ...tasks.base import check_whole
from ...tasks.graph import Search
from ...tasks.graph.search_trace import search
from ..graph import KnowledgeGraph
from ..inference import family_way
from ..inference.search import told_map
from ..kinship.index import Kin, kin_of
from ..kinship.ways import distances
from ..readers.read import read
from .scores import SearchReport
from .search import SearchScore, SearchTally, in_order

MAX_STEPS = 8
"""Between the people asked about, unless a number is given."""
TRIES = 200
"""Pairs drawn for one that has not been asked about."""


def report_ways(
    model: str,
    machine: Machine,
    task: Search,
    data: str | os.PathLike,
    *,
    steps: int | None = None,
    pairs: int = 1000,
    seed: int = 0,
) -> SearchReport:
    """Score a model of the search task on a family: ask for the shortest way between two of its people.

    Args:
        model: its name, for the report.
        machine: trained on ``task``.
        task: search.
        data: a file, or the name of an example.
        steps: between the two; None: up to 8.
        pairs: of people.
        seed: of the pairs.

    Raises:
        InputError: the file is no family tree, or has no such pair.
    """
    graph = read(data)
    if not graph.is_family:
        raise InputError(f"{graph.name} is a map: give it with --graph")
    try:
        score = score_ways(machine, graph, pairs=pairs, steps=steps, seed=seed)
    except ValueError as error:
        raise InputError(str(error)) from error
    kin = kin_of(graph)
    told = min(family_way.TOLD_TIES[0], kin.num_ties)
    return SearchReport(model, task.name, str(data), len(kin.sexes), kin.num_ties, score, told=told)


def score_ways(
    machine: Machine, graph: KnowledgeGraph, *, pairs: int, steps: int | None = None, seed: int = 0
) -> SearchScore:
    """Ask for the way between random people, as :func:`tapehead.ask` does, greedy and constrained.

    One person is drawn from all, the other from those within ``MAX_STEPS`` of the first. An answer is right
    if it leads from one to the other along ties that were told, and no way in the whole family is shorter.

    Args:
        machine: of the search task.
        graph: a family.
        pairs: how many; fewer if the family does not have so many.
        steps: only people exactly so many steps apart; None: up to ``MAX_STEPS``.
        seed: of the pairs.

    Raises:
        ValueError: no such pair, or a number below 1.
        InputError: the machine is one of another task.
    """
    check_whole("pairs", pairs, minimum=1)
    if steps is not None:
        check_whole("steps", steps, minimum=1)
    drawn = _draw_pairs(kin_of(graph), pairs, steps, np.random.default_rng(seed))
    if not drawn:
        between = f"up to {MAX_STEPS}" if steps is None else f"{steps}"
        raise ValueError(f"{graph.name} has no two people {between} steps apart: there is nothing to ask.")
    tallies: dict[int | None, SearchTally] = {}
    with evaluation_mode(machine):
        for first, second, apart in drawn:
            right, is_draft = _is_right(machine, graph, first, second, apart, constrained=False)
            # Where all that was said greedily was told, constraining chooses the same again.
            right_constrained = right
            if not is_draft:
                right_constrained, _ = _is_right(machine, graph, first, second, apart, constrained=True)
            tally = tallies.setdefault(apart, SearchTally())
            tally.pairs += 1
            tally.right += right
            tally.right_constrained += right_constrained
    return in_order(tallies)


def _draw_pairs(
    kin: Kin, pairs: int, steps: int | None, rng: np.random.Generator
) -> list[tuple[str, str, int]]:
    """Different (person, other, steps between them)."""
    people = [person for person in kin.sexes if kin.is_known(person)]
    found: dict[tuple[str, str], int] = {}
    for _ in range(TRIES * pairs if people else 0):
        if len(found) == pairs:
            break
        first = people[int(rng.integers(len(people)))]
        near = {
            other: apart
            for other, apart in distances(kin, first, steps or MAX_STEPS).items()
            if apart and kin.is_known(other) and steps in (None, apart)
        }
        if near:
            second = list(near)[int(rng.integers(len(near)))]
            found[first, second] = near[second]
    return [(first, second, apart) for (first, second), apart in found.items()]


def _is_right(
    machine: Machine, graph: KnowledgeGraph, first: str, second: str, steps: int, *, constrained: bool
) -> tuple[bool, bool]:
    """Whether the answer is right, and whether the machine said just what a correct search says."""
    is_draft = True
    for part in family_way.parts(graph, first, second):
        told = told_map(part.graph, machine, [])
        start, target = (told.name_of[part.number[person]] for person in (first, second))
        wanted = search(told.graph.adjacency, start, target)
        asked = told.graph if constrained else told.graph.unconstrained()
        # The right trace is only a draft, which makes it faster: the answer is the same as without.
        answer = asked.ask(start, target, wanted)
        is_draft = is_draft and answer.said == wanted
        if way := [record[:3] for record in answer.path]:
            return len(way) == steps and all(tie in told.edge_of for tie in way), is_draft
    return False, is_draft
