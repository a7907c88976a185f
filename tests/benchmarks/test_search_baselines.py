"""Networks without slots on the search task: what they compute, how they are trained, scored and drawn."""

import dataclasses
import itertools
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks import search_baselines
from benchmarks.search_baselines import MODELS, TASK
from benchmarks.sequence_models import LEAST_ROOM
from tapehead.errors import InputError
from tapehead.tasks.graph.search_decode import Answer
from tapehead.tasks.graph.search_graphs import Question
from tapehead.tasks.graph.search_trace import Op, Record, search
from tapehead.types import map_state

pytestmark = pytest.mark.filterwarnings("default")

BASELINES = [kind for kind in MODELS if kind != "ntm"]


@pytest.fixture(params=BASELINES)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def model(kind: str) -> torch.nn.Module:
    return MODELS[kind].build().double().eval()


def inputs(steps: int, batch: int = 2) -> Tensor:
    return torch.randn(steps, batch, TASK.input_size, dtype=torch.float64)


def test_as_many_parameters_as_the_ntm(kind: str) -> None:
    ntm, own = (search_baselines._parameters(MODELS[name].build()) for name in ("ntm", kind))
    assert own == pytest.approx(ntm, rel=0.01)


@torch.no_grad()
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_a_state_of_as_many_numbers_as_the_figure_says(kind: str) -> None:
    _, state = MODELS[kind].build()(inputs(1, 1).float())
    sizes: list[int] = []
    map_state(lambda tensor: sizes.append(tensor.numel()) or tensor, (state,))
    assert MODELS[kind].keeps == f"a state of {sum(sizes)} numbers"


@torch.no_grad()
def test_step_by_step_is_the_whole_sequence(model: Any) -> None:
    """In pieces of all sizes, beyond the first room of a cache, and with slots that are ignored."""
    x = inputs(LEAST_ROOM + 40)
    whole, _ = model(x, memory_size=7)
    assert whole.shape == (len(x), 2, TASK.output_size)
    parts, state, at = [], None, 0
    for size in (1, 1, 5, 200, 1, 1, 40, 1, len(x) - 250):
        y, state = model(x[at : at + size], state)
        parts.append(y)
        at += size
    assert at == len(x)
    torch.testing.assert_close(torch.cat(parts), whole)


@torch.no_grad()
def test_a_state_stays_as_it_is(model: Any) -> None:
    """Two questions go on from the state of the same told graph."""
    told, first, second = inputs(9), inputs(6), inputs(6)
    _, state = model(told)
    answers = []
    for question in (first, second, first):
        y, after = model(question[:3], state)
        answers.append(torch.cat([y, model(question[3:], after)[0]]))
    for answer, question in zip(answers, (first, second, first)):
        torch.testing.assert_close(answer, model(torch.cat([told, question]))[0][9:])


@torch.no_grad()
def test_what_comes_later_changes_nothing_before(model: Any) -> None:
    x = inputs(20)
    changed = x.clone()
    changed[12:] = inputs(8)
    before, after = model(x)[0], model(changed)[0]
    torch.testing.assert_close(after[:12], before[:12])
    assert (after[12] - before[12]).abs().max() > 1e-4


@torch.no_grad()
def test_order_and_sequences_are_told_apart(model: Any) -> None:
    x = inputs(8)
    swapped = x[[1, 0, *range(2, 8)]]
    assert (model(swapped)[0][-1] - model(x)[0][-1]).abs().max() > 1e-6
    torch.testing.assert_close(model(x[:, :1])[0], model(x)[0][:, :1])


def test_gradients_are_those_of_the_whole_sequence(model: Any) -> None:
    """With gradients the outputs are the same, and every parameter has one."""
    x = inputs(30)
    y, _ = model(x)
    with torch.no_grad():
        torch.testing.assert_close(model(x)[0], y.detach())
    y.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_a_cache_takes_no_gradients() -> None:
    model = MODELS["transformer"].build()
    x = inputs(3).float()
    with torch.no_grad():
        _, state = model(x)
    with pytest.raises(InputError, match="no_grad"):
        model(x, state)


def test_the_learning_rate_falls_by_the_clock() -> None:
    optimizer = search_baselines.setting("gru", lr=3e-4).optimizer
    assert (optimizer.warmup, optimizer.clip_value, optimizer.final_lr) == (100, 1.0, 5e-6)

    def rate(step: int, done: float) -> float:
        return search_baselines._learning_rate(optimizer, step, done)

    assert rate(0, 0.0) == pytest.approx(3e-6)
    assert rate(99, 0.0) == rate(5000, 0.0) == pytest.approx(3e-4)
    assert rate(5000, 0.5) == pytest.approx((3e-4 + 5e-6) / 2)
    assert rate(5000, 1.0) == pytest.approx(5e-6)


@pytest.mark.parametrize("kind", MODELS)
def test_a_short_training_is_saved(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = search_baselines.setting

    def often(*arguments: Any, **fields: Any) -> Any:
        config = usual(*arguments, **fields)
        curriculum = dataclasses.replace(config.curriculum, check_every=3, episodes=16, threshold=0.0)
        return dataclasses.replace(config, curriculum=curriculum)

    monkeypatch.setattr(search_baselines, "setting", often)
    runs: list[Any] = []
    usual_run = search_baselines.Run
    monkeypatch.setattr(
        search_baselines, "Run", lambda *arguments: runs.append(usual_run(*arguments)) or runs[-1]
    )
    # A clock that goes on by a second with every look.
    clock = SimpleNamespace(perf_counter=itertools.count().__next__, process_time=time.process_time)
    monkeypatch.setattr(search_baselines, "time", clock)
    folder = tmp_path / "run"
    arguments = ["train", "--model", kind, "--minutes", "0.2", "--out", str(folder), "--lr", "3e-4"]
    assert search_baselines.main(arguments) == 0
    model, about = search_baselines.load(str(folder))
    assert (about["model"], about["lr"], about["minutes"]) == (kind, 3e-4, 0.2)
    assert about["updates"] == runs[0].progress.step == 9
    assert [check[:3] for check in about["checks"]] == [[4, 3, 1], [8, 6, 2], [12, 9, 3]]
    assert about["lesson"] == 4, "a threshold of 0 is passed by every check"
    assert about["seconds"] >= 12
    x = inputs(12).float()
    with torch.no_grad():
        found, wanted, last = (each.eval()(x)[0] for each in (model, runs[0].ema, runs[0].machine))
    torch.testing.assert_close(found, wanted)
    assert not torch.equal(found, last), "the average is saved, not the last weights"
    with pytest.raises(SystemExit):
        search_baselines.main(arguments)


def test_what_is_no_model_of_the_comparison() -> None:
    with pytest.raises(InputError, match="dnc-traversal is a DNC"):
        search_baselines.load("dnc-traversal")


class Oracle:
    """Says what breadth-first search says; ``wrong_at`` names a record of the answer that it gets wrong."""

    def __init__(self, wrong_at: int | None = None) -> None:
        self.wrong_at = wrong_at

    def __call__(self, x: Tensor, state: Any = None, *, memory_size: int | None = None) -> tuple[Tensor, Any]:
        seen = (state or []) + TASK.read(x[:, 0])
        ops = [record.op for record in seen]
        said = [Record.bare(Op.SEEN)] * len(seen)
        if Op.START in ops:
            first = ops.index(Op.START) + 1
            nodes = [record.destination for record in seen if record.op == Op.NODE]
            adjacency = {
                node: [(r.edge, r.destination) for r in seen if r.op == Op.EDGE and r.source == node]
                for node in nodes
            }
            right = search(adjacency, seen[first - 1].destination, seen[first - 2].destination)
            if self.wrong_at is not None:
                right[self.wrong_at] = Record.bare(Op.FAIL)
            said[first:] = (right + said)[: len(seen) - first]
        outputs = torch.from_numpy(TASK.encode(said[-len(x) :])).unsqueeze(1)
        return 20 * outputs, seen


def test_right_answers_count() -> None:
    row = search_baselines.score(Oracle(), 8, 5)
    assert (row["greedy"], row["constrained"], row["whole_search"]) == (1, 1, 1)
    assert row["before_error"] == row["right_records"] > 10
    assert row["path_edges"] >= 1
    row = search_baselines.score(Oracle(wrong_at=4), 8, 5)
    assert (row["greedy"], row["constrained"], row["whole_search"], row["before_error"]) == (0, 0, 0, 4)


def test_only_shortest_paths_of_the_graph_count() -> None:
    question = Question({1: [(7, 2), (8, 3)], 2: [(9, 3)], 3: []}, [1, 2, 3], 1, 3)

    def counts(*path: tuple[int, int, int]) -> bool:
        said = [Record.of(edge, Op.PATH) for edge in reversed(path)]
        answer = Answer([*said, Record.bare(Op.DONE)], question.start, question.target, 0.0)
        return search_baselines.is_shortest(answer, question, 1)

    assert counts((1, 8, 3))
    assert not counts((1, 7, 3)), "there is no such edge"
    assert not counts((1, 7, 2), (2, 9, 3)), "there is a shorter one"
    assert not counts((1, 7, 2)), "it leads elsewhere"
    assert not counts()


def test_scores_are_kept_and_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {"oracle": (Oracle(), "ntm"), "chance": (MODELS["gru"].build().eval(), "gru")}
    monkeypatch.setattr(
        search_baselines, "load", lambda name: (known[name][0], {"model": known[name][1], "seconds": 90.0})
    )
    files = []
    for name in known:
        files.append(str(tmp_path / "scores" / f"{name}.json"))
        arguments = ["score", "--model", name, "--nodes", "5", "6", "--graphs", "3", "--until-none"]
        assert search_baselines.main([*arguments, "--json", files[-1]]) == 0
    oracle, chance = (json.loads(Path(file).read_text()) for file in files)
    assert [(row["nodes"], row["greedy"]) for row in oracle["scores"]] == [(5, 1), (6, 1)]
    assert [(row["nodes"], row["constrained"]) for row in chance["scores"]] == [(5, 0)], (
        "the rest is left out"
    )
    assert "100.0%" in capsys.readouterr().out
    image = tmp_path / "figure.png"
    assert search_baselines.main(["plot", *files, "--out", str(image)]) == 0
    assert image.read_bytes().startswith(b"\x89PNG")
    (axes,) = search_baselines.draw([chance, oracle]).axes
    bold, _, thin, *_ = axes.get_lines()
    assert bold.get_label().startswith("NTM:")
    assert bold.get_linewidth() > 2 * thin.get_linewidth()
