"""Runs up to the output layer."""

import pytest
import torch

from tapehead import NTM
from tapehead.nn import DeepLSTM, Machine

from .machines import MACHINES


@pytest.mark.filterwarnings("ignore:this .* runs on the reference engine")
@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("backend", ["reference", "auto"])
def test_outputs_of_the_features_are_the_outputs(name: str, backend: str) -> None:
    machine: Machine = MACHINES[name]().double().eval()  # without dropout
    machine.backend = backend
    x, lengths = torch.randn(6, 3, machine.input_size, dtype=torch.float64), [6, 2, 4]
    y, state = machine.unroll(x, lengths=lengths)[:2]
    features, read_words, final = machine.features(x, lengths=lengths)
    padding = torch.arange(6)[:, None, None] >= torch.tensor(lengths)[:, None]
    torch.testing.assert_close(machine.outputs(features, read_words).masked_fill(padding, 0), y)
    for one, other in zip(torch.utils._pytree.tree_leaves(final), torch.utils._pytree.tree_leaves(state)):
        torch.testing.assert_close(one, other)
    assert (read_words is None) == isinstance(machine, DeepLSTM)


def test_logits_of_the_write_gates() -> None:
    torch.manual_seed(0)
    ntm = NTM(3, 8, memory_size=5, word_size=4, num_writes=2, write_gate=True)
    x = torch.randn(4, 2, 3)
    features, _, _ = ntm.features(x)
    _, _, trace = ntm(x, return_trace=True)
    expected = ntm._split(trace.interface).writes.write_gates
    torch.testing.assert_close(ntm.write_gate_logits(features), expected)
    with pytest.raises(ValueError, match="no write gates: build it with write_gate=True"):
        NTM(3, 8).write_gate_logits(features)
