"""Mixed precision and gradients of several batches: memory and addressing stay as exact as the parameters."""

import copy

import pytest
import torch

from tests.nn.machines import Case, assert_same, cases, inputs, tensors

MEMORIES = cases(lambda case: case.name in ("dnc", "ntm", "dnc-all-switches"))
some_machines = pytest.mark.parametrize("case", MEMORIES, ids=str)


@some_machines
def test_under_autocast_states_are_those_without(case: Case) -> None:
    """To the last bit: only what comes out is rounded."""
    machine, x = case.build(torch.float32), inputs(4, 2, torch.float32).bfloat16()
    y, state = machine(x.float())
    features, words, _ = machine.features(x.float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded, found = machine(x)
        found_features, found_words, _ = machine.features(x)
    assert rounded.dtype == torch.bfloat16
    assert torch.equal(rounded, y.bfloat16())
    assert all(tensor.dtype == torch.float32 for tensor in tensors(found))
    assert_same(found, state, 0)
    assert_same((found_features, found_words), (features, words), 0)


@some_machines
def test_a_gradient_scaler_changes_nothing(case: Case) -> None:
    """Its factor is a power of two, which rounds nothing; an overflow skips the update."""
    machine, x = case.build(torch.float32), inputs(4, 2, torch.float32)
    other = copy.deepcopy(machine)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    for model in (machine, other):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        loss = model(x)[0].square().mean()
        if model is machine:
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
        else:
            loss.backward()
            optimizer.step()
    for one, expected in zip(machine.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, expected, rtol=1e-6, atol=1e-7)
    before = [parameter.clone() for parameter in machine.parameters()]
    optimizer = torch.optim.SGD(machine.parameters(), lr=0.1)
    optimizer.zero_grad()
    scaler.scale(machine(x)[0].square().mean() * float("inf")).backward()
    scaler.step(optimizer)
    assert all(torch.equal(a, b) for a, b in zip(before, machine.parameters(), strict=True))


@some_machines
def test_gradients_of_two_batches_add_up_to_those_of_both(case: Case) -> None:
    machine, x = case.build(), inputs(4, 6)
    parameters = list(machine.parameters())
    joint = torch.autograd.grad(machine(x)[0].square().sum(), parameters, allow_unused=True)
    machine.zero_grad()
    for part in x.split(3, dim=1):
        machine(part)[0].square().sum().backward()
    for parameter, expected in zip(parameters, joint, strict=True):
        if expected is not None:
            torch.testing.assert_close(parameter.grad, expected, rtol=1e-9, atol=1e-12)
