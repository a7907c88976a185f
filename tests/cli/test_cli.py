import contextlib
import json
import os
import resource
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tapehead import NTM, cli, tasks

TINY = [
    "ntm-copy",
    *("--task.max-length", "3", "--task.num-bits", "2"),
    *("--model.hidden-size", "8", "--model.memory-size", "6", "--model.word-size", "4"),
    *("--batch-size", "2", "--sequences", "20", "--validation-sequences", "10"),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: Any) -> str:
    folder = str(tmp_path_factory.mktemp("cli") / "tiny")
    assert cli.main(["train", *TINY, "--out", folder]) == 0
    return folder


def _fails(capsys: Any, *arguments: str) -> str:
    """The one sentence that a wrong call gets on stderr; exit code 2, nothing on stdout."""
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("tapehead: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err


@pytest.mark.parametrize("ask", [["--help"], ["-h"], ["help"]])
def test_help_lists_the_commands(ask: list[str], capsys: Any) -> None:
    assert cli.main(ask) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in cli.COMMANDS)


def test_version(capsys: Any) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("tapehead 0.")


def test_no_command_is_an_error(capsys: Any) -> None:
    assert cli.main([]) == 2
    assert "usage" in capsys.readouterr().out


def test_the_examples_of_the_help_are_of_every_command() -> None:
    assert list(cli.EXAMPLES) == list(cli.COMMANDS)
    assert all(example.startswith(f"tapehead {name} ") for name, example in cli.EXAMPLES.items())


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_help_ends_with_an_example(command: str, capsys: Any) -> None:
    assert cli.main([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: ")
    assert out.endswith(f"\nexample: {cli.EXAMPLES[command]}\n")


# A server does not end, training takes minutes, and the engine's state is the machine's.
@pytest.mark.parametrize("command", sorted(cli.EXAMPLES.keys() - {"serve", "train", "engine"}))
def test_an_example_works_as_typed(command: str, capsys: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(shlex.split(cli.EXAMPLES[command])[1:]) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize("command", ["train", "evaluate", "models", "tasks"])
def test_every_command_has_help(command: str, capsys: Any) -> None:
    with contextlib.suppress(SystemExit):  # tyro exits after its help
        assert cli.main([command, "--help"]) == 0
    assert "usage: tapehead" in capsys.readouterr().out


def test_train_help_lists_the_presets(capsys: Any) -> None:
    assert cli.main(["train", "--help"]) == 0
    out = capsys.readouterr().out
    assert "ntm-copy-paper" in out
    assert "--resume" in out


def test_train_says_how_it_went(run: str, capsys: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", *TINY, "--seed", "3"]) == 0
    out = capsys.readouterr().out
    assert "trained on all sequences after 20 sequences" in out
    assert "tapehead evaluate runs/ntm-copy-seed3" in out
    assert (tmp_path / "runs/ntm-copy-seed3/model.safetensors").is_file()
    config = json.loads((tmp_path / "runs/ntm-copy-seed3/config.json").read_text())["training"]
    assert (config["seed"], config["task"]["max_length"], config["model"]["hidden_size"]) == (3, 3, 8)


def test_train_from_the_config_of_a_run(run: str, tmp_path: Path) -> None:
    again = tmp_path / "again"
    assert cli.main(["train", "--config", f"{run}/config.json", "--out", str(again), "--seed", "1"]) == 0
    old, new = (json.loads((Path(folder) / "config.json").read_text())["training"] for folder in (run, again))
    assert new == old | {"seed": 1}


def test_resume_trains_on(tmp_path: Path, capsys: Any) -> None:
    folder = str(tmp_path / "run")
    assert cli.main(["train", *TINY, "--out", folder]) == 0
    assert "is over" in _fails_after(capsys, "train", "--resume", folder)
    assert cli.main(["train", "--resume", folder, "--sequences", "40"]) == 0
    assert "after 40 sequences" in capsys.readouterr().out


def _fails_after(capsys: Any, *arguments: str) -> str:
    capsys.readouterr()
    return _fails(capsys, *arguments)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["trian"], "did you mean train?"),
        (["elephant"], "the commands are"),
        (["train", "ntm-cpy"], "there is no preset 'ntm-cpy': did you mean ntm-copy"),
        (["train", "elephant"], "`tapehead train --help` lists the presets"),
        (["train", "--seed", "3", "ntm-copy"], "the preset comes first"),
        (["train", "ntm-copy", "--task.max-lenght", "3"], "perhaps you meant --task.max-length"),
        (["train", "ntm-copy", "--task.max-length", "0"], "max_length must be a whole number of at least 1"),
        (["train", "ntm-copy", "--optimizer.lr", "fast"], "--optimizer.lr"),
        (["train", "ntm-copy", "--batch-size", "0"], "batch_size is 0"),
        (["train", "ntm-copy", "--model.memory-size", "0"], "memory_size is 0"),
        (["train", "ntm-copy", "--backend", "quick"], "quick"),
        (["train", "ntm-copy", "--out"], "--out"),
        (["train", "ntm-copy", "--out", f"{os.devnull}/run"], "Not a directory"),
        (["train", "--resume", "nowhere"], "nowhere does not exist"),
        (["train", "--config"], "needs a file"),
        (["train", "--config", "nowhere.json"], "nowhere.json does not exist"),
        (["evaluate"], "RUN_OR_MODEL"),
        (["evaluate", "nowhere"], "no folder and no model 'nowhere'"),
        (["models", "nowhere"], "no folder and no model 'nowhere'"),
        (["tasks", "show", "cppy"], "did you mean copy?"),
        (["tasks", "shw"], "give nothing, or `show`"),
        (["tasks", "show", "copy", "--max-length", "-1"], "max_length must be"),
    ],
)
def test_mistakes_get_one_sentence(
    arguments: list[str], complaint: str, capsys: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert complaint in _fails(capsys, *arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--lengths", "0"], "length must be a whole number of at least 1"),
        (["--lengths", "five"], "--lengths"),
        (["--items", "3"], "no size 'items'"),
        (["--memory-size", "0"], "memory_size is 0"),
        (["--sequences", "0"], "sequences is 0"),
    ],
)
def test_bad_questions_to_evaluate(run: str, options: list[str], complaint: str, capsys: Any) -> None:
    assert complaint in _fails_after(capsys, "evaluate", run, *options)


def test_evaluate_json_is_alone_on_stdout(run: str, capsys: Any) -> None:
    capsys.readouterr()
    arguments = ["--lengths", "3", "9", "--sequences", "20", "--memory-size", "12", "--seed", "0", "--json"]
    assert cli.main(["evaluate", run, *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    found = json.loads(out)
    assert list(found) == ["model", "task", "points"]
    assert (found["model"], found["task"]) == (run, "copy")
    assert [point["length"] for point in found["points"]] == [3, 9]
    for point in found["points"]:
        assert (point["sequences"], point["memory_size"]) == (20, 12)
        assert point["bits_per_sequence"] > 0
        assert isinstance(point["wrong_bits"], int)
        assert 0 <= point["exact"] <= 1


def test_evaluate_without_lengths_takes_the_largest_of_training(run: str, capsys: Any) -> None:
    capsys.readouterr()
    assert cli.main(["evaluate", run, "--sequences", "20"]) == 0
    header, row, note = capsys.readouterr().out.splitlines()
    assert header.split()[0] == "length"
    assert row.split()[:2] == ["3", "6"]
    assert "20 sequences" in note


@pytest.mark.parametrize("name", ["repeat-copy", "associative-recall", "priority-sort", "reallocation"])
def test_evaluate_knows_the_sizes_of_other_tasks(name: str, tmp_path: Path, capsys: Any) -> None:
    task = tasks.get(name)
    machine = NTM(task.input_size, 8, output_size=task.output_size, memory_size=6, word_size=4)
    machine.save_pretrained(tmp_path, extra={"task": task.to_dict()})
    asked = {
        "repeat-copy": ["--lengths", "4", "--repeats", "2", "3"],
        "associative-recall": ["--items", "3", "4"],
        "priority-sort": ["--lengths", "20", "22"],  # a task without a length: its first size
        "reallocation": ["--lengths", "2", "3"],
    }
    assert cli.main(["evaluate", str(tmp_path), *asked[name], "--sequences", "4", "--json"]) == 0
    points = json.loads(capsys.readouterr().out)["points"]
    expected = {
        "repeat-copy": [{"length": 4, "repeats": 2}, {"length": 4, "repeats": 3}],
        "associative-recall": [{"length": 3, "items": 3}, {"length": 4, "items": 4}],
        "priority-sort": [{"length": 20, "items": 20, "kept": 16}, {"length": 22, "items": 22, "kept": 16}],
        "reallocation": [{"length": 2, "episode_sequences": 10}, {"length": 3, "episode_sequences": 10}],
    }
    for point, sizes in zip(points, expected[name], strict=True):
        assert sizes.items() <= point.items()
        assert point["sequences"] == 4


def test_a_model_without_a_task_cannot_be_scored(tmp_path: Path, capsys: Any) -> None:
    NTM(4, 8, output_size=3, memory_size=6, word_size=4).save_pretrained(tmp_path)
    assert "does not say what task" in _fails(capsys, "evaluate", str(tmp_path))


def test_damaged_models_are_named(run: str, tmp_path: Path, capsys: Any) -> None:
    import shutil

    damaged = Path(shutil.copytree(run, tmp_path / "damaged"))
    weights = damaged / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-50])
    assert "truncated" in _fails_after(capsys, "evaluate", str(damaged))
    (checkpoint,) = (damaged / "checkpoints").iterdir()
    (checkpoint / "state.pt").write_bytes(b"PK nothing")
    assert "damaged" in _fails_after(capsys, "train", "--resume", str(damaged), "--sequences", "40")


def test_a_used_folder_is_refused(run: str, capsys: Any) -> None:
    assert "not empty" in _fails_after(capsys, "train", *TINY, "--out", run)


def test_models(run: str, capsys: Any) -> None:
    capsys.readouterr()
    assert cli.main(["models"]) == 0
    assert capsys.readouterr().out
    assert cli.main(["models", run]) == 0
    assert capsys.readouterr().out.startswith("# tiny")


def test_tasks(capsys: Any) -> None:
    assert cli.main(["tasks"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in tasks.names())
    assert cli.main(["tasks", "show", "copy", "--max-length", "2", "--seed", "1"]) == 0
    assert "copy:" in capsys.readouterr().out


def test_python_m_tapehead_and_light_help() -> None:
    """``--help`` and the package itself import none of the extras."""
    check = (
        "import sys, runpy, torch; sys.argv = ['tapehead', '--help']; before = set(sys.modules)\n"
        "try: runpy.run_module('tapehead', run_name='__main__')\n"
        "except SystemExit as end: assert not end.code\n"
        "extras = {'accelerate', 'tyro', 'tqdm', 'matplotlib', 'huggingface_hub', 'tensorboard'}\n"
        "assert not extras & (set(sys.modules) - before), extras & (set(sys.modules) - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert "usage: tapehead COMMAND" in done.stdout


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: both come as an OSError from write."""

    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))

    command = [sys.executable, "-m", "tapehead", "train", *TINY, "--out", str(tmp_path / "run")]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ, preexec_fn=small_files_only, timeout=60
    )
    assert done.returncode == 2
    assert done.stderr.startswith("tapehead: ")
    assert done.stderr.count("\n") == 1
    assert "File too large" in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_disk_that_fills_up_leaves_the_last_checkpoint(
    tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    from tapehead.train import files as _files

    folder = tmp_path / "run"
    write = _files.os.fsync
    calls = []

    def full_at_the_third(descriptor: int) -> None:
        calls.append(None)
        if len(calls) == 4:  # a checkpoint has two files: the second checkpoint's second
            raise OSError(28, "No space left on device")
        write(descriptor)

    monkeypatch.setattr(_files.os, "fsync", full_at_the_third)
    assert cli.main(["train", *TINY, "--out", str(folder)]) == 2
    err = capsys.readouterr().err
    assert "No space left on device" in err
    assert [path.name for path in (folder / "checkpoints").iterdir()] == ["step-000000000"]
    monkeypatch.undo()
    assert cli.main(["train", "--resume", str(folder)]) == 0


def test_a_missing_extra_is_named(monkeypatch: Any, capsys: Any) -> None:
    def missing(_: str) -> Any:
        raise ModuleNotFoundError("No module named 'tyro'", name="tyro")

    monkeypatch.setattr(cli.importlib, "import_module", missing)
    assert 'pip install "tapehead[train]"' in _fails(capsys, "train")


def test_bugs_are_not_hidden(monkeypatch: Any) -> None:
    def broken(_: str) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(cli.importlib, "import_module", broken)
    with pytest.raises(ZeroDivisionError):
        cli.main(["train"])


def test_ctrl_c_gives_130(monkeypatch: Any, capsys: Any) -> None:
    def interrupted(_: str) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.importlib, "import_module", interrupted)
    assert cli.main(["train"]) == 130
    assert capsys.readouterr().err == "tapehead: interrupted\n"


@pytest.mark.parametrize(
    "frame",
    [
        "╭─ Value error ─╮\n│ Error parsing --lr: bad 'x'│\n│ ───── │\n│ Argument helptext: │\n╰─────╯\n",
        " Value error      \n ----- \n  Error parsing --lr: bad 'x'  \n ----- \n  Argument helptext: \n",
    ],
)
def test_complaints_of_tyro_in_either_frame(frame: str) -> None:
    from tapehead.cli._parse import _sentence

    assert _sentence(frame) == "--lr: bad 'x'"


def test_an_engine_that_cannot_serve_is_named(monkeypatch: Any, capsys: Any) -> None:
    from tapehead.engine import EngineError

    def unable(_: str) -> Any:
        raise EngineError("the native engine cannot run this NTM: no compiler")

    monkeypatch.setattr(cli.importlib, "import_module", unable)
    assert "no compiler" in _fails(capsys, "train")
