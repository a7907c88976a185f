"""Train an NTM with PyTorch Lightning.

python examples/lightning_copy.py
"""

import lightning
import torch
from torch.utils.data import DataLoader, IterableDataset

import tapehead
from tapehead import tasks


class Episodes(IterableDataset):
    """An endless stream of batches of a task."""

    def __init__(self, task: tasks.Task, batch_size: int, seed: int = 0) -> None:
        super().__init__()
        self.task, self.sampler = task, tasks.Sampler(batch_size, seed)

    def __iter__(self):
        while True:
            yield self.sampler.draw(self.task)


class Copier(lightning.LightningModule):
    """A machine, its task's loss, and Adam."""

    def __init__(self, task: tasks.Task) -> None:
        super().__init__()
        self.task = task
        self.machine = tapehead.NTM(
            task.input_size,
            100,
            output_size=task.output_size,
            memory_size=16,
            controller="feedforward",
            init="tape",
        )

    def training_step(self, batch: tasks.Batch, index: int) -> torch.Tensor:
        outputs, _ = self.machine(batch.inputs, lengths=batch.lengths)
        self.log("bits", self.task.bits(outputs.detach(), batch).mean())
        return self.task.loss(outputs, batch).mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=2e-3)


def main(updates: int = 300) -> tuple[float, float]:
    """Train; bits per sequence before and after."""
    lightning.seed_everything(1)
    task = tasks.get("copy", max_length=5)
    copier = Copier(task)
    test = tasks.Sampler(100, seed=9).draw(task)

    def bits() -> float:
        with torch.no_grad():
            outputs, _ = copier.machine(test.inputs, lengths=test.lengths)
        return float(task.bits(outputs, test).mean())

    before = bits()
    trainer = lightning.Trainer(
        max_steps=updates, gradient_clip_val=10.0, accelerator="cpu", logger=False, enable_checkpointing=False
    )
    trainer.fit(
        copier, DataLoader(Episodes(task, batch_size=4), batch_size=None)
    )  # the sampler makes the batches
    after = bits()
    print(f"{before:.1f} bits per sequence before, {after:.1f} after {updates} updates")
    return before, after


if __name__ == "__main__":
    main()
