"""Times of several contenders who take turns, so that what else the machine does meets all of them alike."""

import contextlib
import gc
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch

PRODUCT_SIZE = 2048
PRODUCT_FLOP = 2 * PRODUCT_SIZE**3
TURN_SECONDS = 0.05
MOST_REPEATS = 10
LEAST_ROUNDS = 2

Step = Callable[[], object]


def matrix_product() -> Step:
    """One float32 product of the size by which this machine's rate is measured."""
    a, b = (torch.randn(PRODUCT_SIZE, PRODUCT_SIZE) for _ in range(2))
    out = torch.empty(PRODUCT_SIZE, PRODUCT_SIZE)
    return lambda: torch.mm(a, b, out=out)


def take_turns(
    steps: Mapping[str, Step], rounds: int, seconds: float, known: Mapping[str, float] | None = None
) -> dict[str, list[float]]:
    """Seconds of every call of each step, warmed up by the caller.

    In each round every contender has its turn, in an order that shifts from round to round. A short step runs
    several times a turn, after one call that is not counted; a long one sits out some rounds.

    Args:
        steps: by contender.
        rounds: how many turns a contender has at most.
        seconds: how long all turns of a contender may take; it has two turns at least.
        known: about how long a step takes, where the caller knows; the others are tried.
    """
    known = known or {}
    expected = {name: known.get(name) or clock(step) for name, step in steps.items()}
    turns = {
        name: min(rounds, max(LEAST_ROUNDS, int(seconds / max(once, TURN_SECONDS))))
        for name, once in expected.items()
    }
    names = list(steps)
    most = max(turns.values(), default=0)
    times: dict[str, list[float]] = {name: [] for name in names}
    with _no_garbage_collection():
        for turn in range(most):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                # The turns of a long step are spread evenly over the rounds.
                if turn * turns[name] // most == (turn + 1) * turns[name] // most:
                    continue
                repeats = max(1, min(MOST_REPEATS, int(TURN_SECONDS / expected[name])))
                if repeats > 1:
                    steps[name]()
                times[name] += [clock(steps[name]) for _ in range(repeats)]
            gc.collect()  # between the turns: some peers leave cycles that hold a whole graph
    return times


def clock(step: Step) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class OthersWatch:
    """How much of the machine's time went to other processes since it was made."""

    def __init__(self) -> None:
        self._start = self._now()

    def share(self) -> float | None:
        """The fraction of all cores that others had; None where the system does not tell."""
        if self._start is None or (now := self._now()) is None:
            return None
        wall, busy, own = (b - a for a, b in zip(self._start, now, strict=True))
        return max(0.0, busy - own) / max(wall * (os.cpu_count() or 1), 1e-9)

    @staticmethod
    def _now() -> tuple[float, float, float] | None:
        """Seconds: on the clock, that all cores worked, that this process and its children worked."""
        try:
            line = Path("/proc/stat").read_text().splitlines()[0]
        except OSError:
            return None
        user, nice, system, _idle, _iowait, irq, softirq, steal, *_ = map(int, line.split()[1:])
        busy = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
        return time.perf_counter(), busy, sum(os.times()[:4])


def available_bytes() -> int | None:
    """Memory that a new process could have; None where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable")), None)
