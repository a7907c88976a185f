"""The table of switches: each is a switch of its machine, runs are kept, and what is kept is printed."""

import dataclasses
import json
from pathlib import Path

import pytest

from benchmarks import ablation
from tapehead.nn import DNCConfig, NTMConfig

pytestmark = pytest.mark.filterwarnings("default")


@pytest.mark.parametrize(("machine", "config"), [("NTM", NTMConfig), ("DNC", DNCConfig)])
def test_every_switch_differs_from_the_papers_machine(machine: str, config: type) -> None:
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    switches = ablation.SWITCHES[machine]
    for switch, values in switches.items():
        assert all(defaults[name] != value for name, value in values.items()), switch
        config(4, **ablation.SIZES | values).check()
    assert len({str(values) for values in switches.values()}) == len(switches)


def test_what_is_there_is_not_trained_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--updates", "3", "--only", "copy", "--machines", "NTM", "--processes", "1", "--seeds"]
    folder = ["--results", str(tmp_path)]
    assert ablation.main([*arguments, "1", *folder]) == 0
    first = json.loads((tmp_path / "ablation.json").read_text())["runs"]
    assert [run["switch"] for run in first] == sorted(ablation.SWITCHES["NTM"])
    assert all(run["sequences"] == 12 and run["bits"] > 1 for run in first)
    printed = capsys.readouterr().out
    assert printed.count("\n|") == len(first) + 1
    assert ablation.main([*arguments, "1", *folder]) == 0
    assert capsys.readouterr().out == printed
    assert json.loads((tmp_path / "ablation.json").read_text())["runs"] == first


def test_the_table_has_median_and_range() -> None:
    runs = [
        {"machine": "DNC", "switch": ablation.PAPER, "task": "copy", "bits": bits}
        for bits in (7.0, 1.25, 3.0)
    ]
    (table,) = ablation.tables(runs)
    assert table.splitlines()[2].split("|")[1:-1] == [" the paper's ", " 3 (1.25 – 7) "]
