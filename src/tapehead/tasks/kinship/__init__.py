"""Kinship: questions about who is whose what in a family."""
