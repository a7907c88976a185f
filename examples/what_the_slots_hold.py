"""What a trained traversal model stores in its memory slots, and which slots each answer reads.

    python examples/what_the_slots_hold.py [FOLDER]

gives dnc-traversal the edges of the London Underground and a walk to follow, decodes every slot into an edge
with the machine's own output layer (DNC Fig. 3), and draws the slots read in each step to FOLDER/slots.png.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

import tapehead
from tapehead import knowledge
from tapehead.tasks.graph.episode import collate_graph, read_triples, triple_channels
from tapehead.tasks.graph.fixed import FixedGraph
from tapehead.tasks.graph.traversal import traversal_episode
from tapehead.viz.figures import save_figure
from tapehead.viz.figures.style import image, new_figure, style

START, LINES = "Victoria", ("Victoria northbound", "Piccadilly westbound", "Circle anticlockwise")
SLOTS = 160


def main(folder: Path) -> None:
    """Decode the slots, print the answers, draw the reads."""
    folder.mkdir(parents=True, exist_ok=True)
    london = knowledge.read("london")
    places, lines, edges = london.edges
    stations = [london.entities[place].name for place in places]
    chance = np.random.default_rng(0)
    named = FixedGraph(tuple(edges)).name(chance)
    walk, here = [], named.nodes[stations.index(START)]
    for label in (named.labels[lines.index(line)] for line in LINES):
        walk.append((here, label, named.graph.leaving[here][label]))
        here = walk[-1][2]
    batch = collate_graph([traversal_episode(chance, named.graph, walk)])

    machine = tapehead.load("dnc-traversal")
    with torch.no_grad():
        outputs, _, trace = machine(batch.inputs, memory_size=SLOTS, return_trace=True)

    def in_words(triple: tuple[int, int, int]) -> str:
        parts = (named.nodes, stations), (named.labels, lines), (named.nodes, stations)
        words = [names[own.index(x)] if x in own else "?" for (own, names), x in zip(parts, triple)]
        return f"{words[0]} —{words[1]}→ {words[2]}"

    told = len(edges)
    written = trace.write_weights[:told, 0].argmax(-1)
    memory = trace.memory[told, 0, written]
    true = read_triples(triple_channels(batch.inputs[:told, 0]))
    # A head's part of the output layer says what a slot would say if the head read it alone.
    weights = machine.output_from_reads.weight.unflatten(1, (machine.num_reads, -1)).detach()
    decoded = max(
        (read_triples(memory @ weights[:, head].T) for head in range(machine.num_reads)),
        key=lambda found: int((found == true).all(1).sum()),
    )
    right = int((decoded == true).all(1).sum())
    print(f"{right} of {told} slots decode to the triple that was written into them")

    reads = trace.read_weights[told:, 0]
    reading = reads.amax(1)
    slots = [slot for slot in range(SLOTS) if reading[:, slot].max() > 0.3]
    slots.sort(key=lambda slot: int(reading[:, slot].argmax()))
    holds = {int(slot): "told: " + in_words(tuple(one)) for slot, one in zip(written, decoded.tolist())}
    for slot in slots:
        if slot not in holds:  # written later: with what was found on the way
            head = int(reads[:, :, slot].amax(0).argmax())
            (note,) = read_triples(trace.memory[-1, :, slot] @ weights[:, head].T).tolist()
            is_end = note[0] not in named.nodes
            holds[slot] = "noted: the end" if is_end else "noted: " + in_words(tuple(note))
    answers = len(walk) + 1
    steps = len(reading) - answers
    for step, triple in enumerate(read_triples(outputs[-answers:-1, 0]).tolist()):
        print(f"answer {step + 1}: {in_words(tuple(triple))}")
    names = [f"query {step + 1}" for step in range(steps)]
    names += [f"answer {step + 1}" for step in range(len(walk))] + ["end"]
    figure = draw(
        reading[:, slots].T.numpy(),
        rows=[holds[slot] for slot in slots],
        columns=names,
        first_answer=steps,
        caption="Rows are slots, named by what they decode to: an edge as told, or a note it made.",
    )
    save_figure(figure, folder / "slots.png")
    print(folder / "slots.png")


def draw(weights: np.ndarray, rows: list[str], columns: list[str], first_answer: int, caption: str) -> Figure:
    """Read weights [rows, columns], a line before the first answer."""
    with style():
        figure = new_figure(
            "slots",
            f"What dnc-traversal reads to follow {', '.join(LINES)} from {START}",
            caption,
            0.35 + 0.28 * len(rows),
        )
        axes = figure.subplots()
        image(axes, weights, "", colour_bar="read weighting")
        axes.set_yticks(range(len(rows)), rows)
        axes.set_xticks(range(len(columns)), columns, rotation=30, ha="right")
        axes.axvline(first_answer - 0.5, color="white", linewidth=1)
    return figure


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
