"""``tapehead trace``: a model on one episode or question, as an HTML page that shows every step."""

import dataclasses
from collections.abc import Sequence
from typing import Annotated

import tyro

from ..errors import InputError
from ..viz.player_page import Recording, SearchRecording, record_episode, write_player
from ._parse import parse


@dataclasses.dataclass(frozen=True)
class Options:
    """The command's options."""

    model: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="RUN_OR_MODEL")] = None
    """the folder of a training run, or the name of a shipped model; may be left out with --question"""
    task: str | None = None
    """task to run; default: the one that the model was trained on"""
    length: int | None = None
    """length of the episode (of a task without a length: its first size); default: the longest of training"""
    seed: int = 0
    """seed of the random episode"""
    memory_size: int | None = None
    """memory slots to run with; default: as in training"""
    data: str | None = None
    """a family tree or a map to ask about: a file, or the name of an example"""
    question: str | None = None
    """a question in words about the data"""
    out: str = "play.html"
    """HTML file to write"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = parse(
        Options,
        arguments,
        prog="tapehead trace",
        about="Record a model on an episode or a question, as one HTML file that shows every step.",
    )
    recording = _record_question(options) if options.data or options.question else _record_task(options)
    print(write_player(recording, options.out))
    return 0


def _record_task(options: Options) -> Recording:
    if options.model is None:
        raise InputError("name a model (tapehead models lists them), or give --data and --question")
    return record_episode(
        options.model,
        task_name=options.task,
        length=options.length,
        seed=options.seed,
        memory_size=options.memory_size,
    )


def _record_question(options: Options) -> Recording | SearchRecording:
    from .. import knowledge
    from ..viz.player_page import record_answer

    if not options.data or not options.question:
        missing = "--question" if options.data else "--data"
        raise InputError(f"a question needs --data and --question: {missing} is missing")
    unused = [name for name in ("task", "length", "memory_size") if getattr(options, name) is not None]
    if unused:
        raise InputError(f"--{unused[0].replace('_', '-')} is for tasks: leave it out with a question")
    graph = knowledge.read(options.data)
    return record_answer(graph, knowledge.ask(graph, options.question, model=options.model))
