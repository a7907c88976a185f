import numpy as np
import pytest

from tapehead.knowledge import solver
from tapehead.tasks.kinship.population import random_tree
from tapehead.tasks.kinship.relations import BY_NAME
from tapehead.tasks.kinship.tree import FamilyTree


@pytest.fixture(scope="module")
def trees() -> list[FamilyTree]:
    return [random_tree(np.random.default_rng(seed), 150) for seed in range(12)]


def share(flags: list[bool]) -> float:
    return sum(flags) / len(flags)


def test_sizes_and_chance() -> None:
    for people in (2, 10, 60, 300):
        sizes = [len(random_tree(np.random.default_rng(seed), people).sexes) for seed in range(10)]
        assert people <= min(sizes)
        assert max(sizes) <= people + 20
    one, same, other = (random_tree(np.random.default_rng(seed), 50) for seed in (0, 0, 1))
    assert (one.sexes, one.families) == (same.sexes, same.families)
    assert one.families != other.families


def test_families_are_as_families_are(trees: list[FamilyTree]) -> None:
    children = [len(family.children) for tree in trees for family in tree.families]
    assert (min(children), max(children)) == (0, 12)
    assert 2 < np.mean(children) < 4.5
    remarried = share([len(unions) > 1 for tree in trees for unions in tree.unions if unions])
    assert 0.04 < remarried < 0.3
    alone = share([None in family.partners for tree in trees for family in tree.families])
    assert 0.01 < alone < 0.15
    without_parents = share([family is None for tree in trees for family in tree.parents])
    assert 0.1 < without_parents < 0.5
    sexes = [sex for tree in trees for sex in tree.sexes]
    assert 0.45 < sexes.count("m") / len(sexes) < 0.55
    assert 0 < sexes.count("u") / len(sexes) < 0.03


@pytest.mark.parametrize("relation", ["half-siblings", "first cousins", "second cousins", "sisters-in-law"])
def test_rare_kin_occur(trees: list[FamilyTree], relation: str) -> None:
    found = [
        bool(solver.relatives(tree, person, BY_NAME[relation]))
        for tree in trees
        for person in range(0, len(tree.sexes), 3)
    ]
    assert share(found) > 0.05


def test_cousins_marry(trees: list[FamilyTree]) -> None:
    """Two ways lead to one relative then, as in many a real tree."""
    cousins = BY_NAME["first cousins"]
    married = 0
    for tree in trees:
        for family in tree.families:
            a, b = family.partners
            married += a is not None and b is not None and a in solver.relatives(tree, b, cousins)
    assert married > 0


def test_fathers_are_men_and_nobody_is_an_ancestor_of_themselves(trees: list[FamilyTree]) -> None:
    for tree in trees:
        for family in tree.families:
            father, mother = family.partners
            assert father is not None or mother is not None
            assert father is None or tree.sexes[father] in "mu"
            assert mother is None or tree.sexes[mother] in "fu"
        for person in range(len(tree.sexes)):
            above, waiting = set(), [person]
            for someone in waiting:
                new = solver.parents(tree, someone) - above
                above |= new
                waiting += sorted(new)
            assert person not in above
        assert not any(set(f.partners) & set(f.children) for f in tree.families)
