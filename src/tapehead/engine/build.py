"""Compiles the native engine on first use, into a cache of the user's, and loads it.

The cache is keyed by the sources, the flags, the compiler and the CPU: a home directory shared by several
machines holds one library for each. A build goes to a file of its own and is renamed when it is whole, under
a lock, so two processes that start at once build once.
"""

import ctypes
import fcntl
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

SOURCES = Path(__file__).parent / "native"
CACHE_VARIABLE = "TAPEHEAD_CACHE"
BUILD_SECONDS = 300

_FLAGS = ("-O3", "-std=c++17", "-shared", "-fPIC", "-pthread", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast")
_X86_FLAGS = ("-mprefer-vector-width=512",)


class EngineError(RuntimeError):
    """The native engine cannot be built or cannot serve a call; the message says why."""


class Plan(NamedTuple):
    """What would be built, and where."""

    compiler: str
    version: str
    flags: tuple[str, ...]
    library: Path


def find_compiler() -> str:
    """The C++ compiler: the environment variable CXX, or the first of c++, g++, clang++ on the path.

    Raises:
        EngineError: there is none.
    """
    named = os.environ.get("CXX")
    for name in [named] if named else ["c++", "g++", "clang++"]:
        found = shutil.which(name)
        if found:
            return found
    looked_for = named or "c++, g++ and clang++"
    raise EngineError(f"no C++ compiler was found (looked for {looked_for}): install g++, or set CXX")


def cpu_name() -> str:
    """What decides the instructions that -march=native chooses."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    wanted = ("model name", "flags", "Features", "CPU part")
    return "\n".join(dict.fromkeys(line for line in lines if line.startswith(wanted)))


def plan() -> Plan:
    """Compiler, flags and place of the library for this machine.

    Raises:
        EngineError: there is no compiler.
    """
    compiler = find_compiler()
    ran = subprocess.run([compiler, "--version"], capture_output=True, text=True, timeout=60, check=False)
    version = ran.stdout.partition("\n")[0]
    x86 = platform.machine() in ("x86_64", "AMD64")
    flags = (*_FLAGS, "-march=native" if x86 else "-mcpu=native", *(_X86_FLAGS if x86 else ()))
    key = hashlib.sha256("\0".join([version, *flags, cpu_name()]).encode())
    for source in sorted(SOURCES.iterdir()):
        key.update(source.name.encode() + source.read_bytes())
    return Plan(compiler, version, flags, cache_folder() / f"engine-{key.hexdigest()[:24]}.so")


def cache_folder() -> Path:
    """TAPEHEAD_CACHE, or tapehead's folder in the user's cache; a folder for this process where neither can be written."""
    chosen = os.environ.get(CACHE_VARIABLE)
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(chosen) if chosen else base / "tapehead"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return _process_folder()


@functools.cache
def _process_folder() -> Path:
    holder = tempfile.TemporaryDirectory(prefix="tapehead-")
    _kept_alive.append(holder)
    return Path(holder.name)


_kept_alive: list[tempfile.TemporaryDirectory] = []


def build(*, force: bool = False) -> Path:
    """Compile the engine unless it is in the cache, and return the library's path.

    Raises:
        EngineError: no compiler, or a compiler that fails.
    """
    target = plan()
    with _lock(target.library.with_suffix(".lock")):
        if force or not target.library.is_file():
            _compile(target)
    return target.library


def load() -> ctypes.CDLL:
    """Build where needed and load the library. A library in the cache that does not load is built again.

    Raises:
        EngineError: no compiler, a compiler that fails, or a library that does not load.
    """
    path = build()
    try:
        return _open(path)
    except (OSError, AttributeError):
        path.unlink(missing_ok=True)
    try:
        return _open(build())
    except (OSError, AttributeError) as error:
        raise EngineError(f"the native engine was built but does not load: {error}") from error


def _open(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    for scalar in ("float32", "float64"):
        for name in ("layout", "forward", "backward"):
            getattr(library, f"tapehead_{name}_{scalar}").restype = ctypes.c_int
    return library


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _compile(target: Plan) -> None:
    handle, name = tempfile.mkstemp(dir=target.library.parent, prefix="building-", suffix=".so")
    os.close(handle)
    try:
        command = [target.compiler, *target.flags, str(SOURCES / "api.cpp"), "-o", name]
        try:
            ran = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EngineError(f"the C++ compiler could not build the engine: {error}") from error
        if ran.returncode:
            last = "\n".join(ran.stderr.strip().splitlines()[-5:])
            raise EngineError(f"{target.compiler} could not build the engine (exit {ran.returncode}): {last}")
        os.replace(name, target.library)
    finally:
        Path(name).unlink(missing_ok=True)
