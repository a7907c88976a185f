"""A trained network answers: it is told the facts, then decodes under what it was told."""
