"""The papers' tasks: specifications that draw episodes and score answers, by name.

>>> import tapehead.tasks
>>> task = tapehead.tasks.get("copy", max_length=5)
>>> batch = tapehead.tasks.Sampler(batch_size=16, seed=0).draw(task)
>>> float(task.loss(task.oracle(batch), batch).sum())
0.0
"""

from ._base import Batch as Batch
from ._base import Task as Task
from ._registry import from_dict as from_dict
from ._registry import get as get
from ._registry import names as names
from ._registry import register as register
from ._sampling import Sampler as Sampler
from .associative_recall import AssociativeRecall as AssociativeRecall
from .copy import Copy as Copy
from .graph import Inference as Inference
from .graph import ShortestPath as ShortestPath
from .graph import Traversal as Traversal
from .kinship import Kinship as Kinship
from .ngrams import NGrams as NGrams
from .priority_sort import PrioritySort as PrioritySort
from .reallocation import Reallocation as Reallocation
from .repeat_copy import RepeatCopy as RepeatCopy

__all__ = [
    "AssociativeRecall",
    "Batch",
    "Copy",
    "Inference",
    "Kinship",
    "NGrams",
    "PrioritySort",
    "Reallocation",
    "RepeatCopy",
    "Sampler",
    "ShortestPath",
    "Task",
    "Traversal",
    "from_dict",
    "get",
    "names",
    "register",
]
