"""Searches of a small map by machines that follow a script, and where the heads of a good one would stand."""

from pathlib import Path

import pytest
import torch

from tapehead import knowledge
from tapehead.knowledge import Answer, KnowledgeGraph
from tapehead.knowledge.inference.search import Heads, SearchAnswer
from tapehead.tasks.graph.search_check import judge
from tapehead.tasks.graph.search_trace import Op, Record
from tests.knowledge import scripted

EDGES = """from,edge,to
Ash,red,Birch
Birch,red,Ash
Ash,blue,Cedar
Cedar,blue,Ash
Birch,red,Dogwood
Birch,green,Dogwood
Cedar,blue,Dogwood
Dogwood,red,Elm
Elm,red,Dogwood
Fir,red,Ash
"""
"""Two ways from Ash to Dogwood, and one on to Elm; nothing leads to Fir."""
WAY = "shortest path from Ash to Elm"
NEARBY = "which places are within 1 stop of Ash?"


class PushesTwice(scripted.Searcher):
    """Takes the first place that it sees again for a new one."""

    def said(self, target: int, start: int) -> list[Record]:
        said = super().said(target, start)
        adjacency: dict[int, list[tuple[int, int]]] = {}
        for source, label, end, op in self.heard:
            if op == Op.EDGE:
                adjacency.setdefault(source, []).append((label, end))
        again = said.index(Record.bare(Op.SEEN))
        edge = judge(adjacency, start, target, said)[again].edge
        assert edge is not None
        return [*said[:again], Record.bare(Op.UNSEEN), edge, *said[again + 1 :]]


class NamesNoWay(scripted.Searcher):
    """Is done before the way back is."""

    def said(self, target: int, start: int) -> list[Record]:
        said = super().said(target, start)
        return [*said[: said.index(Record.bare(Op.FOUND)) + 2], Record.bare(Op.DONE)]


class NeverEnds(scripted.Searcher):
    """Checks the start for ever."""

    def said(self, target: int, start: int) -> list[Record]:
        return [Record.at(start, Op.CHECK), Record.bare(Op.SEEN)] * 500


def small_map(folder: Path, edges: str = EDGES) -> KnowledgeGraph:
    """The map of a file "trees.csv"."""
    path = folder / "trees.csv"
    path.write_text(edges, encoding="utf-8")
    return knowledge.read(path)


def asked(
    graph: KnowledgeGraph, question: str = WAY, script: type[scripted.Searcher] = scripted.Searcher
) -> Answer:
    """The answer of a scripted machine."""
    return knowledge.ask(graph, question, model=scripted.searcher(script))


def heads(answer: SearchAnswer) -> Heads:
    """In the place of ``read_heads``, as a scripted machine has none.

    The first stands on the record that a step needs, as far as that is in the queue, and else on slot 1; the
    second reads everywhere.
    """
    begins = 1 + len(answer.told.records)
    pushed = [answer.asked[1].destination]
    slots = []
    for record in answer.said:
        found = record.op in (Op.POP, Op.PATH) and record.destination in pushed
        slots.append([begins + pushed.index(record.destination) if found else 1, 2])
        if record.op == Op.PUSH:
            pushed.append(record.destination)
    weights = torch.tensor([[0.9, 0.1]]).expand(len(slots), 2)
    return Heads(torch.tensor(slots), weights, begins)


def use(patch: pytest.MonkeyPatch) -> None:
    """Record searches with these heads."""
    patch.setattr("tapehead.viz.player_page.search.read_heads", heads)
