"""The kinds of questions."""

import dataclasses

from ...errors import InputError
from ...tasks.kinship.relations import Relation


class QuestionError(InputError):
    """A question that is not understood, or that this file cannot answer; the message says what would be."""


@dataclasses.dataclass(frozen=True)
class KinshipQuestion:
    """Who stands in a relation to a person?"""

    person: str
    """entity id"""
    relation: Relation


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
    """the question is how many stops it has"""


@dataclasses.dataclass(frozen=True)
class NearbyQuestion:
    """Which places can be reached from a place within some stops?"""

    start: str
    """entity id"""
    stops: int
    """at least 1"""


Question = KinshipQuestion | WalkQuestion | PathQuestion | NearbyQuestion
"""A question as it was understood."""

FAMILY_EXAMPLES = (
    '"Who is Queen Victoria\'s maternal grandfather?", "Who are the first cousins of Nicholas II?"'
)
MAP_EXAMPLES = (
    '"from Bond Street take Central, Circle, Circle: where am I?",'
    ' "shortest path from Moorgate to Piccadilly Circus", "how many stops from Bank to Oxford Circus",'
    ' "which stations are within 3 stops of Bank"'
)
