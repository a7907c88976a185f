"""bAbI's files: symbols, stories, folders, and what is told of files that are not as published."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from tapehead.tasks.babi import StoryError, read_corpus
from tapehead.tasks.babi.reader import MAX_FILE_BYTES, MAX_STEPS, parse, read_file
from tapehead.tasks.babi.relabel import ALIKE, relabel
from tapehead.tasks.babi.words import SYMBOLS, UnknownWordError, as_text, numbers_in, split

from .folder import DATA, PUBLISHED

published = pytest.mark.skipif(not PUBLISHED.is_dir(), reason="needs the shared data")


def test_the_papers_159_symbols() -> None:
    assert len(SYMBOLS) == len(set(SYMBOLS)) == 159
    assert [symbol for symbol in SYMBOLS if not symbol.isalpha()] == [".", "?", "-"]


def test_a_text_as_symbols() -> None:
    text = "12 Mary went back to the\tPARK. Where's 3 Mary?"
    assert split(text) == ["mary", "went", "back", "to", "the", "park", ".", "where's", "mary", "?"]
    assert as_text(numbers_in("Where  is Mary ?")) == "where is mary?"
    with pytest.raises(UnknownWordError, match=r"the word 'banana' is none of the 156"):
        numbers_in("Mary took the Banana.")


def test_a_question_is_followed_by_a_slot_for_each_word_of_its_answer() -> None:
    (story,) = parse("1 Mary got the milk.\n2 What is Mary carrying? \tmilk,apple\t1 2\n3 Mary left.", "it")
    assert as_text(story.words.tolist()) == "mary got the milk. what is mary carrying? - - mary left."
    slots = story.answers >= 0
    assert [SYMBOLS[number] for number in story.answers[slots]] == ["milk", "apple"]
    assert [SYMBOLS[number] for number in story.words[slots]] == ["-", "-"]
    assert story.questions == 1


def test_line_1_begins_a_story() -> None:
    stories, _ = read_file(DATA / "en-10k" / "qa1_single-supporting-fact_train.txt")
    assert [len(story.words) for story in stories] == [29, 22, 11, 28]
    assert [story.questions for story in stories] == [2, 2, 1, 2]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Mary went.", "line 1 is not a number and a sentence"),
        ("1 Mary went.\n\n2", "line 3 is not a number"),
        ("1 " + "Mary " * 400, "line 1 is not a number"),
        ("1 Mary ate the milk.", "line 1: the word 'ate' is none of the 156"),
        ("1 Where is Mary?\tMars\t1", "line 1: the word 'mars'"),
        ("1 Where is Mary\tpark\t1", "not a question with its mark"),
        ("1 Where is Mary?\t\t1", "not a question with its mark"),
        ("\n".join(f"{n} Mary is there." for n in range(1, MAX_STEPS)), "has more than 4,096 words"),
    ],
)
def test_a_line_that_is_not_of_the_format(text: str, says: str) -> None:
    with pytest.raises(StoryError, match=says) as raised:
        list(parse(text, "it"))
    assert str(raised.value).startswith("it: line")


def test_bad_files(tmp_path: Path) -> None:
    path = tmp_path / "qa1.txt"
    for content, says in [
        (b"", "is empty"),
        (b"1 Mary \xff\xfe", "not text in UTF-8"),
        (b" " * (MAX_FILE_BYTES + 1), "larger than 32 MB"),
    ]:
        path.write_bytes(content)
        with pytest.raises(StoryError, match=says):
            read_file(path)


@pytest.mark.parametrize("folder", [DATA, DATA / "en-10k"])
def test_a_folder_or_the_one_above(folder: Path) -> None:
    corpus = read_corpus(folder)
    assert list(corpus.train) == [1, 8, 3]
    assert {task: len(stories) for task, stories in corpus.test.items()} == {1: 2, 8: 1}
    assert "qa1_single-supporting-fact_train.txt is not the published file" in corpus.notes
    assert "qa20_agents-motivations_test.txt is missing" in corpus.notes
    # Both files of parts hold the same two stories.
    assert corpus.stand_ins
    assert corpus.notes[-1] == "task 3 is trained on 2 of its 2,000 stories, relabelled at random"


def test_no_folder_and_no_files(tmp_path: Path) -> None:
    with pytest.raises(StoryError, match=r"there is no folder .* give the folder en-10k"):
        read_corpus(tmp_path / "none")
    with pytest.raises(StoryError, match="holds none of bAbI's files"):
        read_corpus(tmp_path)


def test_all_of_task_3_leaves_no_stand_ins(tmp_path: Path) -> None:
    shutil.copytree(DATA, tmp_path / "babi")
    shutil.copy(
        DATA / "qa3-parts" / "some.txt", tmp_path / "babi" / "en-10k" / "qa3_three-supporting-facts_train.txt"
    )
    corpus = read_corpus(tmp_path / "babi")
    assert (corpus.stand_ins, len(corpus.train[3])) == (False, 2)


def test_a_story_told_again_says_the_same() -> None:
    """Where each thing is follows from who did what, whatever their names and the verbs."""
    story = read_corpus(DATA).train[3][0]
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(200):
        words, answers = relabel(story, rng)
        slots = answers >= 0
        assert as_text(words[slots].tolist()) == "-"
        text = as_text(words[~slots].tolist())
        seen.add(text)
        first, second, third, fourth, last, question = text.rstrip("?").split(". ")
        actor, thing, place = first.split()[0], second.replace(" there", "").split()[-1], first.split()[-1]
        office = fourth.split()[-1]
        assert fourth.split()[0] == second.split()[0] == last.split()[0] == actor != third.split()[0]
        assert question == f"where was the {thing} before the {office}"
        assert SYMBOLS[answers[slots][0]] == place
        assert {actor, thing, place} <= {name for names in ALIKE for name in names}
        assert last.replace(" down", "").split()[1] in ("dropped", "left", "discarded", "put")
    assert len(seen) > 190


@published
def test_the_published_files() -> None:
    corpus = read_corpus(PUBLISHED)
    assert corpus.notes == (
        "qa3_three-supporting-facts_train.txt is missing",
        "task 3 is trained on 385 of its 2,000 stories, relabelled at random",
    )
    assert {task: len(stories) for task, stories in corpus.train.items() if len(stories) != 2_000} == {
        3: 385, 4: 10_000, 15: 2_500, 16: 10_000, 17: 1_250, 18: 1_978, 19: 10_000, 20: 933,
    }  # fmt: skip
    assert all(sum(story.questions for story in stories) >= 990 for stories in corpus.test.values())
    told = {
        word for part in corpus[:2] for stories in part.values() for s in stories for word in s.words.tolist()
    }
    said = {
        word
        for part in corpus[:2]
        for stories in part.values()
        for s in stories
        for word in s.answers.tolist()
    }
    assert told | said - {-1} == set(range(159))
