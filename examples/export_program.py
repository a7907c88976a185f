"""Export a trained machine over a whole sequence with torch.export, save the program, and load it.

python examples/export_program.py
"""

import tempfile
from pathlib import Path

import torch

import tapehead
from tapehead import tasks


def main() -> int:
    """Export ntm-copy for a sequence of 23 steps; the number of wrong bits of the loaded program."""
    machine, task = tapehead.load("ntm-copy"), tasks.get("copy")
    batch = tasks.Sampler(1, seed=0).draw(task.with_sizes(length=10))
    with torch.no_grad():
        program = torch.export.export(machine, (batch.inputs,))
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "copy.pt2"
            torch.export.save(program, file)
            loaded = torch.export.load(file)
        outputs, _ = loaded.module()(batch.inputs)
    wrong = int(task.num_errors(outputs, batch).sum())
    print(f"{wrong} wrong bits in {int(batch.mask.sum()) * task.output_size}")
    return wrong


if __name__ == "__main__":
    main()
