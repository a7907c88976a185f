"""Docstrings for the site: Sphinx roles become links, and machines show the arguments they take."""

import inspect
import re
import sys
from pathlib import Path
from typing import Any

import griffe

import tapehead
import tapehead.nn

sys.path.insert(0, str(Path(__file__).parent))  # griffe loads this file by its path
from reference import documented_modules, home, public_names

ROLE = re.compile(r":(?:class|func|meth|mod|attr|data):`(~?)([\w.]+)`")
EXAMPLE = re.compile(r"^( *)Example:$", re.MULTILINE)
MACHINES = {"DNC": tapehead.DNC, "NTM": tapehead.NTM, "DeepLSTM": tapehead.nn.DeepLSTM}
PUBLIC = {
    f"{path}.{name}"
    for path, module in documented_modules().items()
    for name in public_names(module)
    if home(path, name) == path
}
"""What has a place in the reference."""
KINDS = {
    inspect.Parameter.POSITIONAL_OR_KEYWORD: griffe.ParameterKind.positional_or_keyword,
    inspect.Parameter.KEYWORD_ONLY: griffe.ParameterKind.keyword_only,
}


class Docstrings(griffe.Extension):
    """What mkdocstrings shows of tapehead's own way to write docstrings."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the roles of a docstring."""
        if obj.docstring:
            text = ROLE.sub(_link, obj.docstring.value).replace("``", "`")
            obj.docstring.value = EXAMPLE.sub(
                r"\1Examples:", text
            )  # the heading that griffe takes for doctests

    def on_class(self, *, cls: griffe.Class, **_: Any) -> None:
        """Give a machine's constructor the arguments of its config, which it takes in their place."""
        machine = MACHINES.get(cls.name)
        if machine is None or "__init__" not in cls.members:
            return
        parameters = [griffe.Parameter("self", kind=griffe.ParameterKind.positional_or_keyword)]
        for name, parameter in inspect.signature(machine).parameters.items():
            default = None if parameter.default is parameter.empty else repr(parameter.default)
            parameters.append(griffe.Parameter(name, kind=KINDS[parameter.kind], default=default))
        constructor = cls.members["__init__"]
        if isinstance(constructor, griffe.Function):
            constructor.parameters = griffe.Parameters(*parameters)


def _link(match: re.Match[str]) -> str:
    short, path = match[1], match[2]
    if path not in PUBLIC:
        return f"`{path}`"
    return f"[`{path.rpartition('.')[2] if short else path}`][{path}]"
