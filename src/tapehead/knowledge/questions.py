"""Questions in words, by a small grammar: about kinship, about walks along lines, the way between places."""

import re

from ._asked import FAMILY_EXAMPLES as FAMILY_EXAMPLES
from ._asked import MAP_EXAMPLES as MAP_EXAMPLES
from ._asked import KinshipQuestion as KinshipQuestion
from ._asked import PathQuestion as PathQuestion
from ._asked import Question as Question
from ._asked import QuestionError as QuestionError
from ._asked import WalkQuestion as WalkQuestion
from ._kinship_words import parse_kinship
from ._travel_words import parse_travel
from .graph import KnowledgeGraph

LONGEST_QUESTION = 1000


def parse(question: str, graph: KnowledgeGraph) -> Question:
    """Understand a question.

    Args:
        question: in English.
        graph: what it is about; names are looked up in it.

    Raises:
        UserError: an unknown or ambiguous name, an unknown relation, or words that are not understood; the
            message says what would be.
    """
    words = re.sub(r"[‘’`´]", "'", re.sub(r"[“”]", '"', " ".join(question.split())))
    words = re.sub(r"[\s,]+(?:please|thanks|thank you)$", "", words.strip(' "?.!;:,'), flags=re.IGNORECASE)
    if not words:
        examples = FAMILY_EXAMPLES if graph.is_family else MAP_EXAMPLES
        raise QuestionError(f"there is no question: ask, for example, {examples}")
    if len(words) > LONGEST_QUESTION:
        raise QuestionError(
            f"the question has {len(words):,} characters: ask in {LONGEST_QUESTION:,} at most"
        )
    return parse_kinship(words, graph) if graph.is_family else parse_travel(words, graph)
