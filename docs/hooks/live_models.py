"""The machines of the live page: their weights as scripts, since a page of file:// cannot fetch."""

import base64
import json
from typing import Any

import torch

from tapehead import DNC, NTM, hub

MODELS = ("ntm-copy", "dnc-reallocation")
MAX_PARAMETERS = 60_000
SERVED: dict[type, tuple[str, ...]] = {
    NTM: ("memory_size", "word_size", "num_reads", "num_writes", "max_shift", "num_layers", "controller"),
    DNC: ("memory_size", "word_size", "num_reads", "num_layers", "controller"),
}
"""What the page's machines know; other options have to be at their default, or to concern training alone."""
TRAINING_ALONE = {"input_size", "hidden_size", "output_size", "init", "usage_gradient", "batch_first"} | {
    "clip_controller_gradient",
    "clip_weighting_gradient",
}


def scripts() -> dict[str, str]:
    """NAME.js → a script that adds the model to ``window.tapeheadModels``, for every live model."""
    return {f"{name}.js": script(name) for name in MODELS}


def script(name: str) -> str:
    """One model as a script.

    Raises:
        ValueError: the model is too large for a page, or has options that the page's machines do not know.
    """
    model = json.dumps(export(name))
    return f"(window.tapeheadModels ??= {{}})[{json.dumps(name)}] = {model};\n"


def export(name: str) -> dict[str, Any]:
    """A model as plain data: its arguments, and its parameters as base64 of little-endian float32."""
    machine = hub.load(name)
    if machine.config.controller not in ("lstm", "feedforward"):
        raise ValueError(f"{name} has a controller of its own")
    for field in type(machine.config).saved_fields():
        value = getattr(machine.config, field.name)
        if field.name not in TRAINING_ALONE | set(SERVED[type(machine)]) and value != field.default:
            raise ValueError(f"{name} has {field.name}={value!r}, which the live page does not know")
    parameters = dict(machine.named_parameters())
    count = sum(parameter.numel() for parameter in parameters.values())
    if count > MAX_PARAMETERS:
        raise ValueError(f"{name} has {count} parameters: a page takes at most {MAX_PARAMETERS}")
    arguments = {field: getattr(machine.config, field) for field in SERVED[type(machine)]}
    return {
        "name": name,
        "architecture": type(machine).__name__,
        "arguments": arguments
        | {
            "input_size": machine.input_size,
            "hidden_size": machine.hidden_size,
            "output_size": machine.output_size,
        },
        "task": hub.info(name)["task"],
        "parameters": {key: _packed(value) for key, value in parameters.items()},
    }


def _packed(tensor: torch.Tensor) -> dict[str, Any]:
    data = tensor.detach().float().numpy().astype("<f4").tobytes()
    return {"shape": list(tensor.shape), "data": base64.b64encode(data).decode("ascii")}
