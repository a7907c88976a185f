import copy
from typing import Any

import numpy as np
import pytest
import torch

from tapehead import train
from tapehead.train.optimizers import build_optimizer, clip_gradients, learning_rate


def test_rmsprop_graves_is_the_papers_formula() -> None:
    """Against plain float64 numbers, one parameter at a time."""
    generator = np.random.default_rng(0)
    shapes = [(3, 2), (4,)]
    values = [generator.standard_normal(shape) for shape in shapes]
    parameters = [torch.tensor(value, requires_grad=True) for value in values]
    optimizer = train.RMSpropGraves(parameters, lr=1e-2, alpha=0.9, momentum=0.8, eps=1e-3)
    n, m, delta = ([np.zeros(shape) for shape in shapes] for _ in range(3))
    for _ in range(5):
        for i, shape in enumerate(shapes):
            g = generator.standard_normal(shape)
            parameters[i].grad = torch.tensor(g)
            n[i] = 0.9 * n[i] + 0.1 * g**2
            m[i] = 0.9 * m[i] + 0.1 * g
            delta[i] = 0.8 * delta[i] - 1e-2 * g / np.sqrt(n[i] - m[i] ** 2 + 1e-3)
            values[i] = values[i] + delta[i]
        optimizer.step()
        for parameter, value in zip(parameters, values, strict=True):
            np.testing.assert_allclose(parameter.detach().numpy(), value, rtol=1e-12)


def test_rmsprop_graves_keeps_epsilon_inside_the_root() -> None:
    """Without a spread the step is lr·g/√ε; outside the root it would be lr·g/ε."""
    parameter = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = train.RMSpropGraves([parameter], lr=1.0, alpha=0.0, momentum=0.0, eps=1e-4)
    parameter.grad = torch.full_like(parameter, 3.0)  # alpha 0: n = g², m = g, so n − m² = 0
    optimizer.step()
    assert parameter.item() == pytest.approx(-3.0 / 1e-2)


def test_rmsprop_graves_survives_large_steady_gradients() -> None:
    parameter = torch.zeros(8, requires_grad=True)
    optimizer = train.RMSpropGraves([parameter])
    for _ in range(200):
        parameter.grad = torch.full_like(parameter, 12345.678)
        optimizer.step()
    assert torch.isfinite(parameter).all()


def test_rmsprop_graves_state_goes_on_exactly() -> None:
    parameter = torch.randn(5, requires_grad=True)
    optimizer = train.RMSpropGraves([parameter])
    gradients = torch.randn(6, 5)
    for gradient in gradients[:3]:
        parameter.grad = gradient.clone()
        optimizer.step()
    twin = parameter.detach().clone().requires_grad_()
    other = train.RMSpropGraves([twin])
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for gradient in gradients[3:]:
        parameter.grad, twin.grad = gradient.clone(), gradient.clone()
        optimizer.step()
        other.step()
    assert torch.equal(parameter, twin)


@pytest.mark.parametrize("weight_decay", [0.0, 0.5])
def test_adam_is_torchs_to_the_bit(weight_decay: float) -> None:
    """Also after a checkpoint, and where a parameter has no gradient for once."""
    models = [torch.nn.Linear(3, 4), torch.nn.Linear(3, 4)]
    models[1].load_state_dict(models[0].state_dict())
    ours = build_optimizer(train.OptimizerConfig(lr=1e-2, weight_decay=weight_decay), models[0])
    theirs = torch.optim.AdamW(models[1].parameters(), lr=1e-2, weight_decay=weight_decay, fused=True)
    if not weight_decay:
        theirs = torch.optim.Adam(models[1].parameters(), lr=1e-2, fused=True)
    for step in range(9):
        for parameter, other in zip(models[0].parameters(), models[1].parameters()):
            missing = step == 5 and parameter.ndim == 1
            parameter.grad = None if missing else torch.randn_like(parameter)
            other.grad = None if missing else parameter.grad.clone()  # type: ignore[union-attr]
        for optimizer in (ours, theirs):
            optimizer.param_groups[0]["lr"] = 1e-2 / (1 + step)
            optimizer.step()
        if step == 3:
            state = copy.deepcopy(ours.state_dict())
            assert state.keys() == theirs.state_dict().keys()
            ours = build_optimizer(train.OptimizerConfig(lr=1e-2), models[0])
            ours.load_state_dict(state)
    for parameter, other in zip(models[0].parameters(), models[1].parameters()):
        assert torch.equal(parameter, other)
        assert all(
            torch.equal(ours.state[parameter][name], value) for name, value in theirs.state[other].items()
        )


@pytest.mark.parametrize("name", ["adam", "rmsprop", "rmsprop-graves"])
def test_every_optimizer_goes_downhill(name: Any) -> None:
    model = torch.nn.Linear(3, 1)
    optimizer = build_optimizer(train.OptimizerConfig(name=name, lr=1e-2), model)
    x, y = torch.randn(20, 3), torch.randn(20, 1)
    losses = []
    for _ in range(50):
        loss = (model(x) - y).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def _gradients() -> list[torch.Tensor]:
    return [torch.tensor([3.0, -40.0]), torch.tensor([[0.5]])]


def test_clip_elementwise() -> None:
    gradients = _gradients()
    norm = clip_gradients(train.OptimizerConfig(clip="elementwise", clip_value=10.0), gradients)
    assert norm == pytest.approx((9 + 1600 + 0.25) ** 0.5)
    assert gradients[0].tolist() == [3.0, -10.0]
    assert gradients[1].tolist() == [[0.5]]


def test_clip_by_norm_keeps_the_direction() -> None:
    gradients, original = _gradients(), _gradients()
    norm = clip_gradients(train.OptimizerConfig(clip="norm", clip_value=10.0), gradients)
    joint = torch.cat([gradient.flatten() for gradient in gradients])
    assert joint.norm().item() == pytest.approx(10.0)
    torch.testing.assert_close(joint, torch.cat([g.flatten() for g in original]) * 10 / norm)
    small = [gradient / 100 for gradient in _gradients()]
    clip_gradients(train.OptimizerConfig(clip="norm", clip_value=10.0), small)
    assert small[0].tolist() == pytest.approx([0.03, -0.4])


@pytest.mark.parametrize("clip", ["none", "controller"])
def test_no_clipping_of_parameter_gradients(clip: Any) -> None:
    gradients = _gradients()
    clip_gradients(train.OptimizerConfig(clip=clip, clip_value=1.0), gradients)
    assert gradients[0].tolist() == [3.0, -40.0]


@pytest.mark.parametrize("clip", ["norm", "elementwise", "none"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_the_norm_tells_of_values_that_are_not_finite(clip: Any, value: float) -> None:
    gradients = [torch.tensor([1.0, value])]
    assert not np.isfinite(clip_gradients(train.OptimizerConfig(clip=clip), gradients))


def test_learning_rate_rises_and_falls() -> None:
    constant = train.OptimizerConfig(lr=1.0)
    assert [learning_rate(constant, step, 10) for step in (0, 5, 9)] == [1.0, 1.0, 1.0]
    both = train.OptimizerConfig(lr=1.0, warmup=4, final_lr=0.1)
    rates = [learning_rate(both, step, 20) for step in range(20)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[4] == 1.0
    assert rates[-1] == pytest.approx(0.1)
    assert rates[4:] == sorted(rates[4:], reverse=True)
