# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---
# %% [markdown]
# # Find your way through your own city
#
# A network reads a map it has never seen into its memory, and finds shortest paths by breadth-first search *in that memory*: map, queue
# and visited set all lie in its slots. The exact path stands beside its own.
#
# You need `pip install '.[knowledge,viz]'` in a checkout ([more](index.md)).
#
# ## A map that ships
#
# `london` is the Underground in zone 1, reduced to stations where lines cross.

# %%
from tapehead import knowledge

london = knowledge.read("london")
print(knowledge.ask(london, "shortest path from Paddington to Bank"))

# %% [markdown]
# Three kinds of questions: paths, what is nearby, and walks along lines.

# %%
for question in (
    "how many stops from Paddington to Bank",
    "which stations are within 2 stops of Victoria",
    "from Bond Street take Central, Central: where am I?",
):
    print(knowledge.ask(london, question), "\n")

# %% [markdown]
# ## Watch the search

# %% alt="The search of the network: the order in which it visited the stations, and the path"
# %matplotlib inline
from tapehead.viz.figures import plot_search

plot_search(london, knowledge.ask(london, "shortest path from Paddington to Bank"))

# %% [markdown]
# `tapehead ask london "shortest path from Paddington to Bank" --page search.html` plays it on the map, step by step.
#
# ## Your city
#
# **A table** is enough: a CSV with *from, edge, to*, a row for each direction. We write a small one here; yours comes from a spreadsheet.

# %%
import itertools
from pathlib import Path

rows = ["from,edge,to"]
tram = ["Harbour", "Market", "Town Hall", "Station", "Hospital", "Park"]
for here, there in itertools.pairwise(tram):
    rows += [f"{here},1 outbound,{there}", f"{there},1 inbound,{here}"]
bus = ["Park", "School", "Market", "Museum", "Harbour"]
for here, there in itertools.pairwise(bus):
    rows += [f"{here},12 outbound,{there}", f"{there},12 inbound,{here}"]
Path("city.csv").write_text("\n".join(rows), encoding="utf-8")

city = knowledge.read("city.csv")
print(knowledge.ask(city, "shortest path from Hospital to Museum"))

# %% [markdown]
# **A timetable.** Transport authorities publish their stops and lines as a *GTFS zip* ("open data", "GTFS", your city's name). Give the
# zip as it is: `knowledge.read("city.zip")`. Stations are merged by their parent station, lines and directions become edges. How long
# an edge takes is the median of its trips, from departure to arrival.
#
# **A graph** from other programs: GraphML and GML.
#
# ## The quickest way
#
# A shortest path has the fewest stops. If your table has a column of minutes (or `time`, `weight`, `metres`, …), or the map is a
# timetable, you can ask for the quickest way as well.

# %%
rows = ["from,edge,to,minutes"]
for here, there, minutes in (
    *(("Harbour", "Market", 3), ("Market", "Town Hall", 2), ("Town Hall", "Station", 2)),
    *(("Station", "Hospital", 2), ("Hospital", "Harbour", 12), ("Market", "Station", 6)),
):
    rows += [f"{here},tram,{there},{minutes}", f"{there},tram,{here},{minutes}"]
Path("timed.csv").write_text("\n".join(rows), encoding="utf-8")

timed = knowledge.read("timed.csv")
for question in (
    "shortest path from Harbour to Hospital",
    "quickest way from Harbour to Hospital",
    "how long does it take from Market to Hospital",
):
    print(knowledge.ask(timed, question), "\n")

# %% [markdown]
# The same network finds it, unchanged. It is told an edge of five minutes as five edges of one minute, over four waypoints; a
# breadth-first search of these *is* Dijkstra's search. All edges that lead to a place share its last waypoints, so that few are needed.
#
# - "quickest", "fastest", "fewest minutes", "least time", "how long does it take", "how many minutes" go by the column. "Shortest",
#   "fewest stops" and "how do I get from A to B" go by stops.
# - Several columns? `knowledge.read("city.csv", weights="fare")`, on the command line `--weights fare`.
# - A step is the largest unit that divides all weights. If that makes more steps than fit, weights are rounded to 1, 2, 5, 10, … units,
#   and the answer says so before anything else. The exact answer beside it goes by the weights as they are in the file.
# - A change of line costs nothing, and nobody waits for a train. An edge of no time takes one step; a missing or negative weight is an
#   error, which names the edge.
#
# ## How right is it?

# %%
import random

chooser = random.Random(1)
stations = [entity.name for entity in london.entities.values()]
right = 0
for _ in range(20):
    start, end = chooser.sample(stations, 2)
    right += knowledge.ask(london, f"shortest path from {start} to {end}").correct
print(f"{right} of 20 random paths are shortest paths")

# %% [markdown]
# That is a small sample, and on zone 1 it is right nearly always. On the whole Underground, with paths of up to 35 stops, 98 % are: a
# search takes thousands of steps there, and one wrong step spoils it. [Results](../results.md) has every number.
#
# A search engine would be faster and always right. What is shown here is something else: a network that *learned the algorithm from
# examples* and executes it in a memory it can read and write.
#
# Limits: at most 4,000 connections; for the quickest way the nearest 2,000, and 4,000 with the waypoints.
