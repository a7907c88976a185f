"""Calls without gradients that are made again and again: to the bit as those made for the first time."""

import contextlib
import copy
import gc
import io
import itertools
import random
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.modules import module as torch_module

from tapehead import DNC, NTM, engine
from tapehead.engine import dispatch
from tapehead.engine.native.prepared import Prepared
from tapehead.nn import Machine, kernel
from tapehead.types import map_state
from tests.engine.agreement import assert_same_bits, poisoned, random_state
from tests.engine.mutations import HIDDEN, INPUT, MACHINES, MEMORY, MUTATIONS
from tests.engine.test_mutations import Outcome, _differences, _mutated
from tests.nn.machines import tensors

EACH = pytest.mark.parametrize("name", MACHINES)
WARM = 3
"""Calls after which the next one like them is prepared."""


@contextlib.contextmanager
def counted() -> Iterator[list[Prepared]]:
    """The prepared calls that served within."""
    served: list[Prepared] = []
    run = Prepared.run

    def counting(self: Prepared, x: Tensor, state: Any) -> Any:
        found = run(self, x, state)
        served.extend([self] * (found is not None))
        return found

    with mock.patch.object(Prepared, "run", counting):
        yield served


def _warm(machine: Machine, x: Tensor, state: Any) -> None:
    """Call until the call is prepared."""
    with torch.no_grad(), counted() as served:
        for _ in range(WARM):
            machine(x, state)
    assert served, "a test in which nothing is prepared says nothing"


def _machine(name: str = "ntm") -> Machine:
    machine, _ = _mutated(name, (), 3)
    return machine.eval()


def _start(machine: Machine, batch_size: int = 2, steps: int = 1) -> tuple[Tensor, Any]:
    generator = torch.Generator().manual_seed(8)
    dtype = next(machine.parameters()).dtype
    x = torch.randn(steps, batch_size, machine.input_size, generator=generator, dtype=torch.float64)
    return x.to(dtype), random_state(machine, batch_size)


def _outcome(machine: Machine, calls: list[str], x: Tensor, state: Any, *, prepared: bool) -> Outcome:
    """A call without gradients, by a prepared one where there is one, or as if there was none."""
    torch.manual_seed(5)  # of dropout
    calls.clear()
    afresh = mock.patch.object(dispatch, "_PREPARED", {})
    unknown = mock.patch.object(kernel, "_KNOWN", {})
    try:
        with torch.no_grad(), contextlib.ExitStack() as stack:
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore", RuntimeWarning)
            for patch in () if prepared else (afresh, unknown):
                stack.enter_context(patch)
            y, final = machine(x, state)
    except Exception as error:
        return Outcome({}, list(calls), f"{type(error).__name__}: {error}")
    found: dict[str, Tensor | None] = {f"state {i}": tensor for i, tensor in enumerate(tensors(final))}
    return Outcome({"y": y, **found}, list(calls), None)


def _assert_as_afresh(machine: Machine, calls: list[str], x: Tensor, state: Any) -> Outcome:
    """A call gives what it gives where nothing was prepared, bit for bit; that is returned."""
    found = _outcome(machine, calls, x, state, prepared=True)
    expected = _outcome(machine, calls, x, state, prepared=False)
    assert found.calls == expected.calls
    assert found.error == expected.error
    assert_same_bits(expected.tensors, found.tensors)
    return expected


@EACH
@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_calls_in_a_loop(name: str, steps: int, batch_size: int, dtype: torch.dtype) -> None:
    machine = _machine(name).to(dtype)
    x, state = _start(machine, batch_size, steps * 9)
    kept = [tensor.clone() for tensor in tensors(state)]
    runs = []
    for prepared in (True, False):
        found, now = [], state
        with counted() as served, poisoned(), torch.no_grad():
            for part in x.split(steps):
                with contextlib.nullcontext() if prepared else mock.patch.object(dispatch, "_PREPARED", {}):
                    y, now = machine(part, now)
                found += [y, *tensors(now)]
        assert len(served) == (7 if prepared else 0)
        assert type(now) is type(state)
        assert not any(tensor.requires_grad for tensor in found)
        runs.append({str(i): tensor for i, tensor in enumerate(found)})
    assert_same_bits(*reversed(runs))
    assert all(torch.equal(one, other) for one, other in zip(kept, tensors(state), strict=True))
    storages = {tensor.untyped_storage().data_ptr() for tensor in runs[0].values() if tensor.numel()}
    assert len(storages) == sum(tensor.numel() > 0 for tensor in runs[0].values()), "each has its own memory"


@EACH
def test_a_machine_changed_between_two_calls(name: str) -> None:
    """Every way to change a machine, after its call was prepared: what it gives is what it now says."""
    failures = []
    for seed, mutation in enumerate(MUTATIONS):
        machine, calls = _mutated(name, (), seed)
        machine.eval()
        x, state = _start(machine)
        _warm(machine, x, state)
        machine = MUTATIONS[mutation](machine, random.Random(seed), calls) or machine
        for again in range(WARM):
            found = _outcome(machine, calls, x, state, prepared=True)
            expected = _outcome(machine, calls, x, state, prepared=False)
            machine.backend = "reference"
            reference = _outcome(machine, calls, x, state, prepared=False)
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
    machine = _machine()
    x, state = _start(machine)
    _warm(machine, x, state)
    before = _outcome(machine, [], x, state, prepared=True)
    CHANGES_OF_NUMBERS[change](machine)
    for _ in range(WARM):
        now = _assert_as_afresh(machine, [], x, state)
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
    "incomparable attribute": lambda m: setattr(m, "mine", torch.ones(3)),
}


@pytest.mark.parametrize("change", CHANGES_OF_STRUCTURE)
def test_structure_changed_between_two_calls(change: str) -> None:
    machine: Any = _machine()
    other = nn.Linear(HIDDEN, machine.interface.out_features, dtype=torch.float64)
    object.__setattr__(machine, "other", other)
    step = machine.step
    machine.mine = torch.zeros(3)
    machine.kept_for_later = lambda x, state: (step(x, state)[0] * 0.5, *step(x, state)[1:])
    x, state = _start(machine)
    _warm(machine, x, state)
    CHANGES_OF_STRUCTURE[change](machine)
    for _ in range(WARM):
        with counted() as served:
            found = _outcome(machine, [], x, state, prepared=True)
        machine.backend = "reference"
        expected = _outcome(machine, [], x, state, prepared=False)
        machine.backend = None
        assert not _differences(expected, found)
    assert len(served) == (change in ("incomparable attribute", "parameter dictionary"))


def test_classes_and_hooks_of_all_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = _machine("dnc")
    x, state = _start(machine)
    _warm(machine, x, state)
    before = _outcome(machine, [], x, state, prepared=True)
    access, linear = DNC._access, nn.Linear.forward

    with monkeypatch.context() as patched:
        patched.setattr(DNC, "_access", lambda *args: (access(*args)[0], *access(*args)[1:]))
        with counted() as served:
            _assert_as_afresh(machine, [], x, state)
        assert not served
    with monkeypatch.context() as patched:
        patched.setattr(nn.Linear, "forward", lambda self, x: 2 * linear(self, x))
        assert not torch.equal(_assert_as_afresh(machine, [], x, state).tensors["y"], before.tensors["y"])  # type: ignore[arg-type]
    handle = torch_module.register_module_forward_hook(
        lambda module, args, y: 2 * y if isinstance(module, nn.Linear) else None
    )
    try:
        assert not torch.equal(_assert_as_afresh(machine, [], x, state).tensors["y"], before.tensors["y"])  # type: ignore[arg-type]
    finally:
        handle.remove()
    _warm(machine, x, state)
    assert not _differences(before, _outcome(machine, [], x, state, prepared=True))


@pytest.mark.parametrize("way", ["deepcopy", "pickle", "float32 and back", "float32"])
def test_copies_and_conversions(way: str) -> None:
    machine = _machine()
    x, state = _start(machine)
    _warm(machine, x, state)
    if way == "deepcopy":
        machine = copy.deepcopy(machine)
    elif way == "pickle":
        buffer = io.BytesIO()
        torch.save(machine, buffer)
        machine = torch.load(io.BytesIO(buffer.getvalue()), weights_only=False)
    else:
        machine.float()
        found = _assert_as_afresh(machine, [], x, state)
        assert "float64" in str(found.error), "x is of the dtype of before"
        if way == "float32 and back":
            machine.double()
        else:
            x, state = x.float(), state.to(torch.float32)
    with torch.no_grad():
        next(machine.parameters()).mul_(0.5)
    for _ in range(WARM):
        _assert_as_afresh(machine, [], x, state)


def _swapped(state: Any) -> Any:
    return state._replace(controller=tuple(tuple(reversed(layer)) for layer in state.controller))


BAD: dict[str, Callable[[Tensor, Any], tuple[Any, Any]]] = {
    "dtype of x": lambda x, s: (x.float(), s),
    "features of x": lambda x, s: (x[..., 1:], s),
    "batch of x": lambda x, s: (x[:, :1], s),
    "axes of x": lambda x, s: (x[None], s),
    "state of nn.LSTM": lambda x, s: (x, s.controller[0]),
    "tuple": lambda x, s: (x, tuple(s)),
    "list of layers": lambda x, s: (x, s._replace(controller=list(s.controller))),
    "flat controller": lambda x, s: (x, s._replace(controller=tuple((h,) for h in s.controller[0]))),
    "layers of the controller": lambda x, s: (x, s._replace(controller=s.controller * 2)),
    "no controller": lambda x, s: (x, s._replace(controller=None)),
    "dtype of the memory": lambda x, s: (x, s._replace(memory=s.memory.float())),
    "shape of the memory": lambda x, s: (x, s._replace(memory=s.memory[:, :, 1:])),
    "a number": lambda x, s: (x, s._replace(memory=0.0)),
    "device": lambda x, s: (x, s._replace(memory=s.memory.to("meta"))),
}
GOOD: dict[str, Callable[[Tensor, Any], tuple[Any, Any]]] = {
    "more slots": lambda x, s: (x, _of_slots(s, 9)),
    "strided x": lambda x, s: (x.repeat(1, 1, 2)[..., ::2], s),
    "strided memory": lambda x, s: (x, s._replace(memory=s.memory.mT.contiguous().mT)),
    "swapped": lambda x, s: (x, _swapped(s)),
    "gradients asked of x": lambda x, s: (x.clone().requires_grad_(), s),
    "parameter": lambda x, s: (x, s._replace(memory=nn.Parameter(s.memory))),
}


def _of_slots(state: Any, slots: int) -> Any:
    grown = {
        name: nn.functional.pad(getattr(state, name), (0, slots - state.memory.shape[1]))
        for name in ("write_weights", "read_weights")
    }
    memory = nn.functional.pad(state.memory, (0, 0, 0, slots - state.memory.shape[1]))
    return state._replace(memory=memory, **grown)


@pytest.mark.parametrize("case", [*BAD, *GOOD])
def test_other_arguments(case: str) -> None:
    """What does not fit is refused in the same words; what fits is served."""
    machine = _machine()
    x, state = _start(machine)
    _warm(machine, x, state)
    for _ in range(WARM):
        found = _assert_as_afresh(machine, [], *(BAD | GOOD)[case](x, state))
        assert (found.error is None) == (case in GOOD)
        with counted() as served:
            _assert_as_afresh(machine, [], x, state)
        assert case == "more slots" or len(served) == 1, "the call of before is still prepared"


@pytest.mark.filterwarnings("ignore:`torch.jit.trace:DeprecationWarning")
def test_what_a_call_is_made_within(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = _machine()
    x, state = _start(machine)
    _warm(machine, x, state)
    with counted() as served:
        y, _ = machine(x, state)
        assert y.requires_grad
        with torch.no_grad():
            with torch.autocast("cpu", dtype=torch.bfloat16):
                assert machine(x, state)[0].dtype == torch.bfloat16
            dispatch._warned.clear()
            with pytest.warns(RuntimeWarning, match=r"torch\.func"):
                vmap(lambda one: machine(one, state)[0])(x[None])
            machine(x, state, lengths=[1, 1])
            machine(x, state, memory_size=state.memory.shape[1])
            assert machine(x, state, return_trace=True)[2] is not None
            monkeypatch.setenv(engine.BACKEND_VARIABLE, "reference")
            machine(x, state)
            monkeypatch.delenv(engine.BACKEND_VARIABLE)
            machine.backend = "reference"
            machine(x, state)
            machine.backend = None
            with pytest.raises(ValueError, match="memory_size=7"):
                machine(x, state, memory_size=7)
            with pytest.raises(RuntimeError, match=r"torch\.jit\.trace"):
                torch.jit.trace(machine, (x, state))  # type: ignore[no-untyped-call]
    assert not served
    with counted() as served, torch.inference_mode():
        assert machine(x, state)[0].is_inference() == bool(not served)


def test_unbatched_and_batch_first() -> None:
    for batch_first in (False, True):
        machine = NTM(INPUT, HIDDEN, batch_first=batch_first, **MEMORY).double()
        x, state = _start(machine, 2, 2)
        for given, start in (
            (x, state),
            (x[:, 0], map_state(lambda field: field[0], random_state(machine, 1))),
        ):
            with counted() as served:
                for _ in range(WARM):
                    _assert_as_afresh(machine, [], given, start)
            assert served


def test_shapes_in_turn() -> None:
    """Calls of several shapes stay prepared, up to a number; beyond they are given up."""
    machine = _machine()
    state = random_state(machine, 2)
    lengths = range(1, dispatch.MAX_PREPARED + 1)
    x, _ = _start(machine, 2, lengths[-1] + 1)
    with torch.no_grad():
        for steps in (*lengths, *lengths):
            machine(x[:steps], state)
        with counted() as served:
            for steps in lengths:
                machine(x[:steps], state)
        assert len(served) == len(lengths)
        machine(x, state)
    assert list(dispatch._PREPARED[machine].calls) == [x.shape]


def test_threads_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = _machine()
    x, state = _start(machine, 8, 4)
    _warm(machine, x, state)
    one = _assert_as_afresh(machine, [], x, state)
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        with counted() as served:
            other = _assert_as_afresh(machine, [], x, state)
        assert not served
    finally:
        torch.set_num_threads(before)
    assert not _differences(one, other)


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
    x, state = _start(machine)
    with counted() as served:
        found = []
        for value in (False, False, False, True):
            sharp[0] = value
            found.append(_assert_as_afresh(machine, [], x, state))
    assert not served
    assert not torch.equal(found[0].tensors["y"], found[-1].tensors["y"])  # type: ignore[arg-type]


def test_a_machine_that_is_gone_is_forgotten() -> None:
    machine: Any = _machine()
    x, state = _start(machine)
    _warm(machine, x, state)
    seen = weakref.ref(machine), weakref.ref(machine.interface.weight)
    gc.collect()
    gc.disable()
    try:
        del machine
        assert [ref() for ref in seen] == [None, None]
    finally:
        gc.enable()


def test_weights_that_come_from_a_graph_are_not_kept() -> None:
    machine = _machine()
    x, state = _start(machine)
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
        machine = _machine("dnc, variants")
        x, state = _start(machine, 2, 3)
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
    machine = _machine()
    specs = [machine.kernel_spec() for _ in range(3)]
    assert all(one is other for one, other in itertools.pairwise(specs))
    assert machine.kernel_spec(11) is not specs[0]
    assert machine.kernel_spec(11).memory_size == 11  # type: ignore[union-attr]
    machine.read_first = True  # type: ignore[attr-defined]
    assert machine.kernel_spec() is not specs[0]
    assert machine.kernel_spec().read_first  # type: ignore[union-attr]
