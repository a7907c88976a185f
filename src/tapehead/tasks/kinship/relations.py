"""The kinship relations by name, each a set of walks through a family tree.

A walk is a string of moves: F to the father, M to the mother, P to either parent, C to every child, S to
every spouse. A C straight after a move up (F, M or P) goes to the *other* children of the very same couple,
so that "PC" are the full siblings and "PPCC" the first cousins; half-siblings have names of their own (H: the
children that a parent has with somebody else). A relation is the set of all people in which one of its walks
ends, of one sex if it says so, without the person asked about.
"""

import dataclasses
from typing import Literal

MOVES = "FMPCSH"


@dataclasses.dataclass(frozen=True)
class Relation:
    """One relation of kinship."""

    name: str
    """in the plural, as a question asks for it: "maternal great-uncles\""""
    singular: str
    """ "maternal great-uncle\""""
    walks: tuple[str, ...]
    sex: Literal["m", "f"] | None = None
    """of those who are meant; None: everybody"""
    other_names: tuple[str, ...] = ()
    """further names, singular or plural"""

    @property
    def length(self) -> int:
        """Steps of the longest walk: parents 1, siblings 2, first cousins 4."""
        return max(map(len, self.walks))


def _three(plural: str, male: str, female: str, *walks: str, singular: str = "") -> list[Relation]:
    """Everybody, the men and the women: siblings, brothers, sisters."""
    return [
        Relation(plural, singular or plural.removesuffix("s"), walks),
        Relation(male, male.removesuffix("s"), walks, "m"),
        Relation(female, female.removesuffix("s"), walks, "f"),
    ]


def _up(prefix: str, *walks: str) -> list[Relation]:
    return _three(f"{prefix}parents", f"{prefix}fathers", f"{prefix}mothers", *walks)


def _uncles(prefix: str, *walks: str) -> list[Relation]:
    return [
        Relation(f"{prefix}uncles", f"{prefix}uncle", walks, "m"),
        Relation(f"{prefix}aunts", f"{prefix}aunt", walks, "f"),
    ]


RELATIONS: tuple[Relation, ...] = (
    # Walks of one step.
    Relation("parents", "parent", ("P",)),
    Relation("fathers", "father", ("F",)),
    Relation("mothers", "mother", ("M",)),
    Relation("children", "child", ("C",)),
    Relation("sons", "son", ("C",), "m"),
    Relation("daughters", "daughter", ("C",), "f"),
    Relation("spouses", "spouse", ("S",), None, ("partner", "partners")),
    Relation("husbands", "husband", ("S",), "m"),
    Relation("wives", "wife", ("S",), "f"),
    # Two steps.
    *_three("siblings", "brothers", "sisters", "PC"),
    *_three("half-siblings", "half-brothers", "half-sisters", "PH"),
    *_up("grand", "PP"),
    Relation("paternal grandparents", "paternal grandparent", ("FP",)),
    Relation("paternal grandfathers", "paternal grandfather", ("FF",)),
    Relation("paternal grandmothers", "paternal grandmother", ("FM",)),
    Relation("maternal grandparents", "maternal grandparent", ("MP",)),
    Relation("maternal grandfathers", "maternal grandfather", ("MF",)),
    Relation("maternal grandmothers", "maternal grandmother", ("MM",)),
    Relation("grandchildren", "grandchild", ("CC",)),
    Relation("grandsons", "grandson", ("CC",), "m"),
    Relation("granddaughters", "granddaughter", ("CC",), "f"),
    Relation("parents-in-law", "parent-in-law", ("SP",)),
    Relation("fathers-in-law", "father-in-law", ("SF",)),
    Relation("mothers-in-law", "mother-in-law", ("SM",)),
    Relation("children-in-law", "child-in-law", ("CS",)),
    Relation("sons-in-law", "son-in-law", ("CS",), "m"),
    Relation("daughters-in-law", "daughter-in-law", ("CS",), "f"),
    # Three steps.
    *_up("great-grand", "PPP"),
    *_uncles("", "PPC"),
    *_uncles("paternal ", "FPC"),
    *_uncles("maternal ", "MPC"),
    Relation("nephews", "nephew", ("PCC",), "m"),
    Relation("nieces", "niece", ("PCC",), "f"),
    Relation("great-grandchildren", "great-grandchild", ("CCC",)),
    Relation("great-grandsons", "great-grandson", ("CCC",), "m"),
    Relation("great-granddaughters", "great-granddaughter", ("CCC",), "f"),
    Relation("brothers-in-law", "brother-in-law", ("SPC", "PCS"), "m"),
    Relation("sisters-in-law", "sister-in-law", ("SPC", "PCS"), "f"),
    # Four steps.
    *_up("great-great-grand", "PPPP"),
    *_uncles("great-", "PPPC"),
    *_uncles("paternal great-", "FPPC"),
    *_uncles("maternal great-", "MPPC"),
    Relation("first cousins", "first cousin", ("PPCC",), None, ("cousin", "cousins")),
    Relation("paternal first cousins", "paternal first cousin", ("FPCC",), None, ("paternal cousins",)),
    Relation("maternal first cousins", "maternal first cousin", ("MPCC",), None, ("maternal cousins",)),
    Relation("great-nephews", "great-nephew", ("PCCC",), "m", ("grandnephew", "grandnephews")),
    Relation("great-nieces", "great-niece", ("PCCC",), "f", ("grandniece", "grandnieces")),
    Relation("great-great-grandchildren", "great-great-grandchild", ("CCCC",)),
    # Five and six steps.
    Relation("first cousins once removed", "first cousin once removed", ("PPPCC", "PPCCC")),
    Relation("second cousins", "second cousin", ("PPPCCC",)),
)

BY_NAME: dict[str, Relation] = {relation.name: relation for relation in RELATIONS}


def moves_of(walk: str) -> tuple[tuple[str, str], ...]:
    """A walk in pairs of moves, to a family and on to a person, as :mod:`.channels` names them.

    >>> moves_of("FPCC")
    (('U', 'f'), ('U', "c'"), ('u', 'c'))
    """
    pairs: list[tuple[str, str]] = []
    for place, move in enumerate(walk):
        across = move == "C" and walk[place - 1 : place] in ("F", "M", "P")
        if across:
            pairs[-1] = ("U", "c'")
        else:
            pairs.append(_PAIRS[move])
    return tuple(pairs)


_PAIRS = {
    "F": ("U", "f"),
    "M": ("U", "m"),
    "P": ("U", "p"),
    "C": ("u", "c"),
    "S": ("u", "s"),
    "H": ("u'", "c"),
}
