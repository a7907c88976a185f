"""Join ES modules into one script: a page opened from a file cannot import modules.

The modules are kept to what this understands: each import and each export is one line of the form

    import { name, other } from "./module.js";
    export function name(…) {     export async function …     export class …     export const …
"""

import re
from pathlib import Path

IMPORT = re.compile(r'import \{ (?P<names>\w+(?:, \w+)*) \} from "\./(?P<module>[\w-]+\.js)";')
EXPORT = re.compile(r"export (?P<declaration>(?:async function|function|class|const) (?P<name>\w+)\b.*)")


def bundle(folder: Path, entry: str) -> str:
    """The modules that ``entry`` needs, and ``entry`` itself, as statements for one module script.

    Each module becomes a function scope whose result, an object of its exports, is ``modules["name.js"]``.

    Args:
        folder: where all modules are.
        entry: the file name of the module to begin with.

    Raises:
        ValueError: an import or export of another form, or modules that import each other in a circle.
    """
    parts: dict[str, str] = {}
    _add(folder, entry, parts, path=())
    return "\n".join(["const modules = {};", *parts.values()])


def _add(folder: Path, module: str, parts: dict[str, str], path: tuple[str, ...]) -> None:
    """Add a module to ``parts`` after all that it imports; ``path`` leads to it."""
    if module in path:
        raise ValueError(f"modules import each other in a circle: {' → '.join([*path, module])}")
    if module in parts:
        return
    lines, exports = [], []
    for line in (folder / module).read_text(encoding="utf-8").splitlines():
        if found := IMPORT.fullmatch(line):
            _add(folder, found["module"], parts, (*path, module))
            line = f'const {{ {found["names"]} }} = modules["{found["module"]}"];'
        elif found := EXPORT.fullmatch(line):
            exports.append(found["name"])
            line = found["declaration"]
        elif re.match(r"\s*(import|export)\b", line):
            raise ValueError(f"{module}: this form of import or export cannot be bundled: {line.strip()}")
        lines.append(line)
    body = "\n".join(lines)
    parts[module] = f'modules["{module}"] = (() => {{\n{body}\nreturn {{ {", ".join(exports)} }};\n}})();'
