"""Random graphs and names for the search task."""

import dataclasses
from collections.abc import Callable

import numpy as np

from .graphs import neighbours
from .search_trace import Adjacency

COPRIME = (1, 3, 7, 9)
"""Factors of a check digit: with any of them another digit gives another product modulo 10."""


def draw_names(rng: np.random.Generator, count: int, digits: int) -> np.ndarray:
    """``count`` different labels below 10^digits, drawn at random.

    Where there are enough, any two differ in at least two digits, which makes them easier to tell apart by
    content: the last digit is a check digit, whose weights are drawn, too.

    Raises:
        ValueError: there are not that many labels.
    """
    free = 10 ** (digits - 1)
    if count > 10 * free:
        raise ValueError(f"{count} names were asked for, but {digits} digits have only {10 * free}")
    if count > free or digits == 1:
        return rng.permutation(10 * free)[:count]
    return _with_check_digit(rng, rng.permutation(free)[:count], digits)


def draw_distant_names(rng: np.random.Generator, count: int, digits: int) -> np.ndarray:
    """As :func:`draw_names`, as far from each other as there is room: for whoever may choose names to ask by.

    Any two of the first 0.8 · 10^(digits − 2) or so differ in at least three digits, of the first
    0.9 · 10^(digits − 1) in two, of more in one. The digits x_i of a name satisfy Σ w_i x_i ≡ c and, while
    there are such names, Σ x_i ≡ s (mod 11), where c, s and the different weights w_i are drawn: two checks
    like an ISBN's.

    Raises:
        ValueError: there are not that many labels.
    """
    if 1 < digits <= 7:  # of more digits, any names differ enough
        heads = rng.permutation(10 ** (digits - 1))
        weights, check, first = 1 + rng.permutation(10)[:digits], rng.integers(11), rng.integers(11)
        last, sums = np.full(len(heads), check), np.zeros(len(heads), int)
        for place in range(digits - 1):
            digit = heads // 10**place % 10
            last -= weights[place] * digit
            sums += digit
        last = last * pow(int(weights[-1]), -1, 11) % 11
        words = np.flatnonzero(last < 10)
        if count <= len(words):
            groups = (sums + last + first)[words] % 11
            words = words[np.argsort(groups, kind="stable")[:count]]
            return heads[words] * 10 + last[words]
    return draw_names(rng, count, digits)


def draw_similar_names(rng: np.random.Generator, count: int, digits: int) -> np.ndarray:
    """As :func:`draw_names`, of few different digits: many pairs differ in two only, as in large graphs.

    Raises:
        ValueError: there are not that many labels.
    """
    places = digits - 1
    if digits == 1 or count > 10**places:
        return draw_names(rng, count, digits)
    least = next(few for few in range(2, 11) if few**places >= count)
    few = int(rng.integers(least, min(10, least + 3) + 1))
    numbers = rng.permutation(few**places)[:count]
    heads = np.zeros(count, int)
    for place in range(places):
        heads += rng.permutation(10)[numbers // few**place % few] * 10**place
    return _with_check_digit(rng, heads, digits)


def _with_check_digit(rng: np.random.Generator, heads: np.ndarray, digits: int) -> np.ndarray:
    check = np.full(len(heads), rng.integers(10))
    for place in range(digits - 1):
        check += heads // 10**place % 10 * COPRIME[int(rng.integers(4))]
    return heads * 10 + check % 10


Draw = Callable[[np.random.Generator, int, int], np.ndarray]
"""Draws so many names of so many digits."""


@dataclasses.dataclass(frozen=True)
class Question:
    """A graph, and between which of its nodes a way is asked for."""

    adjacency: Adjacency
    order: list[int]
    """the nodes in the order in which they are told"""
    start: int
    target: int


def draw_ends(
    rng: np.random.Generator, nodes: int, min_degree: int, max_degree: int, both_ways: bool
) -> list[list[int]]:
    """Of every node 0 … ``nodes`` − 1 where its edges lead to, in random order; as in the other graph tasks.

    ``both_ways``: every connection is an edge in both directions.
    """
    ends = neighbours(rng, nodes, min_degree, max_degree)
    if both_ways:
        joined = [set(leaving) for leaving in ends]
        for node, leaving in enumerate(ends):
            for end in leaving:
                joined[end].add(node)
        ends = [sorted(leaving) for leaving in joined]
    return [[leaving[i] for i in rng.permutation(len(leaving))] for leaving in ends]


def reachable(ends: list[list[int]], start: int) -> list[int]:
    """The nodes that can be reached from ``start``, nearest first, without itself."""
    seen, queue = {start}, [start]
    for node in queue:
        for end in ends[node]:
            if end not in seen:
                seen.add(end)
                queue.append(end)
    return queue[1:]


def name_graph(
    rng: np.random.Generator, ends: list[list[int]], digits: int, *, draw: Draw = draw_names
) -> tuple[list[int], Adjacency]:
    """Draw names for the nodes of a graph, and labels for its edges, none twice among those of a node.

    Args:
        rng: the only source of random numbers.
        ends: where the edges of every node lead to.
        digits: of a label.
        draw: how names are drawn.

    Returns:
        The name of every node, and the edges of every name.
    """
    nodes = len(ends)
    names = draw(rng, nodes, digits).tolist()
    max_degree = max(map(len, ends))
    kinds = int(rng.integers(max_degree, 10 ** (digits - 1) + 1)) if max_degree else 1
    labels = draw_names(rng, kinds, digits).tolist()
    firsts = rng.integers(kinds, size=nodes).tolist()
    adjacency = {
        names[node]: [(labels[(first + i) % kinds], names[end]) for i, end in enumerate(leaving)]
        for node, (first, leaving) in enumerate(zip(firsts, ends))
    }
    return names, adjacency


def draw_question(
    rng: np.random.Generator,
    ends: list[list[int]],
    digits: int,
    unreachable: float,
    *,
    draw: Draw = draw_names,
) -> Question:
    """Names and labels for a graph, and a pair of its nodes.

    Args:
        rng: the only source of random numbers.
        ends: where the edges of every node lead to.
        digits: of a label.
        unreachable: the probability of a target that cannot be reached, where there is one.
        draw: how names are drawn.
    """
    nodes = len(ends)
    names, adjacency = name_graph(rng, ends, digits, draw=draw)
    start = int(rng.integers(nodes))
    near = reachable(ends, start)
    far = sorted(set(range(nodes)) - set(near) - {start})
    among = far if not near or (far and rng.random() < unreachable) else near
    target = among[int(rng.integers(len(among), size=2).max())]  # nearest first: the farther of two
    order = [names[node] for node in rng.permutation(nodes)]
    return Question(adjacency, order, names[start], names[target])
