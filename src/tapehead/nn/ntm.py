"""The Neural Turing Machine (Graves, Wayne and Danihelka 2014, arXiv:1410.5401)."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from .. import functional as F
from ..types import NTMState, Trace
from .controllers import bound_gradient
from .module import Machine, check_limits, check_word_sizes

INITIAL_MEMORY = 1e-6
FIRST_SPREAD = 0.5
"""Standard deviation of a learned memory's numbers before training."""


class NTM(Machine):
    """A Neural Turing Machine, called like ``nn.LSTM``.

    The paper leaves the heads' non-linearities open; here keys and add vectors go through tanh, erase
    vectors and interpolation gates through a sigmoid, key strengths through softplus, shifts through a
    softmax, and γ = 1 + softplus. In a step the write heads address the memory of the step before and
    write; then the read heads address and read the new memory. The words read reach the controller in the
    next step, and the output in this one: y_t = W_y [h; r] + b.

    Args:
        input_size: numbers in x_t.
        hidden_size: units a controller layer.
        output_size: numbers in y_t (raw: apply your own sigmoid or softmax, best inside the loss).
        memory_size: N, memory slots. No parameter depends on it: ``ntm(x, memory_size=512)`` runs the same
            weights on another size.
        word_size: W, numbers in a slot.
        num_reads: R, read heads.
        num_writes: H, write heads; all erase before any adds.
        max_shift: the farthest shift in one step; a head chooses among 2·max_shift + 1 offsets.
        num_layers: L, controller layers.
        controller: "lstm", "feedforward", or a module that follows :class:`tapehead.nn.Controller`.
        batch_first: x and y are [B, T, ...] instead of [T, B, ...].
        read_first: read heads address and read the memory of the step before, then the write heads write;
            some implementations do it in this order.
        learned_start: learn the controller's first state and the first words read (NTM section 4), instead
            of zeros.
        learned_memory: learn what each slot holds before the first step, instead of the same small constant
            in all: slots that differ can be addressed by content from the first step on, as a table is by
            its keys. (The paper does not say how its memory begins.) A run on another size repeats the
            slots, or takes the first of them.
        tape_start: begin training with heads that move like a tape's: near their last place, in focus, one
            slot on in every step. Copying is then learned sooner; associative recall is not.
        clip_controller_gradient: clip the gradient at the controller's activations elementwise.
        clip_weighting_gradient: clip the gradient at every read and write weighting elementwise. Sharpening
            can multiply it by γ in every step: unbounded, it leaves float32 within a hundred steps.
        backend: "reference", "native" or "auto"; None asks the environment variable TAPEHEAD_BACKEND.

    Shapes:
        x [T, B, input_size] → y [T, B, output_size], state :class:`~tapehead.NTMState`.

    Example:
        >>> ntm = NTM(input_size=9, hidden_size=32, output_size=8, memory_size=16, word_size=10)
        >>> y, state = ntm(torch.randn(5, 2, 9))
        >>> y.shape, state.read_weights.shape
        (torch.Size([5, 2, 8]), torch.Size([2, 1, 16]))
    """

    state_type = NTMState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        memory_size: int = 128,
        word_size: int = 20,
        num_reads: int = 1,
        num_writes: int = 1,
        max_shift: int = 1,
        *,
        num_layers: int = 1,
        controller: str | nn.Module = "lstm",
        batch_first: bool = False,
        read_first: bool = False,
        learned_start: bool = False,
        learned_memory: bool = False,
        tape_start: bool = False,
        clip_controller_gradient: float | None = None,
        clip_weighting_gradient: float | None = None,
        backend: str | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self._remember(locals())
        check_word_sizes(memory_size, word_size, num_reads=num_reads, num_writes=num_writes)
        if not isinstance(max_shift, int) or max_shift < 0:
            raise ValueError(f"max_shift is {max_shift!r}: give a whole number of at least 0")
        check_limits(clip_weighting_gradient=clip_weighting_gradient)
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        super().__init__(
            input_size=input_size,
            hidden_size=hidden_size,
            output_size=output_size,
            num_layers=num_layers,
            controller=controller,
            words_read=num_reads * word_size,
            batch_first=batch_first,
            learned_start=learned_start,
            clip_controller_gradient=clip_controller_gradient,
            backend=backend,
            factory=factory,
        )
        self.memory_size = memory_size
        self.word_size = word_size
        self.num_reads = num_reads
        self.num_writes = num_writes
        self.max_shift = max_shift
        self.read_first = read_first
        self.clip_weighting_gradient = clip_weighting_gradient
        features = self.controller.output_size
        addressing_size = word_size + 1 + 1 + (2 * max_shift + 1) + 1  # k, β, g, s, γ
        self.read_size = addressing_size
        self.write_size = addressing_size + 2 * word_size  # and e, a
        interface_size = num_reads * self.read_size + num_writes * self.write_size
        self.interface = nn.Linear(features, interface_size, **factory)
        self.output_from_controller = nn.Linear(features, output_size, **factory)
        self.output_from_reads = nn.Linear(num_reads * word_size, output_size, bias=False, **factory)
        if tape_start:
            self._bias_heads()
        if learned_memory:
            self.initial_memory = nn.Parameter(FIRST_SPREAD * torch.randn(memory_size, word_size, **factory))
            self.constant_start = False
        else:
            self.register_parameter("initial_memory", None)
        if learned_start:
            self.initial_read_words = nn.Parameter(torch.zeros(num_reads, word_size, **factory))
        else:
            self.register_parameter("initial_read_words", None)

    @torch.no_grad()
    def _bias_heads(self) -> None:
        """Let every head start out as a tape head: near its last place, in focus, a slot on in every step.

        With even gates and shifts every step blurs a weighting, and training begins on a long plateau.
        """
        starts = [h * self.read_size for h in range(self.num_reads)]
        writes = self.num_reads * self.read_size
        starts += [writes + h * self.write_size for h in range(self.num_writes)]
        for start in starts:
            self.interface.bias[start + self.word_size + 1] -= 1  # the interpolation gate
            self.interface.bias[start + self.read_size - 1] += 1  # γ
            if self.max_shift:
                self.interface.bias[start + self.word_size + 3 + self.max_shift] += 2  # the shift by +1

    def initial_state(self, batch_size: int | None = None, memory_size: int | None = None) -> NTMState:
        """The state before the first step: the memory at 1e-6, every weighting on slot 0, the rest zero;
        memory, words read and controller as learned where they are.

        (A constant memory under even weightings would stay the same in all slots for ever.)

        Args:
            batch_size: B, or None for an unbatched sequence.
            memory_size: N, or None for the size that the machine was built with.
        """
        N = self._slots(memory_size)
        B, R, W = 1 if batch_size is None else batch_size, self.num_reads, self.word_size
        weight = self.interface.weight
        first_slot = weight.new_zeros(N)
        first_slot[0] = 1
        if self.initial_read_words is None:
            read_words = weight.new_zeros(B, R, W)
        else:
            read_words = self.initial_read_words.expand(B, R, W)
        if self.initial_memory is None:
            memory = weight.new_full((B, N, W), INITIAL_MEMORY)
        else:
            slots = torch.arange(N, device=weight.device) % self.memory_size
            memory = self.initial_memory[slots].expand(B, N, W)
        state = NTMState(
            memory=memory,
            write_weights=first_slot.expand(B, self.num_writes, N),
            read_weights=first_slot.expand(B, R, N),
            read_words=read_words,
            controller=self.controller.initial_state(B, weight.device, weight.dtype),
        )
        return self._squeeze_if_unbatched(state, batch_size)

    def _slots(self, memory_size: int | None) -> int:
        slots = self.memory_size if memory_size is None else memory_size
        check_word_sizes(slots, self.word_size)
        return slots

    def _memory_spec(self, memory_size: int | None) -> dict[str, Any]:
        return {
            "kind": "ntm",
            **self._output_layer(self.output_from_controller, self.output_from_reads),
            "memory_size": self._slots(memory_size),
            "initial_memory": INITIAL_MEMORY,
            "interface": (self.interface.weight, self.interface.bias),
            "word_size": self.word_size,
            "num_reads": self.num_reads,
            "num_writes": self.num_writes,
            "max_shift": self.max_shift,
            "read_first": self.read_first,
            "clip_weighting_gradient": self.clip_weighting_gradient,
        }

    def outputs(self, features: Tensor, read_words: Tensor | None) -> Tensor:
        """y = W_y [h¹; …; h^L] + W_r [r¹; …; r^R] + b."""
        assert read_words is not None
        return self.output_from_controller(features) + self.output_from_reads(read_words.flatten(-2))

    def step(self, x: Float[Tensor, "B I"], state: NTMState) -> tuple[Tensor, NTMState, Trace]:
        """One step in plain PyTorch, equation by equation.

        Args:
            x: x_t, [B, input_size].
            state: the state after step t − 1, batched.

        Returns:
            (the controller's output [B, L·H], the state after step t, the trace entry of step t).
        """
        chi = torch.cat([x, state.read_words.flatten(1)], dim=-1)
        features, controller = self.controller(chi, state.controller)
        interface = self.interface(features)
        reads, writes = interface.split(
            [self.num_reads * self.read_size, self.num_writes * self.write_size], dim=-1
        )
        read_heads = reads.unflatten(-1, (self.num_reads, self.read_size))
        write_heads = writes.unflatten(-1, (self.num_writes, self.write_size))
        head_sizes = [self.read_size, self.word_size, self.word_size]
        write_addressing, erase, add = write_heads.split(head_sizes, dim=-1)

        write_focus = self._address(write_addressing, state.memory, state.write_weights)
        memory = F.erase_and_add(state.memory, write_focus.weights, erase.sigmoid(), add.tanh())
        seen = state.memory if self.read_first else memory
        read_focus = self._address(read_heads, seen, state.read_weights)
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

    def _address(
        self, heads: Float[Tensor, "B H P"], memory: Float[Tensor, "B N W"], previous: Float[Tensor, "B H N"]
    ) -> "_Focus":
        """Content → interpolate → shift → sharpen (NTM Figure 2)."""
        key, strength, gate, shifts, gamma = heads.split(
            [self.word_size, 1, 1, 2 * self.max_shift + 1, 1], dim=-1
        )
        content = F.content_weights(memory, key.tanh(), softplus(strength).squeeze(-1))
        gate = gate.sigmoid().squeeze(-1)
        shifted = F.shift(F.interpolate(content, previous, gate), shifts.softmax(-1))
        weights = F.sharpen(shifted, 1 + softplus(gamma).squeeze(-1))
        bound_gradient(weights, self.clip_weighting_gradient)
        return _Focus(weights, content, gate)


class _Focus(NamedTuple):
    weights: Tensor
    content: Tensor
    gate: Tensor
