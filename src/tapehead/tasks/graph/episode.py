"""Triples as channels, and the base of the graph tasks (DNC Methods, "Graph task descriptions").

A label is three digits, each one-hot over ten channels: 30 channels a label, 90 a triple (source, edge,
destination), in the order of the paper's Methods. The inputs have two more channels: one marks the first step
of a phase, one marks the steps of the answer.
"""

import abc
import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..base import CERTAIN, Batch, Channels, Task, check_whole
from ..sampler import numpy_rng

BLANK = -1
"""Stands for an absent label, whose channels are all zero."""
TERMINATION = (0, 0, 0)
"""The pattern that ends an answer."""
DIGITS = 9
OUTPUT_SIZE = 10 * DIGITS
NEW_PHASE, ANSWERING = OUTPUT_SIZE, OUTPUT_SIZE + 1
INPUT_SIZE = OUTPUT_SIZE + 2

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


def collate_graph(episodes: Sequence[GraphEpisode]) -> Batch:
    """The batch of these episodes, on the CPU."""
    steps, size = max(len(episode.rows) for episode in episodes), len(episodes)
    inputs = np.zeros((steps, size, INPUT_SIZE), np.float32)
    targets = np.zeros((steps, size, OUTPUT_SIZE), np.float32)
    mask = np.zeros((steps, size), bool)
    for b, episode in enumerate(episodes):
        _write(inputs[:, b], np.arange(len(episode.rows)), np.array(episode.rows))
        inputs[episode.phases, b, NEW_PHASE] = 1
        inputs[episode.answering, b, ANSWERING] = 1
        if episode.targets:
            answered, triples = zip(*episode.targets)
            _write(targets[:, b], np.array(answered), np.array(triples))
            mask[list(answered), b] = True
    lengths = torch.tensor([len(episode.rows) for episode in episodes])
    return Batch(torch.from_numpy(inputs), torch.from_numpy(targets), torch.from_numpy(mask), lengths)


def _write(channels: np.ndarray, steps: np.ndarray, triples: np.ndarray) -> None:
    """Write triples [n, 3] into the channels [T, ≥ 90] at these steps [n]."""
    for part in range(3):
        labels = triples[:, part]
        present = labels != BLANK
        for place, power in enumerate((100, 10, 1)):
            digit = labels[present] // power % 10
            channels[steps[present], 30 * part + 10 * place + digit] = 1


def digits_of(triple: Triple) -> list[int]:
    """The nine digits of a triple, hundreds first."""
    return [label // power % 10 for label in triple for power in (100, 10, 1)]


def read_triples(outputs: Tensor) -> Tensor:
    """The most probable triple of each step: outputs [.., 90] → int64 [.., 3]."""
    digits = outputs.unflatten(-1, (3, 3, 10)).argmax(-1)
    return (digits * digits.new_tensor([100, 10, 1])).sum(-1)


def decode_triples(channels: Tensor) -> list[Triple]:
    """The triple of each step of inputs or targets [T, ≥ 90]; BLANK for a label whose channels are zero."""
    channels = channels[:, :OUTPUT_SIZE]
    blank = channels.unflatten(1, (3, 30)).amax(2) == 0
    return [(a, e, b) for a, e, b in read_triples(channels).masked_fill(blank, BLANK).tolist()]


CHANNELS = Channels.numbered(INPUT_SIZE, OUTPUT_SIZE)


class GraphTask(Task):
    """Base of the graph tasks: outputs are nine softmaxes over ten digits; ``num_errors`` counts digits.

    A graph task is a frozen dataclass with the sizes of its graphs and questions, and ``draw_episode``.
    """

    @property
    def channels(self) -> Channels:
        """Numbered labels, which ``describe`` does not use."""
        return CHANNELS

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
        log_probabilities = logits.unflatten(2, (DIGITS, 10)).log_softmax(3).flatten(2)
        # Blank labels in a target have no ones, so their digits do not count.
        log_probability = (log_probabilities * batch.targets.to(logits.dtype)).sum(2)
        return -log_probability.masked_fill(~batch.mask, 0).sum(0)

    @torch.no_grad()
    def num_errors(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Number of wrong digits in the answers of each episode; int64, [B].

        Targets outside the answers (``supervise_query``, ``scratchpad``) only speed up training: not counted.
        """
        answer = outputs.unflatten(2, (DIGITS, 10)).argmax(3)
        target = batch.targets.unflatten(2, (DIGITS, 10))
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
            asked = DIGITS * int(episode.inputs[..., ANSWERING].sum())
            caption += f"; {wrong} of {asked} digits wrong, {bits:.2f} bits to code"
        return "\n".join([caption, *_as_text(episode, answers)])


def _as_text(episode: Batch, answers: Tensor | None) -> list[str]:
    """The steps of an episode (a batch of one), and the outputs [T, 1, 90] if given, as lines of text."""
    inputs, targets, counts = episode.inputs[:, 0], episode.targets[:, 0], episode.mask[:, 0].tolist()
    told, wanted = decode_triples(inputs), decode_triples(targets)
    said = None if answers is None else read_triples(answers[:, 0]).tolist()
    # A step may hold several edges or places: then each digit's channels share a sum of one.
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
