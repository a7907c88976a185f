"""How tyro asks for a machine: the fields of its config that a training run sets."""

import dataclasses
import functools
from typing import get_type_hints

from tyro.constructors import ConstructorRegistry, StructConstructorSpec, StructFieldSpec, StructTypeInfo

from .. import nn
from ..nn.config import ControllerName
from ..train.models import fields_of

registry = ConstructorRegistry()


@registry.struct_rule
def _machine_config(info: StructTypeInfo) -> StructConstructorSpec | None:
    """A machine's config as a group of options; without a default there is nothing to change."""
    if not isinstance(info.default, nn.MachineConfig):
        return None
    config = info.default
    hints = get_type_hints(type(config)) | {"controller": ControllerName}  # a module has no spelling
    fields = tuple(
        StructFieldSpec(
            name=field.name,
            type=hints[field.name],
            default=getattr(config, field.name),
            helptext=field.metadata.get("doc", "units a controller layer"),
        )
        for field in fields_of(type(config))
    )
    return StructConstructorSpec(instantiate=functools.partial(dataclasses.replace, config), fields=fields)
