import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from tapehead import tasks, train
from tapehead.tasks import Copy, Sampler
from tapehead.train.optimizers import learning_rate

LESSONS = tuple(Copy(max_length=length, num_bits=2) for length in (1, 2, 3))


def test_gate_opens_at_the_threshold() -> None:
    curriculum = train.Curriculum(train.CurriculumConfig(LESSONS, threshold=0.9))
    assert curriculum.current == LESSONS[0]
    assert not curriculum.grade(0.89)
    assert curriculum.current == LESSONS[0]
    assert curriculum.grade(0.9)
    assert curriculum.current == LESSONS[1]
    assert curriculum.grade(1.0)
    assert not curriculum.finished
    assert curriculum.grade(1.0)
    assert curriculum.finished
    assert curriculum.current == LESSONS[2]


def test_the_last_lesson_can_go_on() -> None:
    curriculum = train.Curriculum(train.CurriculumConfig(LESSONS[:2], threshold=0.9, stay=True))
    assert curriculum.grade(0.9)
    assert not curriculum.grade(1.0)
    assert (curriculum.finished, curriculum.current) == (False, LESSONS[1])


def test_the_rate_can_wait_for_the_last_lesson() -> None:
    curriculum = train.Curriculum(train.CurriculumConfig(LESSONS, threshold=0.9, stay=True, hold_rate=True))
    optimizer = train.OptimizerConfig(lr=1.0, warmup=4, final_lr=0.1)

    def rate(step: int) -> float:
        return learning_rate(optimizer, step, 100, curriculum.rate_falls_from(step))

    assert rate(1) == 0.5
    curriculum.grade(1.0, 20)
    assert rate(20) == rate(40) == 1.0
    curriculum.grade(1.0, 50)
    assert rate(50) == 1.0
    assert 0.1 < rate(75) < rate(60) < 1.0
    assert rate(99) == pytest.approx(0.1)

    resumed = train.Curriculum(curriculum.config)
    resumed.load_state_dict(curriculum.state_dict())
    assert resumed.rate_falls_from(75) == 50

    alone = train.Curriculum(train.CurriculumConfig(LESSONS[:1], hold_rate=True))
    assert alone.rate_falls_from(75) == 0


def test_replay_draws_earlier_lessons_evenly() -> None:
    curriculum = train.Curriculum(train.CurriculumConfig(LESSONS, replay=0.1))
    sampler = Sampler(1, seed=3)
    assert {curriculum.draw(sampler)[0] for _ in range(50)} == {LESSONS[0]}  # nothing to replay yet
    curriculum.load_state_dict({"lesson": 2, "finished": False})
    draws = Counter(curriculum.draw(sampler)[0] for _ in range(4000))
    # Binomial: 4000 × 0.1 has a standard deviation of 19, each half of it 14.
    assert abs(draws[LESSONS[0]] + draws[LESSONS[1]] - 400) < 4 * 19
    assert abs(draws[LESSONS[0]] - 200) < 4 * 14


def test_a_batch_is_of_the_task_that_comes_with_it() -> None:
    curriculum = train.Curriculum(train.CurriculumConfig(LESSONS, replay=0.5))
    curriculum.load_state_dict({"lesson": 2, "finished": False})
    sampler = Sampler(8, seed=0)
    for _ in range(50):
        task, batch = curriculum.draw(sampler)
        assert isinstance(task, Copy)
        assert int(batch.lengths.max()) <= 2 * task.max_length + 3


def test_state_goes_on_exactly() -> None:
    config = train.CurriculumConfig(LESSONS, replay=0.5)
    one, sampler = train.Curriculum(config), Sampler(2, seed=0)
    one.grade(1.0)
    one.draw(sampler)
    two, twin = train.Curriculum(config), Sampler(2, seed=9)
    two.load_state_dict(one.state_dict())
    twin.load_state_dict(sampler.state_dict())
    for _ in range(20):
        (task, batch), (other_task, other) = one.draw(sampler), two.draw(twin)
        assert task == other_task
        assert torch.equal(batch.inputs, other.inputs)


def test_state_of_another_curriculum_is_refused() -> None:
    with pytest.raises(ValueError, match="lesson 3"):
        train.Curriculum(train.CurriculumConfig(LESSONS)).load_state_dict({"lesson": 3, "finished": False})


def test_a_run_goes_through_the_lessons_and_ends(tmp_path: Path, tiny_config: Any) -> None:
    """With a threshold of 0 every check passes: 3 checks end the run."""
    lessons = train.CurriculumConfig(LESSONS, threshold=0.0, episodes=7, check_every=3, replay=0.3)
    report = train.train(tiny_config(curriculum=lessons, log_every=1), tmp_path / "run", quiet=True)
    assert (report.reason, report.steps) == ("finished the curriculum", 9)
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert [row["lesson"] for row in rows if row["kind"] == "train"] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert [row["step"] for row in rows if row["kind"] == "grade"] == [3, 6, 9]


def test_grading_draws_sizes_as_training_does(tmp_path: Path, tiny_config: Any, monkeypatch: Any) -> None:
    """A gate that only saw the largest size would be harder than the lesson (and stall)."""
    graded: list[Any] = []
    sample = tasks.Copy.sample

    def spy(self: Any, batch_size: int, generator: Any) -> Any:
        batch = sample(self, batch_size, generator)
        if not torch.is_grad_enabled():
            graded.extend(batch.lengths.tolist())
        return batch

    monkeypatch.setattr(tasks.Copy, "sample", spy)
    lessons = train.CurriculumConfig(LESSONS[2:], threshold=0.0, episodes=200, check_every=1)
    train.train(tiny_config(curriculum=lessons), tmp_path / "run", quiet=True)
    assert set(graded) == {5, 7, 9}
