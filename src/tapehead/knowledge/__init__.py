"""Real files to ask about: family trees and maps, questions in words, and exact answers."""

from ._files import ReadError as ReadError
from ._read import EXAMPLES as EXAMPLES
from ._read import read as read
from ._read import read_bytes as read_bytes
from .ask import Answer as Answer
from .ask import ask as ask
from .graph import Edges as Edges
from .graph import Entity as Entity
from .graph import Fact as Fact
from .graph import KnowledgeGraph as KnowledgeGraph
from .living import hide_living as hide_living
from .questions import KinshipQuestion as KinshipQuestion
from .questions import PathQuestion as PathQuestion
from .questions import WalkQuestion as WalkQuestion
from .questions import parse as parse

__all__ = [
    "EXAMPLES",
    "Answer",
    "Edges",
    "Entity",
    "Fact",
    "KinshipQuestion",
    "KnowledgeGraph",
    "PathQuestion",
    "ReadError",
    "WalkQuestion",
    "ask",
    "hide_living",
    "parse",
    "read",
    "read_bytes",
]
