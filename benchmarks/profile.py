"""``python -m benchmarks.profile``: where a training run spends its time.

Trains a preset in a folder that is thrown away, with a clock at every part of the loop, and prints what an
update costs by part and how much of it is the engine. Validations and checkpoints, which come every few
minutes or thousands of sequences, are left out.
"""

import argparse
import contextlib
import dataclasses
import functools
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from benchmarks import report
from tapehead import train
from tapehead.engine.native import loader, ops
from tapehead.engine.native.adam import Update
from tapehead.train import loop
from tapehead.train.config import TrainConfig
from tapehead.train.curriculum import Curriculum
from tapehead.train.report import Reporter
from tapehead.train.update import Updater

WARM_UP = 50
PARTS = ("sampler", "update", "progress and rows")
ENGINE = ("forward", "loss", "backward", "clipping and Adam")
KERNEL = "in C++"
COLUMNS = (
    ("part", "part", "{}"),
    ("µs an update", "us", "{:.0f}"),
    ("share", "share", "{:.1%}"),
)


def main(arguments: list[str] | None = None) -> int:
    """Profile and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.profile",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--preset", default="ntm-copy", choices=train.PRESETS)
    parser.add_argument("--updates", type=int, default=1000, help="measured, after a warm-up (1000)")
    parser.add_argument("--batch", type=int, help="instead of the preset's")
    parser.add_argument("--threads", type=int, help="torch.set_num_threads")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    config = train.preset(options.preset)
    if options.batch:
        config = dataclasses.replace(config, batch_size=options.batch)
    machine = report.describe_machine()
    result = profile(config, options.updates) | {"preset": options.preset, "machine": machine}
    if options.json:
        print(json.dumps(result, indent=1))
        return 0
    print(
        f"{options.preset}, batch {config.batch_size}, {result['updates']} updates on {machine['threads']} "
        f"threads: {result['us']:.0f} µs an update, {result['examples_per_s']:.0f} sequences/s\n"
    )
    print(report.table(result["parts"], COLUMNS))
    print(f"of it the engine: {result['engine_share']:.1%} (in C++: {result['kernel_share']:.1%})\n")
    print(report.table(result["engine"], COLUMNS))
    for sentence in report.warnings(machine):
        print(f"warning: {sentence}", file=sys.stderr)
    return 0


def profile(config: TrainConfig, updates: int) -> dict[str, Any]:
    """Train ``updates`` updates of ``config`` after a warm-up, and say where their time went."""
    config = dataclasses.replace(
        config,
        sequences=(WARM_UP + updates + 1) * config.batch_size,
        validate_every=1 << 40,
        validation_sequences=1,
        stop_below=None,
        checkpoint_minutes=1e6,
        backend="native",
    )
    clocks = _Clocks(WARM_UP, WARM_UP + updates)
    with tempfile.TemporaryDirectory() as folder, _clocked(clocks):
        train.train(config, Path(folder) / "run", quiet=True)
    total, seconds = clocks.total, clocks.seconds
    rest = total - sum(seconds[part] for part in PARTS)

    def row(name: str, value: float) -> dict[str, Any]:
        return {"part": name, "us": 1e6 * value / updates, "share": value / total}

    in_engine = sum(seconds[name] for name in ENGINE)
    return {
        "updates": updates,
        "us": 1e6 * total / updates,
        "examples_per_s": updates * config.batch_size / total,
        "engine_share": in_engine / total,
        "kernel_share": seconds[KERNEL] / total,
        "parts": [*(row(part, seconds[part]) for part in PARTS), row("the rest", rest)],
        "engine": [row(name, seconds[name]) for name in (*ENGINE, KERNEL)],
    }


class _Clocks:
    """Seconds by name between the start of one update and that of another."""

    def __init__(self, first: int, last: int) -> None:
        self.first, self.last = first, last
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.total = 0.0
        self._running = False
        self._update = 0
        self._began = 0.0

    def begin_update(self) -> None:
        """An update begins."""
        if self._update == self.first:
            self._running, self._began = True, time.perf_counter()
        elif self._update == self.last:
            self._running, self.total = False, time.perf_counter() - self._began
        self._update += 1

    def wrap(self, name: str, function: Callable) -> Callable:
        """``function`` with a clock."""

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            if name == PARTS[0]:
                self.begin_update()
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                if self._running:
                    self.seconds[name] += time.perf_counter() - start

        return timed


@contextlib.contextmanager
def _clocked(clocks: _Clocks) -> Iterator[None]:
    """Clocks at the parts of the training loop, where the loop finds them."""
    places: list[tuple[str, Any, str]] = [
        ("sampler", Curriculum, "draw"),
        ("update", Updater, "__call__"),
        ("progress and rows", Reporter, "progress"),
        ("progress and rows", Reporter, "row"),
        ("progress and rows", loop, "training_row"),
        ("forward", ops, "_forward"),
        ("loss", Update, "_loss"),
        ("backward", ops, "_backward"),
        ("clipping and Adam", Update, "_step"),
        (KERNEL, loader, "call_library"),
    ]
    with contextlib.ExitStack() as stack:
        for name, owner, attribute in places:
            wrapped = clocks.wrap(name, getattr(owner, attribute))
            stack.enter_context(mock.patch.object(owner, attribute, wrapped))
        yield


if __name__ == "__main__":
    sys.exit(main())
