from pathlib import Path

import pytest

from tapehead.knowledge import KnowledgeGraph, ReadError, hide_living, read
from tapehead.knowledge.readers.dates import year_of
from tapehead.tasks.kinship.tree import Family
from tests.knowledge.files import GEDCOM, GEDCOM_7, ROYALS, family, graph_of, packed


def _names(graph: KnowledgeGraph) -> list[str]:
    return [entity.name for entity in graph.entities.values() if entity.kind == "person"]


def test_people_and_families(tmp_path: Path) -> None:
    graph = graph_of(GEDCOM, tmp_path)
    jose, ann, *_ = graph.entities.values()
    assert (jose.name, jose.given, jose.sex, jose.titles) == (
        "José Émile Núñez",
        "José Émile",
        "m",
        ("Duke of Somewhere",),
    )
    assert (jose.born_year, jose.died, jose.died_year, jose.dead) == (1800, "3 MAR 1870", 1870, True)
    assert str(jose) == "José Émile Núñez (1800–1870)"
    assert ann.other_names == ("Ann Núñez",)
    tree, people = graph.family_tree()
    assert people == ["@I1@", "@I2@", "@I3@", "@I4@"]
    # In order of birth.
    assert tree.families == [Family((0, 1), (3, 2))]
    assert graph.is_family
    assert not graph.notes


def test_version_7_is_utf8_without_saying_so(tmp_path: Path) -> None:
    graph = graph_of(GEDCOM_7, tmp_path)
    assert _names(graph) == ["José Núñez", "Ann Lee", "Bob Núñez"]
    assert ("@I3@", "adopted child of", "@F1@") in graph.facts
    assert not graph.notes


def test_version_7_in_its_own_zip(tmp_path: Path) -> None:
    graph = graph_of(packed({"gedcom.ged": GEDCOM_7, "photo.jpg": b"\0"}), tmp_path, "family.gdz")
    assert _names(graph)[0] == "José Núñez"


@pytest.mark.parametrize(
    ("char", "encoding"),
    [
        ("UTF-8", "utf-8"),
        ("UTF-8", "utf-8-sig"),
        ("UNICODE", "utf-16"),
        ("UNICODE", "utf-16-le"),
        ("UNICODE", "utf-16-be"),
        ("ASCII", "utf-8"),
        ("no such thing", "utf-8"),
        ("ANSI", "cp1252"),
        ("IBMPC", "cp437"),
        ("MACINTOSH", "mac-roman"),
        ("ANSEL", "utf-8"),
    ],
)
def test_encodings(tmp_path: Path, char: str, encoding: str) -> None:
    graph = graph_of(GEDCOM.replace("CHAR UTF-8", f"CHAR {char}").encode(encoding), tmp_path)
    assert graph.entities["@I1@"].name == "José Émile Núñez"
    assert not graph.notes


def test_ansel(tmp_path: Path) -> None:
    # Accents come before their letters there.
    text = GEDCOM.replace("CHAR UTF-8", "CHAR ANSEL").encode()
    for letter, ansel in {"é": b"\xe2e", "É": b"\xe2E", "ú": b"\xe2u", "ñ": b"\xe4n"}.items():
        text = text.replace(letter.encode(), ansel)
    assert graph_of(text, tmp_path).entities["@I1@"].name == "José Émile Núñez"


def test_a_wrong_encoding_is_noticed(tmp_path: Path) -> None:
    graph = graph_of(GEDCOM.encode("cp1252"), tmp_path)
    assert graph.entities["@I1@"].name == "José Émile Núñez"
    assert "Windows-1252" in graph.notes[0]


def test_a_line_in_another_encoding(tmp_path: Path) -> None:
    """One foreign line does not turn the others into gibberish."""
    data = GEDCOM.encode().replace("Bob /Núñez/".encode(), "Bob /Núñez/".encode("cp1252"))
    graph = graph_of(data, tmp_path)
    assert [graph.entities[one].name for one in ("@I1@", "@I3@")] == ["José Émile Núñez", "Bob Núñez"]
    assert graph.notes == ["1 lines are not in the encoding of the file (utf-8): read as Windows-1252"]


def test_windows_text_that_is_called_ansel(tmp_path: Path) -> None:
    """In ANSEL an accent stands before its letter; before a blank or a slash there is none."""
    text = GEDCOM.replace("CHAR UTF-8", "CHAR ANSEL").replace("José Émile", "José André")
    graph = graph_of(text.encode("cp1252"), tmp_path)
    assert graph.entities["@I1@"].name == "José André Núñez"
    assert "ANSEL" in graph.notes[0]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8"])
def test_the_version_of_the_program_is_not_that_of_the_standard(tmp_path: Path, encoding: str) -> None:
    head = "1 SOUR RootsMagic\n2 VERS 7.5.4\n1 GEDC"
    text = GEDCOM.replace("1 GEDC", head).replace("CHAR UTF-8", "CHAR ANSI")
    graph = graph_of(text.encode(encoding), tmp_path)
    assert graph.entities["@I1@"].name == "José Émile Núñez"
    assert not graph.notes


def test_ids_with_blanks(tmp_path: Path) -> None:
    graph = graph_of(GEDCOM.replace("@I3@", "@I 3  x@"), tmp_path)
    assert graph.family_tree()[0].families == [Family((0, 1), (3, 2))]


NAMES = """\
0 HEAD
1 CHAR UTF-8
0 @I1@ INDI
1 NAME
2 GIVN Nell
2 SURN Bexley
0 @I2@ INDI
1 NAME Thomas /Bexley/
2 NICK Tommo, "Tom"
0 @I3@ INDI
1 NAME Ida /Ford/
2 _MARNM Bexley
2 _AKA Idie
1 ALIA Ida Fordham
1 ALIA @I9@
0 @I4@ INDI
1 NAME Ann /Lee/
1 NAME /Reed/
2 TYPE married
1 _MARNM Ann Smith
0 @I5@ INDI
1 NAME /王/小明
2 ROMN Wang /Xiaoming/
0 @I6@ INDI
1 NICK Shorty
0 @I7@ INDI
1 NAME Eva Maria
2 CONC nne /Moss/
2 SURN Moss
1 GIVN Eva
0 @I8@ INDI
1 NAME Amy
2 SURN Lark
0 TRLR
"""


def test_every_name_of_a_person(tmp_path: Path) -> None:
    graph = graph_of(NAMES, tmp_path)
    found = [(person.name, *person.other_names) for person in graph.entities.values()]
    assert found == [
        ("Nell Bexley",),
        ("Thomas Bexley", "Tommo", "Tommo Bexley", "Tom", "Tom Bexley"),
        ("Ida Ford", "Ida Bexley", "Idie", "Idie Ford", "Ida Fordham"),
        ("Ann Lee", "Ann Reed", "Ann Smith"),
        ("王 小明", "Wang Xiaoming"),
        ("Shorty",),
        ("Eva Marianne Moss", "Eva"),
        ("Amy Lark",),
    ]
    assert (graph.entities["@I5@"].given, graph.entities["@I5@"].surname) == ("小明", "王")


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n\n"])
def test_ends_of_lines(tmp_path: Path, end: str) -> None:
    graph = graph_of(GEDCOM.replace("\n", end), tmp_path)
    assert len(_names(graph)) == 4


def test_old_files_without_a_version(tmp_path: Path) -> None:
    text = GEDCOM.replace("1 GEDC\n2 VERS 5.5.1\n", "").replace("1 CHAR UTF-8\n", "")
    text = text.replace("Bob /Núñez/", "Bob_II Maria/Nunez/")
    assert _names(graph_of(text, tmp_path))[2] == "Bob II Maria Nunez"


def test_birth_goes_before_adoption_and_foster_care(tmp_path: Path) -> None:
    text = family("A m", "B f", "C m", "D f", "E m", "F f", "X f", "A+B: X", "C+D: X", "E+F: X")
    text = text.replace(
        "1 NAME X //\n", "1 NAME X //\n1 FAMC @F1@\n2 PEDI foster\n1 FAMC @F2@\n2 PEDI adopted\n1 FAMC @F3@\n"
    )
    graph = graph_of(text, tmp_path)
    tree, _ = graph.family_tree()
    assert tree.parents[6] == 2
    assert [fact.label for fact in graph.facts if fact.subject == "@I7@"] == [
        "foster child of",
        "adopted child of",
        "child of",
    ]
    assert [tie.kind for tie in graph.pedigree.parents["@I7@"]] == [
        *("birth", "birth", "adopted", "adopted", "foster", "foster")
    ]
    assert not graph.notes


def test_ties_beside_the_child(tmp_path: Path) -> None:
    text = family("A m", "B f", "C m", "D f", "X f", "A+B: X", "C+D: X")
    text = text.replace("1 CHIL @I5@\n", "1 CHIL @I5@\n2 _FREL Adopted\n", 1)
    assert graph_of(text, tmp_path).family_tree()[0].parents[4] == 1


def test_same_sex_couples(tmp_path: Path) -> None:
    tree, _ = graph_of(family("Ann f", "Bea f", "X m", "Ann+Bea: X"), tmp_path).family_tree()
    assert tree.families[0].partners == (0, 1)


def test_partners_stand_in_their_places(tmp_path: Path) -> None:
    tree, _ = graph_of(
        family("Ann f", "Bob m", "Cid u", "Ann+Bob:", "Ann+?:", "Cid+Bob:"), tmp_path
    ).family_tree()
    assert [f.partners for f in tree.families] == [(1, 0), (None, 0), (1, 2)]


def test_missing_people_leave_a_note(tmp_path: Path) -> None:
    graph = graph_of(
        GEDCOM.replace("1 CHIL @I4@", "1 CHIL @I77@").replace("1 FAMC @F1@\n0 @F1@", "0 @F1@"), tmp_path
    )
    assert "@I77@" in graph.notes[0]
    assert graph.family_tree()[0].families[0].children == (2,)


def test_the_child_alone_knows_its_family(tmp_path: Path) -> None:
    graph = graph_of(GEDCOM.replace("1 CHIL @I4@\n", "").replace("1 WIFE @I2@\n", ""), tmp_path)
    assert graph.family_tree()[0].families == [Family((0, 1), (3, 2))]


def test_ties_told_by_one_side_are_noted(tmp_path: Path) -> None:
    text = GEDCOM.replace("1 CHIL @I4@\n", "").replace("2 DATE 1830\n", "2 DATE 1830\n1 FAMC @F1@\n")
    assert not graph_of(text, tmp_path).notes
    more = "".join(f"0 @I{n}@ INDI\n1 NAME P{n} //\n1 FAMC @F1@\n" for n in range(10, 20))
    listed = "".join(f"1 CHIL @I{n}@\n" for n in range(10, 20))
    text = text.replace("0 @F1@ FAM\n", f"{more}0 @F1@ FAM\n{listed}")
    assert "1 times only one" in graph_of(text, tmp_path).notes[0]


def test_control_characters_are_no_part_of_a_name(tmp_path: Path) -> None:
    graph = graph_of(GEDCOM.replace("Bob /", "Bob\x1b[31m\x9b /"), tmp_path)
    assert graph.entities["@I3@"].name == "Bob [31m Núñez"


def test_nobody_is_their_own_ancestor(tmp_path: Path) -> None:
    graph = graph_of(family("A m", "B m", "C m", "D f", "A+D: B", "B+?: C", "C+?: A"), tmp_path)
    assert "own ancestor" in graph.notes[0]
    tree, _ = graph.family_tree()
    assert sum(parent is not None for parent in tree.parents) == 2
    own_parent = graph_of(family("A m", "B f", "A+B: A B"), tmp_path)
    assert own_parent.family_tree()[0].families == [Family((0, 1))]


def test_a_long_line_of_ancestors(tmp_path: Path) -> None:
    count = 3000
    rows = [f"P{n} m" for n in range(count)] + [f"P{n}+?: P{n + 1}" for n in range(count - 1)]
    graph = graph_of(family(*rows, f"P{count - 1}+?: P0"), tmp_path)
    assert len(graph.notes) == 1


def test_a_family_that_is_there_twice(tmp_path: Path) -> None:
    graph = graph_of(family("A m", "B f", "C m", "D m", "A+B: C", "A+B: D"), tmp_path)
    assert graph.family_tree()[0].families == [Family((0, 1), (2, 3))]
    assert "twice" in graph.notes[0]


def test_more_than_two_partners(tmp_path: Path) -> None:
    text = family("A m", "B f", "C f", "A+B:").replace("1 WIFE @I2@", "1 WIFE @I2@\n1 WIFE @I3@")
    graph = graph_of(text, tmp_path)
    assert graph.family_tree()[0].families == [Family((0, 1))]
    assert "3 partners" in graph.notes[0]


def test_an_id_that_is_there_twice(tmp_path: Path) -> None:
    graph = graph_of(GEDCOM.replace("@I4@ INDI", "@I3@ INDI"), tmp_path)
    assert "second record" in graph.notes[0]


def test_spilt_notes_are_of_no_consequence(tmp_path: Path) -> None:
    text = GEDCOM.replace("1 SEX F\n", "1 NOTE one line\nand another that is none\n1 SEX F\n")
    graph = graph_of(text, tmp_path)
    assert len(_names(graph)) == 4
    assert graph.notes == ["1 broken lines between the facts were left out"]


def test_a_name_that_goes_on_in_the_next_line(tmp_path: Path) -> None:
    graph = graph_of(GEDCOM.replace("1 NAME Bob /Núñez/\n", "1 NAME Bob /Núñez/\nof Seville\n"), tmp_path)
    assert graph.entities["@I3@"].name == "Bob Núñez"
    assert graph.notes == [
        "1 broken lines between the facts were left out (the first of a person or family is line 24)"
    ]


def test_a_file_that_is_cut_off(tmp_path: Path) -> None:
    """Wherever it is cut off, it is told."""
    data = GEDCOM.encode()
    for end in range(data.index(b"0 @I1@"), len(data) - 6):
        try:
            said = " ".join(graph_of(data[:end], tmp_path).notes)
        except ReadError as error:
            said = str(error)
        assert "cut off" in said or ", line " in said


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("1 SEX F", "1SEX", "line 20"),
        ("1 CHIL @I4@", "\x00", "binary"),
        ("Ann /Lee/", "Ann" * 5000, "15,007 bytes are too many"),
        ("@I4@\n0 TRLR", "@I99@", "cut off"),
        ("1 SEX F\n", "1 NAME Ann\n" * 20_000, "10,001 lines of one record"),
    ],
)
def test_damage_is_told(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(ReadError, match=says):
        graph_of(GEDCOM.replace(old, new), tmp_path)


def test_nobody_in_it(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no people"):
        graph_of("0 HEAD\n0 TRLR\n", tmp_path)


@pytest.mark.parametrize(
    ("date", "year"),
    [
        ("24 MAY 1819", 1819),
        ("ABT 1050", 1050),
        ("BET 1480 AND 1490", 1480),
        ("44 B.C.", -44),
        ("ABT 44", 44),
        ("5 MAY", None),
        ("10 FEB 1699/00", 1699),
        ("", None),
        ("(unknown)", None),
    ],
)
def test_years(date: str, year: int | None) -> None:
    assert year_of(date) == year


def test_living_people_are_hidden_on_request(tmp_path: Path) -> None:
    text = family(
        *("Old m 1850", "Dead f 1950-1999", "Young m 1980", "Unsure f", "Undated f", "Buried m"),
        *("Old+Undated: Dead", "Young+Dead: Unsure", "Buried+Unsure:"),
    ).replace("1 NAME Buried //\n", "1 NAME Buried //\n1 BURI\n")
    graph = graph_of(text, tmp_path)
    hidden = hide_living(graph, this_year=2026)
    assert _names(hidden) == ["Old", "Dead", *["Living person"] * 3, "Buried"]
    assert vars(hidden.family_tree()[0]) == vars(graph.family_tree()[0])
    shown = repr(hidden)
    assert "Young" not in shown
    assert "Unsure" not in shown
    assert "Undated" not in shown
    assert "1980" not in shown
    assert "Young" in repr(graph)
    assert _names(graph_of(text, tmp_path, hide_living=True))[0] == "Old"


@pytest.mark.skipif(not ROYALS.exists(), reason="the file is not beside this checkout")
def test_royals() -> None:
    graph = read(ROYALS)
    assert len(_names(graph)) == 3010
    assert graph.notes == ["2 dates are not understood, for example '10 JAN': left out"]
    victoria = graph.entities["@I1@"]
    assert (str(victoria), victoria.titles) == ("Victoria Hanover (1819–1901)", ("Queen of England",))
    tree, _ = graph.family_tree()
    assert len(tree.families) == 1422
    assert sum(parent is not None for parent in tree.parents) == 2018
