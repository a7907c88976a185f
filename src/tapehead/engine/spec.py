"""What a machine tells the engine about itself and about its state, so that a kernel can run it."""

from typing import Any, NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from .. import functional as F
from ..types import Trace

_KINDS = {"none": 0, "ntm": 1, "dnc": 2, "sparse": 3, "sparse_dnc": 4}


class Unsupported(NamedTuple):
    """Why the kernel cannot run a machine."""

    reason: str


@runtime_checkable
class Runnable(Protocol):
    """What the engine asks of a machine; :class:`tapehead.nn.Machine` has it."""

    @property
    def backend(self) -> str | None:
        """The engine that its calls are to run on, as in ``engine.run``."""

    @property
    def state_type(self) -> type:
        """The named tuple that its state is."""

    def initial_state(self, batch_size: int | None = None, memory_size: int | None = None) -> Any:
        """The state before the first step."""

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any, Trace | None]:
        """One step: x [B, input_size], state → (features, state, trace entry)."""

    def outputs(self, features: Tensor, read_words: Tensor | None) -> Tensor:
        """The outputs from the features and the words read."""

    def kernel_spec(self, memory_size: int | None = None) -> "KernelSpec | Unsupported":
        """This machine in the kernel's terms, or why it has none."""


class KernelSpec(NamedTuple):
    """A machine in the kernel's terms; the kernel's C++ names are in native/csrc/dims.h."""

    kind: str
    """ "none", "ntm", "dnc", or with sparse access "sparse", which is an NTM, or "sparse_dnc"."""
    lstm: bool
    """A deep LSTM controller; otherwise a feed-forward one."""
    state_type: type
    """The named tuple that the machine's state is."""
    hidden_size: int
    layers: tuple[tuple[Tensor, Tensor], ...]
    """(weight, bias) of every controller layer."""
    weight_names: tuple[str, ...]
    """The machine's names of all weights, in the order of ``weights_of``."""
    outputs: tuple[Tensor, ...] = ()
    """The output layer: its weights for the features and, with a memory, for the words read, and the bias
    where there is one; nothing where the machine has to compute the outputs itself."""
    output_bias: bool = False
    interface: tuple[Tensor, ...] = ()
    """Weight, and the NTM's bias."""
    interface_norm: tuple[Tensor, ...] = ()
    """Weight and bias of the layer norm, or nothing."""
    memory_size: int = 0
    initial_memory: float = 0.0
    """Every number of the memory before the first step. The rest of that state is zero, but that the NTM's
    heads begin on slot 0."""
    word_size: int = 0
    num_reads: int = 0
    feed_reads: bool = True
    """Whether the controller sees the words read in the step before."""
    num_writes: int = 0
    max_shift: int = 0
    read_first: bool = False
    write_gate: bool = False
    top_k: int = 0
    search: str = "exact"
    temporal_links: bool = False
    masked_lookup: bool = False
    mask_min: float = 0.0
    deallocation: bool = False
    link_sharpening: bool = False
    usage_gradient: bool = True
    clip_controller_gradient: float | None = None
    clip_weighting_gradient: float | None = None
    constant_start: bool = False
    """Whether the initial state is the constant described here; otherwise the machine makes it."""
    plain_call: bool = True
    """Whether calling the machine does no more than the run: no hooks on it, no forward() of its own."""
    lasting: bool = False
    """Whether the machine gives this very object again for as long as all of it holds."""

    @property
    def input_size(self) -> int:
        """Numbers in an input."""
        _, columns = self.layers[0][0].shape
        return columns - self.feed_reads * self.num_reads * self.word_size - self.lstm * self.hidden_size

    @classmethod
    def switches(cls) -> tuple[str, ...]:
        """The fields that are attributes of the machine under the same name."""
        return _SWITCHES


_SWITCHES = (
    "word_size",
    "num_reads",
    "feed_reads",
    "num_writes",
    "max_shift",
    "read_first",
    "write_gate",
    "top_k",
    "search",
    "temporal_links",
    "masked_lookup",
    "mask_min",
    "deallocation",
    "link_sharpening",
    "usage_gradient",
    "clip_weighting_gradient",
)


class KernelConfig(NamedTuple):
    """The sizes and switches of a machine and its state.

    The kernel reads :class:`CallSizes` and these as one array of int64: ``Dims`` in native/csrc/dims.h has
    the same names in the same order.
    """

    kind: int
    output_size: int
    hidden_size: int
    num_layers: int
    lstm: int
    interface_size: int
    memory_size: int
    word_size: int
    num_reads: int
    feed_reads: int
    num_writes: int
    max_shift: int
    read_first: int
    write_gate: int
    top_k: int
    hash_tables: int
    hash_bits: int
    hash_probes: int
    hash_from: int
    max_links: int
    temporal_links: int
    masked_lookup: int
    deallocation: int
    link_sharpening: int
    usage_gradient: int
    interface_norm: int
    output_bias: int
    given_state: int

    @classmethod
    def of(cls, spec: KernelSpec, state: Any) -> "KernelConfig":
        """For a run of a machine from ``state``, or from the constant initial state where it is None."""
        slots = spec.memory_size if state is None or spec.kind == "none" else state.memory.shape[1]
        hashed = spec.search == "hashed" and slots > F.EXACT_ROWS
        return cls(
            kind=_KINDS[spec.kind],
            output_size=spec.outputs[0].shape[0] if spec.outputs else 0,
            hidden_size=spec.hidden_size,
            num_layers=len(spec.layers),
            lstm=int(spec.lstm),
            interface_size=spec.interface[0].shape[0] if spec.interface else 0,
            memory_size=slots,
            word_size=spec.word_size,
            num_reads=spec.num_reads,
            feed_reads=int(spec.feed_reads),
            num_writes=spec.num_writes,
            max_shift=spec.max_shift,
            read_first=int(spec.read_first),
            write_gate=int(spec.write_gate),
            top_k=spec.top_k,
            hash_tables=F.TABLES if hashed else 0,
            hash_bits=F.hash_bits(slots) if hashed else 0,
            hash_probes=F.PROBES if hashed else 0,
            hash_from=F.EXACT_ROWS if hashed else 0,
            max_links=F.MAX_LINKS if spec.kind == "sparse_dnc" and spec.temporal_links else 0,
            temporal_links=int(spec.temporal_links),
            masked_lookup=int(spec.masked_lookup),
            deallocation=int(spec.deallocation),
            link_sharpening=int(spec.link_sharpening),
            usage_gradient=int(spec.usage_gradient),
            interface_norm=int(bool(spec.interface_norm)),
            output_bias=int(spec.output_bias),
            given_state=int(state is not None),
        )

    def weight_shapes(self, input_size: int) -> dict[str, tuple[int, ...]]:
        """The shape of each weight by its name in the machine, in the kernel's order."""
        features, words = self.num_layers * self.hidden_size, self.num_reads * self.word_size
        rows = 4 * self.hidden_size if self.lstm else self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {}
        for layer in range(self.num_layers):
            # [x ; r ; h of the step before ; h of the layer below].
            columns = input_size + words * self.feed_reads + self.hidden_size * (self.lstm + (layer > 0))
            shapes[f"controller.layers.{layer}.weight"] = (rows, columns)
            shapes[f"controller.layers.{layer}.bias"] = (rows,)
        if self.interface_size:
            shapes["interface.weight"] = (self.interface_size, features)
        if self.kind in (_KINDS["ntm"], _KINDS["sparse"]):
            shapes["interface.bias"] = (self.interface_size,)
        if self.interface_norm:
            shapes["interface_norm.weight"] = shapes["interface_norm.bias"] = (self.interface_size,)
        if self.output_size:
            shapes["output_from_controller.weight"] = (self.output_size, features)
        if self.output_size and words:
            shapes["output_from_reads.weight"] = (self.output_size, words)
        if self.output_bias:
            shapes["output_from_controller.bias"] = (self.output_size,)
        return shapes

    def state_shapes(self, batch_size: Any) -> dict[str, tuple[Any, ...]]:
        """The shape of each of a state's tensors by its name, in the kernel's order."""
        N, R = self.memory_size, self.num_reads
        weighting = (batch_size, N)
        of_names = {
            "memory": (batch_size, N, self.word_size),
            "usage": weighting,
            "precedence": weighting,
            "link": (batch_size, N, N),
            **dict.fromkeys(LINKS, (batch_size, N, self.max_links)),
            "write_weights": (batch_size, self.num_writes, N) if self.kind == _KINDS["ntm"] else weighting,
            "read_weights": (batch_size, R, N),
            "read_words": (batch_size, R, self.word_size),
        }
        kind = next(name for name, number in _KINDS.items() if number == self.kind)
        shapes = {f"state.{name}": of_names[name] for name in _PIECES[kind, bool(self.temporal_links)]}
        for layer in range(self.num_layers if self.lstm else 0):
            for i in range(2):
                shapes[f"state.controller[{layer}][{i}]"] = (batch_size, self.hidden_size)
        return shapes

    @property
    def sparse(self) -> bool:
        """Whether a step touches a few slots alone."""
        return self.kind in (_KINDS["sparse"], _KINDS["sparse_dnc"])

    @property
    def zeroed(self) -> tuple[str, ...]:
        """The final state's tensors that the kernel wants as zeros: it will write to few places in them."""
        spread = ("state.read_weights", "state.precedence")
        return () if self.given_state or not self.sparse else (*self.in_place, *spread)

    @property
    def in_place(self) -> tuple[str, ...]:
        """The final state's tensors in which the kernel works from the first step on."""
        names = ("memory", "usage", *LINKS) if self.sparse else ()
        return tuple(f"state.{name}" for name in names)

    def output_shapes(self, steps: Any, batch_size: Any, *, keep_tape: bool = True) -> list[tuple[Any, ...]]:
        """Shapes of outputs, features, words, and of a state's tensors in the kernel's order.

        Args:
            steps, batch_size: whole numbers, or torch.compile's symbols for them.
            keep_tape: without it and with outputs, features and words are those of the last two steps.
        """
        rows = [self.output_size, self.num_layers * self.hidden_size, self.num_reads * self.word_size]
        kept = steps if keep_tape or not self.output_size else min(2, steps)
        results = [(count, batch_size, row) for count, row in zip((steps, kept, kept), rows, strict=True)]
        return [*results, *self.state_shapes(batch_size).values()]


class CallSizes(NamedTuple):
    """The sizes of a call that are not the machine's; the kernel reads them before :class:`KernelConfig`."""

    steps: int
    batch_size: int
    input_size: int
    threads: int
    keep_tape: int


LINKS = ("before_weights", "before_slots", "after_weights", "after_slots")
"""The links of a state with sparse access."""

# A state's tensors in the kernel's order (StatePiece in native/csrc/dims.h), then h and c of every layer.
# What a machine does not have is left out.
_PIECES = {
    ("none", False): (),
    ("sparse", False): ("memory", "usage", "read_weights", "read_words"),
    ("ntm", False): ("memory", "write_weights", "read_weights", "read_words"),
    ("dnc", False): ("memory", "usage", "write_weights", "read_weights", "read_words"),
    ("sparse_dnc", False): ("memory", "usage", "read_weights", "read_words"),
    ("sparse_dnc", True): ("memory", "usage", "precedence", *LINKS, "read_weights", "read_words"),
    ("dnc", True): ("memory", "usage", "precedence", "link", "write_weights", "read_weights", "read_words"),
}


def memory_names(spec: KernelSpec) -> tuple[str, ...]:
    """The fields of a machine's state that belong to its memory, in the kernel's order."""
    return _PIECES[spec.kind, spec.temporal_links]


def flatten_state(spec: KernelSpec, x: Tensor, state: Any) -> list[Tensor]:
    """A batched state's tensors in the kernel's order.

    Raises:
        ValueError: a controller state that is not that of the machine's controller.
    """
    controller = [tensor for layer in state.controller for tensor in layer]
    layers, shape = len(spec.layers) if spec.lstm else 0, (x.shape[1], spec.hidden_size)
    if len(controller) != 2 * layers or any(tensor.shape != shape for tensor in controller):
        raise ValueError(
            f"state.controller has tensors of shapes {[list(tensor.shape) for tensor in controller]}, "
            f"but (h, c) of {layers} layers are needed here, each {list(shape)}"
        )
    return [*(getattr(state, name) for name in memory_names(spec)), *controller]


def unflatten_state(spec: KernelSpec, x: Tensor, tensors: list[Tensor]) -> Any:
    """A batched state from its tensors in the kernel's order."""
    names = memory_names(spec)
    memory, rest = tensors[: len(names)], iter(tensors[len(names) :])
    controller = tuple(zip(rest, rest, strict=True))
    if getattr(spec.state_type, "_fields", None) == (*names, "controller"):
        return spec.state_type(*memory, controller)
    fields: dict[str, Any] = dict(zip(names, memory), controller=controller)
    if spec.kind == "dnc" and not spec.temporal_links:
        fields |= {"precedence": x.new_empty(x.shape[1], 0), "link": x.new_empty(x.shape[1], 0, 0)}
    elif spec.kind == "sparse_dnc" and not spec.temporal_links:
        fields["precedence"] = x.new_empty(x.shape[1], 0)
        fields |= {name: x.new_empty(x.shape[1], 0, F.MAX_LINKS) for name in LINKS}
    return spec.state_type(**fields)
