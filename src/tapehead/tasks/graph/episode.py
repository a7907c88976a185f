"""Triples as channels, and what all graph tasks share (DNC Methods, "Graph task descriptions").

A label is three digits, each one of ten channels: 30 channels a label, 90 a triple (source, edge,
destination), in the order of the paper's Methods. Inputs have two more: one marks the first step of a phase,
one asks for an answer.
"""

import abc
import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .._base import CERTAIN, Batch, Task, check_whole

BLANK = -1
"""In place of a label: all its channels are zero."""
TERMINATION = (0, 0, 0)
"""The pattern that ends an answer."""
DIGITS = 9
OUTPUT_SIZE = 10 * DIGITS
NEW_PHASE, ANSWERING = OUTPUT_SIZE, OUTPUT_SIZE + 1
INPUT_SIZE = OUTPUT_SIZE + 2

Triple = tuple[int, int, int]


@dataclasses.dataclass
class Episode:
    """The steps of one episode, written one after another."""

    rows: list[Triple] = dataclasses.field(default_factory=list)
    phases: list[int] = dataclasses.field(default_factory=list)
    """steps at which a phase begins"""
    answering: list[int] = dataclasses.field(default_factory=list)
    """steps at which an answer is asked for"""
    targets: list[tuple[int, Triple]] = dataclasses.field(default_factory=list)
    """(step, what it ought to say)"""

    def tell(self, triples: Sequence[Triple]) -> None:
        """Steps that say something."""
        self.rows.extend(triples)

    def phase(self) -> None:
        """The next step begins a phase."""
        self.phases.append(len(self.rows))

    def think(self, steps: int) -> None:
        """Steps with no input."""
        self.rows.extend([(BLANK, BLANK, BLANK)] * steps)

    def ask(self, triple: Triple, said: Triple = (BLANK, BLANK, BLANK)) -> None:
        """A step that asks for ``triple``; ``said`` is fed to it."""
        self.answering.append(len(self.rows))
        self.targets.append((len(self.rows), triple))
        self.rows.append(said)


def collate(episodes: Sequence[Episode]) -> Batch:
    """Episodes as a batch."""
    steps, size = max(len(episode.rows) for episode in episodes), len(episodes)
    inputs = np.zeros((steps, size, INPUT_SIZE), np.float32)
    targets = np.zeros((steps, size, OUTPUT_SIZE), np.float32)
    mask = np.zeros((steps, size), bool)
    for b, episode in enumerate(episodes):
        _write(inputs[:, b], np.arange(len(episode.rows)), np.array(episode.rows))
        inputs[episode.phases, b, NEW_PHASE] = 1
        inputs[episode.answering, b, ANSWERING] = 1
        if episode.targets:
            at, triples = zip(*episode.targets)
            _write(targets[:, b], np.array(at), np.array(triples))
            mask[list(at), b] = True
    lengths = torch.tensor([len(episode.rows) for episode in episodes])
    return Batch(torch.from_numpy(inputs), torch.from_numpy(targets), torch.from_numpy(mask), lengths)


def _write(channels: np.ndarray, steps: np.ndarray, triples: np.ndarray) -> None:
    """Set the channels [T, ≥ 90] of these triples [n, 3] at these steps [n]."""
    for part in range(3):
        labels = triples[:, part]
        told = labels != BLANK
        for place, power in enumerate((100, 10, 1)):
            digit = labels[told] // power % 10
            channels[steps[told], 30 * part + 10 * place + digit] = 1


def read_triples(outputs: Tensor) -> Tensor:
    """The most probable triples: [.., 90] → int64 [.., 3]."""
    digits = outputs.unflatten(-1, (3, 3, 10)).argmax(-1)
    return (digits * digits.new_tensor([100, 10, 1])).sum(-1)


class GraphTask(Task):
    """Nine softmaxes of ten digits a step; wrong_bits counts wrong digits."""

    @property
    def input_size(self) -> int:
        return INPUT_SIZE

    @property
    def output_size(self) -> int:
        return OUTPUT_SIZE

    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        check_whole("batch_size", batch_size, least=1)
        seed = int(torch.randint(1 << 62, (), generator=generator, device=generator.device))
        chance = np.random.default_rng(seed)
        return collate([self.episode(chance) for _ in range(batch_size)])

    @abc.abstractmethod
    def episode(self, chance: np.random.Generator) -> Episode:
        """Draw one episode."""

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """−Σ log p over the steps that count and their digits, in nats; [B]."""
        logits = outputs if outputs.dtype == torch.float64 else outputs.float()
        chances = logits.unflatten(2, (DIGITS, 10)).log_softmax(3).flatten(2)
        # Blank labels in a target have no ones, so their digits do not count.
        return -(chances * batch.targets.to(logits.dtype)).sum(2).masked_fill(~batch.mask, 0).sum(0)

    @torch.no_grad()
    def wrong_bits(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Wrong digits of each episode; int64, [B]."""
        answer = outputs.unflatten(2, (DIGITS, 10)).argmax(3)
        target = batch.targets.unflatten(2, (DIGITS, 10))
        wrong = (answer != target.argmax(3)) & (target.sum(3) > 0)
        return (wrong.sum(2) * batch.mask).sum(0)

    @torch.no_grad()
    def oracle(self, batch: Batch) -> Tensor:
        return ((2 * batch.targets - 1) * CERTAIN).masked_fill(~batch.mask.unsqueeze(-1), 0)
