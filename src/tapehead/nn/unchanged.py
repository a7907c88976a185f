"""Whether a module is what it was: then what was found out about it still holds."""

import itertools
import operator
from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn
from torch.nn.modules import module as torch_module

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
"""Attributes of a module: the hooks that a call of it would run."""
_containers_of = operator.itemgetter(*_HOOKS, "_parameters", "_modules")
_all_of = itertools.chain.from_iterable
_GLOBAL_HOOKS: tuple[dict[int, Any], ...] = (
    torch_module._global_forward_hooks,
    torch_module._global_forward_pre_hooks,
    torch_module._global_backward_hooks,
    torch_module._global_backward_pre_hooks,
)


def any_hook(module: nn.Module) -> bool:
    """Whether a call of ``module`` would run a hook of its own."""
    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
    )


def any_global_hook() -> bool:
    """Whether a hook is registered on all modules."""
    return any(_GLOBAL_HOOKS)


class Snapshot:
    """What a module is made of, to tell in a few microseconds whether any of it was changed since.

    A change is another attribute, parameter or submodule of the module or of a part of it, in any place; a
    hook; a parameter of another class or shape; a method of a class that is replaced. The numbers in the
    parameters, their dtype and where they lie may change.

    Args:
        module: it and all its parts are looked at. Its parts are kept alive, and it itself is not.
        parameters: of it, whose classes and shapes are looked at.
        methods: (class, name) of those that are looked at.
    """

    def __init__(
        self, module: nn.Module, parameters: Iterable[Tensor], methods: Iterable[tuple[type, str]]
    ) -> None:
        self._class = type(module)
        own, *self._parts = module.modules()
        self._parameters = list(parameters)
        self._objects: list[Any] = [*self._parts, *self._parameters]
        self._classes = list(map(type, self._objects))
        self._shapes = [parameter.shape for parameter in self._parameters]
        self._owners, self._methods = zip(*methods)
        self._functions = list(map(getattr, self._owners, self._methods))
        self._attributes = [vars(part) for part in (own, *self._parts)]
        self._copies = [dict(attributes) for attributes in self._attributes]
        containers = [_containers_of(attributes) for attributes in self._attributes]
        self._containers = list(_all_of(containers))
        self._hooks = [*_GLOBAL_HOOKS, *_all_of(found[: len(_HOOKS)] for found in containers)]
        contents = list(_all_of(found[len(_HOOKS) :] for found in containers))
        self._names_in, self._names = contents, list(_all_of(contents))
        self._values_in = [content.values() for content in contents]
        self._values = list(_all_of(self._values_in))

    def holds(self, module: nn.Module) -> bool:
        """Whether nothing of ``module``, which this was made of, was changed, and there are no hooks."""
        same = operator.is_
        try:
            # Of the same object this asks no further. Other tensors are parameters, whose values are below.
            equal = self._attributes == self._copies
        except Exception:  # an attribute of the user's that does not compare
            return False
        return (
            equal
            and type(module) is self._class
            and all(map(same, map(vars, (module, *self._parts)), self._attributes))
            and all(map(same, _all_of(map(_containers_of, self._attributes)), self._containers))
            and not any(self._hooks)
            and list(_all_of(self._names_in)) == self._names
            and all(map(same, _all_of(self._values_in), self._values))
            and all(map(same, map(type, self._objects), self._classes))
            and [parameter.shape for parameter in self._parameters] == self._shapes
            and all(map(same, map(getattr, self._owners, self._methods), self._functions))
        )
