"""States, traces and the axis legend: plain types that every package may import.

Axis names, the same everywhere (in annotations, docstrings and comments):

    T  time steps            B  sequences in a batch
    N  memory slots          W  numbers in a memory word
    R  read heads            H  heads of one kind (read or write)
    S  allowed shifts        X  numbers in an interface vector
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils import _pytree as pytree

LayerState = tuple[Tensor, ...]
"""One controller layer: (h, c) of an LSTM layer, nothing for a feed-forward layer."""

ControllerState = tuple[LayerState, ...]
"""All controller layers, the lowest first. A controller of the user's own may use any nested tuples."""

AnyState = TypeVar("AnyState", bound=tuple)
StateT = TypeVar("StateT", bound=tuple[Any, ...])
"""The state of a machine: one of the NamedTuples below, or a subclass's own."""

Indices = Tensor | Sequence[int] | slice
"""Sequences of a batch: whole numbers, a tensor of them, one truth value a sequence, or a slice."""


class DNCState(NamedTuple):
    """What a DNC carries from one step to the next (Graves et al. 2016, Methods).

    For an unbatched sequence the batch axis is missing. Without temporal links, ``precedence`` and
    ``link`` are empty tensors ([B, 0] and [B, 0, 0]).
    """

    memory: Float[Tensor, "*B N W"]
    usage: Float[Tensor, "*B N"]
    precedence: Float[Tensor, "*B N_links"]
    link: Float[Tensor, "*B N_links N_links"]
    write_weights: Float[Tensor, "*B N"]
    read_weights: Float[Tensor, "*B R N"]
    read_words: Float[Tensor, "*B R W"]
    controller: ControllerState

    def to(self, target: torch.device | torch.dtype | str) -> "DNCState":
        """The state on another device, or in another floating-point dtype."""
        return map_state(lambda field: field.to(target), self)

    def detach(self) -> "DNCState":
        """The same values, cut from the graph: truncated backpropagation through time."""
        return map_state(Tensor.detach, self)

    def select(self, indices: Indices) -> "DNCState":
        """Some sequences of a batched state, in the order of ``indices``."""
        return select_sequences(self, indices)


class NTMState(NamedTuple):
    """What an NTM carries from one step to the next (Graves et al. 2014, section 3)."""

    memory: Float[Tensor, "*B N W"]
    write_weights: Float[Tensor, "*B H N"]
    read_weights: Float[Tensor, "*B R N"]
    read_words: Float[Tensor, "*B R W"]
    controller: ControllerState

    def to(self, target: torch.device | torch.dtype | str) -> "NTMState":
        """The state on another device, or in another floating-point dtype."""
        return map_state(lambda field: field.to(target), self)

    def detach(self) -> "NTMState":
        """The same values, cut from the graph: truncated backpropagation through time."""
        return map_state(Tensor.detach, self)

    def select(self, indices: Indices) -> "NTMState":
        """Some sequences of a batched state, in the order of ``indices``."""
        return select_sequences(self, indices)


class SparseNTMState(NamedTuple):
    """What an NTM with sparse access carries from one step to the next (Rae et al. 2016, SAM).

    ``usage`` holds times of last access (see :func:`tapehead.functional.update_access_times`),
    ``read_weights`` at most ``top_k`` numbers that are not zero a head.
    """

    memory: Float[Tensor, "*B N W"]
    usage: Float[Tensor, "*B N"]
    read_weights: Float[Tensor, "*B R N"]
    read_words: Float[Tensor, "*B R W"]
    controller: ControllerState

    def to(self, target: torch.device | torch.dtype | str) -> "SparseNTMState":
        """The state on another device, or in another floating-point dtype."""
        return map_state(lambda field: field.to(target), self)

    def detach(self) -> "SparseNTMState":
        """The same values, cut from the graph: truncated backpropagation through time."""
        return map_state(Tensor.detach, self)

    def select(self, indices: Indices) -> "SparseNTMState":
        """Some sequences of a batched state, in the order of ``indices``."""
        return select_sequences(self, indices)


class SparseDNCState(NamedTuple):
    """What a DNC with sparse access carries from one step to the next (Rae et al. 2016, SDNC).

    As :class:`SparseNTMState`, and the links of :func:`tapehead.functional.update_links_before` and
    ``_after``: at most K_L numbers a slot, and which slots they belong to, as whole numbers. Without temporal
    links these and the precedence are empty (N_links is 0).
    """

    memory: Float[Tensor, "*B N W"]
    usage: Float[Tensor, "*B N"]
    precedence: Float[Tensor, "*B N_links"]
    before_weights: Float[Tensor, "*B N_links K"]
    before_slots: Float[Tensor, "*B N_links K"]
    after_weights: Float[Tensor, "*B N_links K"]
    after_slots: Float[Tensor, "*B N_links K"]
    read_weights: Float[Tensor, "*B R N"]
    read_words: Float[Tensor, "*B R W"]
    controller: ControllerState

    def to(self, target: torch.device | torch.dtype | str) -> "SparseDNCState":
        """The state on another device, or in another floating-point dtype."""
        return map_state(lambda field: field.to(target), self)

    def detach(self) -> "SparseDNCState":
        """The same values, cut from the graph: truncated backpropagation through time."""
        return map_state(Tensor.detach, self)

    def select(self, indices: Indices) -> "SparseDNCState":
        """Some sequences of a batched state, in the order of ``indices``."""
        return select_sequences(self, indices)


class LSTMState(NamedTuple):
    """What the memoryless baseline carries: its controller alone."""

    controller: ControllerState

    def to(self, target: torch.device | torch.dtype | str) -> "LSTMState":
        """The state on another device, or in another floating-point dtype."""
        return map_state(lambda field: field.to(target), self)

    def detach(self) -> "LSTMState":
        """The same values, cut from the graph: truncated backpropagation through time."""
        return map_state(Tensor.detach, self)

    def select(self, indices: Indices) -> "LSTMState":
        """Some sequences of a batched state, in the order of ``indices``."""
        return select_sequences(self, indices)


class Trace(NamedTuple):
    """Everything the papers plot, one entry a step: values *after* the step, zero at padded steps.

    Axes are [T, B, ...] ([B, T, ...] with ``batch_first``, [T, ...] unbatched). A field that a machine does
    not have is None.
    """

    memory: Tensor
    """[T, B, N, W]"""
    read_weights: Tensor
    """[T, B, R, N]"""
    write_weights: Tensor
    """DNC: [T, B, N]; NTM: [T, B, H, N]"""
    usage: Tensor | None
    """DNC: [T, B, N]; with sparse access, of both machines: times of last access, [T, B, N]"""
    link: Tensor | None
    """DNC with dense access: [T, B, N, N]; link[i, j] is near 1 when slot i was written right after j."""
    precedence: Tensor | None
    """DNC: [T, B, N]"""
    allocation_weights: Tensor | None
    """DNC: [T, B, N]; with sparse access one at the least recently used slot (NTM: [T, B, H, N])"""
    content_read_weights: Tensor
    """[T, B, R, N]"""
    content_write_weights: Tensor
    """DNC: [T, B, N]; NTM: [T, B, H, N]. With sparse access the mean of the last read weightings"""
    read_gates: Tensor
    """DNC: read modes [T, B, R, 3] (backward, content, forward); NTM: interpolation gates [T, B, R], ones
    with sparse access"""
    write_gates: Tensor
    """DNC: allocation gate and write gate [T, B, 2]; NTM: interpolation gates [T, B, H];
    with sparse access γ and α, [T, B, 2] and [T, B, H, 2]"""
    read_words: Tensor
    """[T, B, R, W]"""
    interface: Tensor
    """[T, B, X]: the raw interface vector, before any non-linearity, in the paper's field order."""

    def map(self, function: Callable[[Tensor], Tensor]) -> "Trace":
        """Apply ``function`` to every tensor of the trace."""
        return Trace(*(None if field is None else function(field) for field in self))  # type: ignore[arg-type]


def map_state(function: Callable[..., Tensor], state: AnyState, *others: AnyState) -> AnyState:
    """Apply ``function`` to the tensors of one or several equally built states.

    Args:
        function: takes one tensor of each state, returns a tensor.
        state: a state of a machine, or any nested tuples of tensors.
        others: states of the same structure.

    Returns:
        A state of the same structure.

    Example:
        >>> from tapehead.types import LSTMState, map_state
        >>> state = LSTMState(((torch.ones(2, 3), torch.zeros(2, 3)),))
        >>> map_state(lambda tensor: tensor + 1, state).controller[0][0].sum()
        tensor(12.)
    """
    fields: list[Any] = [
        function(*entries) if isinstance(entries[0], Tensor) else map_state(function, *entries)
        for entries in zip(state, *others, strict=True)
    ]
    return type(state)(*fields) if hasattr(state, "_fields") else tuple(fields)  # type: ignore[return-value]


def select_sequences(state: AnyState, indices: Indices) -> AnyState:
    """Some sequences of a batched state, in the order of ``indices``.

    Raises:
        IndexError: the batch has no such sequence.
    """
    if not isinstance(indices, Tensor | slice):
        indices = torch.as_tensor(indices, dtype=torch.int64)
    return map_state(lambda field: field[indices], state)


# torch.load takes these classes with its default weights_only=True, and torch.export.save writes them.
torch.serialization.add_safe_globals([DNCState, NTMState, SparseNTMState, SparseDNCState, LSTMState])
for _state in (DNCState, NTMState, SparseNTMState, SparseDNCState, LSTMState, Trace):
    pytree._register_namedtuple(_state, serialized_type_name=f"tapehead.types.{_state.__name__}")
