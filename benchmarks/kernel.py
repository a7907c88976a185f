"""``python -m benchmarks.kernel``: where the native engine's own time goes, by Linux's ``perf``.

Builds the engine with debug information into a cache of its own, samples a loop of training steps on one
thread, and adds the samples up by the part of the algorithm that they fall into.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from benchmarks import report
from benchmarks.cases import CASES
from tapehead.engine.native import build

# The part that a function belongs to; of the functions on the stack the innermost one decides. What several
# parts call (softmax, dot) has no entry, so its caller decides.
PARTS = {
    "update_links": "links",
    "along_rows": "links",
    "follow_links_backward": "links",
    "sharpen_links": "links",
    "sharpen_links_backward": "links",
    "retain": "retention",
    "retain_backward": "retention",
    "allocate": "allocation",
    "allocate_backward": "allocation",
    "inverse_norms": "content addressing",
    "content_forward": "content addressing",
    "content_backward": "content addressing",
    "address": "interpolation, shift, sharpening",
    "address_backward": "interpolation, shift, sharpening",
    "read_forward": "reads",
    "read_backward": "reads",
    "write": "writes",
    "write_backward": "writes",
    "activate": "interface: non-linearities",
    "activate_backward": "interface: non-linearities",
    "controller_forward": "controller: non-linearities",
    "controller_backward": "controller: non-linearities",
    "block": "weight gradients",
    "column_sums": "weight gradients",
    "norm_gradients": "weight gradients",
    "pack_if": "packing the weights",
}
STATE = ("import_", "export_")
PRODUCTS = "controller, interface, outputs: products"
MEMORY_REST = "the rest of the memory's step"
LOOP_REST = "the rest of the loop"
COPIES = "copying and clearing"
MATHS = "exp and log of single numbers"
FORWARD, BACKWARD, REDONE = "forward", "backward", "redone in the backward pass"
OUTSIDE = {"libtorch_cpu": "PyTorch's kernels (loss, Adam)"}
OTHER = "Python, PyTorch's dispatch and autograd, the system"
COLUMNS = (
    ("part", "part", "{}"),
    (FORWARD, FORWARD, "{:.1%}"),
    (BACKWARD, BACKWARD, "{:.1%}"),
    (REDONE, REDONE, "{:.1%}"),
    ("together", "share", "{:.1%}"),
)

Place = tuple[str, int]
"""A file and an address in it."""

Frame = tuple[str, str]
"""Class and name of a function."""


def main(arguments: list[str] | None = None) -> int:
    """Sample and print; the exit code is 1 where perf is missing or may not sample."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.kernel",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--case", choices=CASES, default="dnc-copy")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5.0, help="of sampling (5)")
    parser.add_argument("--loop", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.loop:
        _loop(options.case, options.batch)
    missing = [tool for tool in ("perf", "addr2line") if not shutil.which(tool)]
    if missing:
        print(f"no profile: {' and '.join(missing)} not found (Linux's perf, binutils)", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        # The functions are looked up in a library that lies in this folder.
        samples = _classify(_sample(options.case, options.batch, options.seconds, Path(folder)))
    if not samples:
        print("no profile: perf took no samples, see kernel.perf_event_paranoid", file=sys.stderr)
        return 1
    print(f"{options.case}, batch {options.batch}, one thread, {sum(samples.values())} samples\n")
    print(_tables(samples))
    return 0


def _loop(case: str, batch: int) -> None:
    """Training steps until the parent ends this process."""
    import torch

    from benchmarks.contenders import training_step

    torch.set_num_threads(1)
    step = training_step("native", CASES[case], batch)
    for _ in range(3):
        step()
    print("ready", flush=True)
    while True:
        step()


def _sample(case: str, batch: int, seconds: float, folder: Path) -> list[list[Place]]:
    """Stacks, the innermost frame first."""
    flags = "-g -fno-omit-frame-pointer"
    environment = os.environ | {
        "CXX": f"{shlex.join(build.find_compiler())} {flags}",
        build.CACHE_VARIABLE: str(folder),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "benchmarks.kernel", "--loop", "--case", case, "--batch", str(batch)]
    data = str(folder / "perf.data")
    loop = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent
    )
    try:
        assert loop.stdout is not None
        loop.stdout.readline()
        record = ["perf", "record", "-q", "-F", "1999", "-e", "cpu-clock", "--call-graph", "fp", "-o", data]
        record += ["-p", str(loop.pid), "--", "sleep", str(seconds)]
        subprocess.run(record, check=False, capture_output=True)
    finally:
        loop.kill()
        loop.wait()
    script = ["perf", "script", "-i", data, "-F", "ip,dso"]
    text = subprocess.run(script, capture_output=True, text=True, check=False).stdout
    stacks = []
    for block in text.split("\n\n"):
        if stack := [_place(line) for line in block.splitlines() if line.strip()]:
            stacks.append(stack)
    return stacks


def _place(line: str) -> Place:
    """From a line of perf script, "address (file)"; the address counts from the start of the file."""
    address, _, file = line.strip().partition(" ")
    return file.strip("() "), int(address, 16)


def _frames(places: Iterable[Place]) -> dict[Place, list[Frame]]:
    """The functions at each place within the engine, those that are inlined there too, innermost first."""
    inside = sorted({place for place in places if _is_engine(place)})
    if not inside:
        return {}
    query = "".join(f"{address:#x}\n" for _, address in inside)
    command = ["addr2line", "-a", "-i", "-f", "-C", "-e", inside[0][0]]
    ran = subprocess.run(command, input=query, capture_output=True, text=True, check=True)
    frames: dict[Place, list[Frame]] = {}
    # For each address: itself, then for each function a line with its name and one with its place.
    for block, place in zip(re.split(r"^0x[0-9a-f]+\n", ran.stdout, flags=re.M)[1:], inside, strict=True):
        frames[place] = [_frame(name) for name in block.splitlines()[::2]]
    return frames


def _is_engine(place: Place) -> bool:
    return Path(place[0]).name.startswith("engine-")


def _frame(name: str) -> Frame:
    """tapehead::DNCMemory<float>::write(…) const → ("DNCMemory", "write")."""
    while (shorter := re.sub(r"<[^<>]*>", "", name)) != name:
        name = shorter
    *scope, function = name.partition("(")[0].split()[-1].split("::")
    return (scope[-1] if scope else ""), function


def _classify(stacks: list[list[Place]]) -> Counter[tuple[str, str]]:
    """Samples by (part, phase); by (what, "") outside of the engine."""
    frames = _frames(place for stack in stacks for place in stack)
    found: Counter[tuple[str, str]] = Counter()
    for stack in stacks:
        engine = [frame for place in stack for frame in frames.get(place, ())]
        library = Path(stack[0][0]).name.partition(".")[0]
        if not engine:
            found[OUTSIDE.get(library, OTHER), ""] += 1
        elif library.startswith("engine-"):
            found[_part(engine), _phase(engine)] += 1
        else:
            found[MATHS if library == "libm" else COPIES, _phase(engine)] += 1
    return found


def _part(stack: list[Frame]) -> str:
    product = False
    for scope, function in stack:
        if function in PARTS:
            return PARTS[function]
        if function.startswith(STATE):
            return "state in and out"
        # The links from the right are a plain product, straight from the step.
        product |= function == "product"
        if scope.endswith("Memory") and function in ("forward", "backward", "replay"):
            return PARTS["along_rows"] if product else MEMORY_REST
    return PRODUCTS if product else LOOP_REST


def _phase(stack: list[Frame]) -> str:
    names = {function for _, function in stack}
    if "replay_segment" in names:
        return REDONE
    inside = any(scope == "Backward" for scope, _ in stack)
    return BACKWARD if inside or "backward" in names else FORWARD


def _tables(samples: Counter[tuple[str, str]]) -> str:
    total = samples.total()
    inside = sum(count for (_, phase), count in samples.items() if phase)
    where = [{"part": "the engine's C++", "share": inside / total}]
    where += [
        {"part": part, "share": count / total} for (part, phase), count in samples.most_common() if not phase
    ]
    parts: dict[str, dict[str, float]] = {}
    for (part, phase), count in samples.items():
        if phase:
            row = parts.setdefault(part, dict.fromkeys((FORWARD, BACKWARD, REDONE), 0.0))
            row[phase] += count / max(inside, 1)
    rows = [{"part": part, **row, "share": sum(row.values())} for part, row in parts.items()]
    rows.sort(key=lambda row: -float(row["share"]))
    whole = {key: sum(float(row[key]) for row in rows) for key in (FORWARD, BACKWARD, REDONE, "share")}
    rows.append({"part": "together", **whole})
    return (
        f"Of a training step:\n\n{report.table(where, COLUMNS)}\n"
        f"Of the engine's C++:\n\n{report.table(rows, COLUMNS)}"
    )


if __name__ == "__main__":
    sys.exit(main())
