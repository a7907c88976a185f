"""``tapehead tasks``: list the tasks, or show an episode of one."""

import dataclasses
import difflib
from collections.abc import Sequence
from typing import Annotated

import tyro

from .. import tasks
from ..errors import InputError
from ._parse import parse

USAGE = """\
usage: tapehead tasks                    list the tasks
       tapehead tasks show TASK [...]    show an episode; `tapehead tasks show TASK --help` has its sizes
"""


@dataclasses.dataclass(frozen=True)
class ShowOptions:
    """The options of showing an episode."""

    task: Annotated[tasks.Task, tyro.conf.arg(name="")]
    seed: int = 0
    """seed of the episode"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    match list(arguments):
        case [] | ["list"]:
            _list()
        case ["show", name, *rest] if not name.startswith("-"):
            _show(name, rest)
        case ["-h" | "--help"]:
            print(USAGE, end="")
        case _:
            raise InputError(
                f"tapehead tasks {' '.join(arguments)}: give nothing, or `show` and a task's name"
            )
    return 0


def _list() -> None:
    for name in tasks.names():
        task = tasks.get(name)
        about = (type(task).__doc__ or "").strip().splitlines()[0]
        print(f"{name:20} {task.input_size:3} in {task.output_size:3} out   {about}")


def _show(name: str, arguments: Sequence[str]) -> None:
    if name not in tasks.names():
        close = difflib.get_close_matches(name, tasks.names(), n=1)
        hint = f"did you mean {close[0]}?" if close else f"the tasks are {', '.join(tasks.names())}"
        raise InputError(f"there is no task {name!r}: {hint}")
    options = parse(
        ShowOptions,
        arguments,
        prog=f"tapehead tasks show {name}",
        default=ShowOptions(tasks.get(name)),
        about="Show an episode.",
    )
    batch = tasks.Sampler(1, options.seed).draw(options.task)
    print(options.task.describe(batch))
