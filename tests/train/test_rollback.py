"""Going back to the last good weights."""

import pytest
import torch

from tapehead import NTM
from tapehead.nn import NTMConfig
from tapehead.tasks import Copy
from tapehead.train.config import TrainConfig
from tapehead.train.errors import ConfigError
from tapehead.train.rollback import LR_FACTOR, SETTLING_WINDOWS, WINDOW, Rollback


def _machine() -> tuple[NTM, torch.optim.Optimizer]:
    machine = NTM(3, 4, output_size=2, memory_size=5, word_size=3)
    return machine, torch.optim.Adam(machine.parameters(), lr=0.1)


def _weights(machine: NTM) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in machine.parameters()])


def _step(machine: NTM, optimizer: torch.optim.Optimizer) -> None:
    for parameter in machine.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()


def test_a_jump_brings_back_the_weights_before() -> None:
    machine, optimizer = _machine()
    rollback = Rollback(2.5)
    for _ in range(WINDOW * (SETTLING_WINDOWS + 1)):
        assert not rollback.update(1.0, 0, machine, optimizer)
    kept = _weights(machine)
    _step(machine, optimizer)
    for update in range(WINDOW):
        assert rollback.update(3.0, 0, machine, optimizer) == (update == WINDOW - 1)
    assert torch.equal(_weights(machine), kept)
    assert not optimizer.state, "the optimiser's state goes back, too"
    assert (rollback.count, rollback.lr_factor) == (1, LR_FACTOR)


def test_a_slow_rise_or_another_lesson_is_no_jump() -> None:
    machine, optimizer = _machine()
    rollback = Rollback(2.5)
    for nats in (1.0, 1.2, 1.5, 2.0, 2.4, 2.4):
        assert not any(rollback.update(nats, 0, machine, optimizer) for _ in range(WINDOW))
    assert not any(rollback.update(30.0, 1, machine, optimizer) for _ in range(WINDOW * SETTLING_WINDOWS))
    assert rollback.count == 0


def test_it_resumes_where_it_was() -> None:
    machine, optimizer = _machine()
    one, other = Rollback(2.5), Rollback(2.5)
    for _ in range(WINDOW * (SETTLING_WINDOWS + 1)):
        one.update(1.0, 0, machine, optimizer)
    other.load_state_dict(one.state_dict())
    kept = _weights(machine)
    _step(machine, optimizer)
    assert any(other.update(3.0, 0, machine, optimizer) for _ in range(WINDOW))
    assert torch.equal(_weights(machine), kept)


def test_the_ratio_must_be_above_one() -> None:
    with pytest.raises(ConfigError, match=r"rollback_above is 1\.0"):
        TrainConfig(Copy(), NTMConfig(0, 8), rollback_above=1.0)
