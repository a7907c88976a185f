"""card.md: the description of a trained model, for people."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..files import write_atomically
from ..nn.pretrained import CARD_FILE
from .registry import info

SCORES = ("sequences", "memory_size", "bits_per_sequence", "best_bits_per_sequence", "wrong_bits", "exact")


def write_card(folder: str | os.PathLike, results: Iterable[Mapping[str, Any]] = ()) -> str:
    """Write card.md beside a trained model: its architecture, its training and its scores.

    Args:
        folder: a folder with the config.json of a run.
        results: scores, as ``tapehead evaluate --json`` prints them under "points".

    Returns:
        The card's text.

    Raises:
        PretrainedError: no model in the folder.
        OSError: the card cannot be written.
    """
    folder = Path(folder)
    text = "\n".join([*_about(folder.resolve().name, info(folder)), *_scores(list(results))]) + "\n"
    with write_atomically(folder / CARD_FILE) as beside:
        beside.write_text(text, encoding="utf-8")
    return text


def _about(name: str, config: Mapping[str, Any]) -> list[str]:
    task = dict(config.get("task", {}))
    training, trained = config.get("training", {}), config.get("trained", {})
    rows = {
        "architecture": f"{config['architecture']} ({_join_fields(config['arguments'])})",
        "task": f"{task.pop('name')} ({_join_fields(task)})" if task else "not told",
    }
    if training:
        rows["optimiser"] = _join_fields(training["optimizer"])
        rows["batch"] = f"{training['batch_size']} × {trained.get('processes', 1)} process(es)"
        rows["seed"] = training["seed"]
    if trained:
        rows["trained on"] = f"{trained['sequences']:,} sequences in {trained['steps']:,} updates"
        rows["time"] = f"{trained['seconds'] / 60:.1f} minutes on {trained['host']}"
        rows["ended"] = trained["ended"] or "not yet"
        validation = trained["validation"]
        if validation:
            rows["validation"] = (
                f"{validation['bits_per_sequence']:.4g} bits per sequence, {validation['exact']:.1%} exact "
                "(fresh sequences of the training range)"
            )
    return [f"# {name}", "", "| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in rows.items())]


def _scores(results: list[Mapping[str, Any]]) -> list[str]:
    if not results:
        return []
    columns = [name for name in results[0] if name not in SCORES] + [n for n in SCORES if n in results[0]]
    return [
        "",
        "Scores on fresh sequences (wrong bits: of all sequences together; exact: the fraction without any):",
        "",
        "| " + " | ".join(column.replace("_", " ") for column in columns) + " |",
        "|" + "---|" * len(columns),
        *("| " + " | ".join(_cell(result[column]) for column in columns) + " |" for result in results),
    ]


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "–" if value is None else str(value)


def _join_fields(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in fields.items() if value is not None)
