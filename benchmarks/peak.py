"""``python -m benchmarks.peak CONTENDER CASE BATCH``: peak memory of a training step, in a fresh process.

CASE is the JSON of a :class:`~benchmarks.cases.Case`. Prints JSON: the process's resident memory with the
model built but nothing run, and its peak while steps run, compilers and warm-up excepted.
"""

import contextlib
import dataclasses
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.cases import Case

MEASURED_STEPS = 2
_LIMIT_SECONDS = 300


def measure(contender: str, case: Case, batch: int) -> dict[str, Any]:
    """Memory in MB, from a process of its own; or "skipped", with the reason."""
    command = [sys.executable, "-m", "benchmarks.peak", contender, json.dumps(dataclasses.asdict(case))]
    try:
        ran = subprocess.run(
            [*command, str(batch)],
            capture_output=True,
            text=True,
            check=True,
            timeout=_LIMIT_SECONDS,
            cwd=Path(__file__).parent.parent,
        )
    except subprocess.TimeoutExpired:
        return {"skipped": f"it took more than {_LIMIT_SECONDS} s"}
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return {"skipped": f"exit {error.returncode}: {last}"}
    return json.loads(ran.stdout)


def _main(contender: str, case: str, batch: str) -> int:
    from benchmarks.contenders import training_step

    step = training_step(contender, Case(**json.loads(case)), int(batch))
    before = status("VmRSS")
    step()
    clear_peak()  # a compiler's peak is not the step's
    for _ in range(MEASURED_STEPS):
        step()
    peak = status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"built_mb": before, "peak_mb": peak}))
    return 0


def clear_peak() -> None:
    """Forget this process's peak so far, where the system lets one."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def status(field: str) -> float | None:
    """A line of this process's status in MB, or None where the system has none."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) / 1024
    return None


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
