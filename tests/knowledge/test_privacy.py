"""Who counts as living: whoever could be alive, as far as the file tells."""

from collections.abc import Mapping

import pytest

from tapehead.knowledge import KnowledgeGraph, hide_living, read_bytes
from tapehead.knowledge.privacy import OLDEST, mark_living

YEAR = 2026
DISTANCES = [*range(125), 150, 300, 1000]
"""Years between a date and today."""


def edges(*rows: str) -> KnowledgeGraph:
    return read_bytes("\n".join(rows).encode(), "family.csv")


def gedcom(dates: Mapping[str, str]) -> KnowledgeGraph:
    """Three generations, each child of the one before; ``dates`` has lines for each person."""
    text = "0 HEAD\n1 GEDC\n2 VERS 5.5.1\n"
    for number, name in enumerate(("Grandma", "Mother", "Child")):
        text += f"0 @I{number}@ INDI\n1 NAME {name} //\n1 SEX F\n{dates.get(name, '')}"
    for number in (0, 1):
        text += f"0 @F{number}@ FAM\n1 WIFE @I{number}@\n1 CHIL @I{number + 1}@\n"
    return read_bytes(f"{text}0 TRLR\n".encode(), "family.ged")


def living(graph: KnowledgeGraph) -> set[str]:
    """The names of all who count as living."""
    mark_living(graph, YEAR)
    return {entity.name for entity in graph.entities.values() if entity.living}


@pytest.mark.parametrize("ago", DISTANCES)
def test_a_dead_child_of_any_distance(ago: int) -> None:
    """A child's death says that the parents were born by then, and nothing about their own deaths."""
    parents = {"Grandma", "Mother"} if ago < OLDEST else set()
    died = f"1 DEAT\n2 DATE {YEAR - ago}\n"
    assert living(gedcom({"Child": died})) == parents
    assert living(gedcom({"Child": f"1 BIRT\n2 DATE {YEAR - ago}\n{died}"})) == parents, "it died young"
    born_long_ago = f"1 BIRT\n2 DATE {YEAR - ago - OLDEST}\n"
    assert living(gedcom({"Child": f"{born_long_ago}{died}"})) == set()
    assert living(edges("Kid,mother,Mum", "Mum,mother,Gran", f"Kid,died,{YEAR - ago}")) == (
        {"Mum", "Gran"} if ago < OLDEST else set()
    )


@pytest.mark.parametrize("ago", DISTANCES)
def test_a_birth_of_any_distance(ago: int) -> None:
    born = f"1 BIRT\n2 DATE {YEAR - ago}\n"
    assert living(gedcom({"Child": born})) == ({"Grandma", "Mother", "Child"} if ago < OLDEST else set())
    # A year of one's own counts before what descendants tell; and parents' births say nothing of children.
    assert living(gedcom({"Grandma": born})) == {"Mother", "Child"} | ({"Grandma"} if ago < OLDEST else set())


@pytest.mark.parametrize("death", ["1 DEAT Y\n", "1 DEAT\n", "1 BURI\n", "1 DEAT\n2 DATE (unknown)\n"])
def test_a_death_without_a_year(death: str) -> None:
    assert living(gedcom({"Child": death})) == {"Grandma", "Mother"}
    assert living(gedcom({"Mother": death})) == {"Grandma", "Child"}


@pytest.mark.parametrize("ago", [0, 16, OLDEST - 1])
def test_no_name_or_date_of_the_living_is_shown(ago: int) -> None:
    """The genealogist's deal-breaker: Anna, of unknown birth, has lost a child."""
    died = f"1 BIRT\n2 DATE {YEAR - ago}\n1 DEAT\n2 DATE {YEAR - ago}\n"
    graph = gedcom({"Child": died})
    graph.notes.append("Mother is in the file twice")
    hidden = hide_living(graph, YEAR)
    shown = repr(hidden)
    assert "Mother" not in shown
    assert "Grandma" not in shown
    assert [entity.name for entity in hidden.entities.values() if entity.kind == "person"] == [
        "Living person",
        "Living person",
        "Child",
    ]
    assert vars(hidden.family_tree()[0]) == vars(graph.family_tree()[0])
    assert hidden.notes == ["2 people who may be alive are not named"]
    listed = hide_living(edges("Kid,mother,Mum", f"Kid,died,{YEAR - ago}"), YEAR)
    assert "Mum" not in repr(listed)
