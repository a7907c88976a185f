"""Kinship as genealogists have it: an algebra, the names in it, and who is what to whom."""
