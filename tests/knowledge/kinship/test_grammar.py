"""Every name that the namer gives is understood as what it names; and the words that people use."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapehead.knowledge.kinship.grammar import understand
from tapehead.knowledge.kinship.namer import name, plural
from tapehead.knowledge.kinship.relation import LINES, Kinship
from tapehead.knowledge.kinship.vocabulary import VOCABULARY, nearest
from tapehead.tasks.kinship.relations import RELATIONS

KINSHIPS = st.builds(
    Kinship,
    up=st.integers(0, 12),
    down=st.integers(0, 12),
    half=st.booleans(),
    line=st.sampled_from(LINES),
    before=st.booleans(),
    after=st.booleans(),
    joined=st.booleans(),
    former=st.booleans(),
    lines=st.integers(1, 6),
    side=st.sampled_from(["", "paternal", "maternal"]),
    sex=st.sampled_from(["m", "f", "u"]),
).filter(
    lambda kinship: (
        kinship.has_word
        and (kinship.by_marriage or not kinship.former)
        and (kinship.is_cousin or kinship.lines == 1)
        # A side needs a parent; of a spouse's kin it would be the spouse's.
        and ((kinship.up > 0 and not kinship.before and not kinship.joined) or not kinship.side)
    )
)


def _tells_sex(kinship: Kinship) -> bool:
    return not kinship.is_cousin and name(kinship) not in ("guardian", "ward")


@settings(max_examples=400, deadline=None)
@given(KINSHIPS)
def test_every_name_is_understood(kinship: Kinship) -> None:
    for words in (name(kinship), plural(kinship)):
        link = understand(words)
        assert link is not None, words
        assert len(link) == 1, words
        assert (kinship if _tells_sex(kinship) else dataclasses.replace(kinship, sex="u")) in link[0].readings
        assert (link[0].blood == "half") == kinship.half, words
        assert (link[0].line or "birth") == kinship.line, words
        # What the grammar makes of it has that name again.
        assert name(link[0].literal) == name(kinship)


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.name)
def test_the_networks_relations_have_their_own_names(relation: object) -> None:
    for words in (relation.name, relation.singular, *relation.other_names):
        link = understand(words)
        assert link is not None
        assert len(link) == 1
        assert (link[0].plural, link[0].singular) == (relation.name, relation.singular)


@pytest.mark.parametrize(
    ("words", "same"),
    [
        ("grandkids", "grandchildren"),
        ("brothers and sisters", "siblings"),
        ("sisters or brothers", "siblings"),
        ("aunts and uncles", "uncles and aunts"),
        ("maternal aunts and uncles", "aunts and uncles on his mother's side"),
        ("brothers and sisters in law", "siblings-in-law"),
        ("great aunts and uncles", "great-uncles and great-aunts"),
        ("grandma", "grandmother"),
        ("great-granny", "great-grandmother"),
        ("half cousin", "half first cousins"),
        ("first half-cousin", "half first cousin"),
        ("third cousins three times removed", "3rd cousin 3x removed"),
        ("cousin once removed", "first cousin once removed"),
        ("4th great grandmother", "great-great-great-great-grandmothers"),
        ("3x great-grandfather", "great-great-great-grandfather"),
        ("5 times great grandfather", "5th great-grandfather"),
        ("former wife", "ex-wives"),
        ("biological mother", "birth mothers"),
        ("mother by birth", "birth mother"),
        ("adopted parents", "adoptive parents"),
        ("parents by adoption", "adoptive parents"),
        ("full siblings", "full brothers and sisters"),
        ("eldest brother", "oldest brother"),
        ("2nd wife", "second wife"),
        ("second eldest son", "second oldest son"),
        ("cousin on the paternal side", "paternal first cousin"),
        ("forebears", "ancestors"),
        ("step grandson", "stepgrandson"),
        ("uncle by blood", "uncles by birth"),
        ("great-grandnephew", "great-great-nephews"),
        ("inlaws", "in-laws"),
    ],
)
def test_the_same_in_other_words(words: str, same: str) -> None:
    assert understand(words) == understand(same) is not None


def test_words_that_go_beyond_their_literal_meaning() -> None:
    (aunt,) = understand("aunts") or ()
    assert [reading.after for reading in aunt.readings] == [False, True]
    (aunt,) = understand("aunts by blood") or ()
    assert [reading.after for reading in aunt.readings] == [False]
    (aunt,) = understand("half-aunts") or ()
    assert [reading.after for reading in aunt.readings] == [False]
    (brother,) = understand("brothers-in-law") or ()
    assert [(reading.before, reading.after) for reading in brother.readings] == [(True, False), (False, True)]
    assert len(understand("in-laws") or ()) == 3
    assert len(understand("sons and nephews") or ()) == 2
    # What stands behind is said of both, what stands before the second is not.
    for words, lines in (
        ("brothers and stepsisters", [None, "step"]),
        ("adopted sons and daughters", ["adopted"]),
    ):
        assert [term.line for term in understand(words) or ()] == lines


@pytest.mark.parametrize(
    "words",
    [
        *("", "godfather", "grand-brother", "great-father", "half-father", "step-wife", "husband-in-law"),
        *("brothers and", "once removed", "brother once removed", "sons on his mother's side", "co-uncle"),
        *("ex-father", "of", "great", "great-cousin", "cousin 99 times removed", "uncle by marriage in law"),
        "fathers fathers",
    ],
)
def test_what_is_no_relation(words: str) -> None:
    assert understand(words) is None


def test_the_nearest_words() -> None:
    assert all(map(understand, VOCABULARY))
    assert nearest("step-unkle")[0] == "step-uncle"
    assert nearest("grandkidz")[0] == "grandkids"
    assert nearest("nefew")[0] == "nephew"
    for words in ("zorg", "x" * 500, "…"):
        assert len(nearest(words)) == 3
