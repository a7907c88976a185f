"""First use: the build, the cache, and all that can go wrong with them. Each case ends in a right answer."""

import contextlib
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tapehead import DNC
from tapehead.engine import EngineError, dispatch
from tapehead.engine.native import build, loader
from tests.engine.agreement import assert_close, assert_same_bits, everything


@pytest.fixture(scope="module")
def library() -> Path:
    """The library that the other tests use: what a fake compiler hands out."""
    return build.build()


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, library: Path) -> Path:
    """An empty cache, in a process that has not loaded anything yet."""
    folder = tmp_path / "cache"
    monkeypatch.setenv(build.CACHE_VARIABLE, str(folder))
    monkeypatch.setattr(loader, "_library", None)
    monkeypatch.setattr(loader, "_failure", None)
    monkeypatch.setattr(dispatch, "_warned", set())
    return folder


Compiler = Callable[[str], Path]


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, library: Path) -> Compiler:
    """Makes CXX a shell script: ``body`` runs in place of the compiler, with the output's path in $OUT.

    Each call is a line in the file calls, in the script's folder.
    """

    def make(body: str) -> Path:
        script = tmp_path / "compiler"
        script.write_text(
            f"""#!/bin/sh
[ "$1" = --version ] && echo "fake 1.0" && exit
while [ "$1" != -o ]; do shift; done
OUT="$2"
LIBRARY={library}
echo call >> {tmp_path}/calls
{body}
"""
        )
        script.chmod(0o755)
        monkeypatch.setenv("CXX", str(script))
        return tmp_path / "calls"

    return make


def _files(folder: Path) -> list[str]:
    """All but the lock files."""
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def _answers(warning: str | None = None) -> None:
    """The machine runs, natively or (where ``warning`` is to be said) not, and the answer is right."""
    machine, x = DNC(3, 6, output_size=2, memory_size=5, word_size=4, num_reads=2), torch.randn(4, 2, 3)
    expected = everything(machine, "reference", x)
    with contextlib.nullcontext() if warning is None else pytest.warns(RuntimeWarning, match=warning):
        found = everything(machine, "auto", x)
    if warning is None:
        assert loader._library is not None
        assert_close(expected, found, 1e-4)
    else:
        assert_same_bits(expected, found)


def test_a_build_is_used_again(compiler: Compiler, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = compiler('cp "$LIBRARY" "$OUT"')
    _answers()
    files = _files(cache)
    assert len(files) == 1
    assert files[0].startswith("engine-")
    monkeypatch.setattr(loader, "_library", None)
    _answers()
    assert calls.read_text() == "call\n"
    assert build.build(force=True) == cache / files[0]
    assert calls.read_text() == "call\n" * 2
    assert _files(cache) == files


def test_importing_builds_nothing(compiler: Compiler, cache: Path) -> None:
    compiler("exit 1")
    code = "import tapehead, tapehead.engine; tapehead.DNC(3, 6); tapehead.NTM(3, 6)"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=100)
    assert not cache.exists()


@pytest.mark.parametrize("cxx", [None, "no-such-compiler"], ids=["empty path", "CXX"])
def test_no_compiler(cxx: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if cxx is None:
        monkeypatch.delenv("CXX", raising=False)
    else:
        monkeypatch.setenv("CXX", cxx)
    _answers(warning=r"no C\+\+ compiler was found \(looked for .*\): install g\+\+, or set CXX")
    with pytest.raises(EngineError, match=r"cannot run this DNC: no C\+\+ compiler"):
        everything(
            DNC(3, 6, output_size=2, memory_size=5, word_size=4, num_reads=2), "native", torch.randn(4, 2, 3)
        )


def test_a_compiler_with_arguments(compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler('cp "$LIBRARY" "$OUT"')
    monkeypatch.setenv("CXX", f"/usr/bin/env {os.environ['CXX']}")
    _answers()


def test_a_compiler_that_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "compiler").write_bytes(b"\x7fELF of another machine")
    (tmp_path / "compiler").chmod(0o755)
    monkeypatch.setenv("CXX", str(tmp_path / "compiler"))
    _answers(warning="the C.. compiler does not run: .*Exec format error")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('echo "api.cpp:1: no such header" >&2; exit 1', r"exit 1\): api.cpp:1: no such header"),
        ('seq 1000 > "$OUT"', "built but does not load: .*invalid ELF header"),
        (': > "$OUT"', "built but does not load: .*file too short"),
        ('printf "\\377 not UTF-8" >&2; exit 3', "exit 3"),
    ],
    ids=["error", "no library", "empty library", "foreign letters"],
)
def test_a_compiler_that_fails(body: str, reason: str, compiler: Compiler, cache: Path) -> None:
    compiler(body)
    _answers(warning=reason)
    assert not [name for name in _files(cache) if name.startswith("building-")]
    loader._failure = None
    compiler('cp "$LIBRARY" "$OUT"')  # mended
    _answers()


def test_a_compiler_that_never_ends(compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "BUILD_SECONDS", 1)
    compiler("exec sleep 60")
    _answers(warning="timed out after 1 seconds")


def test_a_cache_that_cannot_be_written(
    compiler: Compiler, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler('cp "$LIBRARY" "$OUT"')
    cache.write_text("a file, where the folder should be")
    monkeypatch.setenv(build.CACHE_VARIABLE, str(cache / "below"))
    monkeypatch.setattr(build, "_process_folder", build._process_folder.__wrapped__)
    _answers()
    assert cache.read_text() == "a file, where the folder should be"


def test_no_place_at_all(compiler: Compiler, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler('cp "$LIBRARY" "$OUT"')
    cache.write_text("")
    monkeypatch.setenv(build.CACHE_VARIABLE, str(cache / "below"))

    def full() -> Path:
        raise OSError("No space left on device")

    monkeypatch.setattr(build, "_process_folder", full)
    _answers(warning="could not be built: No space left on device")


def test_a_user_without_a_home(compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler('cp "$LIBRARY" "$OUT"')

    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv(build.CACHE_VARIABLE)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(build.Path, "home", no_home)
    monkeypatch.setattr(build, "_process_folder", build._process_folder.__wrapped__)
    _answers()


def test_the_cache_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(build.CACHE_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert build.cache_folder() == tmp_path / "tapehead"
    assert (tmp_path / "tapehead").stat().st_mode & 0o777 == 0o700
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert build.cache_folder() == tmp_path / "home" / ".cache" / "tapehead"


def test_another_cpu_another_library(
    monkeypatch: pytest.MonkeyPatch, compiler: Compiler, cache: Path
) -> None:
    calls = compiler('cp "$LIBRARY" "$OUT"')
    _answers()
    monkeypatch.setattr(build, "cpu_name", lambda: "another CPU")
    monkeypatch.setattr(loader, "_library", None)
    _answers()
    assert len(_files(cache)) == 2
    assert calls.read_text() == "call\n" * 2


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="needs Linux")
def test_the_cpu_is_known_by_its_instructions() -> None:
    name = build.cpu_name()
    assert name
    assert "MHz" not in name, "the clock changes; the CPU does not"
    assert build.cpu_name() == name
    if platform.machine() == "x86_64":
        assert "flags" in name


def test_what_is_in_the_key(monkeypatch: pytest.MonkeyPatch, compiler: Compiler, tmp_path: Path) -> None:
    compiler("exit 1")
    known = {build.plan().library}
    sources = tmp_path / "sources"
    shutil.copytree(build.SOURCES, sources)
    monkeypatch.setattr(build, "SOURCES", sources)
    assert build.plan().library in known
    with (sources / "dnc.h").open("a") as file:
        file.write("// changed\n")
    known.add(build.plan().library)
    monkeypatch.setattr(build, "_FLAGS", (*build._FLAGS, "-O2"))
    known.add(build.plan().library)
    script = Path(os.environ["CXX"])
    script.write_text(script.read_text().replace("fake 1.0", "fake 2.0"))
    known.add(build.plan().library)
    assert len(known) == 4


def _in_another_process(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
    )


ANSWER = """
import torch
from tapehead import DNC
torch.manual_seed(0)
dnc = DNC(3, 6, output_size=2, memory_size=5, word_size=4, num_reads=2, backend="native")
print(dnc(torch.ones(4, 2, 3))[0].sum().item())
"""


def _answer() -> float:
    torch.manual_seed(0)
    return (
        DNC(3, 6, output_size=2, memory_size=5, word_size=4, num_reads=2, backend="reference")(
            torch.ones(4, 2, 3)
        )[0]
        .sum()
        .item()
    )


def test_two_processes_build_once(compiler: Compiler, cache: Path) -> None:
    calls = compiler('sleep 3; cp "$LIBRARY" "$OUT"')
    processes = [_in_another_process(ANSWER) for _ in range(2)]
    answers = [float(process.communicate(timeout=100)[0]) for process in processes]
    assert answers == pytest.approx([_answer()] * 2, rel=1e-5)
    assert calls.read_text() == "call\n"
    assert len(_files(cache)) == 1


def test_a_build_cut_short(compiler: Compiler, cache: Path) -> None:
    calls = compiler('head -c 5000 "$LIBRARY" > "$OUT"; exec sleep 100')
    process = _in_another_process(ANSWER)
    deadline = time.monotonic() + 60
    while not (cache.exists() and any(path.stat().st_size for path in cache.glob("building-*"))):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)  # the power goes: Python and the compiler at once
    process.communicate()
    assert [name[:9] for name in _files(cache)] == ["building-"]
    compiler('cp "$LIBRARY" "$OUT"')
    _answers()
    assert [name[:7] for name in _files(cache)] == ["engine-"], "what the dead build left is still there"
    assert calls.read_text() == "call\n" * 2


def test_only_the_compiler_dies(compiler: Compiler, cache: Path) -> None:
    calls = compiler('head -c 5000 "$LIBRARY" > "$OUT"; kill -KILL $$')
    _answers(warning=r"could not build the engine \(exit -9\)")
    assert _files(cache) == []
    loader._failure = None
    compiler('cp "$LIBRARY" "$OUT"')
    _answers()
    assert calls.read_text() == "call\n" * 2


@pytest.mark.parametrize("part", [0, 0.0001, 0.3, 0.9, 0.9999])
def test_a_library_cut_short(part: float, compiler: Compiler, cache: Path) -> None:
    calls = compiler('cp "$LIBRARY" "$OUT"')
    path = build.build()
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[: int(part * len(content))])
    _answers()
    assert calls.read_text() == "call\n" * 2
    assert path.read_bytes() == content


def test_a_library_with_a_wrong_byte(compiler: Compiler, cache: Path) -> None:
    compiler('cp "$LIBRARY" "$OUT"')
    path = build.build()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    path.write_bytes(content)
    _answers()
    assert path.read_bytes() != content


def test_a_library_of_another_kind(compiler: Compiler, cache: Path) -> None:
    """Whole, but without the functions: built again once, and then given up."""
    calls = compiler(f"cp {shutil.which('true')} $OUT")
    _answers(warning="built but does not load")
    assert calls.read_text() == "call\n" * 2
    DNC(3, 6, output_size=2, memory_size=5, word_size=4, num_reads=2)(
        torch.randn(4, 2, 3)
    )  # said once; not tried again
    assert calls.read_text() == "call\n" * 2


def test_windows_is_told(monkeypatch: pytest.MonkeyPatch, compiler: Compiler) -> None:
    compiler('cp "$LIBRARY" "$OUT"')
    monkeypatch.setattr(build.sys, "platform", "win32")
    with pytest.raises(EngineError, match="needs a POSIX system"):
        build.build()


def test_the_real_compiler_builds_the_real_thing(
    cache: Path, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without optimisation it takes a third of the time.
    monkeypatch.setattr(build, "_FLAGS", tuple("-O0" if flag == "-O3" else flag for flag in build._FLAGS))
    path = build.plan().library
    path.write_bytes(library.read_bytes()[:100_000])
    _answers()
    assert _files(cache) == [path.name]
    assert path.stat().st_size > 100_000


@pytest.mark.parametrize("cxx", ["g++ '-O2", 'g++ "', "g++ \\"])
def test_a_compiler_with_an_open_quote(cxx: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", cxx)
    _answers(warning=r"CXX is .*, which is no command \(No .*\): close the quote")


def test_arguments_of_the_compiler_are_in_the_key(
    compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler("exit 1")
    plain = build.plan().library
    monkeypatch.setenv("CXX", f"{os.environ['CXX']} -fsanitize=address")
    assert build.plan().library != plain


def test_a_failed_build_is_tried_again_when_asked(compiler: Compiler) -> None:
    calls = compiler("exit 1")
    assert "could not build" in str(loader.why_unavailable())
    assert "could not build" in str(loader.why_unavailable())
    assert calls.read_text() == "call\n"
    compiler('cp "$LIBRARY" "$OUT"')  # mended
    assert loader.retry() is None
    assert loader.why_unavailable() is None
    _answers()
