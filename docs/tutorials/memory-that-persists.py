# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---
# %% [markdown]
# # Memory that persists
#
# The weights are learned once. The memory is *state*: it comes in with a call and goes out with it, and it is yours. You can keep it,
# save it, move it, branch it, and clear single sequences of it.
#
# You need `pip install .` in a checkout ([more](index.md)).

# %%
import torch

import tapehead
from tapehead import tasks

machine = tapehead.load("ntm-copy")
task = tasks.get("copy")
batch = tasks.Sampler(1, seed=4).draw(task.with_sizes(length=12))
x = batch.inputs
listening, answering = x[:14], x[14:]  # twelve vectors between two flags; then silence

# %% [markdown]
# ## Stop, and go on
#
# A call over T steps equals T calls of one step.

# %%
with torch.no_grad():
    whole, _ = machine(x)
    _, state = machine(listening)
    rest, _ = machine(answering, state)
print("the same answer:", torch.allclose(whole[14:], rest, atol=1e-6))

# %% [markdown]
# ## Save it, load it, go on tomorrow
#
# A state is a NamedTuple of tensors. `torch.save` writes it; `weights_only=True` reads it without running any code of the file.

# %%
torch.save(state, "memory.pt")
print({name: tuple(field.shape) for name, field in zip(state._fields, state) if torch.is_tensor(field)})

# %% [markdown]
# … another process, another day:

# %%
remembered = torch.load("memory.pt", weights_only=True)
with torch.no_grad():
    answer, _ = machine(answering, remembered)
print("wrong bits after waking up:", int(task.num_errors(torch.cat([whole[:14], answer]), batch).sum()))

# %% [markdown]
# `state.to("cuda")` and `state.to(torch.float64)` move it, `state.detach()` cuts it from the graph.
#
# ## Look into it, change it
#
# The state belongs to you: no two sequences share storage. Wipe slot 3, which holds the third vector.

# %%
damaged = remembered._replace(memory=remembered.memory.clone())
damaged.memory[:, 3] = 0
with torch.no_grad():
    answer, _ = machine(answering, damaged)
wrong = (answer > 0) != (batch.targets[14:] > 0.5)
print("wrong bits of each vector:", wrong.sum(-1)[:, 0].tolist())

# %% [markdown]
# More than one vector is gone. The controller of `ntm-copy` has no state of its own: that it is answering, and where, it knows only from
# what it reads. An empty word in the middle of the answer makes it lose the thread. Half of a word would do no harm:

# %%
faded = remembered._replace(memory=remembered.memory.clone())
faded.memory[:, 3] *= 0.5
with torch.no_grad():
    answer, _ = machine(answering, faded)
print("wrong bits:", int(((answer > 0) != (batch.targets[14:] > 0.5)).sum()))

# %% [markdown]
# ## Branch: two futures from one past
#
# States are values. Keep one, and run it on twice.

# %%
with torch.no_grad():
    _, state_a = machine(torch.zeros(3, 1, 10), remembered)
    _, state_b = machine(torch.ones(3, 1, 10), remembered)
print("different memories:", not torch.equal(state_a.memory, state_b.memory))

# %% [markdown]
# ## Reinforcement learning: reset some sequences, keep the others
#
# In a vector of environments some episodes end earlier. Give those the initial state, and leave the others as they are: `map_state` goes
# over every tensor, the controller's included.


# %%
def reset_where(machine, state, done: torch.Tensor):
    """The state with the initial one where ``done`` [B] is True."""
    fresh = machine.initial_state(len(done), memory_size=state.memory.shape[1])

    def chosen(kept: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        return torch.where(done.view(-1, *[1] * (kept.dim() - 1)), new, kept)

    return tapehead.map_state(chosen, state, fresh)


agent = tapehead.DNC(6, 32, memory_size=16, word_size=8, num_reads=2)
state = agent.initial_state(4)
for step in range(3):
    observation = torch.randn(1, 4, 6)
    features, state = agent(observation, state)
    done = torch.tensor([False, step == 1, False, False])
    state = reset_where(agent, state, done)
print("usage of each environment's memory:", [round(float(u), 2) for u in state.usage.sum(-1)])

# %% [markdown]
# The second environment began anew after step 1. [`examples/recurrent_ppo.py`](../how-to/integrations.md) trains an agent this way.
#
# ## Truncated backpropagation through time
#
# A stream longer than memory for the backward pass: detach between the pieces.

# %%
stream = torch.randn(200, 2, 6)
optimizer = torch.optim.Adam(agent.parameters(), lr=1e-3)
state = None
for piece in stream.split(50):
    outputs, state = agent(piece, state)
    loss = (outputs[..., 0] - piece[..., 0]).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    state = state.detach()
print("the memory has seen 200 steps; the gradient at most 50 at a time")

# %% [markdown]
# ## A larger memory later
#
# No weight depends on the number of slots, so a trained machine can start on more: `machine(x, memory_size=512)`. A running state keeps the
# size that it began with.
