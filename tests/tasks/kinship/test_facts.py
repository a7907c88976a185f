import numpy as np
import pytest

from tapehead.tasks.kinship.facts import CHILD, PARTNER, index_facts, nearest
from tapehead.tasks.kinship.population import random_tree
from tapehead.tasks.kinship.tree import Family, FamilyTree

PERSON = 60


@pytest.fixture(scope="module")
def tree() -> FamilyTree:
    return random_tree(np.random.default_rng(1), 150)


def test_the_nearest_come_first(tree: FamilyTree) -> None:
    """They are the same whatever is asked: the first of all, in one order."""
    everything = nearest(tree, PERSON, 10**6)
    assert len(everything) == len(set(everything)) > 100
    for most in (0, 1, 17, 60):
        assert nearest(tree, PERSON, most) == everything[:most]
    # People and families in turn, by how many of them lie between.
    distance = {("person", PERSON): 0}
    for person, family, _, _ in everything:
        ends = ("person", person), ("family", family)
        known = [distance[end] for end in ends if end in distance]
        assert known
        for end in ends:
            distance.setdefault(end, min(known) + 1)
    steps = [min(distance["person", p], distance["family", f]) for p, f, _, _ in everything]
    assert steps == sorted(steps)


def test_every_place_is_in_the_tree(tree: FamilyTree) -> None:
    for person, family, role, slot in nearest(tree, PERSON, 10**6):
        if role == CHILD:
            assert person in tree.families[family].children
            assert slot == 0
        else:
            assert tree.families[family].partners[slot] == person


def test_nobody_near() -> None:
    assert nearest(FamilyTree(["m", "f"], []), 0, 10) == []
    assert index_facts(FamilyTree(["m", "f"], []), []).facts == []


@pytest.mark.parametrize("most", [3, 9, 25, 80])
def test_ranks_and_signs_speak_of_what_is_told(tree: FamilyTree, most: int) -> None:
    for person in range(0, len(tree.sexes), 11):
        places = nearest(tree, person, most)
        np.random.default_rng(person).shuffle(places)
        given = index_facts(tree, places)
        told = set(places)
        for place, fact in zip(places, given.facts):
            someone, family, role, _ = place
            assert (fact.person, fact.family, fact.role, fact.slot) == place
            assert "mfu"[fact.sex] == tree.sexes[someone]
            if role == CHILD:
                group = [c for c in tree.families[family].children if (c, family, CHILD, 0) in told]
                at = group.index(someone)
            else:
                group = [u for u in tree.unions[someone] if any(p[:3] == (someone, u, PARTNER) for p in told)]
                at = group.index(family)
            assert (fact.rank, fact.last) == (at + 1, at + 1 == len(group))
            assert fact.has_parents == any(p[0] == someone and p[2] == CHILD for p in told)
            assert fact.has_families == any(p[0] == someone and p[2] == PARTNER for p in told)
            assert fact.has_father == any(p[1:] == (family, PARTNER, 0) for p in told)
            assert fact.has_mother == any(p[1:] == (family, PARTNER, 1) for p in told)
            assert fact.has_children == any(p[1:3] == (family, CHILD) for p in told)


def test_looking_up(tree: FamilyTree) -> None:
    given = index_facts(tree, nearest(tree, PERSON, 60))
    for index, fact in enumerate(given.facts):
        if fact.role == CHILD:
            assert given.of_child[fact.person] == index
            assert given.children[fact.family][fact.rank - 1] == index
        else:
            assert given.of_partner[fact.person][fact.rank - 1] == index
            assert given.partners[fact.family, fact.slot] == index


def test_a_child_has_one_family() -> None:
    with pytest.raises(ValueError, match="person 2 is a child of two families"):
        FamilyTree(["m", "f", "m"], [Family((0, None), (2,)), Family((None, 1), (2,))])
