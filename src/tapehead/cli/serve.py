"""``tapehead serve``: the local page."""

import dataclasses
from collections.abc import Sequence

from ..web import serve
from ._parse import parse


@dataclasses.dataclass(frozen=True)
class Options:
    """What the page takes."""

    port: int = 8000
    """of 127.0.0.1; 0 takes any that is free"""
    no_browser: bool = False
    """only print the address"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = parse(
        Options,
        arguments,
        prog="tapehead serve",
        about="Open a page on this machine: watch a model think, or ask about a file of your own.",
    )
    serve(options.port, browser=not options.no_browser)
    return 0
