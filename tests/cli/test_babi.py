"""bAbI at the command line: train, evaluate, ask."""

import json
from pathlib import Path
from typing import Any

import pytest

from tapehead import DNC, cli, tasks
from tests.tasks.babi.folder import DATA

SMALL = ["hidden-size", "memory-size", "word-size"]


@pytest.fixture
def model(tmp_path: Path) -> str:
    """The folder of an untrained model."""
    folder = tmp_path / "model"
    DNC(159, 4, output_size=159, memory_size=4, word_size=4).save_pretrained(
        folder, extra={"task": tasks.Babi().to_dict()}
    )
    return str(folder)


@pytest.mark.parametrize("data", [["--data", str(DATA)], [f"--task.data={DATA}"]])
def test_a_run_and_its_score(tmp_path: Path, capsys: Any, data: list[str]) -> None:
    out = str(tmp_path / "run")
    sizes = [argument for size in SMALL for argument in (f"--model.{size}", "4")]
    run = ["--out", out, "--sequences", "8", "--batch-size", "4", "--validation-sequences", "3"]
    assert cli.main(["train", "dnc-babi", *data, *sizes, *run]) == 0
    err = capsys.readouterr().err
    assert "note: task 3 is trained on 2 of its 2,000 stories, relabelled at random" in err
    assert cli.main(["evaluate", out, "--data", str(DATA), "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert err == ""
    assert set(found) == {"mean_error", "failed", "errors", "notes"}
    assert set(found["errors"]) == {"1", "8"}
    assert 0 <= found["mean_error"] <= 1


def test_a_table(model: str, capsys: Any) -> None:
    assert cli.main(["evaluate", model, "--data", str(DATA / "en-10k"), "--memory-size", "9"]) == 0
    assert "mean error" in capsys.readouterr().out


def test_a_question_about_a_story(model: str, capsys: Any, tmp_path: Path) -> None:
    story = tmp_path / "story.txt"
    story.write_text("Mary got the football.\nMary went to the park.\n")
    asked = ["ask", str(story), "Where is the football?", "--model", model]
    assert cli.main(asked) == 0
    assert "where is the football?\n  network: " in capsys.readouterr().out
    assert cli.main([*asked, "--words", "2", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["answers"]) == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["evaluate", "MODEL"], "give their folder with --data tasks_1-20_v1-2/en-10k"),
        (["trace", "MODEL"], "babi is told in words, which no page shows: use `tapehead ask`"),
        (["evaluate", "MODEL", "--data", "nowhere"], "there is no folder 'nowhere'"),
        (
            ["evaluate", "MODEL", "--data", "STORY", "--lengths", "3"],
            "trained on babi, which knows no --lengths",
        ),
        (
            ["ask", "STORY", "Where is the banana?", "--model", "MODEL"],
            "the word 'banana' is none of the 156",
        ),
        (["ask", "STORY", "Where is Mary?", "--model", "ntm-copy"], "was not trained on bAbI"),
        (["ask", "STORY", "Where is Mary?", "--page", "a.html"], "--page is about a family tree or a map"),
        (["ask", "family", "Who is Hans Bach's father?", "--words", "2"], "--words is about a story"),
        (["train", "dnc-babi", "--data", "nowhere"], "there is no folder 'nowhere'"),
        (["tasks", "show", "babi", "--data", "nowhere"], "there is no folder 'nowhere'"),
    ],
)
def test_mistakes(model: str, capsys: Any, tmp_path: Path, arguments: list[str], says: str) -> None:
    story = tmp_path / "story.txt"
    story.write_text("Mary went to the park.\n")
    names = {"MODEL": model, "STORY": str(story)}
    assert cli.main([names.get(argument, argument) for argument in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
    assert err.count("\n") == 1
