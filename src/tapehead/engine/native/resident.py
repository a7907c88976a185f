"""A run that goes on from call to call in the native engine, without a copy of its memory in between."""

import ctypes
import threading
import weakref
from typing import Any

from torch import Tensor

from ..decoding import Choice
from ..spec import KernelConfig, KernelSpec, unflatten_state
from . import loader, plans, workspace
from .build import EngineError

_OPENED_STEPS = 2
"""Steps that the buffers are sized for: the one that runs and the one before it."""


class Resident:
    """Where a run is: memory, weightings and controller lie in buffers that nobody else has.

    One thread at a time goes on with it; others wait. A forked child has a copy of it, as of all else. There
    are no gradients.

    Args:
        spec: a machine with an output layer of the kernel's. Its weights are read anew in every call.
        like: an input of one step, [1, B, input_size].
        state: the batched state to start from, which is copied; None for the constant one of ``spec``.

    Raises:
        EngineError: sizes or a state that do not fit.
    """

    def __init__(self, spec: KernelSpec, like: Tensor, state: Any) -> None:
        x = like.new_zeros(()).expand(_OPENED_STEPS, *like.shape[1:])  # for its sizes
        weights, start = plans.checked_tensors(spec, x, state)
        weights, start = [w.contiguous() for w in weights], [s.contiguous() for s in start]
        self._config = config = KernelConfig.of(spec, state)
        self._plan = plan = plans.plan_for(x, config, plans.numbers_of(spec), keep_tape=False)
        plan.check(x, None, [*weights, *start])
        self.spec, self._weights, self._lock = spec, plans.weights_of(spec), threading.Lock()
        self._sizes = [weight.nbytes for weight in weights]
        self._input_shape = like.shape[1:]
        batch_size = like.shape[1]
        self._pieces = list(config.state_shapes(batch_size).items())
        self._own = {
            name: workspace.zeros(shape, like.dtype)
            for name, shape in self._pieces
            if name in config.in_place
        }
        rows = [config.num_layers * config.hidden_size, config.num_reads * config.word_size]
        self._results = [like.new_empty(_OPENED_STEPS, batch_size, row) for row in rows]
        self._tape = workspace.take(plan.tape, like.dtype)
        self._scratch = workspace.take(plan.forward_scratch, like.dtype)
        final = [self._own.get(name) for name, _ in self._pieces]
        none = [None] * 3
        given = [*none[:2], *weights, *start, self._tape, self._scratch, *none, *final]
        self._handle: ctypes.c_void_p | None = ctypes.c_void_p()
        self._call("open", plan.sizes, plan.numbers, loader.addresses(given), ctypes.byref(self._handle))
        self._close = weakref.finalize(self, loader.call_library, f"close_{plan.scalar}", self._handle)
        self._close.atexit = False

    def takes(self, x: Tensor) -> bool:
        """Whether x is [T, B, input_size], of at least one step, and of this run's dtype and device."""
        return x.shape[1:] == self._input_shape and x.dtype is self._plan.dtype and x.is_cpu and len(x) > 0

    def run(self, x: Tensor) -> Tensor:
        """Go on with x [T, B, input_size]; the outputs [T, B, output_size].

        Raises:
            EngineError: an x that does not fit, or weights of another size than when this began.
        """
        if not self.takes(x):
            raise EngineError(f"x is {x.dtype} of shape {list(x.shape)}, which does not fit this run")
        outputs = x.new_empty(len(x), x.shape[1], self._config.output_size)
        self._advance(x.contiguous(), len(x), outputs, None, 0)
        return outputs

    def decode(self, first: Tensor, choice: Choice, max_steps: int) -> tuple[Tensor, Tensor]:
        """Go on from ``first`` with what each output is read as: the first two of ``decoding.decode``.

        Raises:
            EngineError: as :meth:`run`, or more than one sequence.
        """
        inputs = first.new_empty(max_steps + 1, 1, first.shape[0])
        if not self.takes(inputs):
            raise EngineError(f"first is {first.dtype} of {list(first.shape)}, which does not fit this run")
        inputs[0, 0] = first
        outputs = first.new_empty(max_steps, 1, self._config.output_size)
        ran = self._advance(inputs, max_steps, outputs, choice.words.data_ptr(), len(choice.words))
        return inputs[1 : ran + 1, 0].clone(), outputs[:ran, 0].clone()

    def snapshot(self, *, last: bool = False) -> Any:
        """The state now, in tensors of its own; with ``last`` in those of this run, which then has ended."""
        with self._lock:
            own = self._own if last else {}
            tensors = [
                own[name] if name in own else workspace.zeros(shape, self._plan.dtype)
                for name, shape in self._pieces
            ]
            self._call("snapshot", self._handle, loader.addresses(tensors))
            if last:
                self._close()
                self._handle = None
                del self._tape, self._scratch, self._own
        return unflatten_state(self.spec, tensors[0].new_empty(1, self._input_shape[0], 0), tensors)

    def _advance(self, x: Tensor, steps: int, outputs: Tensor, words: int | None, count: int) -> int:
        for weight, size in zip(self._weights, self._sizes):
            if weight.nbytes != size or not weight.is_cpu:
                raise EngineError(
                    f"a weight takes {weight.nbytes} bytes on {weight.device} now, but {size} on the CPU "
                    "when this run began: begin another"
                )
        weights = [weight.contiguous() for weight in self._weights]
        pointers = loader.addresses([x, *weights, *self._results, outputs])
        ran = ctypes.c_int64()
        with self._lock:
            self._call(
                "advance",
                self._handle,
                ctypes.c_int64(steps),
                pointers,
                ctypes.c_void_p(words),
                ctypes.c_int64(count),
                ctypes.byref(ran),
            )
        return ran.value

    def _call(self, name: str, *arguments: Any) -> None:
        if self._handle is None:
            raise EngineError("this run of the native engine has ended: begin another")
        loader.call_library(f"{name}_{self._plan.scalar}", *arguments)
