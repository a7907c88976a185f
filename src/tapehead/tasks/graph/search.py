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
from .search_graphs import Question, draw_ends, draw_names, draw_question, draw_similar_names
from .search_practice import PracticeStep, practice
from .search_trace import BLANK, FIELDS, HOLDS, MARKED, WRITTEN, Op, Record, query, search, tell


@register
@dataclasses.dataclass(frozen=True)
class Search(Task):
    """Find a shortest path by breadth-first search, one small step after another.

    A directed graph is told as an adjacency list, then the target, the start, and the first POP. From there
    on the machine says the steps of the search, each of which is fed back as the next input, until it says
    DONE or FAIL. A record has a kind and up to three labels, (source, edge, destination; KIND); u, v, w are
    nodes, e edges. One read head stands in the adjacency list or in the queue, another checks; one write head
    adds records, another marks nodes::

        told: (_,_,v;NODE), v's edges (v,e,w;EDGE) and (_,_,v;END), node by node;
              then (_,_,t;TARGET), (_,_,s;START) and (_,_,s;POP)

        fed             looks up                         says
        (_,_,u;POP)     NODE u, one slot on              (_,_,v;CHECK) at an EDGE, (_,_,u;NEXT) at END
        (_,_,v;CHECK)   NODE v; and marks it as seen     (_,_,_;SEEN), or at the target (_,_,_;FOUND),
                                                         else (_,_,_;UNSEEN)
        (_,_,_;SEEN)    one slot on                      as for POP
        (_,_,_;UNSEEN)  the same slot                    (u,e,v;PUSH)
        (u,e,v;PUSH)    one slot on; and is written      as for POP
        (_,_,u;NEXT)    PUSH or START of u, one slot on  (_,_,w;POP), or (_,_,_;FAIL) where nothing is
        (_,_,_;FOUND)   the same slot                    (u,e,v;PATH)
        (u,e,v;PATH)                                     (_,_,u;BACK)
        (_,_,v;BACK)    PUSH or START of v               (u,e,v;PATH), or (_,_,_;DONE) at START

    Of the labels, what NODE, POP and CHECK say of a node has channels of its own, and so has what PUSH, NEXT
    and BACK say: each is looked up among its like (``search_trace.FIELDS``).

    What is told and the PUSH records, one a slot, and the marks of start, target and seen nodes are all that
    has to be remembered: they are the graph, the queue, the visited set and the way back. An episode of
    three nodes::

        told    (_, _, 34383; NODE) (34383, 56670, 51939; EDGE) (_, _, 34383; END)
        told    (_, _, 9297; NODE) (9297, 84336, 51939; EDGE) (_, _, 9297; END)
        told    (_, _, 51939; NODE) (51939, 61155, 9297; EDGE) (_, _, 51939; END)
        told    (_, _, 9297; TARGET) (_, _, 34383; START)
        fed (_, _, 34383; POP)  wanted (_, _, 51939; CHECK)
        fed (_, _, 51939; CHECK)  wanted (_, _, _; UNSEEN)
        fed (_, _, _; UNSEEN)  wanted (34383, 56670, 51939; PUSH)
        fed (34383, 56670, 51939; PUSH)  wanted (_, _, 34383; NEXT)
        fed (_, _, 34383; NEXT)  wanted (_, _, 51939; POP)
        fed (_, _, 51939; POP)  wanted (_, _, 9297; CHECK)
        fed (_, _, 9297; CHECK)  wanted (_, _, _; FOUND)
        fed (_, _, _; FOUND)  wanted (51939, 61155, 9297; PATH)
        fed (51939, 61155, 9297; PATH)  wanted (_, _, 51939; BACK)
        fed (_, _, 51939; BACK)  wanted (34383, 56670, 51939; PATH)
        fed (34383, 56670, 51939; PATH)  wanted (_, _, 34383; BACK)
        fed (_, _, 34383; BACK)  wanted (_, _, _; DONE)
    """

    name: ClassVar[str] = "search"
    sizes: ClassVar[tuple[str, ...]] = ("nodes", "degree")

    min_nodes: int = 20
    max_nodes: int = 25
    min_degree: int = 2
    """edges that leave a node"""
    max_degree: int = 6
    digits: int = 5
    """of a label; n digits hold 10^n names, a tenth of them in a code that is easier to tell apart"""
    both_ways: float = 0.5
    """fraction of the graphs in which all edges lead both ways"""
    unreachable: float = 0.05
    """fraction of the questions that have no answer, where the graph allows it"""
    similar: float = 0.0
    """fraction of the graphs whose names are hard to tell apart, as they are in larger ones"""
    keep: float = 1.0
    """in training, the least fraction of the nodes whose edges are scanned; the first always is"""
    ask: float = 0.0
    """in training, how often other questions are asked after a node"""

    def __post_init__(self) -> None:
        check_range(self, "nodes", minimum=2)
        check_range(self, "degree", minimum=0)
        check_whole("digits", self.digits, minimum=2)
        if self.max_nodes > 10**self.digits:
            raise ValueError(f"{self.digits} digits cannot name {self.max_nodes} nodes: give more digits.")
        for field in ("both_ways", "unreachable", "similar", "keep", "ask"):
            if not 0 <= getattr(self, field) <= 1:
                raise ValueError(f"{field} is {getattr(self, field)}: give a fraction from 0 to 1.")

    @property
    def label_channels(self) -> int:
        """Channels of the fields that hold the labels of a record."""
        return 10 * self.digits * len(FIELDS)

    @property
    def channels(self) -> Channels:
        """Numbered labels, which ``describe`` does not use."""
        size = self.label_channels + len(Op)
        return Channels.numbered(size, size)

    def graph(self, rng: np.random.Generator) -> list[list[int]]:
        """Draw a graph: of every node where its edges lead to."""
        nodes = int(rng.integers(self.min_nodes, self.max_nodes + 1))
        both_ways = bool(rng.random() < self.both_ways)
        return draw_ends(rng, nodes, self.min_degree, self.max_degree, both_ways)

    def question(self, rng: np.random.Generator) -> Question:
        """Draw a graph, and between which of its nodes a way is asked for."""
        draw = draw_similar_names if rng.random() < self.similar else draw_names
        return draw_question(rng, self.graph(rng), self.digits, self.unreachable, draw=draw)

    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        check_whole("batch_size", batch_size, minimum=1)
        rng = numpy_rng(generator)
        batch = self.batch([self.question(rng) for _ in range(batch_size)], rng)
        return batch.to(generator.device)

    def batch(self, questions: Sequence[Question], rng: np.random.Generator | None = None) -> Batch:
        """These questions and the right answers to them, as a batch; with ``rng``, thinned as in training."""
        episodes = [self._steps(question, rng) for question in questions]
        lengths = [len(told) + len(steps) for told, steps in episodes]
        shape = max(lengths), len(questions)
        inputs = np.zeros((*shape, self.input_size), np.float32)
        targets = np.zeros((*shape, self.output_size), np.float32)
        mask = np.zeros(shape, bool)
        for b, (told, steps) in enumerate(episodes):
            inputs[: lengths[b], b] = self.encode(told + [fed for fed, _ in steps])
            wanted = {len(told) + t: answer for t, (_, answer) in enumerate(steps) if answer is not None}
            targets[list(wanted), b] = self.encode(list(wanted.values()))
            mask[list(wanted), b] = True
        channels = torch.from_numpy(inputs), torch.from_numpy(targets)
        return Batch(*channels, torch.from_numpy(mask), torch.tensor(lengths))

    def _steps(
        self, question: Question, rng: np.random.Generator | None
    ) -> tuple[list[Record], list[PracticeStep]]:
        """What is told before the first POP, and the steps from there on."""
        adjacency, start, target = question.adjacency, question.start, question.target
        asked = query(start, target)
        told = tell(adjacency, question.order) + asked[:-1]
        if rng is not None and (self.keep < 1 or self.ask):
            return told, practice(rng, adjacency, start, target, self.keep, self.ask)
        said = search(adjacency, start, target)
        return told, list(zip([*asked[-1:], *said[:-1]], said))

    def encode(self, records: Sequence[Record]) -> np.ndarray:
        """Records as channels, float32 [n, channels]: one of ten for every digit, then one for the kind."""
        rows = np.zeros((len(records), self.input_size), np.float32)
        numbers = np.array(records, np.int64).reshape(-1, 4)
        holds = np.array(HOLDS)[numbers[:, 3]]
        held = np.where(holds == BLANK, BLANK, np.take_along_axis(numbers, np.maximum(holds, 0), 1))
        powers = 10 ** np.arange(self.digits - 1, -1, -1)
        places = 10 * np.arange(len(FIELDS) * self.digits).reshape(len(FIELDS), -1)
        digits = held[:, :, None] // powers % 10 + places
        step, field = np.nonzero(held != BLANK)
        rows[step[:, None], digits[step, field]] = 1
        rows[np.arange(len(records)), self.label_channels + numbers[:, 3]] = 1
        return rows

    def read(self, outputs: Tensor) -> list[Record]:
        """The most probable records: [n, channels] → n records, without the labels that their kinds lack."""
        digits = outputs[..., : self.label_channels].unflatten(-1, (len(FIELDS), self.digits, 10)).argmax(-1)
        powers = digits.new_tensor([10**p for p in range(self.digits - 1, -1, -1)])
        ops = outputs[..., self.label_channels :].argmax(-1)
        return [
            Record.of(_labels(held, HOLDS[op]), Op(op))
            for held, op in zip((digits * powers).sum(-1).tolist(), ops.tolist())
        ]

    def _costs(self, outputs: Tensor, batch: Batch) -> Tensor:
        """−log p of the target of every step, [T, B]; zero where none counts."""
        logits = outputs if outputs.dtype == torch.float64 else outputs.float()
        digits = logits[..., : self.label_channels].unflatten(2, (-1, 10)).log_softmax(3).flatten(2)
        kinds = logits[..., self.label_channels :].log_softmax(2)
        # Blank labels have no ones, so their digits do not count.
        costs = -(torch.cat([digits, kinds], 2) * batch.targets.to(logits.dtype)).sum(2)
        return costs.masked_fill(~batch.mask, 0)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """−Σ log p over the steps of the search and their digits and kinds, in nats; [B]."""
        return self._costs(outputs, batch).sum(0)

    def objective(self, outputs: Tensor, batch: Batch) -> Tensor:
        """The mean of a step, so that long episodes do not drown short ones."""
        return self.loss(outputs, batch) / batch.mask.sum(0)

    def writes(self, batch: Batch) -> Tensor:
        """Bool [T, B, 2]: the steps to write into a new slot, and those to mark in the slot of their node."""
        kinds = batch.inputs[..., self.label_channels :]
        return torch.stack([kinds[..., list(ops)].sum(2) > 0 for ops in (WRITTEN, MARKED)], 2)

    @torch.no_grad()
    def wrong_steps(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Wrong digits and kinds of every step of the search, int64 [T, B]."""
        wrong = outputs.new_zeros(batch.mask.shape, dtype=torch.int64)
        for answer, target in zip(self._fields(outputs), self._fields(batch.targets)):
            wrong += ((answer.argmax(-1) != target.argmax(-1)) & (target.sum(-1) > 0)).flatten(2).sum(2)
        return wrong * batch.mask

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
        first = int(one.mask[:, 0].long().argmax())
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
        lines += [f"told    {' '.join(map(str, fed[at : min(at + 3, first)]))}" for at in range(0, first, 3)]
        for t in range(first, steps):
            line = f"fed {fed[t]}  wanted {wanted[t]}"
            lines.append(line if said is None else f"{line}  said {said[t]}")
        return "\n".join(lines)


def _labels(held: Sequence[int], holds: Sequence[int]) -> list[int]:
    """Source, edge and destination, from what the fields hold."""
    return [held[holds.index(label)] if label in holds else BLANK for label in range(3)]
