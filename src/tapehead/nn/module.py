"""What every machine shares: it is called like ``nn.LSTM``, with the state in and out."""

import contextlib
import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, Generic, Literal, TypeVar, overload

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from .. import engine
from ..errors import UnsupportedError
from ..types import StateT, Trace, map_state
from .config import MachineConfig, check_memory_size
from .controllers import (
    Controller,
    build_controller,
    reset_layers,
)
from .pretrained import Pretrained
from .session import Session
from .state_check import check_state

# (typing.Self is beyond beartype, which checks shapes under pytest.)
M = TypeVar("M", bound="Machine[Any]")


class Machine(Pretrained, nn.Module, ABC, Generic[StateT]):
    """A controller, perhaps with a memory, that runs over sequences.

    A subclass says what its state is (:meth:`initial_state`), what one step does to it (:meth:`step`), and
    how the outputs come from what the steps leave behind (:meth:`outputs`). The compiled kernel runs a
    machine only if it computes what these methods and the layers say; otherwise the reference loop does.
    """

    state_type: type[StateT]
    """The NamedTuple that the machine's state is."""
    has_memory = True
    """Whether there is a memory to trace."""
    controller: Controller
    config: MachineConfig

    def __init__(self, config: MachineConfig, read_size: int) -> None:
        super().__init__()
        config.check()
        if config.backend is not None:
            engine.check_backend(config.backend)
        # nn.Module.__setattr__ would take a controller of the user's for a second submodule.
        object.__setattr__(self, "config", config)
        self.input_size = config.input_size
        self.hidden_size = config.hidden_size
        self.output_size = config.outputs
        self.batch_first = config.batch_first
        self.backend = config.backend
        self.controller = build_controller(config, read_size)  # type: ignore[assignment]

    @classmethod
    def from_config(cls: type[M], config: MachineConfig) -> M:
        """The machine that ``config`` describes.

        Raises:
            ValueError: values that make no machine.
        """
        return cls(**{field.name: getattr(config, field.name) for field in dataclasses.fields(config)})

    @abstractmethod
    def initial_state(self, batch_size: int | None = None, memory_size: int | None = None) -> StateT:
        """The state before the first step, for ``batch_size`` sequences or (None) one unbatched sequence."""

    @abstractmethod
    def step(self, x: Tensor, state: StateT) -> tuple[Tensor, StateT, Trace | None]:
        """One step in plain PyTorch: x [B, input_size], state → (features, state, trace entry)."""

    @abstractmethod
    def outputs(self, features: Tensor, read_words: Tensor | None) -> Tensor:
        """The outputs from the controller's output [.., L·H] and the words read [.., R, W]."""

    @abstractmethod
    def kernel_spec(self, memory_size: int | None = None) -> engine.KernelSpec | engine.Unsupported:
        """This machine in the native kernel's terms, or why it has none."""

    def reset_parameters(self) -> None:
        """Draw all parameters anew, as the constructor does."""
        reset_layers(self.children())
        self._initialize()

    def _initialize(self) -> None:
        """What the constructor does to the parameters after the layers have drawn theirs."""

    def extra_repr(self) -> str:
        shown = [f"{self.config.input_size}, {self.config.hidden_size}"]
        for field in self.config.saved_fields():
            value = getattr(self.config, field.name)
            if field.name not in ("input_size", "hidden_size", "controller") and value != field.default:
                shown.append(f"{field.name}={value!r}")
        return ", ".join(shown)

    @overload
    def forward(
        self,
        x: Tensor,
        state: StateT | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        memory_size: int | None = None,
        return_trace: Literal[False] = False,
    ) -> tuple[Tensor, StateT]: ...

    @overload
    def forward(
        self,
        x: Tensor,
        state: StateT | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        memory_size: int | None = None,
        return_trace: Literal[True],
    ) -> tuple[Tensor, StateT, Trace]: ...

    @overload
    def forward(
        self,
        x: PackedSequence,
        state: StateT | None = None,
        *,
        memory_size: int | None = None,
        return_trace: Literal[False] = False,
    ) -> tuple[PackedSequence, StateT]: ...

    @overload
    def forward(
        self,
        x: PackedSequence,
        state: StateT | None = None,
        *,
        memory_size: int | None = None,
        return_trace: Literal[True],
    ) -> tuple[PackedSequence, StateT, Trace]: ...

    def forward(
        self,
        x: Tensor | PackedSequence,
        state: Any = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        memory_size: int | None = None,
        return_trace: bool = False,
    ) -> tuple[Any, ...]:
        """Run over a whole sequence.

        Under autocast the machine computes in the dtype of its parameters, so that addressing stays exact,
        and returns y in autocast's dtype, as ``nn.LSTM`` does; states stay in the parameters' dtype.

        Args:
            x: [T, B, input_size]; [B, T, input_size] with ``batch_first``; [T, input_size] unbatched; or a
                ``PackedSequence``.
            state: the state to go on from, as an earlier call returned it; None for the initial state.
            lengths: steps of each sequence, [B], each in 1..T: the rest is padding, whose outputs are zero
                and which touches neither states nor gradients. (A ``PackedSequence`` brings its own.) They
                are not checked within ``torch.compile`` and while a CUDA graph is captured.
            memory_size: N for this run, when it starts from the initial state; no parameter depends on it.
            return_trace: also return the :class:`~tapehead.Trace` of every step. It never changes results.

        Returns:
            (y, state), or (y, state, trace): y like x with ``output_size`` numbers a step (packed when x is
            packed), the state after each sequence's last step.

        Raises:
            ValueError: a shape, length or state that does not fit; the message names it.
        """
        packed = x if isinstance(x, PackedSequence) else None
        if isinstance(x, PackedSequence):
            if lengths is not None:
                raise ValueError(
                    "lengths was given with a PackedSequence, which brings its own: leave it out"
                )
            x, lengths = pad_packed_sequence(x)
        batched = x.dim() == 3
        time_first = packed is not None or not (self.batch_first and batched)
        if not time_first:
            x = x.transpose(0, 1)
        if not batched:
            if x.dim() != 2:
                raise ValueError(
                    f"x has {x.dim()} axes: give (seq, batch, features), or (seq, features) unbatched"
                )
            x = x.unsqueeze(1)
            if state is not None:
                self._check_state_type(state)
                state = map_state(lambda field: field.unsqueeze(0), state)
        y, state, trace = self.unroll(
            x, state, lengths=lengths, memory_size=memory_size, return_trace=return_trace
        )
        result: Tensor | PackedSequence = y
        if packed is not None:
            result = _pack_like(y, packed)
        elif not batched:
            result = y.squeeze(1)
            state = map_state(lambda field: field.squeeze(0), state)
        elif not time_first:
            result = y.transpose(0, 1)
        if trace is None:
            return result, state
        if not batched:
            trace = trace.map(lambda field: field.squeeze(1))
        elif self.batch_first:
            trace = trace.map(lambda field: field.transpose(0, 1))
        return result, state, trace

    def unroll(
        self,
        x: Tensor,
        state: Any = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        memory_size: int | None = None,
        return_trace: bool = False,
    ) -> tuple[Tensor, StateT, Trace | None]:
        """Run over a batch, time first whatever ``batch_first`` says; :meth:`forward` without its layouts.

        Args:
            x: [T, B, input_size].
            state, lengths, memory_size, return_trace: as in :meth:`forward`.

        Returns:
            (y [T, B, output_size], the final state, the trace or None).

        Raises:
            ValueError: a shape, length or state that does not fit; the message names it.
        """
        if return_trace and not self.has_memory:
            raise ValueError(f"return_trace=True: a {type(self).__name__} has no memory to trace")
        if torch.jit.is_tracing():  # type: ignore[attr-defined]
            raise UnsupportedError(
                f"torch.jit.trace cannot follow a {type(self).__name__} over time: use torch.export.export"
            )
        device = x.device.type
        autocast = x.is_floating_point() and _autocast_enabled(device)
        if state is not None and lengths is None and memory_size is None and not (return_trace or autocast):
            found = engine.again(self, x, state)
            if found is not None:
                return *found, None
        if autocast:
            x = x.to(self._parameter().dtype)
        active = self._checked(x, state, lengths, memory_size)
        with _without_autocast(device, autocast):
            y, state, trace = engine.run(
                self,
                x,
                state,
                active,
                memory_size=memory_size,
                return_trace=return_trace,
                backend=self.backend,
            )
        return y.to(torch.get_autocast_dtype(device)) if autocast else y, state, trace

    def features(
        self,
        x: Tensor,
        state: Any = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        memory_size: int | None = None,
    ) -> tuple[Tensor, Tensor | None, StateT]:
        """Run over a batch up to the output layer: for losses on what the controller says to the heads.

        ``outputs(features, read_words)`` are the outputs that :meth:`unroll` returns, but for the padding.
        Under autocast, too, all of it is in the dtype of the parameters.

        Args:
            x: [T, B, input_size].
            state, lengths, memory_size: as in :meth:`forward`.

        Returns:
            (features [T, B, L·H], words read [T, B, R, W] or None without a memory, the final state).

        Raises:
            ValueError: a shape, length or state that does not fit; the message names it.
        """
        autocast = x.is_floating_point() and _autocast_enabled(x.device.type)
        if autocast:
            x = x.to(self._parameter().dtype)
        active = self._checked(x, state, lengths, memory_size)
        with _without_autocast(x.device.type, autocast):
            return engine.run_features(self, x, state, active, memory_size=memory_size, backend=self.backend)

    def session(
        self, state: StateT | None = None, *, batch_size: int | None = None, memory_size: int | None = None
    ) -> Session[StateT]:
        """Open a run for inference whose memory stays in place from call to call.

        Args:
            state: the batched state to start from, which is copied and stays as it is; None for the initial
                state.
            batch_size: B; None for the state's, or one sequence.
            memory_size: N of the initial state; None for the machine's own.

        Raises:
            ValueError: a state or sizes that do not fit; the message names them.
        """
        return Session(self, state, batch_size=batch_size, memory_size=memory_size)

    def _parameter(self) -> Tensor:
        """A tensor with the device and the dtype that the machine computes in."""
        found = _floating_parameter(self)
        # Dynamic quantization leaves no such parameter.
        return torch.empty(0, dtype=torch.float32) if found is None else found

    def _checked(
        self, x: Tensor, state: Any, lengths: Tensor | Sequence[int] | None, memory_size: int | None
    ) -> Tensor | None:
        """Check the arguments of a run; return ``lengths`` as a tensor, or None where nothing is padding."""
        self._check_input(x)
        active = _check_lengths(lengths, x.shape[0], x.shape[1], x.device)
        if state is not None:
            self._check_state_type(state)
            check_state(self, state, x.shape[1], memory_size)
        return active

    def _check_input(self, x: Tensor) -> None:
        name = type(self).__name__
        if x.dim() != 3:
            raise ValueError(f"x has {x.dim()} axes: give (seq, batch, features)")
        if x.shape[-1] != self.input_size:
            raise ValueError(
                f"x has {x.shape[-1]} features in its last axis, "
                f"but this {name} was built with input_size={self.input_size}"
            )
        if x.shape[0] == 0:
            raise ValueError("x has no time steps: give at least one")
        dtype = self._parameter().dtype
        if x.dtype != dtype:
            raise ValueError(f"x is {x.dtype}, but this {name} computes in {dtype}: convert one to the other")

    def _check_state_type(self, state: Any) -> None:
        if not isinstance(state, self.state_type):
            raise ValueError(
                f"state is a {type(state).__name__}: "
                f"{type(self).__name__} goes on from the {self.state_type.__name__} of an earlier call"
            )


def _floating_parameter(module: nn.Module) -> Tensor | None:
    """The first of ``module.parameters()`` that is floating-point, in a tenth of the time."""
    for parameter in module._parameters.values():
        if parameter is not None and parameter.is_floating_point():
            return parameter
    for child in module._modules.values():
        if child is not None and (found := _floating_parameter(child)) is not None:
            return found
    return None


def _autocast_enabled(device: str) -> bool:
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)


def _without_autocast(device: str, active: bool) -> contextlib.AbstractContextManager[None]:
    """Turn autocast off where it is active: a memory addressed in 16 bits finds other slots."""
    return torch.autocast(device, enabled=False) if active else contextlib.nullcontext()


def slots(machine_slots: int, memory_size: int | None) -> int:
    """N of a run: ``memory_size`` where it is given, else the machine's own.

    Raises:
        ValueError: a number of slots that makes no memory.
    """
    if memory_size is None:
        return machine_slots
    check_memory_size(memory_size)
    return memory_size


@contextlib.contextmanager
def evaluation_mode(module: nn.Module) -> Iterator[None]:
    """Put a module and all its parts into evaluation mode, and afterwards each into the mode it was in."""
    training = [part for part in module.modules() if part.training]
    for part in training:
        part.training = False
    try:
        yield
    finally:
        for part in training:
            part.training = True


def squeeze_if_unbatched(state: StateT, batch_size: int | None) -> StateT:
    """``state`` of one sequence without its batch axis where ``batch_size`` is None."""
    return map_state(lambda field: field.squeeze(0), state) if batch_size is None else state


def _check_lengths(
    lengths: Tensor | Sequence[int] | None, steps: int, batch_size: int, device: torch.device
) -> Tensor | None:
    if lengths is None:
        return None
    lengths = torch.as_tensor(lengths, device=device)
    if lengths.numel() and (
        lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool
    ):
        raise ValueError(f"lengths is {lengths.dtype}: give whole numbers of steps")
    lengths = lengths.to(torch.int64)
    if lengths.shape != (batch_size,):
        raise ValueError(
            f"lengths has shape {list(lengths.shape)}: give one length for each of {batch_size} sequences"
        )
    if batch_size == 0:
        return None
    # What is compiled or captured must not look at numbers: a length beyond the steps then counts as all of
    # them, and one below 1 as none.
    if torch.compiler.is_compiling() or _capturing(device):
        return lengths
    every = lengths.tolist()  # one look at them, and one wait where they are on a GPU
    shortest, longest = min(every), max(every)
    if shortest < 1 or longest > steps:
        wrong = shortest if shortest < 1 else longest
        raise ValueError(f"lengths holds {wrong}: each must be between 1 and the {steps} steps of x")
    return None if shortest == steps else lengths


def _capturing(device: torch.device) -> bool:
    """Whether a CUDA graph is being captured."""
    return device.type == "cuda" and torch.cuda.is_current_stream_capturing()


def _pack_like(y: Tensor, packed: PackedSequence) -> PackedSequence:
    """Pack y [T, B, ...] with exactly the batch sizes and the order of ``packed``."""
    if packed.sorted_indices is not None:
        y = y.index_select(1, packed.sorted_indices)
    steps = torch.arange(y.shape[1]).unsqueeze(1)
    lengths = (packed.batch_sizes.unsqueeze(0) > steps).sum(1)
    data = pack_padded_sequence(y, lengths).data
    return PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
