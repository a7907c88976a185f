"""The folder of a run: the trained model, checkpoints to resume from, and batches that gave no finite loss.

The folder::

    config.json              the model's architecture and arguments, the task, "training" (the whole config)
    model.safetensors        the weights at the last checkpoint: with config.json, a model for tapehead.load
    card.md                  a description of the model with its scores; written at the end
    metrics.jsonl            a row every few updates
    checkpoints/step-.../    model.safetensors and state.pt, from which the run resumes exactly; with
                             ``ema_decay`` also ema.safetensors
    nonfinite-....safetensors   only after a loss or gradient that was not finite: the batch and the weights
"""

import contextlib
import dataclasses
import io
import pickle
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save

from ..nn import Machine
from ..nn.pretrained import WEIGHTS_FILE
from ..tasks import Batch
from .config import TrainConfig
from .device import start_distributed
from .errors import CheckpointError
from .files import write_folder
from .host import describe_host
from .run import Progress, Run

CHECKPOINTS = "checkpoints"
STEP = re.compile(r"step-(\d+)")
EMA_FILE = "ema.safetensors"
STATE_FILE = "state.pt"


def save_checkpoint(run: Run, folder: Path) -> None:
    """Save everything that is needed to resume exactly; call it in every process.

    Raises:
        OSError: it cannot be written; the checkpoint before it stays.
    """
    own = {
        "sampler": run.sampler.state_dict(),
        "validation_sampler": run.validation_sampler.state_dict(),
        "random_state": run.random_state.state_dict(),
        "nats": run.progress.nats,
    }
    ranks = run.distributed.gather(own)
    checkpoint = _checkpoint_folder(folder, run.progress.step)
    if run.distributed.is_main and not checkpoint.exists():
        state = io.BytesIO()
        torch.save(
            {
                "config": run.config.to_dict(),
                "optimizer": run.optimizer.state_dict(),
                "curriculum": run.curriculum.state_dict(),
                "progress": dataclasses.asdict(run.progress),
                "rollback": None if run.rollback is None else run.rollback.state_dict(),
                "ranks": ranks,
                "on_gpu": run.distributed.device.type == "cuda",
            },
            state,
        )
        files = {WEIGHTS_FILE: save(_weights(run.machine)), STATE_FILE: state.getvalue()}
        if run.ema is not None:
            files[EMA_FILE] = save(_weights(run.ema))
        write_folder(checkpoint, files)
        for other in checkpoint.parent.iterdir():
            if other != checkpoint:
                shutil.rmtree(other, ignore_errors=True)
    run.distributed.wait()


def save_model(run: Run, folder: Path) -> None:
    """Save the trained model; call it in the main process.

    Raises:
        OSError: it cannot be written.
    """
    progress = run.progress
    extra: dict[str, Any] = {
        "task": run.config.task.to_dict(),
        "training": run.config.to_dict(),
        "trained": {
            "steps": progress.step,
            "sequences": progress.sequences,
            "seconds": round(progress.seconds, 1),
            "processes": run.distributed.count,
            "host": describe_host(run.distributed.device),
            "ended": progress.reason,
            "validation": progress.validation,
        },
    }
    try:
        run.result.save_pretrained(folder, extra=extra)
    except SafetensorError as error:
        raise OSError(f"{folder} cannot be written ({error})") from error


def load_run(folder: Path, *, sequences: int | None = None) -> Run:
    """The run in ``folder`` as its newest checkpoint has it.

    Args:
        folder: the run's folder.
        sequences: train up to this many sequences instead of the config's.

    Raises:
        CheckpointError: no checkpoint, a damaged or foreign one, or another number of processes.
    """
    checkpoint = newest_checkpoint(folder)
    with _damage_named(checkpoint):
        state = torch.load(checkpoint / STATE_FILE, map_location="cpu", weights_only=True)
        weights = load((checkpoint / WEIGHTS_FILE).read_bytes())
        ranks = state["ranks"]
        progress = Progress(**state["progress"])
        config = TrainConfig.from_dict(state["config"])
        # (A checkpoint of before there was a choice does not say; its run was on the CPU.)
        on_gpu = bool(state.get("on_gpu", False))
    distributed = start_distributed(config, on_gpu=on_gpu)
    if len(ranks) != distributed.count:
        raise CheckpointError(
            f"{folder} was trained by {len(ranks)} processes, but there are {distributed.count} now: "
            f"start {len(ranks)}"
        )
    if sequences is not None:
        config = dataclasses.replace(config, sequences=sequences)
    run = Run(config, distributed, load_init=False)
    run.progress = progress
    with _damage_named(checkpoint):
        own = ranks[distributed.rank]
        run.machine.load_state_dict(weights)
        if run.ema is not None:
            run.ema.load_state_dict(load((checkpoint / EMA_FILE).read_bytes()))
        run.optimizer.load_state_dict(state["optimizer"])
        run.curriculum.load_state_dict(state["curriculum"])
        if run.rollback is not None:
            run.rollback.load_state_dict(state["rollback"])
        run.sampler.load_state_dict(own["sampler"])
        run.validation_sampler.load_state_dict(own["validation_sampler"])
        run.random_state.load_state_dict(own["random_state"])
        run.progress.nats = own["nats"]
    return run


def newest_checkpoint(folder: Path) -> Path:
    """The folder of the newest checkpoint of the run in ``folder``.

    Raises:
        CheckpointError: there is none.
    """
    if not folder.is_dir():
        raise CheckpointError(f"{folder} does not exist: give the folder of a run")
    steps = [
        int(match[1]) for path in folder.glob(f"{CHECKPOINTS}/*") if (match := STEP.fullmatch(path.name))
    ]
    if not steps:
        raise CheckpointError(f"{folder} has no checkpoint to resume from: give the folder of a run")
    return _checkpoint_folder(folder, max(steps))


def save_batch(run: Run, folder: Path, batch: Batch, loss: float, norm: float) -> Path:
    """Save a batch whose loss or gradient is not finite, and the weights; :func:`load_batch` reads them."""
    path = folder / f"nonfinite-step{run.progress.step}-rank{run.distributed.rank}.safetensors"
    tensors = {f"batch.{name}": tensor for name, tensor in batch._asdict().items()}
    tensors |= {f"model.{name}": tensor for name, tensor in run.machine.state_dict().items()}
    about = {
        "step": run.progress.step,
        "seed": run.config.seed,
        "lesson": run.curriculum.lesson,
        "loss": loss,
        "norm": norm,
    }
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    path.write_bytes(save(tensors, metadata={key: str(value) for key, value in about.items()}))
    return path


def load_batch(path: Path) -> tuple[Batch, dict[str, torch.Tensor], dict[str, str]]:
    """What :func:`save_batch` saved: the batch, the weights, and step, seed and loss as text."""
    with safe_open(path, framework="pt") as file:
        about = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    batch = Batch(*(tensors[f"batch.{name}"] for name in Batch._fields))
    prefix = "model."
    weights = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
    return batch, weights, about


@contextlib.contextmanager
def _damage_named(checkpoint: Path) -> Iterator[None]:
    """Turn whatever PyTorch and safetensors raise for damaged and foreign files into a CheckpointError."""
    try:
        yield
    except (
        pickle.UnpicklingError,
        SafetensorError,
        OSError,
        RuntimeError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        EOFError,
    ) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(
            f"{checkpoint} is damaged or from another program, so the run cannot resume from it "
            f"({type(error).__name__}: {reason[:160]})"
        ) from error


def _weights(machine: Machine) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().cpu() for name, tensor in machine.state_dict().items()}


def _checkpoint_folder(folder: Path, step: int) -> Path:
    return folder / CHECKPOINTS / f"step-{step:09}"
