"""The engine under AddressSanitizer and UndefinedBehaviorSanitizer; `make sanitize` runs this."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tapehead.engine.native import build

FLAGS = (
    "-O1",
    "-g1",
    "-fno-omit-frame-pointer",
    "-fsanitize=address,undefined,float-cast-overflow",
    "-fno-sanitize-recover=all",
)
MODULES = (
    "test_native.py",
    "test_safety.py",
    "test_determinism.py",
    "test_update.py",
    "test_processes.py",
    "test_decode.py",
    "test_prepared.py",
    "test_sparse.py",
    "../nn/test_session.py",
)
# Under AddressSanitizer an address space is of any size, a process takes more memory, and the examples of
# hypothesis take too long.
LEFT_OUT = " and ".join(
    f"not {name}" for name in ("more_memory_than_there_is", "any_machine", "keeps_a_few_rows")
)


def _runtime() -> str:
    """What a process that is not built with AddressSanitizer has to load before all else.

    The C++ library is there because AddressSanitizer looks for ``__cxa_throw`` when the process starts.
    """
    compiler, paths = build.find_compiler(), []
    for name in ("libasan.so", "libstdc++.so"):
        command = [*compiler, f"-print-file-name={name}"]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        path = Path(ran.stdout.strip())
        if ran.returncode or not path.is_absolute():
            pytest.skip(f"{compiler[0]} has no {name}")
        paths.append(str(path))
    return " ".join(paths)


def _compiler(tmp_path: Path) -> Path:
    """A script whose flags come last, behind those of the build: -O1 instead of -O3."""
    script = tmp_path / "compiler"
    command = shlex.join(build.find_compiler())
    script.write_text(f'#!/bin/sh\nunset LD_PRELOAD\nexec {command} "$@" {shlex.join(FLAGS)}\n')
    script.chmod(0o755)
    return script


def _environment(tmp_path: Path) -> dict[str, str]:
    return os.environ | {
        "CXX": str(_compiler(tmp_path)),
        build.CACHE_VARIABLE: str(tmp_path),
        "LD_PRELOAD": _runtime(),
        # Python leaks on purpose at its end. A reported error is an exit code.
        "ASAN_OPTIONS": "detect_leaks=0",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        "OMP_NUM_THREADS": "2",
    }


@pytest.mark.slow
def test_no_reports(tmp_path: Path) -> None:
    folder = Path(__file__).parent
    tests = [str(folder / module) for module in MODULES]
    command = [sys.executable, "-m", "pytest", "-x", "-s", "-p", "no:cacheprovider", "-k", LEFT_OUT, *tests]
    log = tmp_path / "log"
    with log.open("w") as file:
        ran = subprocess.run(
            command,
            cwd=folder.parent.parent,
            env=_environment(tmp_path),
            stdout=file,
            stderr=subprocess.STDOUT,
            timeout=3000,
            check=False,
        )
    said = log.read_text(errors="replace")
    assert "ERROR: AddressSanitizer" not in said, said[-6000:]
    assert "runtime error:" not in said, said[-6000:]
    assert ran.returncode == 0, said[-6000:]
