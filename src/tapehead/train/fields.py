"""Checks of config fields that come from the command line or from JSON."""

import dataclasses
import math
from typing import Any, Literal, TypeVar, get_args, get_type_hints

from .errors import ConfigError

Config = TypeVar("Config")
MAX_WHOLE = (1 << 63) - 1
"""The largest whole number that PyTorch can hold."""


def mapping(data: object, where: str) -> dict[str, Any]:
    """``data`` itself if it is a JSON object.

    Raises:
        ConfigError: it is something else.
    """
    if not isinstance(data, dict):
        raise ConfigError(f"{where} is {data!r}: a JSON object is needed")
    return data


def construct(cls: type[Config], fields: object, where: str) -> Config:
    """``cls(**fields)`` for a dataclass and the fields of a JSON object.

    Raises:
        ConfigError: an unknown field, or a value of the wrong type.
    """
    hints = get_type_hints(cls)
    known = {field.name: hints[field.name] for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    values = dict(mapping(fields, where))
    for name, value in values.items():
        if name not in known:
            raise ConfigError(f"{where} has an unknown field {name!r}: it has {', '.join(known)}")
        if isinstance(value, str | bool | int | float | None) and not _fits(value, known[name]):
            raise ConfigError(f"{where}.{name} is {value!r}, which is not {_type_name(known[name])}")
        if type(value) is int and float in (known[name], *get_args(known[name])):
            check_whole_number(f"{where}.{name}", value)
            values[name] = float(value)
    return cls(**values)


def _fits(value: object, annotation: Any) -> bool:
    """Whether a JSON scalar may be the value of a field with this annotation."""
    choices = getattr(annotation, "__args__", (annotation,))
    if getattr(annotation, "__origin__", None) is Literal:
        return value in choices
    for choice in choices:
        if getattr(choice, "__origin__", None) is Literal:
            if value in choice.__args__:
                return True
        elif choice is float:
            if isinstance(value, int | float) and not isinstance(value, bool):
                return True
        elif value is None or isinstance(value, bool):
            if type(value) is choice:
                return True
        elif isinstance(choice, type) and isinstance(value, choice):
            return True
    return False


def _type_name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")


def check_positive(config: object, *names: str) -> None:
    """Raise a ConfigError unless these fields are above zero."""
    for name in names:
        value = getattr(config, name)
        if not value > 0:
            raise ConfigError(f"{name} is {value}: give a number above 0")


def check_finite(config: Any) -> None:
    """Raise a ConfigError if a number among the fields is not finite, or a whole number beyond 64 bits."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"{field.name} is {value}: give a finite number")
        if isinstance(value, int):
            check_whole_number(field.name, value)


def check_whole_number(name: str, value: int) -> None:
    """Raise a ConfigError if a whole number has more than 64 bits."""
    if abs(value) > MAX_WHOLE:
        raise ConfigError(f"{name} has {len(str(abs(value)))} digits: give a number of at most {MAX_WHOLE:,}")
