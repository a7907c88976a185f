"""A kinship episode as text, decoded from its channels."""

import textwrap

import numpy as np

from .encoding import INPUTS, OUTPUTS, Field, decode_number
from .relations import RELATIONS

KINDS = ("go up from", "arrive at", "arrive at", "go to a family of", "arrive at")
"""What a frame of each kind does, from kind 1 on."""


def fact_as_text(row: np.ndarray) -> str:
    """The fact in an input or output vector, such as "512 child 2 of family 33"."""
    person, family = decode_number("person", row), decode_number("family", row)
    rank = 1 + _choice(row, OUTPUTS["rank"])
    place = _choice(row, OUTPUTS["place"])
    if place == 0:
        return f"{person} child {rank} of family {family}"
    return f"{person} {('husband', 'wife')[place - 1]} in family {family} (their no. {rank})"


def episode_as_text(inputs: np.ndarray, targets: np.ndarray, outputs: np.ndarray | None) -> list[str]:
    """An episode [T, channels] as lines: the facts, then each question with its steps and answers."""
    telling = inputs[:, INPUTS["telling"].start] > 0
    facts = "; ".join(fact_as_text(row) for row in inputs[telling])
    lines = textwrap.wrap(facts, 100, initial_indent="told  ", subsequent_indent=" " * 6)
    start = int(telling.sum())
    ends = np.flatnonzero(targets[:, OUTPUTS["end"].start] > 0)
    for end in ends.tolist():
        steps = slice(start, end + 1)
        lines += _question(inputs[start], targets[steps], None if outputs is None else outputs[steps])
        start = end + 1
    return lines


def _question(row: np.ndarray, targets: np.ndarray, outputs: np.ndarray | None) -> list[str]:
    asked = decode_number("asked", row, INPUTS)
    relation = RELATIONS[_choice(row, INPUTS["relation"])]
    lines = [f"asked who are the {relation.name} of {asked}?"]
    # The last step is no fact: it ends the walk.
    lines += [f"  step   {_step(target)}" for target in targets[:-1]]
    lines.append(f"  wanted {_people(targets)}")
    if outputs is not None:
        lines.append(f"  said   {_people(outputs)}")
    return lines


def _step(target: np.ndarray) -> str:
    back = " again" if target[OUTPUTS["returned"].start] > 0 else ""
    return f"{KINDS[_choice(target, OUTPUTS['kind'])]} {fact_as_text(target)}{back}"


def _people(steps: np.ndarray) -> str:
    """The people of the answer: where ``is_answer`` is set, the person of the step before."""
    answers = np.flatnonzero(steps[1:, OUTPUTS["is_answer"].start] > 0)
    return ", ".join(str(decode_number("person", steps[step])) for step in answers) or "nobody"


def _choice(row: np.ndarray, field: Field) -> int:
    return int(row[field.start : field.stop].argmax())
