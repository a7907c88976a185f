"""A training run as plain data: frozen dataclasses that can be saved as JSON and loaded again.

A preset is such an object, the command line changes its fields, and each run saves it in its ``config.json``
(under "training").
"""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any, Literal

import tyro

from .. import nn, tasks
from . import models
from .errors import ConfigError
from .fields import check_finite, check_positive, construct, mapping
from .limits import check_parameters, check_sizes


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """The optimiser, its learning rate, and gradient clipping."""

    name: Literal["adam", "rmsprop", "rmsprop-graves"] = "adam"
    """rmsprop-graves is the papers' form: centred, with epsilon inside the square root"""
    lr: float = 1e-3
    """learning rate"""
    momentum: float = 0.9
    """of the two RMSProps"""
    decay: float = 0.95
    """of the RMSProps' running means (alpha)"""
    weight_decay: float = 0.0
    """of adam: decoupled from the gradient, as in AdamW"""
    eps: float | None = None
    """None: 1e-4 for rmsprop-graves, 1e-8 for the others"""
    clip: Literal["norm", "elementwise", "controller", "none"] = "norm"
    """clip by the joint norm of all gradients, each component alone, or at the controller's activations"""
    clip_value: float = 10.0
    """the maximum of the norm, or of each component"""
    warmup: int = 0
    """updates over which the learning rate rises linearly from 0"""
    final_lr: float | None = None
    """learning rate of the last update, reached along a half cosine; None keeps it constant. (The
    curriculum's ``hold_rate`` lets it begin later.)"""

    def __post_init__(self) -> None:
        check_positive(self, "lr", "clip_value")
        check_finite(self)
        if self.warmup < 0:
            raise ConfigError(f"optimizer.warmup is {self.warmup}: give a number of updates, 0 for none")
        if self.weight_decay < 0 or (self.weight_decay and self.name != "adam"):
            raise ConfigError(
                f"optimizer.weight_decay is {self.weight_decay} and optimizer.name is {self.name}: "
                "give 0, or a number above 0 with adam"
            )


@dataclasses.dataclass(frozen=True)
class CurriculumConfig:
    """Lessons of growing difficulty (DNC Methods, "Curriculum")."""

    lessons: tuple[tasks.Task, ...]
    """tasks with the same input and output sizes, the easiest first"""
    threshold: float = 0.9
    """the fraction of episodes to answer without an error before the next lesson"""
    episodes: int = 100
    """episodes of a check, drawn exactly as in training"""
    check_every: int = 100
    """updates between checks"""
    replay: float = 0.1
    """the fraction of batches drawn uniformly from earlier lessons"""
    stay: bool = False
    """train on the last lesson until the end of the run, instead of ending the run when it is passed"""
    hold_rate: bool = False
    """keep the learning rate at ``optimizer.lr`` until the last lesson begins, and let it fall from there"""

    def __post_init__(self) -> None:
        check_positive(self, "episodes", "check_every")
        check_finite(self)
        if not self.lessons:
            raise ConfigError("curriculum.lessons is empty: give at least one task")
        for field in ("threshold", "replay"):
            if not 0 <= getattr(self, field) <= 1:
                raise ConfigError(
                    f"curriculum.{field} is {getattr(self, field)}: give a fraction from 0 to 1"
                )
        sizes = {(lesson.input_size, lesson.output_size) for lesson in self.lessons}
        if len(sizes) > 1:
            raise ConfigError(f"the lessons have different (input, output) sizes {sorted(sizes)}")


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Everything that determines the results of a run, and how often it reports."""

    task: tasks.Task
    model: models.AnyConfig
    optimizer: OptimizerConfig = OptimizerConfig()
    batch_size: int = 4
    """sequences an update, in each process"""
    sequences: int = 50_000
    """sequences to train on, all processes together"""
    seed: int = 0
    """of the weights and of every sequence"""
    init_from: str | None = None
    """start from the weights of this model (a name or a folder) instead of random ones, and never restart"""
    fit_memory: bool = False
    """give each batch as many memory slots as it has steps (or steps to write, where the task says which), at
    least 32, instead of `model.memory_size`"""
    supervise_writes: float = 0.0
    """weight of a cross-entropy that teaches write gates when to write, for tasks that say when"""
    ema_decay: float | None = None
    """decay of an exponential moving average of the weights, which is validated, graded and saved; None: use
    the weights of the last update"""
    validate_every: int = 2_000
    """sequences between validations on fresh sequences of the training range"""
    validation_sequences: int = 200
    """sequences a validation"""
    stop_below: float | None = None
    """stop when `stop_after` validations in a row cost fewer bits per sequence than this; None: never"""
    stop_after: int = 3
    """validations in a row below `stop_below`"""
    restart_above: float | None = None
    """restart from other random weights while all validations cost more bits per sequence; None: never"""
    restart_every: int = 4_000
    """sequences to train on before `restart_above` can restart the run"""
    rollback_above: float | None = None
    """go back to the last good weights, at 0.8 times the learning rate, when the mean loss of 50 updates is
    more than this many times the lowest of the lesson; None: never"""
    log_every: int = 50
    """updates between rows of metrics.jsonl"""
    checkpoint_minutes: float = 2.0
    """minutes between checkpoints"""
    checkpoint_every: int | None = None
    """updates between checkpoints, in addition to those by the clock"""
    backend: Literal["auto", "reference", "native", "triton"] | None = None
    """the engine; None: the environment variable TAPEHEAD_BACKEND decides"""
    tensorboard: bool = False
    """also write TensorBoard events (needs tapehead[log])"""
    curriculum: tyro.conf.Suppress[CurriculumConfig | None] = None
    """lessons to train on instead of `task`, which then only describes the goal of the run"""

    def __post_init__(self) -> None:
        check_positive(self, "batch_size", "sequences", "validate_every", "validation_sequences")
        check_positive(self, "restart_every", "stop_after", "log_every", "checkpoint_minutes")
        check_finite(self)
        if not 0 <= self.seed < 1 << 32:
            raise ConfigError(f"seed is {self.seed}: give a whole number from 0 to 2³² − 1")
        if self.ema_decay is not None and not 0 < self.ema_decay < 1:
            raise ConfigError(f"ema_decay is {self.ema_decay}: give a number between 0 and 1, such as 0.999")
        if self.rollback_above is not None and not self.rollback_above > 1:
            raise ConfigError(
                f"rollback_above is {self.rollback_above}: give a factor above 1, such as 2.5, or None"
            )
        if self.checkpoint_every is not None:
            check_positive(self, "checkpoint_every")
        if self.supervise_writes < 0:
            raise ConfigError(f"supervise_writes is {self.supervise_writes}: give a weight of at least 0")
        if self.supervise_writes and not getattr(self.model, "write_gate", False):
            raise ConfigError(
                "supervise_writes is set, but the model has no write gates: set model.write_gate"
            )
        if self.supervise_writes and type(self.task).writes is tasks.Task.writes:
            raise ConfigError(f"supervise_writes is set, but {self.task.name} does not say when to write")
        if self.fit_memory and isinstance(self.model, nn.LSTMConfig):
            raise ConfigError("fit_memory is set, but an LSTM has no memory: leave it out")
        if self.curriculum is not None:
            lesson = self.curriculum.lessons[0]
            if (lesson.input_size, lesson.output_size) != (self.task.input_size, self.task.output_size):
                raise ConfigError("the curriculum's lessons have other input or output sizes than the task")
        lessons = self.curriculum.lessons if self.curriculum else ()
        check_sizes(self.model, (self.task, *lessons), self.batch_size, fit_memory=self.fit_memory)

    def build_model(self) -> nn.Machine:
        """The untrained machine; its weights are drawn from PyTorch's global generator.

        Raises:
            ConfigError: sizes that make no machine, or one with too many parameters.
        """
        extra: dict[str, Any] = {"backend": self.backend}
        if self.optimizer.clip == "controller":
            extra["clip_controller_gradient"] = self.optimizer.clip_value
        # First without memory, so that nothing is allocated for a config with a mistyped size.
        check_parameters(models.build(self.model, self.task, device="meta", **extra))
        return models.build(self.model, self.task, **extra)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; :meth:`from_dict` makes an equal config of it."""
        data = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        data["task"] = self.task.to_dict()
        data["model"] = models.to_dict(self.model)
        data["optimizer"] = dataclasses.asdict(self.optimizer)
        if self.curriculum is not None:
            data["curriculum"] = {
                field.name: getattr(self.curriculum, field.name)
                for field in dataclasses.fields(self.curriculum)
            } | {"lessons": [lesson.to_dict() for lesson in self.curriculum.lessons]}
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "TrainConfig":
        """The config that :meth:`to_dict` describes; missing fields have their defaults.

        Raises:
            ConfigError: an unknown field, or a value of the wrong kind.
        """
        fields = dict(mapping(data, "the config"))
        for required in ("task", "model"):
            if required not in fields:
                raise ConfigError(f"the config has no {required}: it is not a training config")
        fields["task"] = _task(fields["task"], "task")
        fields["model"] = models.from_dict(fields["model"])
        fields["optimizer"] = construct(OptimizerConfig, fields.get("optimizer", {}), "optimizer")
        if fields.get("curriculum") is not None:
            curriculum = dict(mapping(fields["curriculum"], "curriculum"))
            lessons = curriculum.get("lessons")
            if not isinstance(lessons, list):
                raise ConfigError("curriculum.lessons is not a list of tasks")
            curriculum["lessons"] = tuple(_task(lesson, "curriculum.lessons") for lesson in lessons)
            fields["curriculum"] = construct(CurriculumConfig, curriculum, "curriculum")
        return construct(cls, fields, "config")


def load_config(path: str | os.PathLike) -> TrainConfig:
    """The training config in a JSON file: a run's config.json, or the output of :meth:`TrainConfig.to_dict`.

    Raises:
        ConfigError: no such file, damaged JSON, or no valid training config in it.
    """
    path = Path(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist: give a run's config.json") from None
    except IsADirectoryError:
        raise ConfigError(f"{path} is a folder: give the config.json in it") from None
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON ({error})") from error
    if isinstance(data, dict) and "format_version" in data:
        if "training" not in data:
            raise ConfigError(f"{path} does not say how its model was trained: give a run's config.json")
        data = data["training"]
    try:
        return TrainConfig.from_dict(data)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _task(data: Any, where: str) -> tasks.Task:
    try:
        return tasks.from_dict(mapping(data, where))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {error}") from error
