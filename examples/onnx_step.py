"""Export one step of a trained machine to ONNX, its state as inputs and outputs; run it by onnxruntime.

python examples/onnx_step.py
"""

import tempfile
from pathlib import Path

import onnxruntime
import torch
from torch import Tensor, nn

import tapehead
from tapehead import tasks


class Step(nn.Module):
    """One step as a function of tensors alone."""

    def __init__(self, machine: tapehead.NTM) -> None:
        super().__init__()
        self.machine = machine

    def forward(self, x: Tensor, state: tapehead.NTMState) -> tuple[Tensor, tapehead.NTMState]:
        features, state, _ = self.machine.step(x, state)
        return self.machine.outputs(features, state.read_words), state


def main() -> int:
    """Export ntm-copy, copy twenty vectors with the exported step, and return the number of wrong bits."""
    machine, task = tapehead.load("ntm-copy"), tasks.get("copy")
    state = machine.initial_state(1)
    batch = tasks.Sampler(1, seed=0).draw(task.with_sizes(length=20))
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "step.onnx")
        torch.onnx.export(Step(machine), (batch.inputs[0], state), dynamo=True, verbose=False).save(file)
        session = onnxruntime.InferenceSession(file)
    names = [entry.name for entry in session.get_inputs()]
    carried = [field.numpy() for field in state if isinstance(field, Tensor)]
    outputs = []
    for x in batch.inputs:
        y, *carried = session.run(None, dict(zip(names, [x.numpy(), *carried], strict=True)))
        outputs.append(torch.from_numpy(y))
    wrong = int(task.num_errors(torch.stack(outputs), batch).sum())
    bits = int(batch.mask.sum()) * task.output_size
    print(f"{wrong} wrong bits in {bits}, by {len(outputs)} runs of the exported step")
    return wrong


if __name__ == "__main__":
    main()
