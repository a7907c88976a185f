import dataclasses
from typing import Any

import pytest

from tapehead import tasks, train


def tiny(**changes: Any) -> train.TrainConfig:
    """A run of 20 updates that takes a moment."""
    config = train.TrainConfig(
        task=tasks.Copy(max_length=3, num_bits=2),
        model=train.ntm(hidden_size=8, memory_size=6, word_size=4),
        batch_size=2,
        sequences=40,
        validate_every=20,
        validation_sequences=10,
        log_every=5,
    )
    return dataclasses.replace(config, **changes)


@pytest.fixture
def tiny_config() -> Any:
    return tiny
