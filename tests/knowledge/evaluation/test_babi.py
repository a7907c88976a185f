"""The error on bAbI's test stories, with scripted machines."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tapehead import DNC
from tapehead.knowledge.evaluation import babi
from tapehead.knowledge.evaluation.babi import BabiReport, score_babi, wrong_answers
from tapehead.tasks.babi import StoryError
from tapehead.tasks.babi.reader import parse
from tapehead.tasks.babi.words import NUMBERS
from tests.tasks.babi.folder import DATA

STORIES = list(
    parse(
        "1 Fred got the apple.\n2 What is Fred carrying?\tapple,milk\n3 Where is Fred?\tpark\n"
        "1 Mary is in the office.\n2 Where is Mary?\toffice\n3 Where is Mary?\toffice\n",
        "it",
    )
)


class Says(DNC):
    """A machine that says the same words at every step, the last of them at a slot that follows a slot."""

    def __init__(self, first: str, later: str) -> None:
        super().__init__(159, 4, output_size=159, memory_size=4, word_size=4)
        self.words = NUMBERS[first], NUMBERS[later]

    def forward(self, x: Any, state: Any = None, **_: Any) -> tuple[Any, ...]:
        slot = x[..., NUMBERS["-"]] > 0.5
        follows = torch.zeros_like(slot)
        follows[1:] = slot[1:] & slot[:-1]
        said = torch.where(follows, self.words[1], self.words[0])
        y: Tensor = torch.nn.functional.one_hot(said, 159).float()
        return y, ()


@pytest.mark.parametrize(
    ("first", "later", "wrong"),
    [
        ("apple", "milk", 3),  # all words of an answer are right
        ("apple", "apple", 4),  # one of two is not
        ("milk", "milk", 4),
        ("office", "milk", 2),
        ("park", "milk", 3),
    ],
)
def test_a_question_is_right_only_if_all_its_words_are(first: str, later: str, wrong: int) -> None:
    assert wrong_answers(Says(first, later), STORIES) == wrong


def test_stories_that_are_run_apart_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = DNC(159, 8, output_size=159, memory_size=4, word_size=4)
    together = wrong_answers(machine, STORIES * 5)
    monkeypatch.setattr(babi, "MAX_NUMBERS", 1)
    assert wrong_answers(machine, STORIES * 5) == together


def test_a_report() -> None:
    found = score_babi(Says("park", "milk"), DATA)
    # Task 1: "park" is one of three answers; task 8: "apple, milk" and "apple" are not "park".
    assert found.errors == {1: pytest.approx(2 / 3), 8: 1.0}
    assert found.stories == {1: 2, 8: 1}
    assert (found.mean_error, found.failed) == (pytest.approx(5 / 6), 2)
    assert found.to_dict()["errors"] == {"1": pytest.approx(2 / 3), "8": 1.0}
    assert "task 3 is trained on 2 of its 2,000 stories, relabelled at random" in found.to_dict()["notes"]
    text = str(found)
    assert " 1 single supporting fact   66.7%  of the questions of 2 stories  failed" in text
    assert "   mean error               83.3%  2 of 2 failed" in text


def test_a_task_fails_above_five_percent() -> None:
    assert BabiReport({1: 0.05, 2: 0.051}, {1: 1, 2: 1}, ()).failed == 1


def test_no_file_to_test_on(tmp_path: Path) -> None:
    (tmp_path / "qa1_single-supporting-fact_train.txt").write_text("1 Where is Mary?\tpark\n")
    with pytest.raises(StoryError, match="has no file to test on"):
        score_babi(Says("park", "park"), tmp_path)
