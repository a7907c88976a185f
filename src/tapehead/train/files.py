"""Files of a run that a kill or a full disk cannot leave half-written."""

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..files import write_atomically

METRICS_FILE = "metrics.jsonl"


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make the new ``folder`` with these files: it appears whole, or not at all.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(folder) as beside:
        beside.mkdir()
        for name, content in files.items():
            with open(beside / name, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())


class JsonLines:
    """A file of JSON rows that can be truncated to an earlier size.

    Args:
        path: the file; made when missing.
        size: bytes to keep.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        # Unbuffered: `write` hands the row to the system at once, and raises there if the disk is full.
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115
        self._file.truncate(min(size, self.size))

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return os.fstat(self._file.fileno()).st_size

    def write(self, row: Mapping[str, Any]) -> None:
        """Append a row.

        Raises:
            OSError: the row cannot be written, for example because the disk is full.
        """
        line = (json.dumps(row) + "\n").encode()
        before = self.size
        try:
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._file.truncate(before)
            error.filename = str(self._path)
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()
