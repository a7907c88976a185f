import collections
import itertools

import numpy as np
import pytest

from tapehead.knowledge import read, solver
from tapehead.tasks import Kinship
from tapehead.tasks.kinship.channels import BLANK, FAMILY_SLOTS, FATHER, MOVES
from tapehead.tasks.kinship.facts import Place, every_place, index_facts, nearest
from tapehead.tasks.kinship.population import broad_tree, random_tree
from tapehead.tasks.kinship.records import ANSWER, END, RETURN, Back, Find, Frame, Pair
from tapehead.tasks.kinship.relations import BY_NAME, RELATIONS, Relation, moves_of
from tapehead.tasks.kinship.trace import MAX_FRAMES, Step, Told, walk
from tapehead.tasks.kinship.tree import Family, FamilyTree
from tests.knowledge.files import ROYALS

SEXES = {"m": 0, "f": 1, None: 2}

# Tom (0) and Ann (1) have Bob (2) and Cid (3), Tom and Dora (4) have Eva (5), Bob alone has Fay (6).
TREE = FamilyTree(list("mfmmfff"), [Family((0, 1), (2, 3)), Family((0, 4), (5,)), Family((2, None), (6,))])


class Teacher:
    """Asks the teacher about facts that are told under the names 100 + person and 500 + family."""

    def __init__(self, tree: FamilyTree, places: list[Place]) -> None:
        given = index_facts(tree, places)
        self.people = {fact.person for fact in given.facts}
        families = {fact.family: 500 + fact.family for fact in given.facts}
        self.told = Told(given, {person: 100 + person for person in self.people}, families)

    def steps(self, person: int, relation: Relation, frames: int = 10**5) -> list[list[Step]]:
        """Of every walk of the relation."""
        return [walked for walked, _ in self._walks(person, relation, frames)]

    def relatives(self, person: int, relation: Relation) -> set[int]:
        """Whom the walks find."""
        walks = self._walks(person, relation, 10**5)
        assert all(steps[-1][1] == Back(END) for steps, _ in walks)
        return {name - 100 for _, names in walks for name in names} - {person}

    def _walks(self, person: int, relation: Relation, frames: int) -> list[tuple[list[Step], list[int]]]:
        pairs = [tuple(Pair.of(*pair) for pair in moves_of(moves)) for moves in relation.walks]
        sex = SEXES[relation.sex]
        return [walk(self.told, 100 + person, one, sex, range(1, 1 + frames)) for one in pairs]


@pytest.mark.parametrize("seed", range(4))
def test_walks_find_whom_the_exact_solver_finds(seed: int) -> None:
    """Every relation of a dozen people of a random tree, all facts told."""
    rng = np.random.default_rng(seed)
    tree = (random_tree if seed % 2 else broad_tree)(rng, 90)
    # In a broad tree a woman may be the first partner, whom the solver takes for the mother.
    relations = [one for one in RELATIONS if seed % 2 or not {*"FM"} & {*"".join(one.walks)}]
    teacher, found = Teacher(tree, every_place(tree)), 0
    for person in rng.permutation(sorted(teacher.people))[:12].tolist():
        for relation in relations:
            expected = solver.relatives(tree, person, relation)
            assert teacher.relatives(person, relation) == expected, relation.name
            found += bool(expected)
    assert found > 100


def test_walks_through_the_example_family() -> None:
    tree, people = read("family").family_tree()
    teacher = Teacher(tree, every_place(tree))
    for person in range(len(people)):
        for relation in RELATIONS:
            expected = solver.relatives(tree, person, relation)
            assert teacher.relatives(person, relation) == expected, relation.name


@pytest.mark.skipif(not ROYALS.is_file(), reason="needs the shared data")
def test_walks_through_royal_families() -> None:
    """All 4,578 facts at once."""
    tree, people = read(ROYALS).family_tree()
    teacher = Teacher(tree, every_place(tree))
    for person in np.random.default_rng(0).permutation(len(people))[:40].tolist():
        for relation in RELATIONS:
            expected = solver.relatives(tree, person, relation)
            assert teacher.relatives(person, relation) == expected, relation.name


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
    assert Teacher(TREE, every_place(TREE)).relatives(person, BY_NAME[relation]) == found


def test_steps_of_a_walk() -> None:
    """Half-siblings of Bob: up to the father, through his families, back to him, on to the mother."""
    (steps,) = Teacher(TREE, every_place(TREE)).steps(2, BY_NAME["half-siblings"])
    lines = [str(wanted) for _, wanted in steps]
    assert lines == [
        "FINDP the parents' family of 102 [p u'c by U] back to 1",
        "FRAME at family of 102 child 1 of 500 [p u'c by U] back to 1",
        "FINDF father of 500 [u'c from child 1 by p] back to 2",
        "FRAME at 100 father of 500 [u'c from child 1 by p] back to 2",
        "FINDP no. 1 family of 100 [c from no. 1 by u'] back to 3",  # from which he came: left out
        "FRAME at family of 100 father of 500 [c from no. 1 by u'] back to 3",
        "RETURN 4",
        "FINDP no. 2 family of 100 [c from no. 1 by u'] back to 3",
        "FRAME at family of 100 father of 501 [c from no. 1 by u'] back to 3",
        "FINDF child 1 of 501 [– from father by c] back to 5",
        "FRAME at 105 child 1 of 501 [– from father by c] back to 5",
        "ANSWER 6",
        "RETURN 5",
        "RETURN 3",
        "FINDF mother of 500 [u'c from child 1 by p] back to 2",
        "FRAME at 101 mother of 500 [u'c from child 1 by p] back to 2",
        "FINDP no. 1 family of 101 [c from no. 1 by u'] back to 7",
        "FRAME at family of 101 mother of 500 [c from no. 1 by u'] back to 7",
        "RETURN 8",
        "RETURN 7",
        "RETURN 2",
        "RETURN 1",
        "END",
    ]
    assert str(steps[0][0]) == "FRAME 1 at 102 [Up u'c] home"
    # What is said is what is fed next; a frame has got a number and the sex wanted.
    for (_, wanted), (fed, _) in itertools.pairwise(steps):
        if isinstance(fed, Frame):
            assert (fed.said, fed.sex_wanted) == (wanted, 2)
        else:
            assert fed == wanted


def test_only_one_sex_counts() -> None:
    (steps,) = Teacher(TREE, every_place(TREE)).steps(0, BY_NAME["daughters"])
    ends = [wanted.op for fed, wanted in steps if isinstance(fed, Frame) and not fed.plan.pairs]
    assert ends == [RETURN, RETURN, ANSWER]


def test_a_walk_without_frames_left() -> None:
    teacher = Teacher(TREE, every_place(TREE))
    (whole,) = teacher.steps(2, BY_NAME["half-siblings"], frames=8)
    (cut,) = teacher.steps(2, BY_NAME["half-siblings"], frames=7)
    assert whole[-1][1] == Back(END)
    assert cut == whole[: len(cut)]
    assert isinstance(cut[-1][1], Frame)


def test_a_walk_has_few_steps_a_frame() -> None:
    """So that a machine that needs more is lost."""
    tree = broad_tree(np.random.default_rng(1), 300)
    teacher = Teacher(tree, every_place(tree))
    for person in sorted(teacher.people)[::20]:
        for relation in RELATIONS:
            for steps in teacher.steps(person, relation):
                frames = 0
                for step, (fed, _) in enumerate(steps, 1):
                    frames += isinstance(fed, Frame)
                    assert step <= 3 * frames + 1
    assert MAX_FRAMES <= 1000, "numbers of four digits with a check digit"


def test_walks_stay_within_the_facts_told() -> None:
    """What was not told is not looked for: whatever is sought is found."""
    tree = random_tree(np.random.default_rng(3), 120)
    for person in range(0, len(tree.sexes), 14):
        for most in (2, 5, 11, 30):
            teacher = Teacher(tree, nearest(tree, person, most))
            if person not in teacher.people:
                continue
            for relation in RELATIONS:
                expected = solver.relatives(tree, person, relation)
                assert teacher.relatives(person, relation) <= expected & teacher.people


def test_nobody_is_found_by_a_name_that_was_not_told() -> None:
    teacher = Teacher(TREE, every_place(TREE))
    ((_, find), *_), *_ = teacher.steps(2, BY_NAME["parents"])
    assert isinstance(find, Find)
    assert teacher.told.find(find) is not None
    assert teacher.told.find(Find(True, 999, 0, find.plan, 1)) is None
    with pytest.raises(KeyError):
        teacher.told.start(999, find.plan.pairs, 1)


def test_moves_of_walks() -> None:
    assert moves_of("PC") == (("U", "c'"),)
    assert moves_of("SPC") == (("u", "s"), ("U", "c'"))
    assert moves_of("PH") == (("U", "p"), ("u'", "c"))
    assert moves_of("CCC") == (("u", "c"),) * 3
    assert max(len(moves_of(moves)) for relation in RELATIONS for moves in relation.walks) == 5


def test_practice_prepares_for_walks() -> None:
    """What is seldom practised goes wrong: a child come by from a parent, in a large family, did."""
    rng = np.random.default_rng(5)
    tree = broad_tree(rng, 90)
    teacher = Teacher(tree, every_place(tree))
    met = collections.Counter(
        _situation(fed)
        for person in rng.permutation(sorted(teacher.people))[:12].tolist()
        for relation in RELATIONS
        for steps in teacher.steps(person, relation)
        for fed, _ in steps
        if isinstance(fed, Frame) and fed.home == BLANK
    )
    task = Kinship(min_facts=60, max_facts=120, steps=100)
    practised = collections.Counter(
        _situation(fed)
        for _ in range(60)
        for fed, _ in task.episode(rng)[1]
        if isinstance(fed, Frame) and fed.home == BLANK
    )
    often = {situation for situation, count in met.items() if count > 0.002 * met.total()}
    assert len(often) >= 12
    seldom = {one for one in often if practised[one] < 0.002 * practised.total()}
    assert not seldom


def _situation(frame: Frame) -> tuple[str, str, bool]:
    """The move that led to a frame, where it says that it came from, and whether to a late child."""
    note = frame.plan.note
    came_from = (
        "nowhere"
        if note == BLANK
        else "a family"
        if note >= FAMILY_SLOTS
        else "a child"
        if note < FATHER
        else "a parent"
    )
    return MOVES[frame.plan.move], came_from, 5 <= frame.fact.in_family < FATHER
