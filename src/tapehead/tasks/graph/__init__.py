"""The graph tasks of the DNC paper: traversal, inference, shortest path."""

from .inference import Inference as Inference
from .shortest_path import ShortestPath as ShortestPath
from .traversal import Traversal as Traversal
