"""The closed loop of the kinship task: what a machine says is its next input, until it says END."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .channels import BLANK, FIELDS, NUMBER_DIGITS, PLACE, encode, logits_by_field
from .records import (
    ANSWER,
    BACK_PARTS,
    END,
    FACT_PARTS,
    FINDF,
    FINDP,
    FRAME,
    KEYS,
    PLANS,
    RETURN,
    TELL,
    Back,
    Fact,
    Find,
    Frame,
    Pair,
    Record,
    read_record,
)
from .trace import Fed, Told, Walking, steps_from

EXTRA_SLOTS = 4
"""Slots in addition to one for each word written: the tape begins at the second and must not wrap around."""
STEPS_A_FRAME = 4
"""Steps for each frame so far, after which a walk is taken to be lost: a right one has no more than three."""
FIRST_DRAFT, MAX_DRAFT = 128, 512
"""Steps that are run as one sequence: at first, and at most. They are twice as many each time that all were
as expected, and one after a surprise."""

Machine = Callable[..., tuple[Tensor, Any]]
"""Called as ``machine(x, state)`` or ``machine(x, None, memory_size=slots)``: outputs [T, B, channels] and a
state; [B, T, channels] where it has a ``batch_first`` that is true."""


Draft = Callable[[Walking, Fed, int], Iterable[Fed]]
"""Of a walk, what is fed next and the sex wanted: what is fed after that, if all goes on as expected."""


@dataclasses.dataclass(frozen=True)
class Walked:
    """What a machine said on a walk."""

    fed: list[Fed]
    said: list[Fed]
    """in answer to each; what could not be read is left out, and ends the walk"""
    people: list[int]
    """names of those whom it found, in the order in which it said so"""
    answered_at: list[int]
    """of each of them, the step that said so"""
    ended: bool
    """whether it said END"""
    out_of_frames: bool
    """whether it was stopped because all numbers for frames were given"""
    least_sure: float
    """the probability that it gave to its least certain step, among what it could say there"""
    same_unconstrained: bool
    """whether every step would have been the same unconstrained"""


class ToldFacts:
    """A machine that was told facts. Questions start from its state of then, which stays as it is.

    Args:
        machine: a trained one.
        told: the facts.
        numbers: of the frames of a walk, which is stopped when all are given.
    """

    def __init__(self, machine: Machine, told: Told, numbers: Sequence[int]) -> None:
        self.machine, self.told, self.numbers = machine, told, numbers
        self.slots = len(told.facts) + len(numbers) + EXTRA_SLOTS
        self._readers = {constrained: _Reader(told, numbers, constrained) for constrained in (True, False)}
        self.state = self.run(told.facts, None)[1]

    def walk(
        self,
        person: int,
        pairs: tuple[Pair, ...],
        sex: int,
        *,
        constrained: bool = True,
        draft: Draft | None = None,
    ) -> Walked:
        """Let the machine walk.

        Its steps are run as one sequence as long as it says what ``draft`` expects (speculative decoding):
        the answer is the one that it gives step by step, sooner.

        Args:
            person: the name of whom the walk begins with.
            pairs: of moves.
            sex: of those who are meant: 0 male, 1 female, EITHER.
            constrained: look for facts that were told, and return to frames that were fed, taking the most
                probable among those; instead of the most probable digits.
            draft: what to expect. None: the teacher's steps.

        Raises:
            KeyError: no fact about the person was told.
        """
        walking = Walking(self.told, self.numbers)
        draft = draft or teacher_draft
        reader = self._readers[constrained]
        state, size = self.state, FIRST_DRAFT
        seen: set[Fed] = set()
        fed: list[Fed] = [walking.start(person, pairs, sex)]
        readings: list[_Reading] = []
        following: Fed | None = fed[0]
        while following is not None and len(fed) <= STEPS_A_FRAME * len(walking.frames):
            drafted = [following, *itertools.islice(draft(walking, following, sex), size - 1)]
            outputs, after = self.run(drafted, state)
            logits = log_probabilities(outputs)
            taken = 0
            for expected in [*drafted[1:], None]:
                readings.append(reader.read(logits[taken], fed[-1], len(walking.frames)))
                following = _following(readings[-1].record, walking, seen, sex)
                taken += 1
                if following is None:
                    break
                fed.append(following)
                if following != expected:
                    break
            whole = taken == len(drafted)
            if following is not None:
                state = after if whole else self.run(drafted[:taken], state)[1]
            size = min(2 * size, MAX_DRAFT) if whole else 1
        return _walked(walking, fed[: len(readings)], readings)

    @torch.no_grad()
    def run(self, records: Sequence[Record], state: Any, **options: Any) -> tuple[Any, ...]:
        """Feed records: outputs [n, channels], the state after them, and what else the machine returns."""
        sequence = 0 if getattr(self.machine, "batch_first", False) else 1
        x = torch.from_numpy(encode([record.values for record in records])).unsqueeze(sequence)
        if state is None and getattr(self.machine, "has_memory", True):
            options["memory_size"] = self.slots
        outputs, *others = self.machine(x, state, **options)
        return outputs.squeeze(sequence), *others


def teacher_draft(walking: Walking, fed: Fed, sex: int) -> Iterator[Fed]:
    """What the teacher would feed from here on."""
    return (other for other, _ in itertools.islice(steps_from(walking.copy(), fed, sex), 1, None))


def no_draft(walking: Walking, fed: Fed, sex: int) -> Sequence[Fed]:
    """Nothing is expected: every step is run by itself."""
    return ()


def log_probabilities(outputs: Tensor) -> np.ndarray:
    """The logarithms of the probabilities of every value of every field, float64 [n, fields, values]."""
    logits = logits_by_field(outputs)
    logits -= logits.max(2, keepdims=True)
    with np.errstate(divide="ignore"):
        return logits - np.log(np.exp(logits).sum(2, keepdims=True))


def _following(said: Fed | None, walking: Walking, seen: set[Fed], sex: int) -> Fed | None:
    """What is fed after a record that was said; None at the end of the walk, or where it goes in a circle.

    A right walk finds no fact twice with the same plan and the same frame to go back to.
    """
    if said is None or said == Back(END) or (isinstance(said, Frame) and said in seen):
        return None
    seen.add(said)
    return walking.feed(said, sex)


def _walked(walking: Walking, fed: list[Fed], readings: "list[_Reading]") -> Walked:
    said = [reading.record for reading in readings if reading.record is not None]
    answered_at = [
        step
        for step, record in enumerate(said)
        if isinstance(record, Back) and record.op == ANSWER and record.number in walking.frames
    ]
    return Walked(
        fed=fed,
        said=said,
        people=walking.answers(said),
        answered_at=answered_at,
        ended=bool(said) and said[-1] == Back(END),
        out_of_frames=(
            len(walking.frames) == len(walking.numbers)
            and isinstance(said[-1], Frame)
            and said[-1] not in said[:-1]
        ),
        least_sure=float(np.exp(min(reading.log_probability for reading in readings))),
        same_unconstrained=all(reading.same_unconstrained for reading in readings),
    )


def _form(op: int) -> np.ndarray:
    """The fields of a kind of record that is said, bool [fields]."""
    form = np.zeros(len(FIELDS), bool)
    form[-1] = True
    plan = [PLANS[op].place] if op in PLANS else []
    for part in [*plan, *KEYS.get(op, ()), *(parts[op] for parts in (FACT_PARTS, BACK_PARTS) if op in parts)]:
        form[part] = True
    form[PLACE["frame_kind"]] = op == FRAME
    return form


_FORMS = {op: _form(op) for op in (FINDP, FINDF, FRAME, RETURN, ANSWER, END)}
_ENDS = (RETURN, ANSWER)
_CAN_FOLLOW = {
    **dict.fromkeys((FINDP, FINDF), (FRAME,)),
    FRAME: (FINDP, FINDF, *_ENDS),
    **dict.fromkeys(_ENDS, (FINDP, FINDF, RETURN, END)),
}
"""Of every kind that is fed, those that can be said."""


class _Reading(NamedTuple):
    record: Fed | None
    """None: no record that can follow"""
    log_probability: float
    same_unconstrained: bool


class _Table:
    """What is chosen from: the values of some fields in each of several rows, int [rows, fields]."""

    def __init__(self, fields: Sequence[int], rows: np.ndarray) -> None:
        self.fields, self.rows = list(fields), rows

    def best(self, logits: np.ndarray, count: int | None = None) -> tuple[np.ndarray, float]:
        """The most probable of the first ``count`` rows, and the log of its probability among them."""
        rows = self.rows[:count]
        scores = np.zeros(len(rows))
        for column, field in enumerate(self.fields):
            scores += logits[field][rows[:, column]]
        best = int(scores.argmax())
        return rows[best], float(-np.log(np.exp(scores - scores[best]).sum()))


class _Reader:
    """Reads what a machine said as a record.

    Args:
        told: the facts.
        numbers: of the frames.
        constrained: see :meth:`ToldFacts.walk`.
    """

    def __init__(self, told: Told, numbers: Sequence[int], constrained: bool) -> None:
        self.constrained = constrained
        facts = np.array([fact.values for fact in told.facts]).reshape(-1, len(FIELDS))
        self._tables: dict[int, _Table] = {FRAME: _table([FACT_PARTS[FRAME]], facts[:, FACT_PARTS[TELL]])}
        for op, parts in KEYS.items():
            self._tables[op] = _table(parts, np.hstack([facts[:, part] for part in parts]))
        powers = 10 ** np.arange(NUMBER_DIGITS)[::-1]
        digits = np.array(numbers)[:, None] // powers % 10
        self._backs = {op: _table([part], digits) for op, part in BACK_PARTS.items()}

    def read(self, logits: np.ndarray, fed: Fed, frames: int) -> _Reading:
        """The record said to ``fed``.

        Args:
            logits: log-probabilities of the values of every field, [fields, values].
            fed: what it said this to.
            frames: fed so far.
        """
        values = logits.argmax(1)
        op = int(values[-1])
        if op not in _CAN_FOLLOW[fed.op]:
            return _Reading(None, float("-inf"), True)
        form = _FORMS[op]
        values[~form] = BLANK
        if not self.constrained:
            total = float(logits[form, values[form]].sum())
            return _Reading(_record(values), total, True)
        chosen, free, total = values.copy(), form.copy(), 0.0
        for table, count in self._choices(op, frames):
            chosen[table.fields], log = table.best(logits, count)
            free[table.fields] = False
            total += log
        total += float(logits[free, chosen[free]].sum())
        return _Reading(_record(chosen), total, bool((chosen == values).all()))

    def _choices(self, op: int, frames: int) -> list[tuple[_Table, int | None]]:
        facts: list[tuple[_Table, int | None]] = [(self._tables[op], None)] if op in self._tables else []
        return facts + ([(self._backs[op], frames)] if op in self._backs else [])


def _table(parts: Sequence[slice], rows: np.ndarray) -> _Table:
    return _Table([place for part in parts for place in range(part.start, part.stop)], rows)


def _record(values: np.ndarray) -> Fed:
    record = read_record(values.tolist())
    assert not isinstance(record, Fact), "no TELL can follow"
    return record


def facts_met(walked: Walked, index_of: Mapping[tuple[int, int, int], int]) -> list[int]:
    """Of each step, the index of the fact that it finds, keeps or returns to; BLANK for none.

    Args:
        walked: what was fed and said.
        index_of: (person, family, slot in the family) as told → index.
    """
    frames = {record.number: record for record in walked.fed if isinstance(record, Frame)}
    met = []
    for fed, said in itertools.zip_longest(walked.fed, walked.said):
        record = frames.get(fed.number) if isinstance(fed, Back) else said if isinstance(fed, Find) else fed
        met.append(index_of.get(record.fact[:3], BLANK) if isinstance(record, Frame) else BLANK)
    return met
