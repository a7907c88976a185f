"""What was found out about a machine holds until something of it changes, in whatever way."""

import contextlib
import copy
import gc
import io
import itertools
import random
import weakref
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.modules import module as torch_module

from tapehead import DNC, NTM
from tapehead.nn import kernel
from tests.engine.agreement import assert_same_bits
from tests.engine.mutations import HIDDEN, INPUT, MACHINES, MEMORY, MUTATIONS
from tests.engine.prepared import WARM, a_machine, a_start, assert_as_afresh, counted, outcome_of, warm
from tests.engine.test_mutations import _differences, _mutated
from tests.nn.machines import tensors

EACH = pytest.mark.parametrize("name", MACHINES)


@EACH
def test_a_machine_changed_between_two_calls(name: str) -> None:
    """Every way to change a machine, after its call was prepared: what it gives is what it now says."""
    failures = []
    for seed, mutation in enumerate(MUTATIONS):
        machine, calls = _mutated(name, (), seed)
        machine.eval()
        x, state = a_start(machine)
        warm(machine, x, state)
        machine = MUTATIONS[mutation](machine, random.Random(seed), calls) or machine
        for again in range(WARM):
            found = outcome_of(machine, calls, x, state, prepared=True)
            expected = outcome_of(machine, calls, x, state, prepared=False)
            machine.backend = "reference"
            reference = outcome_of(machine, calls, x, state, prepared=False)
            machine.backend = None
            wrong = _differences(expected, found)
            wrong += _differences(reference, expected) if expected.error is None else []
            failures += [(mutation, again, wrong)] if wrong else []
    assert not failures


def _stride(parameter: nn.Parameter) -> None:
    parameter.data = parameter.data.t().contiguous().t()


CHANGES_OF_NUMBERS: dict[str, Callable[[Any], Any]] = {
    "in place": lambda m: m.interface.weight.data.mul_(1.5),
    "behind autograd's back": lambda m: m.interface.weight.data.numpy().fill(0.25),
    "other data": lambda m: setattr(m.interface.weight, "data", m.interface.weight.data * 1.5),
    "data of other strides": lambda m: _stride(m.output_from_reads.weight),
    "a state loaded": lambda m: m.load_state_dict({k: 1.5 * v for k, v in m.state_dict().items()}),
    "a state assigned": lambda m: m.load_state_dict(
        {k: 1.5 * v for k, v in m.state_dict().items()}, assign=True
    ),
    "drawn anew": lambda m: m.reset_parameters(),
    "another parameter": lambda m: setattr(m.interface, "bias", nn.Parameter(1.5 * m.interface.bias.data)),
    "frozen": lambda m: m.requires_grad_(False),
}


@pytest.mark.parametrize("change", CHANGES_OF_NUMBERS)
def test_numbers_changed_between_two_calls(change: str) -> None:
    machine = a_machine()
    x, state = a_start(machine)
    warm(machine, x, state)
    before = outcome_of(machine, [], x, state, prepared=True)
    CHANGES_OF_NUMBERS[change](machine)
    for _ in range(WARM):
        now = assert_as_afresh(machine, [], x, state)
    same = torch.equal(before.tensors["y"], now.tensors["y"])  # type: ignore[arg-type]
    assert same == (change in ("data of other strides", "frozen"))


def _patched_by_hand(machine: Any) -> None:
    """As people take hooks off: a new dictionary. The next hook is registered there."""
    machine.interface._forward_hooks = type(machine.interface._forward_hooks)()
    machine.interface.register_forward_hook(lambda module, args, y: y * 0.5)


def _renamed(machine: Any) -> None:
    """An attribute under another name, all else being the same."""
    function = vars(machine).pop("kept_for_later")
    vars(machine)["step"] = function


def _other_attributes(machine: Any) -> None:
    """All attributes of a layer replaced at once."""
    machine.interface.__dict__ = {**vars(machine.interface), "forward": lambda x: machine.other(x)}


CHANGES_OF_STRUCTURE: dict[str, Callable[[Any], Any]] = {
    "hook dictionary": _patched_by_hand,
    "renamed": _renamed,
    "other attributes": _other_attributes,
    "bias that is broadcast": lambda m: setattr(m.interface.bias, "data", torch.ones(1, dtype=torch.float64)),
    "class of a layer": lambda m: setattr(m.interface, "__class__", type("Mine", (nn.Linear,), {})),
    "class of a parameter": lambda m: setattr(
        m.interface.weight, "__class__", type("Mine", (nn.Parameter,), {})
    ),
    "parameter dictionary": lambda m: setattr(
        m.interface, "_parameters", {k: nn.Parameter(2 * v.data) for k, v in m.interface._parameters.items()}
    ),
    "renamed parameter": lambda m: m.interface._parameters.update(other=m.interface._parameters.pop("bias")),
    "incomparable attribute": lambda m: setattr(m, "mine", torch.ones(3)),
}


@pytest.mark.parametrize("change", CHANGES_OF_STRUCTURE)
def test_structure_changed_between_two_calls(change: str) -> None:
    machine: Any = a_machine()
    other = nn.Linear(HIDDEN, machine.interface.out_features, dtype=torch.float64)
    object.__setattr__(machine, "other", other)
    step = machine.step
    machine.mine = torch.zeros(3)
    machine.kept_for_later = lambda x, state: (step(x, state)[0] * 0.5, *step(x, state)[1:])
    x, state = a_start(machine)
    warm(machine, x, state)
    CHANGES_OF_STRUCTURE[change](machine)
    for _ in range(WARM):
        with counted() as served:
            found = outcome_of(machine, [], x, state, prepared=True)
        machine.backend = "reference"
        expected = outcome_of(machine, [], x, state, prepared=False)
        machine.backend = None
        assert not _differences(expected, found)
    assert len(served) == (change in ("incomparable attribute", "parameter dictionary"))


def test_classes_and_hooks_of_all_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = a_machine("dnc")
    x, state = a_start(machine)
    warm(machine, x, state)
    before = outcome_of(machine, [], x, state, prepared=True)
    access, linear = DNC._access, nn.Linear.forward

    with monkeypatch.context() as patched:
        patched.setattr(DNC, "_access", lambda *args: (access(*args)[0], *access(*args)[1:]))
        with counted() as served:
            assert_as_afresh(machine, [], x, state)
        assert not served
    with monkeypatch.context() as patched:
        patched.setattr(nn.Linear, "forward", lambda self, x: 2 * linear(self, x))
        assert not torch.equal(assert_as_afresh(machine, [], x, state).tensors["y"], before.tensors["y"])  # type: ignore[arg-type]
    handle = torch_module.register_module_forward_hook(
        lambda module, args, y: 2 * y if isinstance(module, nn.Linear) else None
    )
    try:
        assert not torch.equal(assert_as_afresh(machine, [], x, state).tensors["y"], before.tensors["y"])  # type: ignore[arg-type]
    finally:
        handle.remove()
    warm(machine, x, state)
    assert not _differences(before, outcome_of(machine, [], x, state, prepared=True))


@pytest.mark.parametrize("way", ["deepcopy", "pickle", "float32 and back", "float32"])
def test_copies_and_conversions(way: str) -> None:
    machine = a_machine()
    x, state = a_start(machine)
    warm(machine, x, state)
    if way == "deepcopy":
        machine = copy.deepcopy(machine)
    elif way == "pickle":
        buffer = io.BytesIO()
        torch.save(machine, buffer)
        machine = torch.load(io.BytesIO(buffer.getvalue()), weights_only=False)
    else:
        machine.float()
        found = assert_as_afresh(machine, [], x, state)
        assert "float64" in str(found.error), "x is of the dtype of before"
        if way == "float32 and back":
            machine.double()
        else:
            x, state = x.float(), state.to(torch.float32)
    with torch.no_grad():
        next(machine.parameters()).mul_(0.5)
    for _ in range(WARM):
        assert_as_afresh(machine, [], x, state)


def test_subclasses_are_not_remembered() -> None:
    """A property may stand for a switch there: only asking all of it tells."""
    sharp = [False]

    class Mine(NTM):
        @property
        def read_first(self) -> bool:
            return sharp[0]

        @read_first.setter
        def read_first(self, value: bool) -> None: ...

    machine = Mine(INPUT, HIDDEN, **MEMORY).double()
    x, state = a_start(machine)
    with counted() as served:
        found = []
        for value in (False, False, False, True):
            sharp[0] = value
            found.append(assert_as_afresh(machine, [], x, state))
    assert not served
    assert not torch.equal(found[0].tensors["y"], found[-1].tensors["y"])  # type: ignore[arg-type]


def test_a_machine_that_is_gone_is_forgotten() -> None:
    machine: Any = a_machine()
    x, state = a_start(machine)
    warm(machine, x, state)
    seen = weakref.ref(machine), weakref.ref(machine.interface.weight)
    gc.collect()
    gc.disable()
    try:
        del machine
        assert [ref() for ref in seen] == [None, None]
    finally:
        gc.enable()


def test_weights_that_come_from_a_graph_are_not_kept() -> None:
    machine = a_machine()
    x, state = a_start(machine)
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    weights = {name: parameter * scale for name, parameter in machine.named_parameters()}
    with torch.no_grad():
        for _ in range(WARM):
            functional_call(machine, weights, (x, state))
    seen = weakref.ref(weights["interface.weight"])
    gc.collect()
    del weights
    assert seen() is None


def test_gradients_are_those_of_before() -> None:
    """A remembered description serves training, too."""
    found = []
    for remembered in (True, False):
        machine = a_machine("dnc, variants")
        x, state = a_start(machine, 2, 3)
        with contextlib.nullcontext() if remembered else mock.patch.object(kernel, "_KNOWN", {}):
            for _ in range(2):
                machine.zero_grad()
                y, final = machine(x, state)
                (y.square().sum() + sum(tensor.sum() for tensor in tensors(final))).backward()
                with torch.no_grad():
                    for parameter in machine.parameters():
                        parameter -= 0.01 * parameter.grad  # type: ignore[operator]
        found.append({name: parameter.grad for name, parameter in machine.named_parameters()})
    assert_same_bits(*found)


def test_what_is_known_is_found_again() -> None:
    """Asked again, a machine gives the same description as long as nothing changes, and another one then."""
    machine = a_machine()
    specs = [machine.kernel_spec() for _ in range(3)]
    assert all(one is other for one, other in itertools.pairwise(specs))
    assert machine.kernel_spec(11) is not specs[0]
    assert machine.kernel_spec(11).memory_size == 11  # type: ignore[union-attr]
    machine.read_first = True  # type: ignore[attr-defined]
    assert machine.kernel_spec() is not specs[0]
    assert machine.kernel_spec().read_first  # type: ignore[union-attr]
