"""The Triton engine against the reference, in Triton's interpreter: outputs, states, every gradient.

``make test-triton`` runs it; ``make test`` does not. tests/engine/test_triton_build.py compiles the kernels.
"""

import copy
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from tapehead import DNC, NTM, engine
from tapehead.engine import EngineError, dispatch, reference
from tapehead.engine.triton import available
from tapehead.functional import allocation_weights
from tapehead.nn import DeepLSTM
from tapehead.types import map_state
from tests.engine.agreement import TOLERANCE, assert_close, everything, random_state
from tests.engine.test_native import CASES
from tests.engine.test_no_sync import Watch
from tests.nn.machines import MACHINES, tensors

pytestmark = pytest.mark.triton

STEPS, BATCH = 3, 2
SLOW = ("dnc, eleven reads", "dnc, six reads", "ntm, six reads")
"""Many heads, one after another: what two and three show, at five times the price."""
SERVED = [name for name in CASES if name not in SLOW and "sparse" not in name]


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "_warned", set())
    monkeypatch.delenv(engine.BACKEND_VARIABLE, raising=False)


def _machine(make: Callable[[], Any], dtype: torch.dtype, scale: float = 2) -> Any:
    """Weights twice as large as PyTorch makes them: the gates leave their middle."""
    machine = make().to(dtype)
    with torch.no_grad():
        for parameter in machine.parameters():
            parameter.copy_(scale * torch.where(parameter == 0, torch.randn_like(parameter), parameter))
    return machine


def _assert_agree(machine: Any, x: torch.Tensor, state: Any = None, **call: Any) -> None:
    expected = everything(machine, "reference", x, state, **call)
    found = everything(machine, "triton", x, state, **call)
    truth = None
    if x.dtype == torch.float32:
        wide = None if state is None else map_state(torch.Tensor.double, state)
        truth = everything(copy.deepcopy(machine).double(), "reference", x.double(), wide, **call)
    assert_close(expected, found, TOLERANCE[x.dtype], truth)


def _whole() -> Any:
    """The module, which imports Triton."""
    from tapehead.engine.triton import whole

    return whole


@pytest.mark.parametrize("case", SERVED)
def test_agrees_from_any_state(case: str) -> None:
    """In float64 to nine digits, with sequences of several lengths, and NaN in the padding."""
    machine = _machine(CASES[case], torch.float64)
    x = torch.randn(STEPS, BATCH, machine.input_size, dtype=torch.float64)
    x[2:, 1] = float("nan")
    _assert_agree(machine, x, random_state(machine, BATCH), lengths=torch.tensor([3, 2]))


@pytest.fixture
def by_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel a step, for machines that are small enough for one kernel."""
    monkeypatch.setattr(_whole(), "WEIGHT_LIMIT", 0)


@pytest.mark.parametrize(
    "case",
    [
        "ntm, many heads",
        "ntm, write gates, read first, no shift",
        "ntm, no shift, feed-forward",
        "ntm, learned start, clipped",
        "ntm, shifts wider than the memory",
    ],
)
@pytest.mark.usefixtures("by_steps")
def test_a_small_ntm_step_by_step(case: str) -> None:
    """What one kernel does for it in the other tests; five steps are three segments."""
    machine = _machine(CASES[case], torch.float64)
    x = torch.randn(5, BATCH, machine.input_size, dtype=torch.float64)
    x[4:, 1] = float("nan")
    _assert_agree(machine, x, random_state(machine, BATCH), lengths=torch.tensor([5, 4]))


@pytest.mark.parametrize("case", ["ntm, many heads", "ntm, no shift, feed-forward", "ntm, reads not fed"])
def test_products_in_several_blocks(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """More rows and columns than a block has, and neither a multiple of it."""
    monkeypatch.setattr(_whole(), "ROWS", 2)
    monkeypatch.setattr(_whole(), "COLUMNS", 4)
    machine = _machine(CASES[case], torch.float64)
    x = torch.randn(2, 1, machine.input_size, dtype=torch.float64)
    _assert_agree(machine, x, random_state(machine, 1))


def test_which_machines_one_kernel_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small NTMs; the launches say so."""
    whole, sizes = _whole(), {"output_size": 8, "device": "meta"}
    copy_size = NTM(9, 100, **sizes).kernel_spec()
    assert whole.serves(copy_size, 128)
    assert whole.serves(NTM(9, 100, controller="feedforward", **sizes).kernel_spec(), 128)
    assert not whole.serves(copy_size, 129), "256 slots of 32, rounded up"
    assert not whole.serves(NTM(9, 256, **sizes).kernel_spec(), 128)
    assert not whole.serves(NTM(9, 100, word_size=33, **sizes).kernel_spec(), 128)
    assert not whole.serves(DNC(9, 8, memory_size=8, **sizes).kernel_spec(), 8)
    passes: list[str] = []
    for name in ("forward", "backward"):
        plain = getattr(whole.Whole, name)
        monkeypatch.setattr(
            whole.Whole, name, lambda *given, plain=plain, name=name: passes.append(name) or plain(*given)
        )
    machine = NTM(2, 3, output_size=2, memory_size=3, word_size=2, backend="triton")
    machine(torch.randn(3, 1, 2))[0].sum().backward()
    assert passes == ["forward", "backward"]
    monkeypatch.setattr(whole, "WEIGHT_LIMIT", 0)
    machine(torch.randn(3, 1, 2))[0].sum().backward()
    assert passes == ["forward", "backward"]


@pytest.mark.parametrize("case", ["dnc", "ntm", "ntm, no shift, feed-forward", "deep lstm"])
def test_bfloat16_is_computed_in_float32(case: str) -> None:
    """Outputs, states and gradients within 1 % of the reference in float32 with the same weights, which is
    what rounding them makes; the reference in bfloat16, memory and all, is off by up to 7 % here."""
    machine = _machine(CASES[case], torch.bfloat16, scale=1)
    x, state = torch.randn(4, BATCH, machine.input_size).bfloat16(), random_state(machine, BATCH)
    found = everything(machine, "triton", x, state)
    assert all(tensor.dtype == torch.bfloat16 for tensor in found.values() if tensor is not None)
    wide = copy.deepcopy(machine).float()
    expected = everything(wide, "reference", x.float(), map_state(torch.Tensor.float, state))
    found = {name: None if tensor is None else tensor.float() for name, tensor in found.items()}
    assert_close(expected, found, 1e-2)


@pytest.mark.parametrize(
    "case", ["dnc", "dnc, every switch", "ntm, many heads", "ntm, learned start, clipped"]
)
def test_agrees_in_float32(case: str) -> None:
    machine = _machine(CASES[case], torch.float32, scale=1)
    x = torch.randn(STEPS, BATCH, machine.input_size)
    _assert_agree(machine, x, random_state(machine, BATCH))


@pytest.mark.parametrize("case", ["dnc", "ntm", "deep lstm"])
def test_agrees_from_the_start(case: str) -> None:
    """All slots are equally free there, and the product of no usages divides by none."""
    machine = _machine(CASES[case], torch.float64)
    _assert_agree(machine, torch.randn(4, 1, machine.input_size, dtype=torch.float64))


@pytest.mark.parametrize("steps", [1, 5, 10])
def test_segments_are_written_again(steps: int) -> None:
    """One, three and four segments, the last of them whole or not."""
    for make in (
        lambda: DNC(2, 3, output_size=2, memory_size=3, word_size=2, num_reads=1, deallocation=True),
        lambda: NTM(2, 3, output_size=2, memory_size=3, word_size=2),
    ):
        machine = _machine(make, torch.float64, scale=1)
        x = torch.randn(steps, 1, 2, dtype=torch.float64)
        _assert_agree(machine, x, random_state(machine, 1))


def test_links_in_several_blocks_of_rows() -> None:
    """More slots than rows in a block, and neither a power of two."""
    make = lambda: DNC(2, 3, output_size=2, memory_size=37, word_size=3, num_reads=2, link_sharpening=True)  # noqa: E731
    machine = _machine(make, torch.float64)
    _assert_agree(machine, torch.randn(2, 1, 2, dtype=torch.float64), random_state(machine, 1))


@pytest.mark.parametrize("asked", ["outputs", "state"])
def test_some_gradients_alone(asked: str) -> None:
    machine = _machine(CASES["dnc"], torch.float64)
    x, state = torch.randn(2, 1, 5, dtype=torch.float64), random_state(machine, 1)
    _assert_agree(machine, x, state, cotangents=asked, input_gradient=False, state_gradient=False)


def test_a_larger_memory_than_the_machine_was_built_with() -> None:
    machine = _machine(CASES["ntm"], torch.float64)
    _assert_agree(machine, torch.randn(2, 1, 5, dtype=torch.float64), memory_size=11)


def test_without_gradients_and_features_alone() -> None:
    machine = _machine(CASES["dnc"], torch.float64)
    x, state = torch.randn(3, 1, 5, dtype=torch.float64), random_state(machine, 1)
    machine.backend = "reference"
    expected, words, _ = machine.features(x, state)
    y, _ = machine(x, state)
    machine.backend = "triton"
    with torch.no_grad():
        found, found_words, _ = machine.features(x, state)
        torch.testing.assert_close(machine(x, state)[0], y, rtol=1e-9, atol=1e-12)
    assert not found.requires_grad
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(found_words, words, rtol=1e-9, atol=1e-12)


def test_backward_twice_and_through_a_gradient() -> None:
    machine = _machine(CASES["ntm"], torch.float64)
    x, found = torch.randn(2, 1, 5, dtype=torch.float64).requires_grad_(), []
    for backend in ("reference", "triton"):
        machine.backend = backend
        y = machine(x)[0].square().sum()
        first, again = (torch.autograd.grad(y, x, retain_graph=True)[0] for _ in range(2))
        assert torch.equal(first, again)
        (gradient,) = torch.autograd.grad(y, x, create_graph=True)
        found.append(torch.autograd.grad(gradient.sin().sum(), machine.interface.weight)[0])
    torch.testing.assert_close(*found, rtol=1e-9, atol=1e-12)


def _usages() -> Iterator[list[float]]:
    yield [0.0] * 7  # all tie, and all are zero
    yield [0.5] * 7
    yield [0.0, 0.3, 0.0, 0.3, 1.0, 0.3000001, 0.2999999]  # ties but for less than a millionth
    yield [1.0] * 7
    yield [2.5e-6, 1.5e-6, 0.5e-6, 3.5e-6, 2.0e-6, 0.0, 1e-31]  # halves, which go to the even neighbour
    yield torch.rand(7, generator=torch.Generator().manual_seed(5)).tolist()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("usage", list(_usages()))
def test_the_allocation_without_a_sort(usage: list[float], dtype: torch.dtype) -> None:
    """That of the stable sort, ties included; its gradient where usages are zero, too."""
    from tests.engine.allocation_kernel import SIZES, both

    u = torch.tensor(usage, dtype=dtype).requires_grad_()
    gradient = torch.randn(7, dtype=dtype)
    expected = allocation_weights(u.unsqueeze(0)).squeeze(0)
    (of_u,) = torch.autograd.grad(expected, u, gradient)
    found, of_found, scratch = (torch.empty_like(gradient) for _ in range(3))
    both[(1,)](u.detach(), found, gradient, of_found, scratch, s=SIZES)
    tolerance = 1e-6 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(found, expected.detach(), rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(of_found, of_u, rtol=10 * tolerance, atol=10 * tolerance)


def test_what_it_does_not_serve_is_said() -> None:
    half = DNC(3, 6, output_size=2, memory_size=5, word_size=4, dtype=torch.float16, backend="triton")
    takes = r"it takes float64, float32 and bfloat16, not torch\.float16"
    with pytest.raises(EngineError, match=f"the Triton engine cannot run this DNC: {takes}"):
        half(torch.randn(4, 2, 3, dtype=torch.float16))
    large = NTM(3, 6, output_size=2, memory_size=1025, word_size=4, backend="triton")
    with pytest.raises(EngineError, match=r"1025 slots of 4 numbers is larger than a program can hold"):
        large(torch.randn(4, 2, 3))
    spec = large.kernel_spec()
    reason = available.unsupported_reason(spec._replace(kind="another"), torch.randn(4, 2, 3), None)
    assert reason == "it has no kernel for a memory of kind 'another'"
    own = DeepLSTM(3, 6, output_size=2, backend="triton")
    own.controller.register_forward_hook(lambda *_: None)
    with pytest.raises(
        EngineError, match="the Triton engine cannot run this DeepLSTM: the controller has a hook"
    ):
        own(torch.randn(4, 2, 3))


def test_auto_on_the_cpu_stays_with_the_native_engine() -> None:
    """The interpreter is for tests alone."""
    machine = NTM(3, 6, output_size=2, memory_size=5, word_size=4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kernel = dispatch._kernel(machine, torch.randn(4, 2, 3), None, None, None)
    assert kernel is not None
    assert kernel.engine == "native"


@pytest.mark.parametrize(
    "name", [name for name in MACHINES if "own-controller" not in name and "sparse" not in name]
)
def test_between_the_kernels_nothing_leaves_the_device(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What PyTorch does there, on the meta device; the kernels themselves are left out."""
    from tapehead.engine.triton import controller, launch, sequence

    monkeypatch.setattr(controller.Controller, "_launch", lambda *_, **__: None)
    monkeypatch.setattr(_whole().Whole, "_launch", lambda *_: None)
    for kernel in ("forward", "write_again", "backward"):
        monkeypatch.setattr(launch.Memory, kernel, lambda *_: None)
    machine = MACHINES[name](device="meta")
    x = torch.empty(STEPS, BATCH, machine.input_size, device="meta", requires_grad=True)
    spec = machine.kernel_spec()
    for lengths in (None, torch.empty(BATCH, dtype=torch.int64, device="meta")):
        with Watch("meta") as watch:
            state = machine.initial_state(BATCH)
            features, words, final = sequence.run(spec, x, state, lengths, reference.Recompute(machine, None))
            ends = [features, *([] if words is None else [words]), *tensors(final)]
            sum(end.sum() for end in ends).backward()
        assert watch.count > 30, "a test that sees nothing says nothing"
        assert x.grad is not None
