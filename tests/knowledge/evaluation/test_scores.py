from pathlib import Path

import numpy as np
import pytest

from tapehead.errors import InputError
from tapehead.knowledge import read
from tapehead.knowledge.evaluation import graphs, scores
from tapehead.knowledge.evaluation.graphs import score_given, score_random
from tapehead.knowledge.evaluation.kinship import score_kinship
from tapehead.knowledge.inference.voting import NUM_SAMPLES
from tapehead.nn import DeepLSTM
from tapehead.tasks import Inference, Kinship, ShortestPath, Traversal
from tapehead.tasks.graph.episode import GraphTask
from tapehead.tasks.graph.fixed import FixedGraph
from tapehead.tasks.graph.inference import relations_of
from tapehead.tasks.kinship.population import random_tree
from tapehead.tasks.kinship.records import ANSWER, RETURN, Back, Frame
from tapehead.tasks.kinship.relations import BY_NAME, RELATIONS
from tapehead.tasks.kinship.trace import Fed
from tapehead.tasks.kinship.tree import FamilyTree
from tests.knowledge import kin_scripts, scripted

LONDON = FixedGraph(tuple(read("london").edges.edges))
SIZES = {"min_nodes": 5, "max_nodes": 8, "min_degree": 1, "max_degree": 2, "max_path": 3}
TASKS = [Traversal(**SIZES), Inference(**SIZES, planning_steps=3), ShortestPath(**SIZES, planning_steps=3)]
FAMILY_TREE = "A,mother,B\nB,father,C\nC,spouse,D\nD,next sibling,E\n"


def names(task: GraphTask) -> str:
    return task.name


@pytest.mark.parametrize("task", TASKS, ids=names)
def test_perfect_and_broken_on_random_graphs(task: GraphTask) -> None:
    perfect, broken = scripted.traveller(), scripted.traveller(scripted.GoesAstray)
    assert score_random(perfect, task, episodes=60, seed=1, single_pass=True) == (60, 60)
    right, asked = score_random(broken, task, episodes=20, single_pass=True)
    assert asked == 20
    # Where few edges leave, renormalised outputs find a short way by luck.
    assert right == 0 if not isinstance(task, ShortestPath) else right < 20
    assert perfect.memory_sizes == [128] * 2
    score_random(perfect, task, episodes=1, memory_size=99, single_pass=True)
    assert perfect.memory_sizes[2:] == [99]


def test_perfect_and_broken_walks_on_the_map() -> None:
    perfect = scripted.traveller()
    assert score_given(perfect, TASKS[0], LONDON, steps=7, episodes=60) == (60, 60)
    assert perfect.memory_sizes == [152] * 3, "two readings of each, fifty side by side"
    broken = scripted.traveller(scripted.GoesAstray)
    assert score_given(broken, TASKS[0], LONDON, steps=7, episodes=5) == (0, 5)


def test_walks_single_pass_and_among_the_edges_told() -> None:
    """A wrong digit makes an edge that is not there: only as said is it wrong."""
    slips = scripted.traveller(scripted.MapSlips)
    assert score_given(slips, TASKS[0], LONDON, steps=3, episodes=10) == (10, 10)
    assert score_given(slips, TASKS[0], LONDON, steps=3, episodes=10, single_pass=True) == (0, 10)
    perfect = scripted.traveller()
    assert score_given(perfect, TASKS[0], LONDON, steps=3, episodes=10, single_pass=True) == (10, 10)


def test_shortest_paths_are_asked_of_all_pairs_once() -> None:
    count = len(LONDON.pairs(5))
    assert score_given(scripted.traveller(), TASKS[2], LONDON, steps=5, episodes=count + 9) == (count, count)
    assert score_given(scripted.traveller(), TASKS[2], LONDON, steps=5, episodes=3) == (3, 3)
    broken = scripted.traveller(scripted.GoesAstray)
    right, asked = score_given(broken, TASKS[2], LONDON, steps=4, episodes=30, single_pass=True)
    assert right < asked / 4


def test_a_detour_is_no_shortest_path() -> None:
    """It comes to the end, but by one step more than it must."""

    # 0 → 3 by 0 → 1 → 3, or by 0 → 2 → 1 → 3.
    graph = FixedGraph(((0, 0, 1), (1, 0, 3), (0, 1, 2), (2, 0, 1)))
    assert set(graph.pairs(2)) == {(0, 3), (2, 3)}
    assert score_given(scripted.traveller(), TASKS[2], graph, steps=2, episodes=9) == (2, 2)
    for single_pass in (False, True):
        machine = scripted.traveller(scripted.Detour)
        assert score_given(machine, TASKS[2], graph, steps=2, episodes=9, single_pass=single_pass) == (1, 2)


@pytest.mark.parametrize(
    ("task", "single_pass", "readings"), [(0, False, 2), (0, True, 1), (2, False, NUM_SAMPLES), (2, True, 1)]
)
def test_random_graphs_are_read_as_often_as_a_map(task: int, single_pass: bool, readings: int) -> None:
    made: list[scripted.Traveller] = []
    machine = scripted.traveller()
    machine.script = lambda: made.append(scripted.Traveller()) or made[-1]
    assert score_random(machine, TASKS[task], episodes=10, single_pass=single_pass) == (10, 10)
    assert len(made) == 10 * readings


def test_relations_of_a_graph() -> None:
    graph = FixedGraph(
        tuple((node, label, (node * 3 + label) % 12) for node in range(12) for label in range(5))
    )
    for steps in (1, 2, 4):
        known = relations_of(steps)
        found = score_given(scripted.traveller(), TASKS[1], graph, steps=steps, episodes=20, relations=known)
        assert found == (20, 20)
    broken = scripted.traveller(scripted.GoesAstray)
    assert score_given(broken, TASKS[1], graph, steps=4, episodes=5, relations=known) == (0, 5)


def test_episodes_do_not_depend_on_the_machine_and_seeds_differ() -> None:
    class Listening(scripted.Traveller):
        heard_first: list = []  # noqa: RUF012

        def answer(self, number: int) -> tuple[int, int, int]:
            self.heard_first.append(self.heard[0])
            return super().answer(number)

    for seed in (0, 0, 1):
        score_given(scripted.traveller(Listening), TASKS[0], LONDON, steps=1, episodes=1, seed=seed)
    first, same, other = Listening.heard_first[::4]
    assert first == same != other


def test_large_maps_go_side_by_side_in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The links of the memories would fill the machine's memory otherwise."""
    monkeypatch.setattr(graphs, "MAX_LINKS", 3 * 152**2)
    machine = scripted.traveller()
    assert score_given(machine, TASKS[0], LONDON, steps=2, episodes=8) == (8, 8)
    assert len(machine.memory_sizes) == 6


def test_a_baseline_has_no_memory_to_fit() -> None:
    baseline = DeepLSTM(92, 4, output_size=90, num_layers=1)
    for task in TASKS:
        assert score_random(baseline, task, episodes=4)[1] == 4
    assert score_given(baseline, TASKS[0], LONDON, steps=2, episodes=4)[1] == 4


@pytest.fixture(scope="module")
def tree() -> FamilyTree:
    return random_tree(np.random.default_rng(6), 80)


def test_perfect_and_broken_on_a_family(tree: FamilyTree) -> None:
    score = score_kinship(kin_scripts.kin(), tree, lengths=(1, 3, 5), questions=5)
    assert {length: (t.right, t.asked) for length, t in score.by_length.items()} == dict.fromkeys(
        (1, 3, 5), (5, 5)
    )
    assert {BY_NAME[name].length for name in score.by_relation} == {1, 3, 5}
    assert sum(tally.asked for tally in score.by_relation.values()) == 15
    assert all(tally.accuracy == 1 for tally in score.by_relation.values())
    for script in (kin_scripts.EndsAtOnce, kin_scripts.LooksUpWrongly):
        score = score_kinship(kin_scripts.kin(script), tree, lengths=(2,), questions=4)
        assert (score.by_length[2].right, score.by_length[2].accuracy) == (0, 0)


def test_a_part_of_the_answer_is_wrong(tree: FamilyTree) -> None:
    """The whole set counts, and the machine has to say when it is complete."""

    class ForgetsTheLast(kin_scripts.Kin):
        """Goes back from somebody found at the end of a walk, where there is nobody beside them."""

        def next(self, fed: Fed, slot: int) -> tuple[Fed, int]:
            said, read = super().next(fed, slot)
            alone = isinstance(fed, Frame) and fed.fact.flags[0]
            return (Back(RETURN, fed.number), read) if alone and said.op == ANSWER else (said, read)

    perfect = score_kinship(kin_scripts.kin(), tree, lengths=(1,), questions=12).by_length[1]
    assert perfect.right == 12
    assert (
        score_kinship(kin_scripts.kin(ForgetsTheLast), tree, lengths=(1,), questions=12).by_length[1].right
        < 12
    )
    assert (
        score_kinship(kin_scripts.kin(kin_scripts.NeverEnds), tree, lengths=(1,), questions=1)
        .by_length[1]
        .right
        == 0
    )


def test_questions_are_different_and_have_answers(tree: FamilyTree) -> None:
    from tapehead.knowledge import solver
    from tapehead.knowledge.evaluation.kinship import _draw_questions

    asked = _draw_questions(tree, range(len(tree.sexes)), 4, 60, np.random.default_rng(0))
    assert len({(person, relation) for person, relation, _ in asked}) == len(asked) == 60
    for person, relation, answer in asked:
        assert RELATIONS[relation].length == 4
        assert answer == solver.relatives(tree, person, RELATIONS[relation]) != set()


def test_few_questions_in_a_small_tree() -> None:
    _, people = read("family").family_tree()
    small = random_tree(np.random.default_rng(0), 3)
    score = score_kinship(kin_scripts.kin(), small, lengths=(1, 5), questions=500)
    assert list(score.by_length) == [1]
    assert score.by_length[1].asked < 500
    assert people


def test_report_on_a_family() -> None:
    report = scores.kinship("mine", kin_scripts.kin(), "family", questions=4)
    assert report.to_dict() == {
        "model": "mine",
        "data": "family",
        "people": 70,
        "accuracy_by_length": {"2": 1.0, "3": 1.0, "4": 1.0, "5": 1.0},
        "questions_by_length": {"2": 4, "3": 4, "4": 4, "5": 4},
        "constrained_by_length": {"2": 1.0, "3": 1.0, "4": 1.0, "5": 1.0},
        "greedy_by_length": {"2": 1.0, "3": 1.0, "4": 1.0, "5": 1.0},
    }
    lines = str(report).splitlines()
    assert lines[0] == "family: 70 people, 96 facts told once; an answer counts if the whole set is right"
    assert lines[1].split() == ["as", "asked", "constrained", "greedy"]
    assert [line.split() for line in lines if line.startswith(("2 ", "5 "))] == [
        ["2", "steps", *["100.0%"] * 3, "of", "4"],
        ["5", "steps", *["100.0%"] * 3, "of", "4"],
    ]
    assert len(lines) == 2 + 4 + len(report.score.by_relation)


def test_report_on_a_graph(tmp_path: Path) -> None:
    report = scores.graph("mine", scripted.traveller(), TASKS[0], graph="london", episodes=3)
    expected = {"model": "mine", "task": "traversal", "graph": "london", "steps": 7, "episodes": 3}
    assert report.to_dict() == expected | {"accuracy": 1.0}
    assert str(report) == "traversal on london, 7 steps: 100.0% of 3 episodes wholly right"
    random = scores.graph("mine", scripted.traveller(), TASKS[1], graph=None, episodes=3)
    assert (random.graph, random.steps, random.to_dict()["accuracy"]) == ("random", None, 1.0)
    assert "the last lesson" in str(random)
    family = scores.graph("mine", scripted.traveller(), TASKS[0], graph="family", steps=5, episodes=2)
    assert family.right == 2
    exact_steps = scores.graph("mine", scripted.traveller(), TASKS[2], graph=None, steps=2, episodes=3)
    assert (exact_steps.steps, exact_steps.right) == (2, 3)


def test_the_example_family_has_its_own_relations() -> None:
    for steps in (2, 3, 4, 5):
        report = scores.graph(
            "mine", scripted.traveller(), Inference(), graph="family", steps=steps, episodes=6
        )
        assert (report.right, report.episodes) == (6, 6)
    graph, known = scores._inference_graph("family", None, 4)
    table = scores.FAMILY_RELATIONS.read_text().splitlines()[1:]
    assert len(known) == sum(line.count(">") == 3 for line in table)
    assert len(known) < 100
    assert graph.relation_paths(known)


def test_relations_of_ones_own(tmp_path: Path) -> None:
    file, table = tmp_path / "tree.csv", tmp_path / "relations.csv"
    file.write_text(FAMILY_TREE)
    table.write_text(
        'name,edges\n"grandfather, maternal",mother > father\n\nstep-grandfather,mother>father\n'
    )
    _, known = scores._inference_graph(str(file), str(table), 2)
    assert [path for _, path in known] == [(0, 1)]
    graph, known = scores._inference_graph(str(file), None, 2)
    assert known == list(relations_of(2))
    assert graph.edges == ((0, 0, 1), (1, 1, 2), (2, 2, 3), (3, 4, 4))
    report = scores.graph("mine", scripted.traveller(), TASKS[0], graph=str(file), steps=4, episodes=2)
    assert report.right == 2, "an edge list of relatives is a graph like any other"
    file.write_text("A,red,B\nB,green,C\nA,red,B\n")
    graph, _ = scores._inference_graph(str(file), None, 2)
    assert graph.edges == ((0, 0, 1), (1, 1, 2))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("aunt,mother > cousin", "has the edge 'cousin', which the graph has not"),
        ("aunt,mother > mother > mother > mother > mother > mother", "is none of the 400"),
        ("aunt", "'aunt' is no relation"),
        ('"aunt', "relations.csv"),
        ("aunt\x00,mother", "relations.csv"),
    ],
)
def test_bad_relations(tmp_path: Path, content: str, complaint: str) -> None:
    file, table = tmp_path / "tree.csv", tmp_path / "relations.csv"
    file.write_text(FAMILY_TREE)
    table.write_text(f"name,edges\n{content}\n")
    with pytest.raises(InputError, match=complaint):
        scores._inference_graph(str(file), str(table), 2)


@pytest.mark.parametrize(
    ("task", "content", "options", "complaint"),
    [
        (TASKS[0], "A,red,B\n", {"steps": 3}, "no walk of 3 steps"),
        (TASKS[0], "A,red,B\n", {"steps": 0}, "steps must be a whole number of at least 1, got 0"),
        (TASKS[0], "A,red,B\n", {"steps": 1, "episodes": 0}, "episodes must be .* got 0"),
        (TASKS[0], None, {"graph": "family.ged"}, "is not an edge"),
        (TASKS[0], "nothing to see", {}, "is not an edge"),
        (TASKS[0], "\n".join(f"{n},red,{n + 1}" for n in range(1200)), {}, "999 and 1,000 fit"),
        (TASKS[0], None, {"graph": "nowhere.csv"}, "there is no file 'nowhere.csv'"),
        (TASKS[0], None, {"graph": None, "episodes": -3}, "episodes must be .* got -3"),
        (TASKS[0], None, {"graph": None, "steps": 0}, "path must be a whole number of at least 1, got 0"),
        (TASKS[2], "A,red,B\n", {"steps": 3}, "no two nodes of the graph are 3 steps apart"),
        (TASKS[2], None, {"graph": None, "steps": 40}, "hardly ever have shortest paths of 40 edges"),
        (TASKS[1], "A,red,B\n", {"steps": 3}, "no path of 3 steps that is one of the relations"),
        (TASKS[1], "A,red,B\n", {"steps": 6}, "no path of 6 steps"),
        (TASKS[1], None, {"graph": None, "steps": 6}, "the longest relations have 5 edges"),
        (TASKS[1], "\n".join(f"a,{n},{n}x" for n in range(11)), {}, "11 edge labels: inference knows 10"),
        (TASKS[1], "A,red,B\nA,red,C\n", {}, "two edges leave a node under one label"),
        (TASKS[1], None, {"graph": "nowhere.csv"}, "there is no file 'nowhere.csv'"),
        (TASKS[1], None, {"graph": "."}, "is not a regular file"),
    ],
)
def test_graphs_that_do_not_serve(
    task: GraphTask, content: str | None, options: dict, complaint: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "file.csv").write_text(content)
        options = {"graph": str(tmp_path / "file.csv")} | options
    if options.get("graph") == "family.ged":
        options = {"graph": str(scores.FAMILY_GRAPH.with_name("family.ged"))}
    with pytest.raises(InputError, match=complaint):
        scores.graph("mine", scripted.traveller(), task, **options)


def test_families_that_do_not_serve(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"london\.csv is a map: kinship is asked of a family tree"):
        scores.kinship("mine", kin_scripts.kin(), "london")
    with pytest.raises(InputError, match=r"questions must be .* got 0"):
        scores.kinship("mine", kin_scripts.kin(), "family", questions=0)
    (tmp_path / "pair.csv").write_text("Ann,wife,Eve\nAnn,sex,male\n")
    with pytest.raises(InputError, match="nobody with relatives two steps away"):
        scores.kinship("mine", kin_scripts.kin(), tmp_path / "pair.csv", questions=2)


def test_a_baseline_of_kinship() -> None:
    task = Kinship()
    baseline = DeepLSTM(task.input_size, 4, output_size=task.output_size, num_layers=1)
    score = score_kinship(baseline, random_tree(np.random.default_rng(0), 20), lengths=(1,), questions=2)
    assert score.by_length[1].asked == 2
