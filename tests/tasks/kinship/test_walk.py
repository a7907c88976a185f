import numpy as np
import pytest

from tapehead.knowledge import read, solver
from tapehead.tasks.kinship.facts import index_facts, nearest
from tapehead.tasks.kinship.population import random_tree
from tapehead.tasks.kinship.relations import BY_NAME, RELATIONS
from tapehead.tasks.kinship.tree import Family, FamilyTree
from tapehead.tasks.kinship.walk import answers, follow
from tests.knowledge.files import ROYALS

EVERYTHING = 10**6

# Tom (0) and Ann (1) have Bob (2) and Cid (3), Tom and Dora (4) have Eva (5), Bob alone has Fay (6).
TREE = FamilyTree(list("mfmmfff"), [Family((0, 1), (2, 3)), Family((0, 4), (5,)), Family((2, None), (6,))])


def walked(tree: FamilyTree, person: int, name: str) -> set[int] | None:
    given = index_facts(tree, nearest(tree, person, EVERYTHING))
    walk = follow(given, person, BY_NAME[name])
    return None if walk is None else answers(given, person, walk)


@pytest.mark.parametrize("seed", range(6))
def test_walks_find_whom_the_exact_solver_finds(seed: int) -> None:
    """Every relation of a dozen people of a random tree, all facts told."""
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, 90)
    found = 0
    for person in rng.permutation(len(tree.sexes))[:12].tolist():
        given = index_facts(tree, nearest(tree, person, EVERYTHING))
        for relation in RELATIONS:
            walk = follow(given, person, relation)
            assert walk is not None
            expected = solver.relatives(tree, person, relation)
            assert answers(given, person, walk) == expected, relation.name
            found += bool(expected)
    assert found > 100


def test_walks_through_the_example_family() -> None:
    tree, people = read("family").family_tree()
    for person in range(len(people)):
        given = index_facts(tree, nearest(tree, person, EVERYTHING))
        for relation in RELATIONS:
            walk = follow(given, person, relation)
            assert walk is not None
            assert answers(given, person, walk) == solver.relatives(tree, person, relation), relation.name


@pytest.mark.skipif(not ROYALS.is_file(), reason="needs the shared data")
def test_walks_through_royal_families() -> None:
    tree, people = read(ROYALS).family_tree()
    for person in np.random.default_rng(0).permutation(len(people))[:8].tolist():
        given = index_facts(tree, nearest(tree, person, 400))
        for relation in RELATIONS:
            if relation.length <= 3:
                walk = follow(given, person, relation)
                assert walk is not None
                assert answers(given, person, walk) == solver.relatives(tree, person, relation), relation.name


@pytest.mark.parametrize(
    ("person", "relation", "found"),
    [
        (2, "parents", {0, 1}),
        (2, "siblings", {3}),
        (2, "half-siblings", {5}),
        (5, "half-brothers", {2, 3}),
        (6, "parents", {2}),
        (6, "uncles", {3}),
        (6, "grandmothers", {1}),
        (0, "spouses", {1, 4}),
        (0, "grandchildren", {6}),
        (4, "spouses", {0}),
        (4, "grandchildren", set()),
        (1, "parents", set()),
    ],
)
def test_by_hand(person: int, relation: str, found: set[int]) -> None:
    assert walked(TREE, person, relation) == found


def test_steps_of_a_walk() -> None:
    """Half-siblings of Bob: up to the father, through his families, back to him, on to the mother."""
    given = index_facts(TREE, nearest(TREE, 2, EVERYTHING))
    walk = follow(given, 2, BY_NAME["half-siblings"])
    assert walk is not None
    steps = [
        (given.facts[f.fact].person, given.facts[f.fact].family, f.level, f.back, f.returned)
        for f in walk.frames
    ]
    assert steps == [
        (2, 0, 0, 0, False),
        (0, 0, 1, 0, False),  # Tom, through the family from which the walk came: frame 2
        (0, 0, 1, 2, False),  # his first family, which is left out
        (0, 1, 1, 2, False),  # his second
        (5, 1, 2, 2, False),
        (0, 0, 1, 0, True),  # back at frame 2, for the mother is left
        (1, 0, 1, 0, False),
        (1, 0, 1, 0, False),  # her one family, left out
    ]
    assert walk.is_answer == [False] * 4 + [True] + [False] * 3


def test_too_long_a_walk() -> None:
    given = index_facts(TREE, nearest(TREE, 2, EVERYTHING))
    assert follow(given, 2, BY_NAME["half-siblings"], max_steps=7) is None
    assert follow(given, 2, BY_NAME["half-siblings"], max_steps=8) is not None


def test_walks_stay_within_the_facts_told() -> None:
    """What was not told is not looked for: every step of every walk is among the facts."""
    tree = random_tree(np.random.default_rng(3), 120)
    for person in range(0, len(tree.sexes), 14):
        for most in (2, 5, 11, 30):
            given = index_facts(tree, nearest(tree, person, most))
            told = {fact.person for fact in given.facts}
            for relation in RELATIONS:
                walk = follow(given, person, relation)
                assert walk is not None
                assert answers(given, person, walk) <= told
                assert answers(given, person, walk) <= solver.relatives(tree, person, relation)
