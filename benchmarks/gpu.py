"""``python -m benchmarks.speed --device cuda``: a training update on a GPU, ours and others'.

First correctness: each machine on each of our engines against the reference on the CPU, in float64 and
float32. Then medians of forward, loss, backward, clipping and Adam, every contender by the same update,
captured as a CUDA graph or not, beside the native engine on the machine's CPU. It has been run on no GPU yet.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from benchmarks import gate, report
from benchmarks.cases import Case
from benchmarks.contenders import Unavailable, peer, training_step
from tapehead import engine

BATCHES = (1, 16, 64, 256, 512)
LARGE = Case("dnc-large", "dnc", 9, 8, 41, hidden=512, layers=1, slots=512, word=64, reads=8)
LEAST_CALLS = 3
CLIP_NORM = 10.0
COLUMNS: report.Columns = [
    ("batch", "batch", "{}"),
    ("contender", "contender", "{}"),
    ("ms", "ms", "{:.2f}"),
    ("calls", "calls", "{}"),
    ("sequences/s", "examples_per_s", "{:.0f}"),
    ("× reference", "speedup_over_reference", "{:.2f}"),
]

Row = dict[str, Any]


class Contender(NamedTuple):
    """A model and whether its update is captured."""

    build: Callable[[Case], nn.Module]
    captured: bool


class _Peer(nn.Module):
    """``dnc`` 1.1.0 called as a machine is."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.model, self._forward = peer(case, gpu_id=0 if torch.cuda.is_available() else -1)

    def forward(self, x: Tensor, lengths: None = None) -> tuple[Tensor, None]:
        return self._forward(x), None


def _compiled(case: Case) -> nn.Module:
    """The reference, its step compiled: whole sequences take minutes to compile."""
    machine = case.build("reference")
    torch.compiler.reset()
    machine.step = torch.compile(machine.step, dynamic=False)  # type: ignore[method-assign]
    return machine


CONTENDERS = {
    "triton, captured": Contender(lambda case: case.build("triton"), True),
    "triton": Contender(lambda case: case.build("triton"), False),
    "reference, captured": Contender(lambda case: case.build("reference"), True),
    "reference": Contender(lambda case: case.build("reference"), False),
    "compiled": Contender(_compiled, False),
    "dnc": Contender(_Peer, False),
}


def measure(options: argparse.Namespace, known: Mapping[str, Case], say: Callable[[str], None]) -> Row:
    """Check, then time; the report as JSON takes it.

    Raises:
        Unavailable: there is no CUDA device.
        gate.Red: an engine differs from the reference; the message says where.
    """
    if not torch.cuda.is_available():
        raise Unavailable("--device cuda needs a CUDA device, and PyTorch finds none: leave the option out")
    cases = [known[name] for name in options.case] + ([] if options.quick else [LARGE])
    machine = report.describe_machine() | {"gpu": torch.cuda.get_device_name()}
    result: Row = {"format": report.FORMAT, "machine": machine, "gate": [], "rows": []}
    for case in cases:
        for backend in ("reference", "triton"):
            result["gate"] += gate.check(case, backend, "cuda")
    gate.demand(result["gate"])
    say("gate: on the GPU both engines give what the reference gives on the CPU\n")
    for case in cases:
        for batch in options.batch or BATCHES:
            rows = compare(case, batch, "cuda", CONTENDERS, options.rounds)
            result["rows"] += rows
            say(f"{case.name}, batch {batch}\n{report.table(rows, COLUMNS)}")
    return result


def compare(
    case: Case, batch: int, device: str, contenders: Mapping[str, Contender], calls: int
) -> list[Row]:
    """A row for each contender, and one for the native engine on the CPU."""
    rows: list[Row] = []
    for name, contender in contenders.items():
        row: Row = {"case": case.name, "batch": batch, "contender": name}
        try:
            times = _times(_update(contender, case, batch, device), device, calls)
        except Exception as error:
            if name in ("triton", "reference"):
                raise
            row["skipped"] = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        else:
            row |= _speed(times, batch)
        rows.append(row)
    row = {"case": case.name, "batch": batch, "contender": "native, CPU"}
    rows.append(row | _speed(_times(training_step("native", case, batch), "cpu", LEAST_CALLS), batch))
    reference = next((row["ms"] for row in rows if row["contender"] == "reference" and "ms" in row), None)
    for row in rows:
        if reference is not None and "ms" in row:
            row["speedup_over_reference"] = reference / row["ms"]
    return rows


def _update(contender: Contender, case: Case, batch: int, device: str) -> Callable[[], object]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(case.steps, batch, case.inputs, generator=generator).to(device)
    bits = torch.zeros(case.steps, batch, case.outputs, device=device)
    make = engine.graphed if contender.captured else engine.Update
    update = make(contender.build(case).to(device), (x, bits), lr=1e-4, clip_norm=CLIP_NORM)
    return lambda: update(x, bits)


def _times(call: Callable[[], object], device: str, calls: int) -> list[float]:
    """Seconds of each call; the device is waited for."""

    def wait() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    for _ in range(2):
        call()
    times = []
    for _ in range(max(LEAST_CALLS, calls)):
        wait()
        began = time.perf_counter()
        call()
        wait()
        times.append(time.perf_counter() - began)
    return times


def _speed(times: list[float], batch: int) -> Row:
    median = statistics.median(times)
    return {"ms": 1e3 * median, "calls": len(times), "examples_per_s": batch / median}
