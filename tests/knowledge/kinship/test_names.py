"""Names against tables that were written by hand, and against the words of another genealogy program."""

import pytest

from tapehead.knowledge.kinship.explain import relation_name
from tapehead.knowledge.kinship.grammar import understand
from tapehead.knowledge.kinship.index import Kin
from tapehead.knowledge.kinship.namer import name, plural
from tapehead.knowledge.kinship.relation import Kinship
from tapehead.knowledge.kinship.relatives import relatives
from tapehead.knowledge.kinship.ties import ties
from tests.knowledge.kinship.clan import PAIRS, clan

ROWS = [
    (*row.partition(":")[0].split(), *(word.strip() for word in row.partition(":")[2].split("|")))
    for row in PAIRS.strip().splitlines()
    if row
]


@pytest.fixture(scope="module")
def kin() -> Kin:
    return clan()


def test_the_table_is_large() -> None:
    assert 2 * len({row[:2] for row in ROWS}) >= 200


@pytest.mark.parametrize(("one", "other", "there", "back"), ROWS)
def test_two_people(kin: Kin, one: str, other: str, there: str, back: str) -> None:
    assert relation_name(kin, ties(kin, other, one)[0]) == there
    assert relation_name(kin, ties(kin, one, other)[0]) == back


@pytest.mark.parametrize(("one", "other", "there", "back"), ROWS)
def test_who_is_that(kin: Kin, one: str, other: str, there: str, back: str) -> None:
    """The same the other way: the name is understood, and finds the person."""
    for person, found, words in ((one, other, there), (other, one, back)):
        links = [understand(link) for link in words.split("'s ")]
        assert all(links), words
        assert found in relatives(kin, person, tuple(link for link in links if link)), words


@pytest.mark.parametrize(
    ("kinship", "words", "several"),
    [
        (Kinship(2, 0, side="maternal", sex="f"), "maternal grandmother", "maternal grandmothers"),
        (
            Kinship(5, 1, sex="f", after=True),
            "great-great-great-aunt by marriage",
            "great-great-great-aunts by marriage",
        ),
        (Kinship(2, 4, half=True), "half first cousin twice removed", "half first cousins twice removed"),
        (Kinship(3, 3, lines=2), "double second cousin", "double second cousins"),
        (Kinship(2, 1), "aunt or uncle", "aunts and uncles"),
        (Kinship(1, 3), "great-niece or great-nephew", "great-nieces and great-nephews"),
        (Kinship(1, 1, True, side="maternal", sex="m"), "maternal half-brother", "maternal half-brothers"),
        (Kinship(before=True, sex="f"), "wife", "wives"),
        (Kinship(0, 1), "child", "children"),
        (Kinship(0, 9, sex="m"), "7th great-grandson", "7th great-grandsons"),
        (Kinship(13, 13), "12th cousin", "12th cousins"),
        (Kinship(24, 2), "first cousin 22 times removed", "first cousins 22 times removed"),
        (Kinship(1, 0, before=True, former=True, sex="f"), "ex-mother-in-law", "ex-mothers-in-law"),
        (
            Kinship(2, 1, after=True, former=True, sex="m"),
            "former uncle by marriage",
            "former uncles by marriage",
        ),
        (Kinship(0, 1, line="adopted"), "adopted child", "adopted children"),
        (Kinship(0, 1, line="guardian"), "ward", "wards"),
    ],
)
def test_names_and_plurals(kinship: Kinship, words: str, several: str) -> None:
    assert (name(kinship), plural(kinship)) == (words, several)


def test_what_no_word_says() -> None:
    for kinship in (
        Kinship(),
        Kinship(0, 2, before=True),
        Kinship(2, 3, before=True),
        Kinship(2, 0, after=True),
        Kinship(2, 1, before=True, after=True),
        Kinship(2, 0, half=True),
    ):
        assert not kinship.has_word
        with pytest.raises(ValueError, match="no one word"):
            name(kinship)


@pytest.mark.parametrize(
    ("up", "down", "words"),
    [
        # Gramps counts the generations up to the common ancestor (Ga) and down (Gb); its English words.
        (1, 0, "father; mother; parent"),
        (2, 0, "grandfather; grandmother; grandparent"),
        (3, 0, "great grandfather; great grandmother"),
        (4, 0, "second great grandfather; second great grandmother"),
        (5, 0, "third great grandfather"),
        (10, 0, "eighth great grandmother"),
        (0, 1, "son; daughter; child"),
        (0, 2, "grandson; granddaughter; grandchild"),
        (0, 3, "great grandson"),
        (0, 4, "second great granddaughter"),
        (1, 1, "brother; sister; half-brother; half-sister; stepbrother; stepsister"),
        (2, 1, "uncle; aunt; half-uncle"),
        (3, 1, "granduncle; grandaunt"),
        (4, 1, "great granduncle; great grandaunt"),
        (5, 1, "second great granduncle"),
        (1, 2, "nephew; niece"),
        (1, 3, "grandnephew; grandniece"),
        (1, 4, "great grandnephew"),
        (1, 5, "second great grandniece"),
        (2, 2, "first cousin; first stepcousin"),
        (3, 2, "first cousin once removed"),
        (2, 3, "first cousin once removed"),
        (4, 2, "first cousin twice removed"),
        (4, 4, "third cousin"),
        (6, 4, "third cousin twice removed"),
        (5, 2, "first cousin three times removed"),
        (7, 2, "first cousin five times removed"),
    ],
)
def test_the_words_of_gramps(up: int, down: int, words: str) -> None:
    for word in words.split("; "):
        link = understand(word)
        assert link is not None, word
        assert (up, down) in {(reading.up, reading.down) for reading in link[0].readings}, word
        assert not any(reading.before for reading in link[0].readings), word
