"""Machines as values: copied, pickled, moved, and in other precisions."""

import copy
import io
import pickle
from pathlib import Path

import pytest
import torch

from tests.nn.machines import Case, assert_same, cases, inputs, tensors

every_machine = pytest.mark.parametrize("case", cases(), ids=str)


@every_machine
def test_deepcopy(case: Case) -> None:
    machine, x = case.build(), inputs(3, 2)
    twin = copy.deepcopy(machine)
    expected = machine(x)
    assert_same(twin(x), expected, 0)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    assert_same(machine(x), expected, 0)
    assert {id(p) for p in machine.parameters()}.isdisjoint(id(p) for p in twin.parameters())


@every_machine
def test_pickle(case: Case) -> None:
    machine, x = case.build(), inputs(3, 2)
    assert_same(pickle.loads(pickle.dumps(machine))(x), machine(x), 0)


@every_machine
def test_state_dict_through_a_file(case: Case) -> None:
    machine, x = case.build(), inputs(3, 2)
    file = io.BytesIO()
    torch.save(machine.state_dict(), file)
    file.seek(0)
    other = case.build(torch.float64)
    for parameter in other.parameters():
        parameter.data.zero_()
    missing = other.load_state_dict(torch.load(file, weights_only=True))
    assert not missing.missing_keys
    assert not missing.unexpected_keys
    assert_same(other(x), machine(x), 0)


@every_machine
def test_states_can_be_saved(case: Case, tmp_path: Path) -> None:
    machine, x = case.build(), inputs(3, 2)
    state = machine(x)[1].detach()
    torch.save(tuple(tensors(state)), tmp_path / "state.pt")
    assert_same(torch.load(tmp_path / "state.pt", weights_only=True), tuple(tensors(state)), 0)
    assert_same(pickle.loads(pickle.dumps(state)), state, 0)


@every_machine
def test_float32_follows_float64(case: Case) -> None:
    double, single = case.build(torch.float64), case.build(torch.float32)
    single.load_state_dict(double.state_dict())
    x = inputs(4, 2).float()
    y, _ = double(x.double())
    assert_same(single(x)[0].double(), y, 1e-3)


@every_machine
def test_the_constructor_takes_a_dtype(case: Case) -> None:
    if case.own_controller:
        pytest.skip("the controller brings its own dtype")
    torch.manual_seed(0)
    from tests.nn.machines import MACHINES

    machine = MACHINES[case.name](backend=case.backend, dtype=torch.float64, device="cpu")
    assert {parameter.dtype for parameter in machine.parameters()} == {torch.float64}
    assert all(field.dtype == torch.float64 for field in tensors(machine(inputs(2, 2))[1]))


@every_machine
def test_moving_to_where_it_is(case: Case) -> None:
    machine, x = case.build(), inputs(3, 2)
    expected = machine(x)
    assert_same(machine.to("cpu").cpu()(x.cpu()), expected, 0)


@every_machine
def test_built_on_the_meta_device(case: Case) -> None:
    """Shapes without numbers: what large-model loaders do first."""
    if case.own_controller:
        pytest.skip("the controller brings its own device")
    from tests.nn.machines import MACHINES

    machine = MACHINES[case.name](device="meta", backend="reference")
    y, state = machine(torch.empty(2, 3, 3, device="meta"))
    assert y.device.type == "meta"
    assert all(field.device.type == "meta" for field in tensors(state))


@pytest.mark.gpu
@pytest.mark.parametrize("case", cases(lambda case: case.backend == "reference"), ids=str)
def test_cuda_follows_cpu(case: Case) -> None:
    machine, x = case.build(), inputs(5, 3)
    y, state = machine(x, lengths=[5, 2, 4])
    y_cuda, state_cuda = machine.cuda()(x.cuda(), lengths=[5, 2, 4])
    assert y_cuda.device.type == "cuda"
    assert_same(y_cuda.cpu(), y, 1e-8)
    assert_same([field.cpu() for field in tensors(state_cuda)], list(tensors(state)), 1e-8)
