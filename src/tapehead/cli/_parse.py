"""Parsing of command lines by tyro, with errors of one sentence."""

import contextlib
import io
import re
from collections.abc import Sequence
from typing import Any, TypeVar

import tyro

from ..errors import InputError

Options = TypeVar("Options")


def parse(
    options: type[Options],
    arguments: Sequence[str],
    *,
    prog: str,
    default: Options | None = None,
    about: str,
    registry: ConstructorRegistry | None = None,
) -> Options:
    """Parse a command line into a dataclass.

    Args:
        options: the dataclass; the docstrings of its fields are the help.
        arguments: the command line after the command's name.
        prog: the command's name, for the help.
        default: the values of options that are not given.
        about: what the command does, for the help.
        registry: how to ask for types that tyro does not know.

    Raises:
        InputError: an unknown option, or a value that is not valid.
        SystemExit: the help was printed.
    """
    complaints = io.StringIO()
    given: dict[str, Any] = {} if default is None else {"default": default}
    try:
        with contextlib.redirect_stderr(complaints):
            return tyro.cli(
                options,
                args=list(arguments),
                prog=prog,
                description=about,
                registry=registry,
                config=(tyro.conf.AvoidSubcommands, tyro.conf.FlagCreatePairsOff),
                **given,
            )
    except ValueError as error:  # A task or a model refused its sizes.
        raise InputError(str(error)) from error
    except SystemExit as end:
        if not end.code:
            raise
        raise InputError(f"{_sentence(complaints.getvalue())} (see `{prog} --help`)") from None


def _sentence(box: str) -> str:
    """The first sentence of tyro's framed error message."""
    sections: list[list[str]] = [[]]
    for line in box.splitlines():
        line = line.strip("│ ")
        if re.fullmatch("[─-]+", line):
            sections.append([])
        elif line and line[0] not in "╭╰":
            sections[-1].append(line)
    if "╭" not in box:  # A terminal without UTF-8: the title is not in the frame but a section of its own.
        del sections[0]
    gist = " ".join(sections[0]).replace("Error parsing config.", "").removeprefix("Error parsing ")
    for section in sections[1:]:
        if section and section[0].startswith("Perhaps you meant"):
            gist += f"; perhaps you meant {section[1].split()[0]}"
    return gist
