"""Reads stories in bAbI's format: numbered lines, and questions with their answers after a tab."""

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .words import NUMBERS, SLOT, UnknownWordError, number_of, numbers_in

MAX_FILE_BYTES = 32 << 20
"""The largest of the published files has 5.3 MB."""
MAX_STEPS = 4_096
"""Symbols of one story; the longest published one has 1,380."""
MAX_LINE = 1_000
"""Characters of one line."""

NO_ANSWER = -1


class StoryError(InputError):
    """A file or a folder that holds no stories in bAbI's format; the message says where and why."""


class Story(NamedTuple):
    """One story with its questions, one symbol a step."""

    words: NDArray[np.int16]
    """[T]: the number of each symbol; each word of an answer is an answer slot here"""
    answers: NDArray[np.int16]
    """[T]: at the answer slots the number of the word that belongs there, elsewhere -1"""

    @property
    def questions(self) -> int:
        """How many questions are asked."""
        slots = self.answers != NO_ANSWER
        return int(slots[0]) + int((slots[1:] & ~slots[:-1]).sum())


def read_file(path: str | os.PathLike) -> tuple[list[Story], bytes]:
    """The stories of a file, and its bytes.

    Raises:
        StoryError: a file that is too large or has a line that is not of the format.
        OSError: it cannot be opened.
    """
    path = Path(path)
    with path.open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise StoryError(f"{path} is larger than {MAX_FILE_BYTES >> 20} MB: it is no file of bAbI")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise StoryError(f"{path} is not text in UTF-8: give a file of bAbI as it was published") from None
    stories = list(parse(text, str(path)))
    if not stories:
        raise StoryError(f"{path} is empty: give a file of bAbI as it was published")
    return stories, data


def parse(text: str, name: str) -> Iterator[Story]:
    """The stories of a text; a line with the number 1 begins a new one.

    Args:
        text: lines such as "3 Mary went to the park." and "4 Where is Mary?<tab>park<tab>3".
        name: what to call the text in messages.

    Raises:
        StoryError: the first line that is not of the format.
    """
    words: list[int] = []
    answers: list[int] = []
    for row, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        number, _, sentence = line.strip().partition(" ")
        if not (len(line) <= MAX_LINE and number.isdecimal() and sentence):
            raise StoryError(f"{name}: line {row} is not a number and a sentence: {line[:40]!r}")
        if number == "1" and words:
            yield _story(words, answers)
            words, answers = [], []
        try:
            # What follows the second tab, the lines that the answer rests on, differs from line to line.
            told, due = parse_sentence("\t".join(sentence.split("\t")[:2]))
        except InputError as error:
            raise StoryError(f"{name}: line {row}: {error}") from error
        words += told
        answers += due
        if len(words) > MAX_STEPS:
            raise StoryError(f"{name}: line {row}: the story has more than {MAX_STEPS:,} words: shorten it")
    if words:
        yield _story(words, answers)


@functools.lru_cache(maxsize=1 << 16)
def parse_sentence(sentence: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A sentence, or a question with its answer, as symbols and as answers, equally long.

    Cached: the files repeat some thousand sentences.

    Args:
        sentence: a sentence; or a question, a tab and its answer, the words of it apart by commas.

    Raises:
        UnknownWordError: a word that is none of the 156.
        StoryError: a question without a question mark or without an answer.
    """
    told, tab, rest = sentence.partition("\t")
    words = numbers_in(told)
    if not tab:
        return words, (NO_ANSWER,) * len(words)
    answer = tuple(number_of(word.strip()) for word in rest.lower().split(",") if word.strip())
    if not answer or not words or words[-1] != NUMBERS["?"]:
        raise StoryError(f"{sentence[:40]!r} is not a question with its mark, a tab and an answer")
    return words + (NUMBERS[SLOT],) * len(answer), (NO_ANSWER,) * len(words) + answer


def _story(words: list[int], answers: list[int]) -> Story:
    return Story(np.array(words, np.int16), np.array(answers, np.int16))


__all__ = ["Story", "StoryError", "UnknownWordError", "parse", "parse_sentence", "read_file"]
