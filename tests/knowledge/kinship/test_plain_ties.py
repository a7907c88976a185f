"""Ties are the same as over every pair of siblings above two people, however many lines there are."""

import random
from collections import Counter

import pytest

from tapehead.knowledge.kinship import ties
from tapehead.knowledge.kinship.index import Kin
from tests.knowledge.kinship import plain_ties


def _compare(kin: Kin, pairs: int, patch: pytest.MonkeyPatch) -> Counter[str]:
    """What the ties found were of, so that a test can tell whether it saw all kinds."""
    rng, seen = random.Random(pairs), Counter[str]()
    for _ in range(pairs):
        one, other = rng.sample(list(kin.order), 2)
        found, by_blood = ties.ties(kin, one, other), ties.blood_ties(kin, one, other)
        with patch.context() as plain:
            plain.setattr(ties, "_by_blood", plain_ties.by_blood)
            plain.setattr(ties, "_weak_ways", plain_ties.weak_ways)
            assert found == ties.ties(kin, one, other), (one, other)
            assert by_blood == ties.blood_ties(kin, one, other), (one, other)
        seen.update(step.line for path in found for step in path.steps)
        seen.update("several lines" for path in found if path.lines > 1)
        seen.update("second tie" for _ in found[1:])
        seen["none"] += not found
    return seen


def test_in_families_of_every_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Counter[str]()
    for seed in range(60):
        seen += _compare(plain_ties.mixed_family(seed), 20, monkeypatch)
    kinds = ("birth", "adopted", "foster", "guardian", "step", "several lines", "second tie", "none")
    assert min(seen[kind] for kind in kinds) >= 5, seen


@pytest.mark.parametrize(("generations", "couples"), [(7, 3), (15, 5), (30, 2)])
def test_where_cousins_marry_for_generations(
    generations: int, couples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    kin = plain_ties.island(generations, couples)
    seen = _compare(kin, 25, monkeypatch)
    assert seen["birth"] >= 50


def test_weak_ways_of_every_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a nearer tie would hide them."""
    ways = 0
    for seed in range(40):
        kin = plain_ties.mixed_family(seed)
        rng = random.Random(seed)
        for _ in range(10):
            one, other = rng.sample(list(kin.order), 2)
            for limit in (3, 6, None):
                found = ties._by_adoption(kin, one, other, limit)
                with monkeypatch.context() as plain:
                    plain.setattr(ties, "_weak_ways", plain_ties.weak_ways)
                    assert found == ties._by_adoption(kin, one, other, limit), (seed, one, other, limit)
                ways += found is not None
    assert ways > 100
