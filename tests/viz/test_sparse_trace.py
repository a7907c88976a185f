"""Traces of sparse access, which no figure shows."""

from pathlib import Path

import pytest
import torch

from tapehead import DNC, NTM, cli
from tapehead.viz.interface import is_ntm


@pytest.mark.parametrize("kind", [NTM, DNC])
def test_they_are_refused_in_a_sentence(kind: type) -> None:
    *_, trace = kind(3, 5, memory_size=7, word_size=4, access="sparse")(torch.zeros(2, 3), return_trace=True)
    with pytest.raises(ValueError, match='access="sparse"'):
        is_ntm(trace)


def test_dense_ones_are_told_apart() -> None:
    x = torch.zeros(2, 3)
    of_ntm = NTM(3, 5, memory_size=7, word_size=4)(x, return_trace=True)[2]
    of_dnc = DNC(3, 5, memory_size=7, word_size=4, temporal_links=False)(x, return_trace=True)[2]
    assert is_ntm(of_ntm)
    assert not is_ntm(of_dnc)


@pytest.mark.parametrize("command", ["trace", "plot"])
def test_the_command_line_says_so(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / ("play.html" if command == "trace" else "figures")
    assert (
        cli.main([command, "ntm-sparse-recall", "--length", "4", "--memory-size", "64", "--out", str(out)])
        == 2
    )
    assert 'access="sparse", which figures and players cannot show' in capsys.readouterr().err
    assert not out.exists() or not list(out.iterdir())
