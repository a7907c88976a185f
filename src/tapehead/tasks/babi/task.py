"""The bAbI task."""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ..base import Batch, Channels, Task, check_whole
from ..registry import register
from ..sampler import numpy_rng
from .folder import NAMES, read_corpus
from .pool import pool_of
from .reader import MAX_STEPS, NO_ANSWER, Story
from .words import NUMBERS, SLOT, SYMBOLS, as_text

DASH = NUMBERS[SLOT]
CHANNELS = Channels(SYMBOLS, SYMBOLS)


@register
@dataclasses.dataclass(frozen=True)
class Babi(Task):
    """Read a story word by word, and say a word in each answer slot after a question (20 tasks in one).

    The protocol of the DNC paper (Methods, "bAbI task"): a story is one sequence, a word is one of 159
    symbols, one-hot; after a question mark there are as many "-" as the answer has words, and only the
    outputs there count, a softmax over the 159. The stories are read from files, which do not come with
    tapehead::

        mary went to the park. where is mary? -
                                              park
    """

    name: ClassVar[str] = "babi"
    sizes: ClassVar[tuple[str, ...]] = ("steps",)

    data: str = "tasks_1-20_v1-2/en-10k"
    """the folder with bAbI's files, or the one above it"""
    steps: int = MAX_STEPS
    """stories with more steps are left out; none of the published ones is"""
    tasks: tuple[int, ...] = ()
    """of the 20, those to draw from; the stories of one that stands there n times are drawn n times as often;
    none: all 20, each story as often as any other"""
    refresh: float = 0.0
    """training: probability of each other step to have its own input as a target too, so that the memory is
    kept fresh (Park et al. 2021)"""
    held_out: bool = False
    """draw the stories that are held back from training, a tenth of each task's"""

    def __post_init__(self) -> None:
        check_whole("steps", self.steps, minimum=1)
        numbers = self.tasks if isinstance(self.tasks, tuple) else [None]
        if not all(type(task) is int and task in NAMES for task in numbers):
            raise ValueError(f"tasks is {self.tasks!r}: give numbers from 1 to {len(NAMES)}.")
        if not 0 <= self.refresh < 1:
            raise ValueError(
                f"refresh must be a probability from 0 up to, not including, 1, got {self.refresh}."
            )

    @property
    def channels(self) -> Channels:
        """The 159 symbols."""
        return CHANNELS

    @property
    def notes(self) -> tuple[str, ...]:
        """What the folder lacks or has other than published, a sentence each.

        Raises:
            StoryError: no such folder, or a damaged file.
        """
        return read_corpus(self.data).notes

    def for_validation(self) -> "Babi":
        """The same, of the stories that are held back."""
        return dataclasses.replace(self, held_out=True, refresh=0.0)

    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        """Draw stories from the one set of all tasks, in groups of like length; see ``Task.sample``.

        Raises:
            StoryError: no such folder, or a damaged file.
        """
        check_whole("batch_size", batch_size, minimum=1)
        rng = numpy_rng(generator)
        pool = pool_of(self.data, held_out=self.held_out, max_steps=self.steps, tasks=self.tasks)
        batch = collate_stories(pool.draw(batch_size, rng))
        if self.refresh:
            batch = _refreshed(batch, self.refresh, rng)
        return batch.to(generator.device)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy of each story in nats, summed over its answer slots, [B]."""
        return _nats(outputs, batch, answer_slots(batch))

    def objective(self, outputs: Tensor, batch: Batch) -> Tensor:
        """The loss, and with ``refresh`` that of the words to say again; in nats, [B]."""
        return _nats(outputs, batch, batch.mask)

    @torch.no_grad()
    def num_errors(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Number of wrong words in the answers of each story; int64, [B]."""
        wrong = outputs.argmax(2) != batch.targets.argmax(2)
        return (wrong & answer_slots(batch)).sum(0)

    def describe(self, batch: Batch, outputs: Tensor | None = None, index: int = 0) -> str:
        """A story as text: its sentences, and behind each question the answer and the network's."""
        story = batch.episode(index)
        steps = int(story.lengths)
        caption, said = f"{self.name}: {steps} steps", None
        if outputs is not None:
            answer = outputs[:steps, [index]].detach()
            wrong, bits = int(self.num_errors(answer, story)), float(self.bits(answer, story))
            caption += f"; {wrong} words wrong, {bits:.2f} bits to code"
            said = answer[:, 0].argmax(1).tolist()
        words = story.inputs[:, 0].argmax(1).tolist()
        due = story.targets[:, 0].argmax(1).tolist()
        return "\n".join([caption, *_lines(words, due, said)])


def answer_slots(batch: Batch) -> Tensor:
    """The steps of a batch whose input is an answer slot, [T, B]."""
    return batch.mask & (batch.inputs[..., DASH] > 0.5)


def collate_stories(stories: Sequence[Story]) -> Batch:
    """The batch of these stories, on the CPU."""
    size, lengths = len(stories), [len(story.words) for story in stories]
    inputs = np.zeros((max(lengths), size, len(SYMBOLS)), np.float32)
    targets = np.zeros_like(inputs)
    mask = np.zeros((max(lengths), size), bool)
    for b, (words, answers) in enumerate(stories):
        inputs[np.arange(len(words)), b, words] = 1
        (slots,) = np.nonzero(answers != NO_ANSWER)
        targets[slots, b, answers[slots]] = 1
        mask[slots, b] = True
    x, y, counts = (torch.from_numpy(array) for array in (inputs, targets, mask))
    return Batch(x, y, counts, torch.tensor(lengths))


def _refreshed(batch: Batch, probability: float, rng: np.random.Generator) -> Batch:
    """The batch with some steps more that count, whose targets are their inputs."""
    chosen = torch.from_numpy(rng.random(batch.mask.shape) < probability)
    chosen &= ~batch.mask & (batch.inputs.sum(2) > 0)
    targets = torch.where(chosen.unsqueeze(2), batch.inputs, batch.targets)
    return batch._replace(targets=targets, mask=batch.mask | chosen)


def _nats(outputs: Tensor, batch: Batch, counts: Tensor) -> Tensor:
    """Cross-entropy of the symbols at the steps that count, summed over each sequence, [B]."""
    logits = outputs[counts]
    logits = logits if logits.dtype == torch.float64 else logits.float()
    nats = -(logits.log_softmax(1) * batch.targets[counts].to(logits.dtype)).sum(1)
    sequence = torch.nonzero(counts)[:, 1]
    return logits.new_zeros(counts.shape[1]).index_add(0, sequence, nats)


def _lines(words: list[int], due: list[int], said: list[int] | None) -> list[str]:
    """A line for each sentence; with the answers, and what was said where that is another word."""
    lines: list[str] = []
    start, ends = 0, (NUMBERS["."], NUMBERS["?"])
    while start < len(words):
        end = next((place for place in range(start, len(words)) if words[place] in ends), len(words) - 1) + 1
        slots = end
        while slots < len(words) and words[slots] == DASH:
            slots += 1
        line = as_text(words[start:end])
        if slots > end:
            line += f" {as_text(due[end:slots])}"
            if said is not None:
                line += f" (said: {as_text(said[end:slots])})"
        lines.append(line)
        start = slots
    return lines


__all__ = ["Babi", "answer_slots", "collate_stories"]
