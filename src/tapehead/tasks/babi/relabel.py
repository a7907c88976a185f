"""Tells a story of task 3 again with other people, places, things and verbs.

The published generator treats them alike, so a story that is told again is one that it could have made.
"""

import functools

import numpy as np

from .reader import Story
from .words import NUMBERS, SYMBOLS

ALIKE = (
    ("daniel", "john", "mary", "sandra"),
    ("bathroom", "bedroom", "garden", "hallway", "kitchen", "office"),
    ("apple", "football", "milk"),
)
VERBS = (
    ("went", "moved", "travelled", "journeyed", "went back"),
    ("got", "took", "grabbed", "picked up"),
    ("dropped", "left", "discarded", "put down"),
)
"""Each is as frequent as the others of its row in the published stories."""

Verb = tuple[int, ...]


@functools.cache
def _verbs() -> dict[Verb, tuple[Verb, ...]]:
    """Each verb, and those of its row, in numbers."""
    rows = [tuple(tuple(NUMBERS[word] for word in verb.split()) for verb in row) for row in VERBS]
    return {verb: row for row in rows for verb in row}


def relabel(story: Story, rng: np.random.Generator) -> Story:
    """A story of task 3 under a random permutation of each kind of name, each verb drawn from its row."""
    new = np.arange(len(SYMBOLS), dtype=np.int16)
    for names in ALIKE:
        numbers = np.array([NUMBERS[name] for name in names])
        new[numbers] = rng.permutation(numbers)
    verbs = _verbs()
    words: list[int] = []
    answers: list[int] = []
    old, due = story.words.tolist(), story.answers.tolist()
    place = 0
    while place < len(old):
        # "went back" is one verb, not "went".
        length = next((n for n in (2, 1) if tuple(old[place : place + n]) in verbs), 0)
        if length:
            row = verbs[tuple(old[place : place + length])]
            verb = row[int(rng.integers(len(row)))]
            words += verb
            answers += [-1] * len(verb)
        else:
            words.append(int(new[old[place]]))
            answers.append(int(new[due[place]]) if due[place] >= 0 else -1)
        place += max(length, 1)
    return Story(np.array(words, np.int16), np.array(answers, np.int16))
