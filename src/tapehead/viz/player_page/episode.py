"""Run a trained model on one episode of a task, and record it."""

from pathlib import Path
from typing import Any

from ... import hub, tasks
from ...errors import InputError
from ...nn import Machine
from ..run import run_traced
from .recording import Recording, record

MAX_TRACE_BYTES = 1 << 29
"""The largest trace that is recorded; most of it are a DNC's links."""
FULL_NAMES = {"NTM": "Neural Turing Machine", "DNC": "Differentiable Neural Computer"}


def record_episode(
    model: str,
    *,
    task_name: str | None = None,
    length: int | None = None,
    seed: int = 0,
    memory_size: int | None = None,
    machine: Machine | None = None,
) -> Recording:
    """Run a model on one episode of a task, and record it.

    Args:
        model: the name of a model that ships with tapehead, or the folder of a training run.
        task_name: a task; None: the one that the model was trained on.
        length: of the episode (of a task without a length: its first size); None: the longest of training.
        seed: of the episode.
        memory_size: slots to run with; None: as in training.
        machine: the model's machine, if it is loaded already; it is left as it was.

    Raises:
        InputError: a model without a memory or without a task, sizes that the task or the machine cannot
            take, or an episode whose trace is over 512 MB.
        PretrainedError: no such model.
    """
    config = hub.info(model)
    task = _task(model, config, task_name)
    machine = hub.load(model) if machine is None else machine
    if not machine.has_memory:
        raise InputError(f"{model} is a {config['architecture']}: it has no memory to look at")
    slots = int(config["arguments"]["memory_size"]) if memory_size is None else memory_size
    try:
        task = task.with_max_sizes(length)
        batch = tasks.Sampler(1, seed).draw(task)
        _check_size(machine, len(batch.inputs), slots)
        outputs, trace = run_traced(machine, batch, memory_size)
    except ValueError as error:  # A size that the task or the machine cannot take.
        raise InputError(str(error)) from error
    if trace is None:
        raise InputError(f"{model} returned no trace: its machine says that it has a memory, but has none")
    wrong, scored = int(task.num_errors(outputs, batch)), int(batch.mask.sum()) * task.output_size
    about = describe_model(config, slots)
    return record(
        trace,
        f"{task.name.replace('-', ' ').capitalize()}, {_sizes(task)}",
        subtitle=f"{Path(model).name} · {about} · {wrong or 'no'} wrong bits of {scored}",
        batch=batch,
        outputs=outputs,
        task=task,
    )


def describe_model(config: dict[str, Any], slots: int) -> str:
    """A model in one line: its architecture, its memory and its heads.

    Args:
        config: as :func:`tapehead.hub.info` returns it.
        slots: memory slots to name.
    """
    arguments = config["arguments"]
    reads, writes = arguments.get("num_reads", 1), arguments.get("num_writes", 1)
    heads = f"{reads} read {_heads(reads)}, {writes} write {_heads(writes)}"
    name = FULL_NAMES.get(config["architecture"], config["architecture"])
    return f"{name} · {slots} slots of {arguments.get('word_size', '?')} numbers · {heads}"


def has_bit_outputs(task: tasks.Task) -> bool:
    """Whether each output channel is the probability of a 1; the player shows only such tasks."""
    return type(task).loss is tasks.Task.loss


def _heads(count: int) -> str:
    return "head" if count == 1 else "heads"


def _task(model: str, config: dict[str, Any], name: str | None) -> tasks.Task:
    described = config.get("task")
    if name is None and described is None:
        raise InputError(f"{model} does not say what task it was trained on: name one with --task")
    try:
        # The task of training keeps its fields: the bits of a vector, the ranges of its sizes.
        own = described is not None and name in (None, described.get("name"))
        task = tasks.from_dict(described) if own and described is not None else tasks.get(str(name))
    except ValueError as error:
        raise InputError(str(error)) from error
    if isinstance(task, tasks.Babi):
        raise InputError("babi is told in words, which no page shows: use `tapehead ask` with a story")
    if not has_bit_outputs(task):
        raise InputError(f"{task.name} is about graphs: give --data and --question to see a model answer")
    sizes = config["arguments"].get("input_size"), config["arguments"].get("output_size")
    if sizes != (task.input_size, task.output_size):
        raise InputError(
            f"{model} has {sizes[0]} inputs and {sizes[1]} outputs, but {task.name} needs "
            f"{task.input_size} and {task.output_size}: choose the task that it was trained on"
        )
    return task


def _sizes(task: tasks.Task) -> str:
    return ", ".join(
        f"{size} {value}" if size == "length" else f"{value} {size}" for size, value in task.max_sizes.items()
    )


def _check_size(machine: Machine, steps: int, slots: int) -> None:
    state = machine.initial_state(None, 1)
    linked = getattr(state, "link", None) is not None and state.link.numel() > 0
    numbers = slots * state.memory.shape[-1] + (slots * slots if linked else 0)
    if 4 * steps * numbers > MAX_TRACE_BYTES:
        max_steps = MAX_TRACE_BYTES // (4 * numbers)
        raise InputError(
            f"the episode has {steps} steps over {slots} slots, more than a page can show: "
            + (
                f"choose a length that makes at most {max_steps} steps"
                if max_steps
                else "choose a smaller memory"
            )
        )
