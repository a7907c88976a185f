"""The benchmark's plumbing, at tiny sizes: it refuses on red, and what it prints for programs is JSON."""

import dataclasses
import json

import pytest

from benchmarks import speed
from benchmarks.cases import CASES, Case
from benchmarks.gate import TOLERANCE, worst_difference
from tapehead import DNC

TINY = Case("tiny", "dnc", inputs=3, outputs=2, steps=4, hidden=5, layers=2, slots=6, word=3, reads=2)
RUN = ["--case", "tiny", "--batch", "2", "--rounds", "1", "--json", "--contender", "native", "reference"]


@pytest.fixture(autouse=True)
def _tiny_case(monkeypatch):
    monkeypatch.setitem(CASES, "tiny", TINY)


def test_json(capsys):
    assert speed.main(RUN) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["contender"] for row in rows] == ["native", "reference"]
    assert all(row["ms"] > 0 and row["gflop_per_s"] > 0 for row in rows)
    assert rows[0]["times_native"] == 1


def test_refuses_on_red(monkeypatch, capsys):
    monkeypatch.setattr(speed, "worst_difference", lambda case: 10 * TOLERANCE)
    assert speed.main(RUN) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "no speed is reported" in printed.err


def test_refuses_what_is_not_a_number(monkeypatch):
    monkeypatch.setattr(speed, "worst_difference", lambda case: float("nan"))
    assert speed.main(RUN) == 1


@pytest.mark.parametrize("kind", ["dnc", "ntm"])
def test_gate_is_green(kind):
    assert worst_difference(dataclasses.replace(TINY, kind=kind)) < TOLERANCE


def test_flop_counts_the_weights():
    machine = DNC(3, 5, 2, 6, 3, 2, num_layers=2)
    weights = sum(p.numel() for p in machine.parameters() if p.dim() == 2)
    memory = 6 * 3 * (2 * 2 + 3) + 6 * 6 * (2 + 2 * 2)
    assert TINY.flop(batch=7) == 6 * 7 * 4 * (weights + memory)
