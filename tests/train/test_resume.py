"""A run that was killed and resumed is, to the last bit, the run that never stopped."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tapehead import tasks, train
from tapehead.train import loop
from tapehead.train.run import Run

LESSONS = tuple(tasks.Copy(max_length=length, num_bits=2) for length in (1, 2, 3))


def _rows(folder: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def _everything_config(tiny_config: Any) -> Any:
    """All that has a state: dropout, replay, gates, a learning rate that moves, validations, momentum."""
    return tiny_config(
        model=train.dnc(hidden_size=16, memory_size=8, word_size=6, bypass_dropout=0.2),
        optimizer=train.OptimizerConfig(name="rmsprop-graves", lr=1e-3, warmup=50, final_lr=1e-4),
        curriculum=train.CurriculumConfig(LESSONS, threshold=0.5, episodes=10, check_every=40, replay=0.3),
        sequences=1200,
        validate_every=180,
        log_every=7,
        checkpoint_every=11,
        ema_decay=0.9,
    )


def _start(*arguments: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tapehead", "train", *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ)


def _kill_when(process: "subprocess.Popen[bytes]", metrics: Path, size: int) -> bool:
    """SIGKILL as soon as metrics.jsonl has outgrown ``size`` bytes; False when the run was over before."""
    while process.poll() is None:
        if metrics.exists() and metrics.stat().st_size > size:
            time.sleep(random.uniform(0, 0.03))
            process.kill()
            break
        time.sleep(0.001)
    error = process.communicate()[1]
    assert process.returncode in (0, -signal.SIGKILL), error.decode()
    return process.returncode != 0


def test_killed_at_random_moments_and_resumed(tmp_path: Path, tiny_config: Any) -> None:
    config = _everything_config(tiny_config)
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config.to_dict()))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    process = _start("--config", str(file), "--out", str(whole))
    error = process.communicate()[1]
    assert process.returncode == 0, error.decode()
    total = (whole / "metrics.jsonl").stat().st_size

    kills = 0
    arguments = ["--config", str(file), "--out", str(killed)]
    for fraction in (0.25, 0.6):
        moment = int(total * random.uniform(fraction - 0.2, fraction + 0.2))
        kills += _kill_when(_start(*arguments), killed / "metrics.jsonl", moment)
        arguments = ["--resume", str(killed)]
    assert kills
    train.resume(killed, quiet=True)

    assert _rows(killed) == _rows(whole)
    for name, weight in load_file(whole / "model.safetensors").items():
        assert torch.equal(weight, load_file(killed / "model.safetensors")[name])


def test_resuming_at_every_checkpoint_gives_the_same_run(
    tmp_path: Path, tiny_config: Any, monkeypatch: Any
) -> None:
    """In process, and for every checkpoint: what a kill just after it would leave."""
    config = _everything_config(tiny_config)
    config = train.TrainConfig.from_dict(config.to_dict() | {"sequences": 240, "validate_every": 60})
    left: list[Path] = []
    save = loop.save_checkpoint

    def keep(run: Run, folder: Path) -> None:
        save(run, folder)
        if folder.name == "whole":
            left.append(shutil.copytree(folder, tmp_path / f"copy-{run.progress.step}", dirs_exist_ok=True))

    monkeypatch.setattr(loop, "save_checkpoint", keep)
    train.train(config, tmp_path / "whole", quiet=True)
    assert len(left) == 12  # at the start, after 11, 22, … 110 updates, at the end
    for copy in left[:-1]:
        with (copy / "metrics.jsonl").open("a") as file:
            file.write('{"kind": "train", "step": 999}\n{"kind": "tr')  # rows from after the checkpoint
        train.resume(copy, quiet=True)
        assert _rows(copy) == _rows(tmp_path / "whole")


def test_a_kill_while_saving_leaves_the_checkpoint_before(tmp_path: Path, tiny_config: Any) -> None:
    train.train(tiny_config(), tmp_path / "run", quiet=True)
    checkpoints = tmp_path / "run/checkpoints"
    unfinished = checkpoints / ".step-000000025.writing-ab12"
    unfinished.mkdir()
    (unfinished / "state.pt").write_bytes(b"half")
    report = train.resume(tmp_path / "run", sequences=60, quiet=True)
    assert report.steps == 30
    assert [path.name for path in checkpoints.iterdir()] == ["step-000000030"]


def test_a_longer_run_goes_on_where_the_shorter_ended(tmp_path: Path, tiny_config: Any) -> None:
    train.train(tiny_config(sequences=60), tmp_path / "long", quiet=True)
    train.train(tiny_config(sequences=40), tmp_path / "short", quiet=True)
    with pytest.raises(train.TrainingError, match="is over"):
        train.resume(tmp_path / "short", quiet=True)
    train.resume(tmp_path / "short", sequences=60, quiet=True)
    assert _rows(tmp_path / "short") == _rows(tmp_path / "long")


def _newest(folder: Path) -> Path:
    (checkpoint,) = (folder / "checkpoints").iterdir()
    return checkpoint


def _truncate(checkpoint: Path) -> None:
    file = checkpoint / "state.pt"
    file.write_bytes(file.read_bytes()[:1000])


def _foreign(checkpoint: Path) -> None:
    torch.save({"epoch": 3}, checkpoint / "state.pt")


def _evil(checkpoint: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return os.system, ("touch /tmp/tapehead-was-here",)

    torch.save({"config": Evil()}, checkpoint / "state.pt")


def _without_weights(checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").unlink()


def _truncated_weights(checkpoint: Path) -> None:
    file = checkpoint / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-10])


def _other_shape(checkpoint: Path) -> None:
    state = torch.load(checkpoint / "state.pt", weights_only=True)
    state["config"]["model"]["hidden_size"] = 9
    torch.save(state, checkpoint / "state.pt")


def _other_processes(checkpoint: Path) -> None:
    state = torch.load(checkpoint / "state.pt", weights_only=True)
    state["ranks"] *= 2
    torch.save(state, checkpoint / "state.pt")


@pytest.mark.parametrize(
    "damage",
    [_truncate, _foreign, _evil, _without_weights, _truncated_weights, _other_shape, _other_processes],
)
def test_damaged_checkpoints_are_named(tmp_path: Path, tiny_config: Any, damage: Any) -> None:
    folder = tmp_path / "run"
    train.train(tiny_config(), folder, quiet=True)
    damage(_newest(folder))
    with pytest.raises(train.CheckpointError, match="run") as caught:
        train.resume(folder, sequences=60, quiet=True)
    assert "\n" not in str(caught.value)
    assert not Path("/tmp/tapehead-was-here").exists()


def test_folders_that_are_no_runs(tmp_path: Path) -> None:
    with pytest.raises(train.CheckpointError, match="does not exist"):
        train.resume(tmp_path / "nothing")
    with pytest.raises(train.CheckpointError, match="no checkpoint"):
        train.resume(tmp_path)
