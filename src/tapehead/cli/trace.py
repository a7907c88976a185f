"""``tapehead trace``: a model at work, as a page to step through."""

import dataclasses
from collections.abc import Sequence
from typing import Annotated

import tyro

from ..errors import InputError
from ..viz.player_page import Recording, perform, write_player
from ._parse import parse


@dataclasses.dataclass(frozen=True)
class Options:
    """What a recording takes."""

    model: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="RUN_OR_MODEL")] = None
    """a run's folder, or a model that ships with tapehead; may be left out for a question"""
    task: str | None = None
    """the task to do; the one it was trained on when not given"""
    length: int | None = None
    """length of the episode (of a task without one: its first size); the longest of training by default"""
    seed: int = 0
    """of the episode"""
    memory_size: int | None = None
    """memory slots; as in training when not given"""
    data: str | None = None
    """a family tree or a map to ask about: a file, or the name of an example"""
    question: str | None = None
    """what to ask, in words"""
    out: str = "play.html"
    """the page to write"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = parse(
        Options,
        arguments,
        prog="tapehead trace",
        about="Record a model at a task or a question, as one page to play and step through in a browser.",
    )
    recording = _asked(options) if options.data or options.question else _performed(options)
    print(write_player(recording, options.out))
    return 0


def _performed(options: Options) -> Recording:
    if options.model is None:
        raise InputError("name a model (tapehead models lists them), or give --data and --question")
    return perform(
        options.model,
        task_name=options.task,
        length=options.length,
        seed=options.seed,
        memory_size=options.memory_size,
    )


def _asked(options: Options) -> Recording:
    from .. import knowledge
    from ..viz.player_page import record_answer

    if not options.data or not options.question:
        missing = "--question" if options.data else "--data"
        raise InputError(f"a question needs --data and --question: {missing} is missing")
    given = [name for name in ("task", "length", "memory_size") if getattr(options, name) is not None]
    if given:
        raise InputError(f"--{given[0].replace('_', '-')} is for tasks: leave it out with a question")
    graph = knowledge.read(options.data)
    return record_answer(graph, knowledge.ask(graph, options.question, model=options.model))
