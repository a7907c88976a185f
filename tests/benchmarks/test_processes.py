"""Training by one process and by several is measured as it is run."""

from typing import Any

from benchmarks import processes
from benchmarks.processes import Way


def test_every_way_is_measured(capsys: Any) -> None:
    processes.main(["--presets", "ntm-copy", "--cores", "2", "--rounds", "1", "--updates", "20"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[2].strip() for line in lines[2:5]] == ["1, 1", "1, 2", "2, 1"]
    assert lines[2].split("|")[4].strip() == "1.00"
    assert all(int(line.split("|")[3].replace(",", "")) > 0 for line in lines[2:5])


def test_all_train_on_the_same_joint_batch(monkeypatch: Any) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], **options: Any) -> None:
        commands.append(command)
        folder = command[command.index("--out") + 1]
        processes.Path(folder).mkdir()
        rows = [f'{{"kind": "train", "sequences": {n}, "seconds": {n / 32}}}' for n in (10, 20, 40)]
        (processes.Path(folder) / processes.METRICS_FILE).write_text("\n".join(rows))

    monkeypatch.setattr(processes.subprocess, "run", run)
    assert processes.rate("ntm-copy", Way(1, 2), 30) == 32
    assert processes.rate("ntm-copy", Way(2, 1), 30) == 32
    batches = [int(command[command.index("--batch-size") + 1]) for command in commands]
    sequences = [int(command[command.index("--sequences") + 1]) for command in commands]
    assert (batches, sequences) == ([16, 8], [480, 480])
    assert ["torch.distributed.run" in command for command in commands] == [False, True]
