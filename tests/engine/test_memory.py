"""The backward pass keeps some of the links, not those of every step."""

import subprocess
import sys

import pytest
import torch

from tapehead import DNC
from tapehead.engine.native import loader, plans
from tests.engine.operators import recorded_operators

PEAK = """
import resource
import sys
import torch
from tapehead import DNC

slots, words, reads, hidden, batch, steps = map(int, sys.argv[1:])
dnc = DNC(8, hidden, output_size=8, memory_size=slots, word_size=words, num_reads=reads, backend="native")


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(steps):
    y, _ = dnc(torch.randn(steps, batch, 8))
    y.square().mean().backward()
    assert all(p.grad.isfinite().all() for p in dnc.parameters())


run(2)
before = peak()
run(steps)
print(before, peak())
"""


def _peaks(*sizes: int, code: str = PEAK) -> tuple[float, float]:
    """Peak resident memory in MB of a process: after two steps, and after all."""
    ran = subprocess.run(
        [sys.executable, "-c", code, *map(str, sizes)],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    before, after = map(float, ran.stdout.split())
    return before, after


def test_long_runs_do_not_keep_all_links() -> None:
    slots, steps = 512, 256
    all_links = steps * slots * slots * 4 / 2**20
    before, after = _peaks(slots, 4, 1, 8, 1, steps)
    assert after - before < all_links / 3, f"{after - before:.0f} MB more, all links are {all_links:.0f} MB"


def test_memory_grows_with_the_root_of_the_steps() -> None:
    def links(steps: int) -> float:
        """Link matrices that the tape and the backward pass's scratch have room for."""
        with recorded_operators() as calls:
            DNC(8, 8, output_size=8, memory_size=512, word_size=4, num_reads=1, backend="native")(
                torch.zeros(steps, 1, 8)
            )
        x, *_, config, numbers = calls[0]
        plan = plans.plan_for(x, config, numbers)
        return (plan.tape + plan.backward_scratch) / 512**2

    assert loader.why_unavailable() is None
    assert links(100) < 2 * 10 + 12
    assert links(900) < 2 * 30 + 60  # and 900 steps' records, 28 rows of 512 each: 49 matrices


INFERENCE = """
import resource
import sys
import torch
from tapehead import DNC

dnc = DNC(8, 64, output_size=8, memory_size=128, word_size=16, num_reads=4, backend="native")


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


with torch.no_grad():
    dnc(torch.zeros(50, 4, 8))
    before = peak()
    dnc(torch.zeros(int(sys.argv[1]), 4, 8))
print(before, peak())
"""


def test_inference_needs_no_more_memory_for_more_steps() -> None:
    steps = 4000
    before, after = _peaks(steps, code=INFERENCE)
    x_and_outputs = 2 * steps * 4 * 8 * 4 / 2**20
    with recorded_operators() as calls:
        DNC(8, 64, output_size=8, memory_size=128, word_size=16, num_reads=4, backend="native")(
            torch.zeros(50, 4, 8)
        )
    x, *_, config, numbers = calls[0]
    tape = plans.plan_for(x.new_zeros(steps, 4, 8), config, numbers).tape * 4 / 2**20
    assert tape > 200
    assert after - before < x_and_outputs + 5, f"{after - before:.1f} MB more"


@pytest.mark.slow
def test_three_hundred_steps_of_a_large_dnc_within_three_gigabytes() -> None:
    _, after = _peaks(256, 64, 4, 256, 32, 300)
    assert after < 3 * 1024
