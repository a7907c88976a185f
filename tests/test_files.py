"""Writing a file or a folder whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tapehead.files import write_atomically


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "card.md"
    path.write_text("old")
    with write_atomically(path) as beside:
        beside.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "step-1"
    with write_atomically(path) as beside:
        beside.mkdir()
        (beside / "a").write_text("1")
        assert not path.exists()
    assert (path / "a").read_text() == "1"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_an_error_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "card.md"
    path.write_text("old")
    with pytest.raises(error), write_atomically(path) as beside:  # noqa: PT012
        beside.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_has_the_usual_rights(tmp_path: Path) -> None:
    path, plain = tmp_path / "a", tmp_path / "b"
    with write_atomically(path) as beside:
        beside.write_text("")
    plain.write_text("")
    assert path.stat().st_mode == plain.stat().st_mode


def test_errors_name_the_file_and_not_the_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / "card.md"
    with pytest.raises(OSError) as caught, write_atomically(path):
        pass  # The block has written nothing.
    assert caught.value.filename == str(path)
    assert not list(tmp_path.iterdir())


def test_what_a_kill_left_is_removed_and_a_live_writer_is_not(tmp_path: Path) -> None:
    path = tmp_path / "card.md"
    code = (
        "import os, sys; from tapehead.files import write_atomically\n"
        "with write_atomically(sys.argv[1]) as beside:\n"
        "    beside.write_text('half'); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], env=os.environ).returncode == 9
    assert len(list(tmp_path.iterdir())) == 1
    with write_atomically(path) as first:
        first.write_text("first")
        with write_atomically(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]
