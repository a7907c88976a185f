"""Learning curves and memory sizes: what is trained is kept, and what is kept is drawn."""

import json
from pathlib import Path

import pytest

from benchmarks import learning, memory_size

pytestmark = pytest.mark.filterwarnings("default")


def test_what_is_there_is_not_trained_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["copy", "--sequences", "100", "--processes", "1", "--only", "ntm", "dnc", "--seeds"]
    folders = ["--results", str(tmp_path), "--images", str(tmp_path)]
    assert learning.main([*arguments, "1", *folders]) == 0
    first = json.loads((tmp_path / "learning-copy.json").read_text())["runs"]
    assert [(run["architecture"], run["seed"]) for run in first] == [("ntm", 0), ("dnc", 0)]
    assert all(run["points"][-1][0] == 100 and run["points"][-1][1] > 1 for run in first)
    assert (tmp_path / "learning-copy.png").read_bytes().startswith(b"\x89PNG")
    assert "0 of 1" in capsys.readouterr().out
    assert learning.main([*arguments, "2", *folders]) == 0
    second = json.loads((tmp_path / "learning-copy.json").read_text())["runs"]
    assert [(run["architecture"], run["seed"]) for run in second] == [
        (name, seed) for name in ("ntm", "dnc") for seed in (0, 1)
    ]
    assert [run for run in second if run["seed"] == 0] == first


def test_when_a_run_has_learned() -> None:
    target = learning.TARGETS["copy"]

    def after(*bits: float | None) -> int | None:
        return learning._learned_after({"points": [[10 * n, b] for n, b in enumerate(bits)]}, target)

    assert after(9, 0.05, 0.04, 0.03, 7) == 10
    assert after(9, 0.05, 3, 0.04, 0.03) == 30
    assert after(9, 8, 7) is None
    assert after(None) is None


def test_memories_of_other_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_size, "TRIPLES", (40, 100))
    monkeypatch.setattr(memory_size, "SLOTS", (32, 128))
    folders = ["--results", str(tmp_path), "--images", str(tmp_path)]
    assert memory_size.main(["--episodes", "8", *folders]) == 0
    found = json.loads((tmp_path / "memory-size.json").read_text())
    small, large = zip(*found["accuracy"])
    assert max(small) < 0.5 < min(large), "a triple without a slot cannot be read"
    assert (tmp_path / "memory-size.png").exists()
