"""Proximal policy optimisation with a memory: explicit state, reset where an episode ends.

    python examples/recurrent_ppo.py

The environment shows a cue in its first step, then nothing for a while, and rewards the action that the
cue named. Without a memory the best is 1 in 4.
"""

from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Categorical

import tapehead

CUES, WAIT = 4, 5


class Remember(gymnasium.Env):
    """See a cue, wait, act on it: reward 1 for the right action in the last step, 0 otherwise."""

    observation_space = gymnasium.spaces.Box(0.0, 1.0, (CUES + 1,), np.float32)
    action_space = gymnasium.spaces.Discrete(CUES)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.cue, self.time = int(self.np_random.integers(CUES)), 0
        return self._seen(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        self.time += 1
        done = self.time > WAIT
        return self._seen(), float(done and action == self.cue), done, False, {}

    def _seen(self) -> np.ndarray:
        seen = np.zeros(CUES + 1, np.float32)
        if self.time == 0:
            seen[self.cue] = 1
        seen[CUES] = self.time == WAIT  # "now act"
        return seen


class Agent(nn.Module):
    """A machine with a policy and a value on top."""

    def __init__(self, machine: tapehead.nn.Machine) -> None:
        super().__init__()
        self.machine = machine
        self.policy = nn.Linear(machine.output_size, CUES)
        self.value = nn.Linear(machine.output_size, 1)

    def forward(self, seen: Tensor, state: Any) -> tuple[Categorical, Tensor, Any]:
        features, state = self.machine(seen, state)
        return Categorical(logits=self.policy(features)), self.value(features).squeeze(-1), state


def reset_where(machine: tapehead.nn.Machine, state: Any, done: Tensor) -> Any:
    """The state with the initial one in the environments that are ``done``, [B]."""

    def chosen(kept: Tensor, fresh: Tensor) -> Tensor:
        return torch.where(done.view(-1, *[1] * (kept.dim() - 1)), fresh, kept)

    return tapehead.map_state(chosen, state, machine.initial_state(len(done), state.memory.shape[1]))


def main(iterations: int = 60, environments: int = 32) -> float:
    """Train; the mean reward of the last five iterations' episodes."""
    torch.manual_seed(0)
    steps = WAIT + 1  # a rollout is one episode of each environment, so backpropagation sees all of it
    worlds = _worlds(environments)
    agent = Agent(tapehead.DNC(CUES + 1, 32, memory_size=8, word_size=8, num_reads=1))
    optimizer = torch.optim.Adam(agent.parameters(), lr=5e-3)
    seen, _ = worlds.reset(seed=0)
    state = agent.machine.initial_state(environments)
    rewards_of: list[float] = []
    for iteration in range(iterations):
        start, rollout = state, []
        for _ in range(steps):
            now = torch.as_tensor(seen)
            with torch.no_grad():
                policy, value, state = agent(now.unsqueeze(0), state)
                action = policy.sample()
            seen, reward, ended, _, _ = worlds.step(action[0].numpy())
            rollout.append(
                (now, action[0], policy.log_prob(action)[0], value[0], torch.as_tensor(reward).float())
            )
            state = reset_where(agent.machine, state, torch.as_tensor(ended))
        observations, actions, old, values, rewards = (torch.stack(part) for part in zip(*rollout))
        returns = rewards.flip(0).cumsum(0).flip(0)
        advantage = returns - values
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-6)
        for _ in range(4):
            policy, value, _ = agent(observations, start)
            ratio = (policy.log_prob(actions) - old).exp()
            gain = torch.minimum(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage)
            loss = -gain.mean() + 0.5 * (returns - value).square().mean() - 0.01 * policy.entropy().mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), 1.0)
            optimizer.step()
        rewards_of.append(float(rewards.sum(0).mean()))
        if (iteration + 1) % 20 == 0:
            mean = sum(rewards_of[-5:]) / 5
            print(f"iteration {iteration + 1}: mean reward {mean:.2f}, by chance {1 / CUES:.2f}")
    return sum(rewards_of[-5:]) / 5


def _worlds(count: int) -> gymnasium.vector.VectorEnv:
    """Environments that begin anew in the very step in which they end."""
    mode = gymnasium.vector.AutoresetMode.SAME_STEP
    return gymnasium.vector.SyncVectorEnv([Remember] * count, autoreset_mode=mode)


if __name__ == "__main__":
    main()
