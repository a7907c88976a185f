"""A run: all that changes while training, and its folder on disk.

The folder::

    config.json              the model's architecture and arguments, the task, "training" (the whole config)
    model.safetensors        the weights at the last checkpoint: with config.json, a model for tapehead.load
    card.md                  what a person wants to know about the model; written at the end
    metrics.jsonl            a row every few updates
    checkpoints/step-.../    model.safetensors and state.pt, from which the run goes on exactly; and where the
                             weights are averaged, averaged.safetensors
    nonfinite-....safetensors   only after a loss or gradient that was not finite: the batch and the weights
"""

import contextlib
import copy
import dataclasses
import io
import math
import os
import pickle
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from .. import engine, hub
from ..engine.native import ops
from ..nn import Machine
from ..tasks import Batch, Sampler
from .config import TrainConfig
from .curriculum import Curriculum
from .distributed import Processes
from .errors import CheckpointError, ConfigError
from .files import write_folder
from .host import describe_host
from .optimizers import build_optimizer

CHECKPOINTS = "checkpoints"
STEP = re.compile(r"step-(\d+)")
WEIGHTS = "model.safetensors"
AVERAGED = "averaged.safetensors"
STATE = "state.pt"
# The validation stream of every rank, far from any training stream's rank.
VALIDATION = 1 << 20
VALIDATION_BATCH = 64
DRAWN_AHEAD = 64
"""Sequences, of tasks that can be drawn ahead."""


@dataclasses.dataclass
class Progress:
    """How far a run is: plain numbers that go into its checkpoints."""

    step: int = 0
    """updates made"""
    sequences: int = 0
    """sequences trained on, by all processes"""
    seconds: float = 0.0
    """spent in the loop, over all sittings"""
    nats: float = 0.0
    """loss of this process, summed since the last row"""
    updates: int = 0
    """updates since the last row"""
    passed: int = 0
    """validations in a row below `stop_below`"""
    reason: str = ""
    """why the run ended; empty while it goes on"""
    validation: dict[str, Any] = dataclasses.field(default_factory=dict)
    """the last validation's row"""
    metrics_size: int = 0
    """bytes of metrics.jsonl"""
    restarts: int = 0
    """times that the run began anew"""
    began: int = 0
    """sequences trained on when it last did"""
    best: float = math.inf
    """the fewest bits per sequence of a validation since then"""


def _begin_with(machine: Machine, name_or_path: str) -> None:
    """Take over the weights of a saved model.

    Raises:
        ConfigError: its weights have other names or shapes.
    """
    try:
        machine.load_state_dict(hub.load(name_or_path).state_dict())
    except RuntimeError as error:
        raise ConfigError(
            f"start_from is {name_or_path!r}, whose weights do not fit the model: "
            f"give the model the sizes in its config.json ({str(error).splitlines()[-1].strip()})"
        ) from error


def _weights(machine: Machine) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().cpu() for name, tensor in machine.state_dict().items()}


def training_sampler(config: TrainConfig, rank: int) -> Sampler:
    """The stream on which a process of a run trains."""
    return Sampler(config.batch_size, config.seed, rank, ahead=max(1, DRAWN_AHEAD // config.batch_size))


class Run:
    """Everything that changes while training, ready to be saved and to go on exactly."""

    def __init__(self, config: TrainConfig, processes: Processes, *, begin: bool = True) -> None:
        self.config = config
        self.processes = processes
        torch.manual_seed(config.seed)
        self.machine = config.build_model()
        if begin and config.start_from is not None:
            _begin_with(self.machine, config.start_from)
        self.model = processes.wrap(self.machine)
        self.optimizer = build_optimizer(config.optimizer, self.machine)
        self.averaged = None if config.average is None else copy.deepcopy(self.machine)
        self.curriculum = Curriculum.of(config)
        rank = processes.rank
        self.sampler = training_sampler(config, rank)
        share = -(-config.validation_sequences // processes.count)
        chunks = -(-share // VALIDATION_BATCH)
        self.validation_sampler = Sampler(-(-share // chunks), config.seed, VALIDATION + rank)
        # From here on chance is dropout alone, which must differ between processes.
        torch.manual_seed((config.seed << 20) + rank)
        self.progress = Progress()

    @property
    def result(self) -> Machine:
        """The machine that is scored and saved."""
        return self.machine if self.averaged is None else self.averaged

    @torch.no_grad()
    def take_into_average(self) -> None:
        """After an update: the average moves towards the weights, faster while there are few to average."""
        if self.averaged is not None and self.config.average is not None:
            step = self.progress.step
            decay = min(self.config.average, (1 + step) / (10 + step))
            averages, weights = self.averaged.parameters(), self.machine.parameters()
            torch._foreach_lerp_(list(averages), list(weights), 1 - decay)

    @property
    def joint_batch(self) -> int:
        """Sequences an update, over all processes."""
        return self.config.batch_size * self.processes.count

    @property
    def steps(self) -> int:
        """Updates of the whole run."""
        return -(-self.config.sequences // self.joint_batch)

    def restart(self) -> None:
        """Other weights and a fresh optimiser: this beginning leads nowhere. The sequences go on."""
        self.progress.restarts += 1
        self.progress.began, self.progress.best = self.progress.sequences, math.inf
        with torch.random.fork_rng():
            # The same in every process, and another stream than that of any seed's first weights.
            torch.manual_seed((self.config.seed << 20) + (1 << 19) + self.progress.restarts)
            self.machine.load_state_dict(self.config.build_model().state_dict())
        self.optimizer = build_optimizer(self.config.optimizer, self.machine)
        if self.averaged is not None:
            self.averaged.load_state_dict(self.machine.state_dict())

    def save_checkpoint(self, folder: Path) -> None:
        """Save all that it takes to go on exactly; call it in every process.

        Raises:
            OSError: it cannot be written; the checkpoint before it stays.
        """
        own = {
            "sampler": self.sampler.state_dict(),
            "validation_sampler": self.validation_sampler.state_dict(),
            "torch": torch.get_rng_state(),
            "nats": self.progress.nats,
        }
        if self.processes.device.type == "cuda":
            own["cuda"] = torch.cuda.get_rng_state(self.processes.device)
        ranks = self.processes.gather(own)
        checkpoint = _checkpoint_folder(folder, self.progress.step)
        if self.processes.is_main and not checkpoint.exists():
            state = io.BytesIO()
            torch.save(
                {
                    "config": self.config.to_dict(),
                    "optimizer": self.optimizer.state_dict(),
                    "curriculum": self.curriculum.state_dict(),
                    "progress": dataclasses.asdict(self.progress),
                    "ranks": ranks,
                },
                state,
            )
            files = {WEIGHTS: save(_weights(self.machine)), STATE: state.getvalue()}
            if self.averaged is not None:
                files[AVERAGED] = save(_weights(self.averaged))
            write_folder(checkpoint, files)
            for other in checkpoint.parent.iterdir():
                if other != checkpoint:
                    shutil.rmtree(other, ignore_errors=True)
        self.processes.wait()

    def save_model(self, folder: Path) -> None:
        """Save the weights for use, in the main process.

        Raises:
            OSError: they cannot be written.
        """
        progress = self.progress
        extra: dict[str, Any] = {
            "task": self.config.task.to_dict(),
            "training": self.config.to_dict(),
            "trained": {
                "steps": progress.step,
                "sequences": progress.sequences,
                "seconds": round(progress.seconds, 1),
                "processes": self.processes.count,
                "host": describe_host(self.processes.device),
                "ended": progress.reason,
                "validation": progress.validation,
            },
        }
        try:
            self.result.save_pretrained(folder, extra=extra)
        except SafetensorError as error:
            raise OSError(f"{folder} cannot be written ({error})") from error

    def save_batch(self, folder: Path, batch: Batch, loss: float, norm: float) -> Path:
        """Save a batch and the weights that gave no finite value; :func:`load_batch` reads them."""
        path = folder / f"nonfinite-step{self.progress.step}-rank{self.processes.rank}.safetensors"
        tensors = {f"batch.{name}": tensor for name, tensor in batch._asdict().items()}
        tensors |= {f"model.{name}": tensor for name, tensor in self.machine.state_dict().items()}
        about = {
            "step": self.progress.step,
            "seed": self.config.seed,
            "lesson": self.curriculum.lesson,
            "loss": loss,
            "norm": norm,
        }
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        path.write_bytes(save(tensors, metadata={key: str(value) for key, value in about.items()}))
        return path


def processes_for(config: TrainConfig) -> Processes:
    """The processes that train: on the CPU with the engine, on a GPU only with the reference."""
    backend = config.backend or os.environ.get(engine.BACKEND_VARIABLE) or "auto"
    return Processes(gpu=backend == "reference" or ops.why_unavailable() is not None)


def load_run(folder: Path, *, sequences: int | None = None) -> Run:
    """The run in ``folder``, where its newest checkpoint left it.

    Args:
        folder: of the run.
        sequences: train up to this many sequences instead of the config's.

    Raises:
        CheckpointError: no checkpoint, a damaged or foreign one, or another number of processes.
    """
    checkpoint = newest_checkpoint(folder)
    with _damage_named(checkpoint):
        state = torch.load(checkpoint / STATE, map_location="cpu", weights_only=True)
        weights = load((checkpoint / WEIGHTS).read_bytes())
        ranks = state["ranks"]
        progress = Progress(**state["progress"])
        config = TrainConfig.from_dict(state["config"])
    processes = processes_for(config)
    if len(ranks) != processes.count:
        raise CheckpointError(
            f"{folder} was trained by {len(ranks)} processes, but {processes.count} would go on: "
            f"start {len(ranks)}"
        )
    if sequences is not None:
        config = dataclasses.replace(config, sequences=sequences)
    run = Run(config, processes, begin=False)
    run.progress = progress
    with _damage_named(checkpoint):
        own = ranks[processes.rank]
        run.machine.load_state_dict(weights)
        if run.averaged is not None:
            run.averaged.load_state_dict(load((checkpoint / AVERAGED).read_bytes()))
        run.optimizer.load_state_dict(state["optimizer"])
        run.curriculum.load_state_dict(state["curriculum"])
        run.sampler.load_state_dict(own["sampler"])
        run.validation_sampler.load_state_dict(own["validation_sampler"])
        run.progress.nats = own["nats"]
        torch.set_rng_state(own["torch"])
        if "cuda" in own and processes.device.type == "cuda":
            torch.cuda.set_rng_state(own["cuda"], processes.device)
    return run


@contextlib.contextmanager
def _damage_named(checkpoint: Path) -> Iterator[None]:
    """Name the checkpoint in whatever PyTorch and safetensors raise for damaged and foreign files."""
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
            f"{checkpoint} is damaged or not of this program, so the run cannot go on from it "
            f"({type(error).__name__}: {reason[:160]})"
        ) from error


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


def load_batch(path: Path) -> tuple[Batch, dict[str, torch.Tensor], dict[str, str]]:
    """What a run saved at a non-finite value: the batch, the weights, and step, seed and loss as text."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        about = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    batch = Batch(*(tensors[f"batch.{name}"] for name in Batch._fields))
    prefix = "model."
    weights = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
    return batch, weights, about


def _checkpoint_folder(folder: Path, step: int) -> Path:
    return folder / CHECKPOINTS / f"step-{step:09}"
