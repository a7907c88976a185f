"""The kinship task."""

import dataclasses
import textwrap
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ..base import CERTAIN, Batch, Channels, Task, check_range, check_whole
from ..graph.search_graphs import Draw, draw_names, draw_similar_names
from ..registry import register
from ..sampler import numpy_rng
from .channels import BLANK, CHOICES, NAME_DIGITS, PLACE, SIZE, STARTS, encode, strongest, values_of
from .facts import MAX_RANKS, FactSet, index_facts, nearest
from .population import broad_tree, random_tree
from .practice import MAX_STEPS, Practice
from .records import FRAME, TELL, read_record
from .trace import Step, Told

CHANNELS = Channels.numbered(SIZE, SIZE)
BROAD = 0.4
"""The fraction of trees in which large families are common."""
_OPS = int(STARTS[PLACE["op"]])


@register
@dataclasses.dataclass(frozen=True)
class Kinship(Task):
    """Keep the facts of a family in memory, and walk from fact to fact, one exact lookup a step.

    The facts are told, one a step: a person, a family, what each is to the other, and which further facts
    there are. Then come steps of walks. What is said is the next thing fed, up to END, so that a machine
    walks by itself; a FRAME gets a number and the sex wanted from whoever asks, and is written to memory::

        fed             looks up                says
        TELL fact       and is written          –
        FRAME n         nothing; is written     FINDP or FINDF: what the next move leads to first;
                                                ANSWER n where the walk is over and somebody found;
                                                RETURN n where there is no such fact
        FINDP, FINDF    the fact by a person    FRAME: the fact, with what is left of the walk
                        or a family, and a slot
        ANSWER n,       the frame n             FINDP or FINDF: the next beside it; else RETURN to the
        RETURN n                                frame before it; END where the walk began

    The steps of an episode are practice, not whole walks: see :mod:`.practice`. The grandmothers of person
    19, an only child of the family 20, whose father is a child of 21, and whose mother's family is not known,
    with the frames 407, 128, …::

        fed FRAME 407 at 19 [Up Um] home
        say FINDP the parents' family of 19 [p Um by U] back to 407
        say FRAME at family of 19 child 1 of 20 [p Um by U] back to 407, which is fed as FRAME 128
        say FINDF father of 20 [Um from child 1 by p] back to 128
        …
    """

    name: ClassVar[str] = "kinship"
    sizes: ClassVar[tuple[str, ...]] = ("facts",)

    min_facts: int = 5
    max_facts: int = 60
    """the maximum number of facts"""
    steps: int = 40
    """steps of practice after the facts; a few more, until what was begun is over"""
    similar: float = 0.5
    """fraction of the families whose names are hard to tell apart, as they are in larger ones"""

    def __post_init__(self) -> None:
        check_range(self, "facts", minimum=2)
        check_whole("steps", self.steps, minimum=1)
        if self.steps > MAX_STEPS:
            raise ValueError(
                f"steps is {self.steps}: give at most {MAX_STEPS}, or numbers for frames run out."
            )
        if not 0 <= self.similar <= 1:
            raise ValueError(f"similar is {self.similar}: give a fraction from 0 to 1.")

    @property
    def channels(self) -> Channels:
        """Numbered labels, which ``describe`` does not use."""
        return CHANNELS

    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        check_whole("batch_size", batch_size, minimum=1)
        rng = numpy_rng(generator)
        return batch_of([self.episode(rng) for _ in range(batch_size)]).to(generator.device)

    def episode(self, rng: np.random.Generator) -> tuple[Told, list[Step]]:
        """Draw facts, and steps to practise on them."""
        told = self.told(rng)
        return told, Practice(rng, told, self.steps).steps()

    def told(self, rng: np.random.Generator) -> Told:
        """Draw a family, names, and some of the facts about it."""
        given = self._facts(rng)
        draw = draw_similar_names if rng.random() < self.similar else draw_names
        return name_facts(rng, given, draw)

    def _facts(self, rng: np.random.Generator) -> FactSet:
        most = int(rng.integers(self.min_facts, self.max_facts + 1))
        while True:
            grow = broad_tree if rng.random() < BROAD else random_tree
            tree = grow(rng, int(most * 0.8) + 3)
            places = nearest(tree, int(rng.integers(len(tree.sexes))), most)
            if len(places) < 2:
                continue
            given = index_facts(tree, [places[i] for i in rng.permutation(len(places)).tolist()])
            if max(fact.rank for fact in given.facts) <= MAX_RANKS:
                return given

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """−Σ log p over the steps and the fields that their answers have, in nats; [B]."""
        return self._costs(outputs, batch).sum(0)

    def objective(self, outputs: Tensor, batch: Batch) -> Tensor:
        """The mean of a step, so that long episodes do not drown short ones; [B]."""
        return self.loss(outputs, batch) / batch.mask.sum(0)

    def _costs(self, outputs: Tensor, batch: Batch) -> Tensor:
        """−log p of the target of every step, [T, B]; zero where none counts."""
        logits = outputs if outputs.dtype == torch.float64 else outputs.float()
        targets = batch.targets.to(logits.dtype)
        costs = logits.new_zeros(batch.mask.shape)
        for start, size in CHOICES:
            field = slice(start, start + size)
            # A field that is blank in the target has no ones, so it does not count.
            costs = costs - (logits[..., field].log_softmax(-1) * targets[..., field]).sum(-1)
        return costs.masked_fill(~batch.mask, 0)

    def writes(self, batch: Batch) -> Tensor:
        """Bool [T, B, 1]: facts that are told, and frames."""
        ops = batch.inputs[..., _OPS:]
        return ops[..., [TELL, FRAME]].sum(-1, keepdim=True) > 0

    @torch.no_grad()
    def wrong_steps(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Wrong fields of every step, int64 [T, B]."""
        wrong = outputs.new_zeros(batch.mask.shape, dtype=torch.int64)
        for start, size in CHOICES:
            target = batch.targets[..., start : start + size]
            differs = outputs[..., start : start + size].argmax(-1) != target.argmax(-1)
            wrong += differs & (target.sum(-1) > 0)
        return wrong * batch.mask

    def num_errors(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Wrong fields of each sequence; int64, [B]."""
        return self.wrong_steps(outputs, batch).sum(0)

    @torch.no_grad()
    def oracle(self, batch: Batch) -> Tensor:
        """Logits of the best possible answer: the logarithms of the targets; zero at steps without."""
        return batch.targets.log().clamp(min=-CERTAIN).masked_fill(~batch.mask.unsqueeze(-1), 0)

    def describe(self, batch: Batch, outputs: Tensor | None = None, index: int = 0) -> str:
        """An episode in words: what is told, then step by step what is fed, wanted and said."""
        one = batch.episode(index)
        steps = int(one.lengths)
        first = int(one.mask[:, 0].long().argmax())
        fed, wanted = (values_of(part[:, 0]) for part in (one.inputs, one.targets))
        caption, said = f"{self.name}: {steps} steps", None
        if outputs is not None:
            answer = outputs[:steps, [index]].detach()
            wrong, bits = int(self.num_errors(answer, one)), float(self.bits(answer, one))
            caption += f"; {wrong} fields wrong, {bits:.2f} bits to code"
            # What was said of the fields that count.
            said = np.where(wanted == BLANK, BLANK, strongest(answer[:, 0]))
        facts = "; ".join(str(read_record(row)) for row in fed[:first].tolist())
        lines = [caption, *_lines("told     ", facts)]
        for t in range(first, steps):
            for what, records in (("fed      ", fed), ("  wanted ", wanted), ("  said   ", said)):
                if records is not None:
                    lines += _lines(what, str(read_record(records[t].tolist())))
        return "\n".join(lines)


def _lines(what: str, text: str) -> list[str]:
    return textwrap.wrap(text, 100, initial_indent=what, subsequent_indent=" " * len(what))


def name_facts(rng: np.random.Generator, given: FactSet, draw: Draw = draw_names) -> Told:
    """Facts under names drawn at random.

    Raises:
        ValueError: there are not that many names.
    """
    people = sorted({fact.person for fact in given.facts})
    families = sorted({fact.family for fact in given.facts})
    names = [draw(rng, len(numbers), NAME_DIGITS).tolist() for numbers in (people, families)]
    return Told(given, dict(zip(people, names[0])), dict(zip(families, names[1])))


def batch_of(episodes: Sequence[tuple[Told, list[Step]]]) -> Batch:
    """The batch of these episodes, on the CPU."""
    lengths = [len(told.facts) + len(steps) for told, steps in episodes]
    shape = max(lengths), len(episodes)
    inputs = np.zeros((*shape, SIZE), np.float32)
    targets = np.zeros_like(inputs)
    mask = np.zeros(shape, bool)
    for b, (told, steps) in enumerate(episodes):
        first = len(told.facts)
        fed = [fact.values for fact in told.facts] + [fed.values for fed, _ in steps]
        inputs[: lengths[b], b] = encode(fed)
        targets[first : lengths[b], b] = encode([wanted.values for _, wanted in steps])
        mask[first : lengths[b], b] = True
    channels = torch.from_numpy(inputs), torch.from_numpy(targets)
    return Batch(*channels, torch.from_numpy(mask), torch.tensor(lengths))
