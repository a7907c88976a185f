"""Which engine runs a call, and what is said when it is not the native one."""

import warnings
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from tapehead import DNC, NTM, engine
from tapehead.engine import EngineError, dispatch, reference
from tapehead.engine.native import loader, ops
from tapehead.engine.triton import available
from tapehead.nn import DeepLSTM
from tests.engine.agreement import assert_close, assert_same_bits, everything


class Own(torch.nn.Module):
    """A controller of the user's own."""

    output_size = 6

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(input_size, self.output_size)

    def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> tuple:
        return ()

    def forward(self, inputs: torch.Tensor, state: tuple) -> tuple[torch.Tensor, tuple]:
        return self.layer(inputs).tanh(), state


def _own() -> tuple[Any, torch.Tensor]:
    return NTM(3, 6, output_size=2, memory_size=5, word_size=4, controller=Own(3 + 4)), torch.randn(4, 2, 3)


def _half(dtype: torch.dtype) -> tuple[Any, torch.Tensor]:
    return DNC(3, 6, output_size=2, memory_size=5, word_size=4, num_reads=2, dtype=dtype), torch.randn(
        4, 2, 3, dtype=dtype
    )


def _deep() -> tuple[Any, torch.Tensor]:
    return DeepLSTM(3, 2, output_size=2, num_layers=17), torch.randn(4, 2, 3)


REFUSED = pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_own, "the controller Own is your own"),
        (lambda: _half(torch.bfloat16), "float32 and float64, not in torch.bfloat16"),
        (lambda: _half(torch.float16), "float32 and float64, not in torch.float16"),
        (_deep, "at most 16 controller layers, not 17"),
    ],
    ids=["own controller", "bfloat16", "float16", "17 layers"],
)


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "_warned", set())
    monkeypatch.delenv(engine.BACKEND_VARIABLE, raising=False)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the engines that run, in order."""
    seen: list[str] = []
    for name, module in (("native", ops), ("reference", reference)):
        original = module.run

        def spy(*arguments: Any, name: str = name, original: Any = original, **named: Any) -> Any:
            seen.append(name)
            return original(*arguments, **named)

        monkeypatch.setattr(module, "run", spy)
    return seen


@REFUSED
def test_native_says_why_it_cannot(make: Any, reason: str) -> None:
    machine, x = make()
    machine.backend = "native"
    with pytest.raises(EngineError, match=reason) as caught:
        machine(x)
    assert type(machine).__name__ in str(caught.value)


@REFUSED
def test_auto_warns_once_and_gives_the_reference(make: Any, reason: str, runs: list[str]) -> None:
    machine, x = make()
    expected = everything(machine, "reference", x)
    with pytest.warns(RuntimeWarning, match=reason) as said:
        found = everything(machine, "auto", x)
    assert len(said) == 1
    assert_same_bits(expected, found)
    everything(machine, "auto", x)  # A second warning would be an error here.
    assert runs == ["reference"] * 3


def test_every_reason_is_said(runs: list[str]) -> None:
    for make in (_own, _deep):
        machine, x = make()
        with pytest.warns(RuntimeWarning, match="runs on the reference engine"):
            machine(x)


def test_sixteen_layers_are_served(runs: list[str]) -> None:
    machine = DeepLSTM(3, 2, output_size=2, num_layers=16).double()
    x = torch.randn(4, 2, 3).double()
    expected, found = (everything(machine, backend, x) for backend in ("reference", "native"))
    assert_close(expected, found, 1e-9)
    assert runs == ["reference", "native"]


def test_auto_is_the_default_and_takes_the_native_engine(runs: list[str]) -> None:
    NTM(3, 6, output_size=2, memory_size=5, word_size=4)(torch.randn(4, 2, 3))
    assert runs == ["native"]


@pytest.mark.parametrize(
    ("variable", "argument", "taken"),
    [
        ("reference", None, "reference"),
        ("native", None, "native"),
        ("auto", None, "native"),
        ("", None, "native"),
        ("reference", "native", "native"),
        ("reference", "auto", "native"),
        ("native", "reference", "reference"),
    ],
)
def test_the_variable_and_the_argument(
    variable: str, argument: str | None, taken: str, runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(engine.BACKEND_VARIABLE, variable)
    DNC(3, 6, output_size=2, memory_size=5, word_size=4, num_reads=2, backend=argument)(torch.randn(4, 2, 3))
    assert runs == [taken]


def test_the_variable_can_insist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(engine.BACKEND_VARIABLE, "native")
    machine, x = _own()
    with pytest.raises(EngineError, match="your own"):
        machine(x)


def test_unknown_backends_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="backend is 'cuda': choose one of auto, reference, native"):
        NTM(3, 6, output_size=2, backend="cuda")
    monkeypatch.setenv(engine.BACKEND_VARIABLE, "fast")
    with pytest.raises(ValueError, match="backend is 'fast'"):
        NTM(3, 6, output_size=2)(torch.randn(4, 2, 3))


@pytest.mark.parametrize(
    "make",
    [
        lambda: DNC(3, 6, output_size=2, memory_size=5, word_size=4, num_reads=2),
        lambda: NTM(3, 6, output_size=2, memory_size=5, word_size=4),
    ],
    ids=["dnc", "ntm"],
)
def test_a_traced_call_runs_on_the_reference(make: Any, runs: list[str]) -> None:
    machine, x = make().double(), torch.randn(4, 2, 3).double()
    machine.backend = "native"
    y, state = machine(x)
    traced_y, traced_state, trace = machine(x, return_trace=True)
    assert runs == ["native", "reference"]
    torch.testing.assert_close(y, traced_y, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(state.memory, traced_state.memory, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(trace.memory[-1], state.memory, rtol=1e-9, atol=1e-12)


def test_an_engine_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "_library", None)
    monkeypatch.setattr(loader, "_failure", "no C++ compiler was found")
    machine, x = DNC(3, 6, output_size=2, memory_size=5, word_size=4, num_reads=2), torch.randn(4, 2, 3)
    expected = everything(machine, "reference", x)
    with pytest.warns(RuntimeWarning, match=r"slower than the native one: no C\+\+ compiler"):
        assert_same_bits(expected, everything(machine, "auto", x))
    with pytest.raises(EngineError, match=r"cannot run this DNC: no C\+\+ compiler"):
        everything(machine, "native", x)


def test_a_warning_turned_off_is_no_error() -> None:
    machine, x = _own()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        machine(x)


def test_too_many_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ops, "_SLOT_LIMIT", 4)
    with pytest.raises(EngineError, match="at most 4 memory slots, not 5"):
        NTM(3, 6, output_size=2, memory_size=5, word_size=4, backend="native")(torch.randn(4, 2, 3))


def test_states_that_would_be_misread_are_refused() -> None:
    narrow, wide = (
        NTM(3, 6, output_size=2, memory_size=5, word_size=4, backend="native"),
        NTM(3, 6, output_size=2, memory_size=5, word_size=4, backend="native").double(),
    )
    x = torch.randn(4, 2, 3)
    with pytest.raises(
        ValueError, match=r"state.memory is torch.float64 on cpu, but the weights are torch.float32"
    ):
        narrow(x, wide.initial_state(2))
    with pytest.raises(
        ValueError, match=r"state.memory is torch.float32 on cpu, but the weights are torch.float64"
    ):
        wide(x.double(), narrow.initial_state(2))
    state = narrow.initial_state(2)
    for controller in ((), state.controller * 2, ((torch.zeros(1, 6), torch.zeros(1, 6)),)):
        with pytest.raises(ValueError, match=r"state\.controller.* needed here"):
            narrow(x, state._replace(controller=controller))
    narrow.interface.double()
    with pytest.raises(EngineError, match=r"some weights are not torch.float32 on cpu"):
        narrow(x)


class TestOnACudaDevice:
    """Which engine is chosen for a tensor on one; it need not exist for that."""

    @pytest.fixture
    def x(self) -> torch.Tensor:
        with FakeTensorMode():
            return torch.empty(4, 2, 3, device="cuda")

    @pytest.fixture
    def machine(self) -> NTM:
        return NTM(3, 6, output_size=2, memory_size=5, word_size=4)

    def test_auto_takes_triton_where_it_serves(
        self, machine: NTM, x: torch.Tensor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(available, "unsupported_reason", lambda *_: None)
        for backend in (None, "auto", "triton"):
            kernel = dispatch._kernel(machine, x, None, None, backend)
            assert kernel is not None
            assert kernel.engine == "triton"

    def test_else_the_reference_and_says_so_once(
        self, machine: NTM, x: torch.Tensor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(available, "unsupported_reason", lambda *_: "Triton is not installed")
        with pytest.warns(
            RuntimeWarning, match="slower than the Triton one: Triton is not installed"
        ) as said:
            assert dispatch._kernel(machine, x, None, None, "auto") is None
        assert len(said) == 1
        assert dispatch._kernel(machine, x, None, None, "auto") is None  # A warning would be an error here.
        with pytest.raises(
            EngineError, match="the Triton engine cannot run this NTM: Triton is not installed"
        ):
            dispatch._kernel(machine, x, None, None, "triton")

    def test_the_native_engine_has_nothing_for_it(self, machine: NTM, x: torch.Tensor) -> None:
        with pytest.raises(EngineError, match="cannot run this NTM: it has no kernel for cuda tensors"):
            dispatch._kernel(machine, x, None, None, "native")


def test_triton_has_nothing_for_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    machine = NTM(3, 6, output_size=2, memory_size=5, word_size=4, backend="triton")
    with pytest.raises(
        EngineError, match="the Triton engine cannot run this NTM: Triton has no kernels for cpu"
    ):
        machine(torch.randn(4, 2, 3))
