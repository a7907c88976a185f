"""The page of a search in a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tapehead import knowledge
from tapehead.knowledge.inference.search import SearchAnswer
from tapehead.tasks.graph.search_trace import Op
from tapehead.viz.player_page import record_answer, write_player
from tapehead.web.library import Library
from tests.knowledge import scripted
from tests.knowledge.files import family
from tests.viz import searches
from tests.web import live


@pytest.fixture(autouse=True)
def _heads(monkeypatch: pytest.MonkeyPatch) -> None:
    searches.use(monkeypatch)


def opened(
    tab: Any,
    folder: Path,
    question: str = searches.WAY,
    script: type[scripted.Searcher] = scripted.Searcher,
    edges: str = searches.EDGES,
) -> SearchAnswer:
    """Open the page of a search; returns what the network answered."""
    graph = searches.small_map(folder, edges)
    answer = searches.asked(graph, question, script)
    live.open_file(tab, write_player(record_answer(graph, answer), folder / "p.html"))
    assert isinstance(answer.network, SearchAnswer)
    return answer.network


def steps(network: SearchAnswer, *kinds: Op) -> list[int]:
    """The steps that say such a record."""
    return [step for step, said in enumerate(network.said) if said.op in kinds]


def show(tab: Any, step: int) -> None:
    tab.evaluate(f"player.show({step})")


def names(tab: Any, selector: str) -> list[str]:
    return list(tab.locator(selector).all_text_contents())


def queue(tab: Any) -> list[str]:
    """The names in the queue, as they stand there."""
    return [row.inner_text() for row in tab.locator(".queue li button b").all() if row.is_visible()]


def test_a_search_in_a_file(tab: Any, tmp_path: Path) -> None:
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    network = opened(tab, tmp_path)
    last = len(network.said) - 1
    assert tab.title() == "Search of trees.csv"
    assert tab.inner_text(".counter") == f"Step 1 of {last + 1}"
    assert len(asked) == 1, "the file loads nothing else"
    assert tab.locator(".map circle").count() == 6, "the place that is nowhere is not drawn"
    assert tab.locator(".map line").count() == 6, "a line for each pair of neighbours"
    assert (tab.locator(".map svg .now").count(), tab.locator(".map svg .unseen").count()) == (1, 5)
    assert queue(tab) == ["Ash"]
    assert sorted(names(tab, ".map text")) == ["Ash", "Birch", "Cedar", "Dogwood", "Elm", "Fir"]

    for key, expected in (
        ("ArrowRight", 1),
        ("Shift+ArrowRight", 11),
        ("ArrowLeft", 10),
        ("End", last),
        ("Home", 0),
    ):
        tab.keyboard.press(key)
        assert live.step(tab) == expected, key
    box = tab.locator(".strip .area").bounding_box()
    tab.mouse.click(box["x"] + box["width"] * 7.5 / (last + 1), box["y"] + 5)
    assert live.step(tab) == 7
    tab.keyboard.press("Home")
    tab.select_option("[aria-label='Steps per second']", "200")
    tab.locator("h1").click()
    tab.keyboard.press(" ")
    tab.wait_for_selector(f".counter:text('Step {last + 1} of {last + 1}')")


def test_the_first_edge_step_by_step(tab: Any, tmp_path: Path) -> None:
    network = opened(tab, tmp_path)
    assert [said.op for said in network.said[:3]] == [Op.CHECK, Op.UNSEEN, Op.PUSH]
    first = network.facts[network.steps[2].edge]
    graph = searches.small_map(tmp_path)
    end = graph.edges.places[first.object]
    read = f"Reads Ash —{first.label}→ {end}. Has {end} been seen?"
    for more in ("", " No.", " No: it joins the queue."):
        assert tab.inner_text(".caption").removeprefix(" · ").strip("· ") == read + more
        assert tab.locator(".map line.reading").count() == 1
        tab.keyboard.press("ArrowRight")
    show(tab, 2)
    assert queue(tab) == ["Ash", end]
    assert tab.locator(".map circle.waiting").count() == 1
    assert tab.locator(".map line.tree").count() == 1
    show(tab, steps(network, Op.SEEN)[0])
    assert tab.inner_text(".caption").endswith("been seen? Yes.")
    show(tab, steps(network, Op.NEXT)[0])
    assert "All connections of Ash are read" in tab.inner_text(".caption")
    # The head that pops a place stands on its row of the queue.
    show(tab, steps(network, Op.POP)[0])
    assert tab.inner_text(".queue .reading b") == end
    assert tab.inner_text(".queue .stands:not(:empty)") == "◀ head 1, 90 %"
    assert tab.inner_text(".summary").startswith("POP")
    assert f"Head 1 reads slot {1 + len(network.told.records) + 1} (90 %)" in tab.inner_text(".summary")
    assert "head 2 reads many slots a little" in tab.inner_text(".summary")


def test_the_way_back_grows_from_the_target(tab: Any, tmp_path: Path) -> None:
    network = opened(tab, tmp_path)
    chips = ".answers:not(.exact) li.given"
    back = steps(network, Op.PATH)
    assert len(back) == 3
    for length, step in enumerate(back):
        show(tab, step - 1)
        assert tab.locator(".map line.way").count() == length
        assert len(names(tab, chips)) == length
    assert names(tab, chips)[-1] == "Elm", "the last place of the way is named first"
    tab.keyboard.press("End")
    assert tab.locator(".map line.way").count() == 3
    assert len(names(tab, chips)) == 3
    assert tab.locator(".map circle.way").count() == 4
    assert tab.inner_text(".verdict") == "✓ correct"
    assert tab.inner_text(".ending") == "It found Elm and the way back to Ash."
    tab.keyboard.press("Home")
    assert tab.locator(".map svg .way").count() == 0


def test_what_is_nearby(tab: Any, tmp_path: Path) -> None:
    network = opened(tab, tmp_path, searches.NEARBY)
    assert tab.locator(".map svg .near").count() == 0
    tab.keyboard.press("End")
    assert tab.locator(".map svg .near").count() == len(network.answers) == 2
    assert tab.locator(".map svg .way").count() == 0
    assert "all that can be reached is reached" in tab.inner_text(".caption")
    assert tab.inner_text(".ending") == "It searched until its queue was used up."
    assert tab.locator(".map circle.unseen").count() == 1, "nothing leads to Fir"
    assert len(queue(tab)) == 5


def test_a_mistake_is_shown_as_one(tab: Any, tmp_path: Path) -> None:
    network = opened(tab, tmp_path, script=searches.PushesTwice)
    assert tab.locator(".mistake").count() == 0
    wrong = [int(words.removeprefix("step ")) - 1 for words in names(tab, ".ending button")]
    assert wrong == tab.evaluate("player.search.mistakes")
    tab.locator(".ending button").first.click()
    twice = live.step(tab)
    assert network.said[twice].op == Op.UNSEEN
    assert tab.inner_text(".mistake").strip().endswith("had been seen, so that a correct search says SEEN.")
    show(tab, twice + 1)
    assert tab.locator(".mistake").count() == 0, "what follows from it is none"
    assert len(queue(tab)) == len(set(queue(tab))) + 1
    tab.keyboard.press("End")
    assert tab.locator(".map line.way").count() == 3, "the first time it was reached counts"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (
            scripted.FailsToSearch,
            "before it found Elm: it says that there is no way. One step is a mistake: step 1",
        ),
        (searches.NamesNoWay, "what it names is no way from Ash to Elm"),
        (
            searches.NeverEnds,
            "It had not come to an end after 119 steps, and was stopped. 60 of its 119 steps are mistakes",
        ),
    ],
)
def test_a_search_that_fails_says_so(
    script: type[scripted.Searcher], words: str, tab: Any, tmp_path: Path
) -> None:
    network = opened(tab, tmp_path, script=script)
    assert network.answers == []
    tab.keyboard.press("End")
    assert words in tab.inner_text(".ending")
    assert names(tab, ".answers:not(.exact) li") == ["none"]
    assert tab.inner_text(".verdict") == "✗ wrong"


def test_names_are_text(tab: Any, tmp_path: Path) -> None:
    hostile = "<img src=x onerror=hacked=1></script><script>hacked=1</script>{{script}}"
    edges = searches.EDGES.replace("Ash", hostile).replace("red", "<b onclick=hacked=1>red</b>")
    opened(tab, tmp_path, f"shortest path from {hostile} to Elm", edges=edges)
    for step in range(len(tab.evaluate("[...Array(player.steps)]"))):
        show(tab, step)
    assert tab.evaluate("typeof hacked") == "undefined"
    assert tab.locator("main img, main script, figure b[onclick], .story b[onclick]").count() == 0
    assert hostile in names(tab, ".map text")
    assert queue(tab)[0] == hostile


@pytest.mark.parametrize("screen", live.SCREENS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_screen(screen: str, scheme: str, chromium: Any, tmp_path: Path) -> None:
    """Nothing sticks out, every control has a name, and what is not the same has not the same colour."""
    context = chromium.new_context(viewport=live.SCREENS[screen], color_scheme=scheme)
    page = context.new_page()
    opened(page, tmp_path, script=searches.PushesTwice)
    page.keyboard.press("End")
    assert page.evaluate("document.documentElement.scrollWidth") == live.SCREENS[screen]["width"]
    assert (
        page.evaluate(
            """() => [...document.querySelectorAll("button, input, select, canvas[role], svg[role]")]
          .filter((e) => !(e.innerText || e.labels?.length || e.getAttribute("aria-label"))).length"""
        )
        == page.locator(".queue li[hidden]").count()
    )
    colours = page.evaluate(
        """["unseen", "waiting", "now", "expanded", "way"].map((kind) => {
          const dot = document.querySelector(".map circle");
          dot.setAttribute("class", kind);
          return getComputedStyle(dot).fill;
        })"""
    )
    assert len(set(colours)) == 5
    context.close()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The page, with a machine for searches."""
    shipped, machine = Library.machine, scripted.searcher()
    monkeypatch.setattr(
        Library, "machine", lambda self, name: machine if name == "searcher" else shipped(self, name)
    )
    monkeypatch.setattr(knowledge, "model_for", lambda question, model: "searcher")
    with live.running() as address:
        yield address


def test_a_search_on_the_page(site: str, tab: Any, tmp_path: Path) -> None:
    tab.goto(site)
    tab.wait_for_selector("#stage .transport")
    tab.click("#tab-ask")
    searches.small_map(tmp_path)
    tab.set_input_files("#file", tmp_path / "trees.csv")
    tab.wait_for_selector("#data-about:has-text('6 places')")
    for question, end in ((searches.WAY, "Elm"), (searches.NEARBY, "Birch")):
        tab.fill("#question", question)
        tab.click("#ask-button")
        tab.wait_for_selector(f".question h2:text('{question}')")
        tab.locator("h1").click()
        tab.keyboard.press("End")
        assert end in names(tab, ".answers:not(.exact) li.given")
    # Another player takes its place.
    tab.click("#tab-watch")
    tab.click("#watch-button")
    tab.wait_for_selector("#stage .over:has-text('Over time')")
    assert tab.locator(".map").count() == 0
    tab.locator("h1").click()
    tab.keyboard.press("ArrowRight")
    assert live.step(tab) == 1, "the page that is gone does not hear the keys"


@pytest.mark.parametrize("script", [scripted.Searcher, searches.PushesTwice, scripted.FailsToSearch])
def test_of_a_family_it_speaks_of_people(tab: Any, tmp_path: Path, script: type[scripted.Searcher]) -> None:
    text = family("Ann f", "Bob m", "Cid m", "Dan m", "Eve f", "Ann+Bob: Cid Dan", "Dan+?: Eve")
    graph = knowledge.read_bytes(text.encode(), "own.ged")
    answer = knowledge.ask(graph, "How is Eve related to Cid?", model=scripted.searcher(script))
    recording = record_answer(graph, answer)
    live.open_file(tab, write_player(recording, tmp_path / "p.html"))
    assert tab.inner_text(".map h2") == "The family tree"
    assert tab.get_attribute(".map svg", "aria-label") == "Family tree of the search"
    assert "The network holds this family tree in its memory" in tab.inner_text("header")
    assert "how a person was reached" in tab.inner_text(".map")
    said = ""
    for step in range(recording.said.shape[0]):
        show(tab, step)
        said += tab.inner_text("body")
    assert not re.findall(r"\b(?:map|places?|connections?|stops?)\b", said, re.IGNORECASE)
    if script is scripted.Searcher:
        assert "All ties of Eve are read. Who is next in the queue?" in said
        assert "It is the person who is looked for: found!" in said
