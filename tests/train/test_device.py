"""Where a run trains. No test here needs a GPU: another place on the CPU, or a clock of ours, stands in."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tapehead import tasks, train
from tapehead.train import device
from tapehead.train.device import BATCHES, REPEATS, WARM_UP, Place, fastest_of, start_distributed
from tapehead.train.update import Updater
from tests.train.test_loop import rows_of

HERE = Place(torch.device("cpu"), "the CPU (native engine)")
OTHER = Place(torch.device("cpu"), "the GPU (a card)")


@pytest.fixture(autouse=True)
def _no_backend_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TAPEHEAD_BACKEND", raising=False)


@pytest.fixture
def a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """There seems to be a GPU; it is the CPU."""
    monkeypatch.setattr(device, "gpu", lambda: OTHER)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether a GPU was asked for, each time that the processes are started."""
    plain, found = device.Distributed, []
    monkeypatch.setattr(
        device, "Distributed", lambda gpu, said="": found.append(gpu) or plain(gpu=gpu, said=said)
    )
    return found


@pytest.fixture
def nothing_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(*_: Any) -> float:
        raise AssertionError("measured")

    monkeypatch.setattr(device, "milliseconds_an_update", measure)


def _clock(here: float, there: float) -> Callable[[], float]:
    """Seconds such that an update takes as many at each place; far more in the warm-up and in one trial."""

    def readings() -> Iterator[float]:
        now = 0.0
        for seconds in (here, there):
            yield now
            for trial in range(WARM_UP + REPEATS):
                if trial > WARM_UP:
                    yield now
                for _ in range(BATCHES):
                    yield now
                    now += 0.5 if trial < WARM_UP or trial == WARM_UP + 1 else seconds
                    yield now

    return readings().__next__


@pytest.mark.parametrize(
    ("here", "there", "best", "said"),
    [
        (
            0.004,
            0.25,
            0,
            "training on the CPU (native engine): an update takes 4 ms there and 250 ms on the GPU",
        ),
        (0.25, 0.0015, 1, "training on the GPU (a card): an update takes 1.5 ms there and 250 ms on the CPU"),
        (0.1, 0.1, 0, "training on the CPU (native engine): an update takes 100 ms there and 100 ms"),
    ],
)
def test_the_faster_one_trains(here: float, there: float, best: int, said: str, tiny_config: Any) -> None:
    clock = _clock(here, there)
    found, sentence = fastest_of(tiny_config(), (HERE, OTHER), clock)
    assert found == best
    assert sentence.startswith(said)
    with pytest.raises(StopIteration):
        clock()


def test_slow_updates_are_timed_once(tiny_config: Any) -> None:
    """After ten seconds a further trial would tell little."""
    ticks = itertools.count(0.0, 3.0)
    found = device.milliseconds_an_update(tiny_config(), HERE.device, lambda: next(ticks))
    assert found == 3000
    assert next(ticks) == 3.0 * (1 + (WARM_UP + 1) * BATCHES * 2 + 1)


def test_both_make_the_same_updates(tiny_config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Same weights, same batches, of the last lesson; and they are updates, which change the weights."""
    lessons = tuple(tasks.Copy(max_length=length, num_bits=2) for length in (1, 7))
    config = tiny_config(curriculum=train.CurriculumConfig(lessons=lessons))
    made: list[list[torch.Tensor]] = []
    plain = Updater.__call__

    def update(self: Any, task: Any, batch: Any) -> Any:
        assert task == lessons[1]
        weights = [parameter.detach().clone() for parameter in self._run.machine.parameters()]
        made.append([*batch, *weights])
        return plain(self, task, batch)

    monkeypatch.setattr(Updater, "__call__", update)
    fastest_of(config, (HERE, OTHER))
    half = len(made) // 2
    assert half == BATCHES * (WARM_UP + REPEATS)
    for one, other in zip(made[:half], made[half:], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert not torch.equal(made[0][-1], made[1][-1])
    assert not torch.equal(made[0][0], made[1][0]), "another batch"


@pytest.mark.usefixtures("a_gpu")
def test_measuring_changes_nothing_of_the_run(
    tmp_path: Path, tiny_config: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows, generators and checkpoints are those without; the message comes once, and not when resuming."""
    model = train.dnc(hidden_size=8, memory_size=6, word_size=4, bypass_dropout=0.5)
    state = torch.get_rng_state()
    train.train(tiny_config(model=model), tmp_path / "measured")
    assert torch.equal(torch.get_rng_state(), state)
    said = [line for line in capsys.readouterr().err.splitlines() if "an update takes" in line]
    assert len(said) == 1
    assert " ms there and " in said[0]
    train.resume(tmp_path / "measured", sequences=60)
    assert "an update takes" not in capsys.readouterr().err
    monkeypatch.setattr(device, "gpu", lambda: None)
    train.train(tiny_config(model=model), tmp_path / "plain")
    assert "an update takes" not in capsys.readouterr().err
    train.resume(tmp_path / "plain", sequences=60)
    assert rows_of(tmp_path / "measured") == rows_of(tmp_path / "plain")


@pytest.mark.usefixtures("nothing_measured")
@pytest.mark.parametrize("backend", [None, "auto", "native", "reference", "triton"])
def test_without_a_gpu_there_is_nothing_to_measure(
    backend: Any, tiny_config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    distributed = start_distributed(tiny_config(backend=backend))
    assert distributed.device.type == "cpu"
    assert distributed.said == ""


@pytest.mark.usefixtures("a_gpu", "nothing_measured")
@pytest.mark.parametrize(("backend", "gpu"), [("native", False), ("reference", True), ("triton", True)])
def test_an_engine_asked_for_is_taken_unmeasured(
    backend: Any, gpu: bool, tiny_config: Any, asked: list[bool]
) -> None:
    assert start_distributed(tiny_config(backend=backend)).said == ""
    assert asked == [gpu]


@pytest.mark.usefixtures("a_gpu")
@pytest.mark.parametrize("faster", [0, 1])
def test_the_measured_one_is_taken(
    faster: int, tiny_config: Any, asked: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "fastest_of", lambda config, places: (faster, f"{[p.name for p in places]}"))
    said = start_distributed(tiny_config()).said
    assert asked == [bool(faster)]
    assert said == "['the CPU (native engine)', 'the GPU (a card)']"


@pytest.mark.usefixtures("a_gpu", "nothing_measured")
@pytest.mark.parametrize("on_gpu", [False, True])
def test_a_resumed_run_stays_where_it_was(on_gpu: bool, tiny_config: Any, asked: list[bool]) -> None:
    assert start_distributed(tiny_config(), on_gpu=on_gpu).said == ""
    assert asked == [on_gpu]


@pytest.mark.usefixtures("a_gpu", "nothing_measured")
def test_several_processes_measure_nothing(tiny_config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = device.Distributed

    def processes(gpu: bool, said: str) -> Any:
        monkeypatch.delenv("WORLD_SIZE")  # There is nobody to reach.
        return plain(gpu=gpu, said=said)

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(device, "Distributed", processes)
    assert start_distributed(tiny_config()).said == (
        "training on the CPU: with several processes nothing is measured, and the GPU (a card) is for "
        'backend="triton"'
    )


def test_a_gpu_that_fails_is_left_alone(tiny_config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, calls = device.milliseconds_an_update, []

    def measure(*given: Any) -> float:
        calls.append(given)
        if len(calls) == 2:
            raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 3 GiB")
        return plain(*given)

    monkeypatch.setattr(device, "milliseconds_an_update", measure)
    best, said = fastest_of(tiny_config(), (HERE, OTHER))
    assert best == 0
    assert said == (
        "training on the CPU (native engine): an update fails on the GPU (a card): CUDA out of memory."
    )
