import hashlib

import numpy as np
import pytest
import torch

from tapehead.tasks.kinship.channels import BLANK, CHOICES, FIELDS, SIZE, SIZES, encode, strongest, values_of
from tapehead.tasks.kinship.records import (
    ANSWER,
    AT_FAMILY,
    AT_PERSON,
    END,
    RETURN,
    Back,
    Fact,
    Find,
    Frame,
    Pair,
    Plan,
    Record,
    read_record,
)
from tapehead.tasks.kinship.relations import RELATIONS
from tapehead.tasks.kinship.task import Kinship

FACT = Fact(19003, 407, in_family=23, of_person=0, sex=2, flags=(1, 0, 1, 0, 1, 0, 1))
PAIRS = (Pair.of("U", "c'"), Pair.of("u'", "c"), Pair.of("u", "s"), Pair.of("U", "p"), Pair.of("u", "c"))
DONE = (PAIRS[0]._replace(to_family=BLANK), *PAIRS[1:])
RECORDS: list[Record] = [
    FACT,
    FACT._replace(person=0, family=99999, in_family=25, of_person=24),
    Frame(Fact(19003, flags=(-1, -1, 0, 1, -1, -1, -1)), AT_PERSON, Plan(PAIRS), BLANK, 17, 2, home=0),
    Frame(FACT, AT_FAMILY, Plan(DONE, 26 + 24, 1), 9999, 0, 1),
    Frame(FACT, AT_FAMILY, Plan(DONE[:1], BLANK, 0), 31),
    Frame(FACT, AT_PERSON, Plan((), 25, 8), 31),
    Find(True, 500, 24, Plan(DONE, BLANK, 0), 12),
    Find(True, 500, 0, Plan(DONE[:2], 26, 2), 12),
    Find(False, 500, 25, Plan(PAIRS[1:], 3, 3), 12),
    Find(False, 500, 0, Plan((), 25, 8), 12),
    Back(RETURN, 7),
    Back(ANSWER, 9876),
    Back(END),
]


def test_the_layout_is_fixed() -> None:
    """A trained model has learned these channels: they must never move."""
    names = [(r.name, r.walks, r.sex) for r in RELATIONS]
    digest = hashlib.sha256(repr((list(SIZES.items()), names)).encode()).hexdigest()
    assert digest == "4b2a83e095e98143af757eaa06cf25bac25ea95fdd864e997fac1d25eb0cfd3e"


@pytest.mark.parametrize("record", RECORDS, ids=str)
def test_records_come_back(record: Record) -> None:
    channels = torch.from_numpy(encode([record.values]))
    assert channels.shape == (1, SIZE)
    assert set(channels.unique().tolist()) == {0.0, 1.0}
    assert read_record(values_of(channels)[0].tolist()) == record
    # As logits: what is not blank is the strongest.
    said = strongest(channels)[0]
    filled = np.array(record.values) != BLANK
    assert said[filled].tolist() == [value for value in record.values if value != BLANK]


def test_every_field_that_is_said_is_a_choice() -> None:
    assert sum(size for _, size in CHOICES) == SIZE - 1 == Kinship().output_size - 1
    assert len(CHOICES) == len(FIELDS) - 1


def test_what_does_not_fit_a_record_is_left_blank() -> None:
    """A note of a person's families is none of a search by family."""
    odd = Find(False, 500, 0, Plan((), 26, 3), 12)
    assert read_record(odd.values) == Find(False, 500, 0, Plan((), BLANK, 3), 12)


def test_slots_do_not_hold_other_values() -> None:
    assert [len(record.values) for record in RECORDS] == [len(FIELDS)] * len(RECORDS)
    for record in RECORDS:
        for value, size in zip(record.values, SIZES.values()):
            assert BLANK <= value < size
