"""Where a run computes: on the CPU or on the GPU, whichever makes its updates in less time."""

import math
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import nn

from ..engine.native import loader
from .config import TrainConfig
from .distributed import Distributed, launched
from .run import GPU_BACKENDS, Run, chosen_backend, training_sampler
from .update import Updater

BATCHES = 3
"""Batches that are timed: tasks draw sequences of many lengths."""
WARM_UP = 2
"""Times that every batch is trained on before, in which kernels are compiled and buffers made."""
REPEATS = 3
"""Times that every batch is timed; the fastest counts: what other programs take is not to be charged."""

ENOUGH = 10.0
"""Seconds on one device after which no batch is timed once more."""

Clock = Callable[[], float]


class Place(NamedTuple):
    """A device that a run may train on."""

    device: torch.device
    name: str
    """as a sentence names it"""


def gpu() -> Place | None:
    """The GPU that a run of one process would take, if there is one."""
    if not torch.cuda.is_available():
        return None
    return Place(torch.device("cuda"), f"the GPU ({torch.cuda.get_device_name()})")


def cpu() -> Place:
    """The CPU, and the engine that it has."""
    engine = "native" if loader.why_unavailable() is None else "reference"
    return Place(torch.device("cpu"), f"the CPU ({engine} engine)")


class _Alone(Distributed):
    """One process on a device. (Of those that accelerate makes there is one a process, on one device.)"""

    def __init__(self, device: torch.device) -> None:
        self.device, self.rank, self.count = device, 0, 1

    def wrap(self, model: nn.Module) -> nn.Module:
        return model.to(self.device)


def milliseconds_an_update(
    config: TrainConfig, device: torch.device, clock: Clock = time.perf_counter
) -> float:
    """Measure training updates as the run will make them, on a run of its own that is thrown away.

    Its weights and its few batches are the same on every device: those that the seed gives, of the last
    lesson where there is a curriculum. The caller's random generators stay as they are.

    Args:
        config: of the run.
        device: to measure on.
        clock: seconds.
    """
    run = Run(config, _Alone(device), load_init=False)
    task = run.curriculum.config.lessons[-1]
    sampler = training_sampler(config, 0)
    batches = [sampler.draw(task).to(device) for _ in range(BATCHES)]
    update, fastest = Updater(run), [math.inf] * BATCHES
    with run.random_state.active():
        run.model.train()
        start = clock()
        for trial in range(WARM_UP + REPEATS):
            if trial > WARM_UP and clock() - start > ENOUGH:
                break
            for index, batch in enumerate(batches):
                began = clock()
                # It ends with two numbers on the CPU, so that nothing is left to wait for.
                update(task, batch)
                seconds = clock() - began
                if trial >= WARM_UP:
                    fastest[index] = min(fastest[index], seconds)
    return 1000 * sum(fastest) / BATCHES


def fastest_of(
    config: TrainConfig, places: Sequence[Place], clock: Clock = time.perf_counter
) -> tuple[int, str]:
    """Measure updates at each of two places.

    Returns:
        (which of the two is faster, a sentence that says so with both times). Where the second one fails, out
        of memory perhaps, the first one is.
    """
    first, second = places
    here = milliseconds_an_update(config, first.device, clock)
    try:
        there = milliseconds_an_update(config, second.device, clock)
    except RuntimeError as error:  # PyTorch's own, and those of the compilers below it
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return 0, f"training on {first.name}: an update fails on {second.name}: {reason}"
    times = [here, there]
    best = int(there < here)
    return best, (
        f"training on {places[best].name}: an update takes {times[best]:.3g} ms there and "
        f"{times[1 - best]:.3g} ms on {places[1 - best].name}, measured with this run's machine and batches"
    )


def start_distributed(config: TrainConfig, *, on_gpu: bool | None = None) -> Distributed:
    """The processes that train, and where.

    On a GPU where the reference or the Triton engine is asked for by name; on the CPU where the native engine
    is; else on the faster of the two, which is measured where there is a GPU. With several processes nothing
    is measured, and "auto" is the CPU.

    Args:
        config: of the run.
        on_gpu: where a run that is resumed was; None for a new one.
    """
    backend, found = chosen_backend(config), gpu()
    if found is None or backend != "auto":
        return Distributed(gpu=backend in GPU_BACKENDS)
    if on_gpu is not None:
        return Distributed(gpu=on_gpu)
    if launched():
        said = (
            f"training on the CPU: with several processes nothing is measured, and {found.name} is for "
            'backend="triton"'
        )
        return Distributed(gpu=False, said=said)
    best, said = fastest_of(config, (cpu(), found))
    return Distributed(gpu=best == 1, said=said)
