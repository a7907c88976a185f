"""The stand-alone player: one file, no network."""

import base64
import html
import os
import re
from pathlib import Path

from ...files import write_atomically
from .bundle import bundle
from .pack import pack
from .recording import Recording
from .search import SearchRecording

STATIC = Path(__file__).parent / "static"
ENTRY = "player.js"
"""The module that imports all others."""
STYLE = "player.css"


def player_html(recording: Recording | SearchRecording) -> str:
    """The player of a recording: a whole HTML document that loads nothing from anywhere.

    Raises:
        ValueError: a recording that is too long.
    """
    parts = {
        "title": html.escape(recording.title),
        "style": _static(STYLE),
        "script": bundle(STATIC, ENTRY),
        "recording": base64.b64encode(pack(recording)).decode(),
    }
    # In one pass: a title may contain such a mark itself.
    return re.sub(r"\{\{(\w+)\}\}", lambda mark: parts[mark[1]], _static("player.html"))


def write_player(recording: Recording | SearchRecording, path: str | os.PathLike) -> Path:
    """Write the player of a recording to a file, whole or not at all.

    Args:
        recording: what to show.
        path: such as "play.html"; folders are made, an existing file is replaced.

    Raises:
        OSError: the file cannot be written.
        ValueError: a recording that is too long.
    """
    path = Path(path)
    text = player_html(recording)
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(path) as file:
        file.write_text(text, encoding="utf-8", newline="\n")
    return path


def _static(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")
