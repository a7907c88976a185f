"""What a run measures while it trains: rows of training, validations, and grades of lessons."""

import math
from typing import Any

from torch import Tensor

from ..tasks import Batch, Task
from .evaluate import score_task
from .report import Reporter
from .run import Run


def training_row(run: Run, task: Task, outputs: Tensor, batch: Batch, norm: float) -> dict[str, Any]:
    """A row for metrics.jsonl.

    The loss is the mean since the last row; the errors and the gradient's norm are of the last batch.
    """
    progress = run.progress
    errors = task.num_errors(outputs, batch).double().mean().item()
    nats, errors = run.distributed.sum(progress.nats / progress.updates, errors)
    progress.nats, progress.updates = 0.0, 0
    return {
        "kind": "train",
        **_position(run),
        "bits_per_sequence": nats / run.distributed.count / math.log(2),
        "wrong_bits_per_sequence": errors / run.distributed.count,
        "gradient_norm": norm,
        "lr": run.optimizer.param_groups[0]["lr"],
    }


def validate(run: Run, reporter: Reporter) -> None:
    """Score fresh sequences of the current lesson; then end or restart the run if the config says so."""
    config, progress = run.config, run.progress
    row = _position(run) | _score(run, config.validation_sequences)
    progress.validation = row
    reporter.row({"kind": "validation"} | row)
    reporter.message(
        f"{progress.sequences:>9,} sequences  {row['bits_per_sequence']:10.4f} bits per sequence"
        f"  {row['exact']:7.1%} exact" + (f"  lesson {row['lesson'] + 1}" if config.curriculum else "")
    )
    below = config.stop_below is not None and row["bits_per_sequence"] < config.stop_below
    progress.passed = progress.passed + 1 if below else 0
    if progress.passed >= config.stop_after:
        progress.reason = "converged"
    progress.best = min(progress.best, row["bits_per_sequence"])
    limit = None if config.init_from is not None else config.restart_above
    stuck = limit is not None and progress.best > limit
    waited = progress.sequences - progress.restarted_at >= config.restart_every
    if stuck and waited and progress.step < run.steps:
        run.restart()
        reporter.row({"kind": "restart", **_position(run), "restarts": progress.restarts})
        reporter.message(f"above {limit:g} bits: restarting with other weights")


def grade(run: Run, reporter: Reporter) -> None:
    """Check whether the current lesson is learned, and go on to the next if it is."""
    curriculum = run.curriculum
    scores = _score(run, curriculum.config.episodes)
    row = {"kind": "grade", **_position(run), "exact": scores["exact"]}
    passed = curriculum.grade(scores["exact"], run.progress.step)
    reporter.row(row | {"passed": passed})
    if curriculum.finished:
        run.progress.reason = "finished the curriculum"
    elif passed:
        reporter.message(
            f"lesson {curriculum.lesson + 1} of {len(curriculum.config.lessons)}: {curriculum.current}"
        )


def _score(run: Run, sequences: int) -> dict[str, Any]:
    """The score on the current lesson, on what it holds back if it does; each process runs its share."""
    share = -(-sequences // run.distributed.count)
    score = score_task(
        run.result,
        run.curriculum.current.for_validation(),
        run.validation_sampler,
        share,
        fit_memory=run.config.fit_memory,
    )
    total, bits, errors, exact = run.distributed.sum(*score)
    return {
        "bits_per_sequence": bits / total,
        "wrong_bits_per_sequence": errors / total,
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
