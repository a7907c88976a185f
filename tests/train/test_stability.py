"""Training does not leave the finite numbers, even at ten times the learning rate."""

import dataclasses

import pytest

from tapehead.train import preset, train

UPDATES = 500


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ntm-copy", "dnc-copy", "ntm-associative-recall", "dnc-associative-recall"])
@pytest.mark.parametrize("seed", range(20))
def test_ten_times_the_learning_rate_stays_finite(name, seed, tmp_path):
    config = preset(name)
    config = dataclasses.replace(
        config,
        seed=seed,
        sequences=UPDATES * config.batch_size,
        optimizer=dataclasses.replace(config.optimizer, lr=10 * config.optimizer.lr, final_lr=None),
    )
    report = train(config, tmp_path / "run", quiet=True)  # raises NonFiniteError otherwise
    assert report.steps == UPDATES
