"""The Neural Turing Machine (Graves, Wayne and Danihelka 2014, arXiv:1410.5401)."""

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from .. import functional as F
from ..engine import KernelSpec, Unsupported
from ..types import ControllerState, NTMState, SparseNTMState, Trace
from .config import DEFAULT_TOP_K, NTMConfig, arguments_of
from .controllers import FeedforwardController, clip_gradient_, straight_words
from .interface import HeadInterface, NTMInterface, SparseInterface, total_size
from .kernel import kernel_spec, known_spec, stock_of
from .module import Machine, slots, squeeze_if_unbatched
from .sparse import read_by_content, write_sparsely

INITIAL_MEMORY = 1e-6
FIRST_SPREAD = 0.5
"""Standard deviation of a learned memory's numbers before training."""
LOOKUP_GATE = 12
"""Under ``init="lookup"``, a read head's gate before the sigmoid; a write head's is minus that."""
LOOKUP_PLACE = -0.7
"""Under ``init="lookup"``, the gate before the sigmoid of the first of several read heads: a little nearer to
its last place, which then wins over a slot that it finds when the weighting is sharpened."""
LOOKUP_STRENGTH = 50
"""Under ``init="lookup"``, what is added to a read head's key strength before softplus."""
LOOKUP_ERASE = (-6, -3)
"""Under ``init="lookup"``, what is added to the erase vectors before the sigmoid: those of the first write
head, and those of the others."""

if TYPE_CHECKING:  # for type checkers the state is that of dense access, which most machines have
    State = NTMState
else:
    State = NTMState | SparseNTMState


class NTM(Machine[NTMState]):
    """A Neural Turing Machine, called like ``nn.LSTM``.

    The paper leaves the heads' non-linearities open; here keys and add vectors go through tanh, erase
    vectors and interpolation gates through a sigmoid, key strengths through softplus, shifts through a
    softmax, and γ = 1 + softplus. In a step the write heads address the memory of the step before and
    write; then the read heads address and read the new memory. The words read reach the controller in the
    next step, and the output in this one: y_t = W_y [h; r] + b.

    With ``write_gate`` (not in the paper) a write head has a gate g^w, through a sigmoid: its interpolation
    gate, erase vector and add vector are multiplied by g^w, and its shift is g^w s + (1 − g^w) "stay".

    With ``access="sparse"`` (Rae et al. 2016, SAM) there are neither shifts nor erase vectors: see
    :mod:`tapehead.functional` for its equations. Its state is a :class:`~tapehead.nn.SparseNTMState`.

    Args:
        input_size: numbers in x_t.
        hidden_size: units a controller layer.
        others: by keyword, the fields of :class:`tapehead.nn.NTMConfig`: sizes (``output_size``,
            ``memory_size``, ``word_size``, ``num_reads``, ``num_writes``, ``max_shift``, ``num_layers``), the
            controller, how the memory and the heads begin, and where the machine runs.

    Shapes:
        x [T, B, input_size] → y [T, B, output_size], state :class:`~tapehead.NTMState`.

    Example:
        >>> ntm = NTM(input_size=9, hidden_size=32, output_size=8, memory_size=16, word_size=10)
        >>> y, state = ntm(torch.randn(5, 2, 9))
        >>> y.shape, state.read_weights.shape
        (torch.Size([5, 2, 8]), torch.Size([2, 1, 16]))
    """

    state_type = NTMState

    config: NTMConfig
    initial_memory: nn.Parameter | None
    initial_read_words: nn.Parameter | None

    @arguments_of(NTMConfig)
    def __init__(self, config: NTMConfig) -> None:
        R, H, W = config.num_reads, config.num_writes, config.word_size
        super().__init__(config, read_size=R * W * config.feed_reads)
        self.memory_size = config.memory_size
        self.word_size = W
        self.num_reads = R
        self.num_writes = H
        self.max_shift = config.max_shift
        self.feed_reads = config.feed_reads
        self.read_first = config.read_first
        self.write_gate = config.write_gate
        self.sparse = config.access == "sparse"
        self.top_k = (config.top_k or DEFAULT_TOP_K) if self.sparse else 0
        self.search = config.search
        if self.sparse:
            self.max_shift = 0  # heads go by content alone
            self.state_type = SparseNTMState  # type: ignore[assignment]
        self.clip_weighting_gradient = config.clip_weighting_gradient
        features, factory = self.controller.output_size, config.factory
        self.interface = nn.Linear(features, self._interface_size(), **factory)
        self.output_from_controller = nn.Linear(features, self.output_size, **factory)
        self.output_from_reads = nn.Linear(R * W, self.output_size, bias=False, **factory)
        self._apply_init()
        memory = read_words = None
        if config.learn_initial_memory:
            memory = nn.Parameter(FIRST_SPREAD * torch.randn(config.memory_size, W, **factory))
        if config.learn_initial_state and config.feed_reads:
            read_words = nn.Parameter(torch.zeros(R, W, **factory))
        self.register_parameter("initial_memory", memory)
        self.register_parameter("initial_read_words", read_words)

    @torch.no_grad()
    def _initialize(self) -> None:
        self._apply_init()
        if self.initial_memory is not None:
            self.initial_memory.normal_(std=FIRST_SPREAD)
        if self.initial_read_words is not None:
            self.initial_read_words.zero_()

    def _apply_init(self) -> None:
        if self.config.init == "tape":
            self._start_as_tape()
        elif self.config.init == "lookup":
            self._start_with_lookup()

    @torch.no_grad()
    def _start_as_tape(self) -> None:
        """Let every head start out as a tape head: near its last place, in focus, a slot on in every step.

        With even gates and shifts every step blurs a weighting, and training begins on a long plateau.
        """
        for heads in self._split(self.interface.bias):
            heads.gates.sub_(1)
            heads.sharpness.add_(1)
            if self.max_shift:
                heads.shifts[..., self.max_shift + 1].add_(2)  # the shift by +1

    @torch.no_grad()
    def _start_with_lookup(self) -> None:
        """Tie all keys to what the first write head adds; let it move like a tape's, and the others look up.

        The first of several read heads goes more by where it was, staying or moving on by a slot. Further
        write heads look up as read heads do, with write gates that are closed at first.

        The controller does not see the words read at first, so that what is written, and the keys with it,
        depends on the input alone: :func:`~tapehead.nn.controllers.straight_words`.
        """
        if not isinstance(self.controller, FeedforwardController):
            raise ValueError(
                f'init="lookup" of an NTM needs the feed-forward controller, and the controller is '
                f'{type(self.controller).__name__}: give controller="feedforward"'
            )
        word = straight_words(self.controller, self.input_size, self.word_size)
        # The columns of the interface matrix go by features; its rows, transposed, go by fields.
        weights, biases = self._split(self.interface.weight.T), self._split(self.interface.bias)
        _add(weights.writes)[:] = word.unsqueeze(-2)
        _add(biases.writes).zero_()
        stay, on = self.max_shift, self.max_shift + 1
        for weight, bias, lookups in (
            (weights.reads, biases.reads, slice(None)),
            (weights.writes, biases.writes, slice(1, None)),
        ):
            weight.gates.zero_()
            bias.gates.fill_(-LOOKUP_GATE)
            bias.sharpness.add_(2)
            bias.gates[..., lookups] = LOOKUP_GATE
            bias.strengths[..., lookups].add_(LOOKUP_STRENGTH)
            bias.shifts[..., lookups, stay].add_(2)
            weight.keys[..., lookups, :] = word.unsqueeze(-2)
            bias.keys[..., lookups, :] = 0
        _erase(biases.writes)[..., :1, :].add_(LOOKUP_ERASE[0])
        _erase(biases.writes)[..., 1:, :].add_(LOOKUP_ERASE[1])
        if self.max_shift:
            biases.writes.shifts[..., 0, on].add_(3)
        if self.num_reads > 1:
            biases.reads.gates[..., 0] = LOOKUP_PLACE
            if self.max_shift:
                biases.reads.shifts[..., 0, on].add_(2)
        if biases.writes.write_gates is not None:
            biases.writes.write_gates[..., 0].add_(1)
            biases.writes.write_gates[..., 1:].sub_(3)

    def _split(self, interface: Tensor) -> NTMInterface:
        return NTMInterface.split(
            interface,
            num_reads=self.num_reads,
            num_writes=self.num_writes,
            word_size=self.word_size,
            max_shift=self.max_shift,
            write_gate=self.write_gate,
        )

    def _interface_size(self) -> int:
        if self.sparse:
            return total_size(SparseInterface.shapes(self.num_reads, self.num_writes, self.word_size))
        W, S = self.word_size, self.max_shift
        read_head = total_size(HeadInterface.shapes(W, S, writes=False))
        write_head = total_size(HeadInterface.shapes(W, S, writes=True, write_gate=self.write_gate))
        return self.num_reads * read_head + self.num_writes * write_head

    def initial_state(self, batch_size: int | None = None, memory_size: int | None = None) -> State:
        """The state before the first step: the memory at 1e-6, every weighting on slot 0, the rest zero;
        memory, words read and controller as learned where they are. With sparse access all is zero: nothing
        was written or read; a learned memory was written.

        (A constant memory under even weightings would stay the same in all slots for ever.)

        Args:
            batch_size: B, or None for an unbatched sequence.
            memory_size: N, or None for the size that the machine was built with.
        """
        N = slots(self.memory_size, memory_size)
        B, R, W = 1 if batch_size is None else batch_size, self.num_reads, self.word_size
        like = self._parameter()
        read_weights = like.new_zeros(B, R, N)
        if self.initial_read_words is None:
            read_words = like.new_zeros(B, R, W)
        else:
            read_words = self.initial_read_words.expand(B, R, W).clone()
        if self.initial_memory is None:
            memory = like.new_full((B, N, W), 0 if self.sparse else INITIAL_MEMORY)
        else:
            # The built size's slots, again and again.
            learned = self.initial_memory.repeat(-(-N // self.memory_size), 1)[:N]
            memory = learned.expand(B, N, W).clone()
        controller = self.controller.initial_state(B, like.device, like.dtype)
        if self.sparse:
            usage = like.new_full((B, N), 0 if self.initial_memory is None else 1)
            sparse: Any = SparseNTMState(memory, usage, read_weights, read_words, controller)
            return squeeze_if_unbatched(sparse, batch_size)
        write_weights = like.new_zeros(B, self.num_writes, N)
        # (An index assignment of a number makes a tensor on the CPU, which a CUDA graph cannot capture.)
        write_weights.select(-1, 0).fill_(1)
        read_weights.select(-1, 0).fill_(1)
        state = NTMState(memory, write_weights, read_weights, read_words, controller)
        return squeeze_if_unbatched(state, batch_size)

    def kernel_spec(self, memory_size: int | None = None) -> KernelSpec | Unsupported:
        return known_spec(self, memory_size) or kernel_spec(
            self,
            _STOCK,
            kind="sparse" if self.sparse else "ntm",
            features=self.config.num_layers * self.hidden_size,
            interface_size=self._interface_size(),
            interface_bias=True,
            read_size=self.num_reads * self.word_size,
            memory_size=slots(self.memory_size, memory_size),
            initial_memory=0.0 if self.sparse else INITIAL_MEMORY,
        )

    def outputs(self, features: Tensor, read_words: Tensor | None) -> Tensor:
        """y = W_y [h¹; …; h^L] + W_r [r¹; …; r^R] + b."""
        if read_words is None:
            raise ValueError("read_words is None: the outputs of an NTM need the words read")
        return self.output_from_controller(features) + self.output_from_reads(read_words.flatten(-2))

    def write_gate_logits(self, features: Tensor) -> Tensor:
        """The write gates before the sigmoid: features [.., L·H] → [.., H].

        Raises:
            ValueError: the machine has no write gates.
        """
        if self.sparse:
            return self._split_sparsely(self.interface(features)).write_gates
        weights = self._split(self.interface.weight.T).writes.write_gates
        biases = self._split(self.interface.bias).writes.write_gates
        if weights is None or biases is None:
            raise ValueError("this NTM has no write gates: build it with write_gate=True")
        return features @ weights + biases

    def step(self, x: Float[Tensor, "B I"], state: State) -> tuple[Tensor, State, Trace]:
        """One step in plain PyTorch, equation by equation.

        Args:
            x: x_t, [B, input_size].
            state: the state after step t − 1, batched.

        Returns:
            (the controller's output [B, L·H], the state after step t, the trace entry of step t).
        """
        chi = torch.cat([x, state.read_words.flatten(1)], dim=-1) if self.feed_reads else x
        features, controller = self.controller(chi, state.controller)
        interface = self.interface(features)
        if self.sparse:
            return features, *self._access_sparsely(interface, state, controller)
        reads, writes = self._split(interface)

        write_focus = self._address(writes, state.memory, state.write_weights)
        erase, add = _erase_and_add(writes)
        memory = F.erase_and_add(state.memory, write_focus.weights, erase, add)
        seen = state.memory if self.read_first else memory
        read_focus = self._address(reads, seen, state.read_weights)
        read_words = F.read(seen, read_focus.weights)

        new_state = NTMState(memory, write_focus.weights, read_focus.weights, read_words, controller)
        trace = Trace(
            memory=memory,
            read_weights=read_focus.weights,
            write_weights=write_focus.weights,
            usage=None,
            link=None,
            precedence=None,
            allocation_weights=None,
            content_read_weights=read_focus.content,
            content_write_weights=write_focus.content,
            read_gates=read_focus.gate,
            write_gates=write_focus.gate,
            read_words=read_words,
            interface=interface,
        )
        return features, new_state, trace

    def _split_sparsely(self, interface: Tensor) -> SparseInterface:
        shapes = SparseInterface.shapes(self.num_reads, self.num_writes, self.word_size)
        return SparseInterface.split(interface, shapes)

    def _access_sparsely(
        self, interface: Float[Tensor, "B X"], last: Any, controller: ControllerState
    ) -> tuple[Any, Trace]:
        """Write and read a few slots (Rae et al. 2016, SAM)."""
        heads = self._split_sparsely(interface)
        keys, strengths = heads.read_keys.tanh(), softplus(heads.read_strengths)
        gates, write_gates = heads.gates.sigmoid(), heads.write_gates.sigmoid()
        written = write_sparsely(
            last.memory,
            last.usage,
            last.read_weights,
            heads.add.tanh(),
            gates,
            write_gates,
            top_k=self.top_k,
            clip=self.clip_weighting_gradient,
        )
        seen, known = (last.memory, last.usage) if self.read_first else (written.memory, written.usage)
        read_weights = read_by_content(seen, known, keys, strengths, top_k=self.top_k, search=self.search)
        clip_gradient_(read_weights, self.clip_weighting_gradient)
        read_words = F.read(seen, read_weights)
        usage = F.update_access_times(written.usage, read_weights, written.weights)
        state = SparseNTMState(written.memory, usage, read_weights, read_words, controller)
        trace = Trace(
            memory=written.memory,
            read_weights=read_weights,
            write_weights=written.weights,
            usage=usage,
            link=None,
            precedence=None,
            allocation_weights=written.least_used,
            content_read_weights=read_weights,
            content_write_weights=written.last_read.mean(1, keepdim=True).expand_as(written.weights),
            read_gates=torch.ones_like(strengths),
            write_gates=torch.stack([gates, write_gates], dim=-1),
            read_words=read_words,
            interface=interface,
        )
        return state, trace

    def _address(
        self, heads: HeadInterface, memory: Float[Tensor, "B N W"], previous: Float[Tensor, "B H N"]
    ) -> "_Focus":
        """Content → interpolate → shift → sharpen (NTM Figure 2); a closed write gate keeps it there."""
        content = F.content_weights(memory, heads.keys.tanh(), softplus(heads.strengths))
        gate, shifts = heads.gates.sigmoid(), heads.shifts.softmax(-1)
        if heads.write_gates is not None:
            opened = heads.write_gates.sigmoid()
            stay = torch.zeros_like(shifts)
            stay.select(-1, self.max_shift).fill_(1)
            gate, shifts = gate * opened, torch.lerp(stay, shifts, opened.unsqueeze(-1))
        shifted = F.shift(F.interpolate(content, previous, gate), shifts)
        weights = F.sharpen(shifted, 1 + softplus(heads.sharpness))
        clip_gradient_(weights, self.clip_weighting_gradient)
        return _Focus(weights, content, gate)


def _erase_and_add(heads: HeadInterface) -> tuple[Tensor, Tensor]:
    """e and a after their non-linearities; what a write gate holds back is neither erased nor added."""
    erase, add = _erase(heads).sigmoid(), _add(heads).tanh()
    if heads.write_gates is None:
        return erase, add
    opened = heads.write_gates.sigmoid().unsqueeze(-1)
    return opened * erase, opened * add


def _erase(heads: HeadInterface) -> Tensor:
    if heads.erase is None:
        raise ValueError("read heads do not erase")
    return heads.erase


def _add(heads: HeadInterface) -> Tensor:
    if heads.add is None:
        raise ValueError("read heads do not add")
    return heads.add


class _Focus(NamedTuple):
    weights: Tensor
    content: Tensor
    gate: Tensor


_STOCK = stock_of(NTM)
