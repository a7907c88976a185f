"""Sparse access in the native engine: the approximate search, and what a long run keeps."""

import subprocess
import sys
from typing import Any

import pytest
import torch

from tapehead import DNC, NTM
from tapehead import functional as F
from tapehead.engine.native import loader, plans
from tests.engine.agreement import assert_agree, random_state
from tests.engine.operators import recorded_operators


def _machine(slots: int, kind: Any = NTM, **more: Any) -> Any:
    torch.manual_seed(0)
    sizes = {"memory_size": slots, "word_size": 6, "num_reads": 2, "top_k": 3, "access": "sparse"}
    sizes |= {"num_writes": 2} if kind is NTM else {}
    return kind(5, 7, output_size=4, **(sizes | more)).double()


KINDS = pytest.mark.parametrize("kind", [NTM, DNC])


@pytest.mark.parametrize(
    ("kind", "switches"),
    [
        (NTM, {}),
        (NTM, {"read_first": True}),
        (DNC, {}),
        (DNC, {"temporal_links": False}),
    ],
    ids=["ntm", "ntm, read first", "dnc", "dnc, no links"],
)
@pytest.mark.parametrize("slots", [7, 200])
def test_hashed_search_agrees_while_the_memory_fills(
    slots: int, kind: Any, switches: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From exact to hashed in the midst of a run, then over slots that are emptied again."""
    monkeypatch.setattr(F, "EXACT_ROWS", 5)
    machine = _machine(slots, kind, search="hashed", **switches)
    x = torch.randn(60, 2, 5, dtype=torch.float64)
    assert_agree(machine, x, lengths=torch.tensor([60, 41]))


@KINDS
def test_hashed_search_agrees_from_a_large_state(kind: Any) -> None:
    """One sequence begins beyond the limit of the exact search, the other below it."""
    slots = F.EXACT_ROWS + 300
    machine = _machine(slots, kind, search="hashed")
    state = random_state(machine, 2)
    written = torch.rand(2, slots) > torch.tensor([[0.2], [0.01]])
    assert (written.sum(1) > F.EXACT_ROWS).tolist() == [False, True]
    state = state._replace(usage=torch.randint(1, 50, (2, slots)).double() * written)
    assert_agree(machine, torch.randn(6, 2, 5, dtype=torch.float64), state)


@pytest.mark.parametrize("slots", [5_000, 60_000])
def test_recall_of_the_hashed_search(slots: int) -> None:
    """How often the word that a key is a noisy copy of is a candidate, and how few candidates there are."""
    cosine, drawn = 0.95, 200
    generator = torch.Generator().manual_seed(0)
    memory = torch.randn(1, slots, 64, generator=generator)
    wanted = torch.randint(slots, (drawn,), generator=generator)
    noise = torch.randn(drawn, 64, generator=generator)
    keys = memory[0, wanted] + noise * (1 / cosine**2 - 1) ** 0.5
    found = F.hashed_candidates(memory, keys.unsqueeze(0))[0]
    recall = found[torch.arange(drawn), wanted].float().mean().item()
    candidates = found.sum(1).float().mean().item()
    assert recall > 0.95, f"recall {recall:.3f}"
    assert candidates < 1_000, f"{candidates:.0f} candidates"


def test_the_kernel_finds_what_the_exact_search_finds() -> None:
    """Recall of the K slots that are read, against the exact search, where keys have neighbours."""
    slots, found = F.EXACT_ROWS + 4_000, {}
    centres = torch.randn(50, 24, generator=torch.Generator().manual_seed(1)).double().tanh()
    for search in ("exact", "hashed"):
        machine = _machine(slots, search=search, word_size=24, num_reads=1, num_writes=1)
        with torch.no_grad():
            machine.interface.weight.mul_(3)
        state = machine.initial_state(1)
        words = centres.repeat(-(-slots // 50), 1)[:slots]
        noise = torch.randn(slots, 24, generator=torch.Generator().manual_seed(2)).double()
        state = state._replace(
            memory=(words + 0.02 * noise).unsqueeze(0), usage=1.0 + torch.arange(slots).double().unsqueeze(0)
        )
        keys = centres[torch.arange(40) % 50]
        with torch.no_grad():  # the key is a word that is stored, near enough
            machine.interface.weight[:24] = 0
        hits = []
        for key in keys:
            with torch.no_grad():
                machine.interface.bias[:24] = key.atanh()
            _, end = machine(torch.zeros(1, 1, 5, dtype=torch.float64), state)
            hits.append(set(end.read_weights[0, 0].nonzero().flatten().tolist()))
        found[search] = hits
    shared = [len(a & b) / len(a) for a, b in zip(found["exact"], found["hashed"])]
    assert sum(shared) / len(shared) > 0.9


PEAK = """
import resource
import sys
import torch
import tapehead

kind, slots, steps = getattr(tapehead, sys.argv[1]), *map(int, sys.argv[2:])
sizes = {"memory_size": slots, "word_size": 64, "num_reads": 1}
machine = kind(8, 16, output_size=8, access="sparse", top_k=8, backend="native", **sizes)


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(steps):
    y, _ = machine(torch.randn(steps, 1, 8))
    y.square().mean().backward()
    assert all(p.grad.isfinite().all() for p in machine.parameters())


run(2)
before = peak()
run(steps)
print(peak() - before)
"""


@KINDS
def test_training_keeps_a_few_rows_a_step(kind: Any) -> None:
    """A memory of 256 MB (with links 384 MB) of which 300 steps touch few rows; its states would be 77 GB."""
    command = [sys.executable, "-c", PEAK, kind.__name__, str(1 << 20), "300"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert ran.returncode == 0, ran.stderr
    assert float(ran.stdout) < 30, f"{float(ran.stdout):.0f} MB more"


@KINDS
def test_the_tape_grows_with_the_rows_read_and_not_with_the_memory(kind: Any) -> None:
    def tape(slots: int, steps: int) -> int:
        machine = _machine(slots, kind, backend="native")
        with recorded_operators() as calls:
            machine(torch.zeros(steps, 1, 5, dtype=torch.float64))
        x, *_, config, numbers = calls[0]
        plan = plans.plan_for(x, config, numbers)
        return plan.tape + plan.backward_scratch

    assert loader.why_unavailable() is None
    assert tape(100_000, 50) == tape(100, 50)
    assert 1.8 < (tape(100, 400) - tape(100, 200)) / (tape(100, 200) - tape(100, 100)) < 2.2
