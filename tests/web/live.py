"""The page on a port of its own, and a browser to open it with."""

import contextlib
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tapehead import knowledge
from tapehead.web import create_app
from tests.web import fakes

CHROMIUM = shutil.which("chromium")
SCREENS = {"wide": {"width": 1280, "height": 900}, "narrow": {"width": 390, "height": 844}}
GEDCOM = b"""0 HEAD
1 GEDC
2 VERS 5.5.1
1 CHAR UTF-8
0 @I1@ INDI
1 NAME Ada /Stone/
1 SEX F
1 DEAT Y
1 FAMC @F1@
0 @I2@ INDI
1 NAME Bela /Stone/
1 SEX M
1 DEAT Y
1 FAMS @F1@
0 @I3@ INDI
1 NAME Cora /Wood/
1 SEX F
1 DEAT Y
1 FAMS @F1@
1 FAMC @F2@
0 @I4@ INDI
1 NAME Dan /Wood/
1 SEX M
1 DEAT Y
1 FAMS @F2@
0 @F1@ FAM
1 HUSB @I2@
1 WIFE @I3@
1 CHIL @I1@
0 @F2@ FAM
1 HUSB @I4@
1 CHIL @I3@
0 TRLR
"""
"""Ada's mother is Cora, whose father is Dan."""


@contextlib.contextmanager
def running() -> Iterator[str]:
    """The address of the page, served by a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(create_app(), log_level="error", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            deadline = time.monotonic() + 20
            while not server.started and time.monotonic() < deadline:
                time.sleep(0.02)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=10)


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """Debian's chromium, headless."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        # A container's root has no sandbox to give; the pages are our own.
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def use_fakes(patch: pytest.MonkeyPatch) -> None:
    """Answer questions with the fake network."""
    patch.setattr(knowledge, "ask", fakes.ask)
    patch.setattr(knowledge, "ask_parsed", fakes.ask_parsed)


def open_file(tab: Any, path: Path) -> None:
    """Open a player, and wait until it is there."""
    tab.goto(path.as_uri())
    tab.wait_for_selector(".transport")


def step(tab: Any) -> int:
    """The step that a player shows."""
    return int(tab.evaluate("player.step"))
