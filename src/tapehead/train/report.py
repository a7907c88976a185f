"""The output of a run: the progress bar, metrics.jsonl, TensorBoard."""

import sys
import time
from pathlib import Path
from typing import Any

from .errors import ConfigError
from .files import METRICS_FILE, JsonLines

REFRESH_SECONDS = 0.5


class Reporter:
    """Writes rows to metrics.jsonl (and TensorBoard), and progress to the terminal.

    Args:
        folder: the run's folder.
        total: sequences of the whole run.
        done: how many of them are trained on already.
        metrics_size: bytes of metrics.jsonl to keep.
        tensorboard: also write TensorBoard events.
        active: False in all but the main process: nothing is written.
        quiet: write the files only.
    """

    def __init__(
        self,
        folder: Path,
        *,
        total: int,
        done: int,
        metrics_size: int,
        tensorboard: bool,
        active: bool,
        quiet: bool,
    ) -> None:
        from tqdm import tqdm

        self._prints = active and not quiet
        shows_bar = self._prints and sys.stderr.isatty()
        self._bar = tqdm(
            total=total,
            initial=done,
            unit=" sequences",
            disable=not shows_bar,
            smoothing=0.1,
        )
        self._latest, self._refreshed = done, 0.0
        self._metrics = JsonLines(folder / METRICS_FILE, metrics_size) if active else None
        self._events = _events(folder) if tensorboard and active else None

    @property
    def metrics_size(self) -> int:
        """Bytes in metrics.jsonl."""
        return self._metrics.size if self._metrics else 0

    def row(self, row: dict[str, Any]) -> None:
        """Write a row to metrics.jsonl: ``kind``, ``step`` and numbers."""
        if self._metrics:
            self._metrics.write(row)
        if self._events:
            for name, value in row.items():
                if isinstance(value, int | float):
                    self._events.add_scalar(f"{row['kind']}/{name}", value, row["step"])

    def progress(self, sequences: int, bits: float) -> None:
        """Update the progress bar, at most twice a second."""
        if self._bar.disable:
            return
        self._latest = sequences
        now = time.perf_counter()
        if now - self._refreshed > REFRESH_SECONDS:
            self._refreshed = now
            self._bar.set_postfix_str(f"{bits:.3g} bits/sequence", refresh=False)
            self._move()

    def _move(self) -> None:
        self._bar.update(self._latest - self._bar.n)

    def message(self, text: str) -> None:
        """Print a line to stderr, above the bar."""
        if self._prints:
            self._bar.write(text, file=sys.stderr)

    def close(self) -> None:
        """Close bar and files."""
        self._move()
        self._bar.close()
        if self._metrics:
            self._metrics.close()
        if self._events:
            self._events.close()


def check_tensorboard() -> None:
    """Raise a ConfigError unless TensorBoard is installed."""
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError:
        raise ConfigError(
            'tensorboard is on, but TensorBoard is not installed: pip install "tapehead[log]"'
        ) from None


def _events(folder: Path) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder / "tensorboard"))
