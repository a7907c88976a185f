# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---
# %% [markdown]
# # Ask your own family
#
# A network that has never seen your family is told its facts, one a step. It writes them into its memory, walks from fact to fact, and
# names whom it finds. A plain tree walk gives the exact answer beside it, so that you need not trust the network. Everything happens on
# your machine.
#
# You need `pip install '.[knowledge,viz]'` in a checkout ([more](index.md)). If you would
# rather not write Python, ask the same questions on the command line (`tapehead ask tree.ged "Who are Ada's great-uncles?"`) or on a local
# page (`tapehead serve`).
#
# ## Get your tree as a GEDCOM file
#
# GEDCOM is what genealogy programs exchange. The words to look for are *Export* and *GEDCOM*; the menus around them change from version to
# version. Those of Ancestry and MyHeritage below were compared with other people's guides, the others are from memory; none was tried in the program.
#
# | program | where |
# |---|---|
# | Gramps | *Family Trees → Export…*; the assistant asks for the format (*GEDCOM*) and for filters, of which you need none |
# | Ancestry | open the tree, then *Tree settings*, there *Export tree*; when the file is ready, a button downloads it |
# | MyHeritage | *Family tree → Manage trees*, in the row of the tree *Export to GEDCOM*; a link to the file may come by e-mail |
# | FamilySearch | by way of a program that synchronises with it, such as RootsMagic |
# | webtrees, Geneanet, MacFamilyTree | *Export* or *Download*, format GEDCOM |
#
# GEDCOM 5.5, 5.5.1 and 7.0 are read, in UTF-8, UTF-16, ANSEL and what some programs write instead. If the program asks, keep the living
# in the file: `hide_living` below hides them when you ask.
#
# ## A first question
#
# `family` is an example that ships: 70 people around Johann Sebastian Bach. Write `knowledge.read("tree.ged")` for your own.

# %%
import tapehead
from tapehead import knowledge

family = knowledge.read("family")
print(knowledge.ask(family, "Who are the siblings of Johann Sebastian Bach?"))

# %% [markdown]
# Read from above: what was understood; whom the network named, and how sure it was; the exact answer, and whether the two agree; how many
# facts are in the memory and which of them were read on the way.
#
# ## More questions
#
# Write them as you would say them. Dates tell namesakes apart: *Johann Ernst Bach (1683)*.

# %%
for question in (
    "Who is Carl Philipp Emanuel Bach's maternal grandfather?",
    "Who are Wilhelm Friedemann Bach's great-grandparents?",
    "Who are the nephews of Johann Sebastian Bach?",
):
    answer = knowledge.ask(family, question)
    print(f"{question}\n  {', '.join(answer.answers)}  {'✓' if answer.correct else '✗'}\n")

# %% [markdown]
# A name that is not there, or a question that is not understood, gets a sentence that says what to mend:

# %%
for question in ("Who is the father of Johann Sebastien Bach?", "How tall was Johann Sebastian Bach?"):
    try:
        knowledge.ask(family, question)
    except tapehead.TapeheadError as problem:
        print(problem)

# %% [markdown]
# ## How are two people related?
#
# This question goes to another network, the one that [finds ways on maps](find-your-way.md). The family is its map: every parent, child
# and spouse of the file is a tie, and the network searches its memory breadth first for the way of the fewest ties. Below it stands the
# relation as genealogists name it, which no network is asked for. It puts blood before marriage, so that its path may be another one; the
# answer then says so.

# %%
print(knowledge.ask(family, "How is Carl Philipp Emanuel Bach related to Anna Magdalena?"))

# %% [markdown]
# Of a family with more than 1,000 ties, the network is told those nearest to the two people, and 4,000 if it names no way by these. A
# question for one relation (*Is Veit Bach the father of Hans Bach?*) is answered exactly, without a network.
#
# ## What "98 % sure" means
#
# The facts are told under random numbers in place of names, so that the network cannot have learned yours. It then says hundreds of small
# steps; the percentage is its own probability of the least certain of them. Below 90 % it is asked again under other numbers, until two
# answers agree, and the percentage is that of the vote. It is **not** the chance that the answer is right: a network can be sure and wrong.
# So:
#
# - **✓ and ✗ count, not the percentage.** The exact answer is a search in your file, without any network.
# - If your file is wrong, both are.
# - On trees it never saw the network is right in 97.7 to 100 % of questions, by kind and size: [results](../results.md).
#
# ## See what it read

# %% alt="The facts that the network read for the answer, as a small tree"
# %matplotlib inline
from tapehead.viz.figures import plot_answer

plot_answer(knowledge.ask(family, "Who are the siblings of Johann Sebastian Bach?"))

# %% [markdown]
# `tapehead trace --data tree.ged --question "…" --out play.html` records every step as a page to play.
#
# ## Privacy
#
# - Nothing leaves your machine: no account, no request, no copy on disk. `tapehead serve` listens to 127.0.0.1 alone.
# - `hide_living=True` (on the command line `--hide-living`) hides names and dates of people who may be alive: nobody with a recorded death,
#   nobody born 110 years ago or earlier, none of their ancestors; everybody else.
# - Figures and pages contain the names that they show. Look before you share one.

#
# All the Bachs have been dead for long, so here is a tree of three. A GEDCOM file is text, a fact a line:

# %%
from pathlib import Path

Path("three.ged").write_text(
    """\
0 HEAD
1 GEDC
2 VERS 5.5.1
1 CHAR UTF-8
0 @I1@ INDI
1 NAME Ada /Stone/
1 BIRT
2 DATE 1990
1 FAMC @F1@
0 @I2@ INDI
1 NAME Bela /Stone/
1 BIRT
2 DATE 1960
1 DEAT Y
1 FAMS @F1@
1 FAMC @F2@
0 @I3@ INDI
1 NAME Cora /Wood/
1 BIRT
2 DATE 1899
1 FAMS @F2@
0 @F1@ FAM
1 HUSB @I2@
1 CHIL @I1@
0 @F2@ FAM
1 WIFE @I3@
1 CHIL @I2@
0 TRLR
""",
    encoding="utf-8",
)
for hide in (False, True):
    people = knowledge.read("three.ged", hide_living=hide).entities.values()
    print([person.name for person in people if person.kind == "person"])

# %% [markdown]
# ## When a tree is too large
#
# A memory has room for some hundred facts. Of a larger tree the network is told the part around the people of the question, and the
# answer says in a note what was left out. The exact answer always knows the whole file.
#
# ## In a program

# %%
answer = knowledge.ask(family, "Who is Carl Philipp Emanuel Bach's maternal grandfather?")
answer.to_dict()
