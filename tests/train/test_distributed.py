"""Two gloo processes do what one process does with the global batch."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tapehead import tasks, train
from tapehead.train.run import training_sampler

WORKER = """
import json, sys
from pathlib import Path
from safetensors.torch import save_file
from tapehead import train
from tapehead.train.distributed import Distributed
from tapehead.train.run import Run

folder = Path(sys.argv[1])
config = train.TrainConfig.from_dict(json.loads((folder / "config.json").read_text()))
distributed = Distributed()
assert distributed.count == 2
run = Run(config, distributed)
task, batch = run.curriculum.draw(run.sampler)
outputs, _ = run.model(batch.inputs, lengths=batch.lengths)
task.loss(outputs, batch).mean().backward()
gradients = {name: parameter.grad.clone() for name, parameter in run.machine.named_parameters()}
save_file(gradients, folder / f"gradients-{distributed.rank}.safetensors")
train.train(config, folder / "run")
"""


def _launch(script: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0"]
    command += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0", str(script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ, timeout=120)


@pytest.fixture(scope="module")
def together(tmp_path_factory: Any) -> Path:
    """A folder in which two processes left their gradients and a run."""
    from tests.train.conftest import tiny

    folder = tmp_path_factory.mktemp("two")
    (folder / "config.json").write_text(json.dumps(tiny().to_dict()))
    (folder / "worker.py").write_text(WORKER)
    done = _launch(folder / "worker.py", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


def _joint(batches: list[tasks.Batch]) -> tasks.Batch:
    steps = max(len(batch.inputs) for batch in batches)

    def padded(tensor: torch.Tensor) -> torch.Tensor:
        return torch.cat([tensor, tensor.new_zeros(steps - len(tensor), *tensor.shape[1:])])

    columns = [torch.cat([padded(batch[field]) for batch in batches], dim=1) for field in range(3)]
    return tasks.Batch(*columns, torch.cat([batch.lengths for batch in batches]))


def _draw_global_batch(config: train.TrainConfig, samplers: list[tasks.Sampler]) -> tasks.Batch:
    return _joint([sampler.draw(config.task) for sampler in samplers])


def test_gradients_are_those_of_the_draw_global_batch(together: Path) -> None:
    config = train.load_config(together / "config.json")
    torch.manual_seed(config.seed)
    model = config.build_model()
    batch = _draw_global_batch(config, [training_sampler(config, rank) for rank in (0, 1)])
    outputs, _ = model(batch.inputs, lengths=batch.lengths)
    config.task.loss(outputs, batch).mean().backward()
    for rank in (0, 1):
        gradients = load_file(together / f"gradients-{rank}.safetensors")
        assert len(gradients) == len(list(model.parameters()))
        for name, parameter in model.named_parameters():
            torch.testing.assert_close(gradients[name], parameter.grad, rtol=1e-5, atol=1e-7)


def test_the_run_is_that_of_the_draw_global_batch(together: Path) -> None:
    """Ten updates of two processes, redone in one, clipping and Adam included."""
    config = train.load_config(together / "config.json")
    torch.manual_seed(config.seed)
    model = config.build_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=config.optimizer.lr)
    samplers = [training_sampler(config, rank) for rank in (0, 1)]
    for _ in range(config.sequences // 4):
        batch = _draw_global_batch(config, samplers)
        outputs, _ = model(batch.inputs, lengths=batch.lengths)
        optimizer.zero_grad()
        config.task.loss(outputs, batch).mean().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.optimizer.clip_value)
        optimizer.step()
    weights = load_file(together / "run/model.safetensors")
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(weights[name], parameter.detach(), rtol=1e-3, atol=1e-4)


def test_one_process_writes_for_both(together: Path) -> None:
    rows = [json.loads(line) for line in (together / "run/metrics.jsonl").read_text().splitlines()]
    assert [(row["step"], row["sequences"]) for row in rows if row["kind"] == "train"] == [(5, 20), (10, 40)]
    (checkpoint,) = (together / "run/checkpoints").iterdir()
    assert len(torch.load(checkpoint / "state.pt", weights_only=True)["ranks"]) == 2
    with pytest.raises(train.CheckpointError, match="trained by 2 processes"):
        train.resume(together / "run", sequences=80)
