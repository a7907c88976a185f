"""Machines that follow a script in place of a trained kinship model: perfect ones, and ones that err."""

import copy
from typing import Any

import torch
from torch import Tensor

from tapehead import Trace
from tapehead.tasks.kinship.channels import PLACE, SIZE, STARTS, encode, values_of
from tapehead.tasks.kinship.records import (
    END,
    FINDF,
    FINDP,
    FRAME,
    RETURN,
    Back,
    Fact,
    Find,
    Frame,
    read_record,
)
from tapehead.tasks.kinship.trace import Fed, come_back, descend
from tests.knowledge.scripted import SURE, Scripted


class Kin:
    """Walks by the teacher's rules, from nothing but the records that it is fed."""

    sure = SURE

    def __init__(self) -> None:
        self.time = 0
        self.facts: dict[tuple[bool, int, int], tuple[Fact, int]] = {}
        self.frames: dict[int, tuple[Frame, int]] = {}

    def step(self, row: Tensor) -> tuple[Tensor, int]:
        """Outputs, and the slot that was read."""
        fed = read_record(values_of(row.unsqueeze(0))[0].tolist())
        slot = self.time
        self.time += 1
        if isinstance(fed, Fact):
            self.facts[True, fed.person, fed.of_person] = fed, slot
            self.facts[False, fed.family, fed.in_family] = fed, slot
            return torch.zeros(SIZE), -1
        said, read = self.next(fed, slot)
        return self.output(said), read

    def output(self, said: Fed) -> Tensor:
        """The logits that say it."""
        return self.sure * torch.from_numpy(encode([said.values])[0])

    def next(self, fed: Fed, slot: int) -> tuple[Fed, int]:
        """What follows, and the slot that was read for it."""
        if isinstance(fed, Frame):
            self.frames[fed.number] = fed, slot
            return descend(fed), -1
        if isinstance(fed, Find) and (fed.by_person, fed.name, fed.slot) in self.facts:
            fact, read = self.facts[fed.by_person, fed.name, fed.slot]
            return Frame(fact, int(fed.by_person), fed.plan, fed.back), read
        if isinstance(fed, Back) and fed.number in self.frames:
            frame, read = self.frames[fed.number]
            return come_back(frame), read
        return Back(END), -1  # It is lost, having said what is not so.


class EndsAtOnce(Kin):
    """Goes home at once, and ends there."""

    def next(self, fed: Fed, slot: int) -> tuple[Fed, int]:
        said, read = super().next(fed, slot)
        return (Back(RETURN, fed.number), read) if isinstance(fed, Frame) else (said, read)


class NeverEnds(Kin):
    """Begins anew where it should end: goes home again, for ever."""

    def next(self, fed: Fed, slot: int) -> tuple[Fed, int]:
        said, read = super().next(fed, slot)
        return (Back(RETURN, fed.number), read) if said == Back(END) else (said, read)  # type: ignore[union-attr]


class LooksUpWrongly(Kin):
    """Finds the fact that was told first, whatever it looks for."""

    def next(self, fed: Fed, slot: int) -> tuple[Fed, int]:
        said, read = super().next(fed, slot)
        if isinstance(said, Frame):
            fact, read = next(iter(self.facts.values()))
            said = Frame(fact, said.kind, said.plan, said.back)
        return said, read


class Slips(Kin):
    """Says a digit of every name and number wrong, the right one being its second choice."""

    def output(self, said: Fed) -> Tensor:
        slips = {FINDP: "person1", FINDF: "family1", FRAME: "frame_person1"}
        return _slip(super().output(said), slips.get(said.op, "frame_number1"))


class Unsure(Kin):
    """Is right, and not so sure of it."""

    sure = 4.0


def _slip(output: Tensor, field: str) -> Tensor:
    start = int(STARTS[PLACE[field]])
    digit = output[start : start + 10]
    digit.copy_(digit / 2 + digit.roll(1))
    return output


class _KinMachine(Scripted):
    """A state is kept for the next question, so each call goes on from a copy of it. Its batch is one."""

    state_type = tuple  # type: ignore[assignment]

    def forward(self, x: Tensor, state: Any = None, **options: Any) -> Any:  # type: ignore[override]
        traced = options.pop("return_trace", False)
        scripts = copy.deepcopy(state)
        first = scripts[0].time if scripts else 0
        if options.get("memory_size"):
            self.slots = options["memory_size"]
        outputs, scripts = super().forward(x, scripts, **options)
        if not traced:
            return outputs, scripts
        told = copy.deepcopy(state) or (self.script(),)
        reads = [told[0].step(row)[1] for row in x[:, 0]]
        return outputs, scripts, _trace(reads, first, self.slots)


def _trace(read_slots: list[int], first: int, N: int) -> Trace:
    """Of a batch of one: step t writes slot first + t, and reads the slot it says; −1: none."""
    T = len(read_slots)
    write = torch.zeros(T, 1, 1, N)
    reads = torch.zeros(T, 1, 1, N)
    for t, slot in enumerate(read_slots):
        if first + t < N:
            write[t, 0, 0, first + t] = 1
        if 0 <= slot < N:
            reads[t, 0, 0, slot] = 0.9
    fields = dict.fromkeys(Trace._fields, torch.zeros(T, 1, 1)) | {"write_weights": write}
    sizes = {"memory": torch.zeros(T, 1, N, 2), "read_words": torch.zeros(T, 1, 1, 2), "read_weights": reads}
    return Trace(**fields | sizes)


def kin(script: type[Kin] = Kin) -> Scripted:
    """A machine for questions of kinship."""
    machine = _KinMachine(script, SIZE, SIZE)
    machine.backend = "reference"  # it has no weights for a kernel to run
    return machine
