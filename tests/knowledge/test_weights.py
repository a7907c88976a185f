"""Weights of connections: as numbers, as they are checked, and as they are said."""

from fractions import Fraction
from pathlib import Path

import pytest

from tapehead.errors import InputError
from tapehead.knowledge.weights import amount, number_text, parse_weight, weights_of
from tests.knowledge.files import graph_of

HEAD = "from,edge,to,minutes\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", Fraction(3)),
        ("-3", Fraction(-3)),
        ("2.5", Fraction(5, 2)),
        ("2,5", Fraction(5, 2)),
        (".1", Fraction(1, 10)),
        ("1e-3", Fraction(1, 1000)),
        ("1e15", Fraction(10**15)),
        ("1e16", None),
        ("1e999999999", None),
        ("9" * 40, None),
        ("", None),
        ("nan", None),
        ("inf", None),
        ("08:15", None),
        ("3 min", None),
        ("٣", None),
    ],
)
def test_numbers(text: str, value: Fraction | None) -> None:
    assert parse_weight(text) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(0), "0"),
        (Fraction(1250), "1,250"),
        (Fraction(1, 2), "0.5"),
        (Fraction(19, 12), "1.58"),
        (Fraction(1, 2500), "0.0004"),
    ],
)
def test_numbers_are_said(value: Fraction, text: str) -> None:
    assert number_text(value) == text


def test_amounts() -> None:
    assert amount(Fraction(23), "minutes") == "23 minutes"
    assert amount(Fraction(1), "Minutes") == "1 Minute"
    assert amount(Fraction(1), "km") == "1 km"
    assert amount(Fraction(23), "time") == "time 23"


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("from,edge,to\nA,x,B\n", "does not say how long its connections take: give it a column of minutes"),
        (
            HEAD + "A,x,B,2\nB,x,C,\nC,x,D,soon\n",
            "2 of the 3 connections of map.csv have no minutes, as that from B to C",
        ),
        (HEAD + "A,x,B,2\nB,x,C,-1.5\n", "the minutes from B to C in map.csv is -1.5: give numbers from 0"),
    ],
)
def test_what_a_quickest_way_cannot_go_by(table: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says):
        weights_of(graph_of(table, tmp_path, "map.csv"))


def test_weights_stand_in_the_order_of_the_edges(tmp_path: Path) -> None:
    graph = graph_of(HEAD + "A,x,B,2\nB,x,A,3\nA,x,B,1\nA,x,A,9\nA,x,C,0\n", tmp_path, "map.csv")
    assert weights_of(graph) == [1, 3, 0]
    assert len(graph.edges.edges) == 3
