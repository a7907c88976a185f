"""Ask trained networks about a family tree and a map that they have never seen.

    python examples/ask_the_examples.py [FOLDER]

prints five answers about the Bach family and four about the London Underground, each with the exact answer,
and draws the first to FOLDER/answer.png.
"""

import sys
from pathlib import Path

from tapehead import knowledge
from tapehead.viz.figures import plot_answer, save_figure

QUESTIONS = {
    "family": (
        "Who is Carl Philipp Emanuel Bach's maternal grandfather?",
        "Who are the siblings of Johann Sebastian Bach?",
        "Who are Wilhelm Friedemann Bach's great-grandparents?",
        "Who are the nephews of Johann Sebastian Bach?",
        "Who are the first cousins of Johann Sebastian Bach?",
    ),
    "london": (
        "from Bond Street take Central, Central, Central: where am I?",
        "from Victoria take Victoria, Piccadilly, Piccadilly: where am I?",
        "from Paddington take Bakerloo, Bakerloo, Victoria: where am I?",
        "shortest path from Paddington to Bank",
    ),
}


def main(folder: Path) -> None:
    """Ask all questions, print the answers, draw the first."""
    folder.mkdir(parents=True, exist_ok=True)
    correct = asked = 0
    for name, questions in QUESTIONS.items():
        graph = knowledge.read(name)
        for question in questions:
            answer = knowledge.ask(graph, question)
            print(f"{question}\n{answer}\n")
            correct, asked = correct + answer.correct, asked + 1
            if asked == 1:
                save_figure(plot_answer(answer), folder / "answer.png")
    print(f"{correct} of {asked} answers are correct; the first is drawn in {folder / 'answer.png'}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo"))
