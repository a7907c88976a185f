"""``tapehead engine``."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tapehead import cli
from tapehead.engine.native import build


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv(build.CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def _shown(capsys: Any, *arguments: str) -> dict[str, str]:
    assert cli.main(["engine", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return {line[:14].strip(): line[15:] for line in out.splitlines()}


def test_shows_what_is_there(capsys: Any) -> None:
    library = build.build()
    shown = _shown(capsys)
    assert re.fullmatch(r"available, \d+\.\d MB", shown["native engine"])
    assert shown["library"] == str(library)
    assert shown["compiler"].startswith(build.find_compiler()[0])
    assert "-O3" in shown["flags"]
    assert shown["CPU"]
    assert shown["threads"] == "1"


def test_shows_what_is_missing(cache: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = _shown(capsys)
    assert shown["native engine"].startswith("not built yet")
    assert not list(cache.glob("*.so")), "showing the state has built the engine"
    monkeypatch.setenv("CXX", "no-such-compiler")
    shown = _shown(capsys)
    assert shown["native engine"].startswith("not available: no C++ compiler was found")
    assert "compiler" not in shown


def test_builds(cache: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(build.CACHE_VARIABLE)
    library = build.build()
    monkeypatch.setenv(build.CACHE_VARIABLE, str(cache))
    script = tmp_path / "compiler"
    # The output is the last argument.
    script.write_text(f'#!/bin/sh\nfor OUT; do :; done\n[ "$OUT" = --version ] || cp {library} "$OUT"\n')
    script.chmod(0o755)
    monkeypatch.setenv("CXX", str(script))
    for _ in range(2):
        assert cli.main(["engine", "--build"]) == 0
        out = capsys.readouterr().out
        assert re.match(r"built in \d+\.\d s\nnative engine +available", out)
    monkeypatch.setenv("CXX", shutil.which("false") or "")
    assert cli.main(["engine", "--build"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("tapehead: ")
    assert "could not build the engine (exit 1)" in err


def test_help_and_nonsense(capsys: Any) -> None:
    assert cli.main(["engine", "--help"]) == 0
    assert capsys.readouterr().out.startswith("usage: tapehead engine")
    assert cli.main(["engine", "--biuld"]) == 2
    assert capsys.readouterr().err == "tapehead: tapehead engine --biuld: give nothing, or --build\n"
