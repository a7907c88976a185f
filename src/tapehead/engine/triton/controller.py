"""The controller over a sequence: matrix products of a batch by PyTorch, the LSTM's cell by a kernel.

What a layer gets from x is one product over all steps; per step come the words read, the layer's own last
output, and the layer below.
"""

from collections.abc import Sequence
from typing import Any

import torch
import triton
from torch import Tensor

from ..spec import KernelSpec
from .cell import cell_backward, cell_forward

BLOCK = 256
"""Cells a program."""


class Controller:
    """The controller of a run: its buffers, a step forward, a step backward.

    Args:
        spec: of the machine.
        layers: (weight, bias) of each layer, as the run was called with.
        x: [T, B, input_size], without numbers in the padding.
        words: before every step and after the last, [T + 1, B, R W].
        start: (h, c) of every layer; nothing for a feed-forward controller.
        lengths: steps of each sequence, [B].
    """

    def __init__(
        self,
        spec: KernelSpec,
        layers: list[tuple[Tensor, Tensor]],
        x: Tensor,
        words: Tensor,
        start: list[Tensor],
        lengths: Tensor,
    ) -> None:
        self.lstm, self.units, self.layers = spec.lstm, spec.hidden_size, layers
        self.bound = spec.clip_controller_gradient or 0.0
        self.x, self.words, self.lengths = x, words, lengths
        self.steps, self.batch, inputs = x.shape
        # Of the words, the part that the controller sees: all or nothing.
        self.fed = words if spec.feed_reads else words[..., :0]
        sizes = [inputs, self.fed.shape[-1], self.units * self.lstm]
        # Of each layer the columns for x, for the words, for its own last output, and for the layer below.
        self.parts = [weight.split([*sizes, weight.shape[1] - sum(sizes)], dim=1) for weight, _ in layers]
        self.gates = x.new_empty(len(layers), self.steps, self.batch, layers[0][0].shape[0])
        for gates, parts, (_, bias) in zip(self.gates, self.parts, layers):
            torch.addmm(bias, x.flatten(0, 1), parts[0].T, out=gates.flatten(0, 1))
        self.features = x.new_empty(self.steps, self.batch, len(layers) * self.units)
        # [L, T + 1, B, H]; nothing for a feed-forward controller.
        self.hidden, self.cells = self._over_steps(start[::2]), self._over_steps(start[1::2])

    def _over_steps(self, first: list[Tensor]) -> Tensor:
        buffer = self.x.new_empty(len(first), self.steps + 1, self.batch, self.units)
        for layer, tensor in zip(buffer, first):
            layer[0].copy_(tensor)
        return buffer

    def _part(self, features: Tensor, layer: int) -> Tensor:
        """A layer's part of [.., L H]."""
        return features.narrow(-1, layer * self.units, self.units)

    def _launch(self, kernel: Any, *arguments: Any, **sizes: Any) -> None:
        grid = (triton.cdiv(self.batch * self.units, BLOCK),)
        sizes |= {"H": self.units, "LAYERS": len(self.layers), "BLOCK": BLOCK}
        kernel[grid](*arguments, self.batch, **sizes)

    def forward(self, t: int) -> None:
        """Step t, from the words of the step before to the features."""
        for layer, (_, of_words, of_hidden, of_below) in enumerate(self.parts):
            gates = self.gates[layer][t]
            gates.addmm_(self.fed[t], of_words.T)
            if layer:
                gates.addmm_(self._part(self.features[t], layer - 1), of_below.T)
            part = self._part(self.features, layer)
            if self.lstm:
                gates.addmm_(self.hidden[layer][t], of_hidden.T)
                buffers = self.gates[layer], self.cells[layer], self.hidden[layer], part, self.lengths
                self._launch(cell_forward, *buffers, t)
            else:
                torch.tanh(gates, out=gates)
                part[t].copy_(gates)

    def final(self) -> list[Tensor]:
        """h and c of every layer after the last step, in tensors of their own."""
        pairs = zip(self.hidden, self.cells)
        return [buffer[self.steps].clone() for pair in pairs for buffer in pair]

    def start_backward(self, of_state: Sequence[Tensor | None]) -> None:
        """Make room; the gradients of the final h and c of every layer then become those of the first."""
        self.of_gates = torch.zeros_like(self.gates)
        self.of_hidden = torch.zeros_like(self.hidden[:, 0])
        self.of_cells = torch.zeros_like(self.of_hidden)
        for target, given in zip(self.of_start(), of_state):
            if given is not None:
                target.copy_(given)

    def of_start(self) -> list[Tensor]:
        """The gradients of h and c of every layer."""
        return [gradient for pair in zip(self.of_hidden, self.of_cells) for gradient in pair]

    def backward(self, t: int, of_features: Tensor, of_words: Tensor, active: Tensor) -> None:
        """Step t; adds to the gradient of the words that it saw.

        Args:
            of_features: [B, L H]; used up.
            of_words: [B, R W].
            active: which sequences are not over, [B, 1].
        """
        for layer in reversed(range(len(self.parts))):
            _, from_words, from_hidden, from_below = self.parts[layer]
            part, of_gates = self._part(of_features, layer), self.of_gates[layer][t]
            if self.lstm:
                buffers = self.gates[layer], self.cells[layer], self.of_gates[layer], self.of_cells[layer]
                rest = self.of_hidden[layer], part, self.lengths
                self._launch(cell_backward, *buffers, *rest, t, BOUND=self.bound)
                self.of_hidden[layer].addmm_(of_gates, from_hidden)
            else:
                if self.bound:
                    part = part.clamp(-self.bound, self.bound)
                said = self.gates[layer][t]
                torch.mul(torch.where(active, part, 0), 1 - said * said, out=of_gates)
            of_words[:, : self.fed.shape[-1]].addmm_(of_gates, from_words)
            if layer:
                self._part(of_features, layer - 1).addmm_(of_gates, from_below)

    def gradients(self) -> tuple[Tensor, list[Tensor]]:
        """(of x, of every layer's weight and bias): products over all steps and sequences."""
        of_x = sum(of_gates @ parts[0] for of_gates, parts in zip(self.of_gates, self.parts))
        assert isinstance(of_x, Tensor)  # There is a layer.
        of_weights: list[Tensor] = []
        for layer, of_gates in enumerate(self.of_gates):
            seen = [self.x, self.fed[:-1]]
            if self.lstm:
                seen.append(self.hidden[layer][:-1])
            if layer:
                seen.append(self._part(self.features, layer - 1))
            rows = of_gates.flatten(0, 1)
            of_weights += [torch.cat([rows.T @ part.flatten(0, 1) for part in seen], 1), rows.sum(0)]
        return of_x, of_weights
