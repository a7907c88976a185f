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

from torch import Tensor

from .. import hub
from ..tasks import Batch, Task
from .config import TrainConfig
from .errors import NonFiniteError, TrainingError
from .evaluate import score_task
from .optimizers import learning_rate
from .report import Reporter, check_tensorboard
from .run import Run, load_run, processes_for
from .update import Updater


@dataclasses.dataclass(frozen=True)
class Report:
    """How a run ended."""

    folder: Path
    reason: str
    """"converged", "finished the curriculum" or "trained on all sequences\""""
    steps: int
    sequences: int
    seconds: float
    bits_per_sequence: float
    """of the last validation"""
    exact: float
    """the fraction of the last validation's sequences that had no wrong bit"""


class Interrupted(KeyboardInterrupt):
    """A run was stopped by a signal, after it had saved a checkpoint; the message says how to go on."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def train(config: TrainConfig, folder: str | os.PathLike, *, quiet: bool = False) -> Report:
    """Train a model from the beginning.

    At the sizes that learn well the engine on one core is 5 to 90 times faster than the reference on a GPU
    (benchmarks/PROFILE.md), so a GPU is used only where the reference is asked for or the engine cannot be
    built. The same call trains in every process that ``torchrun`` or ``accelerate launch`` started. The loss
    that is minimised is the mean over the batch of the whole sequence's cross-entropy in nats.

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
    processes = processes_for(config)
    run = Run(config, processes)
    if config.tensorboard:
        check_tensorboard()
    used = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    processes.wait()
    if used:
        raise TrainingError(
            f"{folder} exists and is not empty: go on with `tapehead train --resume {folder}`, "
            "or choose another folder with --out"
        )
    try:
        run.save_checkpoint(folder)
        if processes.is_main:
            run.save_model(folder)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)  # It was empty: leave nothing half-written.
        raise
    return _train(run, folder, quiet)


def resume(folder: str | os.PathLike, *, sequences: int | None = None, quiet: bool = False) -> Report:
    """Go on with a run exactly where its newest checkpoint stands, as if it had never stopped.

    Args:
        folder: of the run.
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
    """The loop: draw, run, measure, go back, clip, step; and now and then log, validate, grade and save."""
    config, progress, curriculum, processes = run.config, run.progress, run.curriculum, run.processes
    update = Updater(run)
    on_cpu = processes.device.type == "cpu"
    varying = config.optimizer.warmup > 0 or config.optimizer.final_lr is not None
    validate_every = max(1, round(config.validate_every / run.joint_batch))
    # Several processes must agree on what a clock or a signal says, and each time costs a message.
    agree_every = 1 if processes.count == 1 else config.log_every
    began = saved = time.perf_counter()
    before = progress.seconds
    reporter = Reporter(
        folder,
        total=run.steps * run.joint_batch,
        done=progress.sequences,
        metrics_size=progress.metrics_size,
        tensorboard=config.tensorboard,
        active=processes.is_main,
        quiet=quiet,
    )

    def save() -> None:
        progress.seconds = before + time.perf_counter() - began
        progress.metrics_size = reporter.metrics_size
        run.save_checkpoint(folder)
        if processes.is_main:
            run.save_model(folder)

    with contextlib.closing(reporter), _signals() as signals:
        run.model.train()
        while not progress.reason:
            task, batch = curriculum.draw(run.sampler)
            if not on_cpu:
                batch = batch.to(processes.device)
            if varying:
                for group in run.optimizer.param_groups:
                    group["lr"] = learning_rate(config.optimizer, progress.step, run.steps)
            outputs, nats, norm = update(task, batch)
            if not math.isfinite(nats + norm):
                raise _non_finite(run, folder, batch, nats, norm)

            progress.step += 1
            run.take_into_average()
            progress.sequences += run.joint_batch
            progress.nats += nats
            progress.updates += 1
            now = time.perf_counter()
            progress.seconds = before + now - began
            reporter.progress(progress.sequences, progress.nats / progress.updates / math.log(2))
            if progress.step % config.log_every == 0:
                reporter.row(_training_row(run, task, outputs, batch, norm))
            if config.curriculum and progress.step % config.curriculum.check_every == 0:
                _grade(run, reporter)
            last = progress.step >= run.steps
            if progress.step % validate_every == 0 or last or curriculum.finished:
                _validate(run, reporter)
            if last and not progress.reason:
                progress.reason = "trained on all sequences"

            due = config.checkpoint_every is not None and progress.step % config.checkpoint_every == 0
            if progress.step % agree_every == 0:
                due |= processes.any(now - saved > 60 * config.checkpoint_minutes)
                if processes.any(bool(signals)) and not progress.reason:
                    save()
                    raise _interrupted(folder, progress.step, signals)
            if due or progress.reason:
                save()
                saved = time.perf_counter()
        if processes.is_main:
            hub.write_card(folder)
    validation = progress.validation
    return Report(
        folder,
        progress.reason,
        progress.step,
        progress.sequences,
        progress.seconds,
        validation["bits_per_sequence"],
        validation["exact"],
    )


def _training_row(run: Run, task: Task, outputs: Tensor, batch: Batch, norm: float) -> dict[str, Any]:
    """The mean since the last row; the wrong bits and the gradient's norm are of the last batch alone."""
    progress = run.progress
    wrong = task.wrong_bits(outputs, batch).double().mean().item()
    nats, wrong = run.processes.sum(progress.nats / progress.updates, wrong)
    progress.nats, progress.updates = 0.0, 0
    return {
        "kind": "train",
        **_position(run),
        "bits_per_sequence": nats / run.processes.count / math.log(2),
        "wrong_bits_per_sequence": wrong / run.processes.count,
        "gradient_norm": norm,
        "lr": run.optimizer.param_groups[0]["lr"],
    }


def _validate(run: Run, reporter: Reporter) -> None:
    """Score fresh sequences of the current lesson; enough good scores in a row end the run."""
    config, progress = run.config, run.progress
    row = _position(run) | _score(run, config.validation_sequences)
    progress.validation = row
    reporter.row({"kind": "validation"} | row)
    reporter.say(
        f"{progress.sequences:>9,} sequences  {row['bits_per_sequence']:10.4f} bits per sequence"
        f"  {row['exact']:7.1%} exact" + (f"  lesson {row['lesson'] + 1}" if config.curriculum else "")
    )
    below = config.stop_below is not None and row["bits_per_sequence"] < config.stop_below
    progress.passed = progress.passed + 1 if below else 0
    if progress.passed >= config.stop_after:
        progress.reason = "converged"
    progress.best = min(progress.best, row["bits_per_sequence"])
    limit = None if config.start_from is not None else config.restart_above
    stuck = limit is not None and progress.best > limit
    if stuck and progress.sequences - progress.began >= config.restart_every and progress.step < run.steps:
        run.restart()
        reporter.row({"kind": "restart", **_position(run), "restarts": progress.restarts})
        reporter.say(f"above {limit:g} bits: beginning anew with other weights")


def _grade(run: Run, reporter: Reporter) -> None:
    """Check whether the current lesson is learned."""
    curriculum = run.curriculum
    scores = _score(run, curriculum.config.episodes)
    row = {"kind": "grade", **_position(run), "exact": scores["exact"]}
    passed = curriculum.grade(scores["exact"])
    reporter.row(row | {"passed": passed})
    if curriculum.finished:
        run.progress.reason = "finished the curriculum"
    elif passed:
        reporter.say(
            f"lesson {curriculum.lesson + 1} of {len(curriculum.config.lessons)}: {curriculum.current}"
        )


def _score(run: Run, sequences: int) -> dict[str, Any]:
    """The current lesson's score over all processes, each taking its share."""
    share = -(-sequences // run.processes.count)
    score = score_task(
        run.result,
        run.curriculum.current,
        run.validation_sampler,
        share,
        fit_memory=run.config.fit_memory,
    )
    total, bits, wrong, exact = run.processes.sum(*score)
    return {
        "bits_per_sequence": bits / total,
        "wrong_bits_per_sequence": wrong / total,
        "exact": exact / total,
    }


def _position(run: Run) -> dict[str, Any]:
    progress = run.progress
    return {
        "step": progress.step,
        "sequences": progress.sequences,
        "seconds": round(progress.seconds, 3),
        "lesson": run.curriculum.lesson,
    }


def _non_finite(run: Run, folder: Path, batch: Batch, loss: float, norm: float) -> NonFiniteError:
    path = run.save_batch(folder, batch, loss, norm)
    what = f"the loss is {loss}" if not math.isfinite(loss) else f"the gradient's norm is {norm}"
    return NonFiniteError(
        f"{what} at step {run.progress.step} with seed {run.config.seed}: batch and weights are in {path}; "
        "try a smaller learning rate"
    )


def _interrupted(folder: Path, step: int, signals: list[int]) -> Interrupted:
    # A signal may have reached another process only.
    number = signals[0] if signals else signal.SIGINT
    return Interrupted(f"saved at step {step}; go on with: tapehead train --resume {folder}", 128 + number)


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM instead of dying of them; a second one acts as usual."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received  # Only the main thread may take signals.
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
