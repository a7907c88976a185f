"""The benchmark of memories of many sizes, at its smallest."""

import json
from pathlib import Path

import pytest

from benchmarks import scale


def test_it_measures_saves_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = ["--results", str(tmp_path), "--images", str(tmp_path / "images")]
    assert scale.main(["--max", "10", *folders]) == 0
    found = json.loads((tmp_path / "scale.json").read_text())
    rows = found["rows"]
    assert [(row["kind"], row["slots"]) for row in rows] == [(kind, 1024) for kind in scale.KINDS]
    assert all(row["training_us"] > 0 and row["session_us"] > 0 for row in rows)
    assert found["sharp_step_us"] > 0
    assert found["scan_us"] > 0
    assert (tmp_path / "images" / "scale.png").stat().st_size > 5_000
    assert "sparse, hashed" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [["--max", "9"], ["--max", "30"], ["--step", "0"]])
def test_numbers_out_of_range(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        scale.main(wrong)
    assert error.value.code == 2
    assert f"is {wrong[1]}" in capsys.readouterr().err
