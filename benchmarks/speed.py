"""``python -m benchmarks.speed``: a training step of ours and of others, side by side.

First the correctness gate; then medians of forward + backward + update, the contenders taking turns; then
peak memory, and how the native engine grows with steps and slots. README.md says how to read it.
"""

import argparse
import dataclasses
import json
import os
import statistics
import sys
from collections.abc import Callable, Mapping
from typing import Any

import torch

from benchmarks import cases, gate, gpu, peak, report
from benchmarks.cases import Case
from benchmarks.contenders import CONTENDERS, TrainingStep, Unavailable, saved_bytes, training_step
from benchmarks.gate import Red
from benchmarks.targets import compare_with_targets
from benchmarks.timing import PRODUCT_FLOP, OthersWatch, available_bytes, clock, matrix_product, take_turns
from tapehead.engine import EngineError

QUICK_ROUNDS, QUICK_SECONDS = 3, 1.0
QUICK_BATCHES = (1, 16)
# Of what autograd keeps, for what else a step has at the same time.
MEMORY_FACTOR = 1.5
LONG_SECONDS = 1.0
# Half a minute of compiling each; the other batches and cases tell the same story.
COMPILED_BATCHES = {"dnc-graph": [1, 32], "dnc-graph-256": []}
PEAK_BATCHES = {"dnc-copy": 16, "dnc-graph": 32}
GROWTH_CASE = "dnc-copy"
GROWTH_BATCH = 16
GROWTH_STEPS = (20, 41, 82, 164)
GROWTH_SLOTS = (64, 128, 256, 512)
# Over whole sequences, in float32: looser than the gate, because differences grow from step to step.
SAME_OUTPUTS = 1e-2

Say = Callable[[str], None]
Row = dict[str, Any]


def main(arguments: list[str] | None = None, known: Mapping[str, Case] = cases.CASES) -> int:
    """Run the benchmark; the exit code is 1 when the gate is red."""
    options = _parse(arguments, known)
    if options.threads:
        torch.set_num_threads(options.threads)

    def say(text: str) -> None:
        if not options.json:
            print(text, flush=True)

    try:
        if options.device == "cuda":
            result = gpu.measure(options, known, say)
        else:
            result = _run(options, known, say)
    except (Red, EngineError, Unavailable) as error:
        print(f"no speed is reported: {error}", file=sys.stderr)
        return 1
    machine = result["machine"]
    if options.json:
        print(json.dumps(result, indent=1))
    if options.device == "cuda":
        return 0
    say(f"load {machine['load_at_start']:.2f} at the start, {machine['load_at_end']:.2f} at the end")
    for sentence in report.warnings(machine):
        print(f"warning: {sentence}", file=sys.stderr)
    if options.save:
        for path in report.save(result):
            say(f"wrote {path}")
    return 0


def _run(options: argparse.Namespace, known: Mapping[str, Case], say: Say) -> dict[str, Any]:
    watch = OthersWatch()
    result: dict[str, Any] = {"format": report.FORMAT, "machine": report.describe_machine()}
    result["gate"] = [row for name in options.case for row in gate.check(known[name])]
    gate.demand(result["gate"])
    worst = max(row["difference"] / row["tolerance"] for row in result["gate"])
    say(f"gate: native = reference on all cases (worst difference: {worst:.1g} of what is allowed)\n")

    result |= {"rows": [], "peak_memory": [], "growth": []}
    for name in options.case:
        for batch in options.batch or (QUICK_BATCHES if options.quick else cases.BATCHES[name]):
            contenders = options.contender or _contenders(name, batch, options.quick)
            rows = _compare(known[name], batch, contenders, options.rounds, options.seconds)
            result["rows"] += rows
            say(f"{name}, batch {batch}\n{report.table(rows, report.SPEED_COLUMNS)}")
    if not (options.quick or options.batch or options.contender):
        result["peak_memory"] = _peaks(options.case, known)
        say(f"peak memory\n{report.table(result['peak_memory'], report.MEMORY_COLUMNS)}")
        if GROWTH_CASE in options.case:
            result["growth"] = _growth(known[GROWTH_CASE], options.rounds, options.seconds)
            growth = report.table(result["growth"], report.GROWTH_COLUMNS)
            say(f"growth: native, {GROWTH_CASE}, batch {GROWTH_BATCH}\n{growth}")
    result["targets"] = compare_with_targets(result["rows"])
    if result["targets"]:
        say(f"targets\n{report.table(result['targets'], report.TARGET_COLUMNS)}")
    result["machine"] |= {"load_at_end": os.getloadavg()[0], "others_share": watch.share()}
    return result


def _parse(arguments: list[str] | None, known: Mapping[str, Case]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--case", choices=known, nargs="+", help="all, unless --quick")
    add("--batch", type=_positive, nargs="+", help="instead of each case's own batches")
    add("--contender", choices=CONTENDERS, nargs="+", help="instead of each case's own")
    add("--rounds", type=_positive, help="turns of a contender (7)")
    add("--seconds", type=float, help="for a contender's turns; a slow one gets fewer, 2 at least (3)")
    add("--device", choices=["cpu", "cuda"], default="cpu", help="cuda: the engines on a GPU (cpu)")
    add("--threads", type=_positive, help="torch.set_num_threads")
    add(
        "--quick", action="store_true", help="half a minute: the copy sizes, without compiled, memory, growth"
    )
    add("--json", action="store_true", help="print JSON and nothing else")
    add("--save", action="store_true", help=f"write benchmarks/{report.RESULTS.name}/, too")
    options = parser.parse_args(arguments)
    quick = options.quick
    if options.save and (quick or options.case or options.batch or options.contender):
        parser.error("--save keeps the results of a whole run: leave out what makes it smaller")
    if options.device == "cuda" and (options.save or options.contender):
        parser.error("--device cuda takes neither --save nor --contender: all of its contenders take part")
    options.case = options.case or [name for name in known if not quick or name.endswith("copy")]
    options.rounds = options.rounds or (QUICK_ROUNDS if quick else 7)
    options.seconds = options.seconds or (QUICK_SECONDS if quick else 3.0)
    return options


def _contenders(name: str, batch: int, quick: bool) -> list[str]:
    """Who is timed on a case unless the user says: all but those that would take too long."""
    left_out = set()
    if quick or batch not in COMPILED_BATCHES.get(name, [batch]):
        left_out.add("compiled")
    if name.startswith("dnc-graph"):
        left_out.add("dnc-stepwise")  # as slow as dnc
    return [contender for contender in CONTENDERS if contender not in left_out]


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _compare(case: Case, batch: int, names: list[str], rounds: int, seconds: float) -> list[Row]:
    """A row for each contender: its speed, or why it was skipped."""
    steps: dict[str, TrainingStep] = {}
    skipped: dict[str, str] = {}
    expected: dict[str, float] = {}
    for name in names:
        try:
            _check_memory(name, case, batch)
            steps[name] = training_step(name, case, batch)
            first = clock(steps[name])
            # A long step is not run once more to see how long it is, unless its first run compiled it.
            if first > LONG_SECONDS and name != "compiled":
                expected[name] = first
        except Unavailable as reason:
            skipped[name] = str(reason)
        except Exception as error:
            if name in ("native", "reference"):
                raise
            skipped[name] = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
            steps.pop(name, None)
    _check_outputs(steps, skipped)
    product = matrix_product()
    product()
    times = take_turns({**steps, "": product}, rounds, seconds, expected)
    rate = PRODUCT_FLOP / statistics.median(times.pop(""))
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    rows: list[Row] = []
    for name in names:
        row: Row = {"case": case.name, "batch": batch, "contender": name}
        if name in skipped:
            rows.append(row | {"skipped": skipped[name]})
            continue
        rate_of_case = case.flop(batch) / medians[name]
        row |= {
            "ms": 1e3 * medians[name],
            "fastest_ms": 1e3 * min(times[name]),
            "spread": _spread(times[name]),
            "calls": len(times[name]),
            "speedup_over_reference": _ratio(medians, "reference", name),
            "times_native": _ratio(medians, name, "native"),
            "examples_per_s": batch / medians[name],
            "gflop_per_s": rate_of_case / 1e9,
            "share_of_matmul": rate_of_case / rate,
            "matmul_gflop_per_s": rate / 1e9,
        }
        rows.append(row)
    return rows


def _check_outputs(steps: dict[str, TrainingStep], skipped: dict[str, str]) -> None:
    """Raise Red when the native engine's whole outputs are not the reference's; drop a compiled step's."""
    if "reference" not in steps:
        return
    expected = steps["reference"].first_outputs
    for name in ("native", "compiled"):
        if name not in steps:
            continue
        actual = steps[name].first_outputs
        assert expected is not None
        assert actual is not None
        difference = gate.relative_difference(expected, actual)
        if not difference <= SAME_OUTPUTS:
            sentence = f"the outputs differ by {difference:.2g} from the reference's over a whole sequence"
            if name == "native":
                raise Red(f"{name}: {sentence}")
            del steps[name]
            skipped[name] = sentence


def _check_memory(name: str, case: Case, batch: int) -> None:
    """Refuse a contender that would drive the machine out of memory."""
    available = available_bytes()
    # What a compiled step keeps is not for autograd's hooks to see; it is at most what the reference keeps.
    needed = MEMORY_FACTOR * batch * saved_bytes("reference" if name == "compiled" else name, case)
    if available is not None and needed > available:
        raise Unavailable(
            f"batch {batch} of {case.name} needs some {needed / 1e9:.0f} GB, "
            f"and {available / 1e9:.0f} GB are free"
        )


def _ratio(medians: dict[str, float], above: str, below: str) -> float | None:
    return medians[above] / medians[below] if above in medians and below in medians else None


def _spread(times: list[float]) -> float | None:
    """Between the quartiles, as a fraction of the median."""
    if len(times) < 4:
        return None
    low, middle, high = statistics.quantiles(times, n=4)
    return (high - low) / middle


def _peaks(names: list[str], known: Mapping[str, Case]) -> list[Row]:
    rows = []
    for name in names:
        if name not in PEAK_BATCHES:
            continue
        batch = PEAK_BATCHES[name]
        for contender in _contenders(name, batch, quick=False):
            row: Row = {"case": name, "batch": batch, "contender": contender}
            rows.append(row | peak.measure(contender, known[name], batch))
    return rows


def _growth(base: Case, rounds: int, seconds: float) -> list[Row]:
    """The native engine by steps and by slots; all take turns with one another."""
    variants = [dataclasses.replace(base, steps=steps) for steps in GROWTH_STEPS]
    variants += [dataclasses.replace(base, slots=slots) for slots in GROWTH_SLOTS]
    steps = {str(i): training_step("native", variant, GROWTH_BATCH) for i, variant in enumerate(variants)}
    for step in steps.values():
        step()
    product = matrix_product()
    times = take_turns({**steps, "": product}, rounds, seconds)
    rate = PRODUCT_FLOP / statistics.median(times.pop(""))
    rows = []
    for variant, seconds_of in zip(variants, times.values(), strict=True):
        median = statistics.median(seconds_of)
        row: Row = {"case": base.name, "batch": GROWTH_BATCH, "contender": "native"}
        row |= {"steps": variant.steps, "slots": variant.slots, "ms": 1e3 * median}
        row |= {
            "us_per_step": 1e6 * median / variant.steps / GROWTH_BATCH,
            "gflop_per_s": variant.flop(GROWTH_BATCH) / median / 1e9,
            "share_of_matmul": variant.flop(GROWTH_BATCH) / median / rate,
        }
        rows.append(row | peak.measure("native", variant, GROWTH_BATCH))
    return rows


if __name__ == "__main__":
    sys.exit(main())
