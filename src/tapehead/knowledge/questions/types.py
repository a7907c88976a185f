"""The kinds of questions."""

import dataclasses

from ...errors import InputError
from ...tasks.kinship.relations import Relation
from ..kinship.terms import Chain, chain_title


class QuestionError(InputError):
    """A question that is not understood, or that this file cannot answer; the message says what would be."""


@dataclasses.dataclass(frozen=True)
class KinshipQuestion:
    """Who stands in a relation to a person?"""

    person: str
    """entity id"""
    chain: Chain
    """one relation, or one after the other: "mother's sister's sons" """
    relation: Relation | None = None
    """of those that the network has learned the one that is meant; None: none of them"""
    count: bool = False
    """the question is how many they are"""
    other: str = ""
    """entity id of a second person to whom they stand in it, too: "children of Ann and Bob"; else empty"""

    @property
    def title(self) -> str:
        """ "maternal grandfathers", "mother's sister's sons"."""
        return self.relation.name if self.relation is not None else chain_title(self.chain)


@dataclasses.dataclass(frozen=True)
class TieQuestion:
    """How is a person related to another?"""

    person: str
    other: str
    """entity ids"""


@dataclasses.dataclass(frozen=True)
class CheckQuestion:
    """Is a person the father, or a cousin, of another?"""

    person: str
    other: str
    """entity ids"""
    chain: Chain = ()
    """what the person may be to the other; (): related at all"""


@dataclasses.dataclass(frozen=True)
class WalkQuestion:
    """Where does a walk lead that starts at a place and takes these lines, one stop each?"""

    start: str
    """entity id"""
    lines: tuple[str, ...]
    """labels of :attr:`KnowledgeGraph.edges`"""
    note: str = ""
    """a sentence where the words left open which way to go"""


@dataclasses.dataclass(frozen=True)
class PathQuestion:
    """Which path between two places is the shortest?"""

    start: str
    end: str
    """entity ids"""
    only_length: bool = False
    """the question is how many stops it has, or how long it takes"""
    weighted: bool = False
    """the path of least weight is meant, not the one of the fewest stops"""
    note: str = dataclasses.field(default="", compare=False)
    """a sentence where the words ask for more than the map says"""


@dataclasses.dataclass(frozen=True)
class NearbyQuestion:
    """Which places can be reached from a place within some stops?"""

    start: str
    """entity id"""
    stops: int
    """at least 1"""


FamilyQuestion = KinshipQuestion | TieQuestion | CheckQuestion
"""A question about people, as it was understood."""
MapQuestion = WalkQuestion | PathQuestion | NearbyQuestion
"""A question about a map, as it was understood."""
Question = FamilyQuestion | MapQuestion
"""A question as it was understood."""

FAMILY_EXAMPLES = (
    '"Who is Queen Victoria\'s maternal grandfather?", "Who are the first cousins of Nicholas II?",'
    ' "How is Queen Victoria related to Nicholas II?"'
)
MAP_EXAMPLES = (
    '"from Bond Street take Central, Circle, Circle: where am I?",'
    ' "shortest path from Moorgate to Piccadilly Circus", "how many stops from Bank to Oxford Circus",'
    ' "which stations are within 3 stops of Bank", "quickest way from Bank to Victoria"'
)
