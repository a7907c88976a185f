"""Triples as channels, and the base of the graph tasks (DNC Methods, "Graph task descriptions").

A label is three digits, each one-hot over ten channels: 30 channels a label, 90 a triple (source, edge,
destination), in the order of the paper's Methods. The inputs have two more channels, the last: one marks the
first step of a phase, one marks the steps of the answer. Where nodes have names of more digits (ours), source
and destination have as many more channels.
"""

import abc
import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..base import CERTAIN, Batch, Channels, Task, check_whole
from ..sampler import numpy_rng
from .graphs import DIGITS

BLANK = -1
"""Stands for an absent label, whose channels are all zero."""
TERMINATION = (0, 0, 0)
"""The pattern that ends an answer."""
NEW_PHASE, ANSWERING = -2, -1
MARKS = 2
"""channels of the inputs beside those of a triple"""

Triple = tuple[int, int, int]


@dataclasses.dataclass
class GraphEpisode:
    """The steps of one episode, built up step by step."""

    rows: list[Triple] = dataclasses.field(default_factory=list)
    phases: list[int] = dataclasses.field(default_factory=list)
    """the first step of each phase"""
    answering: list[int] = dataclasses.field(default_factory=list)
    """the steps of the answers"""
    targets: list[tuple[int, Triple]] = dataclasses.field(default_factory=list)
    """(step, the triple that is the right output there)"""

    def add_inputs(self, triples: Sequence[Triple]) -> None:
        """Append a step for each of these triples, without a target."""
        self.rows.extend(triples)

    def begin_phase(self) -> None:
        """Mark the next step as the first of a phase."""
        self.phases.append(len(self.rows))

    def add_planning_steps(self, steps: int) -> None:
        """Append steps with no input."""
        self.rows.extend([(BLANK, BLANK, BLANK)] * steps)

    def add_answer(self, triple: Triple, fed: Triple = (BLANK, BLANK, BLANK)) -> None:
        """Append a step with the input ``fed`` and the target ``triple``."""
        self.answering.append(len(self.rows))
        self.targets.append((len(self.rows), triple))
        self.rows.append(fed)


def collate_graph(episodes: Sequence[GraphEpisode], digits: int = DIGITS) -> Batch:
    """The batch of these episodes, whose nodes have names of so many digits, on the CPU."""
    steps, size = max(len(episode.rows) for episode in episodes), len(episodes)
    inputs = np.zeros((steps, size, triple_size(digits) + MARKS), np.float32)
    targets = np.zeros((steps, size, triple_size(digits)), np.float32)
    mask = np.zeros((steps, size), bool)
    for b, episode in enumerate(episodes):
        _write(inputs[:, b], np.arange(len(episode.rows)), np.array(episode.rows), digits)
        inputs[episode.phases, b, NEW_PHASE] = 1
        inputs[episode.answering, b, ANSWERING] = 1
        if episode.targets:
            answered, triples = zip(*episode.targets)
            _write(targets[:, b], np.array(answered), np.array(triples), digits)
            mask[list(answered), b] = True
    lengths = torch.tensor([len(episode.rows) for episode in episodes])
    return Batch(torch.from_numpy(inputs), torch.from_numpy(targets), torch.from_numpy(mask), lengths)


def triple_size(digits: int) -> int:
    """Channels of a triple whose nodes have names of so many digits."""
    return 10 * sum(_label_digits(digits))


def node_digits(channels: int) -> int:
    """Digits of a node's name where a triple has so many channels."""
    return (channels // 10 - DIGITS) // 2


def triple_channels(inputs: Tensor) -> Tensor:
    """The inputs [.., channels] without their marks."""
    return inputs[..., :-MARKS]


def split_triples(channels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The channels of source, edge and destination."""
    sizes = [10 * digits for digits in _label_digits(node_digits(channels.shape[-1]))]
    source, edge, destination = channels.split(sizes, -1)
    return source, edge, destination


def digits_of(triple: Triple, digits: int = DIGITS) -> list[int]:
    """All digits of a triple whose nodes have so many, each label's first digit first."""
    sizes = zip(triple, _label_digits(digits))
    return [label // power % 10 for label, size in sizes for power in _powers(size)]


def read_triples(outputs: Tensor) -> Tensor:
    """The most probable triple of each step: outputs [.., channels] → int64 [.., 3]."""
    labels = [part.unflatten(-1, (-1, 10)).argmax(-1) for part in split_triples(outputs)]
    return torch.stack([(x * x.new_tensor(_powers(x.shape[-1]))).sum(-1) for x in labels], -1)


def decode_triples(channels: Tensor) -> list[Triple]:
    """The triple of each step of targets, or of inputs without marks, [T, channels]; BLANK where all is 0."""
    blank = torch.stack([part.amax(1) == 0 for part in split_triples(channels)], 1)
    return [(a, e, b) for a, e, b in read_triples(channels).masked_fill(blank, BLANK).tolist()]


def _write(channels: np.ndarray, steps: np.ndarray, triples: np.ndarray, digits: int) -> None:
    """Write triples [n, 3] into the channels [T, ..] at these steps [n]."""
    place = 0
    for labels, size in zip(triples.T, _label_digits(digits)):
        present = labels != BLANK
        for power in _powers(size):
            channels[steps[present], 10 * place + labels[present] // power % 10] = 1
            place += 1


def _label_digits(digits: int) -> tuple[int, int, int]:
    """Digits of source, edge and destination."""
    return digits, DIGITS, digits


def _powers(digits: int) -> list[int]:
    """10^(digits − 1), …, 10, 1."""
    return [10**power for power in reversed(range(digits))]


@functools.cache
def graph_channels(digits: int) -> Channels:
    """Numbered labels, which ``describe`` does not use."""
    return Channels.numbered(triple_size(digits) + MARKS, triple_size(digits))


class GraphTask(Task):
    """Base of the graph tasks: outputs are a softmax over ten for each digit; ``num_errors`` counts digits.

    A graph task is a frozen dataclass with the sizes of its graphs and questions, and ``draw_episode``.
    """

    @property
    def channels(self) -> Channels:
        """Those of the paper."""
        return graph_channels(DIGITS)

    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        """Draw a batch; see ``Task.sample``."""
        check_whole("batch_size", batch_size, minimum=1)
        rng = numpy_rng(generator)
        batch = collate_graph([self.draw_episode(rng) for _ in range(batch_size)])
        return batch.to(generator.device)

    @abc.abstractmethod
    def draw_episode(self, rng: np.random.Generator) -> GraphEpisode:
        """Draw an episode.

        Raises:
            ValueError: no graph of these sizes, or hardly any, has such an episode.
        """

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """−Σ log p over the steps that count and their digits, in nats; [B]; see ``Task.loss``."""
        logits = outputs if outputs.dtype == torch.float64 else outputs.float()
        log_probabilities = logits.unflatten(2, (-1, 10)).log_softmax(3).flatten(2)
        # Blank labels in a target have no ones, so their digits do not count.
        log_probability = (log_probabilities * batch.targets.to(logits.dtype)).sum(2)
        return -log_probability.masked_fill(~batch.mask, 0).sum(0)

    @torch.no_grad()
    def num_errors(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Number of wrong digits in the answers of each episode; int64, [B].

        Targets outside the answers (``supervise_query``, ``scratchpad``) only speed up training: not counted.
        """
        answer = outputs.unflatten(2, (-1, 10)).argmax(3)
        target = batch.targets.unflatten(2, (-1, 10))
        wrong = (answer != target.argmax(3)) & (target.sum(3) > 0)
        return (wrong.sum(2) * (batch.inputs[..., ANSWERING] > 0)).sum(0)

    @torch.no_grad()
    def oracle(self, batch: Batch) -> Tensor:
        """Logits of the best answer: the logarithms of the targets; zero at steps that do not count."""
        return batch.targets.log().clamp(min=-CERTAIN).masked_fill(~batch.mask.unsqueeze(-1), 0)

    def describe(self, batch: Batch, outputs: Tensor | None = None, index: int = 0) -> str:
        """An episode as text: the edges of the graph, then each step of the queries and answers."""
        episode = batch.episode(index)
        caption = f"{self.name}: {int(episode.lengths)} steps"
        answers = None
        if outputs is not None:
            answers = outputs[: int(episode.lengths), [index]].detach()
            wrong, bits = int(self.num_errors(answers, episode)), float(self.bits(answers, episode))
            asked = self.output_size // 10 * int(episode.inputs[..., ANSWERING].sum())
            caption += f"; {wrong} of {asked} digits wrong, {bits:.2f} bits to code"
        return "\n".join([caption, *_as_text(episode, answers)])


def _as_text(episode: Batch, answers: Tensor | None) -> list[str]:
    """The steps of an episode (a batch of one), and outputs [T, 1, outputs] if given, as lines of text."""
    inputs, targets, counts = episode.inputs[:, 0], episode.targets[:, 0], episode.mask[:, 0].tolist()
    triples = triple_channels(inputs)
    told, wanted = decode_triples(triples), decode_triples(targets)
    said = None if answers is None else read_triples(answers[:, 0]).tolist()
    # A step may hold several edges or places: then a digit has several values.
    several, at_once = (
        ((channels.unflatten(1, (-1, 10)) > 0).sum(2) > 1).any(1).tolist() for channels in (targets, triples)
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
            line += "wanted several edges" if several[t] else f"wanted {_triple(wanted[t])}"
            if said is not None:
                line += f"  said {_triple(said[t])}"
        lines.append(line.rstrip())
    return lines


def _triple(labels: Sequence[int]) -> str:
    return f"({', '.join('_' if label == BLANK else str(label) for label in labels)})"
