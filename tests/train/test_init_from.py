"""Starting from the weights of another model, and memories that fit the batch."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

import tapehead
from tapehead import cli, hub, tasks, train
from tapehead.nn import DNC

STILL = train.OptimizerConfig(lr=1e-12)


@pytest.fixture
def first(tmp_path: Path, tiny_config: Any) -> str:
    folder = tmp_path / "first"
    train.train(tiny_config(sequences=8, optimizer=train.OptimizerConfig(lr=0.05)), folder, quiet=True)
    return str(folder)


def test_the_weights_are_taken_over(first: str, tmp_path: Path, tiny_config: Any) -> None:
    config = tiny_config(sequences=2, seed=7, optimizer=STILL, init_from=first)
    train.train(config, tmp_path / "second", quiet=True)
    old, new = (tapehead.load(folder).state_dict() for folder in (first, str(tmp_path / "second")))
    for name, tensor in old.items():
        torch.testing.assert_close(new[name], tensor)
    assert train.load_config(tmp_path / "second/config.json").init_from == first


def test_another_memory_size_fits(first: str, tmp_path: Path, tiny_config: Any) -> None:
    """No weight depends on it."""
    config = tiny_config(sequences=2, optimizer=STILL, init_from=first)
    config = dataclasses.replace(config, model=dataclasses.replace(config.model, memory_size=11))
    train.train(config, tmp_path / "second", quiet=True)
    assert tapehead.load(str(tmp_path / "second")).memory_size == 11


@pytest.mark.parametrize(
    "model", [train.ntm(hidden_size=9, memory_size=6, word_size=4), train.lstm(hidden_size=8, num_layers=1)]
)
def test_weights_that_do_not_fit(first: str, tmp_path: Path, tiny_config: Any, model: Any) -> None:
    config = tiny_config(init_from=first, model=model)
    with pytest.raises(
        train.ConfigError, match=r"init_from is '.*first', whose weights do not fit the model"
    ):
        train.train(config, tmp_path / "second", quiet=True)
    assert not (tmp_path / "second/checkpoints").exists()


def test_a_model_that_is_not_there(tmp_path: Path, tiny_config: Any, capsys: Any) -> None:
    with pytest.raises(hub.PretrainedError, match="no folder and no model 'nowhere'"):
        train.train(tiny_config(init_from="nowhere"), tmp_path / "run", quiet=True)
    assert cli.main(["train", "ntm-copy", "--init-from", "nowhere", "--out", str(tmp_path / "run")]) == 2
    assert "no folder and no model 'nowhere'" in capsys.readouterr().err


def test_the_memory_fits_the_batch(tmp_path: Path, tiny_config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """At least 32 slots, and as many as the batch has steps, in sixteens; validation is as in training."""
    seen = []
    forward = DNC.forward

    def watched(self: DNC, x: torch.Tensor, *arguments: Any, **options: Any) -> Any:
        if self.training:
            seen.append((x.shape[0], options.get("memory_size")))
        return forward(self, x, *arguments, **options)

    monkeypatch.setattr(DNC, "forward", watched)
    config = tiny_config(
        task=tasks.Copy(min_length=1, max_length=40, num_bits=2),
        model=train.dnc(hidden_size=4, memory_size=6, word_size=4),
        fit_memory=True,
        sequences=24,
        backend="reference",
    )
    train.train(config, tmp_path / "run", quiet=True)
    assert len(seen) == 12
    for steps, slots in seen:
        assert slots == max(32, 16 * -(-steps // 16)) >= steps
    assert len({slots for _, slots in seen}) > 2
    assert tapehead.load(str(tmp_path / "run")).memory_size == 6
