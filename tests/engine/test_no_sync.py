"""Nothing between the first and the last step leaves the device: a CUDA graph can capture it.

No GPU is needed. A fake CUDA device takes the paths of a real one (without a CUDA build it refuses an index
assignment of a number, which makes a tensor on the CPU), but only forward; the meta device has both passes.
"""

import importlib
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from tapehead import engine
from tapehead.nn import module
from tests.nn.machines import INPUT, MACHINES, OUTPUT, tensors

STEPS, BATCH = 3, 2
# What looks at numbers, and so waits for the device. (Meta and fake tensors refuse most of these themselves.)
LOOKING = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal", "unique", "item")
NO_FAKES = ("ntm-own-controller", "ntm-learned-memory")


class Watch(TorchDispatchMode):
    """Refuses every operation that touches another device than ``device``, or that looks at numbers."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self.device = device
        self.count = 0

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        name = operation.__name__.partition(".")[0]
        assert name not in LOOKING, f"{operation} looks at numbers"
        # (Adam's fused kernel has no version for the meta device; its arguments are looked at all the same.)
        found = None if name == "_fused_adamw_" else operation(*args, **(kwargs or {}))
        for leaf in pytree.tree_leaves((args, kwargs, found)):
            if isinstance(leaf, Tensor):
                assert leaf.device.type == self.device, f"{operation} has a tensor on {leaf.device}"
        self.count += 1
        return found


@pytest.fixture(autouse=True)
def _capturing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_capturing", lambda device: True)


def _calls() -> Iterator[dict[str, Any]]:
    yield {}
    yield {"lengths": True}
    yield {"memory_size": 9}


def _moved(machine: torch.nn.Module, device: str) -> None:
    """Parameters without numbers on ``device``; under FakeTensorMode it need not exist."""
    for part in machine.modules():
        for name, parameter in list(part._parameters.items()):
            if parameter is not None:
                empty = torch.empty(parameter.shape, device=device)
                part._parameters[name] = torch.nn.Parameter(empty)


def _arguments(name: str, call: dict[str, Any], device: str) -> dict[str, Any] | None:
    if "memory_size" in call and name.startswith("deep-lstm"):
        return None
    if "lengths" in call:
        return {"lengths": torch.empty(BATCH, dtype=torch.int64, device=device)}
    return call


@pytest.mark.parametrize("name", MACHINES)
def test_forward_and_backward_stay_on_the_device(name: str) -> None:
    for call in _calls():
        machine = MACHINES[name](backend="reference")
        _moved(machine, "meta")
        arguments = _arguments(name, call, "meta")
        if arguments is None:
            continue
        x = torch.empty(STEPS, BATCH, INPUT, device="meta", requires_grad=True)
        with Watch("meta") as watch:
            y, state = machine(x, **arguments)
            ends = [y, *(field for field in tensors(state) if field.requires_grad)]
            sum(end.sum() for end in ends).backward()
        assert watch.count > 100, "a test that sees nothing says nothing"
        assert x.grad is not None


# (GRUCell of an own controller, Tensor.repeat, Tensor.gather of DNC and sparse access want a CUDA build.)
FAKED = [name for name in MACHINES if not {"dnc", "sparse"} & set(name.split("-")) and name not in NO_FAKES]


@pytest.mark.parametrize("name", FAKED)
def test_forward_makes_no_tensor_on_the_cpu(name: str) -> None:
    for call in _calls():
        machine = MACHINES[name](backend="reference")
        with FakeTensorMode(), torch.no_grad():
            _moved(machine, "cuda")
            arguments = _arguments(name, call, "cuda")
            if arguments is None:
                continue
            x = torch.empty(STEPS, BATCH, INPUT, device="cuda")
            with Watch("cuda"):
                y, state = machine(x, **arguments)
                machine(x, state, **({} if "memory_size" in arguments else arguments))
            assert y.device.type == "cuda"


@pytest.mark.parametrize("name", MACHINES)
def test_a_whole_update_stays_on_the_device(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loss, clipping and Adam, too."""
    adam = importlib.import_module("torch.optim.adam")  # torch.optim hides its name
    monkeypatch.setattr(adam, "_device_dtype_check_for_fused", lambda *_, **__: None)
    machine = MACHINES[name](backend="reference")
    _moved(machine, "meta")
    x, bits = (torch.empty(STEPS, BATCH, size, device="meta") for size in (INPUT, OUTPUT))
    lengths = torch.empty(BATCH, dtype=torch.int64, device="meta")
    update = engine.Update(machine, (x, bits), lengths=lengths, clip_norm=1.0)
    with Watch("meta") as watch:
        for _ in range(2):
            update(x, bits, lengths=lengths)
    assert watch.count > 100


def test_the_watch_sees_what_it_is_for() -> None:
    with FakeTensorMode(), torch.no_grad():
        weights = torch.zeros(2, 3, device="cuda")
        with pytest.raises(AssertionError, match="has a tensor on cpu"), Watch("cuda"):
            weights + torch.ones(())
        with pytest.raises(AssertionError, match="has a tensor on cpu"), Watch("cuda"):
            weights.cpu()
        with pytest.raises(AssertionError, match="looks at numbers"), Watch("cuda"):
            weights.sum().item()


@pytest.mark.gpu
@pytest.mark.parametrize("name", MACHINES)
def test_a_cuda_graph_captures_a_call(name: str) -> None:
    machine, x = MACHINES[name](backend="reference").cuda(), torch.randn(STEPS, BATCH, INPUT).cuda()
    expected, _ = machine(x)
    graphed = torch.cuda.make_graphed_callables(lambda x: machine(x)[0], (x.clone(),))
    torch.testing.assert_close(graphed(x), expected)
