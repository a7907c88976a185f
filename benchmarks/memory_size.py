"""``python -m benchmarks.memory_size``: how a trained machine does on memories of other sizes.

Walks of five steps on random graphs, by the number of triples told and of slots given (DNC Extended Data
Fig. 2).
The weights are the same throughout: no parameter depends on the memory's size.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

import tapehead
from benchmarks import report
from benchmarks.learning import IMAGES
from tapehead.tasks.graph.episode import GraphEpisode, collate_graph
from tapehead.tasks.graph.graphs import random_graph, random_walk
from tapehead.tasks.graph.traversal import traversal_episode
from tapehead.viz.figures.style import image, new_figure, save_figures, style

MODEL = "dnc-traversal"
STEPS = 5
TRIPLES = (20, 40, 60, 80, 100, 120, 140, 160)
SLOTS = (32, 48, 64, 96, 128, 160, 192, 256)
TOGETHER = 25


def main(arguments: list[str] | None = None) -> int:
    """Measure, save, draw."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.memory_size",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--episodes", type=int, default=100, help="of each cell (100)")
    parser.add_argument("--results", type=Path, default=report.RESULTS, help="folder of the JSON")
    parser.add_argument("--images", type=Path, default=IMAGES, help="folder of the figure")
    options = parser.parse_args(arguments)
    machine = tapehead.load(MODEL)
    chance = np.random.default_rng(0)
    accuracy = []
    for triples in TRIPLES:
        episodes = [_episode(chance, triples) for _ in range(options.episodes)]
        accuracy.append([_accuracy(machine, episodes, slots) for slots in SLOTS])
    found = {
        "model": MODEL,
        "steps": STEPS,
        "triples": TRIPLES,
        "slots": SLOTS,
        "episodes": options.episodes,
        "accuracy": accuracy,
        "machine": report.describe_machine(),
    }
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / "memory-size.json").write_text(json.dumps(found, indent=1) + "\n")
    for path in save_figures([_draw(found)], options.images):
        print(path)
    return 0


def _episode(chance: np.random.Generator, triples: int) -> GraphEpisode:
    """A walk on a random graph of about so many triples: three or four edges leave a node on average."""
    while True:
        graph = random_graph(chance, max(4, round(triples / 3.5)), 2, 5)
        if abs(len(graph.edges) - triples) > 10:
            continue
        start = graph.edges[int(chance.integers(len(graph.edges)))][0]
        return traversal_episode(chance, graph, random_walk(chance, graph, start, STEPS))


@torch.no_grad()
def _accuracy(machine: Any, episodes: list[GraphEpisode], slots: int) -> float:
    task, right = tapehead.tasks.get("traversal"), 0
    for first in range(0, len(episodes), TOGETHER):
        batch = collate_graph(episodes[first : first + TOGETHER])
        outputs, _ = machine(batch.inputs, lengths=batch.lengths, memory_size=slots)
        right += int((task.num_errors(outputs, batch) == 0).sum())
    return right / len(episodes)


def _draw(found: dict[str, Any]) -> Figure:
    with style():
        figure = new_figure(
            "memory-size",
            f"{found['model']}: walks of {found['steps']} steps, by triples told and slots given",
            "How many episodes are wholly right? Right of the stairs every triple has a slot of its own.",
            3.2,
        )
        axes = figure.subplots()
        values = np.array(found["accuracy"])
        image(axes, values, "", colour_bar="wholly right")
        axes.set_xticks(range(len(found["slots"])), found["slots"])
        axes.set_yticks(range(len(found["triples"])), found["triples"])
        axes.set_xlabel("memory slots")
        axes.set_ylabel("triples told (± 10)")
        for row, column in np.ndindex(values.shape):
            colour = "black" if values[row, column] > 0.6 else "white"
            text = f"{100 * values[row, column]:.0f}"
            axes.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)
        enough = [sum(slots < triples for slots in found["slots"]) - 0.5 for triples in found["triples"]]
        axes.step(
            [*enough, enough[-1]], np.arange(len(enough) + 1) - 0.5, where="pre", color="white", linewidth=1.5
        )
    return figure


if __name__ == "__main__":
    sys.exit(main())
