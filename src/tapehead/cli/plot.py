"""``tapehead plot``: figures of a model on one episode, and of a run's learning curve."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from .. import hub, tasks
from ..errors import InputError
from ..viz.figures import plot_curves, plot_trace, save_figures
from ..viz.figures.curves import METRICS_FILE
from ..viz.run import run_traced
from ._parse import parse


@dataclasses.dataclass(frozen=True)
class Options:
    """The command's options."""

    model: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN_OR_MODEL")]
    """the folder of a training run, or the name of a model that ships with tapehead"""
    length: int | None = None
    """length of the episode (of a task without a length: its first size); default: the longest of training"""
    seed: int = 0
    """seed of the random episode"""
    memory_size: int | None = None
    """memory slots to run with; default: as in training"""
    out: str | None = None
    """folder for the figures; default: figures in the run's folder, or ./figures/MODEL for a shipped model"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = parse(
        Options,
        arguments,
        prog="tapehead plot",
        about="Draw a model on one episode (inputs, outputs, heads, memory), and a run's learning curve.",
    )
    described = hub.info(options.model).get("task")
    if described is None:
        raise InputError(
            f"{options.model} does not say what task it was trained on: only a run's model can be drawn"
        )
    machine = hub.load(options.model)
    try:
        task = tasks.from_dict(described)
        batch = tasks.Sampler(1, options.seed).draw(task.with_max_sizes(options.length))
        outputs, trace = run_traced(machine, batch, options.memory_size)
    except ValueError as error:  # A size that the task or the machine cannot take.
        raise InputError(str(error)) from error
    figures = plot_trace(
        trace,
        batch,
        outputs,
        f"{type(machine).__name__}, {task.name}",
        input_labels=task.channels.inputs,
        output_labels=task.channels.outputs,
    )
    folder = hub.find(options.model)
    if (folder / METRICS_FILE).is_file():
        figures.append(plot_curves([folder]))
    for path in save_figures(figures, options.out or _folder(options.model, folder)):
        print(path)
    return 0


def _folder(model: str, folder: Path) -> Path:
    """Where the figures go by default: never into the installed package."""
    shipped = folder.name in hub.names() and folder == hub.find(folder.name)
    return Path("figures", model) if shipped else folder / "figures"
