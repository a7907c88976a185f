"""``python -m benchmarks.processes``: sequences a second in training, by one process and by several.

The joint batch is the same for all: one process with one thread, one with a thread for each core, and a
process of one thread for each core, which average their gradients (gloo). They take turns, and the medians
are printed. The rate of a run is taken between two rows of its metrics, so that its start does not count.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks import report
from tapehead.train.files import METRICS_FILE

UPDATES = {"ntm-copy": 1_500, "dnc-traversal": 300}
"""Updates of a run, by preset: some seconds."""
BATCH = 16
"""Sequences an update, all processes together."""
ROWS = 10
"""Rows of metrics of a run; the first is left out."""


COLUMNS = (
    ("preset", "preset", "{}"),
    ("processes, threads of each", "way", "{}"),
    ("sequences/s", "rate", "{:,.0f}"),
    ("× one process of one thread", "ratio", "{:.2f}"),
)


class Way(NamedTuple):
    """How a run uses the cores."""

    processes: int
    threads: int

    def __str__(self) -> str:
        """As in the table."""
        return f"{self.processes}, {self.threads}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.processes",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--presets", choices=UPDATES, nargs="+", default=list(UPDATES))
    parser.add_argument("--cores", type=int, default=os.cpu_count(), help="to use (all)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind (3)")
    parser.add_argument("--updates", type=int, help="of a run, instead of the preset's own number")
    options = parser.parse_args(arguments)
    ways = (Way(1, 1), Way(1, options.cores), Way(options.cores, 1))
    print(json.dumps(report.describe_machine()), file=sys.stderr)
    rows = []
    for preset in options.presets:
        updates = options.updates or UPDATES[preset]
        rates: dict[Way, list[float]] = {way: [] for way in ways}
        for _ in range(options.rounds):
            for way in ways:
                rates[way].append(rate(preset, way, updates))
        one = statistics.median(rates[ways[0]])
        for way in ways:
            median = statistics.median(rates[way])
            rows.append({"preset": preset, "way": str(way), "rate": median, "ratio": median / one})
    print(report.table(rows, COLUMNS))
    return 0


def rate(preset: str, way: Way, updates: int) -> float:
    """Sequences a second of one run, all processes together."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "run"
        command = [sys.executable, "-m"]
        if way.processes > 1:
            command += ["torch.distributed.run", "--standalone", f"--nproc-per-node={way.processes}", "-m"]
        command += ["tapehead", "train", preset, "--out", str(folder)]
        command += ["--batch-size", str(BATCH // way.processes), "--sequences", str(BATCH * updates)]
        command += ["--log-every", str(updates // ROWS), "--validate-every", str(BATCH * updates)]
        command += ["--validation-sequences", str(way.processes)]
        environment = os.environ | {"OMP_NUM_THREADS": str(way.threads)}
        subprocess.run(command, env=environment, check=True, capture_output=True)
        rows = map(json.loads, (folder / METRICS_FILE).read_text().splitlines())
        first, *_, last = (row for row in rows if row["kind"] == "train")
    return (last["sequences"] - first["sequences"]) / (last["seconds"] - first["seconds"])


if __name__ == "__main__":
    sys.exit(main())
