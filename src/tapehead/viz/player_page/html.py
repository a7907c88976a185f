"""The stand-alone player: one file, no network."""

import base64
import html
import os
import tempfile
from pathlib import Path

from .pack import pack
from .recording import Recording

STATIC = Path(__file__).parent / "static"
SCRIPTS = ("data.js", "colours.js", "strips.js", "memory.js", "picture.js", "question.js", "player.js")
"""In the order in which they need each other."""
STYLE = "player.css"


def player_html(recording: Recording) -> str:
    """The player of a recording: a whole HTML document that loads nothing from anywhere.

    Raises:
        ValueError: a recording that is too long.
    """
    scripts = "\n".join(_static(name) for name in SCRIPTS)
    return (
        _static("player.html")
        .replace("{{title}}", html.escape(recording.title))
        .replace("{{style}}", _static(STYLE))
        .replace("{{scripts}}", scripts)
        .replace("{{recording}}", base64.b64encode(pack(recording)).decode())
    )


def write_player(recording: Recording, path: str | os.PathLike) -> Path:
    """Write the player of a recording to a file, whole or not at all.

    Args:
        recording: what to play.
        path: such as "play.html"; folders are made, an existing file is replaced.

    Raises:
        OSError: the file cannot be written.
        ValueError: a recording that is too long.
    """
    path = Path(path)
    text = player_html(recording)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".html")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        # mkstemp made it for our eyes only; the folder says who may read.
        os.chmod(beside, path.parent.stat().st_mode & 0o666)
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    return path


def _static(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")
