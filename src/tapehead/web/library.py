"""What the page can show: trained models, examples, and the files that were dropped on it, all in memory."""

import secrets
import threading
from collections import OrderedDict
from typing import Any

from .. import hub, knowledge, tasks
from ..errors import InputError
from ..knowledge import KnowledgeGraph
from ..nn import Machine
from ..viz.player_page import describe_model, has_bit_outputs
from .suggestions import suggest

MAX_KEPT = 8
"""Dropped files that are kept; the next one takes the place of the least recently used."""
USUAL_LENGTH = 12
SIMPLEST = "ntm-copy"
EXAMPLE_WORDS = {"family": "a family of the past", "london": "the London Underground, zone 1"}


class Library:
    """Models and graphs by name. It writes nothing to disk, and several threads may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._machines: dict[str, Machine] = {}
        self._dropped: OrderedDict[str, KnowledgeGraph] = OrderedDict()
        self._examples: dict[str, KnowledgeGraph] = {}

    def watchable(self) -> list[dict[str, Any]]:
        """The shipped models that can do their task without further data."""
        found = []
        for name in hub.names():
            config = hub.info(name)
            described = config.get("task") or {}
            arguments = config["arguments"]
            if described.get("name") not in tasks.names() or "memory_size" not in arguments:
                continue
            if arguments.get("access") == "sparse":  # the player shows dense weightings
                continue
            task = tasks.from_dict(described)
            if not has_bit_outputs(task):
                continue
            size = "length" if "length" in task.sizes else next(iter(task.sizes), None)
            largest = None if size is None else getattr(task, size, None) or getattr(task, f"max_{size}")
            found.append(
                {
                    "name": name,
                    "task": task.name,
                    "about": describe_model(config, arguments["memory_size"]),
                    "size": size,
                    "usual": None
                    if largest is None
                    else _usual(task, getattr(task, f"min_{size}", 1), largest),
                    "trained_to": largest,
                }
            )
        # The simplest is what the page begins with.
        return sorted(found, key=lambda model: model["name"] != SIMPLEST)

    def examples(self) -> list[dict[str, str]]:
        """The data that comes with tapehead."""
        return [{"name": name, "about": EXAMPLE_WORDS.get(name, name)} for name in knowledge.EXAMPLES]

    def check_name(self, name: str) -> None:
        """Refuse what is no name of a shipped model, before anything looks at the file system: a folder, say.

        Raises:
            InputError: no such model.
        """
        names = hub.names()
        if name not in (*names, *hub.FORMER_NAMES):
            raise InputError(f"there is no model {name[:80]!r}: the models are {', '.join(names)}")

    def machine(self, name: str) -> Machine:
        """A shipped model, loaded once.

        Raises:
            InputError: no such model; a path is not a name.
        """
        self.check_name(name)
        with self._lock:
            if name not in self._machines:
                self._machines[name] = hub.load(name)
            return self._machines[name]

    def take(self, data: bytes, filename: str) -> dict[str, Any]:
        """Read a dropped file and keep it.

        Raises:
            InputError: it cannot be read; the message says why.
        """
        graph = knowledge.read_bytes(data, filename)
        key = secrets.token_urlsafe(9)
        with self._lock:
            self._dropped[key] = graph
            while len(self._dropped) > MAX_KEPT:
                self._dropped.popitem(last=False)
        return _described(key, graph)

    def describe(self, name: str) -> dict[str, Any]:
        """What is in a graph, as :meth:`take` returns it.

        Raises:
            InputError: no such graph.
        """
        return _described(name, self.graph(name))

    def graph(self, name: str) -> KnowledgeGraph:
        """A dropped file or an example.

        Raises:
            InputError: it is neither, or was forgotten.
        """
        with self._lock:
            if name in self._dropped:
                self._dropped.move_to_end(name)
                return self._dropped[name]
            if name in knowledge.EXAMPLES:
                if name not in self._examples:
                    self._examples[name] = knowledge.read(name)
                return self._examples[name]
        raise InputError("that file is no longer here: drop it once more, or choose an example")


def _usual(task: tasks.Task, smallest: int, largest: int) -> int:
    """A length that is soon looked at, of those in training, if the task can take it."""
    usual = min(largest, max(smallest, USUAL_LENGTH))
    try:
        task.with_max_sizes(usual)
    except ValueError:  # To sort twelve vectors of which sixteen are to be answered.
        return largest
    return usual


def _described(key: str, graph: KnowledgeGraph) -> dict[str, Any]:
    kind = "person" if graph.is_family else "place"
    return {
        "id": key,
        "name": graph.name,
        "kind": "family" if graph.is_family else "map",
        "things": sum(entity.kind == kind for entity in graph.entities.values()),
        "facts": len(graph.facts),
        "notes": graph.notes[:5],
        "suggestions": suggest(graph),
    }
