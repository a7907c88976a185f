# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---
# %% [markdown]
# # A network learns to copy in 60 seconds
#
# A Neural Turing Machine is a small network with a table beside it. In every step it says where to write and where to
# read, and it is trained by gradient descent like any other network. Nobody tells it that the table is good for storing
# things in order. Here you watch it find that out.
#
# You need `pip install '.[viz]'` in a checkout ([more](index.md)). All of this page runs on one core of a laptop.

# %%
# %matplotlib inline
import time

import matplotlib.pyplot as plt
import torch

import tapehead
from tapehead import tasks

torch.set_num_threads(1)

# %% [markdown]
# ## The task
#
# The machine sees a start flag, then a few random vectors, then an end flag. After that it sees nothing, and has to say the
# vectors again in the same order. A column is a step, `#` is a 1:

# %%
task = tasks.get("copy", max_length=10)
print(task.describe(tasks.Sampler(1, seed=3).draw(task.with_sizes(length=6))))

# %% [markdown]
# ## The machine
#
# A feed-forward controller has no memory of its own: whatever is to survive a step has to go into the table. It has 32 slots of
# 20 numbers, one head that writes and one that reads. `init="tape"` lets the heads begin as those of a tape: in focus, one slot
# on in every step. (Without it copying is learned too, later.)


# %%
def new_machine(seed: int) -> tapehead.NTM:
    torch.manual_seed(seed)
    return tapehead.NTM(
        input_size=task.input_size,
        hidden_size=100,
        output_size=task.output_size,
        memory_size=32,
        word_size=20,
        controller="feedforward",
        init="tape",
    )


print(f"{sum(p.numel() for p in new_machine(0).parameters()):,} numbers to learn")

# %% [markdown]
# ## Training
#
# The loss is a cross-entropy over the answer's bits; divided by ln 2 it is the paper's unit, *bits per sequence*: what it costs to
# code the right answer with the machine's predictions. An answer by chance costs 9 bits a step.
#
# Recurrent memories have good and bad beginnings: about half of all random weights sit on a plateau for a long time, where the
# machine answers with the average. The remedy is the one that `tapehead train` uses as well: whoever is still there after a while
# starts again. While it trains we keep the write weighting of one fixed episode, to look at afterwards.

# %%
watched = tasks.Sampler(1, seed=7).draw(task.with_sizes(length=10))


def train(machine: tapehead.NTM, updates: int, seed: int) -> tuple[list[float], dict[int, torch.Tensor]]:
    optimizer = torch.optim.Adam(machine.parameters(), lr=2e-3)
    sampler = tasks.Sampler(batch_size=4, seed=seed)
    curve, pictures = [], {}
    for update in range(updates + 1):
        if update in (0, 100, 300, updates):
            with torch.no_grad():
                _, _, trace = machine(watched.inputs, return_trace=True)
            pictures[update] = trace.write_weights[:, 0, 0].T
        batch = sampler.draw(task)
        outputs, _ = machine(batch.inputs, lengths=batch.lengths)
        loss = task.loss(outputs, batch).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(machine.parameters(), 10.0)
        optimizer.step()
        curve.append(float(task.bits(outputs.detach(), batch).mean()))
    return curve, pictures


started = time.monotonic()
for seed in range(6):
    machine = new_machine(seed)
    curve, pictures = train(machine, updates=1000, seed=seed)
    bits = sum(curve[-100:]) / 100
    print(
        f"start {seed}: {bits:6.2f} bits per sequence after 1000 updates, {time.monotonic() - started:3.0f} s in all"
    )
    if bits < 5:
        break

# %% tags=["hide"] alt="Learning curve: bits per sequence fall to nearly zero within a thousand updates"
figure, axes = plt.subplots(figsize=(7, 2.6), layout="constrained")
axes.plot(curve, linewidth=0.8)
axes.set(xlabel="update", ylabel="bits per sequence", title=f"Start {seed}")
plt.show()

# %% [markdown]
# ## Watch the head move
#
# The write weighting says where the head stood in each step. At first it drifts and smears. Then it becomes a staircase: each vector
# goes into the next slot.

# %% tags=["hide"] alt="The write weighting of one episode at four times of training: from a smear to a sharp staircase"
figure, axes = plt.subplots(1, len(pictures), figsize=(9, 2.8), layout="constrained", sharey=True)
for axis, (update, weights) in zip(axes, pictures.items()):
    axis.imshow(weights, aspect="auto", cmap="viridis", vmin=0, vmax=1, interpolation="nearest")
    axis.set(title=f"after {update} updates", xlabel="step")
axes[0].set_ylabel("slot")
plt.show()

# %% [markdown]
# ## What it learned is a program
#
# It was trained on at most 10 vectors. Now 30, on a larger memory: `memory_size` belongs to the call, no weight depends on it.

# %%
longer = tasks.Sampler(100, seed=5).draw(task.with_sizes(length=30))
with torch.no_grad():
    outputs, _ = machine(longer.inputs, memory_size=64)
wrong = task.num_errors(outputs, longer)
print(f"{int((wrong == 0).sum())} of 100 sequences of 30 vectors are copied without a wrong bit")

# %% [markdown]
# A machine that had learned to *remember ten vectors* would fail here. This one learned *write, move on; go back; read, move on*: a loop.
#
# ## Its memory, in numbers
#
# A trace records all that happened. Which slot did the head write in each step, and which did it read?

# %%
with torch.no_grad():
    outputs, state, trace = machine(watched.inputs, return_trace=True)
print("written:", trace.write_weights[1:11, 0, 0].argmax(-1).tolist())
print("read:   ", trace.read_weights[11:22, 0, 0].argmax(-1).tolist())

# %% [markdown]
# The words read in a step reach the controller in the next one, and the output layer in this one.
#
# **Now you.** Set `max_shift=0` (the head can no longer move), or take `init="tape"` away, or let `controller="lstm"`. The machine that
# ships as `ntm-copy` was trained the same way for longer: [run it in your browser](../live/index.md), damage a slot, and see.
