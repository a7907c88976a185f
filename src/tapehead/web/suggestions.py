"""A few questions to begin with, about any graph."""

from collections import Counter

from .. import hub
from ..knowledge import KnowledgeGraph, PathQuestion
from ..knowledge.ask import MODELS

MAX_SEARCHED = 2000
"""People looked at; enough to find one with a rich family."""
WALK_STEPS = 3


def suggest(graph: KnowledgeGraph) -> list[str]:
    """Up to three questions that have an answer."""
    return _about_family(graph) if graph.is_family else _about_map(graph)


def _about_family(graph: KnowledgeGraph) -> list[str]:
    tree, ids = graph.family_tree()
    names = Counter(graph.entities[person].name for person in ids)

    def parents(person: int | None) -> tuple[int | None, int | None]:
        family = None if person is None else tree.parents[person]
        return (None, None) if family is None else tree.families[family].partners

    best, best_score = None, 0
    for person in range(min(len(ids), MAX_SEARCHED)):
        father, mother = parents(person)
        elders = [*parents(father), *parents(mother)]
        known = sum(elder is not None for elder in [father, mother, *elders])
        home = tree.parents[person]
        siblings = 0 if home is None else len(tree.families[home].children) - 1
        score = 4 * known + min(siblings, 4) + (len(tree.unions[person]) > 0)
        if score > best_score and names[graph.entities[ids[person]].name] == 1:
            best, best_score = person, score
    if best is None:
        return []
    name = graph.entities[ids[best]].name
    father, mother = parents(best)
    questions = []
    if parents(mother)[0] is not None:
        questions.append(f"Who is {name}'s maternal grandfather?")
    elif mother is not None:
        questions.append(f"Who is {name}'s mother?")
    home = tree.parents[best]
    if home is not None and len(tree.families[home].children) > 1:
        questions.append(f"Who are the siblings of {name}?")
    if father is not None or mother is not None:
        questions.append(f"Who are the parents of {name}?")
    return questions


def _about_map(graph: KnowledgeGraph) -> list[str]:
    edges = graph.edges
    if not edges.edges:
        return []
    name = [graph.entities[place].name for place in edges.places]
    leaving: dict[int, list[tuple[int, int]]] = {}
    for start, line, end in edges.edges:
        leaving.setdefault(start, []).append((line, end))
    # The best-connected place, and from there always on to a place not seen yet.
    place = start = max(leaving, key=lambda candidate: len(leaving[candidate]))
    seen, lines = {start}, []
    for _ in range(WALK_STEPS):
        onward = [(line, end) for line, end in leaving.get(place, []) if end not in seen]
        if not onward:
            break
        # Changing lines makes a better question than riding on.
        line, place = min(onward, key=lambda edge: edges.lines[edge[0]] in lines)
        seen.add(place)
        lines.append(edges.lines[line])
    if not lines:
        return []
    questions = [f"from {name[start]} take {', '.join(lines)}: where am I?"]
    if MODELS[PathQuestion] in hub.names():
        questions.append(f"shortest path from {name[start]} to {name[place]}")
        questions.append(f"which places are within 2 stops of {name[start]}?")
    return questions
