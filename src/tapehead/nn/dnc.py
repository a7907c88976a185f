"""The Differentiable Neural Computer (Graves et al., Nature 538, 2016)."""

from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .. import functional as F
from ..engine import KernelSpec, Unsupported
from ..functional import oneplus
from ..types import DNCState, SparseDNCState, Trace
from .config import DEFAULT_TOP_K, DNCConfig, arguments_of
from .controllers import FeedforwardController, clip_gradient_, hold_first_unit, straight_words
from .interface import DNCInterface, SparseInterface, total_size
from .kernel import kernel_spec, known_spec, stock_of
from .module import Machine, slots, squeeze_if_unbatched
from .sparse import read_by_content, write_sparsely

INITIAL_MEMORY = 1e-6
LOOKUP_STRENGTH = 5
"""Of every read head under ``init="lookup"``, before oneplus."""
STRAIGHT_STRENGTH = 30
"""The same with a feed-forward controller, whose words differ more."""

if TYPE_CHECKING:  # for type checkers the state is that of dense access, which most machines have
    State = DNCState
else:
    State = DNCState | SparseDNCState


class DNC(Machine[DNCState]):
    """A Differentiable Neural Computer, called like ``nn.LSTM``.

    The paper's machine: y_t = W_y [h¹; …; h^L] + W_r [r¹; …; r^R], ξ_t = W_ξ [h¹; …; h^L], both without
    biases. A step writes first and then reads; the words read reach the controller in the next step.

    With ``access="sparse"`` (Rae et al. 2016, SDNC) there are no free gates, usage is the time of the last
    access, and links are few a slot: see :mod:`tapehead.functional`. Its state is a
    :class:`~tapehead.nn.SparseDNCState`.

    Args:
        input_size: numbers in x_t.
        hidden_size: units a controller layer.
        others: by keyword, the fields of :class:`tapehead.nn.DNCConfig`: sizes (``output_size``,
            ``memory_size``, ``word_size``, ``num_reads``, ``num_layers``), the controller, published
            variants, and where the machine runs.

    Shapes:
        x [T, B, input_size] → y [T, B, output_size], state :class:`~tapehead.DNCState`.

    Example:
        >>> dnc = DNC(input_size=9, hidden_size=32, output_size=8, memory_size=16, word_size=10)
        >>> y, state = dnc(torch.randn(5, 2, 9))
        >>> y.shape, state.memory.shape
        (torch.Size([5, 2, 8]), torch.Size([2, 16, 10]))
    """

    state_type = DNCState

    config: DNCConfig
    initial_read_words: nn.Parameter | None

    @arguments_of(DNCConfig)
    def __init__(self, config: DNCConfig) -> None:
        R, W = config.num_reads, config.word_size
        super().__init__(config, read_size=R * W * config.feed_reads)
        self.memory_size = config.memory_size
        self.word_size = W
        self.num_reads = R
        self.feed_reads = config.feed_reads
        self.temporal_links = config.temporal_links
        self.masked_lookup = config.masked_lookup
        self.mask_min = config.mask_min
        self.deallocation = config.deallocation
        self.link_sharpening = config.link_sharpening
        self.usage_gradient = config.usage_gradient
        self.clip_weighting_gradient = config.clip_weighting_gradient
        self.sparse = config.access == "sparse"
        self.top_k = (config.top_k or DEFAULT_TOP_K) if self.sparse else 0
        self.search = config.search
        if self.sparse:
            self.state_type = SparseDNCState  # type: ignore[assignment]
            self._fields = SparseInterface.shapes(R, 1, W, temporal_links=config.temporal_links)
        else:
            self._fields = DNCInterface.shapes(
                R,
                W,
                temporal_links=config.temporal_links,
                masked_lookup=config.masked_lookup,
                link_sharpening=config.link_sharpening,
            )
        features, interface, factory = self.controller.output_size, total_size(self._fields), config.factory
        self.interface = nn.Linear(features, interface, bias=False, **factory)
        self.interface_norm = nn.LayerNorm(interface, **factory) if config.interface_norm else None
        self.bypass_dropout = nn.Dropout(config.bypass_dropout)
        self.output_from_controller = nn.Linear(features, self.output_size, bias=False, **factory)
        self.output_from_reads = nn.Linear(R * W, self.output_size, bias=False, **factory)
        learned = config.learn_initial_state and config.feed_reads
        read_words = nn.Parameter(torch.zeros(R, W, **factory)) if learned else None
        self.register_parameter("initial_read_words", read_words)
        self._initialize()

    @torch.no_grad()
    def _initialize(self) -> None:
        if self.initial_read_words is not None:
            self.initial_read_words.zero_()
        if self.config.init == "lookup":
            self._start_with_lookup()

    @torch.no_grad()
    def _start_with_lookup(self) -> None:
        """Tie the read keys to the write vector and open the gates that a table of facts needs.

        With keys and words drawn apart, a lookup finds nothing that was written, and training must first
        bring the two together by way of a memory that is not yet of use: the long flat beginning of such
        runs. What a feed-forward controller writes depends on the input alone at first:
        :func:`~tapehead.nn.controllers.straight_words`.
        """
        # The columns of the interface matrix go by features; its rows, transposed, go by fields.
        rows = DNCInterface.split(self.interface.weight.T, self._fields)
        strength = LOOKUP_STRENGTH
        if isinstance(self.controller, FeedforwardController):
            rows.write_vector.copy_(straight_words(self.controller, self.input_size, self.word_size))
            strength = STRAIGHT_STRENGTH
        unit = hold_first_unit(self.controller)
        self.interface.weight[:, 0] = 0
        rows.read_keys.copy_(rows.write_vector.unsqueeze(1).expand_as(rows.read_keys))
        # What the constant first unit adds to a field is its bias.
        rows.read_strengths[0] = strength / unit
        rows.free_gates[0] = -4 / unit
        rows.allocation_gate[0] = 4 / unit
        rows.write_gate[0] = 4 / unit
        if rows.read_modes is not None:
            rows.read_modes[0, :, 1] = 2 / unit  # backward, content, forward of every head

    def initial_state(self, batch_size: int | None = None, memory_size: int | None = None) -> State:
        """The state before the first step: zeros, the memory at the constant 1e-6, with sparse access zero.

        Args:
            batch_size: B, or None for an unbatched sequence.
            memory_size: N, or None for the size that the machine was built with.
        """
        N = slots(self.memory_size, memory_size)
        B, R, W = 1 if batch_size is None else batch_size, self.num_reads, self.word_size
        weight = self._parameter()
        N_links = N if self.temporal_links else 0
        if self.initial_read_words is None:
            read_words = weight.new_zeros(B, R, W)
        else:
            read_words = self.initial_read_words.expand(B, R, W).clone()
        if self.sparse:
            links = ("before_weights", "before_slots", "after_weights", "after_slots")
            sparse: Any = SparseDNCState(
                memory=weight.new_zeros(B, N, W),
                usage=weight.new_zeros(B, N),
                precedence=weight.new_zeros(B, N_links),
                **{name: weight.new_zeros(B, N_links, F.MAX_LINKS) for name in links},
                read_weights=weight.new_zeros(B, R, N),
                read_words=read_words,
                controller=self.controller.initial_state(B, weight.device, weight.dtype),
            )
            return squeeze_if_unbatched(sparse, batch_size)
        state = DNCState(
            memory=weight.new_full((B, N, W), INITIAL_MEMORY),
            usage=weight.new_zeros(B, N),
            precedence=weight.new_zeros(B, N_links),
            link=weight.new_zeros(B, N_links, N_links),
            write_weights=weight.new_zeros(B, N),
            read_weights=weight.new_zeros(B, R, N),
            read_words=read_words,
            controller=self.controller.initial_state(B, weight.device, weight.dtype),
        )
        return squeeze_if_unbatched(state, batch_size)

    def kernel_spec(self, memory_size: int | None = None) -> KernelSpec | Unsupported:
        return known_spec(self, memory_size) or kernel_spec(
            self,
            _STOCK,
            kind="sparse_dnc" if self.sparse else "dnc",
            features=self.config.num_layers * self.hidden_size,
            interface_size=total_size(self._fields),
            read_size=self.num_reads * self.word_size,
            memory_size=slots(self.memory_size, memory_size),
            initial_memory=0.0 if self.sparse else INITIAL_MEMORY,
            further={"num_writes": 1} if self.sparse else {},
        )

    def outputs(self, features: Tensor, read_words: Tensor | None) -> Tensor:
        """DNC: y = W_y [h¹; …; h^L] + W_r [r¹; …; r^R], with the bypass dropout on the first term."""
        if read_words is None:
            raise ValueError("read_words is None: the outputs of a DNC need the words read")
        bypass = self.output_from_controller(self.bypass_dropout(features))
        return bypass + self.output_from_reads(read_words.flatten(-2))

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
        if self.interface_norm is not None:
            interface = self.interface_norm(interface)
        state, trace = (self._access_sparsely if self.sparse else self._access)(interface, state)
        return features, state._replace(controller=controller), trace

    def _access(self, interface: Float[Tensor, "B X"], last: DNCState) -> tuple[DNCState, Trace]:
        """Write, then read (DNC Methods)."""
        xi = DNCInterface.split(interface, self._fields)
        write_gate, allocation_gate = xi.write_gate.sigmoid(), xi.allocation_gate.sigmoid()
        read_masks = write_mask = None
        if xi.read_masks is not None and xi.write_mask is not None:
            read_masks, write_mask = self._mask(xi.read_masks), self._mask(xi.write_mask).unsqueeze(1)

        last_write = last.write_weights if self.usage_gradient else last.write_weights.detach()
        retention = F.retention(xi.free_gates.sigmoid(), last.read_weights)
        usage = F.update_usage(last.usage, last_write, retention)
        allocation = F.allocation_weights(usage)
        write_key, write_strength = xi.write_key.unsqueeze(1), oneplus(xi.write_strength).unsqueeze(-1)
        content_write = F.content_weights(last.memory, write_key, write_strength, write_mask).squeeze(1)
        write_weights = F.mix_write_weights(content_write, allocation, write_gate, allocation_gate)
        clip_gradient_(write_weights, self.clip_weighting_gradient)
        kept = last.memory * retention.unsqueeze(-1) if self.deallocation else last.memory
        erase, write_vector = xi.erase.sigmoid().unsqueeze(1), xi.write_vector.unsqueeze(1)
        memory = F.erase_and_add(kept, write_weights.unsqueeze(1), erase, write_vector)

        content_read = F.content_weights(memory, xi.read_keys, oneplus(xi.read_strengths), read_masks)
        link, precedence, read_weights = last.link, last.precedence, content_read
        if xi.read_modes is None:
            off = torch.zeros_like(xi.read_strengths)
            modes = torch.stack([off, off + 1, off], dim=-1)  # content alone
        else:
            modes = xi.read_modes.softmax(-1)
            link = F.update_link(last.link, last.precedence, write_weights)
            precedence = F.update_precedence(last.precedence, write_weights)
            forward, backward = F.directional_weights(link, last.read_weights)
            if xi.forward_strengths is not None and xi.backward_strengths is not None:
                forward = F.sharpen_links(forward, oneplus(xi.forward_strengths))
                backward = F.sharpen_links(backward, oneplus(xi.backward_strengths))
            read_weights = F.mix_read_weights(backward, content_read, forward, modes)
        clip_gradient_(read_weights, self.clip_weighting_gradient)
        read_words = F.read(memory, read_weights)
        state = DNCState(
            memory, usage, precedence, link, write_weights, read_weights, read_words, last.controller
        )
        trace = Trace(
            memory=memory,
            read_weights=read_weights,
            write_weights=write_weights,
            usage=usage,
            link=link,
            precedence=precedence,
            allocation_weights=allocation,
            content_read_weights=content_read,
            content_write_weights=content_write,
            read_gates=modes,
            write_gates=torch.stack([allocation_gate, write_gate], dim=-1),
            read_words=read_words,
            interface=interface,
        )
        return state, trace

    def _access_sparsely(self, interface: Float[Tensor, "B X"], last: Any) -> tuple[Any, Trace]:
        """Write and read a few slots (Rae et al. 2016, SDNC)."""
        xi = SparseInterface.split(interface, self._fields)
        gates, write_gates = xi.gates.sigmoid(), xi.write_gates.sigmoid()
        clip = self.clip_weighting_gradient
        written = write_sparsely(
            last.memory,
            last.usage,
            last.read_weights,
            xi.add,
            gates,
            write_gates,
            top_k=self.top_k,
            clip=clip,
        )
        write_weights, strengths = written.weights.squeeze(1), oneplus(xi.read_strengths)
        content = read_by_content(
            written.memory, written.usage, xi.read_keys, strengths, top_k=self.top_k, search=self.search
        )
        before, after = (last.before_weights, last.before_slots), (last.after_weights, last.after_slots)
        precedence, read_weights = last.precedence, content
        if xi.read_modes is None:
            off = torch.zeros_like(strengths)
            modes = torch.stack([off, off + 1, off], dim=-1)  # content alone
        else:
            modes = xi.read_modes.softmax(-1)
            most = self.num_reads * self.top_k + 1
            before = F.update_links_before(before, precedence, write_weights)
            after = F.update_links_after(after, precedence, write_weights, most)
            precedence = F.update_sparse_precedence(precedence, write_weights)
            forward = F.follow_links(before, written.last_read)
            backward = F.follow_links(after, written.last_read)
            mixed = F.mix_read_weights(backward, content, forward, modes)
            read_weights = F.keep_largest(mixed, self.top_k)
        clip_gradient_(read_weights, clip)
        read_words = F.read(written.memory, read_weights)
        usage = F.update_access_times(written.usage, read_weights, written.weights)
        state = SparseDNCState(
            memory=written.memory,
            usage=usage,
            precedence=precedence,
            before_weights=before[0],
            before_slots=before[1],
            after_weights=after[0],
            after_slots=after[1],
            read_weights=read_weights,
            read_words=read_words,
            controller=last.controller,
        )
        trace = Trace(
            memory=written.memory,
            read_weights=read_weights,
            write_weights=write_weights,
            usage=usage,
            link=None,
            precedence=precedence,
            allocation_weights=written.least_used.squeeze(1),
            content_read_weights=content,
            content_write_weights=written.last_read.mean(1),
            read_gates=modes,
            write_gates=torch.cat([gates, write_gates], dim=-1),
            read_words=read_words,
            interface=interface,
        )
        return state, trace

    def _mask(self, field: Tensor) -> Tensor:
        return self.mask_min + (1 - self.mask_min) * field.sigmoid()


_STOCK = stock_of(DNC)
