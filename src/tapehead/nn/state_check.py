"""Whether a state that a caller gives is one of this machine's."""

import weakref
from typing import Any

import torch
from torch import Tensor, nn

from ..types import map_state
from .controllers import FeedforwardController, LSTMController

SLOTS_AT_ONCE = 64
"""The shapes of a state of more slots are told from those of two small ones."""

_TEMPLATES: "weakref.WeakKeyDictionary[nn.Module, tuple[tuple[Any, ...], Any]]"
_TEMPLATES = weakref.WeakKeyDictionary()
"""Of each machine, what :func:`_template` made last, and for what."""


def check_state(machine: Any, state: Any, batch_size: int, memory_size: int | None) -> None:
    """Refuse a batched state whose tensors do not fit the machine.

    Args:
        machine: what is to go on from the state.
        state: of the machine's type.
        batch_size: B.
        memory_size: N where the caller gave it; None for the state's.

    Raises:
        ValueError: a part of another shape, dtype or device; the message names it.
    """
    slots = state.memory.shape[-2] if hasattr(state, "memory") else None
    template = _template(machine, batch_size, slots)
    # What a controller of the user's own remembers may take any form.
    own = not isinstance(machine.controller, LSTMController | FeedforwardController)
    for name in state._fields:
        if name != "controller" or not own:
            _check_field(f"state.{name}", getattr(state, name), getattr(template, name))
    if memory_size is not None and memory_size != slots:
        raise ValueError(
            f"memory_size={memory_size} does not fit the given state, which has {slots} slots: leave one of "
            "the two out"
        )


def _template(machine: Any, batch_size: int, slots: int | None) -> Any:
    """A state with the shapes, dtype and device that one of this size has, but not with the room.

    The last one is kept, because to make it takes longer than a step; but not for an initial state of a
    user's own, which may depend on anything, nor while a machine is compiled.
    """
    if torch.compiler.is_compiling():
        return machine.initial_state(batch_size, slots)
    method = type(machine).initial_state
    if not method.__module__.startswith(f"{__package__}.") or "initial_state" in machine.__dict__:
        return machine.initial_state(batch_size, slots)
    parameter, parts = machine._parameter(), (vars(machine), vars(machine.controller))
    sizes = [value for part in parts for value in part.values() if type(value) is int]
    key = (batch_size, slots, parameter.dtype, parameter.device, method, sizes)
    known = _TEMPLATES.get(machine)
    if known is None or known[0] != key:
        known = _TEMPLATES[machine] = key, _made_template(machine, batch_size, slots)
    return known[1]


def _made_template(machine: Any, batch_size: int, slots: int | None) -> Any:
    if slots is None or slots <= SLOTS_AT_ONCE:
        return map_state(Tensor.detach, machine.initial_state(batch_size, slots))
    few, more = (machine.initial_state(batch_size, SLOTS_AT_ONCE + extra) for extra in (0, 1))

    def grown(small: Tensor, larger: Tensor) -> Tensor:
        beyond = slots - SLOTS_AT_ONCE
        sizes = [a + (b - a) * beyond for a, b in zip(small.shape, larger.shape, strict=True)]
        return small.new_zeros(()).expand(sizes)

    return map_state(grown, few, more)


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
