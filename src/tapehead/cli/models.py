"""``tapehead models``: list the models that ship with tapehead, or show a card."""

import dataclasses
from collections.abc import Sequence
from typing import Annotated

import tyro

from .. import hub
from ..nn.pretrained import CARD_FILE
from ._parse import parse


@dataclasses.dataclass(frozen=True)
class Options:
    """The options of the command."""

    name: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="RUN_OR_MODEL")] = None
    """a model, or a run's folder, whose card to show; if not given, all models are listed"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = parse(
        Options,
        arguments,
        prog="tapehead models",
        about="List the models that ship with tapehead, or show a card.",
    )
    if options.name is not None:
        hub.info(options.name)
        card = hub.find(options.name) / CARD_FILE
        print(card.read_text(encoding="utf-8").rstrip() if card.is_file() else f"{options.name} has no card")
        return 0
    if not hub.names():
        print("no models ship with this tapehead; train one: tapehead train ntm-copy")
    for name in hub.names():
        config = hub.info(name)
        task = config.get("task", {}).get("name", "no task")
        validation = config.get("trained", {}).get("validation")
        score = f"{validation['bits_per_sequence']:.4g} bits per sequence" if validation else ""
        print(f"{name:32} {config['architecture']:9} {task:20} {score}".rstrip())
    return 0
