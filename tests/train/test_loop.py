import json
import math
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

import tapehead
from tapehead import tasks, train
from tapehead.train.run import training_sampler
from tapehead.train.update import Updater


def rows_of(folder: Path, *, but: tuple[str, ...] = ("seconds",)) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key not in but} for row in rows]


def test_a_run_leaves_what_it_promises(tmp_path: Path, tiny_config: Any) -> None:
    folder = tmp_path / "runs/tiny"
    report = train.train(tiny_config(), folder, quiet=True)
    assert (report.reason, report.steps, report.sequences) == ("trained on all sequences", 20, 40)
    assert report.folder == folder
    assert {path.name for path in folder.iterdir()} == {
        "config.json",
        "model.safetensors",
        "card.md",
        "metrics.jsonl",
        "checkpoints",
    }
    rows = rows_of(folder)
    assert [row["step"] for row in rows if row["kind"] == "train"] == [5, 10, 15, 20]
    assert [row["step"] for row in rows if row["kind"] == "validation"] == [10, 20]
    assert rows[-1]["bits_per_sequence"] == report.bits_per_sequence
    machine = tapehead.load(str(folder))
    assert not machine.training
    assert train.load_config(folder / "config.json") == tiny_config()


def test_the_first_row_is_the_mean_of_the_first_losses(tmp_path: Path, tiny_config: Any) -> None:
    """Redone by hand: same seed, plain PyTorch."""
    config = tiny_config(sequences=4, log_every=2, optimizer=train.OptimizerConfig(lr=1e-2, clip="none"))
    train.train(config, tmp_path / "run", quiet=True)
    torch.manual_seed(config.seed)
    model = config.build_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    sampler = training_sampler(config, 0)
    bits = []
    for _ in range(2):
        batch = sampler.draw(config.task)
        outputs, _ = model(batch.inputs, lengths=batch.lengths)
        loss = config.task.loss(outputs, batch).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        bits.append(loss.item() / math.log(2))
    assert rows_of(tmp_path / "run")[0]["bits_per_sequence"] == pytest.approx(sum(bits) / 2, rel=1e-5)


def test_same_seed_same_run(tmp_path: Path, tiny_config: Any) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train.train(tiny_config(seed=seed), tmp_path / name, quiet=True)
    assert rows_of(tmp_path / "a") == rows_of(tmp_path / "b")
    assert rows_of(tmp_path / "a") != rows_of(tmp_path / "c")


@pytest.mark.parametrize(
    "model",
    [
        train.ntm(hidden_size=24, memory_size=8, word_size=6),
        train.dnc(hidden_size=24, memory_size=8, word_size=6),
        train.lstm(hidden_size=24, num_layers=2),
    ],
)
def test_training_learns(tmp_path: Path, tiny_config: Any, model: Any) -> None:
    config = tiny_config(
        task=tasks.Copy(max_length=1, num_bits=2),
        model=model,
        optimizer=train.OptimizerConfig(lr=1e-2),
        batch_size=8,
        sequences=2400,
        validate_every=400,
        stop_below=0.5,
        stop_after=1,
    )
    report = train.train(config, tmp_path / "run", quiet=True)
    assert report.reason == "converged"
    assert report.bits_per_sequence < 0.5


def test_convergence_takes_several_validations_in_a_row(tmp_path: Path, tiny_config: Any) -> None:
    report = train.train(tiny_config(stop_below=1e9, stop_after=2), tmp_path / "run", quiet=True)
    assert (report.reason, report.steps) == ("converged", 20)
    report = train.train(tiny_config(stop_below=1e9, stop_after=1), tmp_path / "other", quiet=True)
    assert (report.reason, report.steps) == ("converged", 10)


def test_a_folder_in_use_is_not_touched(tmp_path: Path, tiny_config: Any) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(train.TrainingError, match="not empty"):
        train.train(tiny_config(), tmp_path, quiet=True)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_non_finite_values_stop_the_run_and_save_the_batch(tmp_path: Path, tiny_config: Any) -> None:
    config = tiny_config(optimizer=train.OptimizerConfig(lr=1e38, clip="none"), seed=7)
    with pytest.raises(train.NonFiniteError, match=r"at step 1 with seed 7.*nonfinite-step1") as caught:
        train.train(config, tmp_path / "run", quiet=True)
    assert "\n" not in str(caught.value)
    (file,) = (tmp_path / "run").glob("nonfinite-*")
    batch, weights, about = train.load_batch(file)
    assert (about["step"], about["seed"], about["lesson"]) == ("1", "7", "0")
    machine = config.build_model()
    machine.load_state_dict(weights)
    loss = config.task.loss(machine(batch.inputs, lengths=batch.lengths)[0], batch).mean()
    loss.backward()
    norms = torch.stack([parameter.grad.norm() for parameter in machine.parameters()])
    assert not torch.isfinite(loss + norms.sum())
    # The checkpoint from before is still there.
    with pytest.raises(train.NonFiniteError, match="at step 1 with seed 7"):
        train.resume(tmp_path / "run", quiet=True)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_says_how_to_go_on(
    tmp_path: Path, tiny_config: Any, monkeypatch: Any, number: int, code: int
) -> None:
    train.train(tiny_config(), tmp_path / "whole", quiet=True)
    update, calls = Updater.__call__, []

    def interrupting(self: Any, task: Any, batch: Any) -> Any:
        calls.append(None)
        if len(calls) == 8:
            os.kill(os.getpid(), number)
        return update(self, task, batch)

    monkeypatch.setattr(Updater, "__call__", interrupting)
    usual = signal.getsignal(number)
    with pytest.raises(
        train.Interrupted, match="saved at step 8; resume with: tapehead train --resume"
    ) as caught:
        train.train(tiny_config(), tmp_path / "run", quiet=True)
    assert caught.value.exit_code == code
    assert signal.getsignal(number) == usual
    train.resume(tmp_path / "run", quiet=True)
    assert rows_of(tmp_path / "run") == rows_of(tmp_path / "whole")


def test_without_a_terminal_there_is_no_bar(tmp_path: Path, tiny_config: Any, capsys: Any) -> None:
    train.train(tiny_config(), tmp_path / "run")
    out, err = capsys.readouterr()
    assert out == ""
    assert "\r" not in err
    assert len(err.splitlines()) == 2
    assert all("bits per sequence" in line for line in err.splitlines())


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_the_callers_random_numbers_are_left_alone(tmp_path: Path, tiny_config: Any, dropout: float) -> None:
    model = train.dnc(hidden_size=8, memory_size=6, word_size=4, bypass_dropout=dropout)
    config = tiny_config(model=model, restart_above=0.0, restart_every=10)
    state = torch.get_rng_state()
    train.train(config, tmp_path / "run", quiet=True)
    assert torch.equal(torch.get_rng_state(), state)
    train.resume(tmp_path / "run", sequences=60, quiet=True)
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(3)
    train.train(config, tmp_path / "again", quiet=True)
    assert rows_of(tmp_path / "again") == rows_of(tmp_path / "run")[: len(rows_of(tmp_path / "again"))]


def test_an_error_leaves_the_callers_random_numbers_alone(tmp_path: Path, tiny_config: Any) -> None:
    state = torch.get_rng_state()
    with pytest.raises(train.NonFiniteError):
        train.train(tiny_config(optimizer=train.OptimizerConfig(lr=1e38, clip="none")), tmp_path / "run")
    assert torch.equal(torch.get_rng_state(), state)


def test_tensorboard_events(tmp_path: Path, tiny_config: Any) -> None:
    pytest.importorskip("tensorboard")
    train.train(tiny_config(tensorboard=True), tmp_path / "run", quiet=True)
    assert list((tmp_path / "run/tensorboard").glob("events*"))


@pytest.mark.gpu
def test_training_on_a_gpu(tmp_path: Path, tiny_config: Any) -> None:
    report = train.train(tiny_config(), tmp_path / "run", quiet=True)
    assert math.isfinite(report.bits_per_sequence)


def test_a_beginning_that_leads_nowhere_is_given_up(tmp_path: Path, tiny_config: Any) -> None:
    """Every validation is above 0 bits: anew at the second and the fourth of five, never at the end."""
    config = tiny_config(sequences=50, validate_every=10, restart_above=0.0, restart_every=20)
    train.train(config, tmp_path / "run", quiet=True)
    restarts = [row for row in rows_of(tmp_path / "run") if row["kind"] == "restart"]
    assert [(row["sequences"], row["restarts"]) for row in restarts] == [(20, 1), (40, 2)]
    untouched = tiny_config(sequences=50, validate_every=10)
    train.train(untouched, tmp_path / "untouched", quiet=True)
    rows, others = rows_of(tmp_path / "run"), rows_of(tmp_path / "untouched")
    assert rows[:4] == others[:4]
    assert rows[5]["bits_per_sequence"] != others[4]["bits_per_sequence"]
