"""bAbI: twenty kinds of questions about short stories, told word by word (Weston et al. 2015)."""

from .folder import Corpus as Corpus
from .folder import read_corpus as read_corpus
from .reader import StoryError as StoryError
from .task import Babi as Babi

__all__ = ["Babi", "Corpus", "StoryError", "read_corpus"]
