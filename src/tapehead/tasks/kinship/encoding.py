"""Facts, frames and questions as channels.

The inputs of a step are a fact, a frame's bookkeeping, the question and the phase; the outputs are the next
frame. People, families and frames have numbers of three decimal digits, each digit one-hot, drawn anew for
each episode.
"""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from .facts import CHILD, MAX_RANKS, FamilyFact
from .relations import RELATIONS
from .walk import Frame

DIGITS = 3
NUM_NAMES = 10**DIGITS
"""How many numbers there are for people, for families and for frames."""
NUM_LEVELS = 7
NUM_KINDS = 5
NUM_WALKS = 2


@dataclasses.dataclass(frozen=True)
class Field:
    """Adjacent channels that encode one value: one of ``size`` values, one-hot, or (size 1) a bit."""

    start: int
    size: int

    @property
    def stop(self) -> int:
        """The channel after the last."""
        return self.start + self.size


def _layout(**sizes: int) -> tuple[dict[str, Field], int]:
    starts = list(itertools.accumulate(sizes.values(), initial=0))
    return {name: Field(start, size) for start, (name, size) in zip(starts, sizes.items())}, starts[-1]


def _number(name: str) -> dict[str, int]:
    return {f"{name}{digit}": 10 for digit in range(DIGITS)}


FACT = {
    **_number("person"),
    **_number("family"),
    "place": 3,  # child, father or husband, mother or wife
    "sex": 3,
    "rank": MAX_RANKS,
    "last": 1,
    "has_parents": 1,
    "has_families": 1,
    "has_father": 1,
    "has_mother": 1,
    "has_children": 1,
}
FRAME = {
    "kind": NUM_KINDS,
    "level": NUM_LEVELS,
    **_number("back"),
    "home": 1,  # there is no frame to go back to
    "note": MAX_RANKS + 1,
    "walk": NUM_WALKS,
    "returned": 1,
}
OUTPUTS, OUTPUT_SIZE = _layout(**FACT, **FRAME, is_answer=1, end=1)
INPUTS, INPUT_SIZE = _layout(
    **FACT,
    **FRAME,
    **_number("number"),
    **_number("asked"),
    relation=len(RELATIONS),
    asked_has_parents=1,
    asked_has_families=1,
    telling=1,
    answering=1,
)
FACT_SIZE = sum(FACT.values())
"""The number of channels of a fact: the first channels of inputs and outputs."""
SHARED = FACT_SIZE + sum(FRAME.values())
"""The number of channels that inputs and outputs share, so that an output can be fed back as it is."""


def digits(field: str, number: int, layout: dict[str, Field]) -> list[int]:
    """The channels that are 1 for ``number``, hundreds first."""
    return [
        layout[f"{field}{place}"].start + number // 10 ** (DIGITS - 1 - place) % 10 for place in range(DIGITS)
    ]


def fact_channels(fact: FamilyFact, person_name: int, family_name: int) -> list[int]:
    """The channels that are 1 for a fact, the same in inputs and outputs."""
    channels = digits("person", person_name, OUTPUTS) + digits("family", family_name, OUTPUTS)
    place = 0 if fact.role == CHILD else 1 + fact.slot
    channels.append(OUTPUTS["place"].start + place)
    channels.append(OUTPUTS["sex"].start + fact.sex)
    channels.append(OUTPUTS["rank"].start + fact.rank - 1)
    for sign in ("last", "has_parents", "has_families", "has_father", "has_mother", "has_children"):
        if getattr(fact, sign):
            channels.append(OUTPUTS[sign].start)
    return channels


def frame_channels(frame: Frame, numbers: Sequence[int]) -> list[int]:
    """The channels that are 1 for a frame, without its fact; the number of frame k is ``numbers[k]``."""
    channels = [
        OUTPUTS["kind"].start + frame.kind - 1,
        OUTPUTS["level"].start + frame.level,
        OUTPUTS["note"].start + frame.note,
        OUTPUTS["walk"].start + frame.walk,
    ]
    if frame.back:
        channels += digits("back", numbers[frame.back], OUTPUTS)
    else:
        channels.append(OUTPUTS["home"].start)
    if frame.returned:
        channels.append(OUTPUTS["returned"].start)
    return channels


def question_channels(person_name: int, relation: int, has_parents: bool, has_families: bool) -> list[int]:
    """The channels that are 1 in every step of an answer."""
    channels = [*digits("asked", person_name, INPUTS), INPUTS["relation"].start + relation]
    channels.append(INPUTS["answering"].start)
    if has_parents:
        channels.append(INPUTS["asked_has_parents"].start)
    if has_families:
        channels.append(INPUTS["asked_has_families"].start)
    return channels


CHOICES = tuple(field for field in OUTPUTS.values() if field.size > 1)
"""Output fields with several values: a softmax each."""
BITS = tuple(field.start for field in OUTPUTS.values() if field.size == 1)
"""Output channels that are single bits: a logistic each."""


def decode_number(field: str, channels: np.ndarray, layout: dict[str, Field] = OUTPUTS) -> int:
    """The number of ``field`` in a vector of this layout: each digit is its channel of the largest value."""
    number = 0
    for place in range(DIGITS):
        digit = layout[f"{field}{place}"]
        number = 10 * number + int(channels[digit.start : digit.stop].argmax())
    return number
