"""The lessons of the graph tasks and of kinship, and the presets that run them."""

import dataclasses
import math

import pytest
import torch

from tapehead import nn, tasks, train
from tapehead.tasks import Inference, Kinship, PrioritySort, Sampler, Search, ShortestPath, Traversal

# DNC Extended Data Table 3: nodes / edges that leave a node / steps of each lesson.
TRAVERSAL = """
3-10/2-4/1 3-10/2-4/1-2 5-10/2-4/1-3 5-10/2-4/1-4 10-15/2-4/1-4 10-15/2-4/1-5 10-20/2-4/1-5 10-20/2-4/1-6
10-30/2-4/1-6 10-30/2-4/1-7 10-30/2-4/1-8 10-30/2-4/1-9 10-40/2-6/1-10 10-40/2-6/1-20
"""
INFERENCE = """
3/2/2 3-5/2/2 4-6/2-4/2 4-6/2-4/2 6-12/2-4/2 12-18/2-4/2 4-6/2-4/2-3 6-12/2-4/2-3 12-18/2-4/2-3 4-6/2-4/2-4
4-6/2-4/2-4 6-12/2-4/2-4 12-18/2-4/2-4 4-6/2-4/2-5 6-12/2-4/2-5 12-18/2-4/2-5 20-25/2-4/2-5
"""
SHORTEST_PATH = """
5-10/1-2/2 5-20/1-2/2 10-20/1-2/2 10-20/1-2/2-3 10-20/1-3/2-3 10-20/2-3/2-3 10-20/2-3/2-4 10-20/2-4/2-4
10-25/2-4/2-4 10-25/2-4/2-5 10-25/2-4/2-5 15-25/2-4/2-5 15-25/2-5/2-5 20-25/2-5/2-5 20-25/2-6/2-5
"""
OF_GRAPHS = ("traversal", "inference", "shortest-path")
TABLES = dict(zip(OF_GRAPHS, (TRAVERSAL, INFERENCE, SHORTEST_PATH)))
HELPS = {"traversal": {"supervise_query": False}, "inference": {"scratchpad": False}}
"""In training only."""
WITH_LESSONS = [name for name, config in train.PRESETS.items() if config.curriculum is not None]


def as_in_the_table(task: tasks.Task) -> str:
    ranges = []
    for size in ("nodes", "degree", "path"):
        low, high = getattr(task, f"min_{size}"), getattr(task, f"max_{size}")
        ranges.append(str(low) if low == high else f"{low}-{high}")
    return "/".join(ranges)


def curriculum(name: str) -> train.CurriculumConfig:
    found = train.preset(name).curriculum
    assert found is not None
    return found


@pytest.mark.parametrize("task", OF_GRAPHS)
def test_lessons_of_the_paper(task: str) -> None:
    lessons = curriculum(f"dnc-{task}-paper").lessons
    assert [as_in_the_table(lesson) for lesson in lessons] == TABLES[task].split()
    # No help in training but the lessons, and ten steps of planning where there is planning.
    for lesson in lessons:
        assert not any(getattr(lesson, help, False) for help in ("supervise_query", "scratchpad"))
        assert getattr(lesson, "planning_steps", 10) == 10
        assert getattr(lesson, "queries", 3) == 3
        assert getattr(lesson, "mixture", 0.8) == 0.8


@pytest.mark.parametrize(
    ("task", "layers", "memory", "batch_size", "lr"),
    [
        ("traversal", 3, (256, 50), 2, 1e-5),
        ("inference", 3, (128, 50), 32, 1e-5),
        ("shortest-path", 2, (128, 50), 1, 3e-6),
    ],
)
def test_sizes_of_the_paper(
    task: str, layers: int, memory: tuple[int, int], batch_size: int, lr: float
) -> None:
    """DNC Extended Data Table 2."""
    config = train.preset(f"dnc-{task}-paper")
    model = config.model
    assert isinstance(model, nn.DNCConfig)
    assert (model.hidden_size, model.num_layers, model.num_reads) == (256, layers, 5)
    assert (model.memory_size, model.word_size) == memory
    assert (config.batch_size, config.optimizer.lr) == (batch_size, lr)
    assert (config.optimizer.clip, config.optimizer.clip_value) == ("controller", 10)
    assert (config.optimizer.name, config.optimizer.momentum) == ("rmsprop", 0)
    assert model.init == "default"
    assert not config.fit_memory


def test_gates_of_the_paper() -> None:
    for task in ("traversal", "inference"):
        found = curriculum(f"dnc-{task}-paper")
        assert (found.threshold, found.check_every, found.replay) == (0.9, 100, 0.1)
    found = curriculum("dnc-shortest-path-paper")
    # "Every 2,000 batches of 1, on 50 episodes."
    assert (found.threshold, found.check_every, found.episodes, found.replay) == (0.8, 2000, 50, 0)


@pytest.mark.parametrize("task", OF_GRAPHS)
def test_our_lessons_end_where_the_papers_end(task: str) -> None:
    for model in ("dnc", "lstm"):
        config, lessons = train.preset(f"{model}-{task}"), curriculum(f"{model}-{task}").lessons
        assert as_in_the_table(lessons[-1]) == TABLES[task].split()[-1]
        # Scored without the help: the task that stands in the model's config.
        assert config.task == dataclasses.replace(lessons[-1], **HELPS.get(task, {}))
        assert config.fit_memory == (model == "dnc")
    assert curriculum(f"dnc-{task}") == curriculum(f"lstm-{task}"), "the baseline has the same lessons"


def test_lessons_of_kinship_grow() -> None:
    lessons = curriculum("ntm-kinship").lessons
    assert all(isinstance(lesson, Kinship) for lesson in lessons)
    # One lesson goes back to few facts, for many steps among them.
    assert max(lessons, key=lambda lesson: lesson.steps).max_facts < lessons[-1].min_facts
    lessons = [lesson for lesson in lessons if lesson.steps < 100]
    for size in ("min_facts", "max_facts", "steps", "similar"):
        values = [getattr(lesson, size) for lesson in lessons]
        assert values == sorted(values)


@pytest.mark.parametrize("name", WITH_LESSONS)
def test_a_step_of_every_preset_with_lessons(name: str) -> None:
    torch.manual_seed(0)
    config = train.preset(name)
    machine, lesson = config.build_model(), curriculum(name).lessons[0]
    batch = Sampler(2, 0).draw(lesson)
    memory = {"memory_size": 64} if config.fit_memory else {}
    outputs, _ = machine(batch.inputs, lengths=batch.lengths, **memory)
    loss = lesson.loss(outputs, batch).mean()
    loss.backward()
    assert math.isfinite(loss.item())
    for parameter in machine.parameters():
        assert parameter.grad is not None
        assert bool(parameter.grad.isfinite().all())


def test_a_perfect_machine_passes_every_gate() -> None:
    """Grades are of the answers: no hint and no choice of the planner's stands in the way."""
    for name in WITH_LESSONS:
        for lesson in curriculum(name).lessons[:2]:
            batch = Sampler(4, 0).draw(lesson)
            assert not bool(lesson.num_errors(lesson.oracle(batch), batch).any())


def test_presets_have_the_right_tasks() -> None:
    kinds = {
        "traversal": Traversal,
        "inference": Inference,
        "shortest-path": ShortestPath,
        "kinship": Kinship,
        "search": Search,
        "priority-sort": PrioritySort,
    }
    assert len(WITH_LESSONS) == 14
    for name in WITH_LESSONS:
        task = name.removeprefix("ntm-ff-").removeprefix("ntm-").removeprefix("dnc-").removeprefix("lstm-")
        task = task.removesuffix("-paper")
        assert isinstance(train.preset(name).task, kinds[task])
        assert {type(lesson) for lesson in curriculum(name).lessons} == {kinds[task]}
