"""Write gates that are taught when to write."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from tapehead import tasks, train
from tapehead.train.distributed import Distributed
from tapehead.train.run import Run
from tapehead.train.update import Updater, by_autograd

TASK = tasks.Search(min_nodes=2, max_nodes=4, min_degree=1, max_degree=2, keep=0.5, ask=0.5)


def config(**fields: Any) -> train.TrainConfig:
    model = train.ntm(
        hidden_size=24,
        word_size=12,
        num_reads=2,
        num_writes=2,
        controller="feedforward",
        write_gate=True,
        read_first=True,
    )
    optimizer = train.OptimizerConfig(lr=1e-2)
    defaults: dict[str, Any] = {"supervise_writes": 1.0, "fit_memory": True, "batch_size": 4}
    return train.TrainConfig(task=TASK, model=model, optimizer=optimizer, **(defaults | fields))


@pytest.mark.parametrize("backend", ["reference", "native"])
def test_the_gradient_is_that_of_both_losses(backend: Any) -> None:
    run = Run(config(backend=backend, supervise_writes=0.7), Distributed())
    run.machine.to(torch.float64)
    _, batch = run.curriculum.draw(run.sampler)
    batch = batch._replace(inputs=batch.inputs.double(), targets=batch.targets.double())
    x, slots = batch.inputs, 64
    y, _, trace = run.machine(x, lengths=batch.lengths, memory_size=slots, return_trace=True)
    gates = run.machine._split(trace.interface).writes.write_gates
    loss = torch.tensor(0.0, dtype=torch.float64)
    for b, steps in enumerate(batch.lengths.tolist()):
        writes = TASK.writes(batch)[:steps, b].double()
        loss = loss + binary_cross_entropy_with_logits(gates[:steps, b], writes) / len(batch.lengths)
    expected = TASK.objective(y, batch).mean()
    (expected + 0.7 * loss).backward()
    wanted = {name: p.grad.clone() for name, p in run.machine.named_parameters() if p.grad is not None}

    run.config = dataclasses.replace(run.config, optimizer=train.OptimizerConfig(lr=1e-30, clip="none"))
    outputs, nats, _ = by_autograd(run, TASK, batch, slots)
    for name, parameter in run.machine.named_parameters():
        if name in wanted:
            torch.testing.assert_close(parameter.grad, wanted[name], rtol=1e-9, atol=1e-11)
    assert nats == pytest.approx(expected.item()), "only the objective is reported"
    counted = batch.mask.unsqueeze(2)
    torch.testing.assert_close(outputs * counted, (y * counted).detach(), rtol=1e-9, atol=1e-11)


def test_gates_learn_when_to_write() -> None:
    run = Run(config(), Distributed())
    update = Updater(run)
    for _ in range(150):
        update(*run.curriculum.draw(run.sampler))
    _, batch = run.curriculum.draw(run.sampler)
    features, _, _ = run.machine.features(batch.inputs, lengths=batch.lengths)
    opened = run.machine.write_gate_logits(features) > 0
    present = torch.arange(len(opened)).unsqueeze(1) < batch.lengths
    right = (opened == TASK.writes(batch))[present].double().mean()
    assert right > 0.97


def test_a_run_goes_on_exactly_where_it_was(tmp_path: Path) -> None:
    whole = train.train(config(sequences=48, validate_every=48), tmp_path / "whole", quiet=True)
    train.train(config(sequences=24, validate_every=24), tmp_path / "half", quiet=True)
    train.resume(tmp_path / "half", sequences=48, quiet=True)
    assert whole.steps == 12
    one, other = (
        torch.cat([p.flatten() for p in train.checkpoint.load_run(tmp_path / name).machine.parameters()])
        for name in ("whole", "half")
    )
    assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"supervise_writes": -1.0}, "supervise_writes is -1.0: give a weight of at least 0"),
        ({"model": train.ntm()}, "the model has no write gates: set model.write_gate"),
        ({"task": tasks.Copy()}, "copy does not say when to write"),
    ],
    ids=str,
)
def test_what_cannot_be_supervised(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(train.ConfigError, match=message):
        dataclasses.replace(config(), **fields)
