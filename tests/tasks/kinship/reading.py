"""Episodes read back from their channels, and answered from them alone.

`Reader` is what the machine has to become: a memory that is looked up by content, and rules for the next step
that see nothing but the question and the last frame. It shares the layout of the channels with the task, and
no code.
"""

import dataclasses
from typing import Any

import torch

from tapehead.tasks.kinship.encoding import INPUTS, OUTPUTS, Field
from tapehead.tasks.kinship.relations import RELATIONS, Relation

Said = dict[str, int]
"""The fields that are told, by name; numbers of three digits as one field, bits only where they are 1."""

CHILD, FATHER, MOTHER = 0, 1, 2
UP, PARENT, OFFSPRING, UNION, SPOUSE = range(5)
FACT = ("person", "family", "place", "sex", "rank", "last")
FACT += ("has_parents", "has_families", "has_father", "has_mother", "has_children")


def read(row: torch.Tensor, layout: dict[str, Field]) -> Said:
    """What a row of channels says."""
    values = row.tolist()
    assert set(values) <= {0.0, 1.0}
    found: Said = {}
    for name, field in layout.items():
        part = values[field.start : field.stop]
        if any(part):
            assert sum(part) == 1
            found[name] = part.index(1.0)
    for number in ("person", "family", "back", "number", "asked"):
        if f"{number}0" in found:
            found[number] = int("".join(str(found.pop(f"{number}{place}")) for place in range(3)))
    return found


@dataclasses.dataclass
class Reader:
    """A family that was told, and the frames of an answer so far."""

    child: dict[int, Said] = dataclasses.field(default_factory=dict)
    unions: dict[tuple[int, int], Said] = dataclasses.field(default_factory=dict)
    """(person, rank)"""
    children: dict[tuple[int, int], Said] = dataclasses.field(default_factory=dict)
    """(family, rank)"""
    partners: dict[tuple[int, int], Said] = dataclasses.field(default_factory=dict)
    """(family, place)"""
    frames: dict[int, Said] = dataclasses.field(default_factory=dict)
    """by their numbers"""

    def hear(self, said: Said) -> None:
        """Store a fact."""
        fact = {name: said[name] for name in FACT if name in said}
        if fact["place"] == CHILD:
            self.child[fact["person"]] = self.children[fact["family"], fact["rank"]] = fact
        else:
            self.unions[fact["person"], fact["rank"]] = fact
            self.partners[fact["family"], fact["place"]] = fact

    def next(self, said: Said) -> Said:
        """The output that a step of an answer asks for."""
        relation = RELATIONS[said["relation"]]
        if "kind" not in said:
            return self._begin(said, relation, 0)
        self.frames[said["number"]] = said
        following = None if "returned" in said else self._down(said, relation)
        if following is None:
            following = self._beside(said, relation)
        if following is None and "back" in said:
            fields = (*FACT, "kind", "level", "back", "home", "note", "walk")
            earlier = self.frames[said["back"]]
            following = {name: earlier[name] for name in fields if name in earlier} | {"returned": 0}
        if following is None:
            following = self._begin(said, relation, said["walk"] + 1)
        return following | ({"is_answer": 0} if self.is_answer(said, relation) else {})

    def is_answer(self, said: Said, relation: Relation) -> bool:
        """Whether the last frame's person is asked for."""
        return (
            said["kind"] in (PARENT, OFFSPRING, SPOUSE)
            and said["level"] == len(relation.walks[said["walk"]])
            and (relation.sex is None or "mf"[said["sex"] : said["sex"] + 1] == relation.sex)
            and "returned" not in said
            and not _left_out(said)
        )

    def _begin(self, said: Said, relation: Relation, first: int) -> Said:
        for walk in range(first, len(relation.walks)):
            start = {"person": said["asked"], "rank": 0, "level": 0, "walk": walk}
            for sign in ("has_parents", "has_families"):
                if f"asked_{sign}" in said:
                    start[sign] = 0
            found = self._leave(start, relation, {"home": 0})
            if found is not None:
                return found
        return {"end": 0}

    def _leave(self, at: Said, relation: Relation, back: Said) -> Said | None:
        move = relation.walks[at["walk"]][at["level"]]
        rest = {"level": at["level"], "walk": at["walk"], **back}
        if move in "PFM":
            return self.child[at["person"]] | {"kind": UP, "note": 0} | rest if "has_parents" in at else None
        if "has_families" not in at:
            return None
        note = at["rank"] + 1 if move == "H" else 0
        return self.unions[at["person"], 0] | {"kind": UNION, "note": note} | rest

    def _down(self, said: Said, relation: Relation) -> Said | None:
        moves, level = relation.walks[said["walk"]], said["level"]
        old = {name: said[name] for name in ("back", "home") if name in said}
        here = {"back": said["number"]}
        kept = {"walk": said["walk"]}
        if said["kind"] in (PARENT, OFFSPRING, SPOUSE):
            if level == len(moves) or _left_out(said):
                return None
            return self._leave(said, relation, here if self._more(said, relation) else old)
        if said["kind"] == UP:
            if moves[level + 1 : level + 2] == "C":
                found = self.children[said["family"], 0]
                return found | {"kind": OFFSPRING, "level": level + 2, "note": said["rank"] + 1} | old | kept
            for letters, sign, place in (("FP", "has_father", FATHER), ("MP", "has_mother", MOTHER)):
                if moves[level] in letters and sign in said:
                    found = self.partners[said["family"], place]
                    return found | {"kind": PARENT, "level": level + 1, "note": 0} | old | kept
            return None
        if _left_out(said):
            return None
        rest = {"level": level + 1, "note": 0, **(old if "last" in said else here), **kept}
        if moves[level] == "S":
            other = FATHER + MOTHER - said["place"]
            if ("has_father", "has_mother")[other - 1] not in said:
                return None
            return self.partners[said["family"], other] | {"kind": SPOUSE} | rest
        if "has_children" not in said:
            return None
        return self.children[said["family"], 0] | {"kind": OFFSPRING} | rest

    def _more(self, said: Said, relation: Relation) -> bool:
        if said["kind"] in (OFFSPRING, UNION):
            return "last" not in said
        either = relation.walks[said["walk"]][said["level"] - 1] == "P"
        return said["kind"] == PARENT and either and said["place"] == FATHER and "has_mother" in said

    def _beside(self, said: Said, relation: Relation) -> Said | None:
        if not self._more(said, relation):
            return None
        if said["kind"] == OFFSPRING:
            found = self.children[said["family"], said["rank"] + 1]
        elif said["kind"] == UNION:
            found = self.unions[said["person"], said["rank"] + 1]
        else:
            found = self.partners[said["family"], MOTHER]
        names = ("kind", "level", "back", "home", "note", "walk")
        return found | {name: said[name] for name in names if name in said}


def _left_out(said: Said) -> bool:
    return said["kind"] in (OFFSPRING, UNION) and said["note"] == said["rank"] + 1


def replay(inputs: torch.Tensor, targets: torch.Tensor) -> list[tuple[int, int, set[int]]]:
    """Answer an episode [T, channels] from its inputs, and compare every step with the targets.

    Returns:
        Of each question: (name of the person, relation, names of those found).
    """
    reader = Reader()
    found: list[tuple[int, int, set[int]]] = []
    begins = True
    for row, target in zip(inputs, targets):
        said = read(row, INPUTS)
        if "telling" in said:
            reader.hear(said)
            continue
        assert "answering" in said
        if begins:
            found.append((said["asked"], said["relation"], set()))
        wanted: dict[str, Any] = read(target, OUTPUTS)
        assert reader.next(said) == wanted
        if "is_answer" in wanted:
            found[-1][2].add(said["person"])
        begins = "end" in wanted
    assert begins, "the last step ends an answer"
    return [(person, relation, people - {person}) for person, relation, people in found]
