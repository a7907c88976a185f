"""``torch.compile`` takes a machine as it is."""

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


def _run(backend: str, compiler: str) -> None:
    program = PROGRAM.format(arguments=(backend, compiler))
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "same", ran.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["reference", "native"])
@pytest.mark.parametrize("compiler", ["aot_eager", "inductor"])
def test_compiled_equals_eager(backend: str, compiler: str) -> None:
    _run(backend, compiler)
