"""The channels of a record of the kinship task, in and out alike: one-hot fields, named, in a fixed order."""

import itertools

import numpy as np
import torch
from torch import Tensor

from .facts import MAX_RANKS

BLANK = -1
"""In place of a value, where a field is empty: none of its channels is set."""

NAME_DIGITS = 6
"""Digits of the name of a person or a family, the last of which is a check digit: 100,000 names of each, of
which some 8,000 differ from each other in three digits."""
NUMBER_DIGITS = 5
"""Digits of the number of a frame: some 800 differ from each other in three digits."""

FATHER, MOTHER = MAX_RANKS, MAX_RANKS + 1
"""The slots of a family's partners. Its children have those before, in the order of birth."""
FAMILY_SLOTS = MAX_RANKS + 2
"""What a person can be in a family."""
PERSON_SLOTS = MAX_RANKS + 1
"""What a family can be to a person: 0 the parents' own, from 1 on those in which they are a partner."""

TO_FAMILY = ("U", "u", "u'")
"""Moves from a person to a family: of their parents; to each in which they are a partner; to each but one."""
TO_PERSON = ("p", "f", "m", "s", "c", "c'")
"""Moves from a family to a person: to both parents, the father, the mother, the other partner, each child,
each child but one."""
MOVES = (*TO_FAMILY, *TO_PERSON)
MAX_PAIRS = 5
"""Pairs of moves, to a family and on to a person, in what is left of a walk."""

FLAGS = (
    "last_in_family",  # of the children, or of the parents
    "last_of_person",  # of the families in which the person is a partner
    "has_parents",
    "has_families",
    "has_father",
    "has_mother",
    "has_children",
)
"""What a fact says of the others that were told; see :class:`~.facts.FamilyFact`."""
OPS = ("TELL", "FINDP", "FINDF", "FRAME", "RETURN", "ANSWER", "END")
"""The kinds of records."""


def _number(name: str, digits: int) -> dict[str, int]:
    return {f"{name}{place}": 10 for place in range(digits)}


def _fact(prefix: str) -> dict[str, int]:
    return {
        **_number(f"{prefix}person", NAME_DIGITS),
        **_number(f"{prefix}family", NAME_DIGITS),
        f"{prefix}in_family": FAMILY_SLOTS,
        f"{prefix}of_person": PERSON_SLOTS,
        f"{prefix}sex": 3,
        **{f"{prefix}{flag}": 2 for flag in FLAGS},
    }


def _pairs(prefix: str) -> dict[str, int]:
    pairs = ((f"{prefix}to_family{i}", f"{prefix}to_person{i}") for i in range(MAX_PAIRS))
    # The last value of each: no move.
    sizes = itertools.cycle((len(TO_FAMILY) + 1, len(TO_PERSON) + 1))
    return dict(zip(itertools.chain(*pairs), sizes))


# A trained model has learned this order. A fact that is told and the fact of a frame have channels of their
# own, and so have the plans of a frame and of both searches: each is looked up among its like.
SIZES: dict[str, int] = {
    **_fact(""),
    **_fact("frame_"),
    "frame_kind": 2,
    **_number("frame_number", NUMBER_DIGITS),
    **_number("frame_back", NUMBER_DIGITS),
    "frame_home": 1,
    **_pairs("frame_"),
    "frame_note": FAMILY_SLOTS + PERSON_SLOTS + 1,  # the last: none
    "frame_move": len(MOVES) + 1,  # the last: none
    **_pairs("findp_"),
    "findp_note": PERSON_SLOTS + 1,  # the last: none
    "findp_move": len(TO_FAMILY),
    **_pairs("findf_"),
    "findf_note": FAMILY_SLOTS,
    "findf_move": len(TO_PERSON),
    **_number("find_back", NUMBER_DIGITS),
    "sex_wanted": 3,
    "op": len(OPS),
}
"""The number of channels of each field."""
FIELDS = tuple(SIZES)
PLACE = {name: place for place, name in enumerate(FIELDS)}
"""The place of each field among the values of a record."""
STARTS = np.array([0, *itertools.accumulate(SIZES.values())])
"""The first channel of each field, and after the last the number of channels."""
SIZE = int(STARTS[-1])
"""Channels in, and out."""
CHOICES = tuple((int(start), size) for start, size in zip(STARTS.tolist(), SIZES.values()) if size > 1)
"""(first channel, channels) of each field that is said: all but ``frame_home``, which only the asker sets."""
_WIDTH = max(SIZES.values())
_EVERY = np.minimum(STARTS[:-1, None] + np.arange(_WIDTH), SIZE - 1)
_BEYOND = np.arange(_WIDTH) >= np.array(list(SIZES.values()))[:, None]


def part(first: str, last: str | None = None) -> slice:
    """The places of the fields from one to another, both included."""
    return slice(PLACE[first], PLACE[last or first] + 1)


def encode(values: "list[list[int]] | np.ndarray") -> np.ndarray:
    """Records as channels: values int [n, fields] → float32 [n, SIZE], a one for each that is not BLANK."""
    table = np.asarray(values, np.int64).reshape(-1, len(FIELDS))
    rows = np.zeros((len(table), SIZE), np.float32)
    record, field = np.nonzero(table != BLANK)
    rows[record, STARTS[field] + table[record, field]] = 1
    return rows


def strongest(outputs: Tensor) -> np.ndarray:
    """The most probable value of every field: [n, SIZE] → int64 [n, fields]."""
    return logits_by_field(outputs).argmax(2)


def logits_by_field(outputs: Tensor) -> np.ndarray:
    """[n, SIZE] → float64 [n, fields, values], −inf for values that a field does not have."""
    logits = outputs.detach().to("cpu", torch.float64).numpy()[:, _EVERY]
    logits[:, _BEYOND] = -np.inf
    return logits


def values_of(inputs: Tensor) -> np.ndarray:
    """What :func:`encode` was given: channels [n, SIZE] of zeros and ones → int64 [n, fields]."""
    logits = logits_by_field(inputs)
    return np.where(logits.max(2) > 0, logits.argmax(2), BLANK)
