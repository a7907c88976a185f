"""A run's report: what machine it was, tables for people, files in results/."""

import json
import os
import platform
import re
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from tapehead.engine.native import build

RESULTS = Path(__file__).parent / "results"
FORMAT = 1
QUIET_LOAD = 0.5
QUIET_OTHERS = 0.05

Row = Mapping[str, Any]

# Column: (title, key, how its numbers are written).
SPEED_COLUMNS = (
    ("batch", "batch", "{}"),
    ("who", "contender", "{}"),
    ("ms", "ms", "{:.4g}"),
    ("spread", "spread", "{:.0%}"),
    ("× reference", "speedup_over_reference", "{:.3g}"),
    ("native is ×", "times_native", "{:.3g}"),
    ("examples/s", "examples_per_s", "{:.4g}"),
    ("GFLOP/s", "gflop_per_s", "{:.3g}"),
    ("of matmul", "share_of_matmul", "{:.1%}"),
)
MEMORY_COLUMNS = (
    ("case", "case", "{}"),
    ("batch", "batch", "{}"),
    ("who", "contender", "{}"),
    ("built, MB", "built_mb", "{:.0f}"),
    ("peak, MB", "peak_mb", "{:.0f}"),
)
GROWTH_COLUMNS = (
    ("steps", "steps", "{}"),
    ("slots", "slots", "{}"),
    ("ms", "ms", "{:.4g}"),
    ("µs a step and sequence", "us_per_step", "{:.3g}"),
    ("GFLOP/s", "gflop_per_s", "{:.3g}"),
    ("of matmul", "share_of_matmul", "{:.1%}"),
    ("peak, MB", "peak_mb", "{:.0f}"),
)
TARGET_COLUMNS = (
    ("case", "case", "{}"),
    ("batch", "batch", "{}"),
    ("what", "what", "{}"),
    ("wanted", "wanted", "{}"),
    ("measured", "measured", "{}"),
    ("met", "met", "{}"),
)
Columns = Sequence[tuple[str, str, str]]


def describe_machine() -> dict[str, Any]:
    """What the numbers depend on."""
    lines = build.cpu_name().splitlines()
    cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    plan = build.plan()
    return {
        "cpu": cpu or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "compiler": plan.version,
        "flags": " ".join(plan.flags),
        "commit": _commit(),
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "load_at_start": os.getloadavg()[0],
    }


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return ran.stdout.strip()


def warnings(machine: Row) -> list[str]:
    """What makes the numbers doubtful, a sentence each."""
    found = []
    if machine["load_at_start"] > QUIET_LOAD:
        found.append(f"the load was {machine['load_at_start']:.1f} at the start")
    if (machine.get("others_share") or 0) > QUIET_OTHERS:
        found.append(f"other processes had {machine['others_share']:.0%} of the cores while this ran")
    return [f"{sentence}: run it again on a quiet machine" for sentence in found]


def table(rows: Iterable[Row], columns: Columns) -> str:
    """A Markdown table; a column that no row fills is left out, and a skipped row tells why below it."""
    rows = list(rows)
    shown = [row for row in rows if "skipped" not in row]
    columns = [column for column in columns if any(row.get(column[1]) is not None for row in shown)]
    cells = [[title for title, _, _ in columns]]
    for row in shown:
        values = ((row.get(key), how) for _, key, how in columns)
        cells.append(["" if value is None else how.format(value) for value, how in values])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|")
    skipped = dict.fromkeys(f"{row['contender']}: {row['skipped']}" for row in rows if "skipped" in row)
    if not shown:
        lines = []
    elif skipped:
        lines.append("")
    return "\n".join([*lines, *(f"- {line}" for line in skipped)]) + "\n"


def page(report: Row) -> str:
    """One machine's results as Markdown, below a heading of the second rank."""
    machine = report["machine"]
    parts = [f"## {machine['cpu']}, {machine['cores']} cores"]
    parts.append("\n".join(f"- {key}: {_short(value)}" for key, value in machine.items()))
    parts += [f"**Beware: {sentence}.**" for sentence in warnings(machine)]
    if report["targets"]:
        parts += ["### Targets", table(report["targets"], TARGET_COLUMNS)]
    for name in dict.fromkeys(row["case"] for row in report["rows"]):
        parts += [
            f"### {name}",
            table((row for row in report["rows"] if row["case"] == name), SPEED_COLUMNS),
        ]
    if report["peak_memory"]:
        parts += ["### Peak memory", table(report["peak_memory"], MEMORY_COLUMNS)]
    if report["growth"]:
        base = report["growth"][0]
        parts += [
            f"### Growth: native, {base['case']}, batch {base['batch']}",
            table(report["growth"], GROWTH_COLUMNS),
        ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def save(report: Row, folder: Path = RESULTS) -> list[Path]:
    """Write the report's JSON, one file a machine, and the page of all machines' results.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    machine = report["machine"]
    slug = re.sub(r"[^a-z0-9]+", "-", f"{machine['cpu']} {machine['cores']} cores".lower()).strip("-")
    data = folder / f"{slug}.json"
    _replace(data, json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    text = (
        "# Speed\n\nWritten by `python -m benchmarks.speed --save`; "
        "[../README.md](../README.md) says what the columns mean.\n\n"
    )
    readme = folder / "README.md"
    _replace(readme, text + "\n".join(page(one) for one in reports if one.get("format") == FORMAT))
    return [data, readme]


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
