"""The steps up and down that a question about one kind of tie may take."""

from collections.abc import Iterable, Sequence

from .index import Kin, Tie
from .relation import Line


def parents_by(kin: Kin, person: str, line: Line | None, so_far: Line) -> Sequence[Tie]:
    """The steps up that a question about such ties may take.

    Args:
        kin: the family.
        person: where the way is.
        line: that is asked for; None: as people use the words.
        so_far: of the way; it has one step tie at most.
    """
    if line is None:
        return kin.parents(person)
    if line == "birth":
        return [Tie(parent, "birth") for parent in kin.blood_parents.get(person, ())]
    if line != "step":
        return [tie for tie in kin.all_parents(person) if tie.line in ("birth", line)]
    steps = [] if so_far == "step" else [Tie(parent, line) for parent in kin.step_parents(person)]
    return [*_firm(kin.parents(person)), *steps]


def children_by(kin: Kin, person: str, line: Line | None, so_far: Line) -> Sequence[Tie]:
    """As :func:`parents_by`, down."""
    if line is None:
        return kin.children(person)
    if line == "birth":
        return [tie for tie in kin.children(person) if tie.line == "birth"]
    if line != "step":
        return [tie for tie in kin.all_children(person) if tie.line in ("birth", line)]
    steps = [] if so_far == "step" else [Tie(child, line) for child in kin.step_children(person)]
    return [*_firm(kin.children(person)), *steps]


def _firm(ties: Iterable[Tie]) -> list[Tie]:
    return [tie for tie in ties if tie.line in ("birth", "adopted")]
