"""``tapehead engine``: the native engine's state, and building it."""

import os
import time
from collections.abc import Sequence

import torch

from .. import engine
from ..engine.native import build
from ..errors import InputError

USAGE = """\
usage: tapehead engine             show the native engine's state: compiler, flags, CPU, cache
       tapehead engine --build     build it now, also where the cache holds it already

It is built on first use, in a few seconds; without it everything runs on the slower reference engine.
"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    match list(arguments):
        case []:
            _show()
        case ["--build"]:
            started = time.perf_counter()
            build.build(force=True)
            build.load()
            print(f"built in {time.perf_counter() - started:.1f} s")
            _show()
        case ["-h" | "--help"]:
            print(USAGE, end="")
        case _:
            raise InputError(f"tapehead engine {' '.join(arguments)}: give nothing, or --build")
    return 0


def _show() -> None:
    try:
        plan = build.plan()
        state = _state(plan)
    except build.EngineError as error:
        plan, state = None, f"not available: {error}"
    rows = {"native engine": state}
    if plan is not None:
        rows["compiler"] = f"{' '.join(plan.compiler)} ({plan.version})"
        rows["flags"] = " ".join(plan.flags)
        rows["library"] = str(plan.library)
    rows["CPU"] = _cpu()
    rows["threads"] = str(torch.get_num_threads())
    rows["backend"] = os.environ.get(engine.BACKEND_VARIABLE) or "auto"
    for name, value in rows.items():
        print(f"{name:14} {value}")


def _state(plan: build.Plan) -> str:
    if not plan.library.is_file():
        return "not built yet: the first use builds it, or `tapehead engine --build`"
    build.load()
    return f"available, {plan.library.stat().st_size / 2**20:.1f} MB"


def _cpu() -> str:
    """Name and widest vectors."""
    cpu = build.cpu_name()
    name = next((line for line in cpu.splitlines() if line.startswith("model name")), cpu.partition("\n")[0])
    flags = cpu.split()
    vectors = next((f", {v}" for v in ("avx512f", "avx2", "avx", "asimd") if v in flags), "")
    return name.partition(":")[2].strip() + vectors if ":" in name else name
