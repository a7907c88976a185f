"""Questions about a short story in words, answered by a machine that was trained on bAbI."""

import dataclasses
import math
import os
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import InputError
from ..nn import Machine
from ..tasks.babi.reader import NO_ANSWER, Story, StoryError, parse
from ..tasks.babi.task import collate_stories
from ..tasks.babi.words import NUMBERS, SLOT, SYMBOLS, as_text, numbers_in
from .ask import load_model
from .inference.run import run_time_first
from .readers.files import MEGABYTE, decode, read_capped

MODEL = "dnc-babi"
"""The model that is asked when none is named."""
MAX_BYTES = MEGABYTE
MAX_WORDS = 3
"""Words of the longest answer in bAbI."""
_SENTENCE = re.compile(r"\s*(\d+ )?\s*[^\W\d_][\w'’ ]*\.")
_DIRECTIONS = re.compile(r"\s*how do you go\b", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class StoryAnswer:
    """What the machine says about a story. There is no exact answer to compare it with."""

    question: str
    """as the machine was told it: "where is the football?\""""
    answers: tuple[str, ...]
    """a word for each that was asked for"""
    confidence: float
    """the machine's own, 0 to 1: the product of its words' probabilities"""
    words_told: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """As ``tapehead ask --json`` prints it."""
        return {**dataclasses.asdict(self), "answers": list(self.answers)}

    def __str__(self) -> str:
        """As ``tapehead ask`` prints it."""
        return (
            f"{self.question}\n"
            f"  network: {', '.join(self.answers)} ({self.confidence:.0%} sure)\n"
            f"  {self.words_told:,} words of the story read, {self.seconds:.2f} s"
        )


def is_story(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a story: its name ends in .txt, and it begins with a sentence and a full stop."""
    path = Path(path)
    if path.suffix.lower() != ".txt" or not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(4096)
    return _SENTENCE.match(start.decode("utf-8-sig", errors="replace")) is not None


def ask_story(
    path: str | os.PathLike[str],
    question: str,
    *,
    model: Machine | str | os.PathLike[str] | None = None,
    words: int | None = None,
) -> StoryAnswer:
    """Ask a machine that was trained on bAbI about a story.

    Args:
        path: a text of sentences, or one story in bAbI's format.
        question: such as "Where is the football?".
        model: a machine, or the name or folder of one; by default the one that ships.
        words: words of the answer, which bAbI tells with each question; None: two for "How do you go …",
            else one.

    Raises:
        InputError: no such file or model, a file that holds no story, or a word that bAbI does not have.
    """
    start = time.perf_counter()
    if words is not None and not 1 <= words <= MAX_WORDS:
        raise InputError(
            f"words is {words}: give a number of words from 1 to {MAX_WORDS}, as bAbI's answers have"
        )
    count = words or (2 if _DIRECTIONS.match(question) else 1)
    asked = [*numbers_in(question.strip().rstrip("?.!")), NUMBERS["?"]]
    if len(asked) == 1:
        raise InputError(f'{question[:40]!r} is no question: ask one such as "Where is the football?"')
    story = _read(Path(path))
    told = _story([*story, *asked, *[NUMBERS[SLOT]] * count])
    machine = model if isinstance(model, Machine) else load_model(model or MODEL)
    if (machine.input_size, machine.output_size) != (len(SYMBOLS), len(SYMBOLS)):
        raise InputError(
            f"{model} was not trained on bAbI: give the folder of a run of `tapehead train {MODEL}`"
        )
    outputs, *_ = run_time_first(machine, collate_stories([told]).inputs)
    # The slot itself is never an answer, nor are full stop and question mark.
    outputs[..., [NUMBERS[symbol] for symbol in (SLOT, ".", "?")]] = -math.inf
    best = outputs[-count:, 0].softmax(1).max(1)
    return StoryAnswer(
        question=as_text(asked),
        answers=tuple(SYMBOLS[number] for number in best.indices.tolist()),
        confidence=float(torch.prod(best.values)),
        words_told=len(story),
        seconds=time.perf_counter() - start,
    )


def _read(path: Path) -> list[int]:
    """The symbols of a story."""
    try:
        with path.open("rb") as file:
            text = decode(read_capped(file, path.name, MAX_BYTES), path.name)
    except OSError as error:
        raise StoryError(f"{path} cannot be opened: {error.strerror or error}") from None
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and all(re.match(r"\s*\d+ \S", line) for line in lines):
        stories = list(parse(text, path.name))
        if len(stories) > 1:
            raise StoryError(f"{path.name} holds {len(stories)} stories: give a file with one of them")
        return stories[0].words.tolist()
    symbols: list[int] = []
    for line in lines:
        symbols += numbers_in(line)
        if symbols and symbols[-1] not in (NUMBERS["."], NUMBERS["?"]):
            symbols.append(NUMBERS["."])
    if not symbols:
        raise StoryError(f"{path.name} is empty: write a sentence in each line")
    return symbols


def _story(symbols: list[int]) -> Story:
    return Story(np.array(symbols, np.int16), np.full(len(symbols), NO_ANSWER, np.int16))
