"""Compiles the native engine on first use, into a cache of the user's, and loads it.

The cache is keyed by the sources, the flags, the compiler and the CPU: a home directory shared by several
machines holds one library for each. A build goes to a file of its own and is renamed when it is whole, under
a lock, so two processes that start at once build once.
"""

import ctypes
import functools
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ...errors import TapeheadError

if sys.platform != "win32":
    import fcntl

SOURCES = Path(__file__).parent / "csrc"
CACHE_VARIABLE = "TAPEHEAD_CACHE"
BUILD_SECONDS = 300

_FLAGS = (
    "-O3",
    "-std=c++17",
    "-shared",
    "-fPIC",
    "-pthread",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=fast",
)
_X86_FLAGS = ("-mprefer-vector-width=512",)
# GCC's OpenMP is that of PyTorch's Linux packages, whose threads the engine then shares; Clang's is another.
_GCC_FLAGS = ("-fopenmp",)


class EngineError(TapeheadError, RuntimeError):
    """The native engine cannot be built or cannot serve a call; the message says why."""


class Plan(NamedTuple):
    """What would be built, and where."""

    compiler: tuple[str, ...]
    """The command; CXX may hold arguments, as in "ccache g++"."""
    version: str
    flags: tuple[str, ...]
    library: Path


def find_compiler() -> tuple[str, ...]:
    """The C++ compiler: the environment variable CXX, or the first of c++, g++, clang++ on the path.

    Raises:
        EngineError: there is none, or CXX is no command.
    """
    named = os.environ.get("CXX", "").strip()
    try:
        commands = [shlex.split(named)] if named else [["c++"], ["g++"], ["clang++"]]
    except ValueError as error:
        raise EngineError(f"CXX is {named!r}, which is no command ({error}): close the quote") from error
    for name, *arguments in commands:
        found = shutil.which(name)
        if found:
            return found, *arguments
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
        EngineError: there is no compiler, or it does not run.
    """
    compiler = find_compiler()
    ran = _run([*compiler, "--version"], seconds=60)
    version = ran.stdout.partition("\n")[0]
    x86 = platform.machine() in ("x86_64", "AMD64")
    flags = (*_FLAGS, "-march=native" if x86 else "-mcpu=native", *(_X86_FLAGS if x86 else ()))
    if "clang" not in version.lower():
        flags += _GCC_FLAGS
    key = hashlib.sha256("\0".join([version, *compiler[1:], *flags, cpu_name()]).encode())
    for source in sorted(path for path in SOURCES.iterdir() if path.suffix in (".h", ".cpp")):
        key.update(source.name.encode() + source.read_bytes())
    return Plan(compiler, version, flags, cache_folder() / f"engine-{key.hexdigest()[:24]}.so")


def cache_folder() -> Path:
    """TAPEHEAD_CACHE, or tapehead's folder in the user's cache.

    Where that cannot be written, a folder for this process alone.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    try:
        folder = Path(chosen) if chosen else _user_cache() / "tapehead"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return _process_folder()


def _user_cache() -> Path:
    given = os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(given) if given else Path.home() / ".cache"
    except RuntimeError as error:  # No HOME, and a user that the system does not know.
        raise OSError(str(error)) from error


@functools.cache
def _process_folder() -> Path:
    holder = tempfile.TemporaryDirectory(prefix="tapehead-")
    _kept_alive.append(holder)
    return Path(holder.name)


_kept_alive: list[tempfile.TemporaryDirectory] = []


def build(*, force: bool = False) -> Path:
    """Compile the engine unless it is in the cache, whole, and return the library's path.

    Raises:
        EngineError: no compiler, a compiler that fails, or no place for the library.
    """
    try:
        target = plan()
        with _lock(target.library.with_suffix(".lock")):
            if force or not _is_whole(target.library):
                _compile(target)
    except OSError as error:
        raise EngineError(f"the native engine could not be built: {error}") from error
    return target.library


def load() -> ctypes.CDLL:
    """Build where needed and load the library. A library in the cache that does not load is built again.

    Raises:
        EngineError: no compiler, a compiler that fails, or a library that does not load.
    """
    try:
        return _open(build())
    except (OSError, AttributeError):
        pass
    try:
        return _open(build(force=True))
    except (OSError, AttributeError) as error:
        raise EngineError(f"the native engine was built but does not load: {error}") from error


_OF_A_RUN = ("layout", "forward", "decode", "open", "advance", "snapshot", "close")


def _open(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    for scalar in ("float32", "float64"):
        for name in (*_OF_A_RUN, "backward", "bits_loss", "adam"):
            getattr(library, f"tapehead_{name}_{scalar}").restype = ctypes.c_int
    for name in ("sentence", "size_names", "dnc_field_names", "ntm_field_names", "sparse_field_names"):
        getattr(library, f"tapehead_{name}").restype = ctypes.c_char_p
    return library


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    if sys.platform == "win32":
        raise EngineError("the native engine needs a POSIX system: it is not built on Windows")
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _compile(target: Plan) -> None:
    prefix = f"building-{target.library.stem}-"
    # Under the lock nobody else builds this library: what is there was left by a build that was cut short.
    for leftover in target.library.parent.glob(f"{prefix}*"):
        leftover.unlink(missing_ok=True)
    handle, name = tempfile.mkstemp(dir=target.library.parent, prefix=prefix, suffix=".so")
    os.close(handle)
    try:
        command = [*target.compiler, *target.flags, str(SOURCES / "api.cpp"), "-o", name]
        ran = _run(command, seconds=BUILD_SECONDS)
        if ran.returncode:
            last = "\n".join(ran.stderr.strip().splitlines()[-5:])
            raise EngineError(
                f"{target.compiler[0]} could not build the engine (exit {ran.returncode}): {last}"
            )
        content = Path(name).read_bytes()
        with open(name, "ab") as file:
            file.write(hashlib.sha256(content).digest())
        os.replace(name, target.library)
    finally:
        Path(name).unlink(missing_ok=True)


def _is_whole(library: Path) -> bool:
    """Whether the library ends in the digest of the rest: the loader dies of a file that was cut short."""
    if not library.is_file():
        return False
    content = library.read_bytes()
    size = hashlib.sha256().digest_size
    return hashlib.sha256(content[:-size]).digest() == content[-size:]


def _run(command: list[str], *, seconds: int) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=seconds, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(f"the C++ compiler does not run: {error}") from error
