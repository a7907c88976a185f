"""``tapehead evaluate`` on families, maps and random graphs, with untrained models."""

import json
from pathlib import Path
from typing import Any

import pytest

from tapehead import DNC, NTM, cli, tasks
from tapehead.hub import registry
from tapehead.nn import DeepLSTM

SMALL = {"min_nodes": 4, "max_nodes": 6, "min_degree": 1, "max_degree": 2, "max_path": 3}
FIELDS: dict[str, dict[str, int]] = {
    "traversal": SMALL,
    "inference": SMALL | {"planning_steps": 2},
    "shortest-path": SMALL | {"planning_steps": 2},
    "kinship": {"max_facts": 20},
    "search": {"min_nodes": 3, "max_nodes": 4, "min_degree": 1, "max_degree": 1},
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: Any) -> dict[str, str]:
    """Folders of untrained models, by task."""
    folders = {}
    for name, fields in FIELDS.items():
        task = tasks.get(name, **fields)
        folder = tmp_path_factory.mktemp("models") / name
        DNC(
            task.input_size, 4, output_size=task.output_size, memory_size=16, word_size=4, num_reads=1
        ).save_pretrained(folder, extra={"task": task.to_dict()})
        folders[name] = str(folder)
    copy = tmp_path_factory.mktemp("models") / "copy"
    NTM(10, 4, output_size=9, memory_size=6, word_size=4).save_pretrained(
        copy, extra={"task": tasks.get("copy").to_dict()}
    )
    return folders | {"copy": str(copy)}


def found(capsys: Any, *arguments: str) -> Any:
    """What the command prints for programs."""
    assert cli.main(["evaluate", *arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


@pytest.mark.parametrize(
    ("task", "options", "graph", "steps", "episodes"),
    [
        ("traversal", ["--graph", "london", "--steps", "3", "--episodes", "4"], "london", 3, 4),
        ("traversal", ["--graph", "london", "--episodes", "2"], "london", 7, 2),
        ("traversal", ["--episodes", "4", "--memory-size", "20"], "random", None, 4),
        ("inference", ["--graph", "family", "--steps", "2", "--episodes", "4"], "family", 2, 4),
        ("inference", ["--episodes", "3", "--steps", "1"], "random", 1, 3),
        ("shortest-path", ["--graph", "london", "--steps", "4", "--episodes", "4"], "london", 4, 4),
        ("shortest-path", ["--episodes", "4"], "random", None, 4),
    ],
)
def test_graphs(
    task: str,
    options: list[str],
    graph: str,
    steps: int | None,
    episodes: int,
    models: dict[str, str],
    capsys: Any,
) -> None:
    answer = found(capsys, models[task], *options, "--seed", "0")
    assert list(answer) == ["model", "task", "graph", "steps", "episodes", "accuracy"]
    said = (answer["model"], answer["task"], answer["graph"], answer["steps"], answer["episodes"])
    assert said == (models[task], task, graph, steps, episodes)
    assert 0 <= answer["accuracy"] <= 1


def test_a_file_of_ones_own(models: dict[str, str], capsys: Any, tmp_path: Path) -> None:
    graph, relations = tmp_path / "tree.csv", tmp_path / "relations.csv"
    graph.write_text("from,edge,to\nAnn,mother,Bea\nBea,mother,Cleo\nCleo,spouse,Dan\n")
    relations.write_text("name,edges\nmaternal grandmother,mother > mother\n")
    options = ["--graph", str(graph), "--relations", str(relations), "--steps", "2", "--episodes", "3"]
    assert found(capsys, models["inference"], *options)["episodes"] == 3
    assert found(capsys, models["traversal"], "--graph", str(graph), "--steps", "2")["graph"] == str(graph)


def test_searches(models: dict[str, str], capsys: Any, tmp_path: Path) -> None:
    graph = tmp_path / "map.csv"
    graph.write_text("from,line,to\nA,red,B\nB,red,C\nC,green,A\n")
    answer = found(capsys, models["search"], "--graph", str(graph), "--pairs", "1000", "--seed", "0")
    assert list(answer) == [
        *("model", "task", "graph", "nodes", "edges", "pairs"),
        *("accuracy", "accuracy_constrained", "by_steps"),
    ]
    assert (answer["model"], answer["task"], answer["graph"]) == (models["search"], "search", str(graph))
    assert (answer["nodes"], answer["edges"], answer["pairs"]) == (3, 3, 6)
    assert [(row["steps"], row["pairs"]) for row in answer["by_steps"]] == [(1, 3), (2, 3)]
    assert list(answer["by_steps"][0]) == ["steps", "pairs", "accuracy", "accuracy_constrained"]
    graph.write_text("from,line,to,time\nA,red,B,2\nB,red,C,1\nC,green,A,1\n")
    quickest = found(capsys, models["search"], "--graph", str(graph), "--weights", "time")
    assert (quickest["weights"], quickest["unit"], quickest["waypoints"]) == ("time", 1, 1)
    assert [(row["steps"], row["pairs"]) for row in quickest["by_steps"]] == [(1, 2), (2, 2), (3, 2)]
    random = found(capsys, models["search"], "--nodes", "5", "--episodes", "2", "--steps", "1")
    assert (random["graph"], random["nodes"], random["edges"]) == ("random", 5, None)
    assert (random["pairs"], [row["steps"] for row in random["by_steps"]]) == (2, [1])


def test_a_family(models: dict[str, str], capsys: Any) -> None:
    answer = found(capsys, models["kinship"], "--data", "family", "--questions", "1")
    assert list(answer)[:5] == ["model", "data", "people", "accuracy_by_length", "questions_by_length"]
    assert list(answer)[5:] == ["constrained_by_length", "greedy_by_length"]
    assert (answer["model"], answer["data"], answer["people"]) == (models["kinship"], "family", 70)
    assert list(answer["accuracy_by_length"]) == ["2", "3", "4", "5"]
    assert answer["questions_by_length"] == dict.fromkeys("2345", 1)


def test_a_former_name(models: dict[str, str], capsys: Any, monkeypatch: Any) -> None:
    """It goes on working, and is told on stderr alone."""
    monkeypatch.setattr(registry, "MODELS", Path(models["kinship"]).parent)
    monkeypatch.setattr(registry, "FORMER_NAMES", {"dnc-kinship": "kinship"})
    arguments = ["evaluate", "dnc-kinship", "--data", "family", "--questions", "1", "--json"]
    assert cli.main(arguments) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["model"] == "dnc-kinship"
    assert err == "tapehead: dnc-kinship is now kinship, which answers instead\n"


def test_as_text(models: dict[str, str], capsys: Any) -> None:
    assert cli.main(["evaluate", models["traversal"], "--graph", "london", "--episodes", "2"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("traversal on london, 7 steps: ")
    assert out.endswith("of 2 episodes wholly right\n")


def test_a_baseline(tmp_path: Path, capsys: Any) -> None:
    task = tasks.get("traversal", **SMALL)
    DeepLSTM(92, 4, output_size=90, num_layers=1).save_pretrained(tmp_path, extra={"task": task.to_dict()})
    answer = found(capsys, str(tmp_path), "--graph", "london", "--steps", "2", "--episodes", "2")
    assert answer["task"] == "traversal"


@pytest.mark.parametrize(
    ("task", "options", "complaint"),
    [
        ("kinship", [], "give one with --data, such as --data family"),
        ("kinship", ["--data", "london"], "is a map: kinship is asked of a family tree"),
        ("kinship", ["--data", "nowhere.ged"], "there is no file 'nowhere.ged'"),
        (
            "kinship",
            ["--data", "family", "--questions", "0"],
            "questions must be a whole number of at least 1",
        ),
        ("kinship", ["--data", "family", "--graph", "london"], "trained on kinship, which knows no --graph"),
        ("kinship", ["--data", "bad"], "is not an edge"),
        ("traversal", ["--data", "family"], "trained on traversal, which knows no --data"),
        ("traversal", ["--lengths", "3"], "trained on traversal, which knows no --lengths"),
        ("traversal", ["--relations", "x.csv"], "trained on traversal, which knows no --relations"),
        ("traversal", ["--graph", "family.ged"], "'0 HEAD' is not an edge"),
        ("traversal", ["--graph", "nowhere.csv"], "there is no file 'nowhere.csv'"),
        ("traversal", ["--graph", "bad"], "is not an edge"),
        ("traversal", ["--graph", "empty"], "empty is empty"),
        ("traversal", ["--graph", "london", "--steps", "0"], "steps must be a whole number of at least 1"),
        ("traversal", ["--episodes", "0"], "episodes must be a whole number of at least 1"),
        ("traversal", ["--memory-size", "0"], "memory_size is 0: give at least 1"),
        ("inference", ["--relations", "x.csv"], "--relations is about a file: give it with --graph"),
        (
            "kinship",
            ["--single-pass", "--data", "family"],
            "trained on kinship, which knows no --single-pass",
        ),
        ("inference", ["--graph", "family", "--relations", "x.csv"], "there is no file 'x.csv'"),
        ("inference", ["--graph", "binary"], "binary"),
        ("inference", ["--graph", "empty"], "the graph has no edges"),
        ("inference", ["--graph", "family", "--steps", "9"], "no path of 9 steps"),
        ("shortest-path", ["--graph", "london", "--steps", "30"], "no two nodes of the graph are 30 steps"),
        (
            "shortest-path",
            ["--steps", "30", "--episodes", "1"],
            "hardly ever have shortest paths of 30 edges",
        ),
        ("search", ["--pairs", "0"], "pairs must be a whole number of at least 1, got 0"),
        ("search", ["--lengths", "3"], "trained on search, which knows no --lengths"),
        ("search", ["--memory-size", "9"], "trained on search, which knows no --memory-size"),
        ("search", ["--weights", "time"], "--weights is about all ways on a file: give it with --graph"),
        ("search", ["--weights", "time", "--graph", "london"], "no column 'time'"),
        ("traversal", ["--weights", "time"], "trained on traversal, which knows no --weights"),
        ("search", ["--single-pass"], "trained on search, which knows no --single-pass"),
        ("search", ["--nodes", "5", "--graph", "london"], "--nodes is about random graphs: leave it out"),
        ("search", ["--graph", "london", "--steps", "99"], "london: the graph has no two nodes whose"),
        ("traversal", ["--nodes", "5"], "trained on traversal, which knows no --nodes"),
        ("copy", ["--graph", "london"], "trained on copy, which knows no --graph"),
        ("copy", ["--data", "family"], "trained on copy, which knows no --data"),
        ("copy", ["--steps", "3"], "trained on copy, which knows no --steps"),
    ],
)
def test_mistakes_get_one_sentence(
    task: str,
    options: list[str],
    complaint: str,
    models: dict[str, str],
    capsys: Any,
    tmp_path: Path,
    monkeypatch: Any,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad").write_text("here is nothing of use\n")
    Path("empty").touch()
    Path("family.ged").write_text("0 HEAD\n0 @I1@ INDI\n1 NAME Ann //\n0 TRLR\n")
    Path("binary").write_bytes(bytes(range(256)) * 4)
    assert cli.main(["evaluate", models[task], *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert complaint in err
    assert err.startswith("tapehead: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("task", "word"),
    [("traversal", "query"), ("inference", "thinks"), ("shortest-path", "fed"), ("kinship", "fed")],
)
def test_episodes_are_shown_in_words(task: str, word: str, capsys: Any) -> None:
    fields = [f"--{name.replace('_', '-')}={value}" for name, value in FIELDS[task].items()]
    assert cli.main(["tasks", "show", task, *fields, "--seed", "2"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{task}: ")
    assert "told" in out
    assert word in out
    assert max(map(len, out.splitlines())) <= 110
