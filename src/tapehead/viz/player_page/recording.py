"""What the player shows: one sequence with its trace, captions and, perhaps, a question with a picture."""

import dataclasses
from collections.abc import Sequence

from torch import Tensor

from ...tasks import Batch, Task
from ...types import Trace
from ..arrays import as_array, one_sequence
from .captions import step_captions


@dataclasses.dataclass(frozen=True)
class PictureNode:
    """A person, a family or a station."""

    label: str
    x: float
    y: float
    kind: str = "thing"
    """ "person", "family" (a small dot that joins people) or "station" """
    note: str = ""
    """a second line, such as the years of a life"""


@dataclasses.dataclass(frozen=True)
class PictureEdge:
    """A line between two nodes."""

    start: int
    """node number"""
    end: int
    """node number"""
    facts: tuple[int, ...] = ()
    """the facts (indices into :attr:`QuestionRecord.facts`) that highlight the line when they are read"""
    label: str = ""


@dataclasses.dataclass(frozen=True)
class Picture:
    """A family tree or a map; x grows to the right and y downwards, in CSS pixels."""

    kind: str
    """ "family" or "map" """
    nodes: tuple[PictureNode, ...]
    edges: tuple[PictureEdge, ...]
    start: int | None = None
    """the node that the question is about"""
    answers: tuple[int, ...] = ()
    """the nodes that the network answered, in its order"""


@dataclasses.dataclass(frozen=True)
class QuestionRecord:
    """A question about a graph, and its answers."""

    text: str
    """the question"""
    answers: tuple[str, ...]
    """the network's"""
    exact: tuple[str, ...]
    """those of the exact solver"""
    correct: bool
    facts: tuple[str, ...] = ()
    """a sentence for each fact given to the network, in the order of giving"""
    fact_steps: tuple[int, ...] = ()
    """of each fact: the step in which it was given"""
    step_facts: tuple[int, ...] = ()
    """of each step: the fact that it writes into the memory, as it is given or as one that the step before
    looked up; −1 for none"""
    answer_steps: tuple[int, ...] = ()
    """of each answer: the step in which it was given; empty: all in the last step"""
    confidence: float | None = None
    """0..1"""
    picture: Picture | None = None


@dataclasses.dataclass(frozen=True)
class Recording:
    """One sequence, as the player shows it.

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
    step_captions: Sequence[str] = ()
    """a name for each step, such as "answer 3" or "Alice —mother→ Jane"; also the name of what it writes"""
    question: QuestionRecord | None = None

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
        if self.step_captions and len(self.step_captions) != T:
            raise ValueError(
                f"step_captions has {len(self.step_captions)} entries, but the trace has {T} steps"
            )
        if self.question is not None:
            _check_lengths(self.question, T)

    @property
    def steps(self) -> int:
        """T."""
        return int(self.trace.memory.shape[0])


def _check_lengths(question: QuestionRecord, steps: int) -> None:
    for field, length in (
        ("fact_steps", len(question.facts)),
        ("step_facts", steps),
        ("answer_steps", len(question.answers)),
    ):
        given = len(getattr(question, field))
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
        title: the page's heading.
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
    recording = Recording(
        trace=one_sequence(trace, index, steps),
        title=title,
        subtitle=subtitle,
        outputs=None if outputs is None else outputs[:steps, index].detach().sigmoid(),
        input_labels=() if task is None else task.channels.inputs,
        output_labels=() if task is None else task.channels.outputs,
    )
    if batch is None:
        return recording
    inputs, mask = batch.inputs[:steps, index], batch.mask[:steps, index]
    return dataclasses.replace(
        recording,
        inputs=inputs,
        targets=batch.targets[:steps, index],
        mask=mask,
        step_captions=step_captions(as_array(inputs), as_array(mask), recording.input_labels),
    )
