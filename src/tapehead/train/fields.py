"""Checks of config fields that come from a person or from JSON."""

import dataclasses
from typing import Any, Literal, get_args, get_type_hints

from .errors import ConfigError


def mapping(data: Any, where: str) -> dict[str, Any]:
    """``data`` itself, when it is a JSON object."""
    if not isinstance(data, dict):
        raise ConfigError(f"{where} is {data!r}: a JSON object is needed")
    return data


def construct(cls: type, fields: Any, where: str) -> Any:
    """``cls(**fields)``, with unknown fields and values of the wrong kind named."""
    hints = get_type_hints(cls)
    known = {field.name: hints[field.name] for field in dataclasses.fields(cls)}
    fields = dict(mapping(fields, where))
    for name, value in fields.items():
        if name not in known:
            raise ConfigError(f"{where} has an unknown field {name!r}: it has {', '.join(known)}")
        if isinstance(value, str | bool | int | float | None) and not _fits(value, known[name]):
            raise ConfigError(f"{where}.{name} is {value!r}, which is not {_named(known[name])}")
        if type(value) is int and float in (known[name], *get_args(known[name])):
            fields[name] = float(value)
    return cls(**fields)


def _fits(value: Any, annotation: Any) -> bool:
    """Whether a JSON scalar may stand in a field of this annotation."""
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


def _named(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")


def check_positive(config: Any, *names: str) -> None:
    """Raise a ConfigError unless these fields are above zero."""
    for name in names:
        value = getattr(config, name)
        if not value > 0:
            raise ConfigError(f"{name} is {value}: give a number above 0")
