"""Files and folders that appear whole or not at all, whatever stops the program while it writes."""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

if sys.platform != "win32":
    import fcntl


@contextlib.contextmanager
def write_atomically(path: str | os.PathLike) -> Iterator[Path]:
    """Write a file, or a new folder, so that it appears whole or not at all.

    Yields a path in a temporary folder beside ``path``, with the same name. The block writes the file, or
    makes the folder, there; when it ends without an error, the result replaces ``path``. What earlier writers
    of ``path`` left behind because they were killed is removed.

    Args:
        path: the file, which is replaced if it exists; or the folder, which must not exist. The folder that
            contains it must exist.

    Raises:
        OSError: it cannot be written; ``path`` is as it was.
    """
    path = Path(path)
    prefix = f".{path.name}.writing-"
    _remove_leftovers(path.parent, prefix)
    beside = Path(tempfile.mkdtemp(dir=path.parent, prefix=prefix))
    try:
        with _locked(beside):
            yield beside / path.name
            os.replace(beside / path.name, path)
    except OSError as error:
        # (Without a number, the message is the error's own text; a filename would hide it.)
        if error.errno and (error.filename is None or str(error.filename).startswith(str(beside))):
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _remove_leftovers(folder: Path, prefix: str) -> None:
    """Remove the temporary folders whose writers no longer run: nobody holds their lock."""
    if sys.platform == "win32":
        return  # There is no lock to tell them from those in use.
    for leftover in [entry for entry in folder.iterdir() if entry.name.startswith(prefix)]:
        with contextlib.suppress(OSError), _locked(leftover):
            shutil.rmtree(leftover, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder; the system releases it when the process ends.

    Raises:
        BlockingIOError: another process or thread holds it.
    """
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
