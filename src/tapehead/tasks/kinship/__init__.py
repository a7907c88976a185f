"""The kinship task: questions about relatives in a family tree."""

from .task import Kinship as Kinship
