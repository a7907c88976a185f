"""Define a task: answer a sequence in reverse. Trains a small NTM on it for a few seconds.

python examples/own_task.py
"""

import dataclasses

import torch

import tapehead
from tapehead import tasks


@tasks.register
@dataclasses.dataclass(frozen=True)
class Reverse(tasks.Task):
    """L vectors, a flag, then L steps in which the answer is the vectors in reverse order."""

    name = "reverse"
    sizes = ("length",)

    min_length: int = 1
    max_length: int = 4
    num_bits: int = 3

    @property
    def channels(self) -> tasks.Channels:
        bits = tuple(f"bit {i}" for i in range(self.num_bits))
        return tasks.Channels(inputs=(*bits, "flag"), outputs=bits)

    def sample(self, batch_size: int, generator: torch.Generator) -> tasks.Batch:
        length = torch.randint(self.min_length, self.max_length + 1, (batch_size,), generator=generator)
        steps = 2 * int(length.max()) + 1
        inputs = torch.zeros(steps, batch_size, self.input_size)
        targets = torch.zeros(steps, batch_size, self.output_size)
        mask = torch.zeros(steps, batch_size, dtype=torch.bool)
        for b, n in enumerate(length.tolist()):  # simple; the tasks of tapehead are vectorised
            vectors = torch.randint(2, (n, self.num_bits), generator=generator).float()
            inputs[:n, b, : self.num_bits] = vectors
            inputs[n, b, self.num_bits] = 1
            targets[n + 1 : 2 * n + 1, b] = vectors.flip(0)
            mask[n + 1 : 2 * n + 1, b] = True
        return tasks.Batch(inputs, targets, mask, 2 * length + 1)


def main(steps: int = 200) -> float:
    """Train; the bits per sequence at the end."""
    torch.manual_seed(0)
    task = tasks.get("reverse")
    sampler = tasks.Sampler(batch_size=16, seed=0)
    machine = tapehead.NTM(task.input_size, 32, output_size=task.output_size, memory_size=16, word_size=8)
    optimizer = torch.optim.Adam(machine.parameters(), lr=1e-2)
    for step in range(1, steps + 1):
        batch = sampler.draw(task)
        outputs, _ = machine(batch.inputs, lengths=batch.lengths)
        optimizer.zero_grad()
        task.loss(outputs, batch).mean().backward()
        torch.nn.utils.clip_grad_norm_(machine.parameters(), 10.0)
        optimizer.step()
        bits = float(task.bits(outputs.detach(), batch).mean())
        if step % 50 == 0:
            print(f"after {step} batches: {bits:.2f} bits per sequence")
    print(task.describe(batch, outputs, index=int(batch.lengths.argmax())))
    return bits


if __name__ == "__main__":
    main()
