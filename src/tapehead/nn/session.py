"""A run that goes on from call to call, and keeps its state to itself."""

from types import TracebackType
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from .. import engine
from ..errors import InputError
from ..types import StateT, map_state

S = TypeVar("S", bound="Session[Any]")


class Session(Generic[StateT]):
    """A machine in the midst of a run, for inference: :meth:`tapehead.nn.Machine.session` opens one.

    The native engine works in the session's own memory from call to call: nothing is copied between calls,
    so that a memory of a million slots takes its place once, and with sparse access a call costs what its
    steps touch. Nobody else has that memory. What comes in is copied, and what :attr:`state` gives is a copy:
    neither changes when the session goes on, and nothing that is done to them changes the session.

    Outputs are those of ``machine(x, state)`` from call to call. What the machine computes is settled when
    the session opens: a hook, a method, a layer or a switch that is changed after that is not seen, so that a
    call takes little more than its steps; the numbers in its parameters are those at each call. (What the
    native engine cannot run in this way is calls of the machine.) There are no gradients, and autocast has
    no influence. A session is a context manager, and its memory is given back at the end of the block.

    Example:
        >>> import torch
        >>> from tapehead import NTM
        >>> ntm = NTM(4, 16, memory_size=1000, word_size=8, access="sparse")
        >>> with ntm.session(batch_size=2) as session:
        ...     for x in torch.randn(3, 5, 2, 4):
        ...         y = session(x)
        >>> y.shape
        torch.Size([5, 2, 16])
    """

    def __init__(
        self,
        machine: Any,  # a Machine, whose file imports this one
        state: StateT | None = None,
        *,
        batch_size: int | None = None,
        memory_size: int | None = None,
    ) -> None:
        size = _batch_size_of(state) if state is not None else 1 if batch_size is None else batch_size
        if size < 1 or batch_size not in (None, size):
            of_state = "" if state is None else f", but the state is of {size} sequences"
            raise InputError(f"batch_size is {batch_size}{of_state}: give a whole number of at least 1")
        like = machine._parameter().new_zeros(1, size, machine.input_size)
        machine._checked(like, state, None, memory_size)
        self._machine, self._batch_size, self._ended = machine, size, False
        self._state: Any = None
        with torch.no_grad():
            self._resident = engine.resident(machine, like, state, memory_size)
            if self._resident is None:
                start = machine.initial_state(size, memory_size) if state is None else state
                self._state = map_state(Tensor.clone, start)

    def __call__(self, x: Tensor) -> Tensor:
        """Go on with x.

        Args:
            x: [T, B, input_size]; [B, T, input_size] where the machine has ``batch_first``.

        Returns:
            The outputs, like x with ``output_size`` numbers a step.

        Raises:
            ValueError: an x that does not fit, or a session that has ended.
        """
        turned = self._machine.batch_first and x.dim() == 3
        steps = x.transpose(0, 1) if turned else x
        if self._resident is None or not self._resident.takes(steps):
            self._check(steps)
        if self._resident is None:
            with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
                y, self._state = self._machine(x, self._state)
            return y
        y = self._resident.run(steps)
        return y.transpose(0, 1) if turned else y

    @torch.no_grad()
    def decode(self, first: Tensor, choice: engine.Choice, max_steps: int) -> tuple[Tensor, Tensor]:
        """Go on from ``first``, each output read as the next input: :func:`tapehead.engine.decode`.

        Args:
            first: the first input, [input_size]; the session has one sequence.
            choice: how the next input is made from an output.
            max_steps: after so many the loop ends, if no kind has ended it before.

        Returns:
            (what each output was read as [n, input_size], the outputs [n, output_size]).

        Raises:
            ValueError: as ``engine.decode``, or a session of several sequences or one that has ended.
        """
        if first.dim() != 1:
            raise InputError(f"first has {first.dim()} axes: give one input, [input_size]")
        if self._batch_size != 1:
            raise InputError(f"this session has {self._batch_size} sequences: decode one at a time")
        if max_steps < 1:
            raise InputError(f"max_steps is {max_steps}: give at least one")
        self._check(first[None, None])
        if self._resident is not None:
            choice.check(self._machine.input_size, self._machine.output_size)
            return self._resident.decode(first, choice, max_steps)
        decoded = engine.decode(self._machine, first, self._state, choice, max_steps)
        self._state = decoded.state
        return decoded.chosen, decoded.outputs

    @property
    def state(self) -> StateT:
        """A copy of the state after the last step, batched."""
        return self._take(last=False)

    def end(self) -> StateT:
        """The state after the last step, batched, and the end of the session.

        A memory with sparse access is handed over as it is, not copied.
        """
        return self._take(last=True)

    def _take(self, *, last: bool) -> StateT:
        self._check_open()
        if self._resident is not None:
            state = self._resident.snapshot(last=last)
        else:
            state = self._state if last else map_state(Tensor.clone, self._state)
        if last:
            self._state, self._resident, self._ended = None, None, True
        return state

    def _check(self, x: Tensor) -> None:
        self._check_open()
        self._machine._check_input(x)
        if x.shape[1] != self._batch_size:
            raise InputError(f"x has {x.shape[1]} sequences, but this session has {self._batch_size}")

    def _check_open(self) -> None:
        if self._ended:
            raise InputError("this session has ended: open another with machine.session(state)")

    def __enter__(self: S) -> S:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._state, self._resident, self._ended = None, None, True


def _batch_size_of(state: Any) -> int:
    """The first axis of the first tensor; whether the others fit is checked with the state."""
    while not isinstance(state, Tensor):
        if not isinstance(state, tuple) or not state:
            name = type(state).__name__
            raise InputError(f"state has a {name} where a tensor is needed: give a batched state")
        state = state[0]
    return state.shape[0] if state.dim() else 0
