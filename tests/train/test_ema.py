"""A moving average of the weights: what it is, and that it is what a run scores and saves."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import tapehead
from tapehead import train
from tapehead.tasks import Sampler
from tapehead.train.distributed import Distributed
from tapehead.train.evaluate import score_task
from tapehead.train.run import VALIDATION_RANK, Run
from tapehead.train.update import Updater


def test_it_is_the_average_of_the_weights(tiny_config: Any) -> None:
    run = Run(tiny_config(ema_decay=0.7), Distributed())
    updater = Updater(run)
    expected = {name: tensor.clone() for name, tensor in run.machine.state_dict().items()}
    for step in range(1, 30):
        updater(*run.curriculum.draw(run.sampler))
        run.progress.step = step
        run.update_ema()
        decay = min(0.7, (1 + step) / (10 + step))
        for name, tensor in run.machine.state_dict().items():
            expected[name] = decay * expected[name] + (1 - decay) * tensor
    assert run.result is run.ema is not run.machine
    for name, tensor in run.ema.state_dict().items():
        torch.testing.assert_close(tensor, expected[name])
        assert not torch.equal(tensor, run.machine.state_dict()[name])
    run.restart()
    for one, other in zip(run.ema.parameters(), run.machine.parameters(), strict=True):
        assert torch.equal(one, other)


def test_it_is_scored_and_saved(tmp_path: Path, tiny_config: Any) -> None:
    config = tiny_config(ema_decay=0.9)
    train.train(config, tmp_path / "run", quiet=True)
    train.train(tiny_config(), tmp_path / "plain", quiet=True)
    averaged, plain = (tapehead.load(str(tmp_path / name)) for name in ("run", "plain"))
    assert any(not torch.equal(a, b) for a, b in zip(averaged.parameters(), plain.parameters()))
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    last = [row for row in rows if row["kind"] == "validation"][-1]
    sampler = Sampler(config.validation_sequences, config.seed, VALIDATION_RANK)
    for _ in range(2):  # validations are of ever new sequences; the last of the run is the second
        score = score_task(averaged, config.task, sampler, config.validation_sequences)
    assert last["bits_per_sequence"] == pytest.approx(score.bits / score.sequences)


@pytest.mark.parametrize("decay", [0.0, 1.0, -0.5])
def test_decays_that_average_nothing(tiny_config: Any, decay: float) -> None:
    with pytest.raises(train.ConfigError, match=f"ema_decay is {decay}: give a number between 0 and 1"):
        tiny_config(ema_decay=decay)
