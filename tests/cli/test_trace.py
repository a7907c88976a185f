"""``tapehead trace`` and ``tapehead serve``."""

import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tapehead import NTM, cli, knowledge, tasks
from tests.web import fakes


def complaint(capsys: Any, *arguments: str) -> str:
    """What a command that fails says."""
    assert cli.main(list(arguments)) == 2
    return str(capsys.readouterr().err)


def test_a_shipped_model(tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "play.html"
    assert cli.main(["trace", "ntm-copy", "--length", "5", "--seed", "3", "--out", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    page = out.read_text(encoding="utf-8")
    assert "<title>Copy, length 5</title>" in page
    assert (
        cli.main(["trace", "ntm-copy", "--length", "5", "--seed", "3", "--out", str(tmp_path / "again.html")])
        == 0
    )
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_a_folder_and_another_task(tmp_path: Path) -> None:
    NTM(10, 8, output_size=9, memory_size=8, word_size=4).save_pretrained(tmp_path / "run")
    out = tmp_path / "play.html"
    assert (
        cli.main(["trace", str(tmp_path / "run"), "--task", "copy", "--length", "2", "--out", str(out)]) == 0
    )
    assert "Copy, length 2" in out.read_text(encoding="utf-8")


def test_a_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knowledge, "ask", fakes.ask)
    out = tmp_path / "play.html"
    question = "shortest path from Bank to Victoria"
    assert cli.main(["trace", "--data", "london", "--question", question, "--out", str(out)]) == 0
    assert out.stat().st_size > 50_000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name a model"),
        (["ntm-cpoy"], "did you mean ntm-copy"),
        (["ntm-copy", "--length", "0"], "at least 1"),
        (["ntm-copy", "--task", "associative-recall"], "needs 8 and 6"),
        (["--data", "london"], "--question is missing"),
        (["--question", "who?"], "--data is missing"),
        (["--data", "london", "--question", "who?", "--memory-size", "9"], "--memory-size is for tasks"),
        (["--data", "no-such-file.ged", "--question", "who?"], "no-such-file.ged"),
    ],
)
def test_what_can_be_mended(arguments: list[str], words: str, capsys: Any) -> None:
    assert words in complaint(capsys, "trace", *arguments)


def test_a_page_that_cannot_be_written(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "file").touch()
    assert "file" in complaint(
        capsys, "trace", "ntm-copy", "--length", "2", "--out", str(tmp_path / "file" / "p.html")
    )


def test_serve_refuses_a_port(capsys: Any) -> None:
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    assert "the port is -1" in complaint(capsys, "serve", "--port", "-1")


def test_serve_until_interrupted() -> None:
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    command = [sys.executable, "-m", "tapehead", "serve", "--port", "0", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[3]
        with urllib.request.urlopen(f"{address}/", timeout=20) as page:
            assert b"tapehead" in page.read()
        server.send_signal(2)
        out, err = server.communicate(timeout=20)
    assert server.returncode == 0
    assert (out, err) == ("", "")


def test_the_task_of_a_run_keeps_its_fields(tmp_path: Path) -> None:
    task = tasks.get("copy", num_bits=3, max_length=4)
    NTM(5, 8, output_size=4, memory_size=8, word_size=4).save_pretrained(
        tmp_path / "run", extra={"task": task.to_dict()}
    )
    out = tmp_path / "play.html"
    assert cli.main(["trace", str(tmp_path / "run"), "--task", "copy", "--out", str(out)]) == 0
    assert "Copy, length 4" in out.read_text(encoding="utf-8")
