"""What a machine tells the engine about itself and about its state, so that a kernel can run it."""

from typing import Any, NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from ..types import Trace

_KINDS = {"none": 0, "ntm": 1, "dnc": 2}


class Unsupported(NamedTuple):
    """Why the kernel cannot run a machine."""

    reason: str


@runtime_checkable
class Runnable(Protocol):
    """What the engine asks of a machine; :class:`tapehead.nn.Machine` has it."""

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
    """ "none", "ntm" or "dnc"."""
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
    num_writes: int = 0
    max_shift: int = 0
    read_first: bool = False
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

    @classmethod
    def switches(cls) -> tuple[str, ...]:
        """The fields that are attributes of the machine under the same name."""
        return _SWITCHES


_SWITCHES = (
    "word_size",
    "num_reads",
    "num_writes",
    "max_shift",
    "read_first",
    "temporal_links",
    "masked_lookup",
    "mask_min",
    "deallocation",
    "link_sharpening",
    "usage_gradient",
    "clip_weighting_gradient",
)


class KernelConfig(NamedTuple):
    """What the kernel has to know beside the shape of x; the order is that of ``Dims`` in native/dims.h."""

    kind: int
    outputs: int
    hidden: int
    layers: int
    lstm: int
    interface: int
    slots: int
    word: int
    reads: int
    writes: int
    max_shift: int
    read_first: int
    links: int
    masked_lookup: int
    deallocation: int
    link_sharpening: int
    usage_gradient: int
    interface_norm: int
    output_bias: int
    given_start: int

    @classmethod
    def of(cls, spec: KernelSpec, state: Any) -> "KernelConfig":
        """For a run of a machine from ``state``, or from the constant start state where it is None."""
        return cls(
            kind=_KINDS[spec.kind],
            outputs=spec.outputs[0].shape[0] if spec.outputs else 0,
            hidden=spec.hidden_size,
            layers=len(spec.layers),
            lstm=int(spec.lstm),
            interface=spec.interface[0].shape[0] if spec.interface else 0,
            slots=spec.memory_size if state is None or spec.kind == "none" else state.memory.shape[1],
            word=spec.word_size,
            reads=spec.num_reads,
            writes=spec.num_writes,
            max_shift=spec.max_shift,
            read_first=int(spec.read_first),
            links=int(spec.temporal_links),
            masked_lookup=int(spec.masked_lookup),
            deallocation=int(spec.deallocation),
            link_sharpening=int(spec.link_sharpening),
            usage_gradient=int(spec.usage_gradient),
            interface_norm=int(bool(spec.interface_norm)),
            output_bias=int(spec.output_bias),
            given_start=int(state is not None),
        )

    def output_shapes(self, steps: Any, batch: Any) -> list[tuple[Any, ...]]:
        """Shapes of outputs, features, words, and of a state's tensors in the kernel's order.

        Args:
            steps, batch: whole numbers, or torch.compile's symbols for them.
        """
        N, R = self.slots, self.reads
        rows = [self.outputs, self.layers * self.hidden, R * self.word]
        memory, words, writes = (batch, N, self.word), (batch, R, self.word), (batch, self.writes, N)
        shapes: list[tuple[Any, ...]] = []
        if self.kind == _KINDS["ntm"]:
            shapes = [memory, writes, (batch, R, N), words]
        elif self.kind == _KINDS["dnc"]:
            links = [(batch, N), (batch, N, N)] if self.links else []
            shapes = [memory, (batch, N), *links, (batch, N), (batch, R, N), words]
        shapes += [(batch, self.hidden)] * (2 * self.layers if self.lstm else 0)
        return [*((steps, batch, row) for row in rows), *shapes]


# A state's tensors in the kernel's order (StatePiece in native/sequence.h), then h and c of every layer. What
# a machine does not have is left out.
_PIECES = {
    ("none", False): (),
    ("ntm", False): ("memory", "write_weights", "read_weights", "read_words"),
    ("dnc", False): ("memory", "usage", "write_weights", "read_weights", "read_words"),
    ("dnc", True): ("memory", "usage", "precedence", "link", "write_weights", "read_weights", "read_words"),
}


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
    return [*(getattr(state, name) for name in _PIECES[spec.kind, spec.temporal_links]), *controller]


def unflatten_state(spec: KernelSpec, x: Tensor, tensors: list[Tensor]) -> Any:
    """A batched state from its tensors in the kernel's order."""
    names = _PIECES[spec.kind, spec.temporal_links]
    fields: dict[str, Any] = dict(zip(names, tensors))
    controller = tensors[len(names) :]
    fields["controller"] = tuple(zip(controller[::2], controller[1::2], strict=True))
    if spec.kind == "dnc" and not spec.temporal_links:
        fields |= {"precedence": x.new_empty(x.shape[1], 0), "link": x.new_empty(x.shape[1], 0, 0)}
    return spec.state_type(**fields)
