"""Parses questions in words by a small grammar: kinship; walks along lines, shortest paths, places nearby."""

import re

from ..graph import KnowledgeGraph
from .kinship import parse_kinship
from .routes import parse_travel
from .types import FAMILY_EXAMPLES as FAMILY_EXAMPLES
from .types import MAP_EXAMPLES as MAP_EXAMPLES
from .types import CheckQuestion as CheckQuestion
from .types import FamilyQuestion as FamilyQuestion
from .types import KinshipQuestion as KinshipQuestion
from .types import MapQuestion as MapQuestion
from .types import NearbyQuestion as NearbyQuestion
from .types import PathQuestion as PathQuestion
from .types import Question as Question
from .types import QuestionError as QuestionError
from .types import TieQuestion as TieQuestion
from .types import WalkQuestion as WalkQuestion

MAX_QUESTION = 1000


def parse(question: str, graph: KnowledgeGraph) -> Question:
    """Parse a question in words.

    Args:
        question: in English.
        graph: what it is about; names are looked up in it.

    Raises:
        InputError: an unknown or ambiguous name, an unknown relation, or words that are not understood; the
            message says what would be.
    """
    words = re.sub(r"[‘’`´]", "'", re.sub(r"[“”]", '"', " ".join(question.split())))
    words = re.sub(r"[\s,]+(?:please|thanks|thank you)$", "", words.strip(' "?.!;:,'), flags=re.IGNORECASE)
    if not words:
        examples = FAMILY_EXAMPLES if graph.is_family else MAP_EXAMPLES
        raise QuestionError(f"there is no question: ask, for example, {examples}")
    if len(words) > MAX_QUESTION:
        raise QuestionError(f"the question has {len(words):,} characters: ask in {MAX_QUESTION:,} at most")
    return parse_kinship(words, graph) if graph.is_family else parse_travel(words, graph)
