"""``tapehead plot``."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tapehead import DNC, NTM, cli, tasks
from tapehead.nn import DeepLSTM


def _model(folder: Path, kind: type = NTM, task: Any = None, **more: Any) -> Path:
    task = task or tasks.get("copy", max_length=4, num_bits=3)
    sizes = {} if kind is DeepLSTM else {"memory_size": 10, "word_size": 6}
    machine = kind(task.input_size, 8, output_size=task.output_size, **sizes, **more)
    machine.save_pretrained(folder, extra={"task": task.to_dict()})
    return folder


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_prints_what_it_wrote(tmp_path: Path, capsys: Any) -> None:
    model = _model(tmp_path / "model")
    assert cli.main(["plot", str(model)]) == 0
    printed = capsys.readouterr().out.split()
    assert printed == [str(model / "figures" / f"{n}.png") for n in ("episode", "heads", "memory")]
    assert all(Path(path).is_file() for path in printed)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (NTM, ["episode.png", "heads.png", "memory.png"]),
        (DNC, ["allocation.png", "episode.png", "heads.png", "memory.png"]),
        (DeepLSTM, ["episode.png"]),
    ],
)
def test_every_machine(kind: type, names: list[str], tmp_path: Path) -> None:
    model = _model(tmp_path / "model", kind, batch_first=True)
    assert cli.main(["plot", str(model), "--out", str(tmp_path / "out")]) == 0
    assert _names(tmp_path / "out") == names
    assert not (model / "figures").exists()


def test_a_run_has_a_learning_curve(tmp_path: Path) -> None:
    model = _model(tmp_path / "run")
    row = {"kind": "train", "sequences": 100, "bits_per_sequence": 3.5}
    (model / "metrics.jsonl").write_text(json.dumps(row) + "\n")
    assert cli.main(["plot", str(model)]) == 0
    assert "learning-curve.png" in _names(model / "figures")


def test_options(tmp_path: Path, monkeypatch: Any) -> None:
    seen: dict[str, Any] = {}

    def plot(trace: Any, batch: tasks.Batch, *_: Any, **__: Any) -> list:
        seen.update(slots=trace.memory.shape[2], steps=int(batch.lengths[0]), inputs=batch.inputs)
        return []

    monkeypatch.setattr("tapehead.cli.plot.plot_trace", plot)
    model = str(_model(tmp_path / "model"))
    assert cli.main(["plot", model, "--length", "9", "--memory-size", "33"]) == 0
    assert (seen["slots"], seen["steps"]) == (33, 2 * 9 + 3)
    assert cli.main(["plot", model]) == 0
    assert (seen["slots"], seen["steps"]) == (10, 2 * 4 + 3)
    first = seen["inputs"]
    assert cli.main(["plot", model, "--seed", "0"]) == 0
    assert (seen["inputs"] == first).all()
    assert cli.main(["plot", model, "--seed", "1"]) == 0
    assert not (seen["inputs"] == first).all()


@pytest.mark.parametrize("name", sorted(set(tasks.names()) - {"babi"}))  # whose episodes are in files
def test_every_task(name: str, tmp_path: Path) -> None:
    task = tasks.get(name)
    model = _model(tmp_path / "model", DeepLSTM, task)
    length = [] if not task.sizes else ["--length", str(getattr(task, f"max_{task.sizes[0]}", 3))]
    assert cli.main(["plot", str(model), *length]) == 0


def test_mistakes(tmp_path: Path, capsys: Any) -> None:
    model = str(_model(tmp_path / "model"))
    NTM(5, 8, output_size=4).save_pretrained(tmp_path / "untrained")
    _model(tmp_path / "lstm", DeepLSTM)
    (tmp_path / "file").write_text("mine")
    for arguments, words in {
        (str(tmp_path / "nowhere"),): "there is no folder and no model",
        (str(tmp_path / "untrained"),): "does not say what task it was trained on",
        (model, "--length", "0"): "length",
        (model, "--length", "-3"): "length",
        (model, "--memory-size", "0"): "memory_size is 0",
        (str(tmp_path / "lstm"), "--memory-size", "5"): "has no memory",
        (model, "--lenght", "3"): "--length",
        (model, "--out", str(tmp_path / "file")): str(tmp_path / "file"),
    }.items():
        assert cli.main(["plot", *arguments]) == 2, arguments
        out, err = capsys.readouterr()
        assert out == ""
        assert words in err
        assert err.startswith("tapehead: ")
        assert err.count("\n") == 1
    assert not (tmp_path / "model" / "figures").exists()


def test_help_is_one_page(capsys: Any) -> None:
    assert cli.main(["plot", "--help"]) == 0
    out = capsys.readouterr().out
    assert "usage: tapehead plot" in out
    assert all(option in out for option in ("--length", "--seed", "--memory-size", "--out"))


def test_matplotlib_only_when_plotting() -> None:
    code = "import sys, tapehead.cli, tapehead.hub, tapehead.train; print('matplotlib' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
