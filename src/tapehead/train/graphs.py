"""The runs on graphs: the DNC paper's (``dnc-…-paper``), ours, and the searches of maps and families.

Extended Data Tables 2 and 3 of Graves et al. 2016, doi:10.1038/nature20101, give sizes and lessons.
"""

import dataclasses
from typing import Any

from ..tasks import Search, Task
from ..tasks.graph import Inference, ShortestPath, Traversal
from . import lessons
from .config import CurriculumConfig, OptimizerConfig, TrainConfig
from .models import AnyConfig, dnc, lstm, ntm
from .optimizer_presets import FAST_OPTIMIZER


def _graph_paper(
    task: Task, curriculum: CurriculumConfig, *, layers: int, slots: int, batch_size: int, lr: float
) -> TrainConfig:
    return TrainConfig(
        task=task,
        model=dnc(hidden_size=256, memory_size=slots, word_size=50, num_reads=5, num_layers=layers),
        # DNC Methods, "Optimization": RMSProp in Tieleman and Hinton's form, which has no momentum, and the
        # gradient clipped at the controller's activations.
        optimizer=OptimizerConfig(
            name="rmsprop", lr=lr, momentum=0.0, decay=0.9, clip="controller", clip_value=10.0
        ),
        batch_size=batch_size,
        sequences=2_000_000,  # the best LSTM was trained on "almost 2 million" examples, the DNC on one
        validate_every=20_000,
        curriculum=curriculum,
    )


def _lookup_ntm(
    task: Task,
    curriculum: CurriculumConfig,
    *,
    hidden_size: int,
    word_size: int,
    heads: int,
    sequences: int,
) -> TrainConfig:
    """A machine without a state but its memory, whose steps look up one record each."""
    return TrainConfig(
        task=task,
        model=ntm(
            hidden_size=hidden_size,
            memory_size=256,
            word_size=word_size,
            num_reads=heads,
            num_writes=heads,
            controller="feedforward",
            init="lookup",
            feed_reads=False,
            read_first=True,
            write_gate=True,
            clip_weighting_gradient=1.0,
        ),
        optimizer=dataclasses.replace(FAST_OPTIMIZER, clip_value=1.0, warmup=100, final_lr=5e-6),
        batch_size=8,
        sequences=sequences,
        validate_every=8_000,
        validation_sequences=64,
        curriculum=curriculum,
        fit_memory=True,
        supervise_writes=2.0,
        ema_decay=0.999,
        rollback_above=2.5,
    )


def _graph(
    task: Task,
    model: AnyConfig,
    curriculum: CurriculumConfig,
    sequences: int,
    clip_value: float = 200.0,  # The loss is a sum over tens of answers of nine digits each.
    warmup: int = 0,
    final_lr: float | None = None,
    **fields: Any,
) -> TrainConfig:
    return TrainConfig(
        task=task,
        model=model,
        optimizer=dataclasses.replace(
            FAST_OPTIMIZER, clip_value=clip_value, warmup=warmup, final_lr=final_lr
        ),
        batch_size=8,
        sequences=sequences,
        validate_every=8_000,
        curriculum=curriculum,
        **fields,
    )


GRAPH_DNC = dnc(hidden_size=256, memory_size=128, word_size=64, num_reads=2, init="lookup")
# No state but the memory's: each step of a walk looks up an edge, whose words are as long as to hold what the
# step sees and what the step before has read; the answer follows the links. (With an LSTM walks of more than
# ten steps went wrong in the middle.)
WALKING_DNC = dataclasses.replace(GRAPH_DNC, controller="feedforward", hidden_size=320, word_size=192)
# A state of its own is a place to remember few things in, short of learning to use the memory. Masks, because
# all edges that lead to a set of places are looked up at once, whatever else they say. Long names, because
# other places have the digits of a set, too: with three, perfect lookups find a fifth of London's four-step
# paths.
SCRATCHPAD_DNC = dnc(
    hidden_size=384,
    memory_size=128,
    word_size=288,
    num_reads=2,
    controller="feedforward",
    init="lookup",
    masked_lookup=True,
)
SCRATCHPAD: dict[str, Any] = {"scratchpad": True, "digits": 12, "mixture": 1.0}
PLANNING_STEPS = 6
KINSHIP_LESSONS = lessons.kinship()

GRAPH_PRESETS: dict[str, TrainConfig] = {
    # DNC Extended Data Tables 2 and 3.
    "dnc-traversal-paper": _graph_paper(
        Traversal(), lessons.traversal(lessons.PAPER_TRAVERSAL), layers=3, slots=256, batch_size=2, lr=1e-5
    ),
    "dnc-inference-paper": _graph_paper(
        Inference(), lessons.inference(lessons.PAPER_INFERENCE), layers=3, slots=128, batch_size=32, lr=1e-5
    ),
    "dnc-shortest-path-paper": _graph_paper(
        ShortestPath(),
        lessons.shortest_path_of_the_paper(),
        layers=2,
        slots=128,
        batch_size=1,
        lr=3e-6,
    ),
    "dnc-traversal": _graph(
        Traversal(),
        WALKING_DNC,
        lessons.traversal(lessons.PAPER_TRAVERSAL, supervise_query=True, finish=True),
        sequences=160_000,  # 65,000 to 73,000 to the last lesson
        clip_value=10.0,
        warmup=100,
        final_lr=1e-5,
        fit_memory=True,
    ),
    "dnc-inference": _graph(
        Inference(planning_steps=PLANNING_STEPS),
        GRAPH_DNC,
        lessons.inference(lessons.INFERENCE, planning_steps=PLANNING_STEPS, scratchpad=True, finish=True),
        sequences=400_000,  # 261,600 and more to the last lesson
        final_lr=1e-5,
        fit_memory=True,
    ),
    "dnc-shortest-path": _graph(
        ShortestPath(**SCRATCHPAD),
        SCRATCHPAD_DNC,
        lessons.shortest_path(**SCRATCHPAD),
        sequences=300_000,
        fit_memory=True,
        ema_decay=0.999,
        final_lr=3e-5,
    ),
    "lstm-traversal": _graph(
        Traversal(),
        lstm(hidden_size=256),
        lessons.traversal(lessons.PAPER_TRAVERSAL, supervise_query=True, finish=True),
        sequences=1_000_000,
        final_lr=1e-5,
    ),
    "lstm-inference": _graph(
        Inference(planning_steps=PLANNING_STEPS),
        lstm(hidden_size=256),
        lessons.inference(lessons.INFERENCE, planning_steps=PLANNING_STEPS, scratchpad=True, finish=True),
        sequences=1_000_000,
        final_lr=1e-5,
    ),
    "lstm-shortest-path": _graph(
        ShortestPath(**SCRATCHPAD),
        lstm(hidden_size=256),
        lessons.shortest_path(**SCRATCHPAD),
        sequences=300_000,
        final_lr=3e-5,
    ),
    # One read head scans edges and queue, which it finds by content and follows by place; one checks what was
    # seen. One write head adds records, one marks nodes. Each step is a lookup of one record, so there is no
    # state but the memory's; and of what is said the write gates keep only what the search needs.
    "ntm-search": _lookup_ntm(
        Search(), lessons.search(), hidden_size=320, word_size=320, heads=2, sequences=28_000
    ),
    # As the search, but every step looks up one record by its content, so that one read head and one write
    # head do.
    "ntm-kinship": _lookup_ntm(
        KINSHIP_LESSONS.lessons[-1],
        KINSHIP_LESSONS,
        hidden_size=640,
        word_size=392,
        heads=1,
        sequences=96_000,
    ),
}
