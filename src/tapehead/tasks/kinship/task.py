"""The kinship task."""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ..base import Batch, Task, check_range, check_whole
from ..registry import register
from .encoding import (
    BITS,
    CHOICES,
    INPUT_SIZE,
    INPUTS,
    KINDS,
    NAMES,
    OUTPUT_SIZE,
    OUTPUTS,
    digits,
    fact_channels,
    frame_channels,
    question_channels,
)
from .facts import MOST_RANKS, GivenFacts, give, nearest
from .population import random_tree
from .relations import RELATIONS
from .walk import Walk, follow
from .words import episode_in_words

MOVES = 2 * (KINDS + 1)
"""Kinds of frames, and of coming back to them; and no frame."""


@register
@dataclasses.dataclass(frozen=True)
class Kinship(Task):
    """Facts of a family are told one by one, then questions are answered by walking through them.

    Each step of an answer looks up one fact; the steps before are fed back, as the frames of ``walk.py``. In
    training the fed-back frames are the teacher's.
    """

    name: ClassVar[str] = "kinship"
    sizes: ClassVar[tuple[str, ...]] = ("facts",)

    min_facts: int = 5
    max_facts: int = 60
    """facts told, at most"""
    questions: int = 3
    """in an episode"""
    max_length: int = 6
    """steps of the longest relation"""
    max_steps: int = 60
    """steps of the longest answer"""

    def __post_init__(self) -> None:
        check_range(self, "facts", least=2)
        check_whole("questions", self.questions, least=1)
        check_whole("max_length", self.max_length, least=1)
        check_whole("max_steps", self.max_steps, least=2)

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
        # One size a batch: padding would cost more than it brings in variety.
        most = int(chance.integers(self.min_facts, self.max_facts + 1))
        episodes = [self._episode(chance, most) for _ in range(batch_size)]
        return collate(episodes)

    def _episode(self, chance: np.random.Generator, most: int) -> "Episode":
        while True:
            tree = random_tree(chance, int(most * (0.6 + chance.random())))
            person = int(chance.integers(len(tree.sexes)))
            if tree.parents[person] is None and chance.random() < 0.7:
                continue
            places = nearest(tree, person, most)
            if len(places) < 2:
                continue
            chance.shuffle(places)
            given = give(tree, places)
            if max(fact.rank for fact in given.facts) > MOST_RANKS:
                continue
            people = sorted({fact.person for fact in given.facts})
            asked = []
            for question in range(self.questions):
                for _ in range(20):
                    someone = person if question == 0 else people[int(chance.integers(len(people)))]
                    relation = self._relation(chance)
                    walk = follow(given, someone, RELATIONS[relation], self.max_steps)
                    if walk is not None and (any(walk.is_answer) or chance.random() < 0.05):
                        asked.append((someone, relation, walk))
                        break
            if asked:
                return Episode(given, tuple(asked), Names.draw(chance, given))

    def _relation(self, chance: np.random.Generator) -> int:
        while True:
            relation = int(chance.integers(len(RELATIONS)))
            if RELATIONS[relation].length <= self.max_length:
                return relation

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy of each sequence in nats: a softmax for a field of values, a logistic for a bit."""
        return self._step_loss(outputs, batch).sum(0)

    def objective(self, outputs: Tensor, batch: Batch) -> Tensor:
        """The loss, rare moves weighing more; the mean weight of a step is 1.

        A third of all steps goes from one child to the next, and some moves, such as from a child to their
        own second family, are not one in a hundred: without weights they are learned last. A step weighs as
        the share of its kind of move among the batch's steps to the power −0.7.
        """
        move = _kind(batch.inputs)[batch.mask] * MOVES + _kind(batch.targets)[batch.mask]
        share = move.bincount(minlength=MOVES * MOVES) / len(move)
        rarity = share[move].pow(-0.7)
        weights = outputs.new_zeros(batch.mask.shape)
        weights[batch.mask] = (rarity / rarity.mean()).to(weights.dtype)
        return (self._step_loss(outputs, batch) * weights).sum(0)

    def _step_loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        logits = outputs if outputs.dtype == torch.float64 else outputs.float()
        targets = batch.targets.to(logits.dtype)
        bits = torch.nn.functional.binary_cross_entropy_with_logits(
            logits[..., BITS], targets[..., BITS], reduction="none"
        )
        nats = bits.sum(2)
        for field in CHOICES:
            part = slice(field.start, field.stop)
            # A field that is blank in the target has no ones, so it does not count.
            nats = nats - (logits[..., part].log_softmax(2) * targets[..., part]).sum(2)
        return nats.masked_fill(~batch.mask, 0)

    @torch.no_grad()
    def wrong_bits(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Wrong fields and wrong bits of each sequence; int64, [B]."""
        wrong = ((outputs[..., BITS] > 0) != (batch.targets[..., BITS] > 0.5)).sum(2)
        for field in CHOICES:
            part = slice(field.start, field.stop)
            target = batch.targets[..., part]
            differs = outputs[..., part].argmax(2) != target.argmax(2)
            wrong = wrong + (differs & (target.sum(2) > 0))
        return (wrong * batch.mask).sum(0)

    def describe(self, batch: Batch, outputs: Tensor | None = None, index: int = 0) -> str:
        """An episode in words: the facts told, then every question with its steps and answers."""
        one = batch.one(index)
        steps = int(one.lengths)
        caption, answers = f"{self.name}: {steps} steps", None
        if outputs is not None:
            answer = outputs[:steps, [index]].detach()
            wrong, bits = int(self.wrong_bits(answer, one)), float(self.bits(answer, one))
            caption += f"; {wrong} fields wrong, {bits:.2f} bits to code"
            answers = answer[:, 0].float().cpu().numpy()
        inputs, targets = one.inputs[:, 0].cpu().numpy(), one.targets[:, 0].cpu().numpy()
        return "\n".join([caption, *episode_in_words(inputs, targets, answers)])


def _kind(channels: Tensor) -> Tensor:
    """What kind of frame channels [.., C] of an input or a target say, and whether it was come back to."""
    kind, returned = OUTPUTS["kind"], channels[..., OUTPUTS["returned"].start]
    said = channels[..., kind.start : kind.stop]
    # 0: no frame, at the beginning and at the end.
    number = (said.argmax(-1) + 1) * (said.sum(-1) > 0)
    return 2 * number + (returned > 0.5)


@dataclasses.dataclass(frozen=True)
class Names:
    """The numbers by which an episode's people, families and frames go."""

    people: dict[int, int]
    families: dict[int, int]
    frames: list[int]
    """by position; in no order, because neighbours in value would differ in their last digit alone"""

    @classmethod
    def draw(cls, chance: np.random.Generator, given: GivenFacts) -> "Names":
        """New numbers for everybody in the facts, and for all steps to come."""
        people = sorted({fact.person for fact in given.facts})
        families = sorted({fact.family for fact in given.facts})
        return cls(
            dict(zip(people, chance.permutation(NAMES)[: len(people)].tolist())),
            dict(zip(families, chance.permutation(NAMES)[: len(families)].tolist())),
            chance.permutation(NAMES).tolist(),
        )


@dataclasses.dataclass(frozen=True)
class Episode:
    """Facts and the questions asked about them, each with the teacher's walk."""

    given: GivenFacts
    asked: tuple[tuple[int, int, Walk], ...]
    """(person, index of the relation, walk)"""
    names: Names

    @property
    def steps(self) -> int:
        """Facts, and for each question its frames and one to end."""
        return len(self.given.facts) + sum(len(walk.frames) + 1 for _, _, walk in self.asked)


def telling(given: GivenFacts, names: Names) -> list[list[int]]:
    """The input channels of every fact's step."""
    return [[*_named(given, index, names), INPUTS["telling"].start] for index in range(len(given.facts))]


def _named(given: GivenFacts, index: int, names: Names) -> list[int]:
    fact = given.facts[index]
    return fact_channels(fact, names.people[fact.person], names.families[fact.family])


def question(given: GivenFacts, names: Names, person: int, relation: int) -> list[int]:
    """The input channels that stand in every step of an answer."""
    has_parents, has_families = person in given.of_child, person in given.of_partner
    return question_channels(names.people[person], relation, has_parents, has_families)


def collate(episodes: Sequence[Episode]) -> Batch:
    """Episodes as a batch."""
    steps = max(episode.steps for episode in episodes)
    size = len(episodes)
    inputs = np.zeros((steps, size, INPUT_SIZE), np.float32)
    targets = np.zeros((steps, size, OUTPUT_SIZE), np.float32)
    mask = np.zeros((steps, size), bool)
    for b, episode in enumerate(episodes):
        given, names = episode.given, episode.names
        rows = telling(given, names)
        marks: list[tuple[int, list[int]]] = []
        numbers = names.frames
        for person, relation, walk in episode.asked:
            asked = question(given, names, person, relation)
            last_frame: list[int] = [OUTPUTS["home"].start]
            was_answer = False
            for number in range(len(walk.frames) + 1):
                rows.append([*asked, *last_frame, *digits("number", numbers[number], INPUTS)])
                target: list[int] = []
                if was_answer:
                    target.append(OUTPUTS["is_answer"].start)
                if number == len(walk.frames):
                    target.append(OUTPUTS["end"].start)
                else:
                    frame = walk.frames[number]
                    last_frame = [*_named(given, frame.fact, names), *frame_channels(frame, numbers)]
                    target += last_frame
                    was_answer = walk.is_answer[number]
                marks.append((len(rows) - 1, target))
            numbers = numbers[len(walk.frames) + 1 :]
        for t, row in enumerate(rows):
            inputs[t, b, row] = 1
        for t, target in marks:
            targets[t, b, target] = 1
            mask[t, b] = True
    lengths = torch.tensor([episode.steps for episode in episodes])
    return Batch(torch.from_numpy(inputs), torch.from_numpy(targets), torch.from_numpy(mask), lengths)


__all__ = ["Episode", "Kinship", "Names", "collate"]
