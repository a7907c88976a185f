"""The engine never computes another function than the machine says, however the machine was changed."""

import itertools
import random
import warnings
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, jvp, vmap

from tapehead import DNC, NTM
from tapehead.engine import EngineError
from tapehead.nn import Machine
from tapehead.types import map_state
from tests.engine.mutations import HIDDEN, INPUT, MACHINES, MEMORY, MUTATIONS
from tests.nn.machines import tensors

STEPS, BATCH = 4, 2
TOLERANCE = 1e-9
PAIRS = 3
"""How many random second mutations each machine with a first one gets."""


class Outcome(NamedTuple):
    """What can be seen of a run."""

    tensors: dict[str, Tensor | None]
    calls: list[str]
    error: str | None


def _mutated(machine: str, mutations: tuple[str, ...], seed: int) -> tuple[Machine, list[str]]:
    torch.manual_seed(seed)
    rng, calls, made = random.Random(seed), [], MACHINES[machine]().double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    for mutation in mutations:
        MUTATIONS[mutation](made, rng, calls)
    return made.train(rng.random() < 0.5), calls


def _run(machine: Machine, calls: list[str], backend: str, seed: int, **call: Any) -> Outcome:
    machine.backend = backend
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(STEPS, BATCH, INPUT, generator=generator, dtype=torch.float64, requires_grad=True)
    lengths = [STEPS, STEPS - 1] if seed % 2 else None
    torch.manual_seed(seed)  # of dropout
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            y, state, *_ = machine(x, lengths=lengths, **call)
        ends = [y, *(tensor for tensor in tensors(state) if tensor.requires_grad)]
        loss = sum((end * torch.randn(end.shape, generator=generator, dtype=end.dtype)).sum() for end in ends)
        if isinstance(loss, Tensor) and loss.requires_grad:
            loss.backward()
    except EngineError:
        raise
    except Exception as error:
        return Outcome({}, calls, type(error).__name__)
    found: dict[str, Tensor | None] = {"y": y.detach(), "gradient of x": x.grad}
    found |= {f"state {i}": tensor.detach() for i, tensor in enumerate(tensors(state))}
    found |= {f"gradient of {name}": parameter.grad for name, parameter in machine.named_parameters()}
    return Outcome(found, calls, None)


def _differences(one: Outcome, other: Outcome) -> list[str]:
    if one.error != other.error:
        return [f"{one.error} against {other.error}"]
    if one.calls != other.calls:
        return [f"{len(one.calls)} against {len(other.calls)} calls of hooks"]
    wrong = []
    for name, expected in one.tensors.items():
        found = other.tensors[name]
        expected = torch.zeros(()) if expected is None else expected
        found = torch.zeros(()) if found is None else found
        if not torch.allclose(expected.expand_as(found) + 0, found + 0, rtol=TOLERANCE, atol=TOLERANCE):
            wrong.append(name)
    return wrong


def _combinations() -> list[tuple[str, tuple[str, ...]]]:
    """Every machine with every mutation, and with random pairs of them: over 500."""
    rng = random.Random(0)
    single = [(machine, (mutation,)) for machine, mutation in itertools.product(MACHINES, MUTATIONS)]
    names = list(MUTATIONS)
    pairs = [(machine, (rng.choice(names), *first)) for machine, first in single[::PAIRS]]
    return single + pairs


@pytest.mark.parametrize("machine", MACHINES)
def test_a_changed_machine_runs_as_the_reference_does(machine: str) -> None:
    combinations = [pair for pair in _combinations() if pair[0] == machine]
    assert sum(1 for _ in _combinations()) >= 500
    failures, served = [], 0
    for seed, (name, mutations) in enumerate(combinations):
        expected = _run(*_mutated(name, mutations, seed), "reference", seed)
        found = _run(*_mutated(name, mutations, seed), "auto", seed)
        failures += [(mutations, wrong) for wrong in _differences(expected, found)]
        try:
            native = _run(*_mutated(name, mutations, seed), "native", seed)
        except EngineError:
            continue
        served += native.error is None
        failures += [(mutations, "native", wrong) for wrong in _differences(expected, native)]
    assert not failures
    assert served > 5, "a test in which the kernel never runs says nothing"


@pytest.mark.parametrize("machine", [name for name in MACHINES if "lstm" not in name])
def test_a_trace_never_changes_a_result(machine: str) -> None:
    for seed, mutation in enumerate(MUTATIONS):
        plain = _run(*_mutated(machine, (mutation,), seed), "auto", seed)
        traced = _run(*_mutated(machine, (mutation,), seed), "auto", seed, return_trace=True)
        assert not _differences(plain, traced), mutation


@pytest.mark.parametrize("kind", ["forward_hook", "forward_pre_hook", "full_backward_hook"])
def test_hooks_on_all_modules(kind: str) -> None:
    seen: dict[str, list[str]] = {"auto": [], "reference": []}
    for backend, calls in seen.items():
        machine, _ = _mutated("dnc", (), 1)
        names = {module: name for name, module in machine.named_modules()}

        def hook(
            module: nn.Module, *_: Any, names: dict[nn.Module, str] = names, calls: list[str] = calls
        ) -> None:
            calls.append(names.get(module, "?"))

        handle = getattr(nn.modules.module, f"register_module_{kind}")(hook)
        try:
            _run(machine, calls, backend, 1)
        finally:
            handle.remove()
    assert seen["auto"] == seen["reference"]
    assert "interface" in seen["auto"]


def test_a_hook_that_is_gone_is_forgotten() -> None:
    machine, calls = _mutated("ntm", (), 1)
    handle = machine.interface.register_forward_hook(lambda *_: None)  # type: ignore[union-attr]
    with pytest.raises(EngineError, match="interface has a hook"):
        _run(machine, calls, "native", 1)
    handle.remove()
    _run(machine, calls, "native", 1)


def test_a_patched_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method replaced on the stock class itself."""
    original = DNC._access
    monkeypatch.setattr(DNC, "_access", lambda *args: original(*args))
    with pytest.raises(EngineError, match=r"_access\(\) is overridden in this DNC"):
        _run(*_mutated("dnc", (), 1), "native", 1)


# Gradients through gradients, and torch.func.


def _machine(kind: str, backend: str) -> Machine:
    machine, _ = _mutated(kind, (), 5)
    machine.backend = backend
    return machine.eval()


@pytest.mark.parametrize("lengths", [None, [4, 3]], ids=["", "lengths"])
@pytest.mark.parametrize("given", [False, True], ids=["", "from a state"])
@pytest.mark.parametrize("kind", MACHINES)
def test_a_gradient_penalty(kind: str, given: bool, lengths: list[int] | None) -> None:
    """The gradient of a gradient's norm, with respect to x, to every weight and to the given state."""
    gradients = {}
    for backend in ("reference", "native"):
        machine = _machine(kind, backend)
        generator = torch.Generator().manual_seed(1)
        x = torch.randn(STEPS, BATCH, INPUT, generator=generator, dtype=torch.float64, requires_grad=True)
        leaves = [x, *machine.parameters()]
        state = None
        if given:
            start = map_state(
                lambda field: (field.detach() + 0.1).requires_grad_(), machine.initial_state(BATCH)
            )
            state = start
            leaves += list(tensors(start))
        y, final = machine(x, state, lengths=lengths)
        pulled = y.square().sum() + next(iter(tensors(final))).sum()
        first = torch.autograd.grad(pulled, x, create_graph=True)[0]
        penalty = (first.norm() - 1) ** 2
        gradients[backend] = torch.autograd.grad(penalty, leaves, allow_unused=True)
    for expected, found in zip(gradients["reference"], gradients["native"], strict=True):
        expected = torch.zeros_like(found) if expected is None and found is not None else expected
        found = torch.zeros_like(expected) if found is None and expected is not None else found
        if expected is not None and found is not None:
            torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-10)
    assert any(g is not None and g.abs().sum() > 0 for g in gradients["native"][1:])


def test_a_penalty_with_tied_weights() -> None:
    results = []
    for backend in ("reference", "native"):
        machine, _ = _mutated("dnc", ("tied",), 5)
        machine.backend = backend
        x = torch.ones(STEPS, BATCH, INPUT, dtype=torch.float64, requires_grad=True)
        gradient = torch.autograd.grad(machine(x)[0].square().sum(), x, create_graph=True)[0]
        gradient.square().sum().backward()
        results.append([parameter.grad for parameter in machine.parameters()])
    for expected, found in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("bound", ["clip_controller_gradient", "clip_weighting_gradient"])
def test_a_penalty_where_gradients_are_clipped_says_what_to_do(bound: str) -> None:
    dnc = DNC(INPUT, HIDDEN, **MEMORY, **{bound: 1.0})
    x = torch.ones(STEPS, BATCH, INPUT, requires_grad=True)
    with pytest.raises(EngineError, match=r'gradient through a gradient.*use backend="reference"'):
        torch.autograd.grad(dnc(x)[0].sum(), x, create_graph=True)
    dnc.backend = "reference"
    first = torch.autograd.grad(dnc(x)[0].sum(), x, create_graph=True)[0]
    first.square().sum().backward()


def test_gradgradcheck() -> None:
    dnc = DNC(
        2, 3, output_size=2, memory_size=3, word_size=2, num_reads=1, dtype=torch.float64, backend="native"
    )
    x = torch.randn(2, 1, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: dnc(x)[0], (x,))


@pytest.mark.parametrize("kind", ["dnc", "ntm", "deep lstm"])
def test_torch_func(kind: str) -> None:
    """grad, vmap, jvp and functional_call give what the reference gives."""
    x = torch.randn(STEPS, BATCH, INPUT, dtype=torch.float64)
    results: dict[str, list[Any]] = {}
    for backend in ("reference", "auto"):
        machine = _machine(kind, backend)
        parameters = {name: p.detach() for name, p in machine.named_parameters()}

        def loss(parameters: dict[str, Tensor], x: Tensor, machine: Machine = machine) -> Tensor:
            return functional_call(machine, parameters, (x,))[0].square().sum()

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's own, too
            gradients = grad(loss)(parameters, x)
            per_sample = vmap(grad(loss), in_dims=(None, 0))(parameters, torch.stack([x, 2 * x]))
            tangents = {name: torch.ones_like(p) for name, p in parameters.items()}
            _, tangent = jvp(lambda p: loss(p, x), (parameters,), (tangents,))
        plain = functional_call(machine, {name: p * 1.1 for name, p in parameters.items()}, (x,))[0]
        results[backend] = [*gradients.values(), *per_sample.values(), tangent, plain]
    for expected, found in zip(*results.values(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-10)


def test_torch_func_on_the_native_engine_says_what_to_do() -> None:
    machine = _machine("dnc", "native")
    parameters = {name: p.detach() for name, p in machine.named_parameters()}
    with pytest.raises(EngineError, match=r'torch\.func transforms.*use backend="auto"'):
        grad(lambda p: functional_call(machine, p, (torch.ones(2, 1, INPUT).double(),))[0].sum())(parameters)


def test_functional_call_reaches_the_weights() -> None:
    """Outside of a transform the kernel runs with the weights that the call puts in place, backward, too."""
    machine = _machine("ntm", "native")
    x = torch.randn(STEPS, BATCH, INPUT, dtype=torch.float64)
    others = {name: (p.detach() * 0.5).requires_grad_() for name, p in machine.named_parameters()}
    y = functional_call(machine, others, (x,))[0]
    gradient = torch.autograd.grad(y.square().sum(), list(others.values()), create_graph=True)
    again = torch.autograd.grad(sum(g.square().sum() for g in gradient), list(others.values()))
    assert all(g.abs().sum() > 0 for g in again[:2])
    machine.backend = "reference"
    y = functional_call(machine, others, (x,))[0]
    expected = torch.autograd.grad(y.square().sum(), list(others.values()), create_graph=True)
    torch.testing.assert_close(gradient, expected, rtol=1e-8, atol=1e-10)
    twice = torch.autograd.grad(sum(g.square().sum() for g in expected), list(others.values()))
    torch.testing.assert_close(again, twice, rtol=1e-7, atol=1e-9)


# What nn.LSTM takes.


@pytest.mark.parametrize("unbatched", [False, True], ids=["", "unbatched"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("kind", ["dnc", "ntm", "deep lstm"])
def test_autocast(kind: str, dtype: torch.dtype, unbatched: bool) -> None:
    """As nn.LSTM has it: takes what a layer under autocast gives, and returns that dtype; trains."""
    machine = MACHINES[kind]()
    layer = nn.Linear(INPUT, INPUT)
    x = torch.randn(STEPS, INPUT) if unbatched else torch.randn(STEPS, BATCH, INPUT)
    with torch.autocast("cpu", dtype=dtype):
        y, state = machine(layer(x))
        again, _ = machine(x, state)
    assert y.dtype == again.dtype == dtype
    assert {tensor.dtype for tensor in tensors(state)} == {torch.float32}
    y.float().sum().backward()
    assert layer.weight.grad is not None
    torch.testing.assert_close(y.float(), machine(layer(x).to(dtype).float())[0], rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("kind", MACHINES)
def test_half_precision_is_finite(kind: str, dtype: torch.dtype) -> None:
    machine = MACHINES[kind]().to(dtype).eval()
    x = torch.randn(20, BATCH, INPUT).to(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        y, state = machine(x)
    assert torch.isfinite(y).all()
    assert all(torch.isfinite(tensor).all() for tensor in tensors(state))
    exact, _ = machine.float()(x.float())
    assert (y.float() - exact).abs().max() < 0.1


@pytest.mark.parametrize("backend", ["auto", "native", "reference"])
@pytest.mark.parametrize("kind", MACHINES)
def test_no_sequences(kind: str, backend: str) -> None:
    machine = MACHINES[kind]()
    machine.backend = backend
    x = torch.zeros(STEPS, 0, INPUT, requires_grad=True)
    y, state = machine(x, lengths=torch.zeros(0, dtype=torch.int64))
    assert y.shape[:2] == (STEPS, 0)
    assert {len(tensor) for tensor in tensors(state)} == {0}
    y.sum().backward()
    again, _ = machine(x, state)
    assert again.shape == y.shape


@pytest.mark.parametrize("kind", MACHINES)
def test_states_share_nothing(kind: str) -> None:
    """A caller may write into a state: into one sequence, one head, one layer."""
    machine = MACHINES[kind]()
    with torch.no_grad():
        for state in (machine.initial_state(3), machine(torch.zeros(2, 3, INPUT))[1]):
            fields = [tensor for tensor in tensors(state) if tensor.numel()]
            before = [tensor.clone() for tensor in fields]
            for index, tensor in enumerate(fields):
                tensor[0] += 1
                for other, (now, was) in enumerate(zip(fields, before, strict=True)):
                    same = now[1:] if other == index else now
                    torch.testing.assert_close(same, was[1:] if other == index else was, rtol=0, atol=0)
                tensor[0] -= 1
                before[index] = tensor.clone()


def test_nothing_of_the_machines_changed_here_is_left() -> None:
    """The stock classes are as they were: mutations make subclasses."""
    for machine in (DNC(INPUT, HIDDEN, **MEMORY), NTM(INPUT, HIDDEN, **MEMORY)):
        machine.backend = "native"
        machine(torch.zeros(2, 1, INPUT))
