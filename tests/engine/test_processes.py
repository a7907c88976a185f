"""Forked children (DataLoader workers among them) run the engine that their parent has used."""

import subprocess
import sys

import pytest

FORKED = """
import os
import pickle
import torch
from torch.utils.data import DataLoader, Dataset
from tapehead import DNC, NTM
from tapehead.engine.native import loader

torch.manual_seed(0)
MACHINES = (
    DNC(5, 9, output_size=4, memory_size=17, word_size=6, num_reads=3, backend="native"),
    NTM(5, 9, output_size=4, memory_size=17, word_size=6, num_reads=2, num_writes=2, backend="native"),
)


def numbers(seed):
    x = torch.randn(7, 4, 5, generator=torch.Generator().manual_seed(seed), requires_grad=True)
    found = []
    for machine in MACHINES:
        machine.zero_grad()
        y, state = machine(x)
        (y.sin().sum() + state.memory.sum()).backward()
        found += [y.detach(), state.memory.detach(), *(p.grad.clone() for p in machine.parameters())]
    return [*found, x.grad]


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


class Episodes(Dataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return numbers(index)


torch.set_num_threads(2)  # the engine starts threads of its own and joins them: none is lost in the fork
expected = [numbers(seed) for seed in range(3)]
torch.set_num_threads(1)
assert loader._library is not None

into, out = os.pipe()
child = os.fork()
if child == 0:
    with os.fdopen(out, "wb") as file:
        pickle.dump([[t.numpy() for t in numbers(seed)] for seed in range(3)], file)
    os._exit(0)
os.close(out)
with os.fdopen(into, "rb") as file:
    found = [[torch.from_numpy(a) for a in arrays] for arrays in pickle.load(file)]
assert os.waitpid(child, 0)[1] == 0
assert all(map(same, expected, found))
print("fork")

loaded = list(DataLoader(Episodes(), batch_size=None, num_workers=1, multiprocessing_context="fork"))
assert all(map(same, expected, loaded))
print("workers")
assert same(expected[1], numbers(1))
print("parent")
"""


def test_the_engine_in_forked_children() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=100, check=False
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert ran.stdout.split() == ["fork", "workers", "parent"]


CROWDED = """
import resource
import torch
from tapehead import DNC

dnc = DNC(5, 9, output_size=4, memory_size=17, word_size=6, num_reads=3, backend="native")
x = torch.randn(7, 4, 5)


def numbers():
    dnc.zero_grad()
    y, _ = dnc(x)
    y.square().sum().backward()
    return [y.detach(), *(p.grad.clone() for p in dnc.parameters())]


expected = numbers()
torch.get_num_threads = lambda: 4  # before the engine alone: PyTorch itself dies where it gets no threads
numbers()
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + 3_000_000  # room for numbers, but for no thread's stack
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
assert all(map(torch.equal, expected, numbers()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_no_more_threads_to_be_had() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", CROWDED], capture_output=True, text=True, timeout=100, check=False
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
