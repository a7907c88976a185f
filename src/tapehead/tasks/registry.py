"""The registry: tasks by name."""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from .base import Task

AnyTask = TypeVar("AnyTask", bound=type[Task])

_registered: dict[str, type[Task]] = {}


def register(task: AnyTask) -> AnyTask:
    """Class decorator: add a task to the registry under its ``name``.

    Defining the same class again (running a notebook cell twice) replaces it.

    Raises:
        ValueError: the class has no name, or another task has it.
    """
    name = getattr(task, "name", None)
    if not isinstance(name, str) or not name:
        raise ValueError(f"{task.__qualname__} needs a class attribute `name` before it can be registered.")
    known = _registered.get(name)
    if known is not None and _origin(known) != _origin(task):
        raise ValueError(f"the task name {name!r} is taken by {'.'.join(_origin(known))}; choose another.")
    _registered[name] = task
    return task


def names() -> tuple[str, ...]:
    """The registered names, in alphabetical order."""
    return tuple(sorted(_registered))


def get(name: str, **fields: Any) -> Task:
    """The task of this name: ``get("copy", max_length=5)``; fields not given have the paper's values.

    Raises:
        ValueError: no task has this name, it has no such field, or a value is out of range.
    """
    if name not in _registered:
        raise ValueError(f"there is no task {name!r}; the tasks are {', '.join(names())}.")
    task = _registered[name]
    known = [field.name for field in dataclasses.fields(task)]
    for field in fields:
        if field not in known:
            raise ValueError(f"the task {name!r} has no field {field!r}; its fields are {', '.join(known)}.")
    return task(**fields)


def from_dict(saved: Mapping[str, Any]) -> Task:
    """The task that ``task.to_dict()`` describes.

    Raises:
        ValueError: ``saved`` has no name, or as for ``get``.
    """
    if "name" not in saved:
        raise ValueError(f"a saved task needs a name; got the fields {', '.join(saved) or 'none'}.")
    # JSON has lists where a field is a tuple.
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in saved.items()
    }
    return get(fields.pop("name"), **fields)


def _origin(task: type[Task]) -> tuple[str, str]:
    return task.__module__, task.__qualname__
