"""The papers' tasks by name: each draws episodes and scores a machine's outputs.

>>> import tapehead.tasks
>>> task = tapehead.tasks.get("copy", max_length=5)
>>> batch = tapehead.tasks.Sampler(batch_size=16, seed=0).draw(task)
>>> float(task.loss(task.oracle(batch), batch).sum())
0.0
"""

from .algorithmic.associative_recall import AssociativeRecall as AssociativeRecall
from .algorithmic.copy import Copy as Copy
from .algorithmic.ngrams import NGrams as NGrams
from .algorithmic.priority_sort import PrioritySort as PrioritySort
from .algorithmic.reallocation import Reallocation as Reallocation
from .algorithmic.repeat_copy import RepeatCopy as RepeatCopy
from .babi import Babi as Babi
from .base import Batch as Batch
from .base import Channels as Channels
from .base import Task as Task
from .graph import Inference as Inference
from .graph import Search as Search
from .graph import ShortestPath as ShortestPath
from .graph import Traversal as Traversal
from .kinship import Kinship as Kinship
from .registry import from_dict as from_dict
from .registry import get as get
from .registry import names as names
from .registry import register as register
from .sampler import Sampler as Sampler

__all__ = [
    "AssociativeRecall",
    "Babi",
    "Batch",
    "Channels",
    "Copy",
    "Inference",
    "Kinship",
    "NGrams",
    "PrioritySort",
    "Reallocation",
    "RepeatCopy",
    "Sampler",
    "Search",
    "ShortestPath",
    "Task",
    "Traversal",
    "from_dict",
    "get",
    "names",
    "register",
]
