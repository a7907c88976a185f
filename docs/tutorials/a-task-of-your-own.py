# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---
# %% [markdown]
# # A task of your own
#
# A task is a frozen dataclass that draws episodes. Give it a name, its sizes, its channels and a `sample`, and everything that works with
# the papers' tasks works with yours: scoring in bits, pictures, presets, `tapehead train`.
#
# You need `pip install '.[train,viz]'` in a checkout ([more](index.md)).
#
# Ours: *which number came twice?* Some vectors are shown, one of them a second time at the end but with its first half blanked out; the
# machine has to say the missing half. That is content lookup: finding the whole by a part.

# %%
import dataclasses

import torch

import tapehead
from tapehead import tasks

torch.set_num_threads(1)


@tasks.register
@dataclasses.dataclass(frozen=True)
class MissingHalf(tasks.Task):
    """L vectors of two halves; then the second half of one of them, and the answer is its first half."""

    name = "missing-half"
    sizes = ("length",)

    min_length: int = 2
    max_length: int = 6
    half: int = 6

    @property
    def channels(self) -> tasks.Channels:
        first = tuple(f"a{i}" for i in range(self.half))
        second = tuple(f"b{i}" for i in range(self.half))
        return tasks.Channels(inputs=(*first, *second, "ask"), outputs=first)

    def sample(self, batch_size: int, generator: torch.Generator) -> tasks.Batch:
        length = torch.randint(self.min_length, self.max_length + 1, (batch_size,), generator=generator)
        steps = int(length.max()) + 1
        inputs = torch.zeros(steps, batch_size, self.input_size)
        targets = torch.zeros(steps, batch_size, self.output_size)
        mask = torch.zeros(steps, batch_size, dtype=torch.bool)
        for b, n in enumerate(length.tolist()):
            vectors = torch.randint(2, (n, 2 * self.half), generator=generator).float()
            asked = int(torch.randint(n, (1,), generator=generator))
            inputs[:n, b, :-1] = vectors
            inputs[n, b, self.half : -1] = vectors[asked, self.half :]
            inputs[n, b, -1] = 1
            targets[n, b] = vectors[asked, : self.half]
            mask[n, b] = True
        return tasks.Batch(inputs, targets, mask, length + 1)


task = tasks.get("missing-half")
print(task.describe(tasks.Sampler(1, seed=2).draw(task.with_sizes(length=5))))

# %% [markdown]
# A `Batch` holds the inputs and targets [T, B, ...], the mask of the steps that count, and each episode's length. Everything random comes
# from the given generator, so a seed fixes every episode.
#
# **Check it before you train.** The oracle (the targets as certain logits) must have no loss, and chance must cost a bit a bit:

# %%
batch = tasks.Sampler(200, seed=0).draw(task)
print(
    "oracle:",
    float(task.bits(task.oracle(batch), batch).mean()),
    "bits; chance:",
    float(task.bits(torch.zeros_like(batch.targets), batch).mean()),
)

# %% [markdown]
# ## Train it
#
# By hand, so that nothing is hidden. With `controller="feedforward"` all that lasts from step to step is the memory. `init="lookup"` begins with
# every step in a slot of its own, and with read heads that look for what is like the input: made for questions about facts. An LSTM with as
# many numbers runs beside it.


# %%
def train(machine: torch.nn.Module, updates: int = 1000) -> list[float]:
    optimizer = torch.optim.Adam(machine.parameters(), lr=2e-3)
    sampler = tasks.Sampler(batch_size=16, seed=0)
    curve = []
    for _ in range(updates):
        batch = sampler.draw(task)
        outputs, _ = machine(batch.inputs, lengths=batch.lengths)
        loss = task.loss(outputs, batch).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(machine.parameters(), 10.0)
        optimizer.step()
        curve.append(float(task.bits(outputs.detach(), batch).mean()))
    return curve


torch.manual_seed(0)
dnc = tapehead.DNC(
    task.input_size, 64, output_size=task.output_size, memory_size=16, word_size=32, num_reads=1,
    controller="feedforward", init="lookup",
)  # fmt: skip
lstm = tapehead.nn.DeepLSTM(task.input_size, 84, output_size=task.output_size, num_layers=1)
curves = {}
for name, machine in {"DNC": dnc, "LSTM": lstm}.items():
    numbers = sum(p.numel() for p in machine.parameters())
    curves[f"{name}, {numbers:,} numbers"] = train(machine)

# %% tags=["hide"] alt="Learning curves of the DNC and of the LSTM on the task"
# %matplotlib inline
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(7, 2.8), layout="constrained")
for name, curve in curves.items():
    axes.plot([sum(curve[max(0, i - 30) : i + 1]) / min(i + 1, 31) for i in range(len(curve))], label=name)
axes.axhline(task.half, color="grey", linewidth=0.8, linestyle=":")
axes.set(xlabel="update", ylabel="bits to code the answer", title="The dotted line is chance")
axes.legend()
plt.show()

# %%
test = tasks.Sampler(500, seed=9).draw(task)
for name, machine in {"DNC": dnc, "LSTM": lstm}.items():
    with torch.no_grad():
        outputs, _ = machine(test.inputs, lengths=test.lengths)
    exact = (task.num_errors(outputs, test) == 0).float().mean()
    print(f"{name}: {float(exact):.1%} of 500 new episodes without a wrong bit")

# %% [markdown]
# Nobody can have all of them right: in some episodes two vectors have the same second half. (With an LSTM controller in place of the
# feed-forward one the DNC did not learn this in 1,200 updates: it tried to do without its memory.)

# %% [markdown]
# ## With the trainer
#
# A preset is plain data. `train.train` writes checkpoints, resumes to the last bit, and validates; the run's folder is a model that
# `tapehead plot`, `trace` and `evaluate` take. The task must be importable where they run: put the class in a module of your own.

# %%
import shutil

from tapehead import train as training

config = training.TrainConfig(
    task=task,
    model=training.dnc(
        hidden_size=64, memory_size=16, word_size=32, num_reads=1, controller="feedforward", init="lookup"
    ),
    optimizer=training.OptimizerConfig(lr=2e-3),
    batch_size=16,
    sequences=4_000,
    validate_every=2_000,
)
shutil.rmtree("run", ignore_errors=True)
report = training.train(config, "run")
print(
    f"{report.reason}: {report.bits_per_sequence:.2f} bits per sequence after {report.sequences:,} sequences"
)

# %% [markdown]
# To add a task to the library itself, see "How to add a task" in `CONTRIBUTING.md`.
