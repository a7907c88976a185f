import dataclasses
import hashlib
import itertools

import numpy as np
import pytest
import torch

from tapehead.knowledge import solver
from tapehead.tasks import Kinship, Sampler
from tapehead.tasks.kinship.encoding import (
    BITS,
    CHOICES,
    INPUTS,
    NUM_LEVELS,
    OUTPUTS,
    SHARED,
    decode_number,
    fact_channels,
    frame_channels,
)
from tapehead.tasks.kinship.facts import CHILD, PARTNER, FamilyFact
from tapehead.tasks.kinship.relations import RELATIONS
from tapehead.tasks.kinship.task import collate_kinship
from tapehead.tasks.kinship.walk import SPOUSE, Frame, answers
from tapehead.train import lessons as _lessons
from tests.tasks.kinship.reading import read, replay

SMALL = Kinship(min_facts=5, max_facts=40, questions=4, max_steps=40)


def row(channels: list[int], size: int) -> torch.Tensor:
    assert len(set(channels)) == len(channels)
    ones = torch.zeros(size)
    ones[channels] = 1
    return ones


def test_the_layout_is_fixed() -> None:
    """A trained model has learned these channels: they must never move."""
    layout = [(name, f.start, f.size) for part in (INPUTS, OUTPUTS) for name, f in part.items()]
    names = [(r.name, r.walks, r.sex) for r in RELATIONS]
    digest = hashlib.sha256(repr((layout, names)).encode()).hexdigest()
    assert digest == "ca2e321b1bac011da31cd85cb90c04b6622c3f010acf79373fad96c4cf3bea5e"


def test_outputs_can_be_fed_back() -> None:
    shared = [(name, field) for name, field in OUTPUTS.items() if field.stop <= SHARED]
    assert shared == list(INPUTS.items())[: len(shared)]
    assert [name for name in OUTPUTS if name not in dict(shared)] == ["is_answer", "end"]


def test_every_output_channel_is_a_choice_or_a_bit() -> None:
    channels = [c for field in CHOICES for c in range(field.start, field.stop)] + list(BITS)
    assert sorted(channels) == list(range(Kinship().output_size))


def test_walks_fit_the_levels() -> None:
    assert max(relation.length for relation in RELATIONS) == NUM_LEVELS - 1


def test_facts_and_frames_come_back() -> None:
    signs = {"last": True, "has_parents": False, "has_families": True}
    signs |= {"has_father": True, "has_mother": False, "has_children": True}
    partner = FamilyFact(7, 8, PARTNER, slot=1, sex=1, rank=24, **signs)
    frame = Frame(0, SPOUSE, level=6, back=5, note=3, walk=1, returned=True)
    channels = fact_channels(partner, 407, 89) + frame_channels(frame, range(600, 700))
    told = read(row(channels, Kinship().output_size), OUTPUTS)
    fields = {"person": 407, "family": 89, "place": 2, "sex": 1, "rank": 23}
    fields |= {"last": 0, "has_families": 0, "has_father": 0, "has_children": 0}
    assert told == fields | {"kind": 4, "level": 6, "back": 605, "note": 3, "walk": 1, "returned": 0}
    child = FamilyFact(7, 8, CHILD, slot=0, sex=2, rank=1, **dict.fromkeys(signs, False))
    channels = fact_channels(child, 0, 999) + frame_channels(
        frame._replace(back=0, returned=False), range(600, 700)
    )
    told = read(row(channels, Kinship().output_size), OUTPUTS)
    fields = {"person": 0, "family": 999, "place": 0, "sex": 2, "rank": 0}
    assert told == fields | {"kind": 4, "level": 6, "home": 0, "note": 3, "walk": 1}


def test_numbers_are_read_by_the_strongest_digits() -> None:
    logits = row(fact_channels(FamilyFact(*[0] * 12), 407, 3), Kinship().output_size).numpy() * 2 - 1  # type: ignore[arg-type]
    assert (decode_number("person", logits), decode_number("family", logits)) == (407, 3)
    asked = np.zeros(Kinship().input_size)
    asked[[INPUTS["asked0"].start + 1, INPUTS["asked1"].start + 2, INPUTS["asked2"].start + 9]] = 1
    assert decode_number("asked", asked, INPUTS) == 129


@pytest.mark.parametrize("seed", range(4))
def test_answers_follow_from_the_channels_alone(seed: int) -> None:
    """An interpreter that sees what the machine sees makes every step and finds everybody."""
    rng = np.random.default_rng(seed)
    episodes = [SMALL._episode(rng, most) for most in (6, 15, 25, 40, 40)]
    inputs, targets, mask, lengths = collate_kinship(episodes)
    for b, episode in enumerate(episodes):
        steps = int(lengths[b])
        told = len(episode.given.facts)
        assert not bool(mask[:told, b].any())
        assert bool(mask[told:steps, b].all())
        expected = [
            (
                episode.names.people[person],
                relation,
                {episode.names.people[one] for one in answers(episode.given, person, walk)},
            )
            for person, relation, walk in episode.asked
        ]
        assert replay(inputs[:steps, b], targets[:steps, b]) == expected


def test_the_steps_before_are_fed_back() -> None:
    inputs, targets, mask, _ = Sampler(10, 0).draw(SMALL)
    same = mask[1:] & mask[:-1] & ~(targets[:-1, :, OUTPUTS["end"].start] > 0)
    assert torch.equal(inputs[1:, :, :SHARED][same], targets[:-1, :, :SHARED][same])
    first = mask.clone()
    first[1:] &= ~same
    # Nothing to go back to, and nothing else.
    begins = inputs[:, :, :SHARED][first]
    assert torch.equal(begins, row([OUTPUTS["home"].start], SHARED).expand_as(begins))


def test_frames_have_numbers_of_their_own() -> None:
    """Through all questions of an episode, and in no order: their digits tell nothing but who is who."""
    inputs, _, mask, _ = Sampler(10, 0).draw(SMALL)
    steps = []
    for b in range(10):
        numbers = [read(step, INPUTS)["number"] for step in inputs[mask[:, b], b]]
        assert len(set(numbers)) == len(numbers)
        steps += [abs(one - other) for one, other in itertools.pairwise(numbers)]
    assert sum(step < 10 for step in steps) < 0.1 * len(steps)


def test_names_are_new_in_every_episode() -> None:
    rng = np.random.default_rng(0)
    episodes = [SMALL._episode(rng, 20) for _ in range(40)]
    used = {name for episode in episodes for name in episode.names.people.values()}
    assert len(used) > 300
    for episode in episodes:
        names = episode.names.people.values()
        assert len(set(names)) == len(names)


def test_lessons_keep_their_limits() -> None:
    for task in _lessons.kinship().lessons:
        assert isinstance(task, Kinship)
        rng = np.random.default_rng(1)
        for _ in range(4):
            episode = task._episode(rng, task.max_facts)
            assert 2 <= len(episode.given.facts) <= task.max_facts
            assert 1 <= len(episode.asked) <= task.questions
            for _, relation, walk in episode.asked:
                assert RELATIONS[relation].length <= task.max_length
                assert len(walk.frames) <= task.max_steps


def test_most_questions_have_an_answer_and_all_relations_are_asked() -> None:
    rng = np.random.default_rng(0)
    task = dataclasses.replace(SMALL, questions=8)
    asked = [one for _ in range(70) for one in task._episode(rng, 30).asked]
    answered = sum(any(walk.is_answer) for _, _, walk in asked) / len(asked)
    assert 0.6 < answered < 1
    assert len({relation for _, relation, _ in asked}) > 0.8 * len(RELATIONS)


def test_an_episode_in_words() -> None:
    task = Kinship(min_facts=14, max_facts=14, questions=2, max_length=2)
    batch = Sampler(3, 0).draw(task)
    steps = int(batch.lengths[2])
    answer = task.oracle(batch)
    found = replay(batch.inputs[:steps, 2], batch.targets[:steps, 2])
    lines = task.describe(batch, answer, index=2).splitlines()
    assert lines[0] == f"kinship: {steps} steps; 0 fields wrong, 0.00 bits to code"
    told = " ".join(line.strip() for line in lines if not line.startswith(("asked", "  wa", "  sa", "  st")))
    facts = int(batch.inputs[:, 2, INPUTS["telling"].start].sum())
    assert told.count("child") + told.count("husband in") + told.count("wife in") == facts > 2
    questions = [line for line in lines if line.startswith("asked")]
    assert questions == [f"asked who are the {RELATIONS[r].name} of {p}?" for p, r, _ in found]
    for word in ("wanted", "said"):
        named = [line.split(maxsplit=1)[1] for line in lines if line.startswith(f"  {word}")]
        for people, (person, _, expected) in zip(named, found, strict=True):
            numbers = set() if people == "nobody" else set(map(int, people.split(", ")))
            assert numbers - {person} == expected
    assert sum(line.startswith("  step") for line in lines) == int(batch.mask[:, 2].sum()) - 2


def test_a_wrong_answer_in_words() -> None:
    task = Kinship(min_facts=10, max_facts=10, questions=1, max_length=1)
    batch = Sampler(1, 3).draw(task)
    text = task.describe(batch, -task.oracle(batch))
    assert "0 fields wrong" not in text.splitlines()[0]
    assert "  wanted " in text
    assert "  said   " in text


def test_exact_solver_agrees_on_whole_trees() -> None:
    """With all facts of a small tree told, what is asked for is what the exact solver says."""
    from tapehead.tasks.kinship.facts import index_facts, nearest
    from tapehead.tasks.kinship.population import random_tree
    from tapehead.tasks.kinship.task import EpisodeNames, KinshipEpisode
    from tapehead.tasks.kinship.walk import follow

    rng = np.random.default_rng(2)
    tree = random_tree(rng, 40)
    given = index_facts(tree, nearest(tree, 3, 10**6))
    names = EpisodeNames.draw(rng, given)
    asked = [(3, r, follow(given, 3, relation)) for r, relation in enumerate(RELATIONS)]
    batch = collate_kinship([KinshipEpisode(given, tuple(asked), names)])  # type: ignore[arg-type]
    for (_, relation, found), (_, r, _) in zip(replay(batch.inputs[:, 0], batch.targets[:, 0]), asked):
        assert relation == r
        assert found == {names.people[one] for one in solver.relatives(tree, 3, RELATIONS[r])}


def test_rare_moves_weigh_more_in_training() -> None:
    batch = Sampler(8, 3).draw(SMALL)
    torch.manual_seed(0)
    outputs = torch.randn(batch.targets.shape, dtype=torch.float64, requires_grad=True)
    kind, returned = OUTPUTS["kind"], OUTPUTS["returned"].start

    def moves(channels: torch.Tensor) -> list[tuple[int, ...]]:
        part = channels[..., [*range(kind.start, kind.stop), returned]][batch.mask]
        return [tuple(one) for one in part.int().tolist()]

    kinds = list(zip(moves(batch.inputs), moves(batch.targets)))
    shares = {move: kinds.count(move) / len(kinds) for move in set(kinds)}
    weights = torch.tensor([shares[move] ** -0.7 for move in kinds], dtype=torch.float64)
    weights /= weights.mean()
    one_by_one = []
    for t, b in batch.mask.nonzero().tolist():
        single = batch._replace(mask=torch.zeros_like(batch.mask))
        single.mask[t, b] = True
        one_by_one.append(SMALL.loss(outputs, single).sum())
    expected = (torch.stack(one_by_one) * weights).sum()
    objective = SMALL.objective(outputs, batch)
    assert objective.shape == (8,)
    assert objective.sum().item() == pytest.approx(expected.item(), rel=1e-5)
    assert SMALL.loss(outputs, batch).sum().item() == pytest.approx(sum(one_by_one).item(), rel=1e-9)
    assert weights.max() > 5 * weights.min()
    objective.sum().backward()
    assert not outputs.grad[~batch.mask].any()
