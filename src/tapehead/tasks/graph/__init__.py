"""The graph tasks of the DNC paper, traversal, inference and shortest path; and search, our own."""

from .inference import Inference as Inference
from .search import Search as Search
from .shortest_path import ShortestPath as ShortestPath
from .traversal import Traversal as Traversal
