"""The player and the page in a real browser."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tapehead import DNC, Trace, knowledge, tasks
from tapehead.viz.player_page import record, record_answer, write_player
from tests.web import fakes, live

SECONDS_FOR_150_STEPS = """async () => {
  const start = performance.now();
  for (let step = 0; step < 150; step++) {
    player.show(step);
    await new Promise(requestAnimationFrame);
  }
  return (performance.now() - start) / 1000;
}"""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    live.use_fakes(monkeypatch)
    with live.running() as address:
        yield address


def dnc_trace() -> tuple[Any, torch.Tensor, Trace]:
    torch.manual_seed(1)
    machine = DNC(10, 16, output_size=9, memory_size=16, word_size=6, num_reads=2)
    batch = tasks.Sampler(1, 0).draw(tasks.get("copy").with_sizes(length=8))
    with torch.no_grad():
        outputs, _, trace = machine(batch.inputs, return_trace=True)
    return batch, outputs, trace


def test_the_file_steps(tab: Any, tmp_path: Path) -> None:
    batch, outputs, trace = dnc_trace()
    path = write_player(
        record(trace, "A copy", batch=batch, outputs=outputs, task=tasks.get("copy")), tmp_path / "p.html"
    )
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    live.open_file(tab, path)
    assert tab.title() == "A copy"
    assert tab.inner_text(".counter") == "Step 1 of 19"
    assert tab.inner_text(".caption").endswith("start")
    for key, expected in (
        ("ArrowRight", 1),
        ("Shift+ArrowRight", 11),
        ("ArrowLeft", 10),
        ("End", 18),
        ("Home", 0),
    ):
        tab.keyboard.press(key)
        assert live.step(tab) == expected, key
    tab.focus("input[type=range]")
    tab.keyboard.press("ArrowRight")
    assert live.step(tab) == 1, "one step, not one by the slider and one by the player"
    tab.click("[aria-label^='Step forward']")
    assert live.step(tab) == 2
    box = tab.locator(".strip .area").first.bounding_box()
    tab.mouse.click(box["x"] + box["width"] * 9.5 / 19, box["y"] + 5)
    assert live.step(tab) == 9
    tab.keyboard.press("Home")
    tab.select_option("[aria-label='Steps per second']", "40")
    tab.locator("h1").click()
    tab.keyboard.press(" ")
    tab.wait_for_selector(".counter:text('Step 19 of 19')")
    assert tab.inner_text(".main") == "▶ Play"
    assert asked == [path.as_uri()], "the file loads nothing else"


def test_what_is_shown_equals_the_trace(tab: Any, tmp_path: Path) -> None:
    batch, outputs, trace = dnc_trace()
    live.open_file(tab, write_player(record(trace, "t", batch=batch, outputs=outputs), tmp_path / "p.html"))

    def shown(name: str, at: int) -> np.ndarray:
        return np.array(tab.evaluate(f"player.values('{name}', {at})"), np.float32)

    for at in (0, 7, 18, 3):  # forwards and back
        for name in ("read_weights", "write_weights", "usage", "allocation_weights", "read_words"):
            np.testing.assert_array_equal(shown(name, at), getattr(trace, name)[at, 0].flatten().numpy())
        np.testing.assert_array_equal(shown("modes", at), trace.read_gates[at, 0].flatten().numpy())
        np.testing.assert_array_equal(shown("outputs", at), outputs[at, 0].sigmoid().numpy())
        np.testing.assert_allclose(
            shown("memory", at), trace.memory[at, 0].flatten().numpy(), rtol=5e-4, atol=1e-4
        )
        np.testing.assert_allclose(shown("link", at), trace.link[at, 0].flatten().numpy(), atol=3e-3)  # type: ignore[index]

    # What the pointer says is the same number, in words.
    strip = tab.locator(".strip", has_text="Usage").locator(".area")
    strip.scroll_into_view_if_needed()
    box = strip.bounding_box()
    tab.mouse.move(box["x"] + box["width"] * 7.5 / 19, box["y"] + box["height"] * 2.5 / 16)
    said = tab.locator(".tip").inner_text().splitlines()
    assert said[0].endswith("slot 2")
    assert float(said[1]) == pytest.approx(float(trace.usage[7, 0, 2]), abs=6e-4)  # type: ignore[index]
    tab.click("summary")
    assert tab.locator(".links canvas").is_visible()


def test_a_long_recording_is_smooth(tab: Any, tmp_path: Path) -> None:
    """T = 300, N = 256, W = 64: open within 3 s, and 30 steps a second."""
    torch.manual_seed(0)
    machine = DNC(10, 16, output_size=9, memory_size=256, word_size=64, num_reads=4)
    with torch.no_grad():
        _, _, trace = machine(torch.rand(300, 1, 10), return_trace=True)
    path = write_player(record(trace, "long"), tmp_path / "p.html")
    assert path.stat().st_size < 20e6
    # The best of three: other work on the machine may hold up one.
    opened, played = [], []
    for _ in range(3):
        start = time.monotonic()
        live.open_file(tab, path)
        opened.append(time.monotonic() - start)
        played.append(tab.evaluate(SECONDS_FOR_150_STEPS))
        if min(opened) < 3 and 150 / min(played) >= 30:
            break
    assert min(opened) < 3
    assert 150 / min(played) >= 30


@pytest.mark.parametrize("kind", ["family", "london"])
def test_a_question_in_a_file(kind: str, tab: Any, tmp_path: Path) -> None:
    graph = knowledge.read(kind)
    question = {
        "family": "Who is Johann Sebastian Bach's father?",
        "london": "shortest path from Bank to Victoria",
    }[kind]
    answer = fakes.ask(graph, question)
    live.open_file(tab, write_player(record_answer(graph, answer), tmp_path / "p.html"))
    given = answer.facts_given
    assert live.step(tab) == given, "it begins after the facts"
    lit = tab.locator(".facts .reading")
    assert lit.count() == 1
    assert lit.inner_text() == tab.locator(".facts button").first.inner_text()
    assert tab.locator(".picture path.reading").count() == 1
    assert tab.locator(".answers:not(.exact) li.given").count() == 0
    tab.keyboard.press("End")
    assert tab.locator(".answers:not(.exact) li.given").all_inner_texts() == answer.answers
    assert "✓" in tab.inner_text(".exact")
    assert tab.locator(".picture .node.answer").count() == len(set(answer.answers))
    tab.evaluate(f"player.show({given - 1})")
    last, frame = tab.locator(".facts .writing").bounding_box(), tab.locator(".facts").bounding_box()
    assert frame["y"] <= last["y"] <= frame["y"] + frame["height"] - last["height"], "the list follows"
    tab.locator(".facts button").nth(3).click()
    assert live.step(tab) == 3
    assert tab.locator(".facts .writing").count() == 1


def _upload_a_family(site: str, tab: Any, tmp_path: Path) -> None:
    """On the page, choose a family tree of four people from a file."""
    tab.goto(site)
    tab.wait_for_selector("#stage .transport")
    tab.click("#tab-ask")
    own = tmp_path / "own.ged"
    own.write_bytes(live.GEDCOM)
    tab.set_input_files("#file", own)
    tab.wait_for_selector("#data-about:has-text('4 people')")


def test_the_page_from_upload_to_answer(site: str, tab: Any, tmp_path: Path) -> None:
    _upload_a_family(site, tab, tmp_path)
    tab.fill("#question", "Who is Ada Stone's maternal grandfather?")
    tab.click("#ask-button")
    tab.wait_for_selector('.question h2:text("Who is Ada Stone\'s maternal grandfather?")')
    first = live.step(tab)
    assert tab.locator(".facts .reading").inner_text() == tab.locator(".facts button").nth(0).inner_text()
    tab.keyboard.press("Escape")
    tab.locator("h1").click()
    tab.keyboard.press("ArrowRight")
    assert live.step(tab) == first + 1
    assert tab.locator(".facts .reading").inner_text() == tab.locator(".facts button").nth(1).inner_text()
    tab.keyboard.press("End")
    assert tab.inner_text(".answers:not(.exact) li.given") == "Dan Wood"
    assert "Dan Wood" in tab.inner_text(".exact")

    broken = tmp_path / "broken.ged"
    broken.write_bytes(bytes(range(256)) * 20)
    tab.set_input_files("#file", broken)
    tab.wait_for_selector("#error:not(:empty)")
    assert tab.inner_text("#error").startswith("broken.ged")
    assert tab.inner_text(".question h2").startswith("Who is Ada"), "what was shown stays"
    tab.fill("#question", "Who is Zoltan's father?")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#error:has-text('Zoltan')")


def test_the_page_on_two_people(site: str, tab: Any, tmp_path: Path) -> None:
    _upload_a_family(site, tab, tmp_path)
    tab.fill("#question", "How is Ada related to Dan?")
    tab.click("#ask-button")
    tab.wait_for_selector("#reply:not([hidden])")
    said = tab.inner_text("#reply")
    assert "Ada Stone is Dan Wood's granddaughter" in said
    assert "Ada Stone → mother Cora Wood → father Dan Wood" in said
    assert "Ada Stone —mother→ Cora Wood —father→ Dan Wood" in said
    assert "Search of" in tab.inner_text("#stage h1")
    tab.fill("#question", "Is Cora the mother of Ada?")
    tab.click("#ask-button")
    tab.wait_for_selector("#stage .transport", state="detached")  # No network was asked.
    # The sentences stand beside a network's answer, too, and go when a model is watched.
    tab.fill("#question", "Who is Ada Stone's mother?")
    tab.click("#ask-button")
    tab.wait_for_selector("#stage .transport")
    assert "Exact: Cora Wood ✓" in tab.inner_text("#reply").replace("Exact:   ", "Exact: ")
    tab.click("#tab-watch")
    tab.click("#watch-button")
    tab.wait_for_selector("#reply", state="hidden")


def test_a_file_can_be_dropped(site: str, tab: Any) -> None:
    tab.goto(site)
    tab.wait_for_selector("#stage .transport")
    tab.evaluate(
        """(content) => {
          const files = new DataTransfer();
          files.items.add(new File([content], "dropped.ged"));
          document.dispatchEvent(new DragEvent("drop", { dataTransfer: files, cancelable: true }));
        }""",
        live.GEDCOM.decode(),
    )
    tab.wait_for_selector("#data-about:has-text('dropped')")


def test_a_model_on_the_page(site: str, tab: Any) -> None:
    tab.goto(site)
    tab.wait_for_selector("#stage .transport")
    tab.select_option("#model", "ntm-copy")
    tab.wait_for_selector("h1:text('Copy, length 12')")
    tab.fill("#length", "5")
    tab.click("#watch button.main")
    tab.wait_for_selector("h1:text('Copy, length 5')")
    assert "no bit is wrong" in tab.inner_text(".over")
    tab.keyboard.press("End")
    tab.keyboard.press("ArrowLeft")
    assert tab.inner_text(".caption").endswith("answer 5")
    # It reads a vector in the step before it says it: what was read reaches its controller.
    tab.keyboard.press("ArrowLeft")
    assert "vector 5" in tab.inner_text(".summary")


def test_a_page_without_models(site: str, tab: Any) -> None:
    """Nothing is thrown: the fixture fails the test otherwise."""
    tab.route("**/api/models", lambda route: route.fulfill(json={"models": [], "examples": []}))
    tab.goto(site)
    tab.wait_for_selector("#model-about:has-text('No trained model')")
    assert tab.is_disabled("#watch-button")
    assert tab.is_disabled("#another")
    tab.dispatch_event("#watch", "submit")
    tab.dispatch_event("#model", "change")
    tab.dispatch_event("#another", "click")
    assert tab.inner_text("#error") == ""


def test_scripts_have_the_type_of_modules(site: str, tab: Any) -> None:
    types: dict[str, str] = {}
    tab.on("response", lambda found: types.update({found.url: found.headers["content-type"]}))
    tab.goto(site)
    tab.wait_for_selector("#stage .transport")
    scripts = {url: kind for url, kind in types.items() if url.endswith(".js")}
    assert len(scripts) > 5
    assert {kind.partition(";")[0] for kind in scripts.values()} == {"text/javascript"}


@pytest.mark.parametrize("screen", live.SCREENS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_screen(screen: str, scheme: str, site: str, chromium: Any) -> None:
    """Nothing sticks out, text can be told from its ground, and everything has a name."""
    context = chromium.new_context(viewport=live.SCREENS[screen], color_scheme=scheme)
    page = context.new_page()
    page.goto(site)
    page.wait_for_selector("#stage .transport")
    page.click("#tab-ask")
    page.click("#examples button >> nth=0")
    page.wait_for_selector("#suggestions button")
    page.click("#ask-button")
    page.wait_for_selector(".picture")
    assert page.evaluate("document.documentElement.scrollWidth") == live.SCREENS[screen]["width"]
    for selector in (
        "body",
        ".card",
        ".help",
        ".facts button.reading",
        "#error",
        ".transport .main",
        ".tabs button",
    ):
        ink, ground = page.evaluate(
            """(selector) => {
              const element = document.querySelector(selector);
              let behind = element;
              const clear = (colour) => colour === "rgba(0, 0, 0, 0)";
              while (clear(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
              return [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor];
            }""",
            selector,
        )
        assert _contrast(ink, ground) >= 4.5, (selector, ink, ground)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, canvas[role], svg[role]")]
          .filter((e) => !(e.innerText || e.labels?.length || e.getAttribute("aria-label"))).length"""
    )
    assert nameless == 0
    context.close()


def _contrast(ink: str, ground: str) -> float:
    """By the Web Content Accessibility Guidelines, 1 to 21."""

    def luminance(colour: str) -> float:
        numbers = [float(part) for part in re.findall(r"[\d.]+", colour)][:3]
        parts = [part if colour.startswith("color") else part / 255 for part in numbers]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted([luminance(ink), luminance(ground)])
    return (high + 0.05) / (low + 0.05)
