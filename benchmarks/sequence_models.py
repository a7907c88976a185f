"""Networks without a memory of slots, called as the machines are: LSTM, GRU and a causal transformer.

Each takes x [T, B, inputs] and a state, or None at the beginning, and returns y [T, B, outputs] and the state
after the last step. ``memory_size`` is for machines that have slots, and is ignored. So are ``lengths``: what
follows an episode changes nothing before it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from tapehead.errors import InputError
from tapehead.nn import DeepLSTM

Lengths = Tensor | Sequence[int] | None

LONGEST_WAVE = 10_000.0
"""Of the rotary positions, as in Su et al. 2021 (arXiv:2104.09864)."""
LEAST_ROOM = 256
"""Steps that a new cache has room for, at least."""


class LSTM(nn.Module):
    """A :class:`tapehead.nn.DeepLSTM`, whose memory size may be given and is ignored.

    Args:
        machine: the LSTM.
    """

    def __init__(self, machine: DeepLSTM) -> None:
        super().__init__()
        self.machine = machine

    def forward(
        self, x: Tensor, state: Any = None, *, lengths: Lengths = None, memory_size: int | None = None
    ) -> tuple[Tensor, Any]:
        return self.machine(x, state)


class GRU(nn.Module):
    """A GRU (Cho et al. 2014, arXiv:1406.1078) with a linear output layer.

    Args:
        inputs: numbers in x_t.
        outputs: numbers in y_t.
        hidden_size: units a layer.
        num_layers: layers.
    """

    def __init__(self, inputs: int, outputs: int, *, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        self.layers = nn.GRU(inputs, hidden_size, num_layers)
        self.output = nn.Linear(hidden_size, outputs)

    def forward(
        self,
        x: Tensor,
        state: Tensor | None = None,
        *,
        lengths: Lengths = None,
        memory_size: int | None = None,
    ) -> tuple[Tensor, Tensor]:
        features, state = self.layers(x, state)
        return self.output(features), state


class Cache:
    """Keys and values of all layers and steps, [L, 2, B, heads, room, D], of which ``used`` steps are filled.

    Steps are only ever added, so that the states that share a cache stay as they are.
    """

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.used = 0


class TransformerState(NamedTuple):
    """The steps that a transformer has seen: the first ``steps`` of a cache."""

    cache: Cache
    steps: int


class Transformer(nn.Module):
    """A causal transformer (Vaswani et al. 2017, arXiv:1706.03762), normalised before each sublayer.

    Positions are rotary, relative therefore. Gradients are for whole sequences: with them no state is taken
    or returned, but None.

    Args:
        inputs: numbers in x_t.
        outputs: numbers in y_t.
        width: numbers in the vector of a step.
        hidden_size: units of the two-layer perceptron in each layer.
        heads: of the attention; ``width`` is divided among them, an even number each.
        num_layers: layers.

    Raises:
        ValueError: ``width`` is no multiple of 2·``heads``.
    """

    frequencies: Tensor

    def __init__(
        self, inputs: int, outputs: int, *, width: int, hidden_size: int, heads: int, num_layers: int
    ) -> None:
        super().__init__()
        if width % (2 * heads):
            raise ValueError(f"width is {width}: give a multiple of 2 × {heads} heads")
        self.heads = heads
        self.input = nn.Linear(inputs, width)
        self.layers = nn.ModuleList(_Layer(width, hidden_size, heads) for _ in range(num_layers))
        self.norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, outputs)
        size = width // heads
        waves = LONGEST_WAVE ** (torch.arange(0, size, 2) / size)
        self.register_buffer("frequencies", 1 / waves, persistent=False)

    def forward(
        self,
        x: Tensor,
        state: TransformerState | None = None,
        *,
        lengths: Lengths = None,
        memory_size: int | None = None,
    ) -> tuple[Tensor, TransformerState | None]:
        steps = len(x)
        past = 0 if state is None else state.steps
        cache = None
        if not torch.is_grad_enabled():
            cache = self._with_room(state, steps, x)
        elif state is not None:
            raise InputError("a state was given with gradients enabled: call it under torch.no_grad()")
        turns = self._turns(past, steps)
        h = self.input(x).transpose(0, 1)
        for index, layer in enumerate(self.layers):
            h = layer(h, turns, past, None if cache is None else cache.tensor[index])
        y = self.output(self.norm(h)).transpose(0, 1)
        if cache is None:
            return y, None
        cache.used = past + steps
        return y, TransformerState(cache, past + steps)

    def _turns(self, past: int, steps: int) -> tuple[Tensor, Tensor]:
        """Cosines and sines of the positions' angles, each [T, D/2]."""
        positions = torch.arange(past, past + steps, device=self.frequencies.device)
        angles = positions.unsqueeze(1) * self.frequencies
        return angles.cos(), angles.sin()

    def _with_room(self, state: TransformerState | None, steps: int, x: Tensor) -> Cache:
        """The state's cache if it ends with the state and has room for as many steps more; else a copy."""
        past = 0 if state is None else state.steps
        if state is not None and state.cache.used == past and past + steps <= state.cache.tensor.shape[4]:
            return state.cache
        room = max(LEAST_ROOM, past + steps, 2 * past)
        size = 2 * len(self.frequencies)
        cache = Cache(x.new_empty(len(self.layers), 2, x.shape[1], self.heads, room, size))
        if state is not None:
            cache.tensor[..., :past, :] = state.cache.tensor[..., :past, :]
        return cache


class _Layer(nn.Module):
    def __init__(self, width: int, hidden_size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.attended = nn.Linear(width, width)
        self.perceptron_norm = nn.LayerNorm(width)
        self.hidden = nn.Linear(width, hidden_size)
        self.back = nn.Linear(hidden_size, width)

    def forward(self, h: Tensor, turns: tuple[Tensor, Tensor], past: int, cache: Tensor | None) -> Tensor:
        """h [B, T, width] → the same; keys and values are added to the cache [2, B, heads, room, D]."""
        h = h + self._attend(self.attention_norm(h), turns, past, cache)
        return h + self.back(gelu(self.hidden(self.perceptron_norm(h))))

    def _attend(self, h: Tensor, turns: tuple[Tensor, Tensor], past: int, cache: Tensor | None) -> Tensor:
        steps = h.shape[1]
        q, k, v = self.queries_keys_values(h).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        q, k = _turn(q, turns), _turn(k, turns)
        if cache is not None:
            cache[0, :, :, past : past + steps] = k
            cache[1, :, :, past : past + steps] = v
        if past and cache is not None:
            k, v = cache[:, :, :, : past + steps]
        # A single step sees everything; the first steps see a triangle, later ones a triangle after the past.
        mask = None
        if past and steps > 1:
            mask = torch.ones(steps, past + steps, dtype=torch.bool, device=h.device).tril(past)
        found = scaled_dot_product_attention(q, k, v, mask, is_causal=not past and steps > 1)
        return self.attended(found.transpose(1, 2).flatten(2))


def _turn(vectors: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary positions: turn each pair of numbers (i, i + D/2) by the angle of its step; [.., T, D]."""
    a, b = vectors.chunk(2, -1)
    cos, sin = turns
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)
