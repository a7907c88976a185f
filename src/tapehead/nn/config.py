"""What a machine is made of: one frozen dataclass a machine.

The fields are the arguments of the machine's constructor, the ``arguments`` of a saved ``config.json``, the
model options of ``tapehead train`` and the switches of the kernel. Each is written here, once.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

import torch
from torch import nn

from ..functional import EXACT_ROWS

MAX_SIZE = 1 << 31
"""Larger than any size that fits into memory, small enough for every integer that PyTorch takes."""
MAX_LAYERS = 1_000
DEFAULT_TOP_K = 4
"""Rae et al. found no difference between 4, 8 and 16."""
MAX_TOP_K = 1_024

T = TypeVar("T")
Arguments = ParamSpec("Arguments")
Config = TypeVar("Config", bound="MachineConfig")
Instance = TypeVar("Instance")

ControllerName = Literal["lstm", "feedforward"]


def _option(default: T, doc: str, *, saved: bool = True) -> T:
    """A field with its documentation; ``saved`` is False for what belongs to a process, not to a model."""
    # Two configs are equal when they describe the same model.
    return dataclasses.field(default=default, compare=saved, metadata={"doc": doc, "saved": saved})


@dataclasses.dataclass(frozen=True)
class MachineConfig:
    """What all machines have in common.

    Args:
        input_size: numbers in x_t. 0 in a preset: the task's.
        hidden_size: units a controller layer.
    """

    input_size: int
    hidden_size: int
    _: dataclasses.KW_ONLY
    output_size: int | None = _option(
        None, "numbers in y_t (raw: apply your own sigmoid or softmax); None: hidden_size"
    )
    num_layers: int = _option(1, "controller layers (L)")
    controller: str | nn.Module = _option(
        "lstm", '"lstm", "feedforward", or a module that follows tapehead.nn.Controller'
    )
    learn_initial_state: bool = _option(
        False, "learn the controller's first state and the first words read, instead of zeros"
    )
    clip_controller_gradient: float | None = _option(
        None, "bound of each component of the gradient at the controller's activations (the DNC paper: 10)"
    )
    batch_first: bool = _option(False, "x and y are [B, T, ...] instead of [T, B, ...]")
    backend: str | None = _option(
        None,
        '"reference", "native", "triton" or "auto"; None: the variable TAPEHEAD_BACKEND, else "auto"',
        saved=False,
    )
    device: torch.device | str | None = _option(None, "of the parameters", saved=False)
    dtype: torch.dtype | None = _option(None, "of the parameters and states", saved=False)

    @property
    def outputs(self) -> int:
        """Numbers in y_t."""
        return self.hidden_size if self.output_size is None else self.output_size

    @property
    def factory(self) -> dict[str, Any]:
        """What every ``nn.Linear`` of the machine is built with."""
        return {"device": self.device, "dtype": self.dtype}

    def check(self) -> None:
        """Refuse values that make no machine, before anything is allocated.

        Raises:
            ValueError: a size below 1 or beyond all memory, or a limit that lets no gradient through.
        """
        _check_size("input_size", self.input_size)
        _check_size("hidden_size", self.hidden_size)
        if self.output_size is not None:
            _check_size("output_size", self.output_size)
        _check_size("num_layers", self.num_layers, maximum=MAX_LAYERS)
        self._check_limit("clip_controller_gradient")

    def _check_limit(self, name: str) -> None:
        limit = getattr(self, name)
        if limit is not None and not limit > 0:
            raise ValueError(f"{name} is {limit}: give a number above 0, or None")

    @classmethod
    def saved_fields(cls) -> "Iterator[dataclasses.Field[Any]]":
        """The fields that describe a model; the others describe where it runs."""
        return (field for field in dataclasses.fields(cls) if field.metadata.get("saved", True))

    def saved(self) -> dict[str, Any]:
        """The values of :meth:`saved_fields`, by name."""
        return {field.name: getattr(self, field.name) for field in self.saved_fields()}


@dataclasses.dataclass(frozen=True)
class MemoryConfig(MachineConfig):
    """What the machines with a memory have in common."""

    _: dataclasses.KW_ONLY
    memory_size: int = _option(
        128, "memory slots (N); no parameter depends on it, and a call may take another"
    )
    word_size: int = _option(20, "numbers in a slot (W)")
    num_reads: int = _option(1, "read heads (R)")
    feed_reads: bool = _option(
        True,
        "the controller sees the words read in the step before, as in the papers. False: they reach the "
        "output alone, and the keys of a feed-forward controller then depend on the input alone: where what "
        "is said is fed again, as in a search, lookups are learned sooner and stay exact",
    )
    clip_weighting_gradient: float | None = _option(
        None, "bound of each component of the gradient at every read and write weighting"
    )
    access: str = _option(
        "dense",
        '"sparse": a step reads the top_k slots most like the key of each head, and writes to the slots last '
        "read and to the one least recently used; only these are kept for the gradient (Rae et al. 2016)",
    )
    top_k: int | None = _option(
        None, f"with sparse access, slots that a head reads in a step (K); None: {DEFAULT_TOP_K}"
    )

    search: str = _option(
        "exact",
        'with sparse access, "hashed": look for the most similar slots by hash codes once more than '
        f"{EXACT_ROWS:,} slots are written; what a step costs then hardly grows with the memory, and some of "
        "the most similar slots are missed",
    )

    def check(self) -> None:
        super().check()
        _check_size("memory_size", self.memory_size)
        _check_size("word_size", self.word_size)
        _check_size("num_reads", self.num_reads)
        self._check_limit("clip_weighting_gradient")
        _check_choice("access", self.access, "dense", "sparse")
        if self.top_k is not None:
            _check_size("top_k", self.top_k, maximum=MAX_TOP_K)
        _check_choice("search", self.search, "exact", "hashed")
        if self.access == "sparse":
            self._check_sparse()
        else:
            self._check_unset('access="dense"', "top_k", "search")

    def _check_sparse(self) -> None:
        """Refuse what has no meaning where access is sparse."""

    def _check_unset(self, why: str, *names: str) -> None:
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        for name in names:
            value = getattr(self, name)
            if value != defaults[name]:
                raise ValueError(f"{name}={value!r} has no meaning with {why}: leave it out")


@dataclasses.dataclass(frozen=True)
class NTMConfig(MemoryConfig):
    """A Neural Turing Machine; see :class:`tapehead.NTM`."""

    _: dataclasses.KW_ONLY
    num_writes: int = _option(1, "write heads (H); all erase before any adds")
    max_shift: int = _option(1, "farthest shift in one step: a head chooses among 2·max_shift + 1 offsets")
    read_first: bool = _option(False, "read the memory of the step before, then write, as some code does")
    write_gate: bool = _option(
        False,
        "a gate for every write head, as in the DNC: a closed one neither moves the head nor writes",
    )
    learn_initial_memory: bool = _option(
        False,
        "learn what each slot holds before the first step, instead of the same small constant in all: slots "
        "that differ can be addressed by content at once. A run on another size repeats the slots",
    )
    init: str = _option(
        "default",
        '"tape": heads begin near their last place, in focus, and move one slot on in every step: copying is '
        'then learned sooner; associative recall is not. "lookup" (with the feed-forward controller): every '
        "step is written to the next slot, nothing is erased, and every read head looks for the slot nearest "
        "to what is written, the first of several as much by its last place; so do further write heads: "
        "tasks of facts and questions are learned sooner",
    )

    def check(self) -> None:
        super().check()
        _check_size("num_writes", self.num_writes)
        if not isinstance(self.max_shift, int) or not 0 <= self.max_shift < MAX_SIZE:
            raise ValueError(f"max_shift is {self.max_shift!r}: give a whole number of at least 0")
        _check_choice("init", self.init, "default", "tape", "lookup")

    def _check_sparse(self) -> None:
        # Heads of sparse access go by content alone, and each write head has gates of its own.
        self._check_unset('access="sparse"', "max_shift", "write_gate", "init")


@dataclasses.dataclass(frozen=True)
class DNCConfig(MemoryConfig):
    """A Differentiable Neural Computer; see :class:`tapehead.DNC`."""

    _: dataclasses.KW_ONLY
    num_reads: int = _option(4, "read heads (R); there is one write head, as in the paper")
    temporal_links: bool = _option(
        True, "False: no links, reads go by content alone, O(N) instead of O(N²) (Franke et al. 2018)"
    )
    masked_lookup: bool = _option(
        False, "content lookup under a mask that each head emits (Csordás and Schmidhuber 2019)"
    )
    mask_min: float = _option(0.0, "the least that a mask lets through, in [0, 1)")
    deallocation: bool = _option(
        False, "wipe a slot's content when it is freed (Csordás and Schmidhuber 2019)"
    )
    link_sharpening: bool = _option(
        False, "sharpen forward and backward weightings (Csordás and Schmidhuber 2019)"
    )
    interface_norm: bool = _option(False, "layer norm over the interface vector (Franke et al. 2018)")
    bypass_dropout: float = _option(
        0.0, "probability of dropout between the controller and the output (Franke et al. 2018)"
    )
    usage_gradient: bool = _option(
        True, "False: no gradient from usage to the last write weighting, as in DeepMind's code"
    )
    init: str = _option(
        "default",
        '"lookup": every step is written to a slot of its own, nothing is freed, and every read head looks '
        "for the slot most like what is written: tasks of facts and questions are learned sooner. With the "
        "feed-forward controller every number of the input is written along a direction of its own, and "
        "lookups are exact sooner, if a word has as many numbers as the input or more",
    )

    def check(self) -> None:
        super().check()
        if not 0 <= self.mask_min < 1:
            raise ValueError(f"mask_min is {self.mask_min}: give a number from 0 up to, not including, 1")
        if self.link_sharpening and not self.temporal_links:
            raise ValueError("link_sharpening=True needs temporal_links=True: there are no links to sharpen")
        _check_choice("init", self.init, "default", "lookup")

    def _check_sparse(self) -> None:
        # There are no free gates, usages are times, and the write goes by no key.
        dense = ("masked_lookup", "mask_min", "deallocation", "link_sharpening", "usage_gradient", "init")
        self._check_unset('access="sparse"', *dense)


@dataclasses.dataclass(frozen=True)
class LSTMConfig(MachineConfig):
    """The papers' baseline; see :class:`tapehead.nn.DeepLSTM`."""

    _: dataclasses.KW_ONLY
    num_layers: int = _option(3, "layers (L)")
    learn_initial_state: bool = _option(True, "learn the first h and c of every layer, as the NTM paper did")


def arguments_of(
    config: Callable[Arguments, Config],
) -> Callable[[Callable[[Instance, Config], None]], Callable[Concatenate[Instance, Arguments], None]]:
    """Give a constructor that takes a config the config's own arguments.

    ``DNC(9, 128, word_size=20)`` then makes a ``DNCConfig`` of its arguments, and type checkers know them.
    """

    def decorate(
        build: Callable[[Instance, Config], None],
    ) -> Callable[Concatenate[Instance, Arguments], None]:
        def __init__(self: Instance, *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
            build(self, config(*args, **kwargs))

        __init__.__doc__ = build.__doc__
        __init__.__wrapped__ = _with_self(config)  # type: ignore[attr-defined]  # for inspect.signature
        return __init__

    return decorate


def _with_self(config: Callable[..., Any]) -> Callable[..., Any]:
    return config.__init__ if isinstance(config, type) else config  # type: ignore[misc]


def _check_size(name: str, size: Any, maximum: int = MAX_SIZE - 1) -> None:
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise ValueError(f"{name} is {size!r}: give a whole number of at least 1")
    if size > maximum:
        raise ValueError(f"{name} is {size}: give at most {maximum:,}")


def check_memory_size(memory_size: int) -> None:
    """Refuse a number of slots that makes no memory.

    Raises:
        ValueError: below 1, or beyond all memory.
    """
    _check_size("memory_size", memory_size)


def _check_choice(name: str, value: str, *choices: str) -> None:
    if value not in choices:
        raise ValueError(f"{name} is {value!r}: choose one of {', '.join(choices)}")
