"""Episodes as text."""

import torch
from jaxtyping import Bool
from torch import Tensor

Rows = dict[str, tuple[tuple[str, ...], Tensor]]
"""For each of "input", "target" and "output": its row labels and its values [T, channels]."""


def picture(caption: str, rows: Rows, mask: Bool[Tensor, " T"]) -> str:
    """The channels of one episode as text; ``tapehead.tasks.Task.describe`` explains the characters."""
    width = max(len(label) for labels, _ in rows.values() for label in labels)
    counts = mask.tolist()
    lines = [caption]
    for part, (labels, values) in rows.items():
        if part == "output":
            strips = _answer(values, rows["target"][1])
        else:
            strips = [[_value(v) for v in channel] for channel in values.T.tolist()]
        for row, (label, strip) in enumerate(zip(labels, strips, strict=True)):
            if part != "input":
                strip = [mark if count else " " for mark, count in zip(strip, counts, strict=True)]
            lines.append(f"{part if row == 0 else '':6} {label:>{width}} |{''.join(strip)}|")
    return "\n".join(lines)


def _value(value: float) -> str:
    if value in (0, 1):
        return "#" if value else "."
    return "+" if value > 0 else "-"


def _answer(outputs: Tensor, targets: Tensor) -> list[list[str]]:
    marks = {(True, True): "#", (False, False): ".", (True, False): "X", (False, True): "o"}
    answered, right = (outputs > 0).T.tolist(), torch.gt(targets, 0.5).T.tolist()
    return [
        [marks[pair] for pair in zip(*channel, strict=True)] for channel in zip(answered, right, strict=True)
    ]
