"""The training loop."""

import contextlib
import dataclasses
import math
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from .. import hub
from ..tasks import Batch
from .checkpoint import load_run, save_batch, save_checkpoint, save_model
from .config import TrainConfig
from .device import start_distributed
from .errors import NonFiniteError, TrainingError
from .monitor import grade, training_row, validate
from .optimizers import learning_rate
from .report import Reporter, check_tensorboard
from .run import Run
from .update import Updater


@dataclasses.dataclass(frozen=True)
class Report:
    """How a run ended."""

    folder: Path
    reason: str
    """"converged", "finished the curriculum" or "trained on all sequences\""""
    steps: int
    """updates made"""
    sequences: int
    """sequences trained on"""
    seconds: float
    bits_per_sequence: float
    """of the last validation"""
    exact: float
    """the fraction of the last validation's sequences without an error"""


class Interrupted(KeyboardInterrupt):
    """A signal stopped the run, after it had saved a checkpoint; the message says how to resume."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def train(config: TrainConfig, folder: str | os.PathLike, *, quiet: bool = False) -> Report:
    """Train a model from the beginning.

    Where there is a GPU, a few updates are made on it and on the CPU before the run begins; the faster one
    trains, and a message says which it is, with both times. An engine that the config asks for by name is
    taken unmeasured: the reference and the Triton engine on the GPU where there is one, the native engine on
    the CPU. The same call trains in every process that ``torchrun`` or
    ``accelerate launch`` started. The loss that is minimised is the mean over the batch of the whole
    sequence's cross-entropy in nats. The caller's global random generators are left as they are.

    Args:
        config: what to train, on what, and how.
        folder: the run's folder, new or empty.
        quiet: write to the folder only, not to stderr.

    Raises:
        ConfigError: the config describes no run.
        TrainingError: the folder is in use.
        NonFiniteError: a loss or gradient was not finite.
        Interrupted: SIGINT or SIGTERM came; a checkpoint is saved.
        OSError: the folder cannot be written.
    """
    folder = Path(folder)
    distributed = start_distributed(config)
    run = Run(config, distributed)
    if config.tensorboard:
        check_tensorboard()
    used = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    distributed.wait()
    if used:
        raise TrainingError(
            f"{folder} exists and is not empty: resume with `tapehead train --resume {folder}`, "
            "or choose another folder with --out"
        )
    try:
        save_checkpoint(run, folder)
        if distributed.is_main:
            save_model(run, folder)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)  # It was empty: leave nothing half-written.
        raise
    return _train(run, folder, quiet)


def resume(folder: str | os.PathLike, *, sequences: int | None = None, quiet: bool = False) -> Report:
    """Continue a run exactly from its newest checkpoint, as if it had never stopped.

    Args:
        folder: the run's folder.
        sequences: train up to this many sequences in all, instead of the number in the run's config.
        quiet: write to the folder only, not to stderr.

    Raises:
        CheckpointError: no checkpoint, or a damaged one.
        TrainingError: the run is over.
        NonFiniteError, Interrupted, OSError: as for :func:`train`.
    """
    folder = Path(folder)
    run = load_run(folder, sequences=sequences)
    progress = run.progress
    if progress.step >= run.steps or (progress.reason and sequences is None):
        raise TrainingError(
            f"{folder} is over ({progress.reason or 'trained on all sequences'} "
            f"after {progress.sequences} sequences): to train on, give more --sequences"
        )
    progress.reason = ""
    return _train(run, folder, quiet)


def _train(run: Run, folder: Path, quiet: bool) -> Report:
    with run.random_state.active(), _signals() as signals:
        reporter = Reporter(
            folder,
            total=run.steps * run.global_batch_size,
            done=run.progress.sequences,
            metrics_size=run.progress.metrics_size,
            tensorboard=run.config.tensorboard,
            active=run.distributed.is_main,
            quiet=quiet,
        )
        with contextlib.closing(reporter):
            if run.distributed.said:
                reporter.message(run.distributed.said)
            _Loop(run, folder, reporter, signals).run_to_the_end()
    if run.distributed.is_main:
        hub.write_card(folder)
    progress = run.progress
    return Report(
        folder=folder,
        reason=progress.reason,
        steps=progress.step,
        sequences=progress.sequences,
        seconds=progress.seconds,
        bits_per_sequence=progress.validation["bits_per_sequence"],
        exact=progress.validation["exact"],
    )


class _Loop:
    """Draw a batch, update, measure; regularly log, grade, validate and save.

    Args:
        run: what to train.
        folder: the run's folder.
        reporter: to which rows and messages go.
        signals: the signals received so far; the loop ends when there is one.
    """

    def __init__(self, run: Run, folder: Path, reporter: Reporter, signals: list[int]) -> None:
        self._run, self._folder, self._reporter, self._signals = run, folder, reporter, signals
        config = run.config
        self._update = Updater(run)
        self._lr_varies = config.optimizer.warmup > 0 or config.optimizer.final_lr is not None
        self._validate_every = max(1, round(config.validate_every / run.global_batch_size))
        # Several processes must agree about a clock or a signal, and each time costs a message.
        self._agree_every = 1 if run.distributed.count == 1 else config.log_every
        self._seconds_before = run.progress.seconds
        self._began = self._saved = time.perf_counter()

    def run_to_the_end(self) -> None:
        """Train until there is a reason to end.

        Raises:
            NonFiniteError: a loss or gradient was not finite.
            Interrupted: a signal came; a checkpoint is saved.
            OSError: the folder cannot be written.
        """
        run = self._run
        run.model.train()
        while not run.progress.reason:
            self._train_a_batch()
            self._measure()
            self._save_if_due()

    def _train_a_batch(self) -> None:
        run, config, progress = self._run, self._run.config, self._run.progress
        task, batch = run.curriculum.draw(run.sampler)
        if run.distributed.device.type != "cpu":
            batch = batch.to(run.distributed.device)
        if self._lr_varies or run.rollback is not None:
            falls_from = run.curriculum.rate_falls_from(progress.step)
            lr = learning_rate(config.optimizer, progress.step, run.steps, falls_from)
            for group in run.optimizer.param_groups:
                group["lr"] = lr if run.rollback is None else lr * run.rollback.lr_factor
        outputs, nats, norm = self._update(task, batch)
        if not math.isfinite(nats + norm):
            raise _non_finite(run, self._folder, batch, nats, norm)
        progress.step += 1
        run.update_ema()
        progress.sequences += run.global_batch_size
        progress.nats += nats
        progress.updates += 1
        self._roll_back_if_due(nats)
        progress.seconds = self._seconds()
        self._reporter.progress(progress.sequences, progress.nats / progress.updates / math.log(2))
        if progress.step % config.log_every == 0:
            self._reporter.row(training_row(run, task, outputs, batch, norm))

    def _roll_back_if_due(self, nats: float) -> None:
        run = self._run
        if run.rollback is None:
            return
        nats = run.distributed.sum(nats)[0] / run.distributed.count  # All processes go back together.
        if run.rollback.update(nats, run.curriculum.lesson, run.machine, run.optimizer):
            if run.ema is not None:
                run.ema.load_state_dict(run.machine.state_dict())
            self._reporter.message("the loss jumped: going back to the last good weights")

    def _measure(self) -> None:
        run, config, progress = self._run, self._run.config, self._run.progress
        if config.curriculum and progress.step % config.curriculum.check_every == 0:
            grade(run, self._reporter)
        last = progress.step >= run.steps
        if progress.step % self._validate_every == 0 or last or run.curriculum.finished:
            validate(run, self._reporter)
        if last and not progress.reason:
            progress.reason = "trained on all sequences"

    def _save_if_due(self) -> None:
        run, config, progress = self._run, self._run.config, self._run.progress
        due = config.checkpoint_every is not None and progress.step % config.checkpoint_every == 0
        if progress.step % self._agree_every == 0:
            waited = time.perf_counter() - self._saved
            due |= run.distributed.any(waited > 60 * config.checkpoint_minutes)
            if run.distributed.any(bool(self._signals)) and not progress.reason:
                self._save()
                raise _interrupted(self._folder, progress.step, self._signals)
        if due or progress.reason:
            self._save()

    def _save(self) -> None:
        run = self._run
        run.progress.seconds = self._seconds()
        run.progress.metrics_size = self._reporter.metrics_size
        save_checkpoint(run, self._folder)
        if run.distributed.is_main:
            save_model(run, self._folder)
        self._saved = time.perf_counter()

    def _seconds(self) -> float:
        return self._seconds_before + time.perf_counter() - self._began


def _non_finite(run: Run, folder: Path, batch: Batch, loss: float, norm: float) -> NonFiniteError:
    path = save_batch(run, folder, batch, loss, norm)
    what = f"the loss is {loss}" if not math.isfinite(loss) else f"the gradient's norm is {norm}"
    return NonFiniteError(
        f"{what} at step {run.progress.step} with seed {run.config.seed}: batch and weights are in {path}; "
        "try a smaller learning rate"
    )


def _interrupted(folder: Path, step: int, signals: list[int]) -> Interrupted:
    # The signal may have reached another process only.
    number = signals[0] if signals else signal.SIGINT
    return Interrupted(f"saved at step {step}; resume with: tapehead train --resume {folder}", 128 + number)


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM in a list instead of ending the process; a second one acts as usual."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received  # Only the main thread may handle signals.
        return
    usual: dict[int, Any] = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def receive(number: int, _: FrameType | None) -> None:
        received.append(number)
        signal.signal(number, usual[number])

    for number in usual:
        signal.signal(number, receive)
    try:
        yield received
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
