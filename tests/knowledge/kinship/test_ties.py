"""What two people are to each other, against a plain search over all ways, in random families."""

import random

import pytest

from tapehead.knowledge import read
from tapehead.knowledge.kinship.explain import path_steps, path_text, sentence
from tapehead.knowledge.kinship.index import Kin, kin_of
from tapehead.knowledge.kinship.namer import chain_name
from tapehead.knowledge.kinship.paths import Path, kinship
from tapehead.knowledge.kinship.relation import Kinship
from tapehead.knowledge.kinship.ties import MAX_MARRIAGES, blood_ties, ties
from tapehead.knowledge.pedigree import Pedigree, Union
from tapehead.tasks.kinship.tree import Sex
from tests.knowledge.files import ROYALS
from tests.knowledge.kinship.clan import clan


def family(unions: str, **kinds: str) -> Kin:
    """ "Adam+Eve: Cain Abel; …"; men are in capitals, kinds are child_parent="step"."""
    rows = [row.strip().partition(":") for row in unions.split(";")]
    couples = [
        Union(f"F{place}", tuple(filter(None, pair.split("+"))), tuple(children.split()))
        for place, (pair, _, children) in enumerate(rows)
    ]
    people = dict.fromkeys(name for couple in couples for name in (*couple.partners, *couple.children))
    sexes: dict[str, Sex] = {name: "m" if name.isupper() else "f" for name in people}
    order = {name: [couple for couple in couples if name in couple.partners] for name in people}
    pedigree = Pedigree.of_unions(
        sexes,
        dict.fromkeys(people),
        couples,
        lambda child, _, parent: kinds.get(f"{child}_{parent}", "birth"),  # type: ignore[arg-type, return-value]
        order,
    )
    return Kin(pedigree)


def random_family(seed: int) -> Kin:
    """Three dozen people, with second marriages, lone parents and marriages between cousins."""
    rng = random.Random(seed)
    people = [f"{'M' if rng.random() < 0.5 else 'f'}{number}" for number in range(36)]
    generation = {name: place // 7 for place, name in enumerate(people)}
    couples = []
    for place in range(16):
        first = rng.choice(people[:29])
        same = [name for name in people if abs(generation[name] - generation[first]) < 1 and name != first]
        partners = (first, rng.choice(same)) if rng.random() < 0.85 else (first,)
        couples.append((f"F{place}", partners, generation[first] + 1))
    children: dict[str, list[str]] = {}
    for name in people:
        homes = [number for number, _, below in couples if below == generation[name]]
        if homes and rng.random() < 0.9:
            children.setdefault(rng.choice(homes), []).append(name)
    unions = [Union(number, pair, tuple(children.get(number, ()))) for number, pair, _ in couples]
    order = {name: [union for union in unions if name in union.partners] for name in people}
    sexes: dict[str, Sex] = {name: "m" if name[0] == "M" else "f" for name in people}
    return Kin(Pedigree.of_unions(sexes, dict.fromkeys(people), unions, lambda *_: "birth", order))


def _climbs(kin: Kin, person: str) -> list[tuple[str, ...]]:
    """Every way up from a person, the person first."""
    ways = [(person,)]
    for parent, _ in kin.pedigree.parents[person]:
        ways += [(person, *way) for way in _climbs(kin, parent)]
    return ways


_Climbs = list[tuple[str, ...]]


def _nearest_by_blood(ups: _Climbs, downs: _Climbs) -> set[tuple[int, int]]:
    """(up, down) of the shortest ways by blood, over all ways."""
    found = set()
    for up in ups:
        for down in downs:
            straight = len(up) == 1 or len(down) == 1
            if up[-1] == down[-1] and (straight or up[-2] != down[-2]):
                found.add((len(up) - 1, len(down) - 1))
    shortest = min(map(sum, found), default=0)
    return {shape for shape in found if sum(shape) == shortest}


@pytest.mark.parametrize("seed", range(4))
def test_blood_is_the_nearest_there_is(seed: int) -> None:
    kin = random_family(seed)
    people = list(kin.order)
    climbs = {name: _climbs(kin, name) for name in people}
    related = 0
    for one in people[::2]:
        for other in people:
            if one == other:
                continue
            shapes = _nearest_by_blood(climbs[one], climbs[other])
            found = blood_ties(kin, one, other)
            assert bool(found) == bool(shapes)
            if found:
                related += 1
                (what,) = kinship(kin, found[0])
                assert (what.up, what.down) in shapes
    assert related > 40


def _check_path(kin: Kin, path: Path) -> None:
    """Every step of a way is a tie of the family."""
    for step, one, other in zip(path.steps, path.people, path.people[1:]):
        child, parent = (one, other) if step.move == "up" else (other, one)
        if step.move == "spouse":
            assert other in dict(kin.spouses(one))
        elif step.line == "step":
            assert parent in kin.step_parents(child)
        else:
            assert parent in dict(kin.pedigree.parents[child])


@pytest.mark.parametrize("seed", range(3))
def test_both_ways_are_inverse(seed: int) -> None:
    kin = random_family(seed)
    rng = random.Random(seed)
    for _ in range(60):
        one, other = rng.sample(list(kin.order), 2)
        there, back = ties(kin, one, other), ties(kin, other, one)
        assert len(there) == len(back)
        for path, turned in zip(there, back):
            _check_path(kin, path)
            assert (path.people, path.lines) == (turned.people[::-1], turned.lines)
            (first, *more), (last, *_) = kinship(kin, path), kinship(kin, turned)[::-1]
            if not more:
                assert last == first.inverse(kin.sexes[one], last.side)
                assert (last.up, last.down) == ((1, 0) if first.joined else (first.down, first.up))
                assert last.half == first.half


@pytest.mark.skipif(not ROYALS.exists(), reason="needs royal92.ged")
def test_a_royal_family_holds_together() -> None:
    kin = kin_of(read(ROYALS))
    people = list(kin.order)
    rng = random.Random(0)
    for _ in range(15):
        one, other = rng.sample(people, 2)
        for path in ties(kin, one, other):
            _check_path(kin, path)
            assert path.marriages <= MAX_MARRIAGES
            assert chain_name(kinship(kin, path))


def _said(kin: Kin, one: str, other: str) -> list[str]:
    return [sentence(kin, path, str) for path in ties(kin, one, other)]


def test_sentences() -> None:
    kin = clan()
    for one, other, said in (
        ("h11", "ego", "h11 is ego's half-sister: they share their father, f1"),
        ("c11", "ego", "c11 is ego's brother: they share their parents, f1 and m1"),
        ("c21", "ego", "c21 is ego's aunt: the sister of f1, ego's father"),
        ("ego", "c21", "ego is c21's nephew: the son of f1, c21's brother"),
        ("c13", "ego", "c13 is ego's great-nephew: the grandson of c11, ego's brother"),
        ("c22", "ego", "c22 is ego's first cousin: both descend from f2 and m2"),
        ("h22", "ego", "h22 is ego's half first cousin: both descend from f2"),
        ("f2", "ego", "f2 is ego's grandfather: on the father's side"),
        ("c21h", "ego", "c21h is ego's uncle by marriage: the husband of c21, ego's aunt"),
        ("sf", "ego", "sf is ego's father-in-law: the father of se, ego's wife"),
        ("d1wf", "ego", "d1wf is ego's co-father-in-law: d1 and d1w, their children, are a couple"),
        ("w1", "ego", "w1 is ego's stepmother: the wife of f1, ego's father"),
        ("ssn", "ego", "ssn is ego's stepson: the son of se, ego's wife"),
        ("st1", "ego", "st1 is ego's stepbrother: the son of w1, the wife of f1, ego's father"),
        ("ad", "ego", "ad is ego's adopted daughter"),
        ("sbwf", "ego", "sbwf is ego's wife's brother's wife's father"),
        ("c21hb", "c21h", "c21hb is c21h's brother: the file has them in one family without its parents"),
    ):
        assert _said(kin, one, other)[0] == said


def test_paths_in_words() -> None:
    kin = clan()
    for one, other, words in (
        ("ego", "h11", "ego → father f1 → daughter h11"),
        ("ego", "c12", "ego → parents f1 and m1 → son c11 → daughter c12"),
        ("ego", "st1", "ego → father f1 → wife w1 → son st1"),
        ("ego", "xef", "ego → ex-wife xe → father xef"),
        ("f1", "ads", "f1 → son ego → adopted daughter ad → son ads"),
        ("c21h", "c21hb", "c21h → parents whom the file does not name → brother c21hb"),
    ):
        text = path_text(path_steps(kin, ties(kin, one, other)[0], str))
        assert text == words.replace("brother c21hb", "son c21hb")


def test_double_cousins_and_second_lines() -> None:
    kin = family("A+b: C D; E+f: g h; C+g: I; D+h: J; I+k: L; J+m: N")
    assert _said(kin, "I", "J") == ["I is J's double first cousin: both descend from A and b, by 2 lines"]
    assert _said(kin, "L", "N") == ["L is N's double second cousin: both descend from A and b, by 2 lines"]
    # Somebody's cousins on both sides, one of them of half blood.
    kin = family("A+b: C D; E+f: g; E+x: h; C+g: I; D+h: J")
    assert [chain_name(kinship(kin, path)) for path in ties(kin, "I", "J")] == [
        "paternal first cousin",
        "maternal half first cousin",
    ]


def test_cousins_who_married_are_both() -> None:
    kin = family("A+b: C D; C+e: F; D+g: h; F+h: I")
    assert [chain_name(kinship(kin, path)) for path in ties(kin, "F", "h")] == [
        "paternal first cousin",
        "wife",
    ]
    # That their child descends from A and b twice makes nobody more of a kin.
    assert [chain_name(kinship(kin, path)) for path in ties(kin, "I", "D")] == ["maternal grandfather"]


def test_a_step_parent_came_after() -> None:
    """The wife whom the father had before is no stepmother, where the years tell."""
    first, second = Union("F1", ("A", "b"), ("c",), 1900), Union("F2", ("A", "d"), ("E",), 1910)
    sexes: dict[str, Sex] = {"A": "m", "b": "f", "c": "f", "d": "f", "E": "m"}
    order = {"A": [first, second], "b": [first], "d": [second]}
    kin = Kin(Pedigree.of_unions(sexes, dict.fromkeys(sexes), [first, second], lambda *_: "birth", order))
    assert _said(kin, "d", "c") == ["d is c's stepmother: the wife of A, c's father"]
    assert _said(kin, "b", "E") == ["b is E's father's wife"]


def test_nobody() -> None:
    kin = family("A+b: C; D+e: F")
    assert ties(kin, "C", "F") == []
    # Five marriages lead from one end to the other, and no way of fewer.
    kin = family("A+b: ; B0: b D; D+e: ; E0: e F; F+g: ; G0: g H; H+i: ; I0: i J; J+k: ")
    assert [path.marriages for path in ties(kin, "A", "i")] == [4]
    assert ties(kin, "A", "k") == []


def test_the_cheapest_way_with_fewest_marriages() -> None:
    """Where the shortest way has too many marriages, a longer one with fewer counts."""
    kin = family(
        "A+b: ; B0: b D; D+e: ; E0: e F; F+g: ; G0: g H; H+i: ; I0: i J; J+k: ;"
        "P1: A Q1; Q1: Q2; Q2: Q3; Q3: Q4; Q4: Q5; Q5: Q6; Q6: Q7; Q7: Q8; Q8: Q9; Q9: Q10; Q10: Q11;"
        "Q11: Q12; Q12: Q13; Q13: Q14; Q14: Q15; Q15: Q16; Q16+k: "
    )
    (path,) = ties(kin, "A", "k")
    assert path.marriages == 1


def test_inverse_of_what_one_word_says() -> None:
    assert Kinship(2, 1, sex="f").inverse("m") == Kinship(1, 2, sex="m")
    assert Kinship(1, 0, before=True).inverse("f") == Kinship(0, 1, after=True, sex="f")
    assert Kinship(before=True, sex="f").inverse("m") == Kinship(before=True, sex="m")
    assert Kinship(1, joined=True).inverse("m") == Kinship(1, joined=True, sex="m")
