"""``tapehead plot``: pictures of a model at work, and of a run's learning."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import torch
import tyro

from .. import hub, tasks
from ..errors import InputError
from ..viz.figures import curves, plot_trace, save_figures
from ._parse import parse


@dataclasses.dataclass(frozen=True)
class Options:
    """What a picture takes."""

    model: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN_OR_MODEL")]
    """a run's folder, or a model that ships with tapehead"""
    length: int | None = None
    """length of the episode (of a task without one: its first size); the longest of training by default"""
    seed: int = 0
    """of the episode"""
    memory_size: int | None = None
    """memory slots; as in training when not given"""
    out: str | None = None
    """folder for the pictures; when not given, figures in the run's folder, or figures/MODEL here"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = parse(
        Options,
        arguments,
        prog="tapehead plot",
        about="Draw one episode: inputs and outputs, heads, memory; and a run's learning curve.",
    )
    described = hub.info(options.model).get("task")
    if described is None:
        raise InputError(
            f"{options.model} does not say what task it was trained on: only a run's model can be drawn"
        )
    machine = hub.load(options.model)
    machine.batch_first = False
    try:
        task = tasks.from_dict(described)
        batch = tasks.Sampler(1, options.seed).draw(task.with_max_sizes(options.length))
        given = {} if options.memory_size is None else {"memory_size": options.memory_size}
        with torch.no_grad():
            outputs, _, *trace = machine(
                batch.inputs, lengths=batch.lengths, return_trace=machine.traceable, **given
            )
    except ValueError as error:  # A size that the task or the machine cannot take.
        raise InputError(str(error)) from error
    folder = hub.find(options.model)
    figures = plot_trace(
        trace[0] if trace else None,
        batch,
        outputs,
        f"{type(machine).__name__}, {task.name}",
        input_labels=task.channels.inputs,
        output_labels=task.channels.outputs,
    )
    if (folder / "metrics.jsonl").is_file():
        figures.append(curves([folder]))
    for path in save_figures(figures, options.out or _folder(options.model, folder)):
        print(path)
    return 0


def _folder(model: str, folder: Path) -> Path:
    shipped = folder == hub.find(folder.name) if folder.name in hub.names() else False
    return Path("figures", model) if shipped else folder / "figures"
