import dataclasses
from fractions import Fraction
from pathlib import Path

import pytest

from tapehead.errors import InputError
from tapehead.knowledge import KinshipQuestion, KnowledgeGraph, PathQuestion, WalkQuestion, parse, read
from tapehead.tasks.kinship.relations import RELATIONS
from tests.knowledge.files import graph_of


@pytest.fixture(scope="module")
def bachs() -> KnowledgeGraph:
    return read("family")


@pytest.fixture(scope="module")
def london() -> KnowledgeGraph:
    return read("london")


@pytest.mark.parametrize(
    ("words", "relation"),
    [
        ("Who is Carl Philipp Emanuel Bach's maternal grandfather?", "maternal grandfathers"),
        ("who are the first cousins of Carl Philipp Emanuel Bach", "first cousins"),
        ("Who were CARL PHILIPP EMANUEL’S half-brothers?!", "half-brothers"),
        ("Carl Philipp Emanuel's great uncle", "great-uncles"),
        ("List all great aunts of Carl Philipp Emanuel Bach.", "great-aunts"),
        ("What are the names of Carl Philipp Emanuel Bach's children?", "children"),
        ("tell me Carl Philipp Emanuel's kids, please", "children"),
        ("Who's Carl Philipp Emanuel's mum?", "mothers"),
        ("great-great grandmother of Carl Philipp Emanuel Bach", "great-great-grandmothers"),
        ("greatgrandfathers of Carl Philipp Emanuel Bach", "great-grandfathers"),
        ("Who is Carl Philipp Emanuel Bach's mother's father?", "maternal grandfathers"),
        ("the father of the mother of Carl Philipp Emanuel Bach", "maternal grandfathers"),
        ("the father of Carl Philipp Emanuel Bach's mother", "maternal grandfathers"),
        ("mother's brother of Carl Philipp Emanuel Bach", "maternal uncles"),
        ("Carl Philipp Emanuel Bach's wife's mother", "mothers-in-law"),
        ("Carl Philipp Emanuel Bach's cousins", "first cousins"),
        ("Carl Philipp Emanuel Bach's 2nd cousins", "second cousins"),
        ("Carl Philipp Emanuel Bach's cousins once removed", "first cousins once removed"),
        ("Carl Philipp Emanuel Bach brother in law", "brothers-in-law"),
        ("who is the partner of Carl Philipp Emanuel Bach", "spouses"),
        ("grandnephews of Carl Philipp Emanuel Bach", "great-nephews"),
    ],
)
def test_kinship(bachs: KnowledgeGraph, words: str, relation: str) -> None:
    question = parse(words, bachs)
    assert isinstance(question, KinshipQuestion)
    assert bachs.entities[question.person].name == "Carl Philipp Emanuel Bach"
    assert question.relation.name == relation


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.name)
def test_every_name_of_every_relation(bachs: KnowledgeGraph, relation: object) -> None:
    for name in (relation.name, relation.singular, *relation.other_names):
        for words in (f"Who is Hans Bach's {name}?", f"Who are the {name} of Hans Bach?"):
            question = parse(words, bachs)
            assert isinstance(question, KinshipQuestion)
            assert question.relation is relation


def test_names_with_of_and_apostrophes(tmp_path: Path) -> None:
    graph = graph_of("Mary of Teck,mother,Ann O'Hara\nLouis,father,Mary's Son\n", tmp_path, "family.csv")
    for words, person in [
        ("mother of Mary of Teck", "Mary of Teck"),
        ("Mary of Teck's mother", "Mary of Teck"),
        ("Ann O'Hara's daughter", "Ann O'Hara"),
        ("Louis' father", "Louis"),
        ("Mary's Son's child", "Mary's Son"),
    ]:
        question = parse(words, graph)
        assert isinstance(question, KinshipQuestion)
        assert question.person == person


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "there is no question"),
        ("hello", "is not understood"),
        ("Who is Hans Bach's step-unkle?", "no relation 'step-unkle': did you mean step-uncle, .* or .*\\?$"),
        ("Who is the godfather of Hans Bach?", "no relation 'godfather': did you mean grandfather"),
        ("Who is Hans Bach's half-father?", "no relation 'half-father'"),
        ("Hans Bach's sons on his mother's side", "'sons' is nobody on the maternal side"),
        ("Who is Hans Bach's?", "is not understood"),
        ("Who is Hans Bakh's father?", "nobody is called 'Hans Bakh': did you mean Hans Bach"),
        ("Who is Johann Christoph Bach's father?", "may be any of"),
        ("shortest path from Moorgate to Bank", "is a family tree"),
        ("x" * 2000, "2,000 characters"),
    ],
)
def test_what_is_not_understood_of_kinship(bachs: KnowledgeGraph, words: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        parse(words, bachs)


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("shortest path from Moorgate to Piccadilly Circus", "Moorgate", "Piccadilly Circus"),
        ("How do I get from Bank to Elephant and Castle?", "Bank", "Elephant & Castle"),
        ("the quickest way to Bank from Paddington", "Paddington", "Bank"),
        ("route between bond st and green park", "Bond Street", "Green Park"),
        ("moorgate to victoria", "Moorgate", "Victoria"),
        ("can you tell me how to get from Embankment to Holborn, please?", "Embankment", "Holborn"),
    ],
)
def test_paths(london: KnowledgeGraph, words: str, start: str, end: str) -> None:
    assert parse(words, london) == PathQuestion(start, end)


@pytest.fixture
def timed(london: KnowledgeGraph) -> KnowledgeGraph:
    """The same, with minutes."""
    weights = dict.fromkeys(london.facts, Fraction(2))
    return dataclasses.replace(london, weights=weights, measure="minutes")


@pytest.mark.parametrize(
    ("words", "only_length"),
    [
        ("quickest way from Bank to Victoria", False),
        ("What is the fastest route to Victoria from Bank?", False),
        ("what's the quickest way to get to Victoria from Bank", False),
        ("the cheapest way between Bank and Victoria", False),
        ("fewest minutes from Bank to Victoria", False),
        ("the way with the least travel time from Bank to Victoria", False),
        ("shortest time from Bank to Victoria", False),
        ("How do I get from Bank to Victoria the fastest?", False),
        ("from Bank to Victoria as quickly as possible", False),
        ("bank to victoria by time", False),
        ("from Bank to Victoria in the fewest minutes", False),
        ("How long does it take from Bank to Victoria?", True),
        ("how long does it take me to get to Victoria from Bank", True),
        ("how long is the trip from Bank to Victoria", True),
        ("How many minutes is it from Bank to Victoria?", True),
        ("how much time between Bank and Victoria", True),
        ("travel time from Bank to Victoria", True),
    ],
)
def test_quickest_ways(timed: KnowledgeGraph, words: str, only_length: bool) -> None:
    question = parse(words, timed)
    assert question == PathQuestion("Bank", "Victoria", only_length=only_length, weighted=True)
    assert question.note == ""


@pytest.mark.parametrize(
    ("words", "only_length", "hinted"),
    [
        ("how do I get from Bank to Victoria", False, True),
        ("shortest path from Bank to Victoria", False, True),
        ("Bank to Victoria", False, True),
        ("how far is it from Bank to Victoria", True, True),
        ("fewest stops from Bank to Victoria", False, False),
        ("how many stops from Bank to Victoria", True, False),
    ],
)
def test_other_ways_go_by_stops(timed: KnowledgeGraph, words: str, only_length: bool, hinted: bool) -> None:
    question = parse(words, timed)
    assert question == PathQuestion("Bank", "Victoria", only_length=only_length)
    hint = 'this is the way with the fewest stops: ask for the "quickest way" to go by minutes'
    assert question.note == (hint if hinted else "")


@pytest.mark.parametrize(
    ("words", "start", "lines"),
    [
        (
            "from Bond Street take Central, Circle, Circle: where am I?",
            "Bond Street",
            ["Central westbound", "Circle anticlockwise", "Circle anticlockwise"],
        ),
        (
            "from bond st take the Central line westbound, then the Circle line clockwise",
            "Bond Street",
            ["Central westbound", "Circle clockwise"],
        ),
        (
            "Starting at Waterloo, take Waterloo and City and then Northern northbound. Where am I?",
            "Waterloo",
            ["Waterloo & City eastbound", "Northern northbound"],
        ),
        (
            "Where do I end up if I take Victoria southbound and Bakerloo southbound from Warren Street?",
            "Warren Street",
            ["Victoria southbound", "Bakerloo southbound"],
        ),
        (
            "If I start at Euston and take Victoria southbound, Northern southbound, where am I?",
            "Euston",
            ["Victoria southbound", "Northern southbound"],
        ),
    ],
)
def test_walks(london: KnowledgeGraph, words: str, start: str, lines: list[str]) -> None:
    question = parse(words, london)
    assert isinstance(question, WalkQuestion)
    assert (question.start, list(question.lines)) == (start, lines)


def test_an_open_direction_is_told(london: KnowledgeGraph) -> None:
    vague = parse("from Notting Hill Gate take Circle, Circle", london)
    assert isinstance(vague, WalkQuestion)
    # The way back is no choice.
    assert vague.note == "taken: Circle anticlockwise from Notting Hill Gate (it also goes to Paddington)"
    plain = parse("from Notting Hill Gate take Circle anticlockwise, Piccadilly eastbound", london)
    assert isinstance(plain, WalkQuestion)
    assert plain.note == ""


def test_lines_of_one_name_in_two_directions(tmp_path: Path) -> None:
    graph = graph_of("A,red,B\nA,red,C\nB,red,A\nC,blue,D\n", tmp_path, "map.csv")
    for words, lines in [
        ("from A take red, blue", ("red to C", "blue")),
        ("from A take red towards B", ("red to B",)),
    ]:
        question = parse(words, graph)
        assert isinstance(question, WalkQuestion)
        assert question.lines == lines


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("hello", "is not understood"),
        ("to Bank", "is not understood"),
        ("from Bank to Bank", "at Bank already"),
        ("from Bank to Nowhere at all", "no place is called 'Nowhere at all'"),
        ("from Moorgate take Jubilee", "'Jubilee' does not leave Moorgate: from there go Circle"),
        ("from Moorgate take Metro", "no line 'Metro': the lines are"),
        ("from Moorgate take Norhtern", "did you mean Northern"),
        ("Who is Victoria's mother?", "is a map, not a family tree"),
        ("from Bank take " + ", ".join(["Central"] * 40), "40 steps"),
    ],
)
def test_what_is_not_understood_of_maps(london: KnowledgeGraph, words: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        parse(words, london)
