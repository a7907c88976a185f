"""Every model that ships: it loads, has a card, and does what one point of its card says."""

import itertools

import pytest

from tapehead import ask, hub, knowledge, tasks
from tapehead.knowledge.evaluation import scores
from tapehead.knowledge.stories import ask_story
from tapehead.train import evaluate

POINTS = {
    "ntm-copy": ({"length": 120}, 0.001, 0),
    "ntm-associative-recall": (
        {"items": 12},
        0.3,
        0,
    ),  # 0.075 in the mean, from few sequences now and then more
    "ntm-sparse-recall": ({"items": 100}, 0.3, 0),
    "ntm-repeat-copy": ({"length": 10, "repeats": 10}, 0.1, 0),
    "ntm-ngrams": ({"length": 200}, 140, 60),  # nobody can do it under 133 bits
    "dnc-ngrams": ({"length": 200}, 140, 60),
    "dnc-reallocation": ({"length": 5}, 0.5, 0.1),
    "dnc-priority-sort": ({"items": 20}, 12, 3),  # 6.3 bits and 1 wrong one in the mean
}
"""Sizes, where there are such beyond the training range; what 50 sequences stay under, in bits and in
wrong bits per sequence."""

GRAPHS = {
    "dnc-traversal": ("london", 7, 0.95),
    "dnc-inference": ("family", 4, 0.95),
    "dnc-shortest-path": ("london", 3, 0.95),
}
"""A graph, the steps, and the part of 50 episodes that is right."""


def test_every_model_has_a_point():
    assert set(hub.names()) == {*POINTS, *GRAPHS, "ntm-search", "ntm-kinship", "dnc-babi"}
    for name in hub.names():
        assert (hub.find(name) / "card.md").is_file()


@pytest.mark.parametrize("name", POINTS)
def test_card(name):
    sizes, most_bits, most_wrong = POINTS[name]
    task = tasks.from_dict(hub.info(name)["task"])
    (point,) = evaluate(hub.load(name), task, [sizes], sequences=50, seed=1)
    assert point.bits_per_sequence < most_bits
    assert point.num_errors <= 50 * most_wrong


@pytest.mark.parametrize("name", GRAPHS)
def test_card_of_a_graph_model(name):
    graph, steps, least = GRAPHS[name]
    task = tasks.from_dict(hub.info(name)["task"])
    report = scores.graph(name, hub.load(name), task, graph=graph, steps=steps, episodes=50, seed=1)
    assert report.to_dict()["accuracy"] >= least


def test_card_of_the_search_model():
    machine, graph = hub.load("ntm-search"), knowledge.read("london")
    names = [entity.name for entity in graph.entities.values()]
    pairs = list(itertools.permutations(names, 2))[::13]
    right = [ask(graph, f"shortest path from {a} to {b}", model=machine).correct for a, b in pairs]
    assert sum(right) >= 0.95 * len(right)


def test_card_of_the_kinship_model():
    report = scores.kinship("ntm-kinship", hub.load("ntm-kinship"), "family", questions=15, seed=1)
    accuracy = report.to_dict()["accuracy_by_length"]
    assert min(accuracy["2"], accuracy["3"], accuracy["4"]) >= 0.9


STORY = """Mary went to the kitchen.
John took the football there.
Mary got the apple there.
Mary travelled to the garden.
John moved to the bathroom.
Mary dropped the apple.
"""


def test_card_of_the_story_model(tmp_path):
    (tmp_path / "story.txt").write_text(STORY)
    asked = {
        "Where is John?": "bathroom",
        "Where is the apple?": "garden",
        "Where is the football?": "bathroom",
        "Where was the apple before the garden?": "kitchen",
        "What is Mary carrying?": "nothing",
    }
    answers = {question: ask_story(tmp_path / "story.txt", question).answers for question in asked}
    assert answers == {question: (word,) for question, word in asked.items()}
