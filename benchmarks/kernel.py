"""``python -m benchmarks.kernel CASE BATCH``: where the native engine's own time goes, by ``perf``.

Builds the engine with debug information into a cache of its own, samples a loop of training steps on one thread,
and adds the samples up by the part of the algorithm that they fall into. Needs Linux, ``perf``, ``addr2line``.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from . import report
from .cases import CASES

# Functions that tell a sample's part, the innermost first; what is called from several places (products,
# softmax, copies) has no entry and so counts for its caller.
PARTS = {
    "update_links": "links",
    "along_rows": "links",
    "follow_links_backward": "links",
    "allocate": "allocation and its sort",
    "allocate_backward": "allocation and its sort",
    "inverse_norms": "content addressing",
    "content_forward": "content addressing",
    "content_backward": "content addressing",
    "address": "NTM: interpolate, shift, sharpen",
    "address_backward": "NTM: interpolate, shift, sharpen",
    "read_forward": "reads",
    "read_backward": "reads",
    "write": "writes",
    "write_backward": "writes",
    "activate": "interface: non-linearities",
    "activate_backward": "interface: non-linearities",
    "controller_forward": "controller: non-linearities",
    "controller_backward": "controller: non-linearities",
    "pack": "packing the weights",
    "product": "controller and interface: products",
    "import_state": "state in and out",
    "export_state": "state in and out",
    "import_gradient": "state in and out",
    "export_gradient": "state in and out",
}
REST = "the rest of the step and the loop"
PHASES = {"replay_segment": "redone", "backward": "backward", "pack_backward": "backward"}
# A product within one of these is theirs, not the controller's.
MEMORY = {"DNCMemory", "NTMMemory"}


def main(arguments: list[str] | None = None) -> int:
    """Sample and print; the exit code is 1 where perf is missing or may not sample."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernel", description=__doc__)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("batch", type=int)
    parser.add_argument("--seconds", type=float, default=5.0, help="of sampling (5)")
    parser.add_argument("--loop", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.loop:
        return _loop(options.case, options.batch)
    missing = [tool for tool in ("perf", "addr2line") if not shutil.which(tool)]
    if missing:
        print(f"{' and '.join(missing)} not found: install Linux's perf and binutils", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        samples = _sample(options.case, options.batch, options.seconds, Path(folder))
        if not samples:
            print("perf took no samples: see /proc/sys/kernel/perf_event_paranoid", file=sys.stderr)
            return 1
    print(f"{options.case}, batch {options.batch}, one thread, {sum(samples.values())} samples\n")
    print(_tables(samples))
    return 0


def _loop(case: str, batch: int) -> int:
    """Training steps until stdin closes."""
    import torch

    from .contenders import training_step

    torch.set_num_threads(1)
    step = training_step("native", CASES[case], batch)
    for _ in range(3):
        step()
    print("ready", flush=True)
    os.set_blocking(sys.stdin.fileno(), False)
    while sys.stdin.read(1) is None or not sys.stdin.closed:
        step()
    return 0
