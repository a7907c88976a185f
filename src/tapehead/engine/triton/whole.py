"""Launches the kernels that take a whole sequence: for which machines, with the weights in their order."""

from collections.abc import Sequence
from typing import Any

import torch
import triton
from torch import Tensor

from ..spec import KernelSpec
from . import ntm_sequence
from .controller import Controller
from .launch import Memory

WEIGHT_LIMIT = 1 << 17
"""Weights that a program may read in every step: half a megabyte in float32. Beyond it, reading them anew for
every sequence is estimated to take longer than the launches that one product for the whole batch takes."""
NUMBER_LIMIT = 128 * 32
"""Numbers in a memory, both its sizes rounded up to powers of two: up to here hardly a register spills."""
ROWS, COLUMNS = 16, 128
"""Of a matrix, the block that a program takes at a time."""


def serves(spec: KernelSpec, slots: int) -> bool:
    """Whether one kernel takes all steps: a rule about sizes alone.

    The machine is an NTM, a step reads at most ``WEIGHT_LIMIT`` weights of controller and interface (those
    for x are read once a sequence), and the memory has at most ``NUMBER_LIMIT`` numbers.
    """
    if spec.kind != "ntm":
        return False
    inputs = spec.input_size
    weights = sum(weight.shape[0] * (weight.shape[1] - inputs) for weight, _ in spec.layers)
    weights += spec.interface[0].numel()
    numbers = triton.next_power_of_2(slots) * triton.next_power_of_2(spec.word_size)
    return weights <= WEIGHT_LIMIT and numbers <= NUMBER_LIMIT


class Whole:
    """The steps of a run in one launch a pass, on the buffers of its controller and its memory.

    Args:
        controller, memory: of the run.
        weight: of the interface, [X, L H].
        bias: of the interface, [X].
        dtype: of the machine's parameters, in which a program reads them, though it computes in a wider one.
    """

    def __init__(
        self, controller: Controller, memory: Memory, weight: Tensor, bias: Tensor, dtype: torch.dtype
    ) -> None:
        self.controller, self.memory, self.weight, self.dtype = controller, memory, weight, dtype
        memory.interface.copy_(bias.expand_as(memory.interface))
        slots = memory.slots_of
        self.places = slots.steps, slots.segment, slots.current

    def _packed(self, *, transposed: bool) -> Tensor:
        """The weights of every layer for the words, its own last output and the layer below."""
        parts = [part for _, *parts in self.controller.parts for part in parts]
        return torch.cat([(part.T if transposed else part).flatten() for part in parts]).to(self.dtype)

    def _constants(self) -> dict[str, Any]:
        spec, controller = self.memory.spec, self.controller
        words = spec.num_reads * spec.word_size
        layers = ntm_sequence.Layers(
            LSTM=int(spec.lstm),
            NUMBER=len(controller.layers),
            H=spec.hidden_size,
            G=controller.gates.shape[-1],
            FED=words * spec.feed_reads,
            BOUND=controller.bound,
            BH=triton.next_power_of_2(spec.hidden_size),
            BF=triton.next_power_of_2(words),
            ROWS=ROWS,
            COLUMNS=min(COLUMNS, triton.next_power_of_2(controller.gates.shape[-1])),
        )
        return self.memory.constants() | {"c": layers}

    def _buffers(self, weights: Tensor, interface: Tensor) -> list[Tensor]:
        """What both kernels begin with."""
        controller, memory = self.controller, self.memory
        own = [controller.gates, controller.hidden, controller.cells, controller.features]
        names = ("write_weights", "read_weights")
        kept = [memory.interface, *(memory.buffers[name] for name in names), memory.tape, memory.words]
        return [*own, weights, interface, controller.lengths, *kept, memory.buffers["memory"]]

    def _launch(self, kernel: Any, *arguments: Tensor) -> None:
        kernel[(self.controller.batch,)](*arguments, *self.places, **self._constants())

    def forward(self) -> None:
        """All steps: every buffer of controller and memory is filled."""
        interface = self.weight.T.contiguous().to(self.dtype)
        buffers = self._buffers(self._packed(transposed=True), interface)
        self._launch(ntm_sequence.ntm_sequence_forward, *buffers)

    def backward(
        self,
        of_features: Tensor | None,
        of_words: Tensor | None,
        of_state: dict[str, Tensor],
    ) -> Tensor:
        """The gradients of the final state, in ``of_state`` and in the controller, become those of the first.

        Args:
            of_features: of what the run returned, [T, B, L H]; None is zero.
            of_words: and of the words read, [T, B, R W].
            of_state: by name.

        Returns:
            The gradient of the interface, [T, B, X].
        """
        controller, memory = self.controller, self.memory
        said = torch.zeros_like(controller.features) if of_features is None else of_features.clone()
        read = torch.zeros_like(memory.words[1:]) if of_words is None else of_words.contiguous()
        of_interface = torch.zeros_like(memory.interface)
        buffers = self._buffers(self._packed(transposed=False), self.weight.contiguous().to(self.dtype))
        names: Sequence[str] = ("write_weights", "read_weights", "read_words", "memory")
        of_memory = [of_state[name] for name in names]
        of_controller = [controller.of_gates, controller.of_hidden, controller.of_cells]
        rest = [said.contiguous(), read, of_interface, *of_memory, memory.scratch()]
        self._launch(ntm_sequence.ntm_sequence_backward, *buffers, *of_controller, *rest)
        return of_interface
