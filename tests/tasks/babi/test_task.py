"""The bAbI task: which stories are drawn, what counts, and how it reads."""

import collections
import json

import numpy as np
import pytest
import torch

from tapehead import tasks
from tapehead.tasks import Babi, Sampler
from tapehead.tasks.babi import StoryError
from tapehead.tasks.babi.pool import GROUP, Entry, Pool, pool_of
from tapehead.tasks.babi.reader import Story
from tapehead.tasks.babi.task import DASH, answer_slots

from .folder import DATA

TASK = Babi(data=str(DATA))


def test_only_the_answer_slots_count() -> None:
    batch = Sampler(30, 0).draw(TASK)
    assert torch.equal(batch.mask, batch.inputs[..., DASH] > 0.5)
    assert torch.equal(answer_slots(batch), batch.mask)
    assert bool((batch.inputs.sum(2)[batch.inputs.sum(2) > 0] == 1).all())
    assert not bool(batch.targets[..., DASH].any())


def test_a_tenth_of_each_task_is_held_back() -> None:
    trained = pool_of(str(DATA), held_out=False, max_steps=4_096).entries
    held = pool_of(str(DATA), held_out=True, max_steps=4_096).entries
    assert collections.Counter(entry.task for entry in held) == {1: 1, 8: 1, 3: 1}
    # Task 3 counts as if all of its file were there.
    assert collections.Counter(entry.task for entry in trained) == {1: 3, 8: 1, 3: 1_800}
    assert {entry.stand_in for entry in trained if entry.task == 3} == {True}
    assert not any(entry.stand_in for entry in held)
    both = {entry.story.words.tobytes() for entry in trained} & {
        entry.story.words.tobytes() for entry in held
    }
    assert not both


def test_validation_draws_what_is_held_back() -> None:
    held = {len(entry.story.words) for entry in pool_of(str(DATA), held_out=True, max_steps=4_096).entries}
    task = Babi(data=str(DATA), refresh=0.3).for_validation()
    batch = Sampler(40, 0).draw(task)
    assert (task.held_out, task.refresh) == (True, 0.0)
    assert set(batch.lengths.tolist()) == held


def test_longer_stories_are_left_out() -> None:
    assert int(Sampler(60, 0).draw(Babi(data=str(DATA), steps=25)).lengths.max()) <= 25
    with pytest.raises(StoryError, match="no story to train on of at most 5 steps"):
        Sampler(1, 0).draw(Babi(data=str(DATA), steps=5))


def test_every_story_is_as_likely_and_groups_are_of_like_length() -> None:
    lengths = [10] * 512 + list(range(20, 276)) + [900] * 256  # four buckets
    words = [Story(np.zeros(length, np.int16), np.full(length, -1, np.int16)) for length in lengths]
    pool = Pool([Entry(story, 1, False) for story in words], bucketed=True)
    rng = np.random.default_rng(0)
    drawn: collections.Counter[int] = collections.Counter()
    for _ in range(2_000):
        stories = pool.draw(3 * GROUP, rng)
        assert len(stories) == 3 * GROUP
        for group in (stories[:GROUP], stories[GROUP : 2 * GROUP], stories[2 * GROUP :]):
            own = [len(story.words) for story in group]
            assert set(own) in ({10}, {900}) or (min(own) >= 20 and max(own) < 276)
        drawn.update(id(story) for story in stories)
    counts = [drawn[id(story)] for story in words]  # 47 are expected of each
    assert sum(counts[:512]) / sum(counts) == pytest.approx(0.5, abs=0.02)
    assert min(counts) > 15
    assert max(counts) < 100


def test_tasks_are_drawn_as_often_as_they_are_named() -> None:
    pool = pool_of(str(DATA), held_out=False, max_steps=4_096, tasks=(1, 8, 8, 8))
    assert {entry.task for entry in pool.entries} == {1, 8}
    task_of = {entry.story.words.tobytes(): entry.task for entry in pool.entries}
    drawn = collections.Counter(
        task_of[story.words.tobytes()] for story in pool.draw(4_000, np.random.default_rng(0))
    )
    # Three stories of task 1, one of task 8, which counts three times.
    assert drawn[8] / drawn.total() == pytest.approx(0.5, abs=0.06)
    batch = Sampler(8, 0).draw(Babi(data=str(DATA), tasks=(3,)))
    assert int(batch.lengths.min()) > 25
    saved = json.loads(json.dumps(Babi(tasks=(1, 8)).to_dict()))
    assert tasks.from_dict(saved) == Babi(tasks=(1, 8))


@pytest.mark.parametrize("wrong", [(0,), (1, 21), (True,)])
def test_tasks_that_there_are_not(wrong: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="give numbers from 1 to 20"):
        Babi(tasks=wrong)


def test_a_task_without_stories() -> None:
    with pytest.raises(StoryError, match="of the tasks 2: give more steps or other tasks"):
        Sampler(1, 0).draw(Babi(data=str(DATA), tasks=(2,)))


def test_refreshing_adds_inputs_as_targets() -> None:
    task = Babi(data=str(DATA), refresh=0.1)
    batch = Sampler(400, 0).draw(task)
    slots = answer_slots(batch)
    more = batch.mask & ~slots
    assert torch.equal(batch.targets[more], batch.inputs[more])
    present = torch.arange(len(batch.mask))[:, None] < batch.lengths
    assert float(more.sum() / (present & ~slots).sum()) == pytest.approx(0.1, abs=0.01)
    outputs = torch.randn(batch.targets.shape)
    without = batch._replace(mask=slots, targets=batch.targets * slots[..., None])
    assert torch.equal(task.loss(outputs, batch), TASK.loss(outputs, without))
    assert bool((task.objective(outputs, batch) > task.loss(outputs, batch)).any())
    assert torch.equal(task.num_errors(outputs, batch), TASK.num_errors(outputs, without))


def test_the_objective_is_the_loss_without_refreshing() -> None:
    batch = Sampler(8, 0).draw(TASK)
    outputs = torch.randn(batch.targets.shape)
    assert torch.equal(TASK.objective(outputs, batch), TASK.loss(outputs, batch))


def test_a_story_as_text() -> None:
    batch = Sampler(1, 5).draw(TASK.for_validation())
    outputs = TASK.oracle(batch)
    first, *lines = TASK.describe(batch, outputs).splitlines()
    assert first == f"babi: {int(batch.lengths)} steps; 0 words wrong, 0.00 bits to code"
    asked = [line for line in lines if "?" in line]
    assert len(asked) == int(batch.mask.sum())
    for line in asked:
        answer, said = line.partition("? ")[2].removesuffix(")").split(" (said: ")
        assert answer == said


def test_a_bad_probability() -> None:
    with pytest.raises(ValueError, match=r"refresh must be a probability .* got 1\.0"):
        Babi(refresh=1.0)
