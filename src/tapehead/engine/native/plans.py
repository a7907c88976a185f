"""What calls of one machine and shape share: the kernel's sizes, its buffers, the checks of their tensors."""

import ctypes
import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..spec import CallSizes, KernelConfig, KernelSpec, flatten_state
from . import loader, workspace
from .build import EngineError

MIN_ROWS_PER_THREAD = 8
"""Minimum of steps times sequences for each thread: a smaller share takes less time than waking a thread."""
_ALIGNED = 16
"""Each buffer of a block begins at a multiple of so many numbers: a vector's."""


def checked_tensors(spec: KernelSpec, x: Tensor, state: Any) -> tuple[list[Tensor], list[Tensor]]:
    """The weights, and the tensors of a state that is given, in the kernel's order."""
    weights = weights_of(spec)
    start = [] if state is None else flatten_state(spec, x, state)
    for tensor in [*weights, *start]:
        if tensor.dtype != x.dtype or tensor.device != x.device:
            raise ValueError(
                f"x is {x.dtype} on {x.device}, but the state or a weight is {tensor.dtype} "
                f"on {tensor.device}: convert one to the other"
            )
    return weights, start


def weights_of(spec: KernelSpec) -> list[Tensor]:
    """A machine's parameters in the kernel's order."""
    controller = [tensor for layer in spec.layers for tensor in layer]
    return [*controller, *spec.interface, *spec.interface_norm, *spec.outputs]


def numbers_of(spec: KernelSpec) -> tuple[float, ...]:
    """A machine's numbers that are no sizes, in the kernel's order."""
    return (
        spec.mask_min,
        spec.clip_controller_gradient or 0.0,
        spec.clip_weighting_gradient or 0.0,
        spec.initial_memory,
    )


class Plan:
    """What calls of one machine, shape and dtype share: sizes for C++, and the buffers it needs.

    Raises:
        EngineError: sizes that the kernel refuses.
    """

    def __init__(
        self,
        x_shape: Sequence[int],
        dtype: torch.dtype,
        config: KernelConfig,
        numbers: Sequence[float],
        threads: int,
        keep_tape: bool,
    ) -> None:
        steps, batch_size, input_size = x_shape
        self.scalar = "float64" if dtype == torch.float64 else "float32"
        self.dtype = dtype
        self.threads = threads
        call = CallSizes(
            steps=steps,
            batch_size=batch_size,
            input_size=input_size,
            threads=threads,
            keep_tape=int(keep_tape),
        )
        sizes = (*call, *config)
        self.sizes = (ctypes.c_int64 * len(sizes))(*sizes)
        self.numbers = (ctypes.c_double * len(numbers))(*numbers)
        out = (ctypes.c_int64 * 4)()
        loader.call_library(f"layout_{self.scalar}", self.sizes, out)
        # In numbers, not in bytes.
        self.tape, self.forward_scratch, self.backward_scratch, interface_size = out
        if interface_size != config.interface_size:
            raise EngineError(
                f"interface.weight has {config.interface_size} rows, but {interface_size} are needed: "
                "one for each number of the interface vector"
            )
        self.output_shapes = config.output_shapes(steps, batch_size, keep_tape=keep_tape)
        # Numbers in each buffer that a forward pass needs and nobody after it, in the order of C++.
        self.rooms = [self.forward_scratch]
        names: list[str | None] = ["outputs", "features", "words", *config.state_shapes(batch_size)]
        if not keep_tape:
            self.rooms.insert(0, self.tape)
            if config.output_size:  # of features and words, too, nothing is left then
                self.rooms += [math.prod(shape) for shape in self.output_shapes[1:3]]
                names[1:3] = [None, None]
        self._returned = [
            (shape, name in config.zeroed)
            for name, shape in zip(names, self.output_shapes)
            if name is not None
        ]
        *self.offsets, self.size = _offsets(self.rooms, dtype)
        self.names, self.shapes = _named_shapes(config, batch_size, input_size)

    def new_outputs(self, x: Tensor) -> list[Tensor]:
        """What a forward pass fills and the caller gets: outputs, features, words, the final state's tensors.

        Without a tape, there are no features and words where there are outputs.
        """
        return [
            workspace.zeros(shape, x.dtype) if zeroed else x.new_empty(shape)
            for shape, zeroed in self._returned
        ]

    def check(self, x: Tensor, lengths: Tensor | None, tensors: Sequence[Tensor]) -> None:
        """Refuse weights and a state that C++, which sees addresses alone, would read beyond their ends.

        Args:
            tensors: every weight, and every tensor of the given state, in the kernel's order.

        Raises:
            EngineError: a tensor of another shape or dtype than the sizes say; the message names it.
        """
        if [tensor.shape for tensor in tensors] != self.shapes:
            raise EngineError(self._wrong_shape(tensors))
        if lengths is not None and (lengths.shape != x.shape[1:2] or lengths.dtype != torch.int64):
            raise EngineError(
                f"lengths is {lengths.dtype} of shape {list(lengths.shape)}, but it has to be torch.int64 of "
                f"shape {list(x.shape[1:2])}"
            )
        for tensor in tensors:
            if tensor.dtype != self.dtype:
                raise EngineError(
                    f"a weight or a state is {tensor.dtype}, but x is {self.dtype}: convert one to the other"
                )

    def check_one(self, name: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
        """The same for one tensor that is no weight and no state."""
        if tensor.shape != shape or tensor.dtype != self.dtype:
            raise EngineError(
                f"{name} is {tensor.dtype} of shape {list(tensor.shape)}, but {self.dtype} of shape "
                f"{list(shape)} is needed here"
            )

    def _wrong_shape(self, tensors: Sequence[Tensor]) -> str:
        for name, shape, tensor in zip(self.names, self.shapes, tensors):
            if tensor.shape != shape:
                return f"{name} has shape {list(tensor.shape)}, but {list(shape)} is needed here"
        return f"there are {len(tensors)} weights and states, but {len(self.shapes)} are needed here"

    def run(
        self,
        name: str,
        before: Sequence[Tensor | None],
        rooms: Sequence[int],
        after: Sequence[Tensor | None],
        *further: Any,
    ) -> None:
        """Call C++ with tensors, buffers of so many numbers, tensors, and what is further; None is null."""
        *offsets, size = _offsets(rooms, self.dtype)
        block = workspace.borrow(size)
        try:
            starts = [block.address + offset for offset in offsets]
            pointers = loader.addresses([*before, *starts, *after])
            loader.call_library(f"{name}_{self.scalar}", self.sizes, self.numbers, pointers, *further)
        finally:
            workspace.give_back(block)


def _offsets(rooms: Sequence[int], dtype: torch.dtype) -> list[int]:
    """In bytes: where in a block the buffers of so many numbers begin, and the block's size."""
    ends = itertools.accumulate((-(-room // _ALIGNED) * _ALIGNED for room in rooms), initial=0)
    return [end * dtype.itemsize for end in ends]


def _named_shapes(
    config: KernelConfig, batch_size: int, input_size: int
) -> tuple[list[str], list[torch.Size]]:
    """Names and shapes of what C++ gets: every weight, then every tensor of a given state."""
    shapes: dict[str, tuple[int, ...]] = config.weight_shapes(input_size)
    if config.given_state:
        shapes |= config.state_shapes(batch_size)
    return list(shapes), [torch.Size(shape) for shape in shapes.values()]


@functools.lru_cache(maxsize=1024)
def _plan(
    x_shape: tuple[int, ...],
    dtype: torch.dtype,
    config: tuple[int, ...],
    numbers: tuple[float, ...],
    threads: int,
    keep_tape: bool,
) -> Plan:
    return Plan(x_shape, dtype, KernelConfig(*config), numbers, threads, keep_tape)


def plan_for(x: Tensor, config: Sequence[int], numbers: Sequence[float], *, keep_tape: bool = True) -> Plan:
    # A second thread would be waited for longer than it takes to do its share.
    threads = min(torch.get_num_threads(), max(1, x.shape[0] * x.shape[1] // MIN_ROWS_PER_THREAD))
    return _plan(tuple(x.shape), x.dtype, tuple(config), tuple(numbers), threads, keep_tape)
