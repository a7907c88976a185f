"""What the README and the pages say: Python that runs, commands and options that exist."""

import contextlib
import io
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch

import tapehead
from tapehead import cli, tasks
from tests.web.live import GEDCOM

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
KNOWN = {"python", "sh", "text", "bibtex", ""}
"""Languages of blocks: python runs here, sh has commands, the others are output or data."""
NAMES = {
    "what-am-i-looking-at.md": """
import tapehead, tapehead.viz
from tapehead import tasks
machine, task = tapehead.load("ntm-copy"), tasks.get("copy")
batch = tasks.Sampler(1, seed=0).draw(task.with_sizes(length=3))
""",
}
"""What a page's Python takes as given."""


def blocks(page: Path, language: str) -> list[str]:
    return [code for found, code in BLOCK.findall(page.read_text(encoding="utf-8")) if found == language]


def commands(page: Path) -> list[list[str]]:
    """The calls of tapehead in a page's blocks, in words."""
    lines = (
        line
        for language in ("sh", "text", "")
        for block in blocks(page, language)
        for line in block.splitlines()
    )
    calls = (line.strip().removeprefix("$ ").split(" # ")[0] for line in lines)
    # A word that is no command, as in "tapehead is there", is prose of an output.
    return [shlex.split(call.rstrip("\\"))[1:] for call in calls if call.startswith("tapehead ")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_says_what_it_is(page: Path) -> None:
    assert {language for language, _ in BLOCK.findall(page.read_text(encoding="utf-8"))} <= KNOWN


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name
)
def test_python_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tree.ged").write_bytes(GEDCOM)
    scope: dict[str, Any] = {"torch": torch, "tasks": tasks}
    exec(NAMES.get(page.name, ""), scope)
    for code in blocks(page, "python"):
        if not code.startswith("{{file"):  # an example, which tests/docs/test_examples.py runs
            exec(code, scope)


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.name)
def test_commands_and_options_exist(page: Path) -> None:
    helps: dict[str, str] = {}
    for name, *words in commands(page):
        if name.startswith("-"):
            continue
        assert name in cli.COMMANDS, f"{page.name}: tapehead {name}"
        # A preset and a task have options of their own.
        asked = [name, *words[:1]] if name == "train" and words and words[0][0] != "-" else [name]
        asked = [name, "show", words[1]] if words[:1] == ["show"] else asked
        key = " ".join(asked)
        if key not in helps:
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                assert cli.main([*asked, "--help"]) == 0
            helps[key] = said.getvalue()
        for option in (word for word in words if word.startswith("--")):
            assert option in helps[key], f"{page.name}: tapehead {key} has no {option}"


def test_one_version() -> None:
    """The release checklist says that a test compares them."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f'\nversion = "{tapehead.__version__}"\n' in project
    assert f"\nversion: {tapehead.__version__}\n" in citation
