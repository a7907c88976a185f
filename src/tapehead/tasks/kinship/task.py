"""The kinship task."""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ..base import Batch, Channels, Task, check_range, check_whole
from ..registry import register
from ..sampler import numpy_rng
from .encoding import (
    BITS,
    CHOICES,
    INPUT_SIZE,
    INPUTS,
    NUM_KINDS,
    NUM_NAMES,
    OUTPUT_SIZE,
    OUTPUTS,
    digits,
    fact_channels,
    frame_channels,
    question_channels,
)
from .facts import MAX_RANKS, FactSet, index_facts, nearest
from .population import random_tree
from .relations import RELATIONS
from .walk import Walk, follow
from .words import episode_as_text

NUM_MOVES = 2 * (NUM_KINDS + 1)
"""Kinds of frames, each new or returned to, and no frame."""
CHANNELS = Channels.numbered(INPUT_SIZE, OUTPUT_SIZE)


@register
@dataclasses.dataclass(frozen=True)
class Kinship(Task):
    """Read the facts of a family tree, then answer questions by walking from fact to fact.

    Each step of an answer looks up one fact; the frame of the step before, see ``walk.py``, is an input. In
    training these frames are the teacher's.
    """

    name: ClassVar[str] = "kinship"
    sizes: ClassVar[tuple[str, ...]] = ("facts",)

    min_facts: int = 5
    max_facts: int = 60
    """the maximum number of facts"""
    questions: int = 3
    """questions in an episode"""
    max_length: int = 6
    """steps of the longest relation"""
    max_steps: int = 60
    """steps of the longest answer"""

    def __post_init__(self) -> None:
        check_range(self, "facts", minimum=2)
        check_whole("questions", self.questions, minimum=1)
        check_whole("max_length", self.max_length, minimum=1)
        check_whole("max_steps", self.max_steps, minimum=2)

    @property
    def channels(self) -> Channels:
        """Numbered labels, which ``describe`` does not use."""
        return CHANNELS

    def sample(self, batch_size: int, generator: torch.Generator) -> Batch:
        """Draw a batch; see ``Task.sample``."""
        check_whole("batch_size", batch_size, minimum=1)
        rng = numpy_rng(generator)
        # One size for the whole batch: padding would cost more than it brings in variety.
        max_facts = int(rng.integers(self.min_facts, self.max_facts + 1))
        episodes = [self._episode(rng, max_facts) for _ in range(batch_size)]
        return collate_kinship(episodes).to(generator.device)

    def _episode(self, rng: np.random.Generator, max_facts: int) -> "KinshipEpisode":
        while True:
            tree = random_tree(rng, int(max_facts * (0.6 + rng.random())))
            person = int(rng.integers(len(tree.sexes)))
            if tree.parents[person] is None and rng.random() < 0.7:
                continue
            places = nearest(tree, person, max_facts)
            if len(places) < 2:
                continue
            rng.shuffle(places)
            given = index_facts(tree, places)
            if max(fact.rank for fact in given.facts) > MAX_RANKS:
                continue
            asked = self._questions(rng, given, person)
            if asked:
                return KinshipEpisode(given, tuple(asked), EpisodeNames.draw(rng, given))

    def _questions(
        self, rng: np.random.Generator, given: FactSet, person: int
    ) -> list[tuple[int, int, Walk]]:
        """Questions as (person, index of the relation, walk), the first about ``person``."""
        people = sorted({fact.person for fact in given.facts})
        asked = []
        for question in range(self.questions):
            for _ in range(20):
                someone = person if question == 0 else people[int(rng.integers(len(people)))]
                relation = self._relation(rng)
                walk = follow(given, someone, RELATIONS[relation], self.max_steps)
                if walk is not None and (any(walk.is_answer) or rng.random() < 0.05):
                    asked.append((someone, relation, walk))
                    break
        return asked

    def _relation(self, rng: np.random.Generator) -> int:
        while True:
            relation = int(rng.integers(len(RELATIONS)))
            if RELATIONS[relation].length <= self.max_length:
                return relation

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy of each sequence in nats, [B]: a softmax for each field, a logistic for each bit."""
        return self._step_loss(outputs, batch).sum(0)

    def objective(self, outputs: Tensor, batch: Batch) -> Tensor:
        """The loss with a weight for each step, higher for rare moves; the mean weight is 1. In nats; [B].

        A third of all steps goes from one child to the next, and some moves, such as from a child to their
        own second family, are not one in a hundred: without weights they are learned last. The weight of a
        step is the share of its kind of move among the batch's steps, to the power −0.7.
        """
        move = _kind(batch.inputs)[batch.mask] * NUM_MOVES + _kind(batch.targets)[batch.mask]
        share = move.bincount(minlength=NUM_MOVES * NUM_MOVES) / len(move)
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
    def num_errors(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Number of wrong fields and wrong bits of each sequence; int64, [B]."""
        wrong = ((outputs[..., BITS] > 0) != (batch.targets[..., BITS] > 0.5)).sum(2)
        for field in CHOICES:
            part = slice(field.start, field.stop)
            target = batch.targets[..., part]
            differs = outputs[..., part].argmax(2) != target.argmax(2)
            wrong = wrong + (differs & (target.sum(2) > 0))
        return (wrong * batch.mask).sum(0)

    def describe(self, batch: Batch, outputs: Tensor | None = None, index: int = 0) -> str:
        """An episode as text: the facts, then each question with its steps and answers."""
        episode = batch.episode(index)
        steps = int(episode.lengths)
        caption, answers = f"{self.name}: {steps} steps", None
        if outputs is not None:
            answer = outputs[:steps, [index]].detach()
            wrong, bits = int(self.num_errors(answer, episode)), float(self.bits(answer, episode))
            caption += f"; {wrong} fields wrong, {bits:.2f} bits to code"
            answers = answer[:, 0].float().cpu().numpy()
        inputs, targets = episode.inputs[:, 0].cpu().numpy(), episode.targets[:, 0].cpu().numpy()
        return "\n".join([caption, *episode_as_text(inputs, targets, answers)])


def _kind(channels: Tensor) -> Tensor:
    """The kind of move of inputs or targets [.., C]: 0 … NUM_MOVES − 1, int64, [..]."""
    kind, returned = OUTPUTS["kind"], channels[..., OUTPUTS["returned"].start]
    one_hot = channels[..., kind.start : kind.stop]
    # 0: no frame, at the beginning and at the end.
    number = (one_hot.argmax(-1) + 1) * (one_hot.sum(-1) > 0)
    return 2 * number + (returned > 0.5)


@dataclasses.dataclass(frozen=True)
class EpisodeNames:
    """The numbers of an episode's people, families and frames."""

    people: dict[int, int]
    families: dict[int, int]
    frames: list[int]
    """by position; in random order, because consecutive numbers would differ in their last digit alone"""

    @classmethod
    def draw(cls, rng: np.random.Generator, given: FactSet) -> "EpisodeNames":
        """Draw a number for each person and family in the facts, and for each frame."""
        people = sorted({fact.person for fact in given.facts})
        families = sorted({fact.family for fact in given.facts})
        return cls(
            dict(zip(people, rng.permutation(NUM_NAMES)[: len(people)].tolist())),
            dict(zip(families, rng.permutation(NUM_NAMES)[: len(families)].tolist())),
            rng.permutation(NUM_NAMES).tolist(),
        )


@dataclasses.dataclass(frozen=True)
class KinshipEpisode:
    """Facts, and questions about them, each with the teacher's walk."""

    given: FactSet
    asked: tuple[tuple[int, int, Walk], ...]
    """(person, index of the relation, walk)"""
    names: EpisodeNames

    @property
    def steps(self) -> int:
        """The number of steps: one a fact, and for each question one a frame and one for the end."""
        return len(self.given.facts) + sum(len(walk.frames) + 1 for _, _, walk in self.asked)


def fact_steps(given: FactSet, names: EpisodeNames) -> list[list[int]]:
    """The input channels that are 1 in the step of each fact."""
    return [[*_named(given, index, names), INPUTS["telling"].start] for index in range(len(given.facts))]


def _named(given: FactSet, index: int, names: EpisodeNames) -> list[int]:
    fact = given.facts[index]
    return fact_channels(fact, names.people[fact.person], names.families[fact.family])


def question_step(given: FactSet, names: EpisodeNames, person: int, relation: int) -> list[int]:
    """The input channels that are 1 in every step of an answer."""
    has_parents, has_families = person in given.of_child, person in given.of_partner
    return question_channels(names.people[person], relation, has_parents, has_families)


def collate_kinship(episodes: Sequence[KinshipEpisode]) -> Batch:
    """The batch of these episodes, on the CPU."""
    steps = max(episode.steps for episode in episodes)
    size = len(episodes)
    inputs = np.zeros((steps, size, INPUT_SIZE), np.float32)
    targets = np.zeros((steps, size, OUTPUT_SIZE), np.float32)
    mask = np.zeros((steps, size), bool)
    for b, episode in enumerate(episodes):
        rows, answers = _channels_of(episode)
        for t, row in enumerate(rows):
            inputs[t, b, row] = 1
        for t, target in answers:
            targets[t, b, target] = 1
            mask[t, b] = True
    lengths = torch.tensor([episode.steps for episode in episodes])
    return Batch(torch.from_numpy(inputs), torch.from_numpy(targets), torch.from_numpy(mask), lengths)


def _channels_of(episode: KinshipEpisode) -> tuple[list[list[int]], list[tuple[int, list[int]]]]:
    """The input channels that are 1 in each step, and (step, its target channels) of the answers."""
    given, names = episode.given, episode.names
    rows = fact_steps(given, names)
    answers: list[tuple[int, list[int]]] = []
    numbers = names.frames
    for person, relation, walk in episode.asked:
        question = question_step(given, names, person, relation)
        last_frame: list[int] = [OUTPUTS["home"].start]
        was_answer = False
        for number in range(len(walk.frames) + 1):
            rows.append([*question, *last_frame, *digits("number", numbers[number], INPUTS)])
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
            answers.append((len(rows) - 1, target))
        numbers = numbers[len(walk.frames) + 1 :]
    return rows, answers


__all__ = ["EpisodeNames", "Kinship", "KinshipEpisode", "collate_kinship", "fact_steps", "question_step"]
