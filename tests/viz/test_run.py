"""A traced run: time first, and the machine is left as it was."""

import pytest
import torch
from torch import nn

from tapehead import DNC, NTM, tasks
from tapehead.nn import DeepLSTM, Machine
from tapehead.viz.run import run_traced

TASK = tasks.get("copy", max_length=5, num_bits=3)
SIZES = {"input_size": TASK.input_size, "hidden_size": 8, "output_size": TASK.output_size}
BATCH = tasks.Sampler(3, seed=1).draw(TASK)


class NoisyController(nn.Module):
    """A controller of the user's own, with dropout; a part of it stays in evaluation mode."""

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.output_size = 8
        self.layer = nn.Linear(input_size, 8)
        self.dropout = nn.Dropout(0.5)
        self.frozen = nn.Identity().eval()

    def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> tuple:
        return ()

    def reset_parameters(self) -> None:
        self.layer.reset_parameters()

    def forward(self, x: torch.Tensor, state: tuple) -> tuple[torch.Tensor, tuple]:
        return self.frozen(self.dropout(self.layer(x))), state


def _noisy() -> Machine:
    W = 6
    return NTM(**SIZES, memory_size=10, word_size=W, controller=NoisyController(TASK.input_size + W))


@pytest.mark.parametrize("kind", [NTM, DNC, DeepLSTM])
def test_batch_first_makes_no_difference(kind: type) -> None:
    machine = kind(**SIZES) if kind is DeepLSTM else kind(**SIZES, memory_size=10, word_size=6)
    expected = run_traced(machine, BATCH)
    machine.batch_first = True
    outputs, trace = run_traced(machine, BATCH)
    assert machine.batch_first
    torch.testing.assert_close(outputs, expected.outputs, rtol=0, atol=0)
    assert outputs.shape == BATCH.targets.shape
    assert (trace is None) == (expected.trace is None) == (kind is DeepLSTM)
    if trace is not None and expected.trace is not None:
        for field, other in zip(trace, expected.trace, strict=True):
            assert (field is None) == (other is None)
            if field is not None:
                torch.testing.assert_close(field, other, rtol=0, atol=0)


def test_evaluation_mode_and_back() -> None:
    machine = _noisy()
    before = {name: module.training for name, module in machine.named_modules()}
    assert before["controller.dropout"]
    assert not before["controller.frozen"]
    first, second = run_traced(machine, BATCH), run_traced(machine, BATCH)
    torch.testing.assert_close(first.outputs, second.outputs, rtol=0, atol=0)
    assert not first.outputs.requires_grad
    assert {name: module.training for name, module in machine.named_modules()} == before
    with pytest.raises(ValueError, match="memory_size"):
        run_traced(machine, BATCH, memory_size=0)
    assert {name: module.training for name, module in machine.named_modules()} == before


def test_the_memory_size_of_the_run() -> None:
    machine = DNC(**SIZES, memory_size=10, word_size=6)
    trace = run_traced(machine, BATCH, memory_size=17).trace
    assert trace is not None
    assert trace.memory.shape[2] == 17
