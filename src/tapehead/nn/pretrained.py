"""Weights to a folder and back: safetensors and JSON, never a pickle.

A folder holds ``model.safetensors``, ``config.json`` (format, architecture, constructor arguments, and what
the trainer adds: task, scores, …) and perhaps ``card.md``.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from ..errors import TapeheadError
from ..types import AnyState, map_state

FORMAT_VERSION = 1
WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"
CARD_FILE = "card.md"
MAX_CONFIG_BYTES = 1_000_000

# (typing.Self is beyond beartype, which checks shapes under pytest.)
M = TypeVar("M", bound="Pretrained")


class PretrainedError(TapeheadError, ValueError):
    """A folder of weights that cannot be used; the message says why and what to do."""


class Pretrained:
    """What a machine needs to be saved and loaded."""

    _arguments: dict[str, Any]

    def _remember(self, arguments: Mapping[str, Any]) -> None:
        """Keep the constructor's arguments; call it first, with ``locals()``."""
        not_saved = ("self", "__class__", "backend", "device", "dtype")
        # nn.Module.__setattr__ would take a controller of the user's for a second submodule.
        object.__setattr__(self, "_arguments", {k: v for k, v in arguments.items() if k not in not_saved})

    def _squeeze_if_unbatched(self, state: AnyState, batch_size: int | None) -> AnyState:
        return map_state(lambda field: field.squeeze(0), state) if batch_size is None else state

    @property
    def config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON.

        Raises:
            PretrainedError: the machine has a controller of the user's own, which JSON cannot describe.
        """
        if isinstance(self._arguments.get("controller"), nn.Module):
            raise PretrainedError(
                f"the controller {type(self._arguments['controller']).__name__} is your own module, "
                "which no config can describe: save its state_dict() and build the machine yourself"
            )
        return dict(self._arguments)

    def save_pretrained(
        self, folder: str | os.PathLike, *, extra: Mapping[str, Any] | None = None, card: str | None = None
    ) -> None:
        """Save weights and config to ``folder``, all or nothing.

        Args:
            folder: made when missing; files of the same names are replaced, others stay.
            extra: entries to add to config.json (task, scores, …).
            card: the text of card.md.

        Raises:
            OSError: the folder cannot be written.
        """
        from safetensors.torch import save_file

        assert isinstance(self, nn.Module)
        config = {
            "format_version": FORMAT_VERSION,
            "architecture": type(self).__name__,
            "arguments": self.config,
            **(extra or {}),
        }
        text = json.dumps(config, indent=1) + "\n"
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".saving-") as beside:
            tensors = {k: v.detach().cpu().contiguous() for k, v in self.state_dict().items()}
            save_file(tensors, os.path.join(beside, WEIGHTS_FILE))
            Path(beside, CONFIG_FILE).write_text(text, encoding="utf-8")
            if card is not None:
                Path(beside, CARD_FILE).write_text(card, encoding="utf-8")
            for file in sorted(Path(beside).iterdir()):
                shutil.copymode(folder, file)
                file.chmod(file.stat().st_mode & 0o666 | 0o600)
                os.replace(file, folder / file.name)

    @classmethod
    def from_pretrained(cls: type[M], folder: str | os.PathLike, **overrides: Any) -> M:
        """Build the machine that ``folder`` describes, with its weights.

        Args:
            folder: as :meth:`save_pretrained` wrote it.
            overrides: constructor arguments to change, such as ``batch_first=True``.

        Raises:
            PretrainedError: a missing, damaged or foreign file, or weights that do not fit the config.
        """
        config = read_config(folder)
        if config["architecture"] != cls.__name__:
            raise PretrainedError(
                f"{folder} holds a {config['architecture']}, not a {cls.__name__}: "
                f"use {config['architecture']}.from_pretrained or tapehead.load"
            )
        arguments = {**config["arguments"], **overrides}
        try:
            # On paper first: a config that asks for more memory than there is must not get it.
            sketch = cls(**{**arguments, "device": "meta"})
        except (TypeError, ValueError, RuntimeError) as error:
            reason = str(error).partition("\n")[0]
            raise PretrainedError(
                f"the arguments in {folder}/{CONFIG_FILE} build no {cls.__name__}: {reason}"
            ) from error
        weights = _read_weights(sketch, Path(folder, WEIGHTS_FILE))  # type: ignore[arg-type]
        machine = cls(**arguments)
        machine.load_state_dict(weights)  # type: ignore[attr-defined]
        return machine


def read_config(folder: str | os.PathLike) -> dict[str, Any]:
    """The checked config.json of a folder of weights.

    Raises:
        PretrainedError: a missing or damaged file, or one of another program or of a newer format.
    """
    path = Path(folder, CONFIG_FILE)
    if not path.is_file():
        raise PretrainedError(
            f"{folder} has no {CONFIG_FILE}: give a folder that save_pretrained or a training run wrote"
        )
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise PretrainedError(f"{path} has over {MAX_CONFIG_BYTES} bytes: it is not a tapehead config")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise PretrainedError(
            f"{path} is damaged ({error}): save the model again or restore the file"
        ) from error
    if not isinstance(config, dict) or "format_version" not in config:
        raise PretrainedError(f"{path} is not a tapehead config: it has no format_version")
    if config["format_version"] != FORMAT_VERSION:
        raise PretrainedError(
            f"{path} has format_version {config['format_version']!r}, this tapehead reads {FORMAT_VERSION}: "
            "load it with the version that wrote it"
        )
    if not isinstance(config.get("architecture"), str) or not isinstance(config.get("arguments"), dict):
        raise PretrainedError(f"{path} names no architecture with its arguments: save the model again")
    return config


def _read_weights(machine: nn.Module, path: Path) -> dict[str, torch.Tensor]:
    """The weights in ``path``, which fit ``machine``."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise PretrainedError(f"{path} is missing: the folder has a config but no weights")
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise PretrainedError(
            f"{path} is truncated or not a safetensors file ({error}): fetch or save it again"
        ) from error
    expected = machine.state_dict()
    for name in sorted(expected.keys() | tensors.keys()):
        if name not in tensors:
            raise PretrainedError(f"{path} lacks the weight {name}: it belongs to another model")
        if name not in expected:
            raise PretrainedError(
                f"{path} holds the weight {name}, which this model does not have: it belongs to another"
            )
        if tensors[name].shape != expected[name].shape:
            raise PretrainedError(
                f"{path}: {name} has shape {list(tensors[name].shape)}, "
                f"the config asks for {list(expected[name].shape)}"
            )
        if not torch.isfinite(tensors[name]).all():
            raise PretrainedError(f"{path}: {name} holds values that are not finite: the file is damaged")
    return tensors
