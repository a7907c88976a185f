"""Whether a module is what it was: then what was found out about it still holds."""

import itertools
import operator
from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn
from torch.nn.modules import module as torch_module

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
"""Attributes of a module: the hooks that a call of it would run."""
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
        attributes = [vars(part) for part in (own, *self._parts)]
        self._copies = [dict(found) for found in attributes]
        self._hooks = [*_GLOBAL_HOOKS, *(found[name] for found in attributes for name in _HOOKS)]
        contents = _contents_of(attributes)
        self._names = list(_all_of(contents))
        self._values = [value for content in contents for value in content.values()]

    def holds(self, module: nn.Module) -> bool:
        """Whether nothing of ``module``, which this was made of, was changed, and there are no hooks."""
        same = operator.is_
        attributes = list(map(vars, (module, *self._parts)))
        try:
            # What is the same object is not compared further: so hooks are looked at apart.
            if attributes != self._copies or any(self._hooks):
                return False
        except Exception:  # an attribute of the user's own that does not compare with what it was
            return False
        contents = _contents_of(attributes)
        return (
            type(module) is self._class
            and list(_all_of(contents)) == self._names
            and all(map(same, _all_of(map(dict.values, contents)), self._values))
            and all(map(same, map(type, self._objects), self._classes))
            and [parameter.shape for parameter in self._parameters] == self._shapes
            and all(map(same, map(getattr, self._owners, self._methods), self._functions))
        )


def _contents_of(attributes: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The parameters and the submodules of every part."""
    return [content for found in attributes for content in (found["_parameters"], found["_modules"])]
