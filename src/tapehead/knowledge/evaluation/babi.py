"""The error of a model on bAbI's test stories, counted as the DNC paper counts."""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...nn import Machine
from ...tasks.babi import StoryError, read_corpus
from ...tasks.babi.folder import NAMES
from ...tasks.babi.reader import NO_ANSWER, Story
from ...tasks.babi.task import collate_stories
from ..inference.run import run_time_first

FAILED_ABOVE = 0.05
"""A task with a higher error is failed (Weston et al. 2015)."""
MAX_NUMBERS = 32 << 20
"""Numbers in the inputs of the stories that are run at once."""


@dataclasses.dataclass(frozen=True)
class BabiReport:
    """How a model did on the test stories."""

    errors: dict[int, float]
    """by task, the fraction of its questions that were answered wrong: with any wrong word"""
    stories: dict[int, int]
    """by task, how many stories were told"""
    notes: tuple[str, ...]
    """sentences: what the folder lacks or has other than published"""

    @property
    def mean_error(self) -> float:
        """The mean of the tasks' errors; each task counts the same."""
        return sum(self.errors.values()) / len(self.errors)

    @property
    def failed(self) -> int:
        """How many tasks have an error above 5 %."""
        return sum(error > FAILED_ABOVE for error in self.errors.values())

    def to_dict(self) -> dict[str, Any]:
        """For JSON: errors are fractions."""
        return {
            "mean_error": self.mean_error,
            "failed": self.failed,
            "errors": {str(task): error for task, error in self.errors.items()},
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        """A row for each task, and the mean."""
        width = max(len(NAMES[task]) for task in self.errors)
        rows = [
            f"{task:>2} {NAMES[task]:{width}}  {error:6.1%}  of the questions of {self.stories[task]:,} "
            "stories"
            f"{'  failed' if error > FAILED_ABOVE else ''}"
            for task, error in self.errors.items()
        ]
        mean = (
            f"   {'mean error':{width}}  {self.mean_error:6.1%}  {self.failed} of {len(self.errors)} failed"
        )
        return "\n".join([*rows, mean, *(f"   note: {note}" for note in self.notes)])


def score_babi(
    machine: Machine, folder: str | os.PathLike[str], *, memory_size: int | None = None
) -> BabiReport:
    """The error on every test story of every task, however long.

    Args:
        machine: trained on bAbI.
        folder: with bAbI's files; a task whose test file is missing is left out, and a note says so.
        memory_size: memory slots; None: as the machine was built.

    Raises:
        StoryError: no such folder, no test file in it, or a damaged one.
    """
    corpus = read_corpus(folder)
    if not corpus.test:
        raise StoryError(f"{folder} has no file to test on: give the folder en-10k as it was published")
    errors = {}
    for task in NAMES:
        if task in corpus.test:
            stories = corpus.test[task]
            wrong = wrong_answers(machine, stories, memory_size=memory_size)
            errors[task] = wrong / sum(story.questions for story in stories)
    counts = {task: len(corpus.test[task]) for task in errors}
    return BabiReport(errors, counts, corpus.notes)


def wrong_answers(machine: Machine, stories: Sequence[Story], *, memory_size: int | None = None) -> int:
    """How many questions of these stories are answered wrong: with any wrong word."""
    # Stories of like length together, so that little of a batch is padding.
    waiting = sorted(stories, key=lambda story: len(story.words))
    wrong = 0
    while waiting:
        per_story = len(waiting[-1].words) * machine.input_size
        part = waiting[-max(1, MAX_NUMBERS // per_story) :]
        del waiting[-len(part) :]
        batch = collate_stories(part)
        outputs, *_ = run_time_first(machine, batch.inputs, lengths=batch.lengths, memory_size=memory_size)
        said = outputs.argmax(2).numpy()
        wrong += sum(_wrong_in(story, said[: len(story.words), b]) for b, story in enumerate(part))
    return wrong


def _wrong_in(story: Story, said: NDArray[np.int64]) -> int:
    """Questions of a story with a wrong word in their answer; ``said`` [T] is the word said at each step."""
    slots = story.answers != NO_ANSWER
    first = slots & ~np.concatenate([[False], slots[:-1]])
    question = np.cumsum(first)
    return len(np.unique(question[slots & (said != story.answers)]))
