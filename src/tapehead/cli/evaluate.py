"""``tapehead evaluate``: scores within the training range and beyond, with more or less memory."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Annotated

import torch
import tyro

from .. import tasks, zoo
from .._errors import UserError
from ..train import Point, evaluate
from ..train.evaluate import all_points
from ._parse import parse


@dataclasses.dataclass(frozen=True)
class Options:
    """What an evaluation takes."""

    model: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN_OR_MODEL")]
    """a run's folder, or a model that ships with tapehead"""
    lengths: tuple[int, ...] = ()
    """lengths to score, one after the other (of a task without a length: its first size)"""
    repeats: tuple[int, ...] = ()
    """repeats, for repeat copy"""
    items: tuple[int, ...] = ()
    """items, for associative recall and priority sort"""
    sequences: int = 1000
    """fresh sequences at each point"""
    memory_size: int | None = None
    """memory slots; as in training when not given"""
    seed: int = 0
    """of the sequences"""
    json: bool = False
    """print JSON, and nothing else"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = parse(
        Options,
        arguments,
        prog="tapehead evaluate",
        about="Score a model on fresh sequences of the given sizes, or of the largest in training.",
    )
    described = zoo.info(options.model).get("task")
    if described is None:
        raise UserError(
            f"{options.model} does not say what task it was trained on: only a run's model can be scored"
        )
    try:
        task = tasks.from_dict(described)
        points = evaluate(
            zoo.load(options.model).to("cuda" if torch.cuda.is_available() else "cpu"),
            task,
            all_points(task, _choices(options, task)),
            sequences=options.sequences,
            memory_size=options.memory_size,
            seed=options.seed,
        )
    except ValueError as error:  # A size that the task or the machine cannot take.
        raise UserError(str(error)) from error
    if options.json:
        rows = [point.to_dict() for point in points]
        print(json.dumps({"model": options.model, "task": task.name, "points": rows}))
    else:
        print(_table(points))
    return 0


def _choices(options: Options, task: tasks.Task) -> dict[str, Sequence[int]]:
    choices = {"length": options.lengths, "repeats": options.repeats, "items": options.items}
    if options.lengths and "length" not in task.sizes and not choices[task.sizes[0]]:
        choices[task.sizes[0]] = choices.pop("length")
    return {size: values for size, values in choices.items() if values}


def _table(points: Sequence[Point]) -> str:
    sizes = list(points[0].sizes)
    header = [*sizes, "memory slots", "bits per sequence", "wrong bits", "exact"]
    rows = [
        [
            *(str(point.sizes[size]) for size in sizes),
            "–" if point.memory_size is None else str(point.memory_size),
            f"{point.bits_per_sequence:.4f}",
            str(point.wrong_bits),
            f"{point.exact:.1%}",
        ]
        for point in points
    ]
    widths = [max(map(len, column)) for column in zip(header, *rows)]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in [header, *rows]]
    return "\n".join(
        [*lines, f"{points[0].sequences:,} sequences a row; wrong bits are of all of them together"]
    )
