"""The hooks of the site: what they promise holds without building it."""

import importlib
import re
import sys
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
for _package in ("mkdocs", "jupytext", "griffe", "latex2mathml"):
    pytest.importorskip(_package, reason="the site's packages are not installed: pip install '.[docs]'")
sys.path.insert(0, str(ROOT / "docs" / "hooks"))
import pages  # noqa: E402
import reference  # noqa: E402
import tutorials  # noqa: E402


def test_every_public_name_has_a_docstring() -> None:
    assert sorted(reference.undocumented(reference.documented_modules())) == []


def test_a_missing_docstring_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("tapehead.errors")
    module.__doc__ = "Something."
    module.__all__ = ["InputError"]  # type: ignore[attr-defined]
    module.InputError = Exception  # type: ignore[attr-defined]
    assert list(reference.undocumented({"tapehead.errors": module})) == []
    module.__doc__ = None
    assert list(reference.undocumented({"tapehead.errors": module})) == ["tapehead.errors"]


def test_every_package_has_a_page() -> None:
    """But for the command line, which has a page of its own, and what is inside of others."""
    packages = {f"tapehead.{path.parent.name}" for path in (ROOT / "src" / "tapehead").glob("*/__init__.py")}
    assert packages - reference.documented_modules().keys() == {"tapehead.cli"}


def test_every_name_has_one_home() -> None:
    homes = [
        f"{path}.{name}"
        for path, module in reference.documented_modules().items()
        for name in reference.public_names(module)
        if reference.home(path, name) == path
    ]
    assert len(homes) == len(set(homes))
    assert "tapehead.DNC" in homes
    assert "tapehead.nn.DNC" not in homes
    for home in homes:
        module, _, name = home.rpartition(".")
        assert hasattr(importlib.import_module(module), name)


def test_solutions_are_left_out() -> None:
    source = 'def double(x):\n    """Twice x."""\n    return 2 * x'
    hole = tutorials.without_bodies(source)
    assert "Twice x." in hole
    assert "2 * x" not in hole
    scope: dict[str, object] = {}
    exec(hole, scope)
    with pytest.raises(NotImplementedError, match="your turn"):
        scope["double"](1)  # type: ignore[operator]


def test_the_sheet_has_a_check_for_every_exercise() -> None:
    """Ten functions to write; each is checked against the library's."""
    notebook = tutorials.jupytext.read(ROOT / "docs" / "tutorials" / "write-the-addressing.py")
    holes = [cell for cell in notebook.cells if "solution" in cell.metadata.get("tags", ())]
    text = "\n".join(cell.source for cell in notebook.cells)
    assert len(holes) == 10
    for cell in holes:
        name = cell.source.split("(")[0].removeprefix("def ")
        assert re.search(rf"check\(\s*{name},\s", text), name


def test_equations_become_mathml() -> None:
    html = pages.on_page_content(r'a <span class="arithmatex">\(w_t &lt; 1\)</span> b')
    assert html.startswith("a <math ")
    assert "arithmatex" not in html


def test_aligned_equations_become_rows_and_columns() -> None:
    tex = r"\[\begin{aligned} a &= b & c &\mathrel{+}= d \\ e &= f \end{aligned}\]"
    html = pages.on_page_content(f'<div class="arithmatex">{tex.replace("&", "&amp;")}</div>')
    assert html.count("<mtr>") == 2
    assert html.count('<mtd columnalign="right">') == 3
    assert html.count('<mtd columnalign="left">') == 3
    assert "<mo>+=</mo>" in html
    assert "<mi>&</mi>" not in html


def test_an_equation_that_would_be_drawn_wrongly_is_refused() -> None:
    with pytest.raises(pages.PluginError, match="would not be drawn"):
        pages.on_page_content(r'<div class="arithmatex">\[ a &amp; b \]</div>')


def test_a_figure_opens_in_full() -> None:
    html = pages.on_page_content('<p><img alt="x" src="images/a.png" /></p> <p>b <img src="c.png"></p>')
    assert html.startswith(
        '<p class="figure"><a href="images/a.png"><img alt="x" src="images/a.png" /></a></p>'
    )
    assert html.endswith('<p>b <img src="c.png"></p>')


def test_a_page_that_fetches_is_refused() -> None:
    page = types.SimpleNamespace(file=types.SimpleNamespace(src_uri="x.md"))
    assert pages.on_post_page('<a href="https://x.org">', page) == '<a href="https://x.org">'
    with pytest.raises(pages.PluginError, match="fetches"):
        pages.on_post_page('<script src="https://x.org/a.js">', page)


def test_a_line_is_looked_up() -> None:
    assert pages._line("src/tapehead/nn/ntm.py", "class NTM(").startswith("`ntm.py:")
    with pytest.raises(pages.PluginError, match="in 0 lines"):
        pages._line("src/tapehead/nn/ntm.py", "no such line")


def test_links_out_of_the_site_become_paths() -> None:
    text = (
        "[c](../src/tapehead/hub/weights/ntm-copy/card.md) [b](../benchmarks/results/README.md) [a](faq.md)"
    )
    linked = pages._links(text, Path("docs/results.md"))
    assert linked == "c (`src/tapehead/hub/weights/ntm-copy/card.md`) [b](speed.md) [a](faq.md)"
    assert (
        pages._links("[`../README.md`](../README.md)", Path("benchmarks/results/x.md"))
        == "`benchmarks/README.md`"
    )
