"""The front door that every machine shares: called like ``nn.LSTM``, state in and state out."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from .. import engine
from ..types import Trace, map_state
from .controllers import FeedforwardController, LSTMController, build_controller
from .pretrained import Pretrained


class Machine(Pretrained, nn.Module, ABC):
    """A controller, perhaps with a memory, that runs over sequences.

    A subclass says what its state is (:meth:`initial_state`), what one step does to it (:meth:`step`), and
    how the outputs come from what the steps leave behind (:meth:`outputs`).
    """

    state_type: type
    controller: Any
    traceable = True
    constant_start = False
    """Whether the initial state is a constant that the kernel knows."""
    _kernel_starts = _kernel_outputs = True

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        # The kernel knows the initial state and the output layer from the class that describes both to it;
        # what a class below that one makes of them is its own.
        if "_memory_spec" not in cls.__dict__:
            cls._kernel_starts &= "initial_state" not in cls.__dict__
            cls._kernel_outputs &= "outputs" not in cls.__dict__

    def __init__(
        self,
        *,
        input_size: int,
        hidden_size: int,
        output_size: int,
        num_layers: int,
        controller: str | nn.Module,
        words_read: int,
        batch_first: bool,
        learned_start: bool,
        clip_controller_gradient: float | None,
        backend: str | None,
        factory: dict[str, Any],
    ) -> None:
        super().__init__()
        _check_sizes(
            input_size=input_size, hidden_size=hidden_size, output_size=output_size, num_layers=num_layers
        )
        check_limits(clip_controller_gradient=clip_controller_gradient)
        if backend is not None:
            engine.check_backend(backend)
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.output_size = output_size
        self.batch_first = batch_first
        self.backend = backend
        self.constant_start = self._kernel_starts and not learned_start
        self.controller = build_controller(
            controller,
            input_size + words_read,
            hidden_size,
            num_layers,
            learned_start=learned_start,
            clip_gradient=clip_controller_gradient,
            **factory,
        )

    @abstractmethod
    def initial_state(self, batch_size: int | None = None, memory_size: int | None = None) -> Any:
        """The state before the first step, for ``batch_size`` sequences or (None) one unbatched sequence."""

    @abstractmethod
    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any, Trace | None]:
        """One step in plain PyTorch: x [B, input_size], state → (features, state, trace entry)."""

    @abstractmethod
    def _memory_spec(self, memory_size: int | None) -> dict[str, Any]:
        """The fields of :class:`engine.KernelSpec` that describe the memory and the output layer.

        Raises:
            ValueError: a memory size that there cannot be.
        """

    def kernel_spec(self, memory_size: int | None = None) -> engine.KernelSpec | str:
        """This machine in the native kernel's terms, or why it has none."""
        controller = self.controller
        if not isinstance(controller, LSTMController | FeedforwardController):
            return f"the controller {type(controller).__name__} is your own"
        return engine.KernelSpec(
            lstm=isinstance(controller, LSTMController),
            state_type=self.state_type,
            hidden_size=controller.hidden_size,
            layers=tuple((layer.weight, layer.bias) for layer in controller.layers),  # type: ignore[misc]
            clip_controller_gradient=controller.clip_gradient,
            **self._memory_spec(memory_size),
        )

    def _output_layer(self, from_features: nn.Module, from_reads: nn.Module | None = None) -> dict[str, Any]:
        """The output layer for the kernel: the fields ``outputs`` and ``output_bias`` of its spec.

        Nothing where somebody has put another layer in its place or has hooked it: then PyTorch runs it.
        """
        layers = [from_features] if from_reads is None else [from_features, from_reads]
        if not self._kernel_outputs or not all(_is_plain(layer) for layer in layers):
            return {}
        if from_reads is not None and from_reads.bias is not None:
            return {}
        bias: Any = from_features.bias
        weights = [layer.weight for layer in layers]
        return {"outputs": (*weights, *([] if bias is None else [bias])), "output_bias": bias is not None}

    @abstractmethod
    def outputs(self, features: Tensor, read_words: Tensor | None) -> Tensor:
        """The outputs from the controller's output [.., L·H] and the words read [.., R, W]."""

    def forward(
        self,
        x: Tensor | PackedSequence,
        state: Any = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        memory_size: int | None = None,
        return_trace: bool = False,
    ) -> tuple:
        """Run over a whole sequence.

        Args:
            x: [T, B, input_size]; [B, T, input_size] with ``batch_first``; [T, input_size] unbatched; or a
                ``PackedSequence``.
            state: the state to go on from, as an earlier call returned it; None for the initial state.
            lengths: steps of each sequence, [B], each in 1..T: the rest is padding, whose outputs are zero
                and which touches neither states nor gradients. (A ``PackedSequence`` brings its own.)
            memory_size: N for this run, when it starts from the initial state; no parameter depends on it.
            return_trace: also return the :class:`~tapehead.Trace` of every step. It never changes results.

        Returns:
            (y, state), or (y, state, trace): y like x with ``output_size`` numbers a step (packed when x is
            packed), the state after each sequence's last step.

        Raises:
            ValueError: a shape, length or state that does not fit; the message names it.
        """
        if return_trace and not self.traceable:
            raise ValueError(f"return_trace=True: a {type(self).__name__} has no memory to trace")
        packed = x if isinstance(x, PackedSequence) else None
        if packed is not None:
            if lengths is not None:
                raise ValueError(
                    "lengths was given with a PackedSequence, which brings its own: leave it out"
                )
            x, lengths = pad_packed_sequence(packed)
        assert isinstance(x, Tensor)
        batched = x.dim() == 3
        time_first = packed is not None or not (self.batch_first and batched)
        if batched and not time_first:
            x = x.transpose(0, 1)
        self._check_input(x)
        if state is not None:
            self._check_state_type(state)
        if not batched:
            x = x.unsqueeze(1)
            if state is not None:
                state = map_state(lambda field: field.unsqueeze(0), state)
        steps, batch_size = x.shape[:2]
        active_lengths = _check_lengths(lengths, steps, batch_size, x.device)
        if state is not None:
            self._check_state(state, batch_size, memory_size)
        y, state, trace = engine.run(
            self,
            x,
            state,
            active_lengths,
            memory_size=memory_size,
            return_trace=return_trace,
            backend=self.backend,
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

    def _check_input(self, x: Tensor) -> None:
        name = type(self).__name__
        if x.dim() not in (2, 3):
            raise ValueError(
                f"x has {x.dim()} axes: give (seq, batch, features), or (seq, features) unbatched"
            )
        if x.shape[-1] != self.input_size:
            raise ValueError(
                f"x has {x.shape[-1]} features in its last axis, "
                f"but this {name} was built with input_size={self.input_size}"
            )
        if x.shape[0] == 0:
            raise ValueError("x has no time steps: give at least one")
        if x.dim() == 3 and x.shape[1] == 0:
            raise ValueError("x has no sequences in its batch axis: give at least one")
        dtype = next(self.parameters()).dtype
        if x.dtype != dtype:
            raise ValueError(f"x is {x.dtype}, but this {name} computes in {dtype}: convert one to the other")

    def _check_state_type(self, state: Any) -> None:
        if not isinstance(state, self.state_type):
            raise ValueError(
                f"state is a {type(state).__name__}: "
                f"{type(self).__name__} goes on from the {self.state_type.__name__} of an earlier call"
            )

    def _check_state(self, state: Any, batch_size: int, memory_size: int | None) -> None:
        template = self.initial_state(batch_size, _memory_size_of(state))
        # What a controller of the user's own remembers may take any form.
        own = not isinstance(self.controller, LSTMController | FeedforwardController)
        for name in template._fields:
            if name != "controller" or not own:
                _check_field(f"state.{name}", getattr(state, name), getattr(template, name))
        if memory_size is not None and memory_size != _memory_size_of(state):
            raise ValueError(
                f"memory_size={memory_size} does not fit the given state, which has {_memory_size_of(state)} "
                "slots: leave one of the two out"
            )


def _is_plain(layer: nn.Module) -> bool:
    hooked = (
        layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks or layer._backward_pre_hooks
    )
    return type(layer) is nn.Linear and not hooked


def check_limits(**limits: float | None) -> None:
    """Refuse limits of gradients that let nothing through."""
    for name, limit in limits.items():
        if limit is not None and not limit > 0:
            raise ValueError(f"{name} is {limit}: give a number above 0, or None")


def _check_field(name: str, given: Any, expected: Any) -> None:
    """Refuse what has not the shape, dtype and place of ``expected``, a tensor or nested tuples."""
    if not isinstance(expected, Tensor):
        if not isinstance(given, tuple) or len(given) != len(expected):
            count = f"{len(given)} parts" if isinstance(given, tuple) else f"a {type(given).__name__}"
            raise ValueError(f"{name} has {count}, but {len(expected)} are needed here")
        for index, (g, e) in enumerate(zip(given, expected)):
            _check_field(f"{name}[{index}]", g, e)
        return
    if not isinstance(given, Tensor):
        raise ValueError(f"{name} is a {type(given).__name__}, but a tensor is needed here")
    if given.shape != expected.shape:
        raise ValueError(f"{name} has shape {list(given.shape)}, but {list(expected.shape)} is needed here")
    if (given.dtype, given.device) != (expected.dtype, expected.device):
        raise ValueError(
            f"{name} is {given.dtype} on {given.device}, but the weights are {expected.dtype} on "
            f"{expected.device}: convert one to the other"
        )


def check_word_sizes(memory_size: int, word_size: int, **heads: int) -> None:
    """Refuse sizes that make no memory."""
    _check_sizes(memory_size=memory_size, word_size=word_size, **heads)


def _check_sizes(**sizes: int) -> None:
    for name, size in sizes.items():
        if not isinstance(size, int) or size < 1:
            raise ValueError(f"{name} is {size!r}: give a whole number of at least 1")


def _check_lengths(
    lengths: Tensor | Sequence[int] | None, steps: int, batch_size: int, device: torch.device
) -> Tensor | None:
    if lengths is None:
        return None
    lengths = torch.as_tensor(lengths, device=device)
    if lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool:
        raise ValueError(f"lengths is {lengths.dtype}: give whole numbers of steps")
    lengths = lengths.to(torch.int64)
    if lengths.shape != (batch_size,):
        raise ValueError(
            f"lengths has shape {list(lengths.shape)}: give one length for each of {batch_size} sequences"
        )
    every = lengths.tolist()  # one look at them, and one wait where they are on a GPU
    shortest, longest = min(every), max(every)
    if shortest < 1 or longest > steps:
        wrong = shortest if shortest < 1 else longest
        raise ValueError(f"lengths holds {wrong}: each must be between 1 and the {steps} steps of x")
    return None if shortest == steps else lengths


def _memory_size_of(state: Any) -> int | None:
    return state.memory.shape[-2] if hasattr(state, "memory") else None


def _pack_like(y: Tensor, packed: PackedSequence) -> PackedSequence:
    """Pack y [T, B, ...] with exactly the batch sizes and the order of ``packed``."""
    if packed.sorted_indices is not None:
        y = y.index_select(1, packed.sorted_indices)
    steps = torch.arange(y.shape[1]).unsqueeze(1)
    lengths = (packed.batch_sizes.unsqueeze(0) > steps).sum(1)
    data = pack_padded_sequence(y, lengths).data
    return PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
