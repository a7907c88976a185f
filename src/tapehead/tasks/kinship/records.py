"""The records of the kinship task: what a machine is told, fed, and says."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from .channels import (
    BLANK,
    FAMILY_SLOTS,
    FATHER,
    FIELDS,
    FLAGS,
    MAX_PAIRS,
    MOVES,
    NAME_DIGITS,
    NUMBER_DIGITS,
    OPS,
    PERSON_SLOTS,
    PLACE,
    TO_FAMILY,
    TO_PERSON,
    part,
)

TELL, FINDP, FINDF, FRAME, RETURN, ANSWER, END = range(len(OPS))
AT_PERSON, AT_FAMILY = 0, 1
"""Where a frame stands: it reached its fact's person, or its fact's family."""
EITHER = 2
"""The sex wanted, where both are."""


class Pair(NamedTuple):
    """Two moves of a walk, from a person to a family and on to a person."""

    to_family: int
    """a place in TO_FAMILY; BLANK where that move is done"""
    to_person: int
    """a place in TO_PERSON"""

    @classmethod
    def of(cls, to_family: str, to_person: str) -> "Pair":
        """A pair by the names of its moves."""
        return cls(TO_FAMILY.index(to_family), TO_PERSON.index(to_person))

    def __str__(self) -> str:
        return ("" if self.to_family == BLANK else TO_FAMILY[self.to_family]) + TO_PERSON[self.to_person]


class Plan(NamedTuple):
    """What is left of a walk, and what it has to know of where it came from."""

    pairs: tuple[Pair, ...]
    note: int = BLANK
    """the slot that the walk came from, which "but one" leaves out: of a family, or FAMILY_SLOTS more than
    one of a person; BLANK at the beginning"""
    move: int = BLANK
    """the place in MOVES of the move that leads there; BLANK at the beginning"""

    def __str__(self) -> str:
        pairs = " ".join(map(str, self.pairs)) or "–"
        note = "" if self.note == BLANK else f" from {slot_name(self.note)}"
        return f"[{pairs}{note}{'' if self.move == BLANK else f' by {MOVES[self.move]}'}]"


class Fact(NamedTuple):
    """What is told of one person's place in one family. Of where a walk begins all is BLANK but the person
    and two flags."""

    person: int
    """name"""
    family: int = BLANK
    """name"""
    in_family: int = BLANK
    """slot of the person in the family: a child's rank − 1, FATHER or MOTHER"""
    of_person: int = BLANK
    """slot of the family for the person"""
    sex: int = BLANK
    """0 male, 1 female, 2 unknown"""
    flags: tuple[int, ...] = (BLANK,) * len(FLAGS)
    """0 or 1, in the order of FLAGS"""

    @property
    def op(self) -> int:
        """TELL."""
        return TELL

    @property
    def values(self) -> list[int]:
        """The values of its fields, int [len(FIELDS)]."""
        return _record(TELL, (_FACT, self.fields))

    @property
    def fields(self) -> list[int]:
        """The values of the fact alone."""
        person, family = _digits(self.person, NAME_DIGITS), _digits(self.family, NAME_DIGITS)
        return [*person, *family, self.in_family, self.of_person, self.sex, *self.flags]

    @classmethod
    def read(cls, fields: Sequence[int]) -> "Fact":
        """From what ``fields`` gave."""
        person, family = fields[:NAME_DIGITS], fields[NAME_DIGITS : 2 * NAME_DIGITS]
        in_family, of_person, sex, *flags = fields[2 * NAME_DIGITS :]
        return cls(_whole(person), _whole(family), in_family, of_person, sex, tuple(flags))

    def __str__(self) -> str:
        if self.family == BLANK:
            return f"{self.person}"
        return f"{self.person} {slot_name(self.in_family)} of {self.family}"


@dataclasses.dataclass(frozen=True)
class Frame:
    """FRAME: a fact that a walk has found, and what is left to do there. What is fed is kept in memory."""

    fact: Fact
    kind: int
    """AT_PERSON or AT_FAMILY"""
    plan: Plan
    back: int = BLANK
    """the number of the frame to go back to; BLANK where the walk began"""
    number: int = BLANK
    """given by the asker; BLANK in what is said"""
    sex_wanted: int = BLANK
    """0 male, 1 female, EITHER; given by the asker"""
    home: int = BLANK
    """0 where the walk begins, else BLANK"""

    @property
    def op(self) -> int:
        """FRAME."""
        return FRAME

    @property
    def values(self) -> list[int]:
        """The values of its fields."""
        return _record(
            FRAME,
            (_FRAME_FACT, self.fact.fields),
            (_FRAME_KIND, [self.kind]),
            (_FRAME_NUMBER, _digits(self.number, NUMBER_DIGITS)),
            (_FRAME_BACK, _digits(self.back, NUMBER_DIGITS)),
            (_FRAME_HOME, [self.home]),
            (PLANS[FRAME].place, PLANS[FRAME].values(self.plan)),
            (_SEX_WANTED, [self.sex_wanted]),
        )

    @property
    def said(self) -> "Frame":
        """As a machine says it: without what the asker gives."""
        return dataclasses.replace(self, number=BLANK, sex_wanted=BLANK, home=BLANK)

    def __str__(self) -> str:
        at = "at family of" if self.kind == AT_FAMILY else "at"
        number = "" if self.number == BLANK else f" {self.number}"
        back = "home" if self.back == BLANK else f"back to {self.back}"
        return f"FRAME{number} {at} {self.fact} {self.plan} {back}"


@dataclasses.dataclass(frozen=True)
class Find:
    """FINDP or FINDF: a fact to look up, by a person and what the family is to them, or by a family and what
    the person is in it."""

    by_person: bool
    name: int
    slot: int
    plan: Plan
    back: int

    @property
    def op(self) -> int:
        """FINDP or FINDF."""
        return FINDP if self.by_person else FINDF

    @property
    def values(self) -> list[int]:
        """The values of its fields."""
        name, slot = KEYS[self.op]
        return _record(
            self.op,
            (name, _digits(self.name, NAME_DIGITS)),
            (slot, [self.slot]),
            (PLANS[self.op].place, PLANS[self.op].values(self.plan)),
            (_FIND_BACK, _digits(self.back, NUMBER_DIGITS)),
        )

    def __str__(self) -> str:
        slot = slot_name(self.slot + FAMILY_SLOTS * self.by_person)
        what = f"{slot} family" if self.by_person else slot
        return f"{OPS[self.op]} {what} of {self.name} {self.plan} back to {self.back}"


class Back(NamedTuple):
    """RETURN to a frame, ANSWER (a frame's person is one, and return to it), or END."""

    op: int
    number: int = BLANK

    @property
    def values(self) -> list[int]:
        """The values of its fields."""
        return _record(self.op, (_FRAME_NUMBER, _digits(self.number, NUMBER_DIGITS)))

    def __str__(self) -> str:
        return OPS[self.op] + ("" if self.number == BLANK else f" {self.number}")


Record = Fact | Frame | Find | Back

_FACT = part("person0", FLAGS[-1])
_FRAME_FACT = part("frame_person0", f"frame_{FLAGS[-1]}")
_FRAME_KIND, _FRAME_HOME, _SEX_WANTED = part("frame_kind"), part("frame_home"), part("sex_wanted")
_FRAME_NUMBER = part("frame_number0", f"frame_number{NUMBER_DIGITS - 1}")
_FRAME_BACK = part("frame_back0", f"frame_back{NUMBER_DIGITS - 1}")
_FIND_BACK = part("find_back0", f"find_back{NUMBER_DIGITS - 1}")
KEYS = {
    FINDP: (part("person0", f"person{NAME_DIGITS - 1}"), part("of_person")),
    FINDF: (part("family0", f"family{NAME_DIGITS - 1}"), part("in_family")),
}
"""Of both kinds of search, the places of the name and of the slot."""
FACT_PARTS = {TELL: _FACT, FRAME: _FRAME_FACT}
"""Where the fact of a record stands."""
BACK_PARTS = {FINDP: _FIND_BACK, FINDF: _FIND_BACK, FRAME: _FRAME_BACK, RETURN: _FRAME_NUMBER}
BACK_PARTS[ANSWER] = _FRAME_NUMBER
"""Where the number of an earlier frame stands."""


class _PlanCode(NamedTuple):
    """How the plan of a kind of record stands in its fields: what does not fit is left blank."""

    place: slice
    first_note: int
    """the note with the value 0"""
    notes: int
    no_note: int
    """the value for none, or BLANK if there always is a note"""
    first_move: int
    moves: int
    no_move: int

    def values(self, plan: Plan) -> list[int]:
        """The values of the fields of a plan."""
        pairs = [*plan.pairs, *[Pair(BLANK, BLANK)] * (MAX_PAIRS - len(plan.pairs))]
        values = [v for up, down in pairs for v in (_or(up, len(TO_FAMILY)), _or(down, len(TO_PERSON)))]
        values.append(self._value(plan.note, self.first_note, self.notes, self.no_note))
        return [*values, self._value(plan.move, self.first_move, self.moves, self.no_move)]

    @staticmethod
    def _value(given: int, first: int, count: int, none: int) -> int:
        if given == BLANK:
            return none
        return given - first if first <= given < first + count else BLANK

    def read(self, values: Sequence[int]) -> Plan:
        """The plan with these values."""
        *moves, note, move = values
        pairs = []
        for up, down in zip(moves[::2], moves[1::2]):
            if down in (BLANK, len(TO_PERSON)):
                break
            pairs.append(Pair(BLANK if up == len(TO_FAMILY) else up, down))
        return Plan(
            tuple(pairs),
            BLANK if note in (BLANK, self.no_note) else self.first_note + note,
            BLANK if move in (BLANK, self.no_move) else self.first_move + move,
        )


def _or(value: int, otherwise: int) -> int:
    return otherwise if value == BLANK else value


PLANS = {
    FRAME: _PlanCode(
        place=part("frame_to_family0", "frame_move"),
        first_note=0,
        notes=FAMILY_SLOTS + PERSON_SLOTS,
        no_note=FAMILY_SLOTS + PERSON_SLOTS,
        first_move=0,
        moves=len(MOVES),
        no_move=len(MOVES),
    ),
    FINDP: _PlanCode(
        place=part("findp_to_family0", "findp_move"),
        first_note=FAMILY_SLOTS,
        notes=PERSON_SLOTS,
        no_note=PERSON_SLOTS,
        first_move=0,
        moves=len(TO_FAMILY),
        no_move=BLANK,
    ),
    FINDF: _PlanCode(
        place=part("findf_to_family0", "findf_move"),
        first_note=0,
        notes=FAMILY_SLOTS,
        no_note=BLANK,
        first_move=len(TO_FAMILY),
        moves=len(TO_PERSON),
        no_move=BLANK,
    ),
}
"""How the plan of a record stands in its fields."""


def slot_name(note: int) -> str:
    """A slot in words: of a family, or FAMILY_SLOTS more than one of a person."""
    if note >= FAMILY_SLOTS:
        return f"no. {note - FAMILY_SLOTS}" if note > FAMILY_SLOTS else "the parents'"
    return f"child {note + 1}" if note < FATHER else "father" if note == FATHER else "mother"


def read_record(values: Sequence[int]) -> Record:
    """The record with these values; those that its kind does not have are left out of it."""
    values = list(values)
    op = values[PLACE["op"]]
    if op == TELL:
        return Fact.read(values[_FACT])
    if op in KEYS:
        name, slot = (values[place] for place in KEYS[op])
        plan = PLANS[op].read(values[PLANS[op].place])
        return Find(op == FINDP, _whole(name), slot[0], plan, _whole(values[_FIND_BACK]))
    if op == FRAME:
        (kind,), (home,), (sex,) = (values[p] for p in (_FRAME_KIND, _FRAME_HOME, _SEX_WANTED))
        return Frame(
            fact=Fact.read(values[_FRAME_FACT]),
            kind=kind,
            plan=PLANS[FRAME].read(values[PLANS[FRAME].place]),
            back=_whole(values[_FRAME_BACK]),
            number=_whole(values[_FRAME_NUMBER]),
            sex_wanted=sex,
            home=home,
        )
    return Back(op, BLANK if op == END else _whole(values[_FRAME_NUMBER]))


def _record(op: int, *parts: tuple[slice, Sequence[int]]) -> list[int]:
    values = [BLANK] * len(FIELDS)
    for place, given in parts:
        values[place] = given
    values[-1] = op
    return values


def _digits(number: int, digits: int) -> list[int]:
    if number == BLANK:
        return [BLANK] * digits
    return [number // 10 ** (digits - 1 - place) % 10 for place in range(digits)]


def _whole(digits: Sequence[int]) -> int:
    if BLANK in digits:
        return BLANK
    number = 0
    for digit in digits:
        number = 10 * number + digit
    return number
