"""From a name or a folder to a machine."""

import difflib
import os
import re
import warnings
from pathlib import Path
from typing import Any

from .. import nn
from ..nn.pretrained import CONFIG_FILE, PretrainedError, local_folder, read_config

MODELS = Path(__file__).parent / "weights"
FORMER_NAMES = {"dnc-kinship": "ntm-kinship"}
"""Names of models that shipped once, and of those that have taken their place."""
ARCHITECTURES: dict[str, type[nn.Machine]] = {"NTM": nn.NTM, "DNC": nn.DNC, "DeepLSTM": nn.DeepLSTM}


def names() -> tuple[str, ...]:
    """The models that ship with tapehead, in alphabetical order."""
    return tuple(sorted(path.parent.name for path in MODELS.glob(f"*/{CONFIG_FILE}")))


def find(name_or_path: str | os.PathLike) -> Path:
    """The folder of a model: a local folder, the shipped model of that name, or "org/name" on the hub.

    A model's former name stands for the one that took its place, and a ``FutureWarning`` says so.

    Raises:
        PretrainedError: neither exists.
    """
    path = Path(name_or_path)
    shipped = names()
    # A folder that happens to be called like a shipped model does not hide it, unless it is a model too.
    if path.is_dir() and ((path / CONFIG_FILE).is_file() or str(name_or_path) not in shipped):
        return path
    if str(name_or_path) in FORMER_NAMES:
        name = FORMER_NAMES[str(name_or_path)]
        warnings.warn(f"{name_or_path} is now {name}, which answers instead", FutureWarning, stacklevel=1)
        return find(name)
    if str(name_or_path) in shipped:
        return MODELS / str(name_or_path)
    if re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", str(name_or_path)):
        return local_folder(name_or_path)  # of the Hugging Face hub
    close = difflib.get_close_matches(str(name_or_path), shipped, n=2)
    if close:
        hint = f"did you mean {' or '.join(close)}?"
    elif shipped:
        hint = f"the models are {', '.join(shipped)}"
    else:
        hint = "give the folder of a run"
    raise PretrainedError(f"there is no folder and no model {str(name_or_path)!r}: {hint}")


def info(name_or_path: str | os.PathLike) -> dict[str, Any]:
    """The config.json of a model: architecture, arguments, and (of a trained one) task, training and scores.

    Raises:
        PretrainedError: no such model, or a damaged or foreign one.
    """
    folder = find(name_or_path)
    config = read_config(folder)
    if config["architecture"] not in ARCHITECTURES:
        raise PretrainedError(
            f"{folder} holds a {config['architecture']!r}, which this tapehead does not know: "
            f"it knows {', '.join(ARCHITECTURES)}"
        )
    return config


def load(name_or_path: str | os.PathLike) -> nn.Machine:
    """The machine of this name or in this folder, in evaluation mode.

    Raises:
        PretrainedError: no such model, or a damaged or foreign one.
    """
    architecture = ARCHITECTURES[info(name_or_path)["architecture"]]
    return architecture.from_pretrained(find(name_or_path))
