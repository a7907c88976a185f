"""Hook of the site: a reference page for each package, with every public name or an error."""

import dataclasses
import importlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import griffe
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from tapehead import nn

PAGES = {
    "tapehead": ("tapehead",),
    "nn": ("tapehead.nn",),
    "functional": ("tapehead.functional",),
    "tasks": ("tapehead.tasks",),
    "train": ("tapehead.train",),
    "hub": ("tapehead.hub",),
    "knowledge": ("tapehead.knowledge",),
    "viz": ("tapehead.viz", "tapehead.viz.figures", "tapehead.viz.player_page"),
    "web": ("tapehead.web",),
    "engine": ("tapehead.engine",),
    "errors": ("tapehead.errors",),
}
"""Page of the reference → the modules on it."""

MACHINES: dict[str, type[nn.MachineConfig]] = {
    "tapehead.DNC": nn.DNCConfig,
    "tapehead.NTM": nn.NTMConfig,
    "tapehead.nn.DeepLSTM": nn.LSTMConfig,
}


def public_names(module: ModuleType) -> list[str]:
    """What a module's ``__all__`` names; the classes that it defines where it has none."""
    named = getattr(module, "__all__", None)
    if named is not None:
        return [name for name in named if not isinstance(getattr(module, name), ModuleType)]
    return [
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__
    ]


def home(module: str, name: str) -> str:
    """Where a name is documented: at the top of tapehead if it is there, else where it is offered."""
    top = importlib.import_module("tapehead")
    owner = importlib.import_module(module)
    if name in top.__all__ and getattr(top, name) is getattr(owner, name):
        return "tapehead"
    if module.startswith("tapehead.nn") or name not in nn.__all__:
        return module
    return "tapehead.nn" if getattr(nn, name) is getattr(owner, name) else module


def undocumented(modules: Mapping[str, ModuleType]) -> Iterator[str]:
    """The public names without a docstring, read from the source: constants have theirs below them."""
    tree = griffe.load("tapehead", search_paths=[str(Path(__file__).parents[2] / "src")])
    for path, module in modules.items():
        if not (module.__doc__ or "").strip():
            yield path
        for name in public_names(module):
            found = tree[f"{path}.{name}".removeprefix("tapehead.")]
            found = found.final_target if found.is_alias else found
            if found.docstring is None:
                yield f"{path}.{name}"


def documented_modules() -> dict[str, ModuleType]:
    """Every module that has a page, by its path."""
    return {path: importlib.import_module(path) for paths in PAGES.values() for path in paths}


def on_files(files: Files, config: Mapping[str, Any]) -> Files:
    """Generate the pages."""
    missing = sorted(undocumented(documented_modules()))
    if missing:
        raise PluginError(f"no docstring: {', '.join(missing)}")
    for page, modules in PAGES.items():
        content = "\n".join(_section(module) for module in modules)
        files.append(File.generated(config, f"reference/{page}.md", content=content))
    files.append(File.generated(config, "reference/index.md", content=_index()))
    return files


def on_post_build(config: Mapping[str, Any]) -> None:
    """Refuse a site in which a public name has no place."""
    for page, modules in PAGES.items():
        html = (Path(config["site_dir"]) / "reference" / f"{page}.html").read_text(encoding="utf-8")
        for path in modules:
            for name in public_names(importlib.import_module(path)):
                if home(path, name) == path and f'id="{path}.{name}"' not in html:
                    raise PluginError(f"reference/{page}.md has no entry {path}.{name}")


def _section(path: str) -> str:
    module = importlib.import_module(path)
    parts = [f"# {path}" if path in {m[0] for m in PAGES.values()} else f"## {path}", _about(module)]
    elsewhere = [name for name in public_names(module) if home(path, name) != path]
    if elsewhere:
        links = ", ".join(f"[`{name}`][{home(path, name)}.{name}]" for name in elsewhere)
        parts.append(f"Also here, and described where they are at home: {links}.")
    for name in public_names(module):
        if home(path, name) == path:
            parts.append(f"::: {path}.{name}")
            if f"{path}.{name}" in MACHINES:
                parts.append(_arguments(MACHINES[f"{path}.{name}"], name))
    return "\n\n".join(parts) + "\n"


def _about(module: ModuleType) -> str:
    """A module's docstring; its doctests as code."""
    text = (module.__doc__ or "").strip()
    text = re.sub(r"\s*# doctest: \+SKIP", "", text)
    return re.sub(r"((?:^>>> .*\n?(?:^(?!>>>).+\n?)*)+)", r"```pycon\n\1\n```\n", text, flags=re.MULTILINE)


def _arguments(config: type[nn.MachineConfig], name: str) -> str:
    rows = [f"### Arguments of {name}", "| argument | default | meaning |", "|---|---|---|"]
    own = {"input_size": "numbers in x_t", "hidden_size": "units a controller layer"}
    for field in dataclasses.fields(config):
        default = "" if field.default is dataclasses.MISSING else f"`{field.default!r}`"
        meaning = str(field.metadata.get("doc", own.get(field.name, ""))).replace("|", "\\|")
        rows.append(f"| `{field.name}` | {default} | {meaning} |")
    return rows[0] + "\n\n" + "\n".join(rows[1:])


def _index() -> str:
    lines = [
        "# Reference",
        "",
        "Every public name, by package.",
        "",
        "| package | what it offers |",
        "|---|---|",
    ]
    for page, modules in PAGES.items():
        about = (importlib.import_module(modules[0]).__doc__ or "").strip().splitlines()[0]
        lines.append(f"| [`{modules[0]}`]({page}.md) | {about} |")
    return "\n".join([*lines, "", "Axes are named alike everywhere:", "", "```text", _legend(), "```", ""])


def _legend() -> str:
    about = importlib.import_module("tapehead.types").__doc__ or ""
    return "\n".join(line.strip() for line in about.splitlines() if line.startswith("    "))
