# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---
# %% [markdown]
# # Write the addressing yourself
#
# An exercise sheet for a course. You write the heart of both papers, ten short functions, and after each a check compares yours with
# `tapehead.functional` on random numbers, outputs and gradients. At the end your functions move a head, and carry a trained network.
#
# You need `pip install '.[viz]'` in a checkout ([more](index.md)). Download the notebook above: in it the bodies are left out, and it stops at
# each until you have written it. On this page the solutions are folded.
#
# **Shapes.** B sequences, N slots, W numbers in a slot, H heads. A *weighting* over the slots is not negative and sums to at most 1.
# Read the NTM paper's section 3 ([arXiv:1410.5401](https://arxiv.org/abs/1410.5401)) beside it, and the Methods of the DNC paper
# ([doi:10.1038/nature20101](https://doi.org/10.1038/nature20101)) for the second half.

# %%
import torch
from torch import Tensor

import tapehead.functional as ours

torch.manual_seed(0)
B, N, W, H = 3, 7, 5, 2


def weighting(*shape: int) -> Tensor:
    return torch.rand(*shape, dtype=torch.float64).softmax(-1)


def check(mine, reference, *inputs: Tensor) -> None:
    """Compare values, then the gradients of every input."""
    pairs = []
    for function in (mine, reference):
        leaves = [x.clone().requires_grad_() for x in inputs]
        result = function(*leaves)
        results = result if isinstance(result, tuple) else (result,)
        assert all(r is not None for r in results), "your function returns None"
        total = sum((r * torch.linspace(1, 2, r.numel(), dtype=r.dtype).view_as(r)).sum() for r in results)
        pairs.append((results, torch.autograd.grad(total, leaves)))
    (values, gradients), (right_values, right_gradients) = pairs
    for value, right in zip(values, right_values):
        assert value.shape == right.shape, (
            f"the shape is {tuple(value.shape)}, it should be {tuple(right.shape)}"
        )
        torch.testing.assert_close(value, right, atol=1e-9, rtol=1e-7)
    for gradient, right in zip(gradients, right_gradients):
        torch.testing.assert_close(gradient, right, atol=1e-9, rtol=1e-7)
    print(f"{mine.__name__}: right")


# %% [markdown]
# ## 1. Reading (eq. 2)
#
# $$ \mathbf{r} = \sum_i w(i)\, \mathbf{M}(i) $$


# %% tags=["solution"]
def read(memory: Tensor, weights: Tensor) -> Tensor:
    """memory [B, N, W], weights [B, H, N] → words read [B, H, W]."""
    return weights @ memory


# %%
memory = torch.randn(B, N, W, dtype=torch.float64)
check(read, ours.read, memory, weighting(B, H, N))

# %% [markdown]
# ## 2. Writing (eq. 3 and 4)
#
# First all heads erase, then all add; $\mathbf{e}_h$ lies between 0 and 1.
#
# $$ \mathbf{M}(i) \leftarrow \mathbf{M}(i) \prod_h \big[1 - w_h(i)\, \mathbf{e}_h\big] + \sum_h w_h(i)\, \mathbf{a}_h $$
#
# *Why is the product taken over the heads, and not one head after the other with its own add?*


# %% tags=["solution"]
def erase_and_add(memory: Tensor, weights: Tensor, erase: Tensor, add: Tensor) -> Tensor:
    """memory [B, N, W], weights [B, H, N], erase and add [B, H, W] → memory [B, N, W]."""
    keep = (1 - weights.unsqueeze(-1) * erase.unsqueeze(2)).prod(dim=1)
    return memory * keep + weights.transpose(1, 2) @ add


# %%
erase, add = torch.rand(B, H, W, dtype=torch.float64), torch.randn(B, H, W, dtype=torch.float64)
check(erase_and_add, ours.erase_and_add, memory, weighting(B, H, N), erase, add)

# %% [markdown]
# ??? success "Why"
#
#     So that the order of the heads does not matter: a head may not erase what another head adds in the same step.
#
# ## 3. Looking for a word (eq. 5 and 6)
#
# A softmax over the slots of the cosine similarity of key and slot, times the strength $\beta$. Under both norms stands
# $\varepsilon = 10^{-6}$, so that an empty memory has a gradient:
#
# $$ w^c(i) = \operatorname{softmax}_i \left( \beta\, \frac{\mathbf{k} \cdot \mathbf{M}(i)}{\sqrt{(|\mathbf{k}|^2 + \varepsilon)(|\mathbf{M}(i)|^2 + \varepsilon)}} \right) $$


# %% tags=["solution"]
def content_weights(memory: Tensor, keys: Tensor, strengths: Tensor) -> Tensor:
    """memory [B, N, W], keys [B, H, W], strengths [B, H] → weighting [B, H, N]."""
    epsilon = 1e-6
    products = keys @ memory.transpose(1, 2)
    key_squares = keys.square().sum(-1).unsqueeze(-1) + epsilon
    slot_squares = memory.square().sum(-1).unsqueeze(1) + epsilon
    similarity = products / (key_squares * slot_squares).sqrt()
    return torch.softmax(strengths.unsqueeze(-1) * similarity, dim=-1)


# %%
keys, strengths = torch.randn(B, H, W, dtype=torch.float64), 1 + torch.rand(B, H, dtype=torch.float64)
check(content_weights, ours.content_weights, memory, keys, strengths)

# %% [markdown]
# ## 4. Or staying where one was (eq. 7)
#
# $$ w^g = g\, w^c + (1 - g)\, w_{t-1} $$


# %% tags=["solution"]
def interpolate(content: Tensor, previous: Tensor, gate: Tensor) -> Tensor:
    """content and previous [B, H, N], gate [B, H] → weighting [B, H, N]."""
    return gate.unsqueeze(-1) * content + (1 - gate).unsqueeze(-1) * previous


# %%
check(
    interpolate,
    ours.interpolate,
    weighting(B, H, N),
    weighting(B, H, N),
    torch.rand(B, H, dtype=torch.float64),
)

# %% [markdown]
# ## 5. Moving on (eq. 8)
#
# A circular convolution. `shifts[..., 0]` is the offset −1, `shifts[..., 1]` is 0, `shifts[..., 2]` is +1: from slot *i* to *i* + 1.
#
# $$ \tilde w(i) = \sum_j w^g(j)\, s(i - j) $$


# %% tags=["solution"]
def shift(weights: Tensor, shifts: Tensor) -> Tensor:
    """weights [B, H, N], shifts [B, H, 3] → weighting [B, H, N]."""
    moved = [weights.roll(offset, dims=-1) for offset in (-1, 0, 1)]
    return sum(shifts[..., i : i + 1] * w for i, w in enumerate(moved))


# %%
check(shift, ours.shift, weighting(B, H, N), weighting(B, H, 3))

# %% [markdown]
# ## 6. Against the blur (eq. 9)
#
# Each soft shift blurs. A power $\gamma \ge 1$ makes the weighting sharp again. *What does the formula, written as it stands, do in
# float32 to a weighting of 1/200 with $\gamma = 40$?*
#
# $$ w(i) = \frac{\tilde w(i)^\gamma}{\sum_j \tilde w(j)^\gamma} $$


# %% tags=["solution"]
def sharpen(weights: Tensor, gamma: Tensor) -> Tensor:
    """weights [B, H, N], above 0, gamma [B, H] → weighting [B, H, N]."""
    return torch.softmax(gamma.unsqueeze(-1) * weights.log(), dim=-1)


# %%
check(sharpen, ours.sharpen, weighting(B, H, N), 1 + 3 * torch.rand(B, H, dtype=torch.float64))
flat = torch.full((1, 1, 200), 1 / 200)
print(
    "as it stands:",
    float((flat**40 / (flat**40).sum()).sum()),
    " in logarithms:",
    float(sharpen(flat, torch.tensor([[40.0]])).sum()),
)

# %% [markdown]
# All powers underflow to 0, and 0/0 is no number. In logarithms the largest is taken out first.
#
# ## Your head moves
#
# Twenty steps that say *do not look, move by +1*, with shifts that are not quite sure. Above without sharpening, below with it.

# %% alt="Two weightings over twenty steps: the one without sharpening smears out, the one with it stays a line"
# %matplotlib inline
import matplotlib.pyplot as plt

figure, axes = plt.subplots(2, 1, figsize=(6, 4), layout="constrained", sharex=True)
unsure = torch.tensor([[[0.05, 0.15, 0.80]]])
for axis, gamma in zip(axes, (1.0, 3.0)):
    w = torch.zeros(1, 1, 24)
    w[..., 0] = 1
    path = []
    for _ in range(20):
        w = sharpen(shift(w, unsure).clamp_min(1e-9), torch.tensor([[gamma]]))
        path.append(w[0, 0])
    axis.imshow(torch.stack(path, 1), aspect="auto", vmin=0, vmax=1, interpolation="nearest")
    axis.set(ylabel="slot", title=f"γ = {gamma:g}")
axes[1].set_xlabel("step")
plt.show()

# %% [markdown]
# ## 7. Which slots are free (DNC, "Dynamic memory allocation")
#
# The DNC keeps a *usage* between 0 and 1 of every slot. What was written is used; what was read, and whose free gate is open, is free:
#
# $$ \psi = \prod_r (1 - f^r\, w^{r}_{t-1}), \qquad u = (u_{t-1} + w^w_{t-1} - u_{t-1} \circ w^w_{t-1}) \circ \psi $$


# %% tags=["solution"]
def usage_after(usage: Tensor, write_weights: Tensor, free_gates: Tensor, read_weights: Tensor) -> Tensor:
    """usage and write_weights [B, N], free_gates [B, R], read_weights [B, R, N] → usage [B, N]."""
    retention = (1 - free_gates.unsqueeze(-1) * read_weights).prod(dim=1)
    return (usage + write_weights - usage * write_weights) * retention


# %%
def their_usage(usage, write_weights, free_gates, read_weights):
    return ours.update_usage(usage, write_weights, ours.retention(free_gates, read_weights))


usage = torch.rand(B, N, dtype=torch.float64)
check(
    usage_after,
    their_usage,
    usage,
    weighting(B, N),
    torch.rand(B, H, dtype=torch.float64),
    weighting(B, H, N),
)

# %% [markdown]
# ## 8. Where to write something new
#
# Sort the slots by usage, $\phi$ the least used first; take as much of the first as is free, then of the next:
#
# $$ a[\phi_j] = (1 - u[\phi_j]) \prod_{i<j} u[\phi_i] $$
#
# The order has no gradient, the usages have. *Hint:* `argsort`, `gather`, `cumprod`, `scatter`.


# %% tags=["solution"]
def allocation_weights(usage: Tensor) -> Tensor:
    """usage [B, N] → weighting [B, N]."""
    order = usage.argsort(dim=-1, stable=True)
    sorted_usage = usage.gather(-1, order)
    ones = torch.ones_like(usage[:, :1])
    before = torch.cat([ones, sorted_usage.cumprod(-1)[:, :-1]], dim=-1)
    return torch.zeros_like(usage).scatter(-1, order, (1 - sorted_usage) * before)


# %%
check(allocation_weights, ours.allocation_weights, usage)
print("a free slot takes all:", allocation_weights(torch.tensor([[0.9, 0.0, 0.4]])).tolist())

# %% [markdown]
# ## 9. In which order it was written (DNC, "Temporal memory linkage")
#
# $\mathbf{p}$ says which slot was written last; $\mathbf{L}[i, j]$ is near 1 when *i* was written right after *j*. The diagonal is 0.
#
# $$ \mathbf{L}[i, j] \leftarrow (1 - w_i - w_j)\, \mathbf{L}[i, j] + w_i\, p_j $$


# %% tags=["solution"]
def update_link(link: Tensor, precedence: Tensor, write_weights: Tensor) -> Tensor:
    """link [B, N, N], precedence and write_weights [B, N] → link [B, N, N]."""
    to, come_from = write_weights.unsqueeze(-1), write_weights.unsqueeze(-2)
    new = (1 - to - come_from) * link + to * precedence.unsqueeze(-2)
    return new * (1 - torch.eye(link.shape[-1], dtype=link.dtype))


# %%
link = torch.rand(B, N, N, dtype=torch.float64) * (1 - torch.eye(N, dtype=torch.float64))
check(update_link, ours.update_link, link, weighting(B, N), weighting(B, N))

# %% [markdown]
# ## 10. One step on, one step back
#
# From the slots that a head read last, the forward weighting follows the order of writing, the backward one goes against it.


# %% tags=["solution"]
def directional_weights(link: Tensor, read_weights: Tensor) -> tuple[Tensor, Tensor]:
    """link [B, N, N], read_weights [B, R, N] → (forward, backward), each [B, R, N]."""
    forward = read_weights @ link.transpose(1, 2)
    backward = read_weights @ link
    return forward, backward


# %%
check(directional_weights, ours.directional_weights, link, weighting(B, H, N))

# %% [markdown]
# ## Your functions carry a trained network
#
# `ntm-copy` ships with the library. Its `step` is the paper, line by line; here the addressing is replaced by yours, and the network
# still copies. The compiled engine computes the library's own step, so this machine runs on the reference engine. (It would anyway: the
# library notices that `step` is another one.)

# %%
import dataclasses

import tapehead
from tapehead import tasks


class Mine(tapehead.NTM):
    """An NTM whose step is written with the functions above."""

    def step(self, x, state):
        chi = torch.cat([x, state.read_words.flatten(1)], dim=-1)
        features, controller = self.controller(chi, state.controller)
        reading, writing = self.interface(features).split([26, 66], dim=-1)
        write_weights, rest = self.focus(writing, state.memory, state.write_weights)
        erase, add = rest.split(20, dim=-1)
        memory = erase_and_add(
            state.memory, write_weights, erase.sigmoid().unsqueeze(1), add.tanh().unsqueeze(1)
        )
        read_weights, _ = self.focus(reading, memory, state.read_weights)
        words = read(memory, read_weights)
        return features, tapehead.NTMState(memory, write_weights, read_weights, words, controller), None

    def focus(self, head, memory, previous):
        key, strength, gate, shifts, gamma, rest = head.split([20, 1, 1, 3, 1, head.shape[-1] - 26], dim=-1)
        softplus = torch.nn.functional.softplus
        found = content_weights(memory, key.tanh().unsqueeze(1), softplus(strength))
        moved = shift(interpolate(found, previous, gate.sigmoid()), shifts.softmax(-1).unsqueeze(1))
        return sharpen(moved.clamp_min(1e-30), 1 + softplus(gamma)), rest


trained = tapehead.load("ntm-copy")
mine = Mine.from_config(dataclasses.replace(trained.config, backend="reference"))
mine.load_state_dict(trained.state_dict())
task = tasks.get("copy")
batch = tasks.Sampler(20, seed=1).draw(task.with_sizes(length=20))
with torch.no_grad():
    outputs, _ = mine(batch.inputs)
print(f"wrong bits of {int(batch.mask.sum()) * 9:,}: {int(task.num_errors(outputs, batch).sum())}")
assert int(task.num_errors(outputs, batch).sum()) == 0

# %% [markdown]
# ## For those who want more
#
# 1. Return $w^g$ from `focus` without the shift. Which tasks can the machine still do? Try it: train `copy` with `max_shift=0`.
# 2. DeepMind's published DNC stops the gradient from the usage to the last write weighting. Find the switch in
#    [the table of switches](../machines/switches.md) and the line in `dnc.py`.
# 3. Read from the memory *before* the write. Which line changes, and what does the controller then know later?
# 4. How much memory does the gradient of `update_link` need over T steps? [The engine](../engine.md) says how it can be avoided.
