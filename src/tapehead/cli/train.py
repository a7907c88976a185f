"""``tapehead train``: train a preset or a config, or resume a run."""

import dataclasses
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from .. import tasks
from .. import train as training
from ..errors import InputError
from ..train.models import name_of
from ._models import registry
from ._parse import parse

USAGE = """\
usage: tapehead train PRESET [--out FOLDER] [--sequences N] [--seed N] [...]
       tapehead train --config RUN/config.json [--out FOLDER] [...]
       tapehead train --resume RUN [--sequences N]

Train a model and save it in --out, by default runs/PRESET-seedN.
`tapehead train PRESET --help` shows every option with the preset's value.
With several processes: torchrun --nproc-per-node 2 -m tapehead train PRESET

presets (…-paper: the settings of the NTM paper; the others aim at converging fast):
"""


@dataclasses.dataclass(frozen=True)
class Options:
    """The options of a new run."""

    config: Annotated[training.TrainConfig, tyro.conf.arg(name="")]
    out: Path | None = None
    """the run's folder, new or empty"""


@dataclasses.dataclass(frozen=True)
class ResumeOptions:
    """The options of a run to resume."""

    resume: Path
    """the run's folder"""
    sequences: int | None = None
    """train up to this many sequences in all"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE + "\n".join(f"  {name}" for name in training.PRESETS))
        return 0 if arguments else 2
    if any(argument.split("=")[0] == "--resume" for argument in arguments):
        options = parse(
            ResumeOptions,
            arguments,
            prog="tapehead train",
            about="Resume a run exactly from its newest checkpoint.",
        )
        report = training.resume(options.resume, sequences=options.sequences)
    else:
        report = training.train(*_new_run(arguments))
    if os.environ.get("RANK", "0") == "0":
        print(
            f"{report.reason} after {report.sequences:,} sequences ({report.seconds:.0f} s): "
            f"{report.bits_per_sequence:.4g} bits per sequence, {report.exact:.1%} exact\n"
            f"next: tapehead evaluate {report.folder}    tapehead plot {report.folder}"
        )
    return 0


def _new_run(arguments: Sequence[str]) -> tuple[training.TrainConfig, Path]:
    first, *rest = arguments
    if first == "--config":
        if not rest:
            raise InputError("--config needs a file: give a run's config.json")
        preset = training.load_config(rest.pop(0))
        name, called = f"{name_of(preset.model)}-{preset.task.name}", "--config FILE"
    elif first.startswith("-"):
        raise InputError(f"the preset comes first, before {first}: tapehead train ntm-copy {first} ...")
    else:
        preset, name, called = training.preset(first), first, first
    if isinstance(preset.task, tasks.Babi):  # as `tapehead evaluate` calls it
        rest = [re.sub("^--data(?==|$)", "--task.data", argument) for argument in rest]
    options = parse(
        Options,
        rest,
        prog=f"tapehead train {called}",
        default=Options(preset),
        about="Train a model from the beginning.",
        registry=registry,
    )
    if isinstance(options.config.task, tasks.Babi):
        for note in options.config.task.notes:
            print(f"note: {note}", file=sys.stderr)
    return options.config, options.out or Path("runs", f"{name}-seed{options.config.seed}")
