"""The search task: breadth-first search, written down step by step."""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ..base import CERTAIN, Batch, Channels, Task, check_range, check_whole
from ..registry import register
from ..sampler import numpy_rng
from .search_graphs import Question, draw_ends, draw_question
from .search_practice import practice_steps
from .search_trace import BLANK, LABELS, TOLD, Op, Record, search, tell

QUERY_WEIGHT = 0.3
"""Weight in training of repeating what is told, beside a step of the search."""


@register
@dataclasses.dataclass(frozen=True)
class Search(Task):
    """Find a shortest path by breadth-first search, one small step after another.

    A directed graph is told as an adjacency list, then the target and the start. From there on the machine
    says the steps of the search, each of which is fed back as the next input, until it says DONE or FAIL. A
    record has a kind and up to three labels, (source, edge, destination; KIND); u, v, w are nodes, e edges::

        told: (_,_,v;NODE) and v's edges (v,e,w;EDGE), node by node; then (_,_,t;TARGET) and (_,_,s;START)

        fed             looks up                             says
        (_,_,s;START)                                        (_,_,s;POP)
        (_,_,u;POP)     NODE u, one slot on                  (u,e,v;CAND), or (u,_,_;END) at another NODE
        (u,e,v;CAND)    NEW or START of v, else TARGET v,    (u,e,v;KNOWN), (u,e,v;PATH) or (u,e,v;NEW)
                        else NODE v
        (u,e,v;KNOWN)   EDGE (u,e,v), one slot on            as for POP
        (u,e,v;NEW)     the same; and is written             as for POP
        (u,_,_;END)                                          (_,_,u;NEXT)
        (_,_,u;NEXT)    NEW or START of u, one slot on       (_,_,w;POP), or (_,_,_;FAIL) where nothing is
        (u,e,v;PATH)                                         (_,_,u;BACK)
        (_,_,v;BACK)    NEW or START of v                    (u,e,v;PATH), or (_,_,_;DONE) at START

    What is told and the NEW records, one a slot, are all that has to be remembered: they are the graph, the
    queue, the visited set and the way back. An episode of three nodes::

        told    (_, _, 4101; NODE) (4101, 7716, 2938; EDGE) (_, _, 2938; NODE) (2938, 7716, 5520; EDGE)
        told    (_, _, 5520; NODE) (_, _, 5520; TARGET) (_, _, 4101; START)
        fed (_, _, 4101; START)  wanted (_, _, 4101; POP)
        fed (_, _, 4101; POP)  wanted (4101, 7716, 2938; CAND)
        fed (4101, 7716, 2938; CAND)  wanted (4101, 7716, 2938; NEW)
        fed (4101, 7716, 2938; NEW)  wanted (4101, _, _; END)
        fed (4101, _, _; END)  wanted (_, _, 4101; NEXT)
        fed (_, _, 4101; NEXT)  wanted (_, _, 2938; POP)
        fed (_, _, 2938; POP)  wanted (2938, 7716, 5520; CAND)
        fed (2938, 7716, 5520; CAND)  wanted (2938, 7716, 5520; PATH)
        fed (2938, 7716, 5520; PATH)  wanted (_, _, 2938; BACK)
        fed (_, _, 2938; BACK)  wanted (4101, 7716, 2938; PATH)
        fed (4101, 7716, 2938; PATH)  wanted (_, _, 4101; BACK)
        fed (_, _, 4101; BACK)  wanted (_, _, _; DONE)
    """

    name: ClassVar[str] = "search"
    sizes: ClassVar[tuple[str, ...]] = ("nodes", "degree")

    min_nodes: int = 20
    max_nodes: int = 25
    min_degree: int = 2
    """edges that leave a node"""
    max_degree: int = 6
    digits: int = 4
    """of a label; n digits hold 10^n names, a tenth of them in a code that is easier to tell apart"""
    both_ways: float = 0.5
    """fraction of the graphs in which all edges lead both ways"""
    lost: float = 0.05
    """fraction of the questions that have no answer, where the graph allows it"""
    supervise_query: bool = False
    """in training, repeat what is told"""
    keep: float = 1.0
    """in training, the least fraction of the steps of a search; questions take the place of the others"""

    def __post_init__(self) -> None:
        check_range(self, "nodes", minimum=2)
        check_range(self, "degree", minimum=0)
        check_whole("digits", self.digits, minimum=2)
        if self.max_nodes > 10**self.digits:
            raise ValueError(f"{self.digits} digits cannot name {self.max_nodes} nodes: give more digits.")
        for field in ("both_ways", "lost", "keep"):
            if not 0 <= getattr(self, field) <= 1:
                raise ValueError(f"{field} is {getattr(self, field)}: give a fraction from 0 to 1.")

    @property
    def label_channels(self) -> int:
        """Channels of the three labels of a record."""
        return 30 * self.digits

    @property
    def channels(self) -> Channels:
        """Numbered labels, which ``describe`` does not use."""
        size = self.label_channels + len(Op)
        return Channels.numbered(size, size)

    def question(self, rng: np.random.Generator) -> Question:
        """Draw a graph, and between which of its nodes a way is asked for."""
        nodes = int(rng.integers(self.min_nodes, self.max_nodes + 1))
        both_ways = bool(rng.random() < self.both_ways)
        ends = draw_ends(rng, nodes, self.min_degree, self.max_degree, both_ways)
        return draw_question(rng, ends, self.digits, self.lost)

    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        check_whole("batch_size", batch_size, minimum=1)
        rng = numpy_rng(generator)
        batch = self.batch([self.question(rng) for _ in range(batch_size)], rng)
        return batch.to(generator.device)

    def batch(self, questions: Sequence[Question], rng: np.random.Generator | None = None) -> Batch:
        """These questions and the right answers to them, as a batch; with ``rng``, thinned as in training."""
        episodes = [self._steps(question, rng) for question in questions]
        lengths = [len(fed) for fed, _, _ in episodes]
        shape = max(lengths), len(questions)
        inputs = np.zeros((*shape, self.input_size), np.float32)
        targets = np.zeros((*shape, self.output_size), np.float32)
        mask = np.zeros(shape, bool)
        for b, (fed, wanted, first) in enumerate(episodes):
            steps = len(fed)
            inputs[:steps, b] = fed
            begin = 0 if self.supervise_query else first
            targets[begin:steps, b] = wanted[begin:]
            mask[begin:steps, b] = True
        channels = torch.from_numpy(inputs), torch.from_numpy(targets)
        return Batch(*channels, torch.from_numpy(mask), torch.tensor(lengths))

    def _steps(
        self, question: Question, rng: np.random.Generator | None
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """What is fed and what is wanted, step by step, and the first step of the search."""
        told = tell(question.adjacency, question.order, question.start, question.target)
        said = search(question.adjacency, question.start, question.target)
        first = len(told) - 1
        steps = list(zip(told[-1:] + said[:-1], said))
        if rng is not None and self.keep < 1:
            steps = practice_steps(rng, question.adjacency, (told[-1], told[-2]), steps, self.keep)
        fed = told[:-1] + [step[0] for step in steps]
        wanted = told[:-1] + [step[1] for step in steps]
        return self.encode(fed), self.encode(wanted), first

    def encode(self, records: Sequence[Record]) -> np.ndarray:
        """Records as channels, float32 [n, channels]: one of ten for every digit, then one for the kind."""
        rows = np.zeros((len(records), self.input_size), np.float32)
        numbers = np.array(records)
        powers = 10 ** np.arange(self.digits - 1, -1, -1)
        digits = numbers[:, :3, None] // powers % 10 + 10 * np.arange(3 * self.digits).reshape(3, -1)
        step, label = np.nonzero(numbers[:, :3] != BLANK)
        rows[step[:, None], digits[step, label]] = 1
        rows[np.arange(len(records)), self.label_channels + numbers[:, 3]] = 1
        return rows

    def read(self, outputs: Tensor) -> list[Record]:
        """The most probable records: [n, channels] → n records, without the labels that their kinds lack."""
        labels, ops = self._answers(outputs)
        return [
            Record.of([label if has else BLANK for label, has in zip(row, LABELS[Op(op)])], Op(op))
            for row, op in zip(labels.tolist(), ops.tolist())
        ]

    def _answers(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Labels [.., 3] and kinds [..] that outputs [.., channels] name."""
        digits = outputs[..., : self.label_channels].unflatten(-1, (3, self.digits, 10)).argmax(-1)
        powers = digits.new_tensor([10**p for p in range(self.digits - 1, -1, -1)])
        return (digits * powers).sum(-1), outputs[..., self.label_channels :].argmax(-1)

    def _costs(self, outputs: Tensor, batch: Batch) -> Tensor:
        """−log p of the target of every step, [T, B]; zero where none counts."""
        logits = outputs if outputs.dtype == torch.float64 else outputs.float()
        digits = logits[..., : self.label_channels].unflatten(2, (-1, 10)).log_softmax(3).flatten(2)
        kinds = logits[..., self.label_channels :].log_softmax(2)
        # Blank labels have no ones, so their digits do not count.
        costs = -(torch.cat([digits, kinds], 2) * batch.targets.to(logits.dtype)).sum(2)
        return costs.masked_fill(~batch.mask, 0)

    def searching(self, batch: Batch) -> Tensor:
        """The steps of the search itself, [T, B]: those whose answers are not what was just told."""
        told = [self.label_channels + op for op in TOLD if op != Op.START]
        return batch.mask & (batch.inputs[..., told].sum(2) == 0)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """−Σ log p over the steps of the search and their digits and kinds, in nats; [B]."""
        return self._costs(outputs, batch).masked_fill(~self.searching(batch), 0).sum(0)

    def objective(self, outputs: Tensor, batch: Batch) -> Tensor:
        """The mean of a step, so that long episodes do not drown short ones; what is told weighs less."""
        weights = torch.where(self.searching(batch), 1.0, QUERY_WEIGHT) * batch.mask
        return (self._costs(outputs, batch) * weights).sum(0) / weights.sum(0)

    @torch.no_grad()
    def wrong_steps(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Wrong digits and kinds of every step of the search, int64 [T, B]."""
        wrong = outputs.new_zeros(batch.mask.shape, dtype=torch.int64)
        for answer, target in zip(self._fields(outputs), self._fields(batch.targets)):
            wrong += ((answer.argmax(-1) != target.argmax(-1)) & (target.sum(-1) > 0)).flatten(2).sum(2)
        return wrong * self.searching(batch)

    def _fields(self, channels: Tensor) -> tuple[Tensor, Tensor]:
        digits = channels[..., : self.label_channels].unflatten(-1, (-1, 10))
        return digits, channels[..., self.label_channels :].unsqueeze(-2)

    def num_errors(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Wrong digits and kinds of each episode's search; int64, [B]."""
        return self.wrong_steps(outputs, batch).sum(0)

    @torch.no_grad()
    def oracle(self, batch: Batch) -> Tensor:
        """Logits of the best possible answer: the logarithms of the targets; zero at steps without."""
        return batch.targets.log().clamp(min=-CERTAIN).masked_fill(~batch.mask.unsqueeze(-1), 0)

    def describe(self, batch: Batch, outputs: Tensor | None = None, index: int = 0) -> str:
        """An episode in words: what is told, then the search step by step."""
        one = batch.episode(index)
        steps = int(one.lengths)
        first = int(self.searching(one)[:, 0].long().argmax())
        fed = self.read(one.inputs[:, 0])
        wanted = self.read(one.targets[:, 0])
        caption = f"{self.name}: {steps} steps"
        said: list[Record] | None = None
        if outputs is not None:
            answer = outputs[:steps, [index]].detach()
            said = self.read(answer[:, 0])
            wrong, bits = int(self.num_errors(answer, one)), float(self.bits(answer, one))
            caption += f"; {wrong} digits or kinds wrong, {bits:.2f} bits to code"
        lines = [caption]
        lines += [f"told    {' '.join(map(str, fed[at : min(at + 6, first)]))}" for at in range(0, first, 6)]
        for t in range(first, steps):
            line = f"fed {fed[t]}  wanted {wanted[t]}"
            lines.append(line if said is None else f"{line}  said {said[t]}")
        return "\n".join(lines)
