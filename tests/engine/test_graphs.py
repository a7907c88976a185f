"""A whole update without a wait: equal to a plain loop, and what a CUDA graph needs of it.

The capture itself needs a GPU.
"""

import copy
from typing import Any

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from tapehead import DNC, NTM, engine
from tapehead.engine import EngineError
from tapehead.nn import DeepLSTM

MACHINES: dict[str, Any] = {
    "ntm": lambda: NTM(3, 5, output_size=2, memory_size=7, word_size=4, learn_initial_state=True),
    "dnc": lambda: DNC(3, 5, output_size=2, memory_size=7, word_size=4, num_reads=2),
    "deep lstm": lambda: DeepLSTM(3, 5, output_size=2, num_layers=2),
}
OPTIONS: dict[str, Any] = {"lr": 1e-2, "betas": (0.8, 0.95), "weight_decay": 0.1, "clip_norm": 0.02}


def _batches(count: int) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    return [
        (torch.randn(4, 3, 3), torch.randint(2, (4, 3, 2)).float(), torch.tensor([4, 2, 3]))
        for _ in range(count)
    ]


def _plain(machine: torch.nn.Module, batches: Any, options: dict[str, Any]) -> list[torch.Tensor]:
    """The textbook's loop; the norms of the gradients."""
    bound = options.get("clip_norm")
    adam = {name: value for name, value in options.items() if name != "clip_norm"}
    optimizer = torch.optim.AdamW(machine.parameters(), **adam)
    norms = []
    for x, bits, lengths in batches:
        outputs, _ = machine(x, lengths=lengths)
        optimizer.zero_grad()
        binary_cross_entropy_with_logits(outputs, bits).backward()
        parameters = list(machine.parameters())
        norms.append(torch.nn.utils.clip_grad_norm_(parameters, bound or float("inf")))
        optimizer.step()
    return norms


@pytest.mark.parametrize("backend", ["reference", "native"])
@pytest.mark.parametrize("name", MACHINES)
def test_an_update_is_that_of_a_plain_loop(name: str, backend: str) -> None:
    machine, batches = MACHINES[name](), _batches(5)
    machine.backend = backend
    other = copy.deepcopy(machine)
    x, bits, lengths = batches[0]
    update = engine.Update(machine, (x, bits), lengths=lengths, **OPTIONS)
    norms = [update(x, bits, lengths=lengths).norm for x, bits, lengths in batches]
    torch.testing.assert_close(norms, _plain(other, batches, OPTIONS))
    assert max(norms) > OPTIONS["clip_norm"], "a bound that never acts is not tested"
    for one, expected in zip(machine.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, expected, rtol=1e-4, atol=1e-6)


def test_a_loss_of_ones_own_and_another_learning_rate() -> None:
    machine = MACHINES["ntm"]()
    other = copy.deepcopy(machine)
    (x, bits, _), *_ = _batches(1)
    update = engine.Update(machine, (x, bits, bits), loss=lambda y, a, b: (a * b * y).sum(), lr=1.0)
    update.lr = 1e-3
    assert update.lr == pytest.approx(1e-3)
    outcome = update(x, bits, bits)
    outputs, _ = other(x)
    torch.testing.assert_close(outcome.outputs, outputs.detach())
    torch.testing.assert_close(outcome.loss, (bits * outputs).sum().detach())
    for one, before in zip(machine.parameters(), other.parameters(), strict=True):
        assert (one - before).abs().max() <= 1.001e-3


def test_an_update_that_is_not_finite_changes_nothing() -> None:
    machine = MACHINES["dnc"]()
    (x, bits, _), *_ = _batches(1)
    update = engine.Update(machine, (x, bits))
    update(x, bits)
    weights = [parameter.detach().clone() for parameter in machine.parameters()]
    state = copy.deepcopy(update.optimizer.state_dict()["state"])
    outcome = update(torch.full_like(x, float("nan")), bits)
    assert not (outcome.loss + outcome.norm).isfinite()
    assert all(torch.equal(a, b) for a, b in zip(weights, machine.parameters(), strict=True))
    for index, found in update.optimizer.state_dict()["state"].items():
        assert all(torch.equal(found[name], state[index][name]) for name in found)
    assert update(x, bits).loss.isfinite()


def test_a_batch_of_another_shape_is_refused() -> None:
    (x, bits, lengths), *_ = _batches(1)
    update = engine.Update(MACHINES["ntm"](), (x, bits))
    with pytest.raises(ValueError, match=r"the batch is float32 \[3, 3, 3\], .* but the example was float32"):
        update(x[:3], bits[:3])
    with pytest.raises(ValueError, match="lengths are given with every batch or with none"):
        update(x, bits, lengths=lengths)
    with pytest.raises(ValueError, match="the example is empty"):
        engine.Update(MACHINES["ntm"](), ())
    frozen = MACHINES["ntm"]().requires_grad_(False)
    with pytest.raises(ValueError, match="this NTM has no parameters that ask for a gradient"):
        engine.Update(frozen, (x, bits))


def test_without_a_gpu_graphed_says_so() -> None:
    (x, bits, _), *_ = _batches(1)
    with pytest.raises(
        EngineError, match="needs the machine and the example on a CUDA device, and they are on cpu"
    ):
        engine.graphed(MACHINES["ntm"](), (x, bits))


@pytest.mark.gpu
@pytest.mark.parametrize("name", MACHINES)
def test_a_graph_does_what_the_update_does(name: str) -> None:
    machine = MACHINES[name]().cuda()
    other = copy.deepcopy(machine)
    batches = [tuple(tensor.cuda() for tensor in batch) for batch in _batches(5)]
    x, bits, lengths = batches[0]
    recorded = engine.graphed(machine, (x, bits), lengths=lengths, **OPTIONS)
    plain = engine.Update(other, (x, bits), lengths=lengths, **OPTIONS)
    for x, bits, lengths in batches:
        found, expected = recorded(x, bits, lengths=lengths), plain(x, bits, lengths=lengths)
        torch.testing.assert_close(found.loss, expected.loss)
    for one, expected in zip(machine.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, expected, rtol=1e-4, atol=1e-6)
