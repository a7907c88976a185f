"""Questions about a story."""

from pathlib import Path

import pytest
import torch

from tapehead import DNC
from tapehead.errors import InputError
from tapehead.knowledge.stories import ask_story, is_story
from tapehead.tasks.babi.words import NUMBERS, as_text

STORY = "Mary went to the park.\nBill took the football there\n\nBill went back to the school.\n"


class Listens(DNC):
    """A machine that remembers what it was told, and likes some words in this order."""

    def __init__(self, *likes: str) -> None:
        super().__init__(159, 4, output_size=159, memory_size=4, word_size=4)
        self.likes, self.told = likes, ""

    def forward(self, x, state=None, **_):  # type: ignore[no-untyped-def, override]
        self.told = as_text(x[:, 0].argmax(1).tolist())
        y = torch.zeros(*x.shape[:2], 159)
        for place, word in enumerate(self.likes):
            y[..., NUMBERS[word]] = 50.0 - 10 * place
        return y, ()


@pytest.fixture
def story(tmp_path: Path) -> Path:
    path = tmp_path / "story.txt"
    path.write_text(STORY)
    return path


def test_an_answer(story: Path) -> None:
    machine = Listens("school", "park")
    answer = ask_story(story, "Where is the Football ?", model=machine)
    assert machine.told == (
        "mary went to the park. bill took the football there. bill went back to the school. "
        "where is the football? -"
    )
    assert answer.answers == ("school",)
    assert answer.confidence == pytest.approx(1, abs=1e-3)
    assert answer.words_told == 19
    assert str(answer).startswith("where is the football?\n  network: school (100% sure)\n  19 words")


def test_a_slot_or_a_mark_is_no_answer(story: Path) -> None:
    assert ask_story(story, "Where is Bill", model=Listens("-", ".", "?", "park")).answers == ("park",)


@pytest.mark.parametrize(
    ("question", "words", "slots"),
    [
        ("How do you go from the park to the school?", None, 2),
        ("What is Bill carrying?", 3, 3),
        ("How do you go from the park to the school?", 1, 1),
    ],
)
def test_as_many_slots_as_words(story: Path, question: str, words: int | None, slots: int) -> None:
    machine = Listens("n")
    assert len(ask_story(story, question, model=machine, words=words).answers) == slots
    assert machine.told.endswith("?" + " -" * slots)


def test_a_story_in_babis_format(tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    path.write_text("1 Mary is in the park.\n2 Where is Mary?\tpark\t1\n3 Mary went to the office.\n")
    machine = Listens("office")
    ask_story(path, "Where is Mary?", model=machine)
    assert machine.told == "mary is in the park. where is mary? - mary went to the office. where is mary? -"
    path.write_text("1 Mary is in the park.\n1 Mary went to the office.\n")
    with pytest.raises(InputError, match="holds 2 stories: give a file with one"):
        ask_story(path, "Where is Mary?", model=machine)


def test_what_is_a_story(tmp_path: Path, story: Path) -> None:
    assert is_story(story)
    for name, text, expected in [
        ("edges.txt", "from,edge,to\nA,red,B\n", False),
        ("tabs.txt", "A\tred\tB\n", False),
        ("story.csv", STORY, False),
        ("numbered.txt", "1 Mary went to the park.\n", True),
        ("empty.txt", "", False),
    ]:
        (tmp_path / name).write_text(text)
        assert is_story(tmp_path / name) == expected, name
    assert not is_story(tmp_path / "nowhere.txt")


@pytest.mark.parametrize(
    ("question", "words", "says"),
    [
        ("Where is the banana?", None, "the word 'banana' is none of the 156"),
        ("?", None, "is no question"),
        ("Where is Bill?", 4, "words is 4: give a number of words from 1 to 3"),
    ],
)
def test_mistakes(story: Path, question: str, words: int | None, says: str) -> None:
    with pytest.raises(InputError, match=says):
        ask_story(story, question, model=Listens("park"), words=words)


def test_a_word_of_the_story_that_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "story.txt").write_text("Mary went to Mars.")
    with pytest.raises(InputError, match="the word 'mars' is none of the 156"):
        ask_story(tmp_path / "story.txt", "Where is Mary?", model=Listens("park"))


def test_a_model_for_something_else(story: Path) -> None:
    with pytest.raises(InputError, match="was not trained on bAbI"):
        ask_story(story, "Where is Mary?", model="ntm-copy")
