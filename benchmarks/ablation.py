"""``python -m benchmarks.ablation``: what each switch of the machines gives, on three small tasks.

A small machine is trained as in the papers, and once more with each switch alone, from several seeds with
one thread each, for the same number of updates. The tasks are so small and the runs so short that all of it
takes an hour or two: the table says which switch makes the beginning of training easier or harder, not what
it gives at full size. Runs are kept in results/ablation.json as they end: what is there is not trained again,
so it may be stopped.
"""

import argparse
import concurrent.futures
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks import report
from tapehead import train
from tapehead.tasks import AssociativeRecall, Copy, Task
from tapehead.tasks.graph import Traversal
from tapehead.train.config import OptimizerConfig, TrainConfig
from tapehead.train.files import METRICS_FILE
from tapehead.train.models import dnc, ntm

SIZES: dict[str, Any] = {"hidden_size": 64, "memory_size": 16, "word_size": 16, "num_reads": 2}
SEEDS = 3
VALIDATION = 300
"""Fresh sequences at the end of a run."""


class Setting(NamedTuple):
    """A task of the table."""

    task: Task
    batch_size: int
    updates: int
    words: str


SETTINGS = {
    "copy": Setting(Copy(max_length=5), 4, 2_000, "1 to 5 vectors of 8 bits"),
    "recall": Setting(
        AssociativeRecall(max_items=3, vectors=2, num_bits=4), 8, 1_500, "2 or 3 items of two 4-bit vectors"
    ),
    "graph": Setting(
        Traversal(min_nodes=3, max_nodes=3, min_degree=2, max_degree=2, min_path=1, max_path=1),
        8,
        1_500,
        "one step in a graph of 3 nodes and 6 edges",
    ),
}
MACHINES = {"NTM": ntm, "DNC": dnc}
PAPER = "the paper's"
BOTH: dict[str, dict[str, Any]] = {
    PAPER: {},
    'controller="feedforward"': {"controller": "feedforward"},
    "feed_reads=False": {"feed_reads": False},
    "learn_initial_state": {"learn_initial_state": True},
}
LOOKUP = {"controller": "feedforward", "init": "lookup"}
SWITCHES: dict[str, dict[str, dict[str, Any]]] = {
    "NTM": BOTH
    | {
        "num_writes=2": {"num_writes": 2},
        "max_shift=0": {"max_shift": 0},
        "read_first": {"read_first": True},
        "write_gate": {"write_gate": True},
        "learn_initial_memory": {"learn_initial_memory": True},
        'init="tape"': {"init": "tape"},
        'init="lookup", feed-forward': LOOKUP,
    },
    "DNC": BOTH
    | {
        "temporal_links=False": {"temporal_links": False},
        "masked_lookup": {"masked_lookup": True},
        "deallocation": {"deallocation": True},
        "link_sharpening": {"link_sharpening": True},
        "interface_norm": {"interface_norm": True},
        "bypass_dropout=0.1": {"bypass_dropout": 0.1},
        "usage_gradient=False": {"usage_gradient": False},
        'init="lookup", feed-forward': LOOKUP,
    },
}
Cell = tuple[str, str, str]
"""Machine, switch, task."""


def main(arguments: list[str] | None = None) -> int:
    """Train what is missing, print the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ablation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"of each cell ({SEEDS})")
    parser.add_argument("--updates", type=int, help="of a run, instead of the task's own number")
    parser.add_argument("--only", choices=SETTINGS, nargs="+", help="tasks (all)")
    parser.add_argument("--machines", choices=MACHINES, nargs="+", help="machines (both)")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="runs at a time (all cores)")
    parser.add_argument("--results", type=Path, default=report.RESULTS, help="folder of the JSON")
    options = parser.parse_args(arguments)
    path = options.results / "ablation.json"
    found = json.loads(path.read_text()) if path.exists() else {"runs": []}
    cells = [
        (machine, switch, task)
        for task in options.only or SETTINGS
        for machine in options.machines or MACHINES
        for switch in SWITCHES[machine]
    ]
    _train_missing(cells, options.seeds, options.updates, options.processes, path, found["runs"])
    print("\n\n".join(tables(found["runs"])))
    return 0


def _train_missing(
    cells: Sequence[Cell],
    seeds: int,
    updates: int | None,
    processes: int,
    path: Path,
    runs: list[dict[str, Any]],
) -> None:
    done = {(run["machine"], run["switch"], run["task"], run["seed"]) for run in runs}
    todo = [(*cell, seed) for seed in range(seeds) for cell in cells if (*cell, seed) not in done]
    if not todo:
        return
    host = report.describe_machine()
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(processes, mp_context=spawn) as pool:
        waiting = [pool.submit(learn, *each, updates) for each in todo]
        for future in concurrent.futures.as_completed(waiting):
            runs.append(future.result())
            runs.sort(key=lambda run: (run["task"], run["machine"], run["switch"], run["seed"]))
            lines = ",\n  ".join(json.dumps(run) for run in runs)
            text = f'{{\n "host": {json.dumps(host)},\n "runs": [\n  {lines}\n ]\n}}\n'
            path.with_suffix(".part").write_text(text)
            path.with_suffix(".part").replace(path)
            print(f"{len(runs)}: {runs[-1]['task']}", file=sys.stderr)


def learn(machine: str, switch: str, task: str, seed: int, updates: int | None = None) -> dict[str, Any]:
    """Train one machine with one switch from one seed, on one thread, and measure it on fresh sequences."""
    torch.set_num_threads(1)
    setting = SETTINGS[task]
    sequences = setting.batch_size * (updates or setting.updates)
    config = TrainConfig(
        task=setting.task,
        model=MACHINES[machine](**SIZES | SWITCHES[machine][switch]),
        optimizer=OptimizerConfig(lr=2e-3),
        batch_size=setting.batch_size,
        sequences=sequences,
        seed=seed,
        validate_every=sequences,
        validation_sequences=VALIDATION,
    )
    with tempfile.TemporaryDirectory() as folder:
        ended = train.train(config, Path(folder) / "run", quiet=True)
        lines = (Path(folder) / "run" / METRICS_FILE).read_text().splitlines()
    last = [row for row in map(json.loads, lines) if row["kind"] == "validation"][-1]
    return {
        "machine": machine,
        "switch": switch,
        "task": task,
        "seed": seed,
        "sequences": sequences,
        "bits": round(last["bits_per_sequence"], 3),
        "exact": round(last["exact"], 3),
        "seconds": round(ended.seconds, 1),
    }


def tables(runs: Sequence[dict[str, Any]]) -> list[str]:
    """A Markdown table for each machine: bits per sequence, the median of the seeds and their range."""
    made = []
    for machine in MACHINES:
        own = [run for run in runs if run["machine"] == machine]
        rows = []
        for switch in SWITCHES[machine]:
            of_switch = [run for run in own if run["switch"] == switch]
            if of_switch:
                cells = {task: _cell(of_switch, task) for task in SETTINGS}
                rows.append({"switch": f"`{switch}`" if switch != PAPER else switch} | cells)
        if rows:
            columns = [(machine, "switch", "{}"), *((task, task, "{}") for task in SETTINGS)]
            made.append(report.table(rows, columns))
    return made


def _cell(runs: Sequence[dict[str, Any]], task: str) -> str | None:
    bits = sorted(run["bits"] for run in runs if run["task"] == task)
    if not bits:
        return None
    low, high = (f"{bits[i]:.3g}" for i in (0, -1))
    return f"{statistics.median(bits):.3g} ({low} – {high})"


if __name__ == "__main__":
    sys.exit(main())
