"""Kinship: questions about who is whose what in a family."""

from .task import Kinship as Kinship
