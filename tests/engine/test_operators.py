"""The operators before torch.library and torch.compile."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from tapehead import DNC, NTM
from tapehead.engine import reference
from tapehead.engine.native import ops, workspace
from tapehead.nn import DeepLSTM
from tests.engine.operators import backward_arguments, leaves, recorded_operators

MACHINES: dict[str, Callable[[], Any]] = {
    "dnc": lambda: DNC(
        5, 7, output_size=4, memory_size=9, word_size=6, num_reads=2, num_layers=2, interface_norm=True
    ),
    "dnc, no links": lambda: DNC(
        5, 7, output_size=4, memory_size=9, word_size=6, num_reads=2, temporal_links=False
    ),
    "ntm": lambda: NTM(5, 7, output_size=4, memory_size=9, word_size=6, controller="feedforward"),
    "sparse dnc": lambda: DNC(5, 7, output_size=4, memory_size=9, word_size=6, access="sparse", top_k=3),
    "deep lstm": lambda: DeepLSTM(5, 7, output_size=4),
}


@pytest.mark.parametrize("input_gradient", [True, False], ids=["", "no input gradient"])
@pytest.mark.parametrize("lengths", [None, [3, 1]], ids=["", "lengths"])
@pytest.mark.parametrize("name", MACHINES)
def test_opcheck(
    name: str, lengths: list[int] | None, input_gradient: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with recorded_operators() as calls:
        machine = MACHINES[name]()
        machine.backend = "native"
        machine(torch.randn(3, 2, 5), lengths=lengths)
    # The tape is an output for the backward pass alone; its gaps hold whatever the memory held.
    monkeypatch.setattr(workspace, "take", lambda elements, dtype: torch.zeros(elements, dtype=dtype))
    arguments = leaves(calls[0], requires_grad=True)
    arguments = (arguments[0].requires_grad_(input_gradient), *arguments[1:])
    torch.library.opcheck(torch.ops.tapehead.run_forward, arguments)
    plain = leaves(calls[0])
    torch.library.opcheck(torch.ops.tapehead.run_backward, backward_arguments(plain, ops._forward(*plain)))


def test_an_operator_and_the_eager_call_are_the_same() -> None:
    machine = DNC(5, 7, output_size=4, memory_size=9, word_size=6, num_reads=2, backend="native")
    with recorded_operators() as calls:
        machine(torch.randn(3, 2, 5))
    results = []
    for run in (_as_an_operator, partial(_eagerly, machine)):
        arguments = leaves(calls[0], requires_grad=True)
        output = run(*arguments)
        asked = [arguments[0], *arguments[2], *arguments[3]]
        results.append([*output, *torch.autograd.grad(sum(o.sin().sum() for o in output), asked)])
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


def _as_an_operator(*arguments: Any) -> Any:
    return torch.ops.tapehead.run_forward(*arguments)[:-1]


def _eagerly(machine: Any, *arguments: Any) -> Any:
    x, lengths, weights, state, config, numbers = arguments
    run_again = machine.kernel_spec(), reference.Recompute(machine, None)
    return ops._Eager.apply(run_again, lengths, config, numbers, len(weights), x, *weights, *state)


COMPILED = """
import sys
import torch
from tapehead import DNC, NTM

BACKEND = sys.argv[1]
torch.manual_seed(0)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.into = torch.nn.Linear(3, 5)
        self.dnc = DNC(5, 7, output_size=4, memory_size=9, word_size=6, num_reads=2, backend="native")
        self.ntm = NTM(4, 6, output_size=3, memory_size=8, word_size=5, backend="native")

    def forward(self, x, lengths=None):
        y, dnc_state = self.dnc(self.into(x).tanh(), lengths=lengths)
        z, ntm_state = self.ntm(y, lengths=lengths)
        return z.sigmoid(), dnc_state.memory, ntm_state.read_weights


def results(model, run, x, *more):
    model.zero_grad()
    x = x.clone().requires_grad_()
    output = run(x, *more)
    sum((o * torch.linspace(-1, 1, o.numel()).view(o.shape)).sum() for o in output).backward()
    return [*output, x.grad, *(p.grad.clone() for p in model.parameters())]


def compare(model, run, *arguments):
    pairs = zip(results(model, model, *arguments), results(model, run, *arguments), strict=True)
    for eager, compiled in pairs:
        torch.testing.assert_close(eager, compiled, rtol=1e-4, atol=1e-6)


model = Model()
whole = torch.compile(model, fullgraph=True, backend=BACKEND)
for steps in (5, 8, 11, 5):  # the second length makes the number of steps dynamic
    compare(model, whole, torch.randn(steps, 2, 3))
with torch.no_grad():
    torch.testing.assert_close(whole(x := torch.randn(8, 2, 3)), model(x), rtol=1e-4, atol=1e-6)
print("one graph")
broken = torch.compile(model, backend=BACKEND)  # lengths are looked at: the graph breaks
compare(model, broken, torch.randn(6, 2, 3), torch.tensor([6, 4]))
compare(model, broken, torch.randn(9, 2, 3), torch.tensor([2, 9]))
print("lengths")
"""


@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
def test_compile_of_a_model_around_the_machines(backend: str, tmp_path: Path) -> None:
    # In a process of its own: the hook that checks shapes under pytest is in the compiler's way.
    environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-c", COMPILED, backend],
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert ran.stdout.split("\n")[:2] == ["one graph", "lengths"]
