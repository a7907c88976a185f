"""``python -m benchmarks.speed``: a training step of ours and of others, interleaved, as medians."""

import argparse
import dataclasses
import gc
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tapehead.engine import build

from .cases import CASES, Case
from .contenders import CONTENDERS, Step, Unavailable
from .gate import TOLERANCE, worst_difference

RESULTS = Path(__file__).parent / "results"
BATCHES = {"ntm-copy": [1, 4, 16, 64], "dnc-copy": [1, 4, 16, 64], "dnc-graph": [1, 4, 16, 32, 64]}
QUIET_LOAD = 0.5


def main(arguments: list[str] | None = None) -> int:
    """Gate, time, print; the exit code is 1 when the gate is red."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--case", choices=CASES, nargs="+", default=list(BATCHES))
    parser.add_argument("--batch", type=int, nargs="+", help="instead of each case's own batches")
    parser.add_argument("--contender", choices=CONTENDERS, nargs="+", default=list(CONTENDERS))
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds; medians are reported")
    parser.add_argument(
        "--growth", action="store_true", help="also: growth with steps and slots, peak memory"
    )
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.name}/ too")
    parser.add_argument("--peak", nargs=3, metavar=("CONTENDER", "CASE", "BATCH"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.peak:
        print(_own_peak(*options.peak))
        return 0
    for name in options.case:
        difference = worst_difference(CASES[name])
        if not difference <= TOLERANCE:
            print(
                f"no speed is reported: native and reference differ by {difference:.2g} on {name}",
                file=sys.stderr,
            )
            return 1
    report = {"machine": _machine(), "rows": [], "growth": []}
    for name in options.case:
        for batch in options.batch or BATCHES.get(name, [1, 16]):
            report["rows"] += _compare(CASES[name], batch, options.contender, options.rounds)
            if not options.json:
                print(_table(report["rows"][-len(options.contender) :]), flush=True)
    if options.growth:
        report["growth"] = _growth(options.rounds) + _peaks()
        if not options.json:
            print(_table(report["growth"]))
    report["machine"]["load_after"] = os.getloadavg()[0]
    if options.json:
        print(json.dumps(report, indent=1))
    elif max(report["machine"]["load_before"], 0) > QUIET_LOAD:
        print(
            f"the load was {report['machine']['load_before']:.1f} at the start: run again on a quiet machine"
        )
    if options.save:
        _save(report)
    return 0


def _compare(case: Case, batch: int, names: list[str], rounds: int) -> list[dict[str, Any]]:
    steps: dict[str, Step] = {}
    rows = []
    for name in names:
        try:
            steps[name] = CONTENDERS[name](case, batch)
            steps[name]()
            steps[name]()
        except Unavailable as reason:
            rows.append({"case": case.name, "batch": batch, "contender": name, "skipped": str(reason)})
    product = _matrix_product()
    times = _interleaved({**steps, "": product}, rounds)
    rate = 2 * 2048**3 / statistics.median(times.pop(""))
    for name, seconds in times.items():
        median = statistics.median(seconds)
        rows.append(
            {
                "case": case.name,
                "batch": batch,
                "contender": name,
                "ms": 1e3 * median,
                "times_native": median / statistics.median(times["native"]) if "native" in times else None,
                "examples_per_s": batch / median,
                "gflop_per_s": case.flop(batch) / median / 1e9,
                "share_of_matmul": case.flop(batch) / median / rate,
                "matmul_gflop_per_s": rate / 1e9,
            }
        )
    return rows


def _interleaved(steps: dict[str, Step], rounds: int) -> dict[str, list[float]]:
    """Seconds of each step, the contenders taking turns; short steps are repeated within a turn."""
    repeats = {name: max(1, min(20, int(0.05 / _seconds(step, 1)))) for name, step in steps.items()}
    times: dict[str, list[float]] = {name: [] for name in steps}
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, step in steps.items():
                times[name].append(_seconds(step, repeats[name]))
    finally:
        gc.enable()
    return times


def _seconds(step: Step, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        step()
    return (time.perf_counter() - start) / repeats


def _matrix_product() -> Callable[[], None]:
    a, b = torch.randn(2048, 2048), torch.randn(2048, 2048)
    out = torch.empty(2048, 2048)

    def step() -> None:
        torch.mm(a, b, out=out)

    return step


def _growth(rounds: int) -> list[dict[str, Any]]:
    """The native engine's time by steps and by slots, DNC copy size, batch 16."""
    base, rows = CASES["dnc-copy"], []
    variants = [("steps", n, dataclasses.replace(base, steps=n)) for n in (20, 41, 82, 164)]
    variants += [("slots", n, dataclasses.replace(base, slots=n)) for n in (64, 128, 256, 512)]
    for what, size, case in variants:
        step = CONTENDERS["native"](case, 16)
        step()
        median = statistics.median(_interleaved({"native": step}, rounds)["native"])
        rows.append({"case": base.name, "batch": 16, "contender": "native", what: size, "ms": 1e3 * median})
    return rows


def _peaks() -> list[dict[str, Any]]:
    """Peak memory of one training step in a process of its own, MB."""
    rows = []
    for case, batch in [("dnc-copy", 16), ("dnc-graph", 32)]:
        for name in ("native", "reference"):
            command = [sys.executable, "-m", "benchmarks.speed", "--peak", name, case, str(batch)]
            ran = subprocess.run(command, capture_output=True, text=True, check=True)
            rows.append({"case": case, "batch": batch, "contender": name, "peak_mb": float(ran.stdout)})
    return rows


def _own_peak(contender: str, case: str, batch: str) -> float:
    step = CONTENDERS[contender](CASES[case], int(batch))
    step()
    step()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _machine() -> dict[str, Any]:
    def output(*command: str) -> str:
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return "unknown"

    cpu = next(
        (line.partition(": ")[2] for line in build.cpu_name().splitlines() if "model name" in line), ""
    )
    plan = build.plan()
    return {
        "cpu": cpu or platform.processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "compiler": plan.version,
        "commit": output("git", "rev-parse", "--short", "HEAD"),
        "date": time.strftime("%Y-%m-%d"),
        "load_before": os.getloadavg()[0],
    }


def _table(rows: list[dict[str, Any]]) -> str:
    """Rows as a Markdown table; columns that no row fills are left out."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for row in rows:
        cells = (row.get(column) for column in columns)
        shown = ("" if c is None else f"{c:.3g}" if isinstance(c, float) else str(c) for c in cells)
        lines.append("| " + " | ".join(shown) + " |")
    return "\n".join(lines) + "\n"


def _save(report: dict[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    machine = report["machine"]
    about = "\n".join(f"- {key}: {value}" for key, value in machine.items())
    page = f"# Speed\n\nMedians of interleaved rounds, forward + backward + update.\n\n{about}\n\n"
    page += _table(report["rows"])
    page += "\n" + _table(report["growth"]) if report["growth"] else ""
    for name, text in [("speed.json", json.dumps(report, indent=1) + "\n"), ("README.md", page)]:
        beside = RESULTS / f".{name}"
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, RESULTS / name)


if __name__ == "__main__":
    sys.exit(main())
