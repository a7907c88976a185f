"""The command line: ``tapehead COMMAND``. Each command is one module, imported only when it is asked for."""

import contextlib
import difflib
import importlib
import os
import sys
import warnings
from collections.abc import Sequence

from ..errors import InputError, TapeheadError

__all__ = ["main"]

COMMANDS: dict[str, tuple[str, str]] = {
    "train": ("tapehead.cli.train", "train a model, or resume a run"),
    "evaluate": ("tapehead.cli.evaluate", "score a model by length and memory size"),
    "plot": ("tapehead.cli.plot", "draw what a model does with its memory"),
    "trace": ("tapehead.cli.trace", "record a model at work as a page to play and step through"),
    "serve": ("tapehead.cli.serve", "open a local page: watch a model think, ask about your own data"),
    "models": ("tapehead.cli.models", "list the models that ship with tapehead, or show one's card"),
    "tasks": ("tapehead.cli.tasks", "list the tasks, or show an episode of one"),
    "ask": ("tapehead.cli.ask", "ask in words about your family tree or your city's map"),
    "engine": ("tapehead.cli.engine", "build the native engine and show its state"),
}
"""Name → (the module whose ``main(arguments)`` runs it, what it does)."""

EXAMPLES: dict[str, str] = {
    "train": "tapehead train ntm-copy --seed 1 --out runs/first",
    "evaluate": "tapehead evaluate ntm-copy --lengths 20 50 120 --sequences 100",
    "plot": "tapehead plot ntm-copy --length 20 --out figures",
    "trace": "tapehead trace ntm-copy --length 12 --out play.html",
    "serve": "tapehead serve --port 8080",
    "models": "tapehead models ntm-copy",
    "tasks": "tapehead tasks show copy --max-length 5 --seed 1",
    "ask": 'tapehead ask london "shortest path from Paddington to Bank" --page search.html',
    "engine": "tapehead engine --build",
}
"""Command → a call that works as typed; the command's help ends with it."""

EXTRAS = {
    "accelerate": "train",
    "tyro": "train",
    "tqdm": "train",
    "matplotlib": "viz",
    "tensorboard": "log",
    "ged4py": "knowledge",
    "convertdate": "knowledge",
    "networkx": "knowledge",
    "fastapi": "web",
    "uvicorn": "web",
}
"""Module → the extra of tapehead that brings it."""

COMMAND_EXTRAS = {"ask": "knowledge", "plot": "viz", "serve": "web", "trace": "all", "evaluate": "all"}
"""Command → the extra that brings all that it needs; of the others that is the missing module's."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0; 2 for what the user can mend; 130 after Ctrl-C."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default", FutureWarning)
            warnings.showwarning = _show
            return _run(arguments)
    except KeyboardInterrupt as interrupt:
        _complain(str(interrupt) or "interrupted")
        return getattr(interrupt, "exit_code", 130)
    except BrokenPipeError:
        # The reader of our output (`| head`) has left; nothing is wrong, and nothing more can be printed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except TapeheadError as error:
        _complain(str(error))
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        extra = COMMAND_EXTRAS.get(arguments[0], extra)  # one that brings all that the command needs
        _complain(
            f'{error.name} is not installed, and this command needs it: pip install "tapehead[{extra}]"'
        )
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _complain(f"{where}{error.strerror or error}")
    return 2


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_help())
        return 0 if arguments else 2
    name, *rest = arguments
    if name == "--version":
        from .. import __version__

        print(f"tapehead {__version__}")
        return 0
    if name not in COMMANDS:
        close = difflib.get_close_matches(name, COMMANDS, n=1)
        raise InputError(
            f"there is no command {name!r}: "
            + (f"did you mean {close[0]}?" if close else f"the commands are {', '.join(COMMANDS)}")
        )
    command = importlib.import_module(COMMANDS[name][0]).main
    if not {"-h", "--help"} & set(rest):
        return command(rest) or 0
    with contextlib.suppress(SystemExit):  # tyro exits after its help
        command(rest)
    print(f"\nexample: {EXAMPLES[name]}")
    return 0


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {about}" for name, (_, about) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: tapehead COMMAND ...",
            "",
            "Neural Turing Machines and Differentiable Neural Computers.",
            "",
            *lines,
            "",
            "`tapehead COMMAND --help` says more.",
        ]
    )


def _complain(message: str) -> None:
    print(f"tapehead: {message}", file=sys.stderr)


def _show(message: Warning | str, *where: object, **further: object) -> None:
    """In place of ``warnings.showwarning``: the sentence alone."""
    _complain(str(message))
