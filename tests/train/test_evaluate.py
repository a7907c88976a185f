import json
from typing import Any

import pytest
import torch

from tapehead import NTM, nn, tasks, train
from tapehead.tasks import Sampler
from tapehead.train import evaluate as evaluate_function
from tapehead.train import models
from tapehead.train.evaluate import CHUNK, score_task, size_combinations

TASK = tasks.Copy(max_length=4, num_bits=2)


def _ntm() -> NTM:
    return NTM(TASK.input_size, 8, output_size=TASK.output_size, memory_size=6, word_size=4)


def _undecided() -> NTM:
    """A machine that says 0 to everything: each bit costs exactly one bit, and each 1 is wrong."""
    machine = _ntm()
    for parameter in (machine.output_from_controller, machine.output_from_reads):
        torch.nn.init.zeros_(parameter.weight)
    torch.nn.init.zeros_(machine.output_from_controller.bias)
    return machine


def test_an_undecided_machine_pays_a_bit_a_bit() -> None:
    points = train.evaluate(_undecided(), TASK, [{"length": 3}, {"length": 9}], sequences=150)
    assert [point.bits_per_sequence for point in points] == pytest.approx([4 * 3, 10 * 3], rel=1e-6)
    batches = [Sampler(100, 0) for _ in points]
    for point, sampler in zip(points, batches, strict=True):
        at = TASK.with_sizes(**point.sizes)
        ones = torch.cat([sampler.draw(at).targets, sampler.draw(at).targets[:, :50]], dim=1)
        assert point.num_errors == int(ones.sum())
        assert point.exact == 0  # the end marker is always a 1


def test_the_oracle_would_be_exact() -> None:
    class Oracle(NTM):
        def forward(self, x: Any, state: Any = None, **options: Any) -> Any:
            batch = Sampler(100, 0).draw(TASK.with_sizes(length=4))
            return batch.targets * 2e4 - 1e4, None

    machine = Oracle(TASK.input_size, 8, output_size=TASK.output_size, memory_size=6, word_size=4)
    (point,) = train.evaluate(machine, TASK, sequences=100)
    assert (point.bits_per_sequence, point.num_errors, point.exact) == (0, 0, 1)
    assert point.sizes == {"length": 4}


def test_points_do_not_depend_on_each_other_nor_on_the_slices(monkeypatch: Any) -> None:
    machine = _ntm()
    alone = train.evaluate(machine, TASK, [{"length": 3}], sequences=130)
    together = train.evaluate(machine, TASK, [{"length": 5}, {"length": 3}], sequences=130)
    assert alone[0] == together[1]
    module = __import__("sys").modules[evaluate_function.__module__]
    monkeypatch.setattr(module, "MEMORY_BUDGET", 10_000)
    sliced = train.evaluate(machine, TASK, [{"length": 3}], sequences=130)
    assert sliced[0].bits_per_sequence == pytest.approx(alone[0].bits_per_sequence, rel=1e-5)
    assert sliced[0].num_errors == alone[0].num_errors


def test_memory_size_is_used() -> None:
    machine = _ntm()
    small, large = (train.evaluate(machine, TASK, sequences=20, memory_size=n)[0] for n in (3, 40))
    assert (small.memory_size, large.memory_size) == (3, 40)
    assert small.bits_per_sequence != large.bits_per_sequence


def test_json_has_the_promised_entries() -> None:
    (point,) = train.evaluate(_ntm(), TASK, [{"length": 3}], sequences=5, memory_size=8)
    data = json.loads(json.dumps(point.to_dict()))
    assert set(data) == {"length", "sequences", "memory_size", "bits_per_sequence", "wrong_bits", "exact"}
    assert (data["length"], data["sequences"], data["memory_size"]) == (3, 5, 8)


@pytest.mark.parametrize("name", tasks.names())
def test_every_task_has_points(name: str) -> None:
    task = tasks.get(name)
    largest = task.max_sizes
    assert set(largest) == set(task.sizes)
    point = train.EvalResult(largest, 5, 8, 1.5, 3, 0.5)
    data = point.to_dict()
    assert isinstance(data["length"], int)
    assert data["sequences"] == 5
    for size in task.sizes:
        assert data.get(f"episode_{size}", data.get(size)) == largest[size]
    assert task.with_sizes(**largest)


def test_all_points() -> None:
    points = size_combinations(tasks.get("repeat-copy"), {"length": [5, 10], "repeats": [2, 20]})
    assert points == [
        {"length": 5, "repeats": 2},
        {"length": 5, "repeats": 20},
        {"length": 10, "repeats": 2},
        {"length": 10, "repeats": 20},
    ]
    with pytest.raises(ValueError, match="no size 'items'"):
        size_combinations(TASK, {"items": [3]})


@pytest.mark.parametrize(
    "options",
    [
        {"sizes": [{"length": 0}]},
        {"sizes": [{"length": 3}, {"width": 3}]},
        {"sequences": 0},
        {"memory_size": 0},
    ],
)
def test_bad_questions_are_refused_before_any_work(options: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(NTM, "forward", lambda *_, **__: pytest.fail("something was run"))
    with pytest.raises(ValueError):
        train.evaluate(_ntm(), TASK, **options)


def test_a_machine_without_a_memory() -> None:
    machine = nn.DeepLSTM(TASK.input_size, 8, output_size=TASK.output_size, num_layers=2)
    assert train.evaluate(machine, TASK, sequences=5)[0].memory_size is None
    with pytest.raises(ValueError, match="no memory"):
        train.evaluate(machine, TASK, sequences=5, memory_size=10)


def test_dropout_is_off_and_the_mode_comes_back() -> None:
    config = train.dnc(hidden_size=8, memory_size=6, word_size=4, bypass_dropout=0.5)
    machine = models.build(config, TASK)
    machine.train()
    scores = [score_task(machine, TASK, Sampler(10, 0), 10) for _ in range(2)]
    assert scores[0] == scores[1]
    assert machine.training


def test_what_the_best_possible_machine_needs() -> None:
    """N-grams cannot be foretold: the oracle's cost on the same sequences stands beside the machine's."""
    task = tasks.NGrams(min_length=30, max_length=30, context=2)
    (point,) = evaluate_function(
        NTM(1, 4, output_size=1, memory_size=5, word_size=3), task, sequences=150, seed=4
    )
    sampler, bits = Sampler(CHUNK, 4), 0.0
    for count in (100, 50):
        batch = sampler.draw(task)
        bits += float(task.bits(task.oracle(batch), batch)[:count].sum())
    assert point.best_bits_per_sequence == pytest.approx(bits / 150)
    assert 15 < point.best_bits_per_sequence < point.bits_per_sequence
    assert point.to_dict()["best_bits_per_sequence"] == point.best_bits_per_sequence
    (copied,) = evaluate_function(
        NTM(10, 4, output_size=9, memory_size=5, word_size=3), tasks.Copy(max_length=3), sequences=2
    )
    assert "best_bits_per_sequence" not in copied.to_dict()
