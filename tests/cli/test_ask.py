import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tapehead import cli, hub
from tests.knowledge import kin_scripts, scripted
from tests.viz import searches


@pytest.fixture(autouse=True)
def _perfect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "load", lambda name: kin_scripts.kin())


def test_an_answer(capsys: Any) -> None:
    assert cli.main(["ask", "family", "Who is Johann Sebastian Bach's maternal grandfather?"]) == 0
    out, err = capsys.readouterr()
    assert "maternal grandfathers of Johann Sebastian Bach (1685–1750)" in out
    assert "Valentin Lämmerhirt" in out
    assert "✓" in out
    assert err == ""


def test_json(capsys: Any) -> None:
    assert cli.main(["ask", "family", "Who is Hans Bach's father?", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["answers"], answer["exact"], answer["correct"]) == (["Veit Bach"], ["Veit Bach"], True)


def test_a_page(capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    searches.use(monkeypatch)
    monkeypatch.setattr(hub, "load", lambda name: scripted.searcher())
    page = tmp_path / "new" / "search.html"
    assert cli.main(["ask", "london", "shortest path from Bank to Victoria", "--page", str(page)]) == 0
    assert "✓" in capsys.readouterr().out
    assert "<title>Search of " in page.read_text(encoding="utf-8")


def test_a_terminal_without_arrows(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii", write_through=True))
    assert cli.main(["ask", "family", "Who is Hans Bach's father?"]) == 0
    assert b"Veit Bach (1555?1619) ?" in written.getvalue()


def test_remarks_on_a_file(capsys: Any, tmp_path: Path) -> None:
    """One line for each kind of thing that was left out or guessed, however often it was."""
    people = [f"0 @I{n}@ INDI\n1 NAME Ann{n} //\n1 FAMC @F99@\n1 FAMS @F1@\n1 ADOP" for n in range(9)]
    dates = ["0 @I9@ INDI", "1 BIRT", "2 DATE 5 MAY", "1 DEAT", "2 DATE 32"]
    doubles = ["0 @I1@ INDI"] * 8
    couple = ["0 @F1@ FAM", "1 HUSB @I0@", "1 WIFE @I2@", "1 WIFE @I3@", "1 CHIL @I1@", "1 CHIL @I0@"]
    path = tmp_path / "odd.ged"
    path.write_text("\n".join(["0 HEAD", *people, *dates, *doubles, *couple, "0 TRLR"]))
    assert cli.main(["ask", str(path), "Who are Ann1's siblings?"]) == 0
    out = capsys.readouterr().out
    assert out.count("note:") == 5
    assert "more notes on the file" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.ged", "Who is Ann's father?"], "there is no file 'nowhere.ged'"),
        (["family", "Who is Nobody Known's father?"], "nobody is called"),
        (["family", "Who is Hans Bach's step-unkle?"], "no relation 'step-unkle'"),
        (["family"], "QUESTION"),
        (["family", "Hans Bach's father", "--nonsense"], "nonsense"),
    ],
)
def test_mistakes(capsys: Any, arguments: list[str], says: str) -> None:
    assert cli.main(["ask", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
    assert err.startswith("tapehead: ")
    assert err.count("\n") == 1


def test_connections_both_ways(capsys: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    searches.use(monkeypatch)
    monkeypatch.setattr(hub, "load", lambda name: scripted.searcher())
    path = tmp_path / "once.csv"
    path.write_text("station1,line,station2\nAlder,Red,Birch\nBirch,Red,Cedar\nCedar,Blue,Dogwood\n")
    question = "from Dogwood to Alder"
    assert cli.main(["ask", str(path), question]) == 2
    assert "no way from Dogwood to Alder in once.csv; --both-ways lets each" in capsys.readouterr().err
    assert cli.main(["ask", str(path), question, "--both-ways", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["exact"] == ["Cedar", "Birch", "Alder"]


def test_a_missing_reader_is_told(capsys: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "map.gml"
    path.write_text('graph [ node [ id 0 label "A" ] node [ id 1 label "B" ] edge [ source 0 target 1 ] ]')
    monkeypatch.setitem(sys.modules, "networkx", None)
    assert cli.main(["ask", str(path), "shortest path from A to B"]) == 2
    assert 'pip install "tapehead[knowledge]"' in capsys.readouterr().err


def test_help(capsys: Any) -> None:
    assert cli.main(["ask", "--help"]) == 0
    assert "--hide-living" in capsys.readouterr().out
