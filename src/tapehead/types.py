"""States, traces and the axis legend: plain types that every room of the house may import.

Axis names, the same everywhere (in annotations, docstrings and comments):

    T  time steps            B  sequences in a batch
    N  memory slots          W  numbers in a memory word
    R  read heads            H  heads of one kind (read or write)
    S  allowed shifts        X  numbers in an interface vector
"""

from typing import NamedTuple, TypeVar

from jaxtyping import Float
from torch import Tensor

LayerState = tuple[Tensor, ...]
"""One controller layer: (h, c) of an LSTM layer, nothing for a feed-forward layer."""

ControllerState = tuple[LayerState, ...]
"""All controller layers, the lowest first. A controller of the user's own may use any nested tuples."""

AnyState = TypeVar("AnyState", bound=tuple)


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

    def detach(self) -> "DNCState":
        """The same values, cut from the graph: truncated backpropagation through time."""
        return map_state(Tensor.detach, self)


class NTMState(NamedTuple):
    """What an NTM carries from one step to the next (Graves et al. 2014, section 3)."""

    memory: Float[Tensor, "*B N W"]
    write_weights: Float[Tensor, "*B H N"]
    read_weights: Float[Tensor, "*B R N"]
    read_words: Float[Tensor, "*B R W"]
    controller: ControllerState

    def detach(self) -> "NTMState":
        """The same values, cut from the graph: truncated backpropagation through time."""
        return map_state(Tensor.detach, self)


class LSTMState(NamedTuple):
    """What the memoryless baseline carries: its controller alone."""

    controller: ControllerState

    def detach(self) -> "LSTMState":
        """The same values, cut from the graph: truncated backpropagation through time."""
        return map_state(Tensor.detach, self)


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
    """DNC: [T, B, N]"""
    link: Tensor | None
    """DNC: [T, B, N, N]; link[i, j] is near 1 when slot i was written right after slot j."""
    precedence: Tensor | None
    """DNC: [T, B, N]"""
    allocation_weights: Tensor | None
    """DNC: [T, B, N]"""
    content_read_weights: Tensor
    """[T, B, R, N]"""
    content_write_weights: Tensor
    """DNC: [T, B, N]; NTM: [T, B, H, N]"""
    read_gates: Tensor
    """DNC: read modes [T, B, R, 3] (backward, content, forward); NTM: interpolation gates [T, B, R]"""
    write_gates: Tensor
    """DNC: allocation gate and write gate [T, B, 2]; NTM: interpolation gates [T, B, H]"""
    read_words: Tensor
    """[T, B, R, W]"""
    interface: Tensor
    """[T, B, X]: the raw interface vector, before any non-linearity, in the paper's field order."""

    def map(self, function) -> "Trace":  # type: ignore[no-untyped-def]
        """Apply ``function`` to every tensor of the trace."""
        return Trace(*(None if field is None else function(field) for field in self))  # type: ignore[arg-type]


def map_state(function, state: AnyState, *others: AnyState) -> AnyState:  # type: ignore[no-untyped-def]
    """Apply ``function`` to the tensors of one or several equally built states."""
    fields = [
        function(*entries) if isinstance(entries[0], Tensor) else map_state(function, *entries)
        for entries in zip(state, *others, strict=True)
    ]
    return type(state)(*fields) if hasattr(state, "_fields") else tuple(fields)  # type: ignore[return-value]
