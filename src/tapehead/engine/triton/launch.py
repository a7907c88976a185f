"""Launches the kernels of a machine's memory: sizes, buffers, and which step reads and writes which slot."""

import math
from typing import Any, NamedTuple

import torch
import triton
from torch import Tensor

from ..spec import KernelSpec
from . import dnc, dnc_backward, ntm

ROWS = 16
"""Rows of the links that a program takes at a time: with more, the backward kernel spills registers."""
WARP_NUMBERS = 512
"""Numbers of a block for each warp of a program: sixteen a thread."""


class Slots(NamedTuple):
    """Where memory and links of each step stand.

    Those at the start of every segment are kept, and there is room for one segment, in which the backward
    pass does the writes again.
    """

    steps: int
    segment: int
    """steps of a segment"""
    keep: bool
    """whether a backward pass is to come"""

    @classmethod
    def of(cls, steps: int, keep: bool) -> "Slots":
        return cls(steps, math.isqrt(steps - 1) + 1 if keep else steps, keep)

    @property
    def current(self) -> int:
        """The slot of the state after the last step that ran, and of the final state."""
        return -(-self.steps // self.segment)

    @property
    def number(self) -> int:
        return self.current + (self.segment if self.keep else 1)

    def read(self, t: int) -> int:
        """Which slot step t reads when the sequence runs forward."""
        return t // self.segment if t % self.segment == 0 else self.current

    def written(self, t: int) -> int:
        """Which slot it writes."""
        last = t + 1 == self.steps
        return self.current if last or (t + 1) % self.segment else (t + 1) // self.segment

    def again(self, t: int) -> int:
        """Which slot holds the state before step t once the writes of its segment were done again."""
        place = t % self.segment
        return self.current + place if place else t // self.segment


class Memory:
    """The memory of a run: its buffers, and a method for each kernel.

    Args:
        spec: of the machine, "ntm" or "dnc".
        start: the state to start from by name.
        interface: [T, B, X], of which the run fills one step after another.
        lengths: steps of each sequence, [B].
        keep: whether a backward pass is to come.
    """

    def __init__(
        self, spec: KernelSpec, start: dict[str, Tensor], interface: Tensor, lengths: Tensor, keep: bool
    ) -> None:
        self.spec, self.interface, self.lengths = spec, interface, lengths
        self.steps, self.batch, _ = interface.shape
        self.slots_of = Slots.of(self.steps, keep)
        self.size = start["memory"].shape[1]
        self.linked = spec.kind == "dnc" and spec.temporal_links
        self.buffers: dict[str, Tensor] = {
            name: self._over_steps(start[name])
            for name in ("usage", "precedence", "write_weights", "read_weights", "read_words")
            if name in start
        }
        self.buffers |= {name: self._over_slots(start[name]) for name in ("memory", "link") if name in start}
        heads = spec.num_reads + spec.num_writes
        rows = 3 * heads if spec.kind == "ntm" else 2 + spec.num_reads * (3 if self.linked else 1)
        self.tape = interface.new_empty(self.steps, self.batch, rows, self.size)

    def _over_steps(self, first: Tensor) -> Tensor:
        buffer = first.new_empty(self.steps + 1, *first.shape)
        buffer[0].copy_(first)
        return buffer

    def _over_slots(self, first: Tensor) -> Tensor:
        buffer = first.new_empty(self.slots_of.number, *first.shape)
        buffer[0].copy_(first)
        return buffer

    @property
    def words(self) -> Tensor:
        """[T + 1, B, R, W]: before the first step, and after every one."""
        return self.buffers["read_words"]

    def final(self) -> dict[str, Tensor]:
        """The state after the last step, in tensors of its own."""
        current = self.slots_of.current
        return {
            name: buffer[current if name in ("memory", "link") else self.steps].clone()
            for name, buffer in self.buffers.items()
        }

    def _sizes(self) -> dict[str, Any]:
        spec = self.spec
        sizes: dict[str, Any] = {
            "N": self.size,
            "W": spec.word_size,
            "READS": spec.num_reads,
            "BN": triton.next_power_of_2(self.size),
            "BW": triton.next_power_of_2(spec.word_size),
        }
        sizes["num_warps"] = min(16, max(4, sizes["BN"] * max(sizes["BW"], 2 * ROWS) // WARP_NUMBERS))
        if spec.kind == "ntm":
            shifts = 2 * spec.max_shift + 1
            return sizes | {"WRITES": spec.num_writes, "S": shifts, "GATED": int(spec.write_gate)}
        sizes |= {"BL": min(ROWS, sizes["BN"]), "LINKS": int(self.linked)}
        return sizes | {"DEALLOCATE": int(spec.deallocation)}

    def _addressing(self) -> dict[str, Any]:
        """What the kernels that address the memory know beside :meth:`_sizes`."""
        spec = self.spec
        if spec.kind == "dnc":
            return {
                "MASK_MIN": float(spec.mask_min),
                "MASKED": int(spec.masked_lookup),
                "SHARPEN": int(spec.link_sharpening),
            }
        return {
            "BS": triton.next_power_of_2(2 * spec.max_shift + 1),
            "TINY": torch.finfo(self.interface.dtype).tiny,
            "READ_FIRST": int(spec.read_first),
        }

    def _named(self, *names: str) -> list[Tensor]:
        """Buffers; the interface stands in for what a machine has not, and no kernel looks at it there."""
        return [self.buffers.get(name, self.interface) for name in names]

    def forward(self, t: int) -> None:
        """Step t: from its interface vector and the state before it to the state after it."""
        places = t, self.slots_of.read(t), self.slots_of.written(t)
        named = {**self._sizes(), **self._addressing()}
        if self.spec.kind == "ntm":
            weightings = self._named("write_weights", "read_weights")
            rest = self._named("read_words", "memory")
            ntm.ntm_forward[(self.batch,)](
                self.interface, self.lengths, *weightings, self.tape, *rest, *places, **named
            )
            return
        weightings = self._named("usage", "precedence", "write_weights", "read_weights")
        rest = self._named("read_words", "memory", "link")
        dnc.dnc_forward[(self.batch,)](
            self.interface, self.lengths, *weightings, self.tape, *rest, *places, **named
        )

    def write_again(self, segment: int) -> None:
        """Do the writes of a segment again, but for the last."""
        first = segment * self.slots_of.segment
        last = min(first + self.slots_of.segment, self.steps) - 1
        for t in range(first, last):
            places = t, self.slots_of.again(t), self.slots_of.again(t + 1)
            if self.spec.kind == "ntm":
                tensors = self._named("write_weights", "memory")
                ntm.ntm_write_again[(self.batch,)](
                    self.interface, self.lengths, *tensors, *places, **self._sizes()
                )
            else:
                tensors = self._named("precedence", "write_weights", "read_weights", "memory", "link")
                X = self.interface.shape[-1]
                dnc.dnc_write_again[(self.batch,)](
                    self.interface, self.lengths, *tensors, *places, X=X, **self._sizes()
                )

    def backward(self, t: int, of_interface: Tensor, of_state: dict[str, Tensor], scratch: Tensor) -> None:
        """The gradients of the state after step t become those before it, all but that of the words read."""
        places = t, self.slots_of.again(t)
        named = {**self._sizes(), **self._addressing(), "BOUND": self.spec.clip_weighting_gradient or 0.0}
        names = ["write_weights", "read_weights", "read_words", "memory"]
        if self.spec.kind == "ntm":
            weightings = self._named("write_weights", "read_weights")
            given = [self.interface, self.lengths, *weightings, self.tape, *self._named("memory")]
            asked = [of_interface, *(of_state[name] for name in names)]
            ntm.ntm_backward[(self.batch,)](*given, *asked, scratch, *places, **named)
            return
        weightings = self._named("usage", "precedence", "write_weights", "read_weights")
        given = [self.interface, self.lengths, *weightings, self.tape, *self._named("memory", "link")]
        names = ["usage", "precedence", *names, "link"]
        asked = [of_interface, *(of_state.get(name, of_interface) for name in names)]
        dnc_backward.dnc_backward[(self.batch,)](
            *given, *asked, scratch, *places, USAGE_GRADIENT=int(self.spec.usage_gradient), **named
        )

    def scratch(self) -> Tensor:
        """What the backward kernel needs beside the gradients."""
        rows = 1 if self.spec.kind == "ntm" else 3 * self.spec.num_reads + 1
        return self.interface.new_empty(self.batch, rows, self.size)
