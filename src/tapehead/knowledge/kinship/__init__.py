"""Kinship as genealogists have it: an algebra, the names in it, and who is what to whom.

A relation is so many generations up and so many down, by birth or otherwise, with marriages at its ends
(:mod:`.relation`). :mod:`.namer` gives each a name, :mod:`.grammar` understands the names and the words that
people use, :mod:`.relatives` finds whoever is something to somebody, :mod:`.ties` what two people are to each
other, and :mod:`.explain` says it in sentences.
"""
