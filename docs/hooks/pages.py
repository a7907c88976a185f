"""Hooks of the site: pages that live elsewhere in the repository, links to files, equations as MathML."""

import re
from collections.abc import Mapping
from html import escape, unescape
from pathlib import Path
from typing import Any

import live_models
from latex2mathml.converter import convert
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from tapehead.cli import COMMANDS, EXAMPLES

ROOT = Path(__file__).parents[2]
ELSEWHERE = {
    "engine.md": ("src/tapehead/engine/README.md",),
    "speed.md": ("benchmarks/results/README.md", "benchmarks/PROFILE.md"),
}
"""Page → the files of the repository that it consists of."""

PAGE_OF = {source: page for page, sources in ELSEWHERE.items() for source in sources}
LINK = re.compile(r"(?<!!)\[([^\]\n]+)\]\(([^)\s]+)\)")
WHOLE_FILE = re.compile(r"\{\{file (\S+)\}\}")
LINE_OF = re.compile(r"\{\{(src/\S+) (.+?)\}\}")
EQUATION = re.compile(r'<(span|div) class="arithmatex">(.*?)</\1>', re.DOTALL)
ALIGNED = re.compile(r"\\begin\{aligned\}(.*?)\\end\{aligned\}", re.DOTALL)
PLUS_EQUALS = "<mo><mrow><mo>&#x0002B;</mo></mrow></mo><mo>&#x0003D;</mo>"
FIGURE = re.compile(r'<p>(<img [^>]*?src="([^"]+)"[^>]*>)</p>')
FETCHED = re.compile(r'(?:src|srcset)="(?:https?:)?//[^"]+"|<link[^>]+href="(?:https?:)?//[^"]+"')


def on_files(files: Files, config: Mapping[str, Any]) -> Files:
    """Add what is not in docs/: pages of other folders, and the weights of the live machines."""
    for page, sources in ELSEWHERE.items():
        texts = [_moved(source, page) for source in sources]
        files.append(File.generated(config, page, content="\n\n".join(texts)))
    for name, script in live_models.scripts().items():
        files.append(File.generated(config, f"live/{name}", content=script))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Fill in files, lines and commands; links to files that the site does not have become their paths."""
    markdown = WHOLE_FILE.sub(lambda match: (ROOT / match[1]).read_text(encoding="utf-8").rstrip(), markdown)
    markdown = LINE_OF.sub(lambda match: _line(match[1], match[2]), markdown)
    markdown = markdown.replace("{{commands}}", _commands())
    return _links(markdown, Path("docs") / page.file.src_uri)


def on_page_content(html: str, **_: Any) -> str:
    """TeX to MathML, which browsers draw without a script; a figure opens in full when it is clicked."""

    def drawn(match: re.Match[str]) -> str:
        text = unescape(match[2]).strip()
        display = "block" if text.startswith(r"\[") else "inline"
        made = convert(
            ALIGNED.sub(_columns, text[2:-2].strip()).replace(r"+\!\!=", r"\mathrel{+}="), display=display
        )
        made = made.replace(PLUS_EQUALS, "<mo>+=</mo>")
        if "<mi>&</mi>" in made or r"\begin" in made:
            raise PluginError(f"this equation would not be drawn as it is meant: {text}")
        return made

    return EQUATION.sub(drawn, FIGURE.sub(r'<p class="figure"><a href="\2">\1</a></p>', html))


def _columns(match: re.Match[str]) -> str:
    """TeX's ``aligned``, which the converter does not know, as an array of right and left columns."""
    columns = 1 + max(row.count("&") for row in match[1].split(r"\\"))
    return rf"\begin{{array}}{{{('rl' * columns)[:columns]}}}{match[1]}\end{{array}}"


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Refuse a page that would fetch something."""
    found = FETCHED.search(output)
    if found:
        raise PluginError(
            f"{page.file.src_uri} fetches {found[0]}: the site has to work from its folder alone"
        )
    return output


def _line(path: str, snippet: str) -> str:
    """FILE:LINE of the one line that has ``snippet``."""
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    found = [number for number, line in enumerate(lines, 1) if snippet in line]
    if len(found) != 1:
        raise PluginError(
            f"{path} has {snippet!r} in {len(found)} lines: the table of symbols needs exactly one"
        )
    return f"`{Path(path).name}:{found[0]}`"


def _commands() -> str:
    """Every command with what it does, and the example of its help."""
    return "\n\n".join(
        f"## tapehead {name}\n\n{about[0].upper()}{about[1:]}.\n\n```text\n{EXAMPLES[name]}\n```"
        for name, (_, about) in COMMANDS.items()
    )


def _moved(source: str, page: str) -> str:
    """A file of the repository as a page: its links count from its own folder, its equations are GitHub's."""
    text = (ROOT / source).read_text(encoding="utf-8")
    text = re.sub(r"\$`(.+?)`\$", lambda match: rf"\({match[1]}\)", text)
    text = re.sub(r"```math\n(.*?)```", lambda match: f"\\[\n{match[1]}\\]", text, flags=re.DOTALL)
    return _links(text, Path(source))


def _links(text: str, source: Path) -> str:
    def target(match: re.Match[str]) -> str:
        label, address = match[1], match[2]
        name, _, anchor = address.partition("#")
        if not name or ":" in name:
            return match[0]
        file = (ROOT / source.parent / name).resolve()
        inside = file.is_relative_to(ROOT) and str(file.relative_to(ROOT))
        if not inside or not file.exists():
            return match[0]  # a page that is generated, or an error that the strict build reports
        if inside in PAGE_OF and not source.is_relative_to("docs"):
            return f"[{label}]({PAGE_OF[inside]})"
        if inside in PAGE_OF:
            up = "../" * (len(source.parts) - 2)
            return f"[{label}]({up}{PAGE_OF[inside]}{'#' + anchor if anchor else ''})"
        if inside.startswith("docs/"):
            return match[0]
        if label.strip("`") in (inside, address):
            return f"`{escape(inside)}`"
        return f"{label} (`{escape(inside)}`)"

    return LINK.sub(target, text)
