# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---
# %% [markdown]
# # Memory in your own model: swap nn.LSTM for a DNC
#
# The machines are called like `nn.LSTM`. The swap is two lines:
#
# ```diff
# - self.core = nn.LSTM(input_size, 128)
# + self.core = tapehead.DNC(input_size, 128, memory_size=32, word_size=32, num_reads=2)
#   self.head = nn.Linear(128, classes)
#   …
# - y, (h, c) = self.core(x, (h, c))
# + y, state = self.core(x, state)
# ```
#
# This page does it on a real dataset, asks it one question where memory helps and one where it does not, and then goes through what
# differs. You need `pip install '.[viz]' scikit-learn` in a checkout ([more](index.md)).

# %%
import time

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy, one_hot

import tapehead

torch.set_num_threads(1)
images, digits = load_digits(return_X_y=True)
images, digits = torch.tensor(images / 16).float(), torch.tensor(digits)
order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
train_set, test_set = order[:1300], order[1300:]
print(f"{len(images):,} handwritten digits of 8 × 8 pixels; {len(test_set)} of them are for the test")


# %%
class Model(nn.Module):
    """Any core that is called like nn.LSTM, and a linear layer."""

    def __init__(self, core: nn.Module, classes: int) -> None:
        super().__init__()
        self.core, self.head = core, nn.Linear(128, classes)

    def forward(self, x):
        y, _ = self.core(x)
        return self.head(y)


def core(name: str, input_size: int) -> nn.Module:
    torch.manual_seed(0)
    if name == "LSTM":
        return nn.LSTM(input_size, 128)
    sizes = {"memory_size": 40, "word_size": 32, "num_reads": 2}
    if name == "DNC":
        return tapehead.DNC(input_size, 128, **sizes)
    lookups = {"controller": "feedforward", "init": "lookup", "temporal_links": False}
    return tapehead.DNC(input_size, 128, **sizes, **lookups)  # "DNC for lookups"


def train(model: nn.Module, draw, updates: int, loss_of) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    generator = torch.Generator().manual_seed(1)
    for _ in range(updates):
        x, target = draw(train_set, 16, generator)[:2]
        loss = loss_of(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()


# %% [markdown]
# ## Where memory helps: learn five digits by name, within one sequence
#
# Each sequence takes five of the ten digits and gives them the names 0 to 4 **at random**. Images come one after the other, each digit four
# times in mixed order, and each in two steps: first the image alone, when the machine has to say the name; then the image with the right
# name (after Santoro et al., 2016, who tell the name one step late). Nothing about *which* digit has *which* name can be in the weights,
# as it is drawn anew. The machine has to write down what it was told, and look it up by an image that is similar.

# %%
WAYS, SHOTS = 5, 4


def draw_names(pool: torch.Tensor, batch: int, generator: torch.Generator):
    """(images, and images with names, in turn [2T, B, 69]; names [T, B]; how often each digit came before [T, B])."""
    steps = WAYS * SHOTS
    chosen = torch.rand(batch, 10, generator=generator).argsort(1)[:, :WAYS]
    names = torch.arange(WAYS).repeat(SHOTS)[torch.rand(batch, steps, generator=generator).argsort(1)]
    shown = chosen.gather(1, names)
    by_digit = [pool[digits[pool] == digit] for digit in range(10)]
    fewest = min(map(len, by_digit))
    table = torch.stack([members[:fewest] for members in by_digit])
    picture = images[table[shown, torch.randint(fewest, (batch, steps), generator=generator)]]
    told = one_hot(names, WAYS).float()
    asked = torch.cat([picture, torch.zeros_like(told)], dim=2)
    in_turn = torch.stack([asked, torch.cat([picture, told], dim=2)], dim=2).flatten(1, 2)
    before = (one_hot(names, WAYS).cumsum(1) - 1).gather(2, names.unsqueeze(2)).squeeze(2)
    return in_turn.transpose(0, 1), names.T, before.T


def names_loss(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return cross_entropy(y[::2].flatten(0, 1), target.flatten())


accuracy: dict[str, list[float]] = {}
for name in ("LSTM", "DNC", "DNC for lookups"):
    started = time.process_time()
    model = Model(core(name, 64 + WAYS), WAYS)
    train(model, draw_names, 600, names_loss)
    x, target, before = draw_names(test_set, 400, torch.Generator().manual_seed(5))
    with torch.no_grad():
        right = (model(x)[::2].argmax(-1) == target).float()
    accuracy[name] = [float(right[before == shot].mean()) for shot in range(SHOTS)]
    numbers = sum(p.numel() for p in model.parameters())
    print(
        f"{name:15} {numbers:8,} numbers, {time.process_time() - started:3.0f} s:",
        [f"{a:.0%}" for a in accuracy[name]],
    )
assert accuracy["DNC for lookups"][1] > 0.8, "what the text says of this figure would be wrong"

# %% tags=["hide"] alt="Accuracy by how often a digit was shown before: the DNC for lookups rises at once, LSTM and DNC stay low"
# %matplotlib inline
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(6, 2.8), layout="constrained")
for name, values in accuracy.items():
    axes.plot(range(SHOTS), values, marker="o", label=name)
axes.axhline(1 / WAYS, color="grey", linewidth=0.8, linestyle=":")
axes.set(xlabel="times this digit was shown before", ylabel="right name", xticks=range(SHOTS), ylim=(0, 1))
axes.legend()
plt.show()

# %% [markdown]
# At the first sight of a digit its name is a guess among those not used yet. From the second on the DNC for lookups finds it, on images of
# the test set. The LSTM would have to keep five images and their names in its one hidden state; with this training it does not learn to.
#
# And neither does the DNC as it comes. That is the honest part: a memory alone is not enough, training has to find out what it is good for, and
# that can take long. `controller="feedforward"` leaves the machine nothing else to remember with, and `init="lookup"` begins with every step in a
# slot of its own and with read heads that look for what is like the input. For tasks of facts and questions take both. No model was tuned here.
# (In that paper's form, with the name a step late, the fact has to be pieced together from two slots: there LSTM, DNC and an NTM for lookups
# had learned nothing after 600 updates.)
#
# ## Where memory does not help: which digit is it?
#
# The same images, row by row: eight steps of eight pixels, then the digit. All that matters of a row fits into a hidden state.


# %%
def draw_rows(pool: torch.Tensor, batch: int, generator: torch.Generator):
    """(rows [8, B, 8], digits [B])."""
    chosen = pool[torch.randint(len(pool), (batch,), generator=generator)]
    return images[chosen].view(batch, 8, 8).transpose(0, 1), digits[chosen]


for name in ("LSTM", "DNC"):
    started = time.process_time()
    model = Model(core(name, 8), 10)
    train(model, draw_rows, 600, lambda y, target: cross_entropy(y[-1], target))
    with torch.no_grad():
        guess = model(images[test_set].view(-1, 8, 8).transpose(0, 1))[-1].argmax(-1)
    print(
        f"{name:15} {float((guess == digits[test_set]).float().mean()):.1%} right, {time.process_time() - started:3.0f} s"
    )

# %% [markdown]
# Both do it, and the LSTM in less time. A rule of thumb: a memory pays when the sequence *tells facts that are needed
# later by content*, more of them than a hidden state holds. It does not for a running summary.
#
# ## What differs from nn.LSTM
#
# | | `nn.LSTM` | a tapehead machine |
# |---|---|---|
# | positional arguments | `(input_size, hidden_size, num_layers)` | `(input_size, hidden_size)`; everything else by keyword |
# | width of y | `hidden_size` | `output_size`, or `hidden_size` without it |
# | state | `(h, c)` | a NamedTuple: memory, weightings, words read, controller … |
# | a learned first state | no | `learn_initial_state=True` |
# | `bidirectional`, `dropout`, `proj_size` | yes | no |
# | longer memory later | no | `machine(x, memory_size=512)` |
# | padded batches | pack them | pack them, or give `lengths=` |
#
# The same holds for `batch_first`, unbatched input, `PackedSequence`, `deepcopy`, `state_dict`.
#
# **Truncated backpropagation through time**: `state = state.detach()` between the pieces.

# %%
machine = tapehead.DNC(8, 128, memory_size=32, word_size=32, num_reads=2)
state = None
for piece in torch.randn(60, 4, 8).split(20):
    y, state = machine(piece, state)
    y.square().mean().backward()
    state = state.detach()

# %% [markdown]
# **Sequences of different lengths**: pack them, or give the lengths. Both give the same.

# %%
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

x, lengths = torch.randn(20, 3, 8), torch.tensor([20, 12, 5])
with torch.no_grad():
    packed, _ = machine(pack_padded_sequence(x, lengths))
    padded, _ = machine(x, lengths=lengths)
print("equal:", torch.allclose(pad_packed_sequence(packed)[0], padded, atol=1e-6))

# %% [markdown]
# **Mixed precision**: under autocast the machine computes in its parameters' dtype, because addressing by softmax does not stand
# rounding to 8 bits, and hands its outputs on in autocast's. Nothing is to be done.

# %%
with torch.autocast("cpu", dtype=torch.bfloat16):
    y, state = machine(nn.Linear(8, 8)(torch.randn(5, 2, 8)))
print(y.dtype, state.memory.dtype)

# %% [markdown]
# **torch.compile**: the machine is one operator of a compiled graph, so the layers around it are compiled as usual. It gains nothing
# itself: its whole sequence runs in one call of C++ already.
#
# **DistributedDataParallel**: as for any module; [Train on two machines](two-machines.md) runs it.
#
# **On a GPU** the machines run on Triton kernels, which no GPU has timed yet. On the reference loop small ones are faster on the CPU
# ([measured](../speed.md)).
