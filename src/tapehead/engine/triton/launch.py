"""Launches the kernels of a machine's memory: sizes, buffers, and which step reads and writes which slot."""

import math
from typing import Any, NamedTuple

import torch
import triton
from torch import Tensor

from ..spec import KernelSpec
from . import dnc, dnc_backward, ntm, ntm_backward

ROWS = 16
"""Rows of the links that a program takes at a time."""
FORWARD_REGISTERS = 128
"""That a thread of a DNC's forward kernel may have: with them, two programs of 8 warps fit on a
multiprocessor. Left to itself, ptxas takes 80 for sm_90, so that three fit, and spills."""
ALIGNED = 4
"""Numbers that a thread loads at once. The rows of a memory are a multiple of it: a thread then holds four
neighbours in each of its slots, else one number in each of four times as many slots, for which it needs four
times as many numbers of every weighting, and registers spill."""
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
        row = -(-spec.word_size // ALIGNED) * ALIGNED
        self.buffers["memory"] = self._over_slots(start["memory"], row)
        if "link" in start:
            self.buffers["link"] = self._over_slots(start["link"], start["link"].shape[-1])
        heads = spec.num_reads + spec.num_writes
        rows = 3 * heads if spec.kind == "ntm" else 2 + spec.num_reads * (3 if self.linked else 1)
        dnc_too = [] if spec.kind == "ntm" else ["usage", "precedence"]
        self._weightings = [*dnc_too, "write_weights", "read_weights"]
        self._links = [] if spec.kind == "ntm" else ["link"]
        self.tape = interface.new_empty(self.steps, self.batch, rows, self.size)

    def _over_steps(self, first: Tensor) -> Tensor:
        buffer = first.new_empty(self.steps + 1, *first.shape)
        buffer[0].copy_(first)
        return buffer

    def _over_slots(self, first: Tensor, row: int) -> Tensor:
        """Room for every slot, with zeros in the first behind the rows of the tensor there."""
        buffer = first.new_empty(self.slots_of.number, *first.shape[:-1], row)
        buffer[0, ..., : first.shape[-1]].copy_(first)
        buffer[0, ..., first.shape[-1] :].zero_()
        return buffer

    @property
    def words(self) -> Tensor:
        """[T + 1, B, R, W]: before the first step, and after every one."""
        return self.buffers["read_words"]

    def final(self) -> dict[str, Tensor]:
        """The state after the last step, in tensors of its own."""
        current = self.slots_of.current
        return {
            name: self.cut(name, buffer[current if name in ("memory", "link") else self.steps]).clone(
                memory_format=torch.contiguous_format
            )
            for name, buffer in self.buffers.items()
        }

    def gradient(self, name: str, given: Tensor | None) -> Tensor:
        """Of a state's tensor, in one of its own that the kernels may write into; None is zero."""
        buffer = self.buffers[name]
        gradient = buffer.new_zeros(buffer.shape[1:])
        if given is not None:
            gradient[..., : given.shape[-1]].copy_(given)
        return gradient

    def cut(self, name: str, tensor: Tensor) -> Tensor:
        """A view of a state's tensor, or of its gradient, without what the kernels have behind its rows."""
        return tensor[..., : self.spec.word_size] if name == "memory" else tensor

    def constants(self) -> dict[str, Any]:
        """What the kernels know when they are compiled: ``s``, their sizes and switches; and the warps."""
        sizes = self._ntm_sizes() if self.spec.kind == "ntm" else self._dnc_sizes()
        warps = sizes.BN * max(sizes.BW, 2 * ROWS) // WARP_NUMBERS
        return {"s": sizes, "num_warps": min(16, max(4, warps))}

    def _ntm_sizes(self) -> ntm.Sizes:
        spec, shifts = self.spec, 2 * self.spec.max_shift + 1
        read = spec.word_size + shifts + 3
        write = 3 * spec.word_size + shifts + 3 + spec.write_gate
        return ntm.Sizes(
            N=self.size,
            W=spec.word_size,
            ROW=self.buffers["memory"].shape[-1],
            READS=spec.num_reads,
            WRITES=spec.num_writes,
            S=shifts,
            READ=read,
            WRITE=write,
            X=spec.num_reads * read + spec.num_writes * write,
            BN=triton.next_power_of_2(self.size),
            BW=triton.next_power_of_2(spec.word_size),
            BS=triton.next_power_of_2(shifts),
            GATED=int(spec.write_gate),
            READ_FIRST=int(spec.read_first),
            TINY=torch.finfo(self.interface.dtype).tiny,
            BOUND=spec.clip_weighting_gradient or 0.0,
        )

    def _dnc_sizes(self) -> dnc.Sizes:
        spec, words, linked = self.spec, self.spec.num_reads * self.spec.word_size, int(self.linked)
        key = words + spec.num_reads
        erase = key + spec.word_size + 1
        free = erase + 2 * spec.word_size
        modes = free + spec.num_reads + 2
        masks = modes + 3 * spec.num_reads * linked
        forward = masks + (words + spec.word_size) * spec.masked_lookup
        block = triton.next_power_of_2(self.size)
        return dnc.Sizes(
            N=self.size,
            W=spec.word_size,
            ROW=self.buffers["memory"].shape[-1],
            READS=spec.num_reads,
            BN=block,
            BW=triton.next_power_of_2(spec.word_size),
            BL=min(ROWS, block),
            LINKS=linked,
            MASKED=int(spec.masked_lookup),
            MASK_MIN=spec.mask_min,
            DEALLOCATE=int(spec.deallocation),
            SHARPEN=int(spec.link_sharpening),
            USAGE_GRADIENT=int(spec.usage_gradient),
            BOUND=spec.clip_weighting_gradient or 0.0,
            STRENGTHS=words,
            KEY=key,
            ERASE=erase,
            FREE=free,
            MODES=modes,
            MASKS=masks,
            FORWARD=forward,
            X=forward + 2 * spec.num_reads * spec.link_sharpening,
            ROWS=self.tape.shape[2],
        )

    def _named(self, *names: str) -> list[Tensor]:
        """Buffers; the interface stands in for what a machine has not, and no kernel looks at it there."""
        return [self.buffers.get(name, self.interface) for name in names]

    def _launch(self, kernels: tuple[Any, Any], *arguments: Any, **options: int) -> None:
        """The NTM's kernel, or the DNC's."""
        kernels[self.spec.kind == "dnc"][(self.batch,)](*arguments, **self.constants(), **options)

    def forward(self, t: int) -> None:
        """Step t: from its interface vector and the state before it to the state after it."""
        weightings = self._named(*self._weightings)
        rest = self._named("read_words", "memory", *self._links)
        places = t, self.slots_of.read(t), self.slots_of.written(t)
        kernels = ntm.ntm_forward, dnc.dnc_forward
        options = {"maxnreg": FORWARD_REGISTERS} if self.spec.kind == "dnc" else {}
        self._launch(kernels, self.interface, self.lengths, *weightings, self.tape, *rest, *places, **options)

    def write_again(self, segment: int) -> None:
        """Do the writes of a segment again, but for the last."""
        first = segment * self.slots_of.segment
        last = min(first + self.slots_of.segment, self.steps) - 1
        names = (
            ["write_weights"] if self.spec.kind == "ntm" else ["precedence", "write_weights", "read_weights"]
        )
        tensors = self._named(*names, "memory", *self._links)
        for t in range(first, last):
            places = t, self.slots_of.again(t), self.slots_of.again(t + 1)
            kernels = ntm.ntm_write_again, dnc.dnc_write_again
            self._launch(kernels, self.interface, self.lengths, *tensors, *places)

    def backward(self, t: int, of_interface: Tensor, of_state: dict[str, Tensor], scratch: Tensor) -> None:
        """The gradients of the state after step t become those before it, all but that of the words read."""
        given = [self.interface, self.lengths, *self._named(*self._weightings), self.tape]
        given += self._named("memory", *self._links)
        names = (*self._weightings, "read_words", "memory", *self._links)
        asked = [of_interface, *(of_state.get(name, of_interface) for name in names)]
        kernels = ntm_backward.ntm_backward, dnc_backward.dnc_backward
        self._launch(kernels, *given, *asked, scratch, t, self.slots_of.again(t))

    def scratch(self) -> Tensor:
        """What the backward kernel needs beside the gradients."""
        rows = 1 if self.spec.kind == "ntm" else 3 * self.spec.num_reads + 1
        return self.interface.new_empty(self.batch, rows, self.size)
