"""What is timed: machines, shapes, and how much arithmetic they need."""

import dataclasses
from collections.abc import Callable

import torch

import tapehead
from tapehead.nn import Machine


@dataclasses.dataclass(frozen=True)
class Case:
    """One machine at one size; the batch is chosen apart."""

    name: str
    kind: str
    """ "ntm" or "dnc"."""
    inputs: int
    outputs: int
    steps: int
    hidden: int
    layers: int
    slots: int
    word: int
    reads: int

    def build(self, backend: str) -> Machine:
        """The machine on ``backend``; the same weights each time."""
        sizes = {"memory_size": self.slots, "word_size": self.word, "num_reads": self.reads}
        machine: Callable[..., Machine] = tapehead.DNC if self.kind == "dnc" else tapehead.NTM
        torch.manual_seed(0)
        return machine(
            self.inputs,
            self.hidden,
            output_size=self.outputs,
            num_layers=self.layers,
            backend=backend,
            **sizes,
        )

    def weight_products(self) -> int:
        """Multiply-adds of one step with the weights: controller, interface, outputs."""
        words = self.reads * self.word
        below = [0] + [self.hidden] * (self.layers - 1)
        controller = sum(4 * self.hidden * (self.inputs + words + self.hidden + extra) for extra in below)
        features = self.hidden * self.layers
        if self.kind == "dnc":
            interface = words + 3 * self.word + 5 * self.reads + 3
        else:
            interface = (self.reads + 1) * (self.word + 6) + 2 * self.word
        return controller + features * interface + (features + words) * self.outputs

    def memory_products(self) -> int:
        """Multiply-adds of one step on the memory, the links and the weightings."""
        memory = self.slots * self.word * (2 * self.reads + 1 + 2)
        if self.kind == "dnc":
            return memory + self.slots**2 * (2 + 2 * self.reads)
        return memory + (self.reads + 1) * self.slots * 3

    def flop(self, batch: int) -> float:
        """Arithmetic of forward + backward for a batch: 3 × 2 × the forward pass's multiply-adds.

        The backward pass counts twice the forward pass: one product for the gradient of each of the two
        factors. A step's multiply-adds, with X inputs, Y outputs, H units in each of L layers, N slots of W
        numbers, R read heads, I numbers in the interface vector::

            controller   Σ_l 4 H (X + R W + H + (H for every layer but the first))
            interface    L H · I
            outputs      (L H + R W) · Y
            memory       N W · (2 R + 1 + 2)    a lookup and a read for each read head, a lookup for the write
                                                head; erase and add
            links        N² · (2 + 2 R)         DNC: the update; forward and backward for each read head
            shifts       (R + 1) · N · 3        NTM

        Non-linearities, norms, softmaxes, the sort, the optimiser, and what an implementation does twice
        (the engine redoes writes) count nothing.
        """
        return 6.0 * (self.weight_products() + self.memory_products()) * batch * self.steps


CASES = {
    case.name: case
    for case in [
        Case("ntm-copy", "ntm", 9, 8, 41, hidden=100, layers=1, slots=128, word=20, reads=1),
        Case("dnc-copy", "dnc", 9, 8, 41, hidden=128, layers=1, slots=128, word=20, reads=4),
        Case("dnc-graph", "dnc", 92, 90, 104, hidden=256, layers=3, slots=128, word=50, reads=5),
        Case("dnc-graph-256", "dnc", 92, 90, 104, hidden=256, layers=3, slots=256, word=50, reads=5),
    ]
}

BATCHES = {
    "ntm-copy": [1, 4, 16, 64],
    "dnc-copy": [1, 4, 16, 64],
    "dnc-graph": [1, 4, 16, 32, 64],
    "dnc-graph-256": [1, 4, 16, 32, 64],
}
