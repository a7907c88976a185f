"""``python -m benchmarks.scale``: what a step costs on memories of 2^10 to 2^20 slots.

An NTM of one read and one write head with dense access, with sparse access by exact search and with sparse
access by hash codes, each size in a process of its own on one thread. A sparse memory is full: every slot was
written. Times are seconds of the processor, which other processes disturb less than the clock's: a step's is
the difference of a long and a short call over that of their steps. What a call costs whatever its steps (the
state is copied, its rows are indexed) stands apart. In a session (``machine.session``) nothing is copied:
there a call is of one step. Peaks are of 100 steps, beyond what the process had.
"""

import argparse
import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

import tapehead
from benchmarks import report
from benchmarks.learning import IMAGES
from benchmarks.peak import clear_peak, status
from tapehead.engine.native import workspace
from tapehead.viz.figures.style import new_figure, save_figures, style

WORD, HIDDEN, CHANNELS, TOP_K = 64, 100, 8, 8
KINDS = {
    "dense": {},
    "sparse, exact": {"access": "sparse", "top_k": TOP_K},
    "sparse, hashed": {"access": "sparse", "top_k": TOP_K, "search": "hashed"},
}
SMALLEST, LARGEST, LARGEST_DENSE = 10, 20, 16
LEAST_REPEATS, MOST_REPEATS, SECONDS = 5, 9, 1.0
ROWS_READ = 1 << 16
PEAK_STEPS = 100
LARGE = 1 << 15
SHARP_SLOTS = 1 << 14
COLUMNS = (
    ("slots", "slots", "{}"),
    ("access", "kind", "{}"),
    ("forward, µs a step", "forward_us", "{:.3g}"),
    ("training, µs a step", "training_us", "{:.3g}"),
    ("a call besides, ms", "call_ms", "{:.3g}"),
    ("a call in a session, µs", "session_us", "{:.3g}"),
    ("memory, MB", "memory_mb", "{:.4g}"),
    ("peak from the start, MB", "peak_start_mb", "{:.4g}"),
    ("peak from a state, MB", "peak_state_mb", "{:.4g}"),
    ("peak in a session, MB", "peak_session_mb", "{:.4g}"),
)


def main(arguments: list[str] | None = None) -> int:
    """Measure, save, draw."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--max", type=int, default=LARGEST, help=f"stop at 2^MAX slots ({LARGEST})")
    parser.add_argument(
        "--max-dense", type=int, default=LARGEST_DENSE, help=f"dense access stops there ({LARGEST_DENSE})"
    )
    parser.add_argument("--step", type=int, default=2, help="between exponents (2)")
    parser.add_argument("--results", type=Path, default=report.RESULTS, help="folder of the JSON")
    parser.add_argument("--images", type=Path, default=IMAGES, help="folder of the figure")
    parser.add_argument("--one", nargs=2, metavar=("KIND", "SLOTS"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(measure(options.one[0], int(options.one[1]))))
        return 0
    if not SMALLEST <= options.max <= 24:
        parser.error(f"--max is {options.max}: give a number from {SMALLEST} to 24")
    if options.step < 1:
        parser.error(f"--step is {options.step}: give at least 1")
    machine = report.describe_machine()
    print(f"{machine['cpu']}, one thread")
    rows = []
    for exponent in range(SMALLEST, options.max + 1, options.step):
        for kind in KINDS:
            if kind != "dense" or exponent <= options.max_dense:
                rows.append(_in_a_process(kind, 1 << exponent))
    print(report.table(rows, COLUMNS))
    found = {"rows": rows, "one_pass_ms": one_pass_ms(), "rows_read": ROWS_READ, "machine": machine}
    print(f"one pass over {ROWS_READ} rows takes {found['one_pass_ms']:.3g} ms")
    found |= (sharp := sharp_writes())
    print(
        f"dense access to {SHARP_SLOTS} slots with sharp heads: {sharp['sharp_step_us']:.3g} µs a step, "
        f"{sharp['scan_us']:.3g} µs to multiply the memory by both keys"
    )
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / "scale.json").write_text(json.dumps(found, indent=1) + "\n")
    for path in save_figures([_draw(rows)], options.images):
        print(path)
    return 0


def _in_a_process(kind: str, slots: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.scale", "--one", kind, str(slots)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"{kind} of {slots} slots: {ran.stderr.strip().splitlines()[-1]}")
    row = json.loads(ran.stdout)
    print(f"{row['slots']:>8} {kind:<15} {row['training_us']:10.1f} µs a step", flush=True)
    return row


def measure(kind: str, slots: int) -> dict[str, Any]:
    """One kind of access on one size of memory, in this process."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    machine = tapehead.NTM(
        CHANNELS,
        HIDDEN,
        output_size=CHANNELS,
        memory_size=slots,
        word_size=WORD,
        backend="native",
        **KINDS[kind],
    )
    short, long = _steps(kind, slots)
    x = torch.randn(max(long, PEAK_STEPS), 1, CHANNELS)

    def run(steps: int, state: Any, *, train: bool) -> None:
        with torch.set_grad_enabled(train):
            y, _ = machine(x[:steps], state)
            if train:
                y.square().mean().backward()

    run(2, None, train=True)  # builds the kernel
    workspace.clear()
    before = status("VmRSS") or 0.0
    peak_start = _peak(lambda: run(PEAK_STEPS, None, train=True)) - before
    state = _full(machine)
    peak_state = _peak(lambda: run(PEAK_STEPS, state, train=True)) - before
    times = {
        (steps, train): _least(lambda steps=steps, train=train: run(steps, state, train=train))
        for steps in (short, long)
        for train in (False, True)
    }

    def a_step(train: bool) -> float:
        return (times[long, train] - times[short, train]) / (long - short)

    session = machine.session(state)
    del state
    workspace.clear()
    peak_session = _peak(lambda: [session(x[:1]) for _ in range(PEAK_STEPS)]) - before
    return {
        "slots": slots,
        "kind": kind,
        "forward_us": 1e6 * a_step(False),
        "training_us": 1e6 * a_step(True),
        "call_ms": 1e3 * max(0.0, times[short, True] - short * a_step(True)),
        "memory_mb": slots * WORD * 4 / 2**20,
        "peak_start_mb": peak_start,
        "peak_state_mb": peak_state,
        "session_us": 1e6 * _least(lambda: session(x[:1])),
        "peak_session_mb": peak_session,
    }


def sharp_writes() -> dict[str, float]:
    """CPU microseconds of a step of a dense NTM whose heads are in focus, and of the similarity scan in it.

    The scan is the products of the memory with both heads' keys, which no step can do without.
    """
    torch.set_num_threads(1)
    torch.manual_seed(0)
    machine = tapehead.NTM(
        CHANNELS,
        HIDDEN,
        output_size=CHANNELS,
        memory_size=SHARP_SLOTS,
        word_size=WORD,
        init="tape",
        backend="native",
    )
    with torch.no_grad():
        for heads in machine._split(machine.interface.bias):
            heads.sharpness.add_(20)
    state = machine.initial_state(1)
    session = machine.session(state._replace(memory=torch.randn_like(state.memory)))
    x, memory, keys = torch.randn(41, 1, CHANNELS), torch.randn(WORD, SHARP_SLOTS), torch.randn(2, WORD)
    session(x)
    touched = int((session.state.write_weights > 1e-7).sum())
    if touched > 8:
        raise RuntimeError(f"{touched} slots are touched: the write head is not in focus")
    step = (_least(lambda: session(x)) - _least(lambda: session(x[:1]))) / (len(x) - 1)
    return {"sharp_step_us": 1e6 * step, "scan_us": 1e6 * _least(lambda: keys @ memory)}


def _steps(kind: str, slots: int) -> tuple[int, int]:
    """Steps of a short and of a long call: the steps between them outweigh what varies from call to call."""
    large = slots > LARGE
    if kind == "sparse, exact":
        return (5, 15) if large else (20, 320)
    if kind == "sparse, hashed":
        # To copy the state of a million slots takes as long as 20,000 steps, and not always the same.
        return 20, 20_020 if slots > 8 * LARGE else 4_020 if large else 320
    return 4, 12


def one_pass_ms() -> float:
    """CPU milliseconds to read a memory of ``ROWS_READ`` slots once: what an exact search cannot beat."""
    torch.set_num_threads(1)
    memory = torch.randn(ROWS_READ, WORD)
    return 1e3 * _least(memory.sum)


def _full(machine: Any) -> Any:
    """A state of which every slot was written, at times of its own; dense access goes on from its start."""
    state = machine.initial_state(1)
    if not machine.sparse:
        return state
    slots = state.memory.shape[1]
    return state._replace(
        memory=torch.randn(1, slots, WORD), usage=1.0 + torch.randperm(slots).unsqueeze(0).float()
    )


def _peak(run: Callable[[], object]) -> float:
    gc.collect()
    clear_peak()
    run()
    return status("VmHWM") or 0.0


def _least(run: Callable[[], object]) -> float:
    """The least CPU seconds of several calls on this thread."""
    run()
    times: list[float] = []
    while len(times) < LEAST_REPEATS or (len(times) < MOST_REPEATS and sum(times) < SECONDS):
        start = time.thread_time()
        run()
        times.append(time.thread_time() - start)
    return min(times)


def _draw(rows: list[dict[str, Any]]) -> Figure:
    with style():
        figure = new_figure(
            "scale",
            f"An NTM of 1 read and 1 write head, words of {WORD} numbers, by the slots of its memory",
            "What does a training step cost, and how much memory does a training call take at its peak?",
            3.2,
        )
        time_axes, memory_axes = figure.subplots(1, 2)
        for kind in KINDS:
            of_kind = [row for row in rows if row["kind"] == kind]
            slots = [row["slots"] for row in of_kind]
            time_axes.plot(slots, [row["training_us"] for row in of_kind], marker="o", label=kind)
            memory_axes.plot(slots, [row["peak_start_mb"] for row in of_kind], marker="o", label=kind)
        slots = sorted({row["slots"] for row in rows})
        memory_axes.plot(
            slots,
            [n * WORD * 4 / 2**20 for n in slots],
            linestyle=":",
            color="grey",
            label="the memory itself",
        )
        for axes, label in (
            (time_axes, "µs a step, one thread"),
            (memory_axes, f"MB, {PEAK_STEPS} steps from the start"),
        ):
            axes.set_xscale("log", base=2)
            axes.set_yscale("log")
            axes.set_xlabel("memory slots")
            axes.set_ylabel(label)
            axes.legend()
    return figure


if __name__ == "__main__":
    sys.exit(main())
