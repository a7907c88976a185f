"""What is timed: machines, shapes, and how much arithmetic they need."""

import dataclasses
from collections.abc import Callable

import tapehead
from tapehead.nn import Machine


@dataclasses.dataclass(frozen=True)
class Case:
    """One machine at one size; the batch is chosen apart."""

    name: str
    kind: str
    inputs: int
    outputs: int
    steps: int
    hidden: int
    layers: int
    slots: int
    word: int
    reads: int

    def build(self, backend: str) -> Machine:
        """The machine, on ``backend``."""
        sizes = {"memory_size": self.slots, "word_size": self.word, "num_reads": self.reads}
        machine: Callable[..., Machine] = tapehead.DNC if self.kind == "dnc" else tapehead.NTM
        return machine(
            self.inputs, self.hidden, self.outputs, num_layers=self.layers, backend=backend, **sizes
        )

    def flop(self, batch: int) -> float:
        """Arithmetic of forward + backward for a batch: 3 × 2 × the forward pass's multiply-adds.

        Counted are the layers' weights, the interface, the outputs, and of the memory: for every number in
        it one for each content lookup and each read, two for the write; for every link two for the update
        and two for each read head. Non-linearities, softmaxes, the sort and the optimiser count nothing.
        """
        words = self.reads * self.word
        below = [0] + [self.hidden] * (self.layers - 1)
        columns = [self.inputs + words + self.hidden + extra for extra in below]
        controller = sum(4 * self.hidden * count for count in columns)
        features = self.hidden * self.layers
        if self.kind == "dnc":
            interface = words + 3 * self.word + 5 * self.reads + 3
            links = self.slots**2 * (2 + 2 * self.reads)
        else:
            interface = (self.reads + 1) * (self.word + 6) + 2 * self.word
            links = (self.reads + 1) * self.slots * 3  # the shifts
        memory = self.slots * self.word * (2 * self.reads + 1 + 2)
        output = (features + words) * self.outputs
        multiply_adds = controller + features * interface + output + memory + links
        return 6.0 * multiply_adds * batch * self.steps


CASES = {
    case.name: case
    for case in [
        Case("ntm-copy", "ntm", 9, 8, 41, hidden=100, layers=1, slots=128, word=20, reads=1),
        Case("dnc-copy", "dnc", 9, 8, 41, hidden=128, layers=1, slots=128, word=20, reads=4),
        Case("dnc-graph", "dnc", 92, 90, 104, hidden=256, layers=3, slots=128, word=50, reads=5),
        Case("dnc-graph-256", "dnc", 92, 90, 104, hidden=256, layers=3, slots=256, word=50, reads=5),
    ]
}
