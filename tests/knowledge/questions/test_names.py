from pathlib import Path

import pytest

from tapehead.knowledge import KnowledgeGraph
from tapehead.knowledge.questions.names import Names, UnclearName, plain
from tests.knowledge.files import graph_of

PEOPLE = [
    ("Victoria /Hanover/", "Queen of England", "1819", "1901"),
    ('Victoria Eugenie "Ena" //', "Queen of Spain", "1887", "1969"),
    ("Victoria //", "Princess", "1866", "1929"),
    ("Nicholas_II Alexandrovich /Romanov/", "Tsar of Russia", "1868", "1918"),
    ("Nicholas_I /Romanov/", "Tsar of Russia", "1796", "1855"),
    ("Søren Ærøe /O'Brien/", "", "1813", "1855"),
    ("José /Núñez/", "", "", ""),
    ("John /Smith/", "", "1700", "1750"),
    ("John /Smith/", "", "1731", ""),
    ("John /Smith/", "", "", "1799"),
    ("Johann Sebastian /Bach/", "", "1685", "1750"),
    ("Johann Sebastian /Bach/ the Younger", "", "1748", "1778"),
]


@pytest.fixture
def royals(tmp_path: Path) -> KnowledgeGraph:
    lines = ["0 HEAD"]
    for number, (name, title, born, died) in enumerate(PEOPLE, 1):
        lines += [f"0 @I{number}@ INDI", f"1 NAME {name}"]
        lines += [f"1 TITL {title}"] if title else []
        lines += ["1 BIRT", f"2 DATE {born}"] if born else []
        lines += ["1 DEAT", f"2 DATE {died}"] if died else []
    return graph_of("\n".join([*lines, "0 TRLR"]), tmp_path)


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("Victoria Hanover", 1),
        ("Queen Victoria", 1),
        ("queen  VICTORIA", 1),
        ("Victoria, Queen of England", 1),
        ("Queen of England Victoria", 1),
        ("Victoria (1819-1901)", 1),
        ("Victoria (1819–1901)", 1),
        ("Victoria (born 1819)", 1),
        ("Victoria (-1969)", 2),
        ("Queen Victoria Eugenie", 2),
        ("Ena", 2),
        ("Princess Victoria", 3),
        ("Nicholas II", 4),
        ("Tsar Nicholas II", 4),
        ("Nicholas I", 5),
        ("nicholas_i", 5),
        ("Soren Aeroe OBrien", 6),
        ("søren o’brien", 6),
        ("jose nunez", 7),
        ("Jo Nu", 7),
        ("Núñ", 7),
        ("@I8@", 8),
        ("i9", 9),
        ("John Smith (1731-)", 9),
        ("John Smith (died 1799)", 10),
        ("Johann Sebastian Bach", 11),
        ("Johann Sebastian Bach the Younger", 12),
    ],
)
def test_who_is_meant(royals: KnowledgeGraph, words: str, number: int) -> None:
    assert Names(royals).find(words).id == f"@I{number}@"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("Victoria", "may be any of"),
        ("John Smith", r"any of 3: John Smith \(1700–1750\) @I8@; John Smith \(born 1731\) @I9@"),
        ("Johann Sebastian", "any of 2"),
        ("Victorai Hanover", "nobody is called 'Victorai Hanover': did you mean Victoria Hanover"),
        ("Nicholas III", "did you mean Nicholas I"),
        ("Hamlet", "nobody is called 'Hamlet'$"),
        ("", "nobody"),
        ("?!", "nobody"),
    ],
)
def test_who_is_not_clear(royals: KnowledgeGraph, words: str, says: str) -> None:
    with pytest.raises(UnclearName, match=says):
        Names(royals).find(words)


def test_at_most_ten_are_listed(tmp_path: Path) -> None:
    text = "\n".join(["0 HEAD", *(f"0 @I{n}@ INDI\n1 NAME Ann /Lee/" for n in range(15)), "0 TRLR"])
    with pytest.raises(UnclearName, match=r"any of 15: .*; and 5 more") as error:
        Names(graph_of(text, tmp_path)).find("Ann Lee")
    assert str(error.value).count("Ann Lee") == 11


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("kings cross", "King's Cross St. Pancras"),
        ("King’s Cross St Pancras", "King's Cross St. Pancras"),
        ("Elephant and Castle", "Elephant & Castle"),
        ("Bond St", "Bond Street"),
        ("pad", "Paddington"),
        ("Victoria", "Victoria"),
    ],
)
def test_places(words: str, place: str) -> None:
    from tapehead.knowledge import read

    assert Names(read("london")).find(words).name == place


def test_plain() -> None:
    assert plain("  Émile_II  O’Brien-Łoś & Co. ") == "emile ii obrien los and co"


FAMILY = """\
0 HEAD
1 CHAR UTF-8
0 @I1@ INDI
1 NAME Nell /Bexley/
1 SEX F
1 BIRT
2 DATE 1900
1 DEAT
2 DATE 1931
0 @I2@ INDI
1 NAME Thomas Arthur /Bexley/
2 NICK Tommo
1 SEX M
0 @I3@ INDI
1 NAME Ida /Ford/
1 SEX F
0 @I4@ INDI
1 NAME Nell /Bexley/
1 SEX F
1 BIRT
2 DATE 1900
0 @I5@ INDI
1 NAME Edith Isolde /Warne/
1 SEX F
0 @I6@ INDI
1 NAME Louis XIV /Bourbon/
1 TITL King
1 SEX M
0 @I7@ INDI
1 NAME Louis XV /Bourbon/
1 SEX M
0 @I8@ INDI
1 NAME /王/小明
0 @I9@ INDI
1 NAME 大伟 /李/
0 @I10@ INDI
1 NAME 김 철수
0 @I11@ INDI
1 NAME Ольга Ивановна /Петрова/
1 SEX F
0 @I12@ INDI
1 NAME Caesar //
1 SEX M
1 BIRT
2 DATE 100 B.C.
0 @F1@ FAM
1 HUSB @I2@
1 WIFE @I3@
1 CHIL @I1@
0 @F2@ FAM
1 HUSB @I6@
1 WIFE @I5@
1 CHIL @I4@
0 TRLR
"""


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("Nell Bexley, daughter of Ida Ford", 1),
        ("Nell Bexley (the daughter of Tommo)", 1),
        ("Nell, daughter of Louis XIV", 4),
        ("Ida's daughter Nell", 1),
        ("Ida's daughter called Nell Bexley", 1),
        ("Nell Bexley, Edith Warne's daughter", 4),
        ("Nell whose mother is Edith", 4),
        ("the daughter of Ida named Nell", 1),
        ("the mother of Nell Bexley, daughter of Thomas called Ida", 3),
        ("Ida, wife of Tommo", 3),
        ("Louis, father of Nell", 6),
        ("Nell died 1931", 1),
        ("Nell who was born in 1900 and died in 1931", 1),
        ("Nell Bexley 1900-1931", 1),
        ("Nell Bexley, born 1900, daughter of Edith Isolde Warne", 4),
        ("Caesar born 100 BC", 12),
        # By marriage, and by the husband.
        ("Ida Bexley", 3),
        ("Mrs Ida Bexley", 3),
        ("Ida Ford Bexley", 3),
        ("Mrs. Thomas Bexley", 3),
        ("Lady Thomas Arthur Bexley", 3),
        # Titles are set aside, and numerals are one however they are written.
        ("Sir Thomas Bexley", 2),
        ("King Louis XIV", 6),
        ("Louis 14", 6),
        ("Louis 15th", 7),
        ("Louis the Fourteenth", 6),
        ("King Louis the 15th of France", 7),
        ("Louis XIV of France", 6),
        ("Edith I. Warne", 5),
        ("Edith Is", 5),
        # Chinese and Korean are written without blanks, either way round.
        ("王小明", 8),
        ("王 小明", 8),
        ("小明王", 8),
        ("小明", 8),
        ("李大伟", 9),
        ("大伟", 9),
        ("김철수", 10),
        ("철수", 10),
        ("ольга петрова", 11),
    ],
)
def test_names_with_clues(tmp_path: Path, words: str, number: int) -> None:
    assert Names(graph_of(FAMILY, tmp_path)).find(words).id == f"@I{number}@"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        # A numeral is no initial, unless it has the point of one.
        ("Edith I", "nobody is called 'Edith I': did you mean Edith Isolde Warne?"),
        ("Edith I's", "nobody is called"),
        ("Queen Edith I", "nobody is called"),
        ("Louis X", "nobody is called 'Louis X': did you mean Louis XV Bourbon or Louis XIV Bourbon?"),
        ("Queen Louis", "nobody is called"),
        ("Mrs Louis XV", "nobody is called"),
        (
            "Nell Bexley born 1900",
            r"any of 2: Nell Bexley \(1900–1931\) @I1@; Nell Bexley \(born 1900\) @I4@",
        ),
        (
            "Nell, daughter of Caesar",
            r"did you mean Nell Bexley \(1900–1931\) @I1@ or Nell Bexley \(born 1900\) @I4@",
        ),
        ("Nell born 1899", r"did you mean Nell Bexley \(1900–1931\) @I1@"),
        ("Tomas Bexly", "did you mean Thomas Arthur Bexley"),
        ("of", "nobody"),
        ("King of France", "nobody"),
        ("'s daughter ", "nobody"),
    ],
)
def test_names_that_stay_unclear(tmp_path: Path, words: str, says: str) -> None:
    with pytest.raises(UnclearName, match=says):
        Names(graph_of(FAMILY, tmp_path)).find(words)


def test_namesakes_of_the_same_years_are_listed_with_their_relatives(tmp_path: Path) -> None:
    text = FAMILY.replace("1 DEAT\n2 DATE 1931\n", "")
    with pytest.raises(UnclearName) as error:
        Names(graph_of(text, tmp_path)).find("Nell")
    assert "@I1@, child of Thomas Arthur Bexley and Ida Ford; " in str(error.value)
    assert "@I4@, child of Louis XIV Bourbon and Edith Isolde Warne. Ask again with" in str(error.value)


def test_names_are_sought_once(tmp_path: Path) -> None:
    """The index is kept beside the graph, and goes with it."""
    graph = graph_of(FAMILY, tmp_path)
    assert Names(graph)._index is Names(graph)._index
    assert Names(graph)._index is not Names(graph_of(FAMILY, tmp_path))._index
