"""A run that goes on from call to call in the native engine, without a copy of its memory in between."""

import ctypes
import threading
import weakref
from typing import Any

from torch import Tensor

from ..decoding import Choice
from ..spec import KernelConfig, KernelSpec, unflatten_state
from . import ops, workspace
from .build import EngineError

_OPENED_STEPS = 2
"""Steps that the buffers are sized for: the one that runs and the one before it."""


class Resident:
    """Where a run is: memory, weightings and controller lie in buffers that nobody else has.

    One thread at a time. A forked child has a copy of it, as of all else.

    Args:
        spec: a machine with an output layer of the kernel's.
        like: an input of one step, [1, B, input_size].
        state: the batched state to start from, which is copied; None for the constant start state of ``spec``.

    Raises:
        EngineError: sizes or a state that do not fit.
    """

    def __init__(self, spec: KernelSpec, like: Tensor, state: Any) -> None:
        config, numbers = KernelConfig.of(spec, state), ops.numbers_of(spec)
        x = like.new_zeros(1, 1, 1).expand(_OPENED_STEPS, *like.shape[1:])  # sizes alone
        weights, start = ops.checked_tensors(spec, x, state)
        start = [tensor.contiguous() for tensor in start]
        self._plan = plan = ops.plan_for(x, config, numbers, keep_tape=False)
        plan.check(x, None, [*weights, *start])
        self._spec, self._config, self._numbers = spec, config, numbers
        self._batch_size, self._lock = like.shape[1], threading.Lock()
        self._shapes = list(config.state_shapes(self._batch_size).items())
        zeroed = config.in_place
        self._own = {name: workspace.zeros(shape, like.dtype) for name, shape in self._shapes if name in zeroed}
        self._tape = workspace.take(plan.tape, like.dtype)
        self._scratch = workspace.take(plan.forward_scratch, like.dtype)
        final = [self._own.get(name) for name, _ in self._shapes]
        none = [None] * 3
        tensors = [*none[:2], *weights, *start, self._tape, self._scratch, *none, *final]
        handle = ctypes.c_void_p()
        ops.call_library(
            f"open_{plan.scalar}", plan.sizes, plan.numbers, ops.addresses(tensors), ctypes.byref(handle)
        )
        self._handle: ctypes.c_void_p | None = handle
        self._close = weakref.finalize(self, ops.call_library, f"close_{plan.scalar}", handle)
        self._close.atexit = False

    def fits(self, spec: KernelSpec, like: Tensor) -> bool:
        """Whether ``spec`` is still the machine that this was opened for, but for what its weights hold."""
        config = self._config
        now = KernelConfig.of(spec, None, config.memory_size)._replace(given_state=config.given_state)
        shapes = [weight.shape for weight in ops.weights_of(spec)]
        return (now, ops.numbers_of(spec), like.dtype, shapes) == (
            config,
            self._numbers,
            self._plan.dtype,
            self._plan.shapes[: len(shapes)],
        )

    def run(self, spec: KernelSpec, x: Tensor) -> Tensor:
        """Go on with x [T, B, input_size]; the outputs [T, B, output_size]."""
        x, outputs = x.contiguous(), x.new_empty(*x.shape[:2], self._config.output_size)
        self._advance(spec, x, x.shape[0], outputs)
        return outputs

    def decode(self, spec: KernelSpec, first: Tensor, choice: Choice, max_steps: int) -> tuple[Tensor, Tensor]:
        """Go on from ``first`` with what each output is read as; both [n, ..], as ``ops.decode`` returns them."""
        inputs = first.new_empty(max_steps + 1, 1, first.shape[0])
        inputs[0, 0] = first
        outputs = first.new_empty(max_steps, 1, self._config.output_size)
        ran = self._advance(spec, inputs, max_steps, outputs, choice)
        return inputs[1 : ran + 1, 0].clone(), outputs[:ran, 0].clone()

    def snapshot(self, *, last: bool = False) -> Any:
        """The state now, in tensors of its own; with ``last`` in those of this run, which then may not go on."""
        with self._lock:
            own = self._own if last else {}
            tensors = [
                own[name] if name in own else workspace.zeros(shape, self._plan.dtype)
                for name, shape in self._shapes
            ]
            self._call("snapshot", ops.addresses(tensors))
            if last:
                self._end()
        return unflatten_state(self._spec, tensors[0].new_empty(1, self._batch_size, 0), tensors)

    def _end(self) -> None:
        self._close()
        self._handle = None
        del self._tape, self._scratch, self._own

    def _call(self, name: str, *arguments: Any) -> None:
        """Under the lock: call C++ on this run."""
        if self._handle is None:
            raise EngineError("this run of the native engine has ended: open another")
        ops.call_library(f"{name}_{self._plan.scalar}", self._handle, *arguments)

    def _advance(
        self, spec: KernelSpec, x: Tensor, steps: int, outputs: Tensor, choice: Choice | None = None
    ) -> int:
        weights = [w.contiguous() for w in ops.weights_of(spec)]
        config = self._config
        rows = [config.num_layers * config.hidden_size, config.num_reads * config.word_size]
        features, words = (x.new_empty(_OPENED_STEPS, self._batch_size, row) for row in rows)
        pointers = ops.addresses([x, *weights, features, words, outputs])
        of_choice = None if choice is None else choice.words
        ran = ctypes.c_int64()
        with self._lock:
            self._call(
                "advance",
                ctypes.c_int64(steps),
                pointers,
                ctypes.c_void_p(None if of_choice is None else of_choice.data_ptr()),
                ctypes.c_int64(0 if of_choice is None else len(of_choice)),
                ctypes.byref(ran),
            )
        return ran.value
