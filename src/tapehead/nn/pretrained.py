"""Weights to a folder and back: safetensors and JSON, never a pickle.

A folder holds ``model.safetensors``, ``config.json`` (format, architecture, constructor arguments, and what
the trainer adds: task, scores, …) and perhaps ``card.md``.
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from ..errors import TapeheadError
from .config import MAX_SIZE, MachineConfig

FORMAT_VERSION = 1
WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"
CARD_FILE = "card.md"
MAX_CONFIG_BYTES = 1_000_000
UNFINISHED = ".saving-"
"""Begins the name of the folder in which a save collects its files; the process's number follows."""
DTYPES = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float64": torch.float64,
}
"""What weights can be saved in."""

# (typing.Self is beyond beartype, which checks shapes under pytest.)
M = TypeVar("M", bound="Pretrained")


class PretrainedError(TapeheadError, ValueError):
    """A folder of weights that cannot be used; the message says why and what to do."""


class Pretrained:
    """What a machine needs to be saved and loaded."""

    config: MachineConfig

    def save_pretrained(
        self, folder: str | os.PathLike, *, extra: Mapping[str, Any] | None = None, card: str | None = None
    ) -> None:
        """Save weights and config to ``folder``, all or nothing.

        Args:
            folder: made when missing; files of the same names are replaced, others stay.
            extra: entries to add to config.json (task, scores, …).
            card: the text of card.md.

        Raises:
            PretrainedError: the machine has a controller of the user's own, which JSON cannot describe.
            OSError: the folder cannot be written.
        """
        from safetensors.torch import save_file

        machine = _module(self)
        tensors = {k: v.detach().cpu().contiguous() for k, v in machine.state_dict().items()}
        config = {
            "format_version": FORMAT_VERSION,
            "architecture": type(self).__name__,
            "arguments": _saved_arguments(self.config),
            "dtype": _dtype_name(machine),
            **(extra or {}),
        }
        text = json.dumps(config, indent=1) + "\n"
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        _clean_up(folder)
        with tempfile.TemporaryDirectory(dir=folder, prefix=f"{UNFINISHED}{os.getpid()}-") as beside:
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
        """Build the machine that ``folder`` describes, with its weights, in evaluation mode.

        Args:
            folder: as :meth:`save_pretrained` wrote it; or, where there is no such folder, the name of a
                repository on the Hugging Face hub, "org/name" (needs ``tapehead[hub]`` and a network).
            overrides: constructor arguments to change, such as ``batch_first=True`` or ``dtype``, which is
                otherwise that of the weights.

        Raises:
            PretrainedError: a missing, damaged or foreign file, or weights that do not fit the config.
        """
        folder = local_folder(folder)
        config = read_config(folder)
        if config["architecture"] != cls.__name__:
            raise PretrainedError(
                f"{folder} holds a {config['architecture']}, not a {cls.__name__}: "
                f"use {config['architecture']}.from_pretrained or tapehead.load"
            )
        path = Path(folder, WEIGHTS_FILE)
        tensors = _read_tensors(path)
        arguments = config["arguments"]
        _check_arguments(arguments, f"{folder}/{CONFIG_FILE}", len(tensors))
        arguments = {**arguments, "dtype": DTYPES[config.get("dtype", "float32")], **overrides}
        try:
            # Without memory first: a config that asks for more than there is must not get it.
            sketch = cls(**{**arguments, "device": "meta"})
        except (TypeError, ValueError, RuntimeError) as error:
            reason = str(error).partition("\n")[0]
            raise PretrainedError(
                f"the arguments in {folder}/{CONFIG_FILE} build no {cls.__name__}: {reason}"
            ) from error
        _check_tensors(tensors, _module(sketch), path)
        machine = cls(**arguments)
        _module(machine).load_state_dict(tensors)
        _module(machine).eval()
        return machine

    def push_to_hub(self, repository: str, *, private: bool = False, card: str | None = None) -> str:
        """Upload weights and config to the Hugging Face hub; needs ``tapehead[hub]`` and a login there.

        Args:
            repository: "org/name"; made when missing.
            private: whether a repository that is made is private.
            card: the text of the repository's README.md.

        Returns:
            The address of the upload.
        """
        from huggingface_hub import HfApi

        hub = HfApi()
        repository = hub.create_repo(repository, private=private, exist_ok=True).repo_id
        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            if card is not None:
                Path(folder, "README.md").write_text(card, encoding="utf-8")
            return str(hub.upload_folder(repo_id=repository, folder_path=folder))


def local_folder(name: str | os.PathLike) -> Path:
    """The folder of this name; or, where there is none, the hub's repository "org/name", downloaded.

    Raises:
        PretrainedError: the hub has no such repository, or cannot be reached.
    """
    path = Path(name)
    if path.exists() or not re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", str(name)):
        return path
    try:
        from huggingface_hub import snapshot_download
    except ModuleNotFoundError:
        raise PretrainedError(
            f'there is no folder {name}; to look for it on the Hugging Face hub: pip install "tapehead[hub]"'
        ) from None
    try:
        return Path(snapshot_download(str(name), allow_patterns=[CONFIG_FILE, WEIGHTS_FILE, CARD_FILE]))
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise PretrainedError(
            f"there is no folder {name}, and the Hugging Face hub gave none ({reason}): check the name"
        ) from error


def _module(machine: Any) -> nn.Module:
    if not isinstance(machine, nn.Module):
        raise TypeError(f"{type(machine).__name__} is no nn.Module: only machines are saved and loaded")
    return machine


def _saved_arguments(config: MachineConfig) -> dict[str, Any]:
    if isinstance(config.controller, nn.Module):
        raise PretrainedError(
            f"the controller {type(config.controller).__name__} is your own module, "
            "which no config can describe: save its state_dict() and build the machine yourself"
        )
    return config.saved()


def _dtype_name(machine: nn.Module) -> str:
    """The name in :data:`DTYPES` of the dtype that the machine computes in."""
    dtype = next(parameter.dtype for parameter in machine.parameters() if parameter.is_floating_point())
    return str(dtype).removeprefix("torch.")


def _clean_up(folder: Path) -> None:
    """Remove what a save that was killed left behind; a save that still runs in another process stays."""
    for left in folder.glob(f"{UNFINISHED}*"):
        process = left.name.removeprefix(UNFINISHED).partition("-")[0]
        if not process.isdigit() or int(process) == os.getpid() or not _alive(int(process)):
            shutil.rmtree(left, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


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
    if config.get("dtype", "float32") not in DTYPES:
        raise PretrainedError(f"{path} has dtype {config['dtype']!r}: it can be one of {', '.join(DTYPES)}")
    return config


def _check_arguments(arguments: Mapping[str, Any], where: str, tensors: int) -> None:
    """Refuse arguments that belong to a process, or that would allocate much before they prove wrong."""
    for name, value in arguments.items():
        if name in ("backend", "device", "dtype"):
            raise PretrainedError(f"{where} has the argument {name!r}, which no saved model has: remove it")
        if isinstance(value, int) and not -MAX_SIZE < value < MAX_SIZE:
            raise PretrainedError(f"{where} has {name} = {value}: no machine is as large as that")
    layers = arguments.get("num_layers", 1)
    if isinstance(layers, int) and layers > tensors:
        raise PretrainedError(f"{where} has num_layers = {layers}, but there are only {tensors} weights")


def _read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file, in floating-point dtypes that machines compute in."""
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
    for name, tensor in tensors.items():
        if tensor.dtype not in DTYPES.values():
            raise PretrainedError(
                f"{path}: {name} is {tensor.dtype}: save the weights as one of {', '.join(DTYPES)}"
            )
    return tensors


def _check_tensors(tensors: Mapping[str, torch.Tensor], machine: nn.Module, path: Path) -> None:
    """Refuse weights that do not fit ``machine``, or that are not finite in its dtype."""
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
        if not torch.isfinite(tensors[name].to(expected[name].dtype)).all():
            raise PretrainedError(
                f"{path}: {name} holds values beyond {expected[name].dtype}: load it with dtype=torch.float64"
            )
