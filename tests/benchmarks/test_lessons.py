"""What is kept of runs through the lessons of a graph task."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import lessons
from tapehead import train
from tapehead.tasks.graph import Traversal

TASK = Traversal(min_nodes=3, max_nodes=4, min_degree=2, max_degree=2, max_path=1)
CONFIG = train.TrainConfig(
    task=TASK,
    model=train.dnc(hidden_size=8, memory_size=32, word_size=6),
    batch_size=2,
    sequences=24,
    validation_sequences=2,
    curriculum=train.CurriculumConfig(
        (TASK, TASK.with_sizes(path=2)), threshold=0.0, episodes=2, check_every=4
    ),
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: Any) -> tuple[Path, Path]:
    """A run that passes a lesson with every check, and one that passes none."""
    folder = tmp_path_factory.mktemp("runs")
    stuck = dataclasses.replace(
        CONFIG,
        seed=1,
        model=train.lstm(hidden_size=8, num_layers=1),
        curriculum=dataclasses.replace(CONFIG.curriculum, threshold=1.0),
    )
    for config, name in ((CONFIG, "passed"), (stuck, "stuck")):
        train.train(config, folder / name, quiet=True)
    return folder / "passed", folder / "stuck"


def test_runs_are_taken_over_once(runs: tuple[Path, Path], tmp_path: Path, capsys: Any) -> None:
    where = ["--results", str(tmp_path), "--images", str(tmp_path)]
    for _ in range(2):
        assert lessons.main(["traversal", *map(str, runs), *where]) == 0
    assert "2 of 2" in capsys.readouterr().out
    dnc, lstm = json.loads((tmp_path / "lessons-traversal.json").read_text())["runs"]
    assert (dnc["name"], dnc["passed"], dnc["episodes"], dnc["updates"]) == ("DNC", "2 of 2", 16, 8)
    assert [point[:2] for point in dnc["points"]] == [[8, 0], [16, 1]]
    assert (lstm["name"], lstm["passed"], lstm["episodes"], lstm["updates"]) == (
        "LSTM alone",
        "0 of 2",
        24,
        12,
    )
    assert (tmp_path / "lessons-traversal.png").stat().st_size > 10_000


def test_a_run_in_two_sittings_is_one(runs: tuple[Path, Path]) -> None:
    once, twice = lessons.take_over([runs[0]]), lessons.take_over([runs[0], runs[0]])
    for name in ("episodes", "updates"):
        assert twice[name] == 2 * once[name]
    assert twice["points"] == [*once["points"], *([seen + 16, *rest] for seen, *rest in once["points"])]


def test_arithmetic_is_that_of_the_products() -> None:
    """Of an LSTM: 6 × weights × steps. An episode has as many steps as edges, queries and answers."""
    config = dataclasses.replace(CONFIG, model=train.lstm(hidden_size=8, num_layers=1), fit_memory=False)
    products = sum(p.numel() for p in config.build_model().parameters() if p.ndim == 2)
    edges = (3 * 2 + 4 * 2) / 2
    expected = 6 * products * (edges + 1 + 2)
    assert lessons._flop_of_episode(config, TASK) == pytest.approx(expected, rel=0.15)
