"""The built site in a browser, from the file system: `make docs` builds it and runs this."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="uvicorn is not installed")
from tests.web import live

SITE = Path(__file__).parents[2] / "site"
# Players have tests of their own; 404.html is for servers, and links from the root.
PAGES = sorted(
    page.relative_to(SITE)
    for page in SITE.rglob("*.html")
    if "players" not in page.parts and page.name != "404.html"
)
WIDTHS = {390: 844, 1280: 900}
BROADER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

pytestmark = pytest.mark.skipif(not PAGES, reason="the site is not built: make docs")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with live.browser() as browser:
        yield browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_is_readable_and_asks_for_nothing(chromium: Any, width: int, scheme: str) -> None:
    context = chromium.new_context(viewport={"width": width, "height": WIDTHS[width]}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(120_000)  # of a busy machine
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    page.on("console", lambda line: line.type == "error" and complaints.append(f"{page.url}: {line.text}"))
    # What the next page cuts short, such as the icon, has not failed.
    page.on(
        "requestfailed",
        lambda request: request.failure == "net::ERR_ABORTED" or complaints.append(f"no {request.url}"),
    )
    page.on(
        "request",
        lambda request: (
            request.url.startswith((SITE.as_uri(), "data:", "blob:", "about:"))
            or complaints.append(f"{page.url} asks for {request.url}")
        ),
    )
    for name in PAGES:
        page.goto((SITE / name).as_uri())
        assert page.evaluate(BROADER) <= 1, f"{name} is broader than {width} points"
        dark = page.evaluate("document.body.dataset.mdColorScheme") == "slate"
        assert dark == (scheme == "dark"), name
    context.close()
    assert complaints == []


def test_search_works_from_the_file_system(chromium: Any) -> None:
    page = chromium.new_page()
    page.set_default_timeout(120_000)
    page.goto((SITE / "index.html").as_uri())
    page.fill("[data-md-component=search-query]", "allocation_weights")
    page.wait_for_selector(".md-search-result__link")
    assert "functional" in page.inner_html(".md-search-result__list")
    page.close()


def test_equations_are_drawn(chromium: Any) -> None:
    page = chromium.new_page()
    page.set_default_timeout(120_000)
    page.goto((SITE / "machines" / "dnc.html").as_uri())
    assert page.locator("math").count() > 10
    assert page.locator("math").first.bounding_box()["height"] > 5
    assert "\\(" not in page.inner_text("article")
    page.close()
