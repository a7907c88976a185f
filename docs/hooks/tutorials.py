"""Hook of the site: runs the tutorials, and makes a page and a notebook of each.

A tutorial is a jupytext script in docs/tutorials. A cell tagged "solution" defines functions that the reader
is to write: the page shows them without their bodies and folds the solution, the notebook leaves them out.
"""

import ast
import base64
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "tutorials"
AT_ONCE = 2
LONGEST = 180
"""Seconds of a core that a tutorial may take."""
PATIENCE = 1200
"""Seconds that a cell may take on a machine that does other work, too."""
USED = """\
import resource
print(sum(resource.getrusage(who).ru_utime for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
"""
"""A cell that prints the seconds of a core that the notebook took, its subprocesses included."""


def on_files(files: Files, config: Mapping[str, Any]) -> Files:
    """Run the tutorials that have changed since the last build; add pages, pictures and notebooks."""
    sources = sorted((ROOT / "docs" / "tutorials").glob("*.py"))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        notebooks = list(pool.map(executed, sources))
    for source, notebook in zip(sources, notebooks):
        for name, content in rendered(source.stem, notebook).items():
            files.append(File.generated(config, f"tutorials/{name}", content=content))
    return files


def executed(source: Path) -> nbformat.NotebookNode:
    """The notebook with its outputs: run, or as an earlier build with the same sources left it.

    Raises:
        PluginError: a cell failed, or the tutorial takes too long.
    """
    kept = CACHE / f"{source.stem}-{_fingerprint(source)}.ipynb"
    if kept.is_file():
        return nbformat.read(kept, as_version=4)
    notebook = jupytext.read(source)
    notebook.cells.append(nbformat.v4.new_code_cell(USED))
    folder = CACHE / "files" / source.stem
    folder.mkdir(parents=True, exist_ok=True)
    os.environ |= {"OMP_NUM_THREADS": "1", "JUPYTER_PLATFORM_DIRS": "1"}
    client = NotebookClient(
        notebook, timeout=PATIENCE, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    try:
        client.execute()
    except CellExecutionError as error:
        raise PluginError(f"{source.name}: {error}") from error
    took = float(notebook.cells.pop().outputs[0].text)
    if took > LONGEST:
        raise PluginError(f"{source.name} took {took:.0f} s of a core: a tutorial has {LONGEST} s")
    print(f"{source.name} ran in {took:.0f} s of a core")
    notebook.metadata["seconds"] = round(took)
    nbformat.write(notebook, kept)
    return notebook


def rendered(stem: str, notebook: nbformat.NotebookNode) -> dict[str, str | bytes]:
    """The files of a tutorial by name: its page, its pictures, and the notebook for the reader."""
    files: dict[str, str | bytes] = {}
    parts: list[str] = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        if "solution" in cell.metadata.get("tags", ()):
            parts.append(f"```python\n{without_bodies(cell.source)}\n```")
            folded = _indented(f"```python\n{cell.source}\n```")
            parts.append(f'??? success "A solution"\n\n{folded}')
        elif "hide" not in cell.metadata.get("tags", ()):
            parts.append(f"```python\n{cell.source}\n```")
        for kind, content in _outputs(cell):
            if kind == "text":
                parts.append(f'```text title="prints"\n{content}\n```')
                continue
            name = f"{stem}-{len(files) + 1}.png"
            files[name] = base64.b64decode(content)
            parts.append(f"![{cell.metadata.get('alt', 'Figure')}]({name})")
    title, _, rest = "\n\n".join(parts).partition("\n")
    note = (
        f"*This page is a notebook that was run when the site was built, in {notebook.metadata['seconds']} s "
        f"of one core: [download it]({stem}.ipynb).*"
    )
    files[f"{stem}.md"] = f"{title}\n\n{note}\n{rest}\n"
    files[f"{stem}.ipynb"] = json.dumps(for_the_reader(notebook), indent=1)
    return files


def for_the_reader(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook without outputs, and without the solutions."""
    mine = nbformat.from_dict(notebook)
    for cell in mine.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            if "solution" in cell.metadata.get("tags", ()):
                cell.source = without_bodies(cell.source)
    mine.metadata.pop("seconds", None)
    return mine


def without_bodies(source: str) -> str:
    """The functions of a cell with their docstrings, and a hole where their bodies were."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            kept = node.body[:1] if ast.get_docstring(node) else []
            node.body = [*kept, ast.parse('raise NotImplementedError("your turn")').body[0]]
    return ast.unparse(tree)


def _outputs(cell: nbformat.NotebookNode) -> Iterator[tuple[str, str]]:
    """("text" or "picture", its content) of what a cell left."""
    text = ""
    for output in cell.outputs:
        if output.output_type == "stream":
            text += output.text if output.name == "stdout" else ""
        elif "image/png" in output.get("data", {}):
            if text.strip():
                yield "text", text.rstrip()
                text = ""
            yield "picture", output.data["image/png"]
        elif "text/plain" in output.get("data", {}):
            text += output.data["text/plain"] + "\n"
    if text.strip():
        yield "text", text.rstrip()


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in text.splitlines())


def _fingerprint(source: Path) -> str:
    """Of a tutorial and of all that it runs on, but for the commands and the local page."""
    digest = hashlib.sha256(source.read_bytes())
    for file in sorted((ROOT / "src" / "tapehead").rglob("*")):
        if file.is_file() and not {"__pycache__", "cli", "web"} & set(file.parts):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
