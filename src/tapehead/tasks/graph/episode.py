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

from ..base import CERTAIN, Batch, Task, check_whole

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


def digits_of(triple: Triple) -> list[int]:
    """The nine digits of a triple, hundreds first."""
    return [label // power % 10 for label in triple for power in (100, 10, 1)]


def read_triples(outputs: Tensor) -> Tensor:
    """The most probable triples: [.., 90] → int64 [.., 3]."""
    digits = outputs.unflatten(-1, (3, 3, 10)).argmax(-1)
    return (digits * digits.new_tensor([100, 10, 1])).sum(-1)


def told_triples(channels: Tensor) -> list[Triple]:
    """What inputs or targets [T, ≥ 90] say, step by step; BLANK for a label whose channels are zero."""
    channels = channels[:, :OUTPUT_SIZE]
    blank = channels.unflatten(1, (3, 30)).amax(2) == 0
    return [(a, e, b) for a, e, b in read_triples(channels).masked_fill(blank, BLANK).tolist()]


class GraphTask(Task):
    """What the graph tasks share: nine softmaxes of ten digits a step; ``wrong_bits`` counts wrong digits.

    A task of this kind is a dataclass with the sizes of its graphs and questions, and ``episode``.
    """

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
        """Wrong digits of each episode's answers; int64, [B].

        What is asked for while the machine is told or thinks, as a help in training, is not counted.
        """
        answer = outputs.unflatten(2, (DIGITS, 10)).argmax(3)
        target = batch.targets.unflatten(2, (DIGITS, 10))
        wrong = (answer != target.argmax(3)) & (target.sum(3) > 0)
        return (wrong.sum(2) * (batch.inputs[..., ANSWERING] > 0)).sum(0)

    @torch.no_grad()
    def oracle(self, batch: Batch) -> Tensor:
        """Logits of the best possible answer: the logarithms of the targets; zero at steps without."""
        return batch.targets.log().clamp(min=-CERTAIN).masked_fill(~batch.mask.unsqueeze(-1), 0)

    def describe(self, batch: Batch, outputs: Tensor | None = None, index: int = 0) -> str:
        """An episode in words: the edges told, then question and answers step by step."""
        one = batch.one(index)
        caption = f"{self.name}: {int(one.lengths)} steps"
        answers = None
        if outputs is not None:
            answers = outputs[: int(one.lengths), [index]].detach()
            wrong, bits = int(self.wrong_bits(answers, one)), float(self.bits(answers, one))
            asked = DIGITS * int(one.inputs[..., ANSWERING].sum())
            caption += f"; {wrong} of {asked} digits wrong, {bits:.2f} bits to code"
        return "\n".join([caption, *_in_words(one, answers)])


def _in_words(one: Batch, answers: Tensor | None) -> list[str]:
    """The steps of an episode (a batch of one), and what was answered [T, 1, 90], as lines of text."""
    inputs, targets, counts = one.inputs[:, 0], one.targets[:, 0], one.mask[:, 0].tolist()
    told, wanted = told_triples(inputs), told_triples(targets)
    said = None if answers is None else read_triples(answers[:, 0]).tolist()
    # Several edges or places may stand together: their digits share the ones of the channels.
    shared, at_once = (
        ((channels[:, :OUTPUT_SIZE] > 0) & (channels[:, :OUTPUT_SIZE] < 1)).any(1).tolist()
        for channels in (targets, inputs)
    )
    answering = inputs[:, ANSWERING].tolist()
    first = int(inputs[:, NEW_PHASE].argmax())
    edges = list(map(_triple, told[:first]))
    lines = [f"told    {' '.join(edges[at : at + 6])}" for at in range(0, first, 6)]
    quiet = 0
    for t in range(first, len(told)):
        blank = told[t] == (BLANK, BLANK, BLANK)
        if blank and not counts[t]:
            quiet += 1
            continue
        if quiet:
            lines.append(f"thinks  {quiet} steps")
            quiet = 0
        line = "answer  " if answering[t] else "thinks  " if blank else "query   "
        if not blank:
            line += f"{'fed ' if answering[t] else ''}{_triple(told[t])}  "
            if at_once[t]:
                line = "query   (several, _, several)  "
        if counts[t]:
            line += "wanted several edges" if shared[t] else f"wanted {_triple(wanted[t])}"
            if said is not None:
                line += f"  said {_triple(said[t])}"
        lines.append(line.rstrip())
    return lines


def _triple(labels: Sequence[int]) -> str:
    return f"({', '.join('_' if label == BLANK else str(label) for label in labels)})"
