"""A way from one person to another, step by step, and what it makes them to each other."""

import dataclasses

from .index import Kin
from .relation import LINES, SIDE_OF, Kinship, Move, Side, Step, weakest


@dataclasses.dataclass(frozen=True)
class Path:
    """A way through the family."""

    people: tuple[str, ...]
    """entity ids, from the first to the last"""
    steps: tuple[Step, ...]
    """between them, one fewer"""
    lines: int = 1
    """independent ways of the same length"""

    def reversed(self) -> "Path":
        """The way back."""
        turned: dict[Move, Move] = {"up": "down", "down": "up", "spouse": "spouse"}
        steps = tuple(dataclasses.replace(step, move=turned[step.move]) for step in reversed(self.steps))
        return dataclasses.replace(self, people=self.people[::-1], steps=steps)

    @property
    def marriages(self) -> int:
        """Steps to a spouse."""
        return sum(step.move == "spouse" for step in self.steps)


@dataclasses.dataclass(frozen=True)
class _Run:
    """Steps between marriages; or a marriage."""

    first: int
    """index of the person where it starts"""
    last: int
    marriage: bool


def kinship(kin: Kin, path: Path) -> tuple[Kinship, ...]:
    """What the last of a way is to the first: one relation where a word says it, else a chain of them."""
    runs = _runs(path)
    shape = "".join("S" if run.marriage else "B" for run in runs)
    blood = [_of_run(kin, path, run) for run in runs]
    former = any(step.former for step in path.steps)
    sex = kin.sexes[path.people[-1]]
    one: Kinship | None = None
    if shape == "B":
        one = dataclasses.replace(blood[0], lines=path.lines if blood[0].is_cousin else 1)
    elif shape == "SB":
        one = dataclasses.replace(blood[1], before=True, former=former, side="")
    elif shape == "BS":
        one = dataclasses.replace(blood[0], after=True, former=former, sex=sex)
    elif shape == "SBS":
        one = dataclasses.replace(blood[1], before=True, after=True, former=former, side="", sex=sex)
    elif shape == "BSB" and [(run.up, run.down) for run in (blood[0], blood[2])] == [(0, 1), (1, 0)]:
        line = weakest(blood[0].line, blood[2].line)
        one = Kinship(up=1, joined=True, line=line, former=former, sex=sex)
    if one is not None and one.has_word:
        return (one,)
    return tuple(blood)


def _runs(path: Path) -> list[_Run]:
    runs: list[_Run] = []
    for place, step in enumerate(path.steps):
        if step.move != "spouse" and runs and not runs[-1].marriage:
            runs[-1] = dataclasses.replace(runs[-1], last=place + 1)
        else:
            runs.append(_Run(place, place + 1, step.move == "spouse"))
    return runs


def _of_run(kin: Kin, path: Path, run: _Run) -> Kinship:
    """What the end of a run is to its start."""
    steps = path.steps[run.first : run.last]
    sex = kin.sexes[path.people[run.last]]
    if run.marriage:
        return Kinship(before=True, former=steps[0].former, sex=sex)
    up = sum(step.move == "up" for step in steps)
    down = len(steps) - up
    half = False
    side: Side = ""
    first_parent = path.people[run.first + 1] if up else ""
    if up and down:
        top = run.first + up
        half = is_half(kin, path, top)
    if up > 1 or half:
        side = SIDE_OF[kin.sexes[first_parent]]
    line = weakest(*(step.line for step in steps))
    return Kinship(up=up, down=down, half=half, line=line, side=side, sex=sex)


def is_half(kin: Kin, path: Path, top: int) -> bool:
    """Whether the two children of the common ancestor at this place of a way are half-siblings."""
    if any(step.line != "birth" for step in path.steps[top - 1 : top + 1]):
        return False
    return kin.is_half(path.people[top - 1], path.people[top + 1])


def tops(path: Path) -> list[int]:
    """The places of the common ancestors on a way: up to them, and down again."""
    pairs = zip(path.steps, path.steps[1:])
    return [
        place for place, (before, after) in enumerate(pairs, 1) if (before.move, after.move) == ("up", "down")
    ]


def with_steps(kin: Kin, path: Path) -> Path:
    """A parent's other spouse is a step-parent: one step instead of two, up and down."""
    people, steps = list(path.people), list(path.steps)
    place = 0
    while place + 1 < len(steps):
        first, second = steps[place], steps[place + 1]
        one, other = people[place], people[place + 2]
        found: Move | None = None
        if (first.move, second.move) == ("up", "spouse") and other in kin.step_parents(one):
            found = "up"
        elif (first.move, second.move) == ("spouse", "down") and one in kin.step_parents(other):
            found = "down"
        if found is not None and "step" not in (first.line, second.line):
            steps[place : place + 2] = [Step(found, "step")]
            del people[place + 1]
        else:
            place += 1
    return dataclasses.replace(path, people=tuple(people), steps=tuple(steps))


def strength(path: Path) -> int:
    """Of the weakest line on a way; the smaller, the stronger."""
    return max((LINES.index(step.line) for step in path.steps), default=0)
