"""Checks of config fields that come from a person or from JSON."""

import dataclasses
from typing import Any, Literal

from ._errors import ConfigError


def mapping(data: Any, where: str) -> dict[str, Any]:
    """``data`` itself, when it is a JSON object."""
    if not isinstance(data, dict):
        raise ConfigError(f"{where} is {data!r}: a JSON object is needed")
    return data


def construct(cls: type, fields: Any, where: str) -> Any:
    """``cls(**fields)``, with unknown fields and values of the wrong kind named."""
    known = {field.name: field for field in dataclasses.fields(cls)}
    for name, value in mapping(fields, where).items():
        if name not in known:
            raise ConfigError(f"{where} has an unknown field {name!r}: it has {', '.join(known)}")
        if isinstance(value, str | bool | int | float | None) and not _fits(value, known[name].type):
            raise ConfigError(f"{where}.{name} is {value!r}, which is not a {known[name].type}")
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


def check_positive(config: Any, *names: str) -> None:
    """Raise a ConfigError unless these fields are above zero."""
    for name in names:
        value = getattr(config, name)
        if not value > 0:
            raise ConfigError(f"{name} is {value}: give a number above 0")
