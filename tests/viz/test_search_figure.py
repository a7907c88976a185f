"""The figure of a search."""

from pathlib import Path

import pytest

from tapehead import cli, knowledge
from tapehead.viz.figures import plot_answer, plot_search, save_figure
from tests.knowledge import scripted


@pytest.mark.parametrize("words", ["from Bank to Victoria", "which stations are within 2 stops of Bank"])
def test_every_answer_of_a_search_machine_is_drawn(words: str, tmp_path: Path) -> None:
    graph = knowledge.read("london")
    answer = knowledge.ask(graph, words, model=scripted.untrained_searcher())
    figure = plot_search(graph, answer)
    picture, heads, bar = figure.axes
    assert picture.get_title(loc="left") == "26 places and 104 connections in memory"
    assert "Bank" in [text.get_text() for text in picture.texts]
    assert heads.get_title(loc="left").startswith(f"{len(answer.network.said):,} steps")
    assert bar.get_xlabel().startswith("order in which")
    save_figure(figure, tmp_path / "search.png")
    assert (tmp_path / "search.png").stat().st_size > 10_000
    with pytest.raises(ValueError, match="draw this one with plot_search"):
        plot_answer(answer)


def test_other_answers_have_another_figure() -> None:
    graph = knowledge.read("london")
    answer = knowledge.ask(graph, "from Bank take Central eastbound", model=scripted.traveller())
    with pytest.raises(ValueError, match="draw this one with plot_answer"):
        plot_search(graph, answer)


def test_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = knowledge.ask(
        knowledge.read("london"), "from Bank to Victoria", model=scripted.untrained_searcher()
    )
    monkeypatch.setattr(knowledge, "ask", lambda *_, **__: answer)
    out = tmp_path / "search.png"
    assert cli.main(["ask", "london", "from Bank to Victoria", "--figure", str(out)]) == 0
    assert out.stat().st_size > 10_000
