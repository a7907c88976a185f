"""Updates in parts of like length, with outputs only where they count, against the plain update."""

import copy
import random
from pathlib import Path
from typing import Any

import pytest
import torch

from tapehead import tasks, train
from tapehead.tasks import Sampler, Task
from tapehead.train import update
from tapehead.train.device import start_distributed
from tapehead.train.run import Run
from tapehead.train.update import ROWS_OF_A_STEP, by_autograd

DATA = Path(__file__).parents[1] / "tasks" / "babi" / "data"
DNC: dict[str, Any] = {"hidden_size": 7, "memory_size": 6, "word_size": 5, "num_reads": 2}
TASKS: dict[str, tuple[Task, Any]] = {
    "babi": (tasks.Babi(data=str(DATA)), train.dnc(**DNC, temporal_links=False, interface_norm=True)),
    "babi, refreshed": (tasks.Babi(data=str(DATA), refresh=0.02), train.dnc(**DNC)),
    "recall": (tasks.AssociativeRecall(max_items=4), train.ntm(hidden_size=7, memory_size=6, word_size=5)),
    "without a memory": (tasks.Babi(data=str(DATA)), train.lstm(hidden_size=7)),
}


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("backend", ["reference", "native"])
def test_outputs_loss_and_gradients_are_those_of_the_plain_update(
    name: str, backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, model = TASKS[name]
    config = train.TrainConfig(
        task=task, model=model, batch_size=9, backend=backend, optimizer=train.OptimizerConfig(clip="none")
    )
    run = Run(config, start_distributed(config))
    run.machine.double()
    batch = Sampler(9, 1).draw(task)
    batch = batch._replace(inputs=batch.inputs.double())
    monkeypatch.setattr(update, "SPARSE", 1.0)
    monkeypatch.setattr(update, "ROWS_OF_A_STEP", 0.01)
    assert len(update._parts(batch.lengths.tolist())) > 1
    other = copy.deepcopy(run.machine)
    outputs, nats, norm = by_autograd(run, task, batch, None)
    plain, _ = other(batch.inputs, lengths=batch.lengths)
    loss = task.objective(plain, batch).mean()
    loss.backward()
    counted = batch.mask[..., None]
    torch.testing.assert_close(outputs, (plain * counted).detach(), rtol=1e-9, atol=1e-11)
    assert nats == pytest.approx(loss.item(), rel=1e-9)
    gradients = dict(other.named_parameters())
    for key, parameter in run.machine.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[key].grad, rtol=1e-8, atol=1e-10)
    assert norm == pytest.approx(
        torch.linalg.vector_norm(torch.cat([p.grad.flatten() for p in other.parameters()])).item()
    )


def test_parts_take_the_least_time() -> None:
    """Against every way to cut the sorted lengths."""
    rng = random.Random(0)
    for _ in range(30):
        lengths = [rng.choice((3, 10, rng.randint(1, 200))) for _ in range(rng.randint(1, 8))]
        parts = update._parts(lengths)
        assert sorted(index for part in parts for index in part) == list(range(len(lengths)))
        assert all(lengths[part[0]] == max(lengths[index] for index in part) for part in parts)
        longest = sorted(lengths, reverse=True)
        least = min(_time(longest, cuts) for cuts in range(1 << (len(lengths) - 1)))
        taken = sum(lengths[part[0]] * (len(part) + ROWS_OF_A_STEP) for part in parts)
        assert taken == pytest.approx(least)


def _time(longest: list[int], cuts: int) -> float:
    """The time of sorted lengths that are cut behind every one whose bit is set in ``cuts``."""
    time, start = 0.0, 0
    for end in range(1, len(longest) + 1):
        if end == len(longest) or cuts >> (end - 1) & 1:
            time += longest[start] * (end - start + ROWS_OF_A_STEP)
            start = end
    return time
