"""Gradients: right by finite differences, reaching every weight, bounded where asked, always finite."""

from typing import Any

import pytest
import torch

from tapehead import DNC, NTM
from tapehead.nn import Machine
from tapehead.types import map_state
from tests.nn.machines import BACKENDS, Case, assert_same, cases, inputs, random_state, tensors

every_machine = pytest.mark.parametrize("case", cases(), ids=str)
with_memory = pytest.mark.parametrize("case", cases(lambda case: case.has_memory), ids=str)


def _rebuild(state: Any, fields: tuple) -> Any:
    rest = iter(fields)
    return map_state(lambda _: next(rest), state)


# Where the gradient is stopped or clipped it is not the whole one, on purpose.
PARTIAL = ("dnc-no-usage-gradient", "ntm-clipped", "sparse-ntm-clipped", "sparse-dnc-clipped")
# No gradient goes through sparse links.
PARTIAL += ("sparse-dnc", "sparse-dnc-feedforward")


@pytest.mark.parametrize("case", cases(lambda case: case.name not in PARTIAL), ids=str)
def test_gradcheck(case: Case) -> None:
    """With respect to inputs, every parameter and every tensor of the initial state."""
    machine = case.build()
    state = random_state(machine, 2)
    names, weights = zip(*machine.named_parameters())
    x = inputs(3, 2)
    start = tuple(tensors(state))
    lengths = torch.tensor([3, 2])

    def run(x: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
        given = dict(zip(names, values[: len(names)]))
        call = (x, _rebuild(state, values[len(names) :]))
        y, end = torch.func.functional_call(machine, given, call, {"lengths": lengths})
        # One output: gradcheck goes back once for each.
        return torch.cat([field.flatten() for field in (y, *tensors(end))])

    leaves = [value.detach().clone().requires_grad_() for value in (x, *weights, *start)]
    assert torch.autograd.gradcheck(run, leaves, fast_mode=True)


@every_machine
def test_every_parameter_learns(case: Case) -> None:
    """Learned starts included."""
    machine = case.build()
    y, end = machine(inputs(5, 2))
    (y.square().sum() + sum(field.square().sum() for field in tensors(end))).backward()
    for name, parameter in machine.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_a_learned_start_is_learned() -> None:
    machine = DNC(3, 5, output_size=2, memory_size=7, word_size=4, num_reads=2, learn_initial_state=True)
    names = {name for name, _ in machine.named_parameters() if "initial" in name}
    assert names == {"initial_read_words", "controller.initial_hidden", "controller.initial_cell"}
    state = machine.initial_state(2)
    assert state.read_words.requires_grad
    assert all(field.requires_grad for field in tensors(state.controller))


def test_a_learned_memory_is_learned() -> None:
    machine = NTM(3, 5, output_size=2, memory_size=7, word_size=4, learn_initial_memory=True)
    memory = machine.initial_state(2).memory
    assert torch.equal(memory, machine.initial_memory.expand(2, 7, 4))
    assert memory.requires_grad
    assert len(memory[0].unique(dim=0)) == 7, "slots differ from the first step on"
    assert torch.equal(machine.initial_state(1, 9).memory[0, 7:], memory[0, :2])
    assert torch.equal(machine.initial_state(1, 3).memory[0], memory[0, :3])


def test_usage_gradient_only_changes_gradients() -> None:
    def gradients(usage_gradient: bool) -> tuple[torch.Tensor, torch.Tensor]:
        torch.manual_seed(0)
        machine = DNC(
            3,
            5,
            output_size=2,
            memory_size=7,
            word_size=4,
            usage_gradient=usage_gradient,
            backend="reference",
        ).double()
        state = random_state(machine, 2)
        weights = state.write_weights.requires_grad_()
        y, _ = machine(inputs(1, 2), state)
        (gradient,) = torch.autograd.grad(y.sum(), weights, allow_unused=True)
        return y, torch.zeros_like(weights) if gradient is None else gradient

    (y_full, full), (y_stopped, stopped) = gradients(True), gradients(False)
    assert torch.equal(y_full, y_stopped)
    assert full.abs().max() > 0
    # In one step the last write weighting acts through the usage alone.
    assert (stopped == 0).all()


def _activation(machine: Machine, x: torch.Tensor, state: Any) -> torch.Tensor:
    """The activations h of the first layer [B, H]."""
    chi = x if not hasattr(state, "read_words") else torch.cat([x, state.read_words.flatten(1)], dim=-1)
    return machine.controller(chi, state.controller)[0][:, : machine.hidden_size]


# Without a skip past it, one layer's activation gradients can be read off its bias's gradient.
ONE_LAYER = (
    "ntm",
    "ntm-feedforward",
    "dnc",
    "dnc-interface-norm",
    "dnc-all-switches",
    "deep-lstm-zero-start",
)


@pytest.mark.parametrize("case", cases(lambda case: case.name in ONE_LAYER), ids=str)
def test_clip_controller_gradient_bounds_the_activations(case: Case) -> None:
    """dL/db of a gate is dL/dh times a known factor, so it shows the clipped dL/dh exactly."""
    limit = 0.01

    def run(clip: float | None) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        machine = case.build(clip_controller_gradient=clip, num_layers=1)
        x = inputs(1, 1)
        y, end = machine(x)
        (100 * y.square().sum()).backward()
        hidden = _activation(machine, x[0], machine.initial_state(1))[0].detach()
        bias = machine.controller.layers[0].bias.grad
        if end.controller:
            cell = end.controller[0][1][0].detach().tanh()
            output_gate = hidden / cell
            return y, bias[3 * len(hidden) :], cell * output_gate * (1 - output_gate)
        return y, bias, 1 - hidden.square()

    y, free, factor = run(None)
    y_clipped, clipped, _ = run(limit)
    assert torch.equal(y, y_clipped)
    assert (free / factor).abs().max() > 10 * limit
    assert_same(clipped, (free / factor).clamp(-limit, limit) * factor, 1e-9)


@every_machine
def test_clipping_bounds_a_long_run(case: Case) -> None:
    """However large the loss, over several steps and layers."""
    if case.own_controller:
        pytest.skip("clips only the controllers of tapehead")
    limit, steps = 1e-3, 4
    machine = case.build(clip_controller_gradient=limit)
    y, _ = machine(inputs(steps, 2))
    (1e6 * y.sum()).backward()
    for layer in machine.controller.layers:
        bias = layer.bias.grad
        # The output gate's part (LSTM), or all (feed-forward): a factor below 1 times the clipped gradient.
        own = bias[-machine.hidden_size :]
        assert own.abs().max() <= limit * steps * 2


@pytest.mark.parametrize("backend", BACKENDS)
def test_clip_weighting_gradient_bounds_the_weightings(backend: str) -> None:
    """With a tiny bound an NTM's heads still learn what to write, but not where."""
    limit, word = 1e-9, 4

    def gradients(clip: float | None) -> torch.Tensor:
        torch.manual_seed(0)
        machine = NTM(
            3, 5, output_size=2, memory_size=7, word_size=word, clip_weighting_gradient=clip, backend=backend
        ).double()
        y, _ = machine(inputs(1, 2))
        y.sum().backward()
        return machine.interface.bias.grad

    addressing = word + 1 + 1 + 3 + 1
    sizes = [addressing, addressing, 2 * word]
    free_read, free_write, free_change = gradients(None).split(sizes)
    read, write, change = gradients(limit).split(sizes)
    assert min(free_read.abs().max(), free_write.abs().max()) > 1e3 * limit
    assert max(read.abs().max(), write.abs().max()) < 1e3 * limit
    assert_same(change, free_change, 1e-2)


@every_machine
@pytest.mark.parametrize(("input_scale", "weight_scale"), [(0, 1), (1e30, 1), (1, 1e4)], ids=str)
def test_nothing_becomes_non_finite(case: Case, input_scale: float, weight_scale: float) -> None:
    machine = case.build(torch.float32)
    with torch.no_grad():
        for parameter in machine.parameters():
            parameter *= weight_scale
    x = (input_scale * inputs(4, 2, torch.float32)).requires_grad_()
    y, end = machine(x)
    (y.tanh().sum() + sum(field.tanh().sum() for field in tensors(end))).backward()
    found = {"y": y, "x": x.grad} | {f"state {i}": field for i, field in enumerate(tensors(end))}
    found |= {name: parameter.grad for name, parameter in machine.named_parameters()}
    for name, value in found.items():
        assert torch.isfinite(value).all(), name


@with_memory
def test_an_empty_memory_is_finite(case: Case) -> None:
    """All-zero memory and words, all-zero weightings: nothing to divide by."""
    machine = case.build(torch.float32)
    zero = map_state(torch.zeros_like, machine.initial_state(2))
    y, end = machine(torch.zeros(3, 2, 3), map_state(lambda field: field.requires_grad_(), zero))
    (y.sum() + end.memory.sum()).backward()
    assert all(torch.isfinite(value).all() for value in [y, *tensors(end)])
    gradients = [leaf.grad for leaf in [*tensors(zero), *machine.parameters()]]
    assert all(gradient is None or torch.isfinite(gradient).all() for gradient in gradients)
