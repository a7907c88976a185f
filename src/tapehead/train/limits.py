"""Upper limits of a training config, checked before anything is allocated."""

import dataclasses
import math
from collections.abc import Sequence

from torch import nn

from ..nn import MachineConfig
from ..tasks import Task
from .errors import ConfigError

MAX_SIZE = 1_000_000
"""Upper limit of each size of a model, and of the batch size."""
MAX_LAYERS = 1_000
MAX_PARAMETERS = 1 << 31
MAX_NUMBERS = 1 << 31
"""Upper limit of the numbers in the states of a batch, and in its inputs and targets: 8 GiB in float32."""


def check_sizes(
    model: MachineConfig, tasks: Sequence[Task], batch_size: int, *, fit_memory: bool = False
) -> None:
    """Raise a ConfigError if a model or a batch is too large for any machine.

    Args:
        model: whole numbers among its fields are sizes.
        tasks: the task and the lessons.
        batch_size: sequences in a batch.
        fit_memory: the batches decide about the memory size.
    """
    _check_maximum("batch_size", batch_size, MAX_SIZE)
    for field in dataclasses.fields(model):
        value = getattr(model, field.name)
        if isinstance(value, int):
            maximum = MAX_LAYERS if field.name == "num_layers" else MAX_SIZE
            _check_maximum(f"model.{field.name}", value, maximum)
    slots = 0 if fit_memory else getattr(model, "memory_size", 0)
    links = slots if getattr(model, "temporal_links", False) else 0
    numbers = batch_size * slots * (getattr(model, "word_size", 0) + links)
    if numbers > MAX_NUMBERS:
        raise ConfigError(
            f"batch_size {batch_size:,} and model.memory_size {slots:,} need memories of {numbers:,} "
            f"numbers: the limit is {MAX_NUMBERS:,}"
        )
    for task in tasks:
        # The number of steps grows at most with the product of the sizes.
        steps = math.prod(task.max_sizes.values())
        numbers = batch_size * steps * (task.input_size + task.output_size)
        if numbers > MAX_NUMBERS:
            raise ConfigError(
                f"batch_size {batch_size:,} and the sizes {task.max_sizes} of {task.name} make batches of "
                f"up to {numbers:,} numbers: the limit is {MAX_NUMBERS:,}"
            )


def check_parameters(machine: nn.Module) -> None:
    """Raise a ConfigError if a machine, which may be on the device "meta", has too many parameters."""
    parameters = sum(parameter.numel() for parameter in machine.parameters())
    if parameters > MAX_PARAMETERS:
        raise ConfigError(
            f"the model has {parameters:,} parameters: give smaller sizes, for at most {MAX_PARAMETERS:,}"
        )


def _check_maximum(name: str, value: int, maximum: int) -> None:
    if value > maximum:
        raise ConfigError(f"{name} is {value:,}: give at most {maximum:,}")
