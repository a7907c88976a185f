"""What the player plays: one sequence, and what its steps mean in words."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from ...tasks import Batch, Task
from ...types import Trace
from .words import step_words


@dataclasses.dataclass(frozen=True)
class Node:
    """A person, a family or a station in the picture beside the memory."""

    label: str
    x: float
    y: float
    kind: str = "thing"
    """ "person", "family" (a small dot that joins people) or "station" """
    note: str = ""
    """a second line, such as the years of a life"""


@dataclasses.dataclass(frozen=True)
class Edge:
    """A line of the picture."""

    start: int
    """node number"""
    end: int
    """node number"""
    facts: tuple[int, ...] = ()
    """the facts (numbers in :attr:`Asked.facts`) that light the line when they are read"""
    label: str = ""


@dataclasses.dataclass(frozen=True)
class Picture:
    """A family tree or a map; x grows to the right and y downwards, in any unit."""

    kind: str
    """ "family" or "map" """
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    start: int | None = None
    """the node that the question is about"""
    answers: tuple[int, ...] = ()
    """the nodes that the network answered, in its order"""


@dataclasses.dataclass(frozen=True)
class Asked:
    """A question about a graph, and its answers."""

    question: str
    answers: tuple[str, ...]
    """the network's"""
    exact: tuple[str, ...]
    """the exact ones"""
    correct: bool
    facts: tuple[str, ...] = ()
    """a sentence for every fact that was given, in that order"""
    fact_steps: tuple[int, ...] = ()
    """of every fact: the step in which it was given"""
    step_facts: tuple[int, ...] = ()
    """of every step: the fact that it writes down, as it is told or as a note of what was looked up; −1 for
    none"""
    answer_steps: tuple[int, ...] = ()
    """of every answer: the step in which it was given; when left out, the last"""
    confidence: float | None = None
    """0..1"""
    picture: Picture | None = None


@dataclasses.dataclass(frozen=True)
class Recording:
    """One sequence, ready to be played.

    Raises:
        ValueError: axes that do not belong together.
    """

    trace: Trace
    """of one sequence: [T, ...], without a batch axis"""
    title: str
    inputs: Tensor | None = None
    """[T, inputs]"""
    outputs: Tensor | None = None
    """[T, outputs]: as they are to be shown, so probabilities where the outputs are bits"""
    targets: Tensor | None = None
    """[T, outputs]"""
    mask: Tensor | None = None
    """[T], bool: the steps whose targets count"""
    subtitle: str = ""
    input_labels: Sequence[str] = ()
    output_labels: Sequence[str] = ()
    step_words: Sequence[str] = ()
    """what each step says in words, such as "answer 3" or "Alice —mother→ Jane"; what a step writes into a
    slot is called by these words"""
    asked: Asked | None = None

    def __post_init__(self) -> None:
        if self.trace.memory.dim() != 3:
            raise ValueError(
                f"trace.memory has shape {list(self.trace.memory.shape)}: a recording holds one sequence, "
                "[T, N, W]"
            )
        T = self.steps
        for name in ("inputs", "outputs", "targets", "mask"):
            field = getattr(self, name)
            if field is not None and field.shape[0] != T:
                raise ValueError(f"{name} has {field.shape[0]} steps, but the trace has {T}")
        if self.step_words and len(self.step_words) != T:
            raise ValueError(f"step_words has {len(self.step_words)} entries, but the trace has {T} steps")
        if self.asked is not None:
            _check_lengths(self.asked, T)

    @property
    def steps(self) -> int:
        """T."""
        return int(self.trace.memory.shape[0])


def _check_lengths(asked: Asked, steps: int) -> None:
    for field, length in (
        ("fact_steps", len(asked.facts)),
        ("step_facts", steps),
        ("answer_steps", len(asked.answers)),
    ):
        given = len(getattr(asked, field))
        if given not in (0, length):
            raise ValueError(f"{field} has {given} entries, but there should be {length}")


def record(
    trace: Trace,
    title: str,
    *,
    batch: Batch | None = None,
    outputs: Tensor | None = None,
    task: Task | None = None,
    index: int = 0,
    subtitle: str = "",
) -> Recording:
    """A recording of one sequence of a batch.

    Args:
        trace: as a time-first machine returned it, [T, B, ...], or of an unbatched sequence, [T, ...].
        title: what the player is headed with.
        batch: what the machine ran over.
        outputs: its logits for the batch, [T, B, outputs]; shown as probabilities of a 1.
        task: for the names of the channels.
        index: which sequence of the batch.
        subtitle: a line below the title.

    Raises:
        ValueError: no such sequence, or shapes that do not belong together.
    """
    if trace.memory.dim() == 3:
        trace = trace.map(lambda field: field.unsqueeze(1))
        outputs = outputs.unsqueeze(1) if outputs is not None and outputs.dim() == 2 else outputs
    T, B = trace.memory.shape[:2]
    if not 0 <= index < B:
        raise ValueError(f"index is {index}: the trace has the sequences 0 to {B - 1}")
    for name, field in (("batch", None if batch is None else batch.mask), ("outputs", outputs)):
        if field is not None and tuple(field.shape[:2]) != (T, B):
            raise ValueError(f"{name} begins with axes {list(field.shape[:2])}, but the trace with {[T, B]}")
    steps = T if batch is None else int(batch.lengths[index])
    one = trace.map(lambda field: field[:steps, index].detach())
    inputs = None if batch is None else batch.inputs[:steps, index]
    mask = None if batch is None else batch.mask[:steps, index]
    labels = () if task is None else task.channels.inputs
    return Recording(
        trace=one,
        title=title,
        subtitle=subtitle,
        inputs=inputs,
        outputs=None if outputs is None else outputs[:steps, index].detach().sigmoid(),
        targets=None if batch is None else batch.targets[:steps, index],
        mask=mask,
        input_labels=labels,
        output_labels=() if task is None else task.channels.outputs,
        step_words=() if inputs is None or mask is None else step_words(_array(inputs), _array(mask), labels),
    )


def _array(field: Tensor) -> np.ndarray:
    return field.detach().cpu().numpy()
