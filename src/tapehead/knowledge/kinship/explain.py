"""Says in plain sentences what two people are to each other, and why."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

from .index import Kin
from .namer import chain_name, name, plural
from .paths import Path, is_half, kinship, tops
from .relation import Kinship, Step

NameOf = Callable[[str], str]
"""The name of an entity id"""


class PathStep(NamedTuple):
    """One person on the way from one to another."""

    step: str
    """what they are to the person before: "mother"; "" of the first"""
    name: str
    """ "" of a parent whom the file does not name"""
    id: str
    beside: str = ""
    """name of the other parent, where the way goes by both"""
    generation: int = 0
    """above the first person; negative below"""

    def __str__(self) -> str:
        if not self.name:
            return "parents whom the file does not name"
        return f"{self.step} {self.name}{f' and {self.beside}' if self.beside else ''}".strip()


def path_steps(kin: Kin, path: Path, name_of: NameOf) -> tuple[PathStep, ...]:
    """A way as people and what each is to the one before."""
    path = _expanded(kin, path)
    found = [PathStep("", name_of(path.people[0]), path.people[0])]
    peaks, generation = tops(path), 0
    for place, (step, person) in enumerate(zip(path.steps, path.people[1:]), 1):
        what = step_kinship(kin, step, person)
        beside = _beside(kin, path, place) if place in peaks else ""
        known = kin.is_known(person)
        generation += (step.move == "up") - (step.move == "down")
        found.append(
            PathStep(
                plural(dataclasses.replace(what, sex="u")) if beside else name(what),
                name_of(person) if known else "",
                person if known else "",
                name_of(beside) if beside else "",
                generation,
            )
        )
    return tuple(found)


def step_kinship(kin: Kin, step: Step, person: str) -> Kinship:
    """What a person to whom one step leads is to the one before."""
    marriage = step.move == "spouse"
    return Kinship(
        up=step.move == "up",
        down=step.move == "down",
        line=step.line,
        before=marriage,
        former=step.former,
        sex=kin.sexes[person],
    )


def path_text(steps: tuple[PathStep, ...]) -> str:
    """ "Ann → mother Xena → son Bob"."""
    return " → ".join(map(str, steps))


def relation_name(kin: Kin, path: Path) -> str:
    """What the first of a way is to the last, without a side: the way itself shows it."""
    return _of(kin, path.reversed())


def sentence(kin: Kin, path: Path, name_of: NameOf) -> str:
    """What the first of a way is to the last: "Ann is Bob's half-sister: they share their mother, Xena"."""
    back = path.reversed()
    chain = kinship(kin, back)
    said = f"{name_of(path.people[0])} is {name_of(path.people[-1])}'s {relation_name(kin, path)}"
    why = _reason(kin, back, chain[0], name_of) if len(chain) == 1 else ""
    return f"{said}: {why}" if why else said


def _beside(kin: Kin, path: Path, top: int) -> str:
    """The other parent of two full siblings; "" if the file names only one, or they are half-siblings."""
    if any(step.line != "birth" for step in path.steps[top - 1 : top + 1]) or is_half(kin, path, top):
        return ""
    shared = kin.shared_parents(path.people[top - 1], path.people[top + 1])
    return next((p for p in shared if p != path.people[top] and kin.is_known(p)), "")


def _reason(kin: Kin, path: Path, what: Kinship, name_of: NameOf) -> str:
    """Why the last of a way is this to the first; "" where the name says it all."""
    first = name_of(path.people[0])
    if what.joined:
        return f"{name_of(path.people[1])} and {name_of(path.people[2])}, their children, are a couple"
    if what.before and what.after:
        return ""
    if what.before and (what.up or what.down):
        part = Path(path.people[1:], path.steps[1:])
        return f"the {_of(kin, part)} of {name_of(path.people[1])}, {first}'s {_of(kin, _part(path, 0, 1))}"
    if what.after:
        part = _part(path, 0, len(path.steps) - 1)
        end = Path(path.people[-2:], path.steps[-1:])
        return f"the {_of(kin, end)} of {name_of(path.people[-2])}, {first}'s {_of(kin, part)}"
    if what.line == "step":
        return _step_reason(kin, path, name_of)
    if what.up and what.down:
        return _shared(kin, path, what, name_of)
    sides = {"paternal": "on the father's side", "maternal": "on the mother's side", "": ""}
    return sides[what.side]


def _shared(kin: Kin, path: Path, what: Kinship, name_of: NameOf) -> str:
    first = name_of(path.people[0])
    top = what.up
    parent = path.people[top]
    if not kin.is_known(parent):
        return "the file has them in one family without its parents" if what.up == what.down == 1 else ""
    beside = _beside(kin, path, top)
    above = f"{name_of(parent)} and {name_of(beside)}" if beside else name_of(parent)
    if what.up == what.down == 1:
        kind = "parents" if beside else name(Kinship(up=1, sex=kin.sexes[parent]))
        return f"they share their {kind}, {above}"
    if what.down == 1:
        below = path.people[top - 1]
        own = _of(kin, _part(path, 0, top - 1))
        sibling = _of(kin, Path(path.people[top - 1 :], path.steps[top - 1 :]))
        return f"the {sibling} of {name_of(below)}, {first}'s {own}"
    if what.up == 1:
        sibling = path.people[2]
        child = _of(kin, Path(path.people[2:], path.steps[2:]))
        return f"the {child} of {name_of(sibling)}, {first}'s {_of(kin, _part(path, 0, 2))}"
    by = f", by {path.lines} lines" if path.lines > 1 else ""
    return f"both descend from {above}{by}"


def _step_reason(kin: Kin, path: Path, name_of: NameOf) -> str:
    """Whom the step-parent married: of step-parents, -children and -siblings."""
    path = _expanded(kin, path)
    if path.marriages != 1 or len(path.steps) > 3:
        return ""
    said = []
    for place in range(len(path.steps) - 1, 0, -1):
        said.append(f"the {_of(kin, _part(path, place, place + 1))} of {name_of(path.people[place])}")
    return f"{', '.join(said)}, {name_of(path.people[0])}'s {_of(kin, _part(path, 0, 1))}"


def _expanded(kin: Kin, path: Path) -> Path:
    """A way with the parent whom a step-parent married, where a step left them out."""
    people, steps = [path.people[0]], list[Step]()
    for step, before, person in zip(path.steps, path.people, path.people[1:]):
        child, other = (before, person) if step.move == "up" else (person, before)
        spouses = dict(kin.spouses(other))
        married = [tie for tie in kin.parents(child) if tie.person in spouses]
        if step.line == "step" and married:
            parent, line = married[0]
            wedding, own = Step("spouse", former=spouses[parent]), Step(step.move, line)
            people += [parent, person]
            steps += [own, wedding] if step.move == "up" else [wedding, own]
        else:
            people.append(person)
            steps.append(step)
    return Path(tuple(people), tuple(steps), path.lines)


def _part(path: Path, start: int, end: int) -> Path:
    return Path(path.people[start : end + 1], path.steps[start:end])


def _of(kin: Kin, path: Path) -> str:
    """What the end of a part of a way is to its beginning, without a side."""
    return chain_name(tuple(dataclasses.replace(part, side="") for part in kinship(kin, path)))
