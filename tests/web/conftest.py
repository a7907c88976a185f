"""A browser for the tests that open pages."""

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="uvicorn is not installed")
from tests.web import live


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with live.browser() as browser:
        yield browser


@pytest.fixture
def tab(chromium: Any) -> Iterator[Any]:
    """A page whose complaints fail the test."""
    context = chromium.new_context(viewport=live.SCREENS["wide"])
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    # That a request was refused is what some tests are about.
    page.on("console", lambda line: "400" in line.text or complaints.append(line.text))
    page.set_default_timeout(10_000)
    yield page
    context.close()
    assert not complaints
