"""How a child came to each parent, as files say it."""

from pathlib import Path

import pytest

from tapehead.knowledge import KnowledgeGraph, hide_living
from tests.knowledge.files import family, graph_of

TWO_FAMILIES = family("Carl m", "Dora f", "Ed m", "Ben m", "Carl+Dora: Ben", "Ed+Dora: Ben")
ONE_FAMILY = family("Carl m", "Dora f", "Ben m", "Carl+Dora: Ben")


def _ties(graph: KnowledgeGraph, child: str = "Ben") -> dict[str, str]:
    names = {entity.id: entity.name for entity in graph.entities.values()}
    identity = next(one for one, name in names.items() if name == child)
    return {names[tie.parent]: tie.kind for tie in graph.pedigree.parents[identity]}


def _bare(graph: KnowledgeGraph, child: str = "Ben") -> set[str]:
    """The parents that the bare tree has."""
    tree, people = graph.family_tree()
    number = next(n for n, one in enumerate(people) if graph.entities[one].name == child)
    family = tree.parents[number]
    partners = tree.families[family].partners if family is not None else ()
    return {graph.entities[people[partner]].name for partner in partners if partner is not None}


def _below(text: str, line: str, *below: str, count: int = 1) -> str:
    assert line in text
    return text.replace(f"{line}\n", "\n".join([line, *below, ""]), count)


def _person(text: str, *lines: str) -> str:
    """With these lines in Ben's record."""
    return _below(text, "1 NAME Ben //", *lines)


BIRTH, UNKNOWN, ADOPTED, STEP = "birth", "unknown", "adopted", "step"


@pytest.mark.parametrize(
    ("below", "kinds"),
    [
        (["2 _FREL Step", "2 _MREL Natural"], (STEP, BIRTH)),
        (["2 _FREL Natural", "2 _MREL step-mother"], (BIRTH, STEP)),
        (["2 _FREL Adopted", "2 _MREL Adopted"], (ADOPTED, ADOPTED)),
        (["2 _FREL Foster", "2 _MREL Guardian"], ("foster", "guardian")),
        (["2 _FREL Unknown", "2 _MREL Private"], (UNKNOWN, UNKNOWN)),
        (["2 _MREL Biological"], (BIRTH, BIRTH)),
        (["2 PEDI adopted"], (ADOPTED, ADOPTED)),
        (["2 PEDI ADOPTED", "2 _FREL Natural", "2 _MREL Natural"], (ADOPTED, ADOPTED)),
        (["2 PEDI step", "2 _FREL Step", "2 _MREL Natural"], (STEP, BIRTH)),
        (["2 PEDI OTHER", "3 PHRASE Stepparents"], (STEP, STEP)),
        (["2 PEDI foster"], ("foster", "foster")),
        (["2 STAT challenged"], (UNKNOWN, UNKNOWN)),
        (["2 _FREL", "2 _MREL"], (BIRTH, BIRTH)),
    ],
)
@pytest.mark.parametrize("place", ["CHIL", "FAMC"])
def test_tags_of_a_tie(tmp_path: Path, below: list[str], kinds: tuple[str, str], place: str) -> None:
    if place == "CHIL":
        text = _below(ONE_FAMILY, "1 CHIL @I3@", *below)
    else:
        text = _person(ONE_FAMILY, "1 FAMC @F1@", *below)
    graph = graph_of(text, tmp_path)
    assert _ties(graph) == dict(zip(("Carl", "Dora"), kinds))
    assert not graph.notes


@pytest.mark.parametrize(
    ("adoption", "kinds"),
    [
        (["3 ADOP BOTH"], (ADOPTED, ADOPTED)),
        ([], (ADOPTED, ADOPTED)),
        (["3 ADOP HUSB"], (ADOPTED, BIRTH)),
        (["3 ADOP WIFE"], (BIRTH, ADOPTED)),
    ],
)
@pytest.mark.parametrize("famc", [["1 FAMC @F1@"], ["1 FAMC @F1@", "2 PEDI adopted"], []])
def test_adoption_by_event(
    tmp_path: Path, adoption: list[str], kinds: tuple[str, str], famc: list[str]
) -> None:
    text = _person(ONE_FAMILY, "1 ADOP", "2 DATE 1931", "2 FAMC @F1@", *adoption, *famc)
    assert _ties(graph_of(text, tmp_path)) == dict(zip(("Carl", "Dora"), kinds))


def test_a_stepfather_beside_the_father(tmp_path: Path) -> None:
    text = _below(TWO_FAMILIES, "1 CHIL @I4@", "2 _FREL Step", "2 _MREL Natural")
    graph = graph_of(text, tmp_path)
    assert _ties(graph) == {"Dora": BIRTH, "Ed": BIRTH, "Carl": STEP}
    assert _bare(graph) == {"Dora", "Ed"}
    assert not graph.notes


def test_a_stepfather_is_no_father_of_the_bare_tree(tmp_path: Path) -> None:
    graph = graph_of(_below(ONE_FAMILY, "1 CHIL @I3@", "2 _FREL Step", "2 _MREL Natural"), tmp_path)
    assert _bare(graph) == {"Dora"}
    # The family that stands for Dora alone is none of hers.
    assert [union.family for union in graph.pedigree.unions["@I2@"]] == ["@F1@"]
    assert graph.pedigree.unions["@I1@"][0].children == ("@I3@",)
    hidden = hide_living(graph, this_year=2026)
    assert [tie.kind for tie in hidden.pedigree.parents["Living person 3"]] == [BIRTH, STEP]


def test_adopted_by_one_family_and_born_in_another(tmp_path: Path) -> None:
    text = family("A m", "B f", "C m", "D f", "Ben m", "A+B: Ben", "C+D: Ben")
    graph = graph_of(
        _person(text, "1 ADOP", "2 FAMC @F1@", "3 ADOP WIFE", "1 FAMC @F1@", "1 FAMC @F2@"), tmp_path
    )
    # The husband of the woman who adopted him is no parent by birth: he has a father.
    assert _ties(graph) == {"C": BIRTH, "D": BIRTH, "B": ADOPTED, "A": STEP}
    assert _bare(graph) == {"C", "D"}


def test_two_families_of_which_nothing_is_said(tmp_path: Path) -> None:
    graph = graph_of(_person(TWO_FAMILIES, "1 FAMC @F2@", "1 FAMC @F1@"), tmp_path)
    assert _ties(graph) == {"Ed": BIRTH, "Dora": BIRTH, "Carl": UNKNOWN}
    assert _bare(graph) == {"Dora", "Ed"}
    assert graph.notes == [
        "of 1 child of several families the file does not say which is that of birth: the first counts"
    ]


def test_a_tie_that_is_disproved(tmp_path: Path) -> None:
    graph = graph_of(_person(TWO_FAMILIES, "1 FAMC @F1@", "2 STAT disproven", "1 FAMC @F2@"), tmp_path)
    assert _ties(graph) == {"Ed": BIRTH, "Dora": BIRTH}
    assert graph.notes == ["1 tie of parent and child is disproved, as the file says: left out"]


def test_marriages_in_order_of_date_and_divorces(tmp_path: Path) -> None:
    text = family("Ann f", "Bob m", "Cid m", "Dan m", "Eli m", "Ann+Bob:", "Ann+Cid:", "Ann+Dan:", "Ann+Eli:")
    text = _below(text, "0 @F1@ FAM", "1 MARR", "2 DATE 1930", "1 DIV N")
    text = _below(text, "0 @F2@ FAM", "1 MARR", "2 DATE 3 MAR 1920", "1 DIV", "2 DATE 1925")
    text = _below(text, "0 @F3@ FAM", "1 MARR", "2 DATE 1 JAN 1920", "1 ANUL Y")
    text = _below(text, "0 @F4@ FAM", "1 MARR", "2 DATE @#DHEBREW@ 5710", "1 EVEN", "2 TYPE Divorce")
    unions = graph_of(text, tmp_path).pedigree.unions["@I1@"]
    assert [(union.family, union.married_year, union.divorced) for union in unions] == [
        ("@F3@", 1920, True),
        ("@F2@", 1920, True),
        ("@F1@", 1930, False),
        ("@F4@", 1950, True),
    ]


def test_marriages_without_dates_stand_as_their_own_record_has_them(tmp_path: Path) -> None:
    text = family("Ann f", "Bob m", "Cid m", "Ann+Bob:", "Ann+Cid:")
    text = _below(text, "1 NAME Ann //", "1 FAMS @F2@", "1 FAMS @F1@")
    assert [union.family for union in graph_of(text, tmp_path).pedigree.unions["@I1@"]] == ["@F2@", "@F1@"]


def test_children_in_order_of_birth_where_it_is_known(tmp_path: Path) -> None:
    text = family("Ann f", "P u 1905", "Q u", "R u 1901", "S u 1901", "Ann+?: P Q R S")
    text = text.replace("2 DATE 1901", "2 DATE 9 MAY 1901", 1).replace("2 DATE 1901", "2 DATE 2 FEB 1901")
    graph = graph_of(text, tmp_path)
    names = [graph.entities[child].name for child in graph.pedigree.unions["@I1@"][0].children]
    assert names == ["S", "Q", "R", "P"]


@pytest.mark.parametrize(
    ("rows", "sexes"),
    [
        (["Ivo", "Jean", "Ivo+Jean:"], "mf"),
        (["Ivo", "Jean f", "Ivo+Jean:"], "mf"),
        # Where a woman is called the husband, the places tell nothing.
        (["Ann f", "Bob", "Ann+Bob:"], "fu"),
        (["Ann f", "Bea f", "Ann+Bea:"], "ff"),
        # A husband here and a wife there.
        (["Ann", "Bob", "Cid", "Ann+Bob:", "Bob+Cid:"], "muf"),
        (["Xen x", "Bob", "Xen+Bob:"], "uf"),
    ],
)
def test_sexes_by_role(tmp_path: Path, rows: list[str], sexes: str) -> None:
    text = family(*(row if "+" in row or " " in row else f"{row} none" for row in rows))
    graph = graph_of(text.replace("1 SEX NONE\n", ""), tmp_path)
    assert "".join(graph.pedigree.sexes.values()) == sexes


def test_two_husbands_are_men(tmp_path: Path) -> None:
    text = family("Ann f", "Bea f", "Ann+Bea:").replace("1 WIFE", "1 HUSB")
    assert list(graph_of(text, tmp_path).pedigree.sexes.values()) == ["f", "f"]
    both = text.replace("1 SEX F\n", "")
    assert list(graph_of(both, tmp_path).pedigree.sexes.values()) == ["m", "m"]


def test_very_large_families(tmp_path: Path) -> None:
    rows = ["Amos m", *(f"W{n} f" for n in range(40)), *(f"K{n} u" for n in range(1200))]
    rows += [f"Amos+W{n}: {' '.join(f'K{k}' for k in range(n * 30, n * 30 + 30))}" for n in range(40)]
    graph = graph_of(family(*rows), tmp_path)
    assert len(graph.pedigree.unions["@I1@"]) == 40
    assert sum(len(union.children) for union in graph.pedigree.unions["@I1@"]) == 1200


STEP_ROWS = """\
Ben,mother,Dora
Ben,father,Ed
Ben,stepfather,Carl
Dora,husband,Carl
Dora,ex-husband,Ed
Lena,adoptive mother,Ada
Lena,adoptive father,Otto
Lena,birth mother,Rosa
Tim,mother,Ann
Bo,stepfather of,Tim
Ann,husband,Bo
Ann,ward,Zed
"""


def test_ties_of_an_edge_list(tmp_path: Path) -> None:
    graph = graph_of(STEP_ROWS, tmp_path, "family.csv")
    assert _ties(graph) == {"Dora": BIRTH, "Ed": BIRTH, "Carl": STEP}
    assert _ties(graph, "Lena") == {"Rosa": BIRTH, "Ada": ADOPTED, "Otto": ADOPTED}
    assert _ties(graph, "Tim") == {"Ann": BIRTH, "Bo": STEP}
    assert _ties(graph, "Zed") == {"Ann": "guardian"}
    assert _bare(graph, "Tim") == {"Ann"}
    assert {union.partners: union.divorced for union in graph.pedigree.unions["Dora"]} == {
        ("Dora", "Ed"): True,
        ("Carl", "Dora"): False,
    }
    assert not graph.notes
