"""Learning curves from metrics."""

import json
from pathlib import Path

import pytest

from tapehead.errors import InputError
from tapehead.train.files import METRICS_FILE as TRAIN_METRICS
from tapehead.viz.figures import plot_curves
from tapehead.viz.figures.curves import METRICS_FILE

ROWS = [
    {"kind": "train", "step": 50, "sequences": 200, "bits_per_sequence": 100.0},
    {"kind": "validation", "step": 50, "sequences": 200, "bits_per_sequence": 90.0, "exact": 0.0},
    {"kind": "grade", "step": 60, "sequences": 240, "exact": 0.5, "passed": False},
    {"kind": "train", "step": 100, "sequences": 400, "bits_per_sequence": 0.25},
    {"kind": "validation", "step": 100, "sequences": 400, "bits_per_sequence": 0.5, "exact": 1.0},
]


def _run(folder: Path, rows: list = ROWS, end: str = "\n") -> Path:
    folder.mkdir()
    (folder / "metrics.jsonl").write_text("\n".join(json.dumps(row) for row in rows) + end)
    return folder


def test_the_curve_is_the_metrics(tmp_path: Path) -> None:
    figure = plot_curves([_run(tmp_path / "run")])
    (axes,) = figure.axes
    train, fresh = axes.lines
    assert (list(train.get_xdata()), list(train.get_ydata())) == ([200, 400], [100, 0.25])
    assert (list(fresh.get_xdata()), list(fresh.get_ydata())) == ([200, 400], [90, 0.5])
    assert axes.get_yscale() == "log"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("sequences seen", "bits per sequence")
    assert figure.get_label() == "learning-curve"


def test_several_runs_have_names(tmp_path: Path) -> None:
    figure = plot_curves([_run(tmp_path / "first"), _run(tmp_path / "second")])
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == [
        f"{run}, {what}" for run in ("first", "second") for what in ("training batches", "fresh sequences")
    ]
    colours = [line.get_color() for line in figure.axes[0].lines]
    assert colours[0] == colours[1] != colours[2] == colours[3]


def test_a_run_in_progress(tmp_path: Path) -> None:
    """A last row that is still being written is left out."""
    figure = plot_curves([_run(tmp_path / "run", end='\n{"kind": "train", "sequ')])
    assert len(figure.axes[0].lines[0].get_xdata()) == 2


def test_a_perfect_score_has_no_logarithm(tmp_path: Path) -> None:
    perfect = {"kind": "validation", "sequences": 800, "bits_per_sequence": 0.0}
    figure = plot_curves([_run(tmp_path / "run", [*ROWS, perfect])])
    assert list(figure.axes[0].lines[1].get_xdata()) == [200, 400]


def test_the_file_is_the_one_that_training_writes() -> None:
    assert METRICS_FILE == TRAIN_METRICS


def test_nothing_to_draw(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"has no metrics\.jsonl: give the folder of a training run"):
        plot_curves([tmp_path / "empty"])
    for number, rows in enumerate([[], [{"kind": "grade", "sequences": 3}], [[1, 2]], [{"sequences": "x"}]]):
        with pytest.raises(InputError, match="has no row with sequences and bits_per_sequence"):
            plot_curves([_run(tmp_path / str(number), rows)])
