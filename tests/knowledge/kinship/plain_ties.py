"""Ties found the plain way, over every pair of siblings above two people, and families to compare them in."""

import dataclasses
import itertools
import random

from tapehead.knowledge.kinship import ties
from tapehead.knowledge.kinship.ancestry import Ancestry, Parents, ancestry_of, over, straight
from tapehead.knowledge.kinship.index import Kin, Tie
from tapehead.knowledge.kinship.paths import Path, strength
from tapehead.knowledge.pedigree import ParentKind, Pedigree, Union
from tapehead.tasks.kinship.tree import Sex

KINDS: tuple[ParentKind, ...] = ("adopted", "foster", "guardian", "step", "unknown")
Pairs = dict[tuple[str, str], str]


def sibling_pairs(one: Ancestry, other: Ancestry) -> Pairs:
    """Two siblings, one at or above each of the two people, and the first parent that both share."""
    smaller, larger = (one, other) if len(one.depth) < len(other.depth) else (other, one)
    pairs: Pairs = {}
    for parent in smaller.below:
        for x, first in one.below[parent] if parent in larger.below else ():
            for y, second in other.below[parent]:
                if x != y and not first == second == "step":
                    pairs.setdefault((x, y), parent)
    return pairs


def _length(one: Ancestry, other: Ancestry, pair: tuple[str, str]) -> int:
    return one.depth[pair[0]] + other.depth[pair[1]] + 2


def by_blood(kin: Kin, first: str, second: str) -> list[Path]:
    """The ways by blood: every pair is listed and sorted, then those of one shape are counted."""

    def parents(person: str, _: object) -> list[Tie]:
        return [Tie(parent, "birth") for parent in kin.blood_parents.get(person, ())]

    for limit in (*ties.DEPTHS, None):
        one, other = ancestry_of(first, parents, limit), ancestry_of(second, parents, limit)
        paths, pairs = straight(one, other), sibling_pairs(one, other)
        lengths = [*(len(path.steps) for path in paths), *(_length(one, other, pair) for pair in pairs)]
        shortest = min(lengths, default=0)
        if shortest and limit is not None and shortest + ties.FURTHER <= limit:
            break
    near = [pair for pair in pairs if _length(one, other, pair) <= shortest + ties.FURTHER]
    shapes: dict[tuple[int, int, bool], list[tuple[str, str]]] = {}
    for pair in sorted(near, key=lambda pair: (_length(one, other, pair), kin.is_half(*pair))):
        shape = one.depth[pair[0]], other.depth[pair[1]], kin.is_half(*pair)
        shapes.setdefault(shape, []).append(pair)
    for place, alike in enumerate(shapes.values()):
        fresh = [pair for pair in alike if pair[0] not in other.depth and pair[1] not in one.depth]
        if place == 0 and not paths:
            fresh = fresh or alike[:1]
        if fresh:
            path = over(one, other, *fresh[0], pairs[fresh[0]])
            paths.append(dataclasses.replace(path, lines=len(fresh)))
    return paths


def weak_ways(first: str, second: str, parents: Parents, limit: int | None) -> list[Path]:
    """The ways that are not by birth alone: every way is made and looked at, the shortest first."""
    one, other = ancestry_of(first, parents, limit), ancestry_of(second, parents, limit)
    found = [path for path in straight(one, other) if strength(path)]
    pairs = sibling_pairs(one, other)
    for pair in sorted(pairs, key=lambda pair: _length(one, other, pair)):
        length = _length(one, other, pair)
        if (limit is not None and length > limit) or (found and len(found[-1].steps) < length):
            break
        path = over(one, other, *pair, pairs[pair])
        if strength(path) and sum(step.line == "step" for step in path.steps) < 2:
            found.append(path)
    return found


def mixed_family(seed: int) -> Kin:
    """A family with everything that a file may have.

    Several marriages, lone parents, siblings without known parents, adoption, fosterage and step-parents,
    marriages of cousins, people of unknown sex.
    """
    rng = random.Random(seed)
    size, width, weak = rng.choice((12, 25, 45)), rng.choice((3, 5, 8)), rng.choice((0, 0.1, 0.4))
    people = [f"p{number}" for number in range(size)]
    generation = {name: place // width for place, name in enumerate(people)}
    letters: tuple[Sex, ...] = ("m", "f", "m", "f", "u")
    sexes = {name: rng.choice(letters) for name in people}
    unions: list[Union] = []
    kinds: dict[tuple[str, str, str], ParentKind] = {}
    for number in range(rng.randint(size // 4, size)):
        first = rng.choice(people)
        mates = [name for name in people if name != first and generation[name] == generation[first]]
        partners = (first, rng.choice(mates)) if mates and rng.random() < 0.8 else (first,)
        partners = () if rng.random() < 0.04 else partners
        below = [name for name in people if generation[name] == generation[first] + 1]
        children = dict.fromkeys(rng.choice(below) for _ in range(rng.randint(0, 4) if below else 0))
        year = rng.choice((None, 1800 + rng.randint(0, 30)))
        unions.append(Union(f"F{number}", partners, tuple(children), year, rng.random() < 0.2))
        for child in children:
            for parent in partners:
                kinds[child, f"F{number}", parent] = rng.choice(KINDS) if rng.random() < weak else "birth"
    pedigree = Pedigree.of_unions(
        sexes,
        {name: rng.choice((None, 1800 + 20 * generation[name])) for name in people},
        unions,
        lambda child, union, parent: kinds[child, union.family, parent],
        {name: [union for union in unions if name in union.partners] for name in people},
    )
    return Kin(pedigree, [union.children for union in unions if not union.partners and union.children[1:]])


def island(generations: int, couples: int) -> Kin:
    """Everybody marries within a few families, so that all are above all of the young, by many lines."""
    rng = random.Random(generations)
    names = [[f"g{g}.{n}" for n in range(2 * couples)] for g in range(generations)]
    sexes: dict[str, Sex] = {name: "mf"[n % 2] for row in names for n, name in enumerate(row)}  # type: ignore[misc]
    unions: list[Union] = []
    for above, row in itertools.pairwise(names):
        men, women = above[::2], rng.sample(above[1::2], couples)
        children = rng.sample(row, len(row))
        for n, couple in enumerate(zip(men, women)):
            unions.append(Union(f"F{len(unions)}", couple, tuple(children[2 * n : 2 * n + 2])))
    order = {name: [union for union in unions if name in union.partners] for name in sexes}
    return Kin(Pedigree.of_unions(sexes, dict.fromkeys(sexes), unions, lambda *_: "birth", order))
