"""A run: everything that changes while a model is trained."""

import copy
import dataclasses
import math
import os
from typing import Any

import torch
from torch import Tensor, nn

from .. import engine, hub
from ..nn import NTM, Machine
from ..tasks import Sampler
from .config import TrainConfig
from .curriculum import Curriculum
from .distributed import Distributed
from .errors import ConfigError
from .optimizers import build_optimizer
from .rng import RandomState, seeded
from .rollback import Rollback

# The validation stream of a process has a rank that no training stream has.
VALIDATION_RANK = 1 << 20
VALIDATION_BATCH = 64
GPU_BACKENDS = ("reference", "triton")
"""Engines that, asked for by name, train on a GPU where there is one."""
DRAWN_AHEAD = 64
"""Sequences to draw at once, of tasks whose episodes are independent."""


@dataclasses.dataclass
class Progress:
    """The progress of a run: plain numbers that are part of its checkpoints."""

    step: int = 0
    """updates made"""
    sequences: int = 0
    """sequences trained on, by all processes"""
    seconds: float = 0.0
    """time spent in the training loop, before and after resuming"""
    nats: float = 0.0
    """loss of this process, summed since the last row"""
    updates: int = 0
    """updates since the last row"""
    passed: int = 0
    """validations in a row below `stop_below`"""
    reason: str = ""
    """why the run ended; empty while it goes on"""
    validation: dict[str, Any] = dataclasses.field(default_factory=dict)
    """the row of the last validation"""
    metrics_size: int = 0
    """bytes of metrics.jsonl"""
    restarts: int = 0
    """number of restarts from other random weights"""
    restarted_at: int = 0
    """sequences trained on when it was last restarted"""
    best: float = math.inf
    """the lowest bits per sequence of a validation since then"""


class WithWriteGates(nn.Module):
    """An NTM that returns the logits of its write gates, too, in place of its state."""

    machine: NTM

    def __init__(self, machine: NTM) -> None:
        super().__init__()
        self.machine = machine

    def forward(self, x: Tensor, *, lengths: Tensor, memory_size: int | None = None) -> tuple[Tensor, Tensor]:
        """x [T, B, input_size] → outputs [T, B, output_size] and logits [T, B, H]."""
        features, read_words, _ = self.machine.features(x, lengths=lengths, memory_size=memory_size)
        return self.machine.outputs(features, read_words), self.machine.write_gate_logits(features)


class Run:
    """Model, optimiser, curriculum, random streams and progress of a run.

    Building one, and training it, leaves the global random generators of the caller as they are.

    Args:
        config: what to train, on what, and how.
        distributed: the processes that train.
        load_init: start from the weights that ``config.init_from`` names, if any; False where a checkpoint's
            weights follow.

    Raises:
        ConfigError: sizes that make no machine, or initial weights that do not fit it.
    """

    def __init__(self, config: TrainConfig, distributed: Distributed, *, load_init: bool = True) -> None:
        self.config = config
        self.distributed = distributed
        with seeded(config.seed):
            self.machine = config.build_model()
        if load_init and config.init_from is not None:
            _load_initial_weights(self.machine, config.init_from)
        self.model: nn.Module = self.machine
        if isinstance(self.machine, NTM) and config.supervise_writes:
            self.model = WithWriteGates(self.machine)
        self.model = distributed.wrap(self.model)
        self.optimizer = build_optimizer(config.optimizer, self.machine)
        self.ema = None if config.ema_decay is None else copy.deepcopy(self.machine)
        self.rollback = None if config.rollback_above is None else Rollback(config.rollback_above)
        self.curriculum = Curriculum.of(config)
        rank = distributed.rank
        self.sampler = training_sampler(config, rank)
        share = -(-config.validation_sequences // distributed.count)
        chunks = -(-share // VALIDATION_BATCH)
        self.validation_sampler = Sampler(-(-share // chunks), config.seed, VALIDATION_RANK + rank)
        # Used by dropout alone, which must differ between processes.
        self.random_state = RandomState((config.seed << 20) + rank, distributed.device)
        self.progress = Progress()

    @property
    def result(self) -> Machine:
        """The machine that is scored and saved."""
        return self.machine if self.ema is None else self.ema

    @torch.no_grad()
    def update_ema(self) -> None:
        """Update the moving average of the weights; its decay is lower in the first updates."""
        if self.ema is not None and self.config.ema_decay is not None:
            step = self.progress.step
            decay = min(self.config.ema_decay, (1 + step) / (10 + step))
            averages, weights = self.ema.parameters(), self.machine.parameters()
            torch._foreach_lerp_(list(averages), list(weights), 1 - decay)

    @property
    def global_batch_size(self) -> int:
        """Sequences an update, over all processes."""
        return self.config.batch_size * self.distributed.count

    @property
    def steps(self) -> int:
        """Updates of the whole run."""
        return -(-self.config.sequences // self.global_batch_size)

    def restart(self) -> None:
        """Re-initialise weights and optimiser; keep the sequence count and the random streams."""
        self.progress.restarts += 1
        self.progress.restarted_at, self.progress.best = self.progress.sequences, math.inf
        # The same in every process, and another stream than that of any seed's first weights.
        with seeded((self.config.seed << 20) + (1 << 19) + self.progress.restarts):
            self.machine.load_state_dict(self.config.build_model().state_dict())
        self.optimizer = build_optimizer(self.config.optimizer, self.machine)
        if self.ema is not None:
            self.ema.load_state_dict(self.machine.state_dict())


def training_sampler(config: TrainConfig, rank: int) -> Sampler:
    """The sampler of the training batches of one process."""
    return Sampler(config.batch_size, config.seed, rank, ahead=max(1, DRAWN_AHEAD // config.batch_size))


def chosen_backend(config: TrainConfig) -> str:
    """The engine that the config or else the environment asks for: one of ``engine.BACKENDS``."""
    return config.backend or os.environ.get(engine.BACKEND_VARIABLE) or "auto"


def _load_initial_weights(machine: Machine, name_or_path: str) -> None:
    """Copy the weights of a saved model.

    Raises:
        ConfigError: its weights have other names or shapes.
    """
    try:
        machine.load_state_dict(hub.load(name_or_path).state_dict())
    except RuntimeError as error:
        raise ConfigError(
            f"init_from is {name_or_path!r}, whose weights do not fit the model: "
            f"give the model the sizes in its config.json ({str(error).splitlines()[-1].strip()})"
        ) from error
