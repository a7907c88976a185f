"""Reads family trees and maps, and answers questions about them by a network and by an exact solver."""

from .answers import Answer as Answer
from .ask import ask as ask
from .ask import ask_parsed as ask_parsed
from .ask import model_for as model_for
from .ask_family import needs_network as needs_network
from .graph import Edges as Edges
from .graph import Entity as Entity
from .graph import Fact as Fact
from .graph import KnowledgeGraph as KnowledgeGraph
from .privacy import hide_living as hide_living
from .questions import CheckQuestion as CheckQuestion
from .questions import KinshipQuestion as KinshipQuestion
from .questions import NearbyQuestion as NearbyQuestion
from .questions import PathQuestion as PathQuestion
from .questions import Question as Question
from .questions import TieQuestion as TieQuestion
from .questions import WalkQuestion as WalkQuestion
from .questions import parse as parse
from .readers.files import ReadError as ReadError
from .readers.read import EXAMPLES as EXAMPLES
from .readers.read import read as read
from .readers.read import read_bytes as read_bytes

__all__ = [
    "EXAMPLES",
    "Answer",
    "CheckQuestion",
    "Edges",
    "Entity",
    "Fact",
    "KinshipQuestion",
    "KnowledgeGraph",
    "NearbyQuestion",
    "PathQuestion",
    "Question",
    "ReadError",
    "TieQuestion",
    "WalkQuestion",
    "ask",
    "ask_parsed",
    "hide_living",
    "model_for",
    "needs_network",
    "parse",
    "read",
    "read_bytes",
]
