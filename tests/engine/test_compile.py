"""``torch.compile`` takes a machine as it is, and every machine and switch as one graph."""

import subprocess
import sys

import pytest

# In a process of its own: the shape checks that pytest installs are not what users compile.
PROGRAM = """
import torch, tapehead
torch.manual_seed(0)
backend, compiler = {arguments!r}
kinds = [
    tapehead.NTM(3, 5, output_size=2, memory_size=7, word_size=4, backend=backend),
    tapehead.DNC(3, 5, output_size=2, memory_size=7, word_size=4, num_reads=2, backend=backend),
    tapehead.nn.DeepLSTM(3, 5, output_size=2, num_layers=1, backend=backend),
]
x = torch.randn(3, 2, 3)
for machine in kinds:
    machine = machine.double()
    compiled = torch.compile(machine, backend=compiler)
    results = []
    for call in (machine, compiled):
        machine.zero_grad()
        y, state = call(x.double(), lengths=torch.tensor([3, 2]))
        y.square().sum().backward()
        results.append([y.detach(), *(p.grad.clone() for p in machine.parameters() if p.grad is not None)])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)
print("same")
"""

# What a compiled call gives is what an eager one gives; lengths included, since nothing looks at them.
EVERY_MACHINE = """
import torch
from tests.nn.machines import MACHINES, inputs, tensors
for name, make in MACHINES.items():
    torch.compiler.reset()
    machine = make(backend="reference").double().eval()
    compile = lambda call: torch.compile(call, fullgraph=True, dynamic=False, backend={arguments!r})
    x, state = inputs(2, 2), machine.initial_state(2)
    results = []
    for call in (machine.step, compile(machine.step)):
        features, after, _ = call(x[0], state)
        results.append([features, *tensors(after)])
    for call in (machine, compile(machine)):
        y, after = call(x, lengths=torch.tensor([2, 1]))
        results.append([y, *tensors(after)])
        gradients = torch.autograd.grad(y.square().sum(), list(machine.parameters()), allow_unused=True)
        results[-1] += [gradient for gradient in gradients if gradient is not None]
    # torch.export takes it whole, too.
    exported = torch.export.export(machine, (x,)).module()(x)
    results += [[y, *tensors(after)] for y, after in (machine(x), exported)]
    for one, other in (results[:2], results[2:4], results[4:]):
        for a, b in zip(one, other, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9, msg=name)
print("same")
"""


def _run(program: str) -> None:
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "same", ran.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["reference", "native"])
@pytest.mark.parametrize("compiler", ["aot_eager", "inductor"])
def test_compiled_equals_eager(backend: str, compiler: str) -> None:
    _run(PROGRAM.format(arguments=(backend, compiler)))


@pytest.mark.parametrize("compiler", ["eager", pytest.param("aot_eager", marks=pytest.mark.slow)])
def test_every_machine_is_one_graph(compiler: str) -> None:
    _run(EVERY_MACHINE.format(arguments=compiler))
