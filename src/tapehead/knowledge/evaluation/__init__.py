"""Scores of a trained network on a real graph."""
