"""Train an NTM with the Trainer of Hugging Face transformers, on padded episodes.

python examples/hf_trainer.py
"""

import tempfile

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from transformers import Trainer, TrainingArguments

import tapehead
from tapehead import tasks


class Episodes(Dataset):
    """As many episodes of a task as asked for, drawn once."""

    def __init__(self, task: tasks.Task, count: int, seed: int) -> None:
        batch = tasks.Sampler(count, seed).draw(task)
        self.episodes = [batch.episode(index) for index in range(count)]

    def __len__(self) -> int:
        return len(self.episodes)

    def __getitem__(self, index: int) -> tasks.Batch:
        return self.episodes[index]


def collate(episodes: list[tasks.Batch]) -> dict[str, Tensor]:
    """Pad episodes to the longest, [T, B, ...]."""

    def padded(field: str) -> Tensor:
        return nn.utils.rnn.pad_sequence([getattr(episode, field)[:, 0] for episode in episodes])

    lengths = torch.cat([episode.lengths for episode in episodes])
    return {
        "inputs": padded("inputs"),
        "targets": padded("targets"),
        "mask": padded("mask"),
        "lengths": lengths,
    }


class Answerer(nn.Module):
    """A machine that returns its loss, as the Trainer wants it."""

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

    def forward(self, inputs: Tensor, targets: Tensor, mask: Tensor, lengths: Tensor) -> dict[str, Tensor]:
        outputs, _ = self.machine(inputs, lengths=lengths)
        loss = self.task.loss(outputs, tasks.Batch(inputs, targets, mask, lengths)).mean()
        return {
            "loss": loss,
            "logits": outputs.transpose(0, 1),
        }  # the Trainer counts batches along the first axis


def main(updates: int = 300) -> tuple[float, float]:
    """Train; the loss of held-out episodes in nats before and after."""
    torch.manual_seed(1)
    task = tasks.get("copy", max_length=5)
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            max_steps=updates,
            per_device_train_batch_size=4,
            learning_rate=2e-3,
            max_grad_norm=10.0,
            lr_scheduler_type="constant",
            report_to=[],
            save_strategy="no",
            use_cpu=True,
            disable_tqdm=True,
            remove_unused_columns=False,
            prediction_loss_only=True,
            label_names=["targets"],
        )
        trainer = Trainer(
            model=Answerer(task),
            args=arguments,
            data_collator=collate,
            train_dataset=Episodes(task, 2000, seed=0),
            eval_dataset=Episodes(task, 64, seed=9),
        )
        before = trainer.evaluate()["eval_loss"]
        trainer.train()
        after = trainer.evaluate()["eval_loss"]
    print(f"loss {before:.1f} before, {after:.1f} after {updates} updates")
    return before, after


if __name__ == "__main__":
    main()
