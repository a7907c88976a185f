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
