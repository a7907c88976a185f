"""The order of the packages that CONTRIBUTING.md prints: nothing imports upward, and nothing in a circle."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
GROUND = ("types", "errors", "files")


def _module(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {_module(path): path for path in sorted((SOURCE / "tapehead").rglob("*.py"))}


def _imports(module: str) -> Iterator[tuple[str, str]]:
    """(module, imported name or "") of every import in a file: lazy ones and those for types, too."""
    path = FILES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name.startswith("tapehead"))
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            if source.partition(".")[0] == "tapehead":
                for alias in node.names:
                    inner = f"{source}.{alias.name}"
                    yield (inner, "") if inner in FILES else (source, alias.name)


def _room(module: str) -> str:
    """The package that a module belongs to; "" for the package tapehead itself."""
    return module.split(".")[1] if "." in module else ""


def _ranks() -> dict[str, int]:
    """Packages by their place in the order of CONTRIBUTING.md; what imports nothing has the lowest."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (order,) = re.findall(r"`(cli → .*?)`", text)
    groups = [[name.strip() for name in group.split(",")] for group in order.split("→")]
    ranks = {name: len(groups) - place for place, group in enumerate(groups) for name in group}
    # `import tapehead` offers `load` and `ask`, and the version to those above.
    return ranks | dict.fromkeys(GROUND, 0) | {"": ranks["viz"], "__main__": ranks["cli"] + 1}


def test_nothing_imports_upward() -> None:
    ranks, rooms = _ranks(), {_room(module) for module in FILES}
    assert rooms == set(ranks), "CONTRIBUTING.md names every package, and no other"
    upward = [
        f"{module} → {imported}"
        for module in FILES
        for imported, _ in _imports(module)
        if _room(module) != _room(imported) and ranks[_room(module)] <= ranks[_room(imported)]
    ]
    assert upward == []


def test_nothing_imports_in_a_circle() -> None:
    graph = {module: {imported for imported, _ in _imports(module)} - {module} for module in FILES}
    # Importing a package's file imports the package first, but takes nothing from it.
    done: set[str] = set()
    circles: list[list[str]] = []

    def visit(module: str, path: list[str]) -> None:
        if module in path:
            circles.append([*path[path.index(module) :], module])
        elif module not in done:
            for imported in sorted(graph[module]):
                visit(imported, [*path, module])
            done.add(module)

    for module in FILES:
        visit(module, [])
    assert circles == []


def test_no_package_imports_anothers_private_parts() -> None:
    private = [
        f"{module} → {imported} {name}"
        for module in FILES
        for imported, name in _imports(module)
        if _room(module) != _room(imported)
        and any(part.startswith("_") and not part.startswith("__") for part in [*imported.split("."), name])
    ]
    assert private == []


def test_the_test_sees_imports() -> None:
    """Of every kind: lazy ones, those for types alone, and modules imported from their package."""
    assert ("tapehead.hub", "") in set(_imports("tapehead"))
    assert ("tapehead.nn.module", "Machine") in set(_imports("tapehead.nn.kernel"))
    assert ("tapehead.engine.native.ops", "") in set(_imports("tapehead.engine.dispatch"))
