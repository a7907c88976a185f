"""Updates in compiled code equal those by autograd: loss, norm, outputs and every weight, step after step."""

import dataclasses
import math
from typing import Any

import pytest
import torch

from tapehead import DNC, NTM, tasks, train
from tapehead.engine.native import adam
from tapehead.nn import DeepLSTM
from tapehead.train.distributed import Distributed
from tapehead.train.run import Run
from tapehead.train.update import Updater, by_autograd

TASK = tasks.Copy(max_length=6, num_bits=3)
MODELS = {
    "ntm": train.ntm(hidden_size=9, memory_size=7, word_size=5, num_reads=2, num_writes=2),
    "ntm-ff": train.ntm(hidden_size=9, memory_size=7, word_size=5, controller="feedforward"),
    "ntm with a learned memory": train.ntm(
        hidden_size=9, memory_size=7, word_size=5, learn_initial_memory=True
    ),
    "dnc": train.dnc(hidden_size=9, memory_size=7, word_size=5, num_reads=2),
    "dnc-variant": train.dnc(
        hidden_size=9, memory_size=7, word_size=5, num_layers=2, interface_norm=True, masked_lookup=True
    ),
    "lstm with a learned start": train.lstm(hidden_size=9),
    "ntm with a learned start": train.ntm(
        hidden_size=9, memory_size=7, word_size=5, learn_initial_state=True
    ),
}
CLIPS = {
    "norm": {"clip": "norm", "clip_value": 0.3},
    "a wide norm": {"clip": "norm", "clip_value": 1e6},
    "elementwise": {"clip": "elementwise", "clip_value": 0.01},
    "none": {"clip": "none"},
    "weight decay": {"clip": "none", "weight_decay": 0.5},
}


def new_run(model: Any, **optimizer: Any) -> Run:
    config = train.TrainConfig(
        task=TASK, model=model, optimizer=train.OptimizerConfig(lr=1e-2, **optimizer), batch_size=3
    )
    return Run(config, Distributed())


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("clip", "dtype"), [*((clip, torch.float64) for clip in CLIPS), ("norm", torch.float32)]
)
def test_the_same_as_by_autograd(model: str, clip: str, dtype: torch.dtype) -> None:
    plain, fast = (new_run(MODELS[model], **CLIPS[clip]) for _ in range(2))
    for run in (plain, fast):
        run.machine.to(dtype)
    updater = Updater(fast)
    tolerance = {"rtol": 1e-9, "atol": 1e-11} if dtype == torch.float64 else {"rtol": 2e-3, "atol": 2e-4}
    for step in range(12):
        batch = plain.sampler.draw(TASK)
        batch = batch._replace(inputs=batch.inputs.to(dtype))
        expected, nats, norm = by_autograd(plain, TASK, batch, None)
        outputs, fast_nats, fast_norm = updater(TASK, batch)
        assert (fast_nats, fast_norm) == pytest.approx((nats, norm), rel=tolerance["rtol"])
        # Where few steps count, autograd makes the outputs of these alone.
        counts = batch.mask.unsqueeze(-1)
        torch.testing.assert_close(outputs * counts, expected * counts, **tolerance)
        if step:
            assert updater._native is not None
    for one, other in zip(plain.machine.parameters(), fast.machine.parameters(), strict=True):
        torch.testing.assert_close(other, one, **tolerance)
        for name in ("exp_avg", "exp_avg_sq", "step"):
            ours, theirs = fast.optimizer.state[other][name], plain.optimizer.state[one][name]
            torch.testing.assert_close(ours, theirs, **tolerance)


def test_the_loss_is_that_of_pytorch_for_all_logits() -> None:
    run = new_run(MODELS["ntm"])
    Updater(run)(TASK, run.sampler.draw(TASK))  # the optimiser's state
    update = adam.Update(run.machine, run.optimizer, "none", 1.0)
    logits = torch.tensor([0.0, -0.0, 1e-9, -3e-6, 0.7, -5.0, 16.0, -17.0, 60.0, -88.0, 3e4, -1e30])
    for target in (0.0, 1.0):
        outputs = logits.view(4, 1, 3).clone().requires_grad_()
        targets, mask = torch.full((4, 1, 3), target), torch.tensor([1, 1, 0, 1], dtype=torch.bool)[:, None]
        batch = tasks.Batch(torch.zeros(4, 1, 5), targets, mask, torch.tensor([4]))
        loss = TASK.loss(outputs, batch).mean()
        loss.backward()
        nats, gradient = update._loss(outputs.detach(), targets, mask)
        assert nats == pytest.approx(loss.item(), rel=1e-6)
        torch.testing.assert_close(gradient, outputs.grad, rtol=2e-6, atol=1e-12)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_nothing_moves_where_something_is_not_finite(bad: float) -> None:
    run = new_run(MODELS["ntm"])
    updater = Updater(run)
    for _ in range(2):
        updater(TASK, run.sampler.draw(TASK))
    before = {name: tensor.clone() for name, tensor in run.machine.state_dict().items()}
    averages = [state["exp_avg"].clone() for state in run.optimizer.state.values()]
    batch = run.sampler.draw(TASK)
    _, nats, norm = updater(TASK, batch._replace(inputs=batch.inputs * bad))
    assert not math.isfinite(nats + norm)
    for name, tensor in run.machine.state_dict().items():
        assert torch.equal(tensor, before[name])
    for state, average in zip(run.optimizer.state.values(), averages):
        assert torch.equal(state["exp_avg"], average)
        assert state["step"] == 2


def test_shapes_that_do_not_fit() -> None:
    run = new_run(MODELS["ntm"])
    updater = Updater(run)
    updater(TASK, run.sampler.draw(TASK))
    batch = run.sampler.draw(TASK)
    bad = ({"targets": batch.targets[..., 1:]}, {"mask": batch.mask[1:]}, {"mask": batch.mask.float()})
    for change in bad:
        with pytest.raises(ValueError, match="a mask is bool, and targets are shaped as outputs"):
            updater(TASK, batch._replace(**change))


def test_a_new_optimiser_is_noticed() -> None:
    """A run that begins anew has another, whose averages are zero."""
    run = new_run(MODELS["ntm"])
    updater = Updater(run)
    for _ in range(3):
        updater(TASK, run.sampler.draw(TASK))
    run.restart()
    for _ in range(3):
        updater(TASK, run.sampler.draw(TASK))
    assert {float(state["step"]) for state in run.optimizer.state.values()} == {3.0}


class Scored(tasks.Copy):
    """Answers that are not independent bits, for all that the engine knows."""

    def loss(self, outputs: Any, batch: Any) -> Any:
        return 2 * super().loss(outputs, batch)


def test_where_autograd_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_native(run: Run, task: Any = TASK) -> bool:
        updater = Updater(run)
        for _ in range(2):
            updater(task, run.sampler.draw(task))
        return updater._native is not None

    assert is_native(new_run(MODELS["ntm"]))
    assert not is_native(new_run(MODELS["ntm"]), Scored(max_length=6, num_bits=3))
    assert not is_native(new_run(MODELS["ntm"], name="rmsprop"))
    assert not is_native(new_run(MODELS["ntm"], clip="controller"))
    assert not is_native(new_run(dataclasses.replace(MODELS["dnc"], bypass_dropout=0.5)))
    monkeypatch.setenv("TAPEHEAD_BACKEND", "reference")
    assert not is_native(new_run(MODELS["ntm"]))


def test_reasons() -> None:
    assert adam.unsupported_reason(NTM(5, 4, output_size=3, memory_size=6, word_size=4)) is None
    assert adam.unsupported_reason(DeepLSTM(5, 4, output_size=3)) is None
    reasons = {
        "your own": NTM(5, 4, output_size=3, memory_size=6, word_size=4, controller=Own()),
        "its output layer is its own": Doubled(5, 4, output_size=3, memory_size=6, word_size=4),
    }
    for reason, machine in reasons.items():
        assert reason in str(adam.unsupported_reason(machine))
    frozen = DNC(5, 4, output_size=3, memory_size=6, word_size=4)
    next(frozen.parameters()).requires_grad_(False)
    assert "frozen" in str(adam.unsupported_reason(frozen))
    further = NTM(5, 4, output_size=3, memory_size=6, word_size=4, learn_initial_state=True)
    assert adam.unsupported_reason(further) is None
    further.scale = torch.nn.Parameter(torch.ones(1))
    assert "parameters of which the kernel does not know" in str(adam.unsupported_reason(further))
    further = DNC(5, 4, output_size=3, memory_size=6, word_size=4)
    further.scale = torch.nn.Parameter(torch.ones(1))
    assert "parameters of which the kernel does not know" in str(adam.unsupported_reason(further))


def test_steps_counted_in_another_dtype() -> None:
    """PyTorch's Adam may count its steps in the default dtype; C++ adds 1 to a float32."""
    run = new_run(MODELS["ntm"])
    Updater(run)(TASK, run.sampler.draw(TASK))
    assert adam.unsupported_reason(run.machine, run.optimizer) is None
    for state in run.optimizer.state.values():
        state["step"] = state["step"].double()
    assert "counts steps in torch.float64" in str(adam.unsupported_reason(run.machine, run.optimizer))
    updater = Updater(run)
    updater(TASK, run.sampler.draw(TASK))
    assert updater._native is None


class Own(torch.nn.Module):
    output_size = 4

    def initial_state(self, *_: Any) -> tuple:
        return ()


class Doubled(NTM):
    def outputs(self, features: Any, read_words: Any) -> Any:
        return 2 * super().outputs(features, read_words)
