"""A small folder in the form of bAbI's, typed in by us: tasks 1 and 8, and a part of task 3."""

from pathlib import Path

DATA = Path(__file__).parent / "data"
PUBLISHED = Path(__file__).parents[3].parent / "shared" / "data" / "babi"
"""The published files, where they are: tests of them skip elsewhere."""
