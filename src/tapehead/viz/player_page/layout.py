"""Positions of people, families and stations in a picture, in CSS pixels."""

from collections import deque
from collections.abc import Sequence

import numpy as np

ROW_HEIGHT = 58.0
"""between a generation and the families below it"""
PERSON_GAP, FAMILY_GAP = 118.0, 30.0
"""between the people, and between the families, of one row"""
STATION_GAP = 84.0
"""between neighbouring stations"""
LABEL_SIZE = (96.0, 30.0)
"""width and height of a station's name"""
NUM_SWEEPS = 12
NUM_STRESS_STEPS = 150
GOLDEN_ANGLE = 2.399963
"""radians"""


def family_layout(
    people: int, families: int, ties: Sequence[tuple[int, int, bool]], start: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """A row for each generation, parents above their children, few lines crossing.

    Args:
        people: how many.
        families: how many.
        ties: (person, family, whether the person is a child of it).
        start: the person in whose generation the rows begin.

    Returns:
        Positions [people, 2] and [families, 2].
    """
    total = people + families
    neighbours: list[list[int]] = [[] for _ in range(total)]
    # Rows from a family to a person of it: −1 up to a partner, +1 down to a child.
    rows_down: dict[tuple[int, int], int] = {}
    for person, family, child in ties:
        other = people + family
        neighbours[person].append(other)
        neighbours[other].append(person)
        rows_down[other, person] = 1 if child else -1
        rows_down[person, other] = -rows_down[other, person]
    level: dict[int, int] = {}
    for root in [start, *range(total)] if total else []:
        if root in level:
            continue
        level[root] = 0 if root < people else 1
        queue = deque([root])
        while queue:
            node = queue.popleft()
            for other in neighbours[node]:
                if other not in level:
                    level[other] = level[node] + rows_down[node, other]
                    queue.append(other)
    # In the order in which they were reached, relatives stand near each other already.
    rows: dict[int, list[int]] = {}
    for node in level:
        rows.setdefault(level[node], []).append(node)
    x = np.zeros(total)
    for row in rows.values():
        x[row] = np.arange(len(row)) * PERSON_GAP
    order = sorted(rows)
    for sweep in range(NUM_SWEEPS):
        for depth in order if sweep % 2 else reversed(order):
            row = rows[depth]
            wished = {
                n: float(np.mean([x[m] for m in neighbours[n]])) if neighbours[n] else x[n] for n in row
            }
            row.sort(key=wished.__getitem__)
            gaps = [PERSON_GAP if node < people else FAMILY_GAP for node in row]
            x[row] = _apart(np.array([wished[node] for node in row]), gaps)
    y = np.array([level[node] for node in range(total)], float) * ROW_HEIGHT
    positions = np.stack([x, y], 1) if total else np.zeros((0, 2))
    return positions[:people], positions[people:]


def _apart(wished: np.ndarray, gaps: Sequence[float]) -> np.ndarray:
    """The positions nearest to the wished ones (least squares) that keep the gap before each."""
    offsets = np.concatenate([[0.0], np.cumsum(gaps[1:])])
    blocks: list[tuple[float, int]] = []
    for value in wished - offsets:
        mean, size = float(value), 1
        while blocks and blocks[-1][0] > mean:
            before, count = blocks.pop()
            mean, size = (before * count + mean * size) / (count + size), count + size
        blocks.append((mean, size))
    return np.concatenate([np.full(size, mean) for mean, size in blocks]) + offsets


def map_layout(places: int, edges: Sequence[tuple[int, int]]) -> np.ndarray:
    """Stations as far apart as the number of stops between them (stress majorization, Gansner et al. 2004).

    Args:
        places: how many.
        edges: pairs of neighbours, in either direction.

    Returns:
        [places, 2]
    """
    if places < 2:
        return np.zeros((places, 2))
    hops = _hops(places, edges)
    with np.errstate(divide="ignore"):
        weights = np.where(hops > 0, 1.0 / np.square(hops), 0)
    laplacian = np.diag(weights.sum(1)) - weights
    inverse = np.linalg.pinv(laplacian)
    angles = np.arange(places) * GOLDEN_ANGLE  # No two start near each other.
    spot = np.stack([np.cos(angles), np.sin(angles)], 1) * np.sqrt(np.arange(places) + 1)[:, None]
    for _ in range(NUM_STRESS_STEPS):
        apart = np.linalg.norm(spot[:, None] - spot[None], axis=-1)
        pull = np.where(apart > 1e-9, weights * hops / np.maximum(apart, 1e-9), 0)
        spot = inverse @ ((np.diag(pull.sum(1)) - pull) @ spot)
    spot -= spot.mean(0)
    _, _, turns = np.linalg.svd(spot, full_matrices=False)
    return _room_for_labels(spot @ turns.T * STATION_GAP)  # The longest extent is horizontal.


def _room_for_labels(spots: np.ndarray) -> np.ndarray:
    """Move stations down whose names would overlap."""
    spots = spots.copy()
    order = np.argsort(spots[:, 1], kind="stable")
    for place, low in enumerate(order):
        for high in order[:place]:
            aside, above = abs(spots[low, 0] - spots[high, 0]), spots[low, 1] - spots[high, 1]
            if aside < LABEL_SIZE[0] and above < LABEL_SIZE[1]:
                spots[low, 1] = spots[high, 1] + LABEL_SIZE[1]
    return spots


def _hops(places: int, edges: Sequence[tuple[int, int]]) -> np.ndarray:
    """Stops between all pairs; one more than the largest number for pairs without a connection."""
    neighbours: list[set[int]] = [set() for _ in range(places)]
    for a, b in edges:
        neighbours[a].add(b)
        neighbours[b].add(a)
    hops = np.full((places, places), -1.0)
    for root in range(places):
        hops[root, root] = 0
        queue = deque([root])
        while queue:
            place = queue.popleft()
            for other in neighbours[place]:
                if hops[root, other] < 0:
                    hops[root, other] = hops[root, place] + 1
                    queue.append(other)
    hops[hops < 0] = hops.max() + 1
    return hops
