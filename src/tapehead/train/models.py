"""The model part of a training config: the machines' own configs, with the defaults of training.

The task decides ``input_size`` and ``output_size``, so a config of this kind leaves them open.
"""

import dataclasses
from functools import partial
from typing import Any

from .. import nn, tasks
from .errors import ConfigError
from .fields import construct, mapping

FROM_TASK = 0
"""In place of ``input_size``: the task's."""
KIND = "architecture"
"""Of the entry that names the machine in JSON."""

AnyConfig = nn.NTMConfig | nn.DNCConfig | nn.LSTMConfig

# A bound of 1,000 at the weightings is wide: it guards against overflow alone.
ntm = partial(nn.NTMConfig, FROM_TASK, hidden_size=100, clip_weighting_gradient=1e3)
"""A Neural Turing Machine of 100 units."""
dnc = partial(nn.DNCConfig, FROM_TASK, hidden_size=100, num_reads=1, clip_weighting_gradient=1e3)
"""A Differentiable Neural Computer of 100 units, with one read head."""
lstm = partial(nn.LSTMConfig, FROM_TASK, hidden_size=256)
"""The papers' baseline, three layers of 256."""

_KINDS: dict[str, tuple[Any, type[nn.Machine]]] = {
    "ntm": (ntm, nn.NTM),
    "dnc": (dnc, nn.DNC),
    "lstm": (lstm, nn.DeepLSTM),
}
# What the task, the optimiser's clipping and the training loop decide.
_NOT_OF_A_PRESET = ("input_size", "output_size", "batch_first", "clip_controller_gradient")


def fields_of(config: type[nn.MachineConfig]) -> "tuple[dataclasses.Field[Any], ...]":
    """The fields that a training config sets."""
    return tuple(field for field in config.saved_fields() if field.name not in _NOT_OF_A_PRESET)


def name_of(config: AnyConfig) -> str:
    """ "ntm", "dnc" or "lstm"."""
    return next(kind for kind, (default, _) in _KINDS.items() if type(config) is default.func)


def build(config: AnyConfig, task: tasks.Task, **extra: Any) -> nn.Machine:
    """The untrained machine for ``task``; ``extra`` are further constructor arguments.

    Raises:
        ConfigError: sizes that make no machine.
    """
    _, machine = _KINDS[name_of(config)]
    try:
        sizes: dict[str, Any] = {"input_size": task.input_size, "output_size": task.output_size}
        return machine.from_config(dataclasses.replace(config, **sizes, **extra))
    except ValueError as error:
        raise ConfigError(f"the model cannot be built: {error}") from error


def to_dict(config: AnyConfig) -> dict[str, Any]:
    """Plain data for JSON; :func:`from_dict` reads it back."""
    return {KIND: name_of(config)} | {
        field.name: getattr(config, field.name) for field in fields_of(type(config))
    }


def from_dict(data: Any) -> AnyConfig:
    """The config that :func:`to_dict` wrote; fields left out take the defaults of training.

    Raises:
        ConfigError: an unknown machine or field, or a value of the wrong kind.
    """
    given = dict(mapping(data, "model"))
    kind = given.pop(KIND, None)
    if kind not in _KINDS:
        raise ConfigError(f"model.{KIND} is {kind!r}: choose one of {', '.join(_KINDS)}")
    default = _KINDS[kind][0]
    known = [field.name for field in fields_of(default.func)]
    for name in given:
        if name not in known:
            raise ConfigError(f"model has an unknown field {name!r}: it has {', '.join(known)}")
    defaults = default().saved()
    return construct(default.func, {**defaults, **given}, "model")
