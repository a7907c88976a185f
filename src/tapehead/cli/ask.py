"""``tapehead ask``: questions in words about a family tree or a map, answered by a network and checked."""

import dataclasses
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import tyro

from .. import knowledge
from ..errors import InputError
from ..knowledge import stories
from ._parse import parse

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_NOTES = 5
"""remarks on a file that are printed"""


@dataclasses.dataclass(frozen=True)
class Options:
    """What a question takes."""

    file: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]
    """GEDCOM, an edge list (CSV, TSV), GraphML, GML, a GTFS zip; the examples family and london; or a story
    (.txt, a sentence a line) in the words of bAbI"""
    question: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="QUESTION")]
    """"Who is Queen Victoria's maternal grandfather?", "shortest path from Moorgate to Piccadilly Circus\""""
    model: str | None = None
    """a model that ships with tapehead, or a run's folder; the one for this kind of question by default"""
    hide_living: bool = False
    """leave out the names and dates of people who may be alive"""
    both_ways: bool = False
    """of a map whose file has each connection once: let every one lead both ways"""
    weights: str | None = None
    """of a map: the column that the quickest way goes by; by default one called minutes, time, metres, …"""
    words: int | None = None
    """of a story: how many words the answer has; by default two for "How do you go ...", else one"""
    figure: str | None = None
    """a PNG to draw the answer and the facts it was read from to"""
    page: str | None = None
    """an HTML file to show what the network did, step by step, in a browser"""
    json: bool = False
    """print the answer for a program"""


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    options = parse(
        Options,
        arguments,
        prog="tapehead ask",
        about="Ask a trained network about a family tree or a map, where the exact answer stands beside its "
        "own; or about a story.",
    )
    if stories.is_story(options.file):
        return _about_a_story(options)
    if options.words is not None:
        raise InputError("--words is about a story: leave it out with a family tree or a map")
    graph = knowledge.read(
        options.file,
        hide_living=options.hide_living,
        both_ways=options.both_ways,
        weights=options.weights,
    )
    answer = knowledge.ask(graph, options.question, model=options.model)
    if options.figure is not None:
        from ..viz.figures import save_figure

        save_figure(_figure(graph, answer), options.figure)
    if options.page is not None:
        from ..viz.player_page import record_answer, write_player

        write_player(record_answer(graph, answer), options.page)
    if options.json:
        print(json.dumps(answer.to_dict()))
        return 0
    lines = [str(answer), *(f"  note: {note}" for note in graph.notes[:MAX_NOTES])]
    if len(graph.notes) > MAX_NOTES:
        lines.append(f"  and {len(graph.notes) - MAX_NOTES} more notes on the file")
    # A terminal without UTF-8 gets "?" for an arrow, not a traceback.
    encoding = sys.stdout.encoding or "utf-8"
    print("\n".join(lines).encode(encoding, "replace").decode(encoding))
    return 0


def _figure(graph: knowledge.KnowledgeGraph, answer: knowledge.Answer) -> "Figure":
    """Of two people the ways between them, of another search the map, else the facts that were read."""
    from ..knowledge.inference.search import SearchAnswer
    from ..viz.figures import plot_answer, plot_kinship, plot_search

    if answer.about_two:
        return plot_kinship(answer)
    return plot_search(graph, answer) if isinstance(answer.network, SearchAnswer) else plot_answer(answer)


def _about_a_story(options: Options) -> int:
    for name in ("hide_living", "both_ways", "weights", "figure", "page"):
        if getattr(options, name):
            raise InputError(
                f"--{name.replace('_', '-')} is about a family tree or a map: leave it out with a story"
            )
    answer = stories.ask_story(options.file, options.question, model=options.model, words=options.words)
    print(json.dumps(answer.to_dict()) if options.json else answer)
    return 0
