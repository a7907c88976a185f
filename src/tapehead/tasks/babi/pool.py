"""The one set of stories that training draws from, and the stories that are held back."""

import functools
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .folder import PARTLY_THERE, PUBLISHED, read_corpus
from .reader import Story, StoryError
from .relabel import relabel

HELD_OUT = 0.1
"""The fraction of each task's training stories that validation draws from (DNC Methods, "bAbI")."""
GROUP = 8
"""Stories of like length in a batch; each group is drawn apart from the others."""
BUCKET = 256
"""Stories to draw a group from, neighbours in length: among so many hardly any two are the same."""


class Entry(NamedTuple):
    """A story of the pool."""

    story: Story
    task: int
    """1 … 20"""
    stand_in: bool
    """whether it is told again, in other words, each time it is drawn"""


class Pool:
    """Stories in buckets of like length.

    A batch is drawn in groups, each from one bucket: the stories of a group are run together without
    padding, and each batch has stories of several lengths, that is of several tasks.

    Args:
        entries: the stories.
        bucketed: False: one bucket for all, so that the stories of a batch are independent.
        weights: of each task, how often one of its stories is drawn; None: every story as often as any other.
    """

    def __init__(
        self, entries: list[Entry], *, bucketed: bool, weights: Mapping[int, int] | None = None
    ) -> None:
        self.entries = entries
        lengths = np.array([len(entry.story.words) for entry in entries])
        # In any order among those of one length, so that a bucket does not hold one task alone.
        shuffled = np.random.default_rng(0).permutation(len(entries))
        order = shuffled[np.argsort(lengths[shuffled], kind="stable")]
        count = max(1, len(entries) // BUCKET) if bucketed else 1
        self._buckets: list[NDArray[np.intp]] = np.array_split(order, count)
        weight = np.array([1.0 if weights is None else float(weights[entry.task]) for entry in entries])
        self._shares = np.array([weight[bucket].sum() for bucket in self._buckets]) / weight.sum()
        self._within = [weight[bucket] / weight[bucket].sum() for bucket in self._buckets]

    def draw(self, count: int, rng: np.random.Generator) -> list[Story]:
        """Draw ``count`` stories in groups of like length."""
        stories: list[Story] = []
        while len(stories) < count:
            number = int(rng.choice(len(self._buckets), p=self._shares))
            size = min(GROUP, count - len(stories))
            for index in rng.choice(self._buckets[number], size, p=self._within[number]):
                entry = self.entries[index]
                stories.append(relabel(entry.story, rng) if entry.stand_in else entry.story)
        return stories


@functools.lru_cache(maxsize=8)
def pool_of(folder: str, *, held_out: bool, max_steps: int, tasks: tuple[int, ...] = ()) -> Pool:
    """The stories of a folder that are trained on, or those that are held back.

    Args:
        folder: as for ``read_corpus``.
        held_out: those that are held back; always the same ones.
        max_steps: leave longer stories out.
        tasks: leave other tasks out, and draw the stories of a task that stands there n times n times as
            often; none: all tasks.

    Raises:
        StoryError: no such folder, a damaged file, or no story of at most ``max_steps``.
    """
    corpus = read_corpus(folder)
    entries: list[Entry] = []
    weights = Counter(tasks or list(corpus.train))
    for task, stories in corpus.train.items():
        if task not in weights:
            continue
        stand_in = corpus.stand_ins and task == PARTLY_THERE
        # A seed for each task: a file more or less leaves the others' parts as they are.
        order = np.random.default_rng(task).permutation(len(stories))
        kept = max(1, round(HELD_OUT * len(stories)))
        chosen = order[:kept] if held_out else order[kept:]
        if stand_in and not held_out:
            # As often as if all of the file were there; the validation hears real stories only.
            chosen = np.resize(chosen, round((1 - HELD_OUT) * PUBLISHED))
        entries += [Entry(stories[index], task, stand_in and not held_out) for index in chosen]
    entries = [entry for entry in entries if len(entry.story.words) <= max_steps]
    if not entries:
        which = f" of the tasks {', '.join(map(str, weights))}" if tasks else ""
        raise StoryError(
            f"{folder} has no story to train on of at most {max_steps:,} steps{which}: give more steps"
            + (" or other tasks" if tasks else "")
        )
    return Pool(entries, bucketed=not held_out, weights=weights)
