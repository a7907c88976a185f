"""The benchmark's plumbing at tiny sizes: the gate refuses, arithmetic is counted, JSON comes out whole."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from benchmarks import contenders, gate, gpu, peak, report, speed, targets, timing
from benchmarks.cases import BATCHES, CASES, Case

TINY = {
    "ntm-copy": Case("ntm-copy", "ntm", 3, 2, 4, hidden=5, layers=1, slots=6, word=3, reads=1),
    "dnc-copy": Case("dnc-copy", "dnc", 3, 2, 4, hidden=5, layers=2, slots=6, word=3, reads=2),
}
FAST = ["--quick", "--rounds", "2", "--seconds", "0.01", "--batch", "2", "--contender", "native", "reference"]

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(autouse=True)
def small_product(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "PRODUCT_SIZE", 64)


def test_json_is_all_that_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert speed.main([*FAST, "--json"], TINY) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["format"] == report.FORMAT
    assert {"cpu", "cores", "threads", "torch", "compiler", "commit", "load_at_start"} <= set(
        result["machine"]
    )
    assert all(row["green"] for row in result["gate"])
    assert [(row["case"], row["contender"]) for row in result["rows"]] == [
        (case, contender) for case in TINY for contender in ("native", "reference")
    ]
    for row in result["rows"]:
        assert row["ms"] > 0
        assert row["examples_per_s"] == pytest.approx(2e3 / row["ms"])
        assert row["share_of_matmul"] > 0
    native, reference = result["rows"][:2]
    assert native["speedup_over_reference"] == pytest.approx(reference["times_native"])


def test_tables_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert speed.main([*FAST, "--case", "dnc-copy"], TINY) == 0
    out = capsys.readouterr().out
    assert "gate: native = reference" in out
    assert "| batch |" in out


def test_a_red_gate_reports_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    exact = gate._results

    def wrong(case: Case, backend: str, dtype: torch.dtype, *more: str) -> list[torch.Tensor]:
        results = exact(case, backend, dtype, *more)
        if backend == "native" and case.kind == "dnc":
            results[-1].view(-1)[0] += 1e-3
        return results

    monkeypatch.setattr(gate, "_results", wrong)
    assert speed.main([*FAST, "--json"], TINY) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("no speed is reported: native and reference differ by")
    assert "dnc-copy" in captured.err


def test_the_gate_lets_no_nan_go_by(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = gate._results

    def broken(case: Case, backend: str, dtype: torch.dtype, *more: str) -> list[torch.Tensor]:
        results = exact(case, backend, dtype, *more)
        if backend == "native":
            results[1].view(-1)[0] = torch.nan
        return results

    monkeypatch.setattr(gate, "_results", broken)
    assert not any(row["green"] for row in gate.check(TINY["ntm-copy"]))


def test_whole_outputs_that_differ_report_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(case: Case) -> tuple[torch.nn.Module, contenders.Forward]:
        machine = case.build("native")
        return machine, lambda x: 1.5 * machine(x)[0]

    monkeypatch.setitem(contenders.CONTENDERS, "native", wrong)
    assert speed.main([*FAST, "--case", "ntm-copy"], TINY) == 1
    assert "no speed is reported: native: the outputs differ" in capsys.readouterr().err


def test_a_contender_that_fails_is_skipped_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(case: Case) -> tuple[torch.nn.Module, contenders.Forward]:
        raise contenders.Unavailable("not installed: pip install --no-deps dnc==1.1.0")

    def failing(case: Case) -> tuple[torch.nn.Module, contenders.Forward]:
        raise RuntimeError("no compiler\nat all")

    monkeypatch.setitem(contenders.CONTENDERS, "dnc", missing)
    monkeypatch.setitem(contenders.CONTENDERS, "compiled", failing)
    options = [*FAST, "--case", "dnc-copy", "--contender", "native", "dnc"]
    assert speed.main(options, TINY) == 0
    assert "- dnc: not installed: pip install --no-deps dnc==1.1.0" in capsys.readouterr().out
    monkeypatch.setattr(speed, "saved_bytes", lambda name, case: 0)
    assert speed.main([*options[:-1], "compiled"], TINY) == 0
    assert "- compiled: RuntimeError: no compiler\n" in capsys.readouterr().out


def test_what_does_not_fit_into_memory_is_skipped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(speed, "available_bytes", lambda: 10)
    assert speed.main([*FAST, "--case", "ntm-copy"], TINY) == 0
    assert "- native: batch 2 of ntm-copy needs some" in capsys.readouterr().out


@pytest.mark.parametrize("smaller", [["--quick"], ["--case", "dnc-copy"], ["--batch", "1"]])
def test_only_a_whole_run_is_saved(smaller: list[str]) -> None:
    with pytest.raises(SystemExit):
        speed.main([*smaller, "--save"], TINY)


def test_peak_memory_is_that_of_a_fresh_process() -> None:
    found = peak.measure("native", TINY["dnc-copy"], 2)
    assert 0 < found["built_mb"] <= found["peak_mb"] < 2000
    assert peak.measure("nobody", TINY["dnc-copy"], 2)["skipped"].startswith("exit 1: KeyError")


def test_a_whole_run_also_has_memory_and_growth(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(speed.peak, "measure", lambda *_: {"built_mb": 100.0, "peak_mb": 200.0})
    monkeypatch.setattr(speed.cases, "BATCHES", {name: [2] for name in TINY})
    monkeypatch.setattr(speed, "_contenders", lambda *_, **__: ["native", "reference"])
    assert speed.main(["--rounds", "2", "--seconds", "0.01", "--json"], TINY) == 0
    result = json.loads(capsys.readouterr().out)
    assert [row["contender"] for row in result["peak_memory"]] == ["native", "reference"]
    assert [(row["steps"], row["slots"]) for row in result["growth"]] == [
        *((steps, 6) for steps in speed.GROWTH_STEPS),
        *((4, slots) for slots in speed.GROWTH_SLOTS),
    ]
    assert all(row["ms"] > 0 and row["peak_mb"] == 200 for row in result["growth"])


def test_results_are_saved_whole(tmp_path: Path) -> None:
    machine = report.describe_machine() | {"load_at_start": 3.0, "others_share": 0.2}
    row = {"case": "dnc-copy", "batch": 1, "contender": "native", "ms": 2.5}
    result = {"format": report.FORMAT, "machine": machine, "rows": [row], "targets": []}
    result |= {"gate": [], "peak_memory": [], "growth": []}
    data, page = report.save(result, tmp_path / "results")
    assert json.loads(data.read_text())["rows"] == [row]
    text = page.read_text()
    assert "### dnc-copy" in text
    assert "Beware: the load was 3.0 at the start" in text
    assert "Beware: other processes had 20% of the cores" in text
    other = {**result, "machine": machine | {"cpu": "Another"}}
    report.save(other, tmp_path / "results")
    assert page.read_text().count("\n## ") == 2
    assert sorted(path.suffix for path in page.parent.iterdir()) == [".json", ".json", ".md"]


@pytest.mark.parametrize("case", [*CASES.values(), *TINY.values()], ids=lambda case: case.name)
def test_the_products_with_weights_are_all_counted(case: Case) -> None:
    """Each number in a weight matrix is used once a step."""
    matrices = [p.numel() for p in case.build("reference").parameters() if p.dim() == 2]
    assert case.weight_products() == sum(matrices)


def test_arithmetic_grows_with_batch_and_steps() -> None:
    case = CASES["dnc-copy"]
    assert case.flop(32) == 32 * case.flop(1)
    assert dataclasses.replace(case, steps=82).flop(1) == 2 * case.flop(1)


def test_every_case_has_batches_and_a_cases_weights_do_not_change() -> None:
    assert BATCHES.keys() == CASES.keys()
    first, second = (TINY["dnc-copy"].build(backend) for backend in ("reference", "native"))
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


def test_turns_are_taken_alternately_and_long_steps_sit_out() -> None:
    calls: list[str] = []
    clock = {"short": 0.0, "long": 0.02}

    def step(name: str) -> None:
        calls.append(name)
        until = timing.time.perf_counter() + clock[name]
        while timing.time.perf_counter() < until:
            pass

    steps = {name: lambda name=name: step(name) for name in clock}
    times = timing.take_turns(steps, rounds=6, seconds=0.1)
    assert len(times["long"]) == 2 * 2  # two turns of two calls
    assert len(times["short"]) == 2 * timing.MOST_REPEATS
    assert min(times["long"]) >= 0.02


def test_targets_are_compared_where_they_were_measured() -> None:
    rows = [
        {"case": "dnc-copy", "batch": 1, "contender": "dnc", "times_native": 50.0},
        {"case": "dnc-copy", "batch": 16, "contender": "dnc", "skipped": "not installed"},
        {"case": "dnc-graph", "batch": 32, "contender": "native", "share_of_matmul": 0.4},
    ]
    met = {(row["case"], row["batch"]): row["met"] for row in targets.compare_with_targets(rows)}
    assert met == {("dnc-copy", 1): "yes", ("dnc-graph", 32): "no"}


def test_others_are_watched() -> None:
    share = timing.OthersWatch().share()
    assert share is None or share >= 0


def test_without_a_gpu_its_benchmark_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    assert speed.main(["--device", "cuda"], TINY) == 1
    said = capsys.readouterr().err
    assert said == (
        "no speed is reported: --device cuda needs a CUDA device, and PyTorch finds none: "
        "leave the option out\n"
    )
    with pytest.raises(SystemExit):
        speed.main(["--device", "cuda", "--save"], TINY)


def test_the_gpus_contenders_take_turns_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """All but what only a GPU can do: there the captured ones say why they are left out."""
    monkeypatch.setattr(gpu, "CONTENDERS", {**gpu.CONTENDERS, "triton": gpu.CONTENDERS["reference"]})
    del gpu.CONTENDERS["compiled"]
    rows = gpu.compare(TINY["ntm-copy"], 2, "cpu", gpu.CONTENDERS, calls=3)
    found = {row["contender"]: row for row in rows}
    assert "EngineError: a CUDA graph needs" in found["reference, captured"]["skipped"]
    assert found["reference"]["ms"] > 0
    assert found["reference"]["calls"] == 3
    assert found["native, CPU"]["speedup_over_reference"] == pytest.approx(
        found["reference"]["ms"] / found["native, CPU"]["ms"]
    )
    assert found["dnc"]["skipped"].startswith("Unavailable: it has no NTM")
    assert "| batch |" in report.table(rows, gpu.COLUMNS)


@pytest.mark.parametrize("case", [*TINY.values(), gpu.LARGE], ids=lambda case: case.name)
def test_a_gate_of_another_device_names_it(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "_results", lambda *_: [torch.ones(1)])
    rows = gate.check(case, "triton", "cuda")
    gate.demand(rows)
    assert {row["engine"] for row in rows} == {"triton on cuda"}
    with pytest.raises(gate.Red, match="triton on cuda and reference differ by"):
        gate.demand([{**rows[0], "green": False}])
