"""What a wrong call says: one sentence that names the value."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from tapehead import DNC, NTM, DNCState, NTMState
from tapehead.engine import EngineError
from tapehead.nn import DeepLSTM
from tests.nn.machines import BACKENDS, GRUController


def _small(kind: type, **more: Any) -> Any:
    sizes = {} if kind is DeepLSTM else {"memory_size": 7, "word_size": 4, "num_reads": 2}
    return kind(3, 5, output_size=2, **(sizes | more))


MEMORIES = [NTM, DNC]
ALL = [NTM, DNC, DeepLSTM]
every_kind = pytest.mark.parametrize("kind", ALL)
every_memory = pytest.mark.parametrize("kind", MEMORIES)


@every_kind
@pytest.mark.parametrize(
    ("x", "words"),
    [
        (torch.zeros(4, 2, 9), ["9 features", "input_size=3"]),
        (torch.zeros(4, 9), ["9 features", "input_size=3"]),
        (torch.zeros(3), ["1 axes", "(seq, batch, features)"]),
        (torch.zeros(4, 2, 3, 3), ["4 axes", "(seq, batch, features)"]),
        (torch.zeros(0, 2, 3), ["no time steps"]),
        (torch.zeros(0, 3), ["no time steps"]),
        (torch.zeros(4, 2, 3, dtype=torch.float64), ["float64", "float32"]),
        (torch.zeros(4, 2, 3, dtype=torch.int64), ["int64", "float32"]),
    ],
    ids=lambda value: str(list(value.shape)) + str(value.dtype) if isinstance(value, torch.Tensor) else "",
)
def test_inputs(kind: type, x: torch.Tensor, words: list[str]) -> None:
    with pytest.raises(ValueError) as error:
        _small(kind)(x)
    assert all(word in str(error.value) for word in words)


@every_kind
@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        ([4, 0], ["lengths holds 0", "between 1 and the 4 steps"]),
        ([4, -2], ["lengths holds -2"]),
        ([5, 2], ["lengths holds 5", "4 steps"]),
        ([4], ["shape [1]", "2 sequences"]),
        ([4, 4, 4], ["shape [3]", "2 sequences"]),
        (torch.tensor([[4, 4]]), ["shape [1, 2]", "2 sequences"]),
        (torch.tensor(4), ["shape []", "2 sequences"]),
        (torch.tensor([4, 5]), ["lengths holds 5"]),
        (torch.tensor([4.0, 2.5]), ["lengths", "float32"]),
        (torch.tensor([True, True]), ["lengths", "bool"]),
    ],
    ids=str,
)
def test_lengths(kind: type, lengths: Any, words: list[str]) -> None:
    with pytest.raises(ValueError) as error:
        _small(kind)(torch.zeros(4, 2, 3), lengths=lengths)
    assert all(word in str(error.value) for word in words)


@every_kind
def test_lengths_beside_a_packed_sequence(kind: type) -> None:
    packed = pack_sequence([torch.zeros(4, 3), torch.zeros(2, 3)])
    with pytest.raises(ValueError, match="brings its own"):
        _small(kind)(packed, lengths=[4, 2])


@every_memory
def test_a_state_of_another_kind(kind: type) -> None:
    other = _small(DNC if kind is NTM else NTM)
    with pytest.raises(ValueError, match=r"state is a (NTM|DNC)State.*goes on from the"):
        _small(kind)(torch.zeros(4, 2, 3), other.initial_state(2))
    with pytest.raises(ValueError, match=r"state is a tuple.*goes on from the"):
        _small(kind)(torch.zeros(4, 2, 3), tuple(_small(kind).initial_state(2)))
    with pytest.raises(ValueError, match=r"state is a (NTM|DNC)State.*LSTMState"):
        _small(DeepLSTM)(torch.zeros(4, 2, 3), _small(kind).initial_state(2))


@every_kind
@pytest.mark.parametrize(
    "state", [torch.zeros(2, 5), (torch.zeros(1, 2, 5), torch.zeros(1, 2, 5)), {}, 3], ids=type
)
@pytest.mark.parametrize("unbatched", [False, True])
def test_a_state_of_nn_lstm_or_worse(kind: type, state: Any, unbatched: bool) -> None:
    x = torch.zeros(4, 3) if unbatched else torch.zeros(4, 2, 3)
    with pytest.raises(ValueError, match=f"state is a {type(state).__name__}"):
        _small(kind)(x, state)


@every_memory
@pytest.mark.parametrize("field", ["memory", "read_weights", "write_weights", "read_words"])
def test_a_state_of_another_shape(kind: type, field: str) -> None:
    machine = _small(kind)
    state = machine.initial_state(2)
    wrong = torch.zeros(*getattr(state, field).shape[:-1], 9)
    with pytest.raises(ValueError) as error:
        machine(torch.zeros(4, 2, 3), state._replace(**{field: wrong}))
    assert f"state.{field} has shape {list(wrong.shape)}" in str(error.value)


@every_kind
def test_a_state_of_another_batch(kind: type) -> None:
    machine = _small(kind)
    with pytest.raises(ValueError, match=r"state\..* has shape \[3, .*but \[2, .* is needed"):
        machine(torch.zeros(4, 2, 3), machine.initial_state(3))


@every_kind
def test_a_state_with_or_without_a_batch_axis(kind: type) -> None:
    machine = _small(kind)
    with pytest.raises(ValueError, match=r"state\..* has shape"):
        machine(torch.zeros(4, 2, 3), machine.initial_state())
    with pytest.raises(ValueError, match=r"state\..* has shape"):
        machine(torch.zeros(4, 3), machine.initial_state(2))


@every_kind
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_state_of_another_controller(kind: type, backend: str) -> None:
    """One layer more, or other cells, or none: what lies in ``state.controller`` is checked too."""
    machine = _small(kind, num_layers=1, backend=backend)
    state = machine.initial_state(2)
    deeper = _small(kind, num_layers=2).initial_state(2).controller
    wider = ((torch.zeros(2, 6), torch.zeros(2, 6)),)
    for controller in (deeper, wider, (), ((torch.zeros(2, 5),),), ((1, 2),)):
        with pytest.raises(ValueError, match=r"state\.controller"):
            machine(torch.zeros(4, 2, 3), state._replace(controller=controller))
    feedforward = kind is not DeepLSTM and _small(kind, controller="feedforward", backend=backend)
    if feedforward:
        with pytest.raises(ValueError, match=r"state\.controller"):
            feedforward(torch.zeros(4, 2, 3), state)


@every_kind
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_state_of_another_precision(kind: type, backend: str) -> None:
    machine = _small(kind, backend=backend)
    state = _small(kind, dtype=torch.float64).initial_state(2)
    with pytest.raises(ValueError, match=r"float64.*float32"):
        machine(torch.zeros(4, 2, 3), state)


@every_memory
def test_a_state_of_another_memory_size(kind: type) -> None:
    machine = _small(kind)
    with pytest.raises(ValueError, match=r"memory_size=9 does not fit the given state, which has 7 slots"):
        machine(torch.zeros(4, 2, 3), machine.initial_state(2), memory_size=9)


@every_memory
@pytest.mark.parametrize("size", [0, -1])
def test_memory_sizes(kind: type, size: int) -> None:
    with pytest.raises(ValueError, match=f"memory_size is {size}"):
        _small(kind, memory_size=size)
    with pytest.raises(ValueError, match=f"memory_size is {size}"):
        _small(kind)(torch.zeros(4, 2, 3), memory_size=size)


def test_no_memory_to_size_or_trace() -> None:
    with pytest.raises(ValueError, match="memory_size=9 was given, but a DeepLSTM has no memory"):
        _small(DeepLSTM)(torch.zeros(4, 2, 3), memory_size=9)
    with pytest.raises(ValueError, match="has no memory to trace"):
        _small(DeepLSTM)(torch.zeros(4, 2, 3), return_trace=True)


@every_memory
@pytest.mark.parametrize("name", ["word_size", "num_reads"])
def test_sizes_of_the_memory(kind: type, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 0"):
        _small(kind, **{name: 0})


@every_kind
def test_sizes_of_the_controller(kind: type) -> None:
    for name in ("input_size", "hidden_size", "output_size"):
        for wrong in (0, -4):
            with pytest.raises(ValueError, match=f"{name} is {wrong}"):
                kind(**({"input_size": 3, "hidden_size": 5} | {name: wrong}))
    with pytest.raises(ValueError, match="num_layers is 0"):
        _small(kind, num_layers=0)


def test_sizes_of_one_machine() -> None:
    with pytest.raises(ValueError, match="num_writes is 0"):
        _small(NTM, num_writes=0)
    with pytest.raises(ValueError, match="max_shift is -1"):
        _small(NTM, max_shift=-1)
    with pytest.raises(ValueError, match="mask_min is 1"):
        _small(DNC, masked_lookup=True, mask_min=1.0)
    with pytest.raises(ValueError, match="link_sharpening=True needs temporal_links=True"):
        _small(DNC, link_sharpening=True, temporal_links=False)
    with pytest.raises(ValueError, match=r"1\.5"):
        _small(DNC, bypass_dropout=1.5)


@every_kind
@pytest.mark.parametrize("limit", [0.0, -1.0])
def test_a_clip_that_clips_everything(kind: type, limit: float) -> None:
    with pytest.raises(ValueError, match=f"clip_controller_gradient is {limit}"):
        _small(kind, clip_controller_gradient=limit)
    if kind is not DeepLSTM:
        with pytest.raises(ValueError, match=f"clip_weighting_gradient is {limit}"):
            _small(kind, clip_weighting_gradient=limit)


@every_kind
def test_an_unknown_backend(kind: type, monkeypatch: Any) -> None:
    with pytest.raises(ValueError, match="backend is 'cuda': choose one of auto, reference, native"):
        _small(kind, backend="cuda")
    monkeypatch.setenv("TAPEHEAD_BACKEND", "fast")
    with pytest.raises(ValueError, match="'fast'"):
        _small(kind)(torch.zeros(4, 2, 3))


@every_memory
def test_an_unknown_controller(kind: type) -> None:
    with pytest.raises(ValueError, match="controller is 'gru'"):
        _small(kind, controller="gru")


@every_memory
def test_a_module_that_is_no_controller(kind: type) -> None:
    with pytest.raises(TypeError, match=r"controller GRU has no `output_size`.*tapehead\.nn\.Controller"):
        _small(kind, controller=nn.GRU(11, 5))
    with_size = nn.Linear(11, 5)
    with_size.output_size = 5  # type: ignore[assignment]
    with pytest.raises(TypeError, match="controller Linear has no `initial_state`"):
        _small(kind, controller=with_size)


@every_memory
def test_a_kernel_that_cannot_serve(kind: type) -> None:
    machine = _small(kind, controller=GRUController(3 + 8, 5), backend="native")
    with pytest.raises(EngineError, match="GRUController is your own"):
        machine(torch.zeros(4, 2, 3))


@every_memory
def test_a_failed_call_changes_nothing(kind: type) -> None:
    machine, x = _small(kind), torch.zeros(4, 2, 3)
    before = machine(x)[0]
    with pytest.raises(ValueError):
        machine(x, lengths=[9, 9])
    assert torch.equal(machine(x)[0], before)


def test_states_are_told_apart() -> None:
    assert isinstance(_small(DNC).initial_state(), DNCState)
    assert isinstance(_small(NTM).initial_state(), NTMState)


@pytest.mark.parametrize(
    ("kind", "arguments", "words"),
    [
        (NTM, {"access": "scarce"}, ["access is 'scarce'", "dense, sparse"]),
        (NTM, {"access": "sparse", "top_k": 0}, ["top_k is 0", "at least 1"]),
        (DNC, {"access": "sparse", "top_k": 5_000}, ["top_k is 5000", "1,024"]),
        (DNC, {"top_k": 4}, ["top_k=4", 'access="dense"', "leave it out"]),
        (NTM, {"access": "sparse", "max_shift": 2}, ["max_shift=2", 'access="sparse"']),
        (NTM, {"access": "sparse", "write_gate": True}, ["write_gate=True"]),
        (NTM, {"access": "sparse", "init": "tape"}, ["init='tape'"]),
        (DNC, {"access": "sparse", "deallocation": True}, ["deallocation=True"]),
        (DNC, {"access": "sparse", "masked_lookup": True}, ["masked_lookup=True"]),
        (DNC, {"access": "sparse", "usage_gradient": False}, ["usage_gradient=False"]),
    ],
    ids=str,
)
def test_sparse_access(kind: type, arguments: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ValueError) as error:
        _small(kind, **arguments)
    assert all(word in str(error.value) for word in words)
