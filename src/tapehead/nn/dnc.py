"""The Differentiable Neural Computer (Graves et al., Nature 538, 2016)."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .. import functional as F
from ..functional import oneplus
from ..types import DNCState, Trace
from .controllers import bound_gradient, hold_first_unit
from .module import Machine, check_limits, check_word_sizes

INITIAL_MEMORY = 1e-6
LOOKUP_STRENGTH = 5
"""Of every read head under ``lookup_start``, before oneplus."""


class DNC(Machine):
    """A Differentiable Neural Computer, called like ``nn.LSTM``.

    The paper's machine: y_t = W_y [h¹; …; h^L] + W_r [r¹; …; r^R], ξ_t = W_ξ [h¹; …; h^L], both without
    biases. A step writes first and then reads; the words read reach the controller in the next step.

    Args:
        input_size: numbers in x_t.
        hidden_size: units a controller layer.
        output_size: numbers in y_t (raw: apply your own sigmoid or softmax, best inside the loss).
        memory_size: N, memory slots. No parameter depends on it: ``dnc(x, memory_size=512)`` runs the same
            weights on another size.
        word_size: W, numbers in a slot.
        num_reads: R, read heads. (There is one write head, as in the paper.)
        num_layers: L, controller layers.
        controller: "lstm", "feedforward", or a module that follows :class:`tapehead.nn.Controller`.
        batch_first: x and y are [B, T, ...] instead of [T, B, ...].
        learned_start: learn the controller's first state and the first words read, instead of zeros.
        temporal_links: False leaves out the links: reads go by content alone, O(N) instead of O(N²)
            (Franke et al. 2018).
        masked_lookup: content lookup under a mask that each head emits (Csordás and Schmidhuber 2019).
        mask_min: the least that a mask lets through, in [0, 1); 0.1 helps on associative recall.
        deallocation: wipe a slot's content when it is freed (ibid.).
        link_sharpening: sharpen forward and backward weightings (ibid.).
        interface_norm: layer norm over the whole interface vector (Franke et al. 2018).
        bypass_dropout: probability of dropout between the controller and the output only (ibid.).
        lookup_start: begin training as a memory that looks things up: every step is written to a slot of
            its own, nothing is freed, and every read head looks for the slot most like what is being written.
            Tasks of facts and questions are then learned within thousands of updates, not tens of thousands.
        usage_gradient: False stops the gradient from usage to the last write weighting (DeepMind's code).
        clip_controller_gradient: clip the gradient at the controller's activations (the paper: 10).
        clip_weighting_gradient: clip the gradient at every read and write weighting elementwise.
        backend: "reference", "native" or "auto"; None asks the environment variable TAPEHEAD_BACKEND.

    Shapes:
        x [T, B, input_size] → y [T, B, output_size], state :class:`~tapehead.DNCState`.

    Example:
        >>> dnc = DNC(input_size=9, hidden_size=32, output_size=8, memory_size=16, word_size=10)
        >>> y, state = dnc(torch.randn(5, 2, 9))
        >>> y.shape, state.memory.shape
        (torch.Size([5, 2, 8]), torch.Size([2, 16, 10]))
    """

    state_type = DNCState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        memory_size: int = 128,
        word_size: int = 20,
        num_reads: int = 4,
        *,
        num_layers: int = 1,
        controller: str | nn.Module = "lstm",
        batch_first: bool = False,
        learned_start: bool = False,
        temporal_links: bool = True,
        masked_lookup: bool = False,
        mask_min: float = 0.0,
        deallocation: bool = False,
        link_sharpening: bool = False,
        interface_norm: bool = False,
        bypass_dropout: float = 0.0,
        lookup_start: bool = False,
        usage_gradient: bool = True,
        clip_controller_gradient: float | None = None,
        clip_weighting_gradient: float | None = None,
        backend: str | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self._remember(locals())
        check_word_sizes(memory_size, word_size, num_reads=num_reads)
        if not 0 <= mask_min < 1:
            raise ValueError(f"mask_min is {mask_min}: give a number from 0 up to, not including, 1")
        if link_sharpening and not temporal_links:
            raise ValueError("link_sharpening=True needs temporal_links=True: there are no links to sharpen")
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
        self.temporal_links = temporal_links
        self.masked_lookup = masked_lookup
        self.mask_min = mask_min
        self.deallocation = deallocation
        self.link_sharpening = link_sharpening
        self.usage_gradient = usage_gradient
        self.clip_weighting_gradient = clip_weighting_gradient
        features = self.controller.output_size
        self.field_sizes = self._interface_fields()
        self.interface = nn.Linear(features, sum(self.field_sizes), bias=False, **factory)
        self.interface_norm = nn.LayerNorm(sum(self.field_sizes), **factory) if interface_norm else None
        self.bypass_dropout = nn.Dropout(bypass_dropout)
        self.output_from_controller = nn.Linear(features, output_size, bias=False, **factory)
        self.output_from_reads = nn.Linear(num_reads * word_size, output_size, bias=False, **factory)
        if lookup_start:
            self._start_with_lookup()
        if learned_start:
            self.initial_read_words = nn.Parameter(torch.zeros(num_reads, word_size, **factory))
        else:
            self.register_parameter("initial_read_words", None)

    @torch.no_grad()
    def _start_with_lookup(self) -> None:
        """Tie the read keys to the write vector and open the gates that a table of facts needs.

        With keys and words drawn apart, a lookup finds nothing that was written, and training must first
        bring the two together by way of a memory that is not yet of use: the long flat beginning of such
        runs.
        """
        unit = hold_first_unit(self.controller)
        rows = list(self.interface.weight.split(self.field_sizes))
        read_keys, read_strengths, _, _, _, write_vector, free_gates, allocation_gate, write_gate = rows[:9]
        self.interface.weight[:, 0] = 0
        read_keys.copy_(write_vector.repeat(self.num_reads, 1))
        read_strengths[:, 0] = LOOKUP_STRENGTH / unit
        for gate, value in ((free_gates, -4), (allocation_gate, 4), (write_gate, 4)):
            gate[:, 0] = value / unit
        if self.temporal_links:
            rows[9][1::3, 0] = 2 / unit  # backward, content, forward of every head

    def _interface_fields(self) -> list[int]:
        """Sizes of the interface's fields: the paper's order, then those of the variant switches."""
        R, W = self.num_reads, self.word_size
        sizes = [R * W, R, W, 1, W, W, R, 1, 1]  # k^r, β^r, k^w, β^w, e, v, f, g^a, g^w
        sizes += [3 * R] if self.temporal_links else []  # π
        sizes += [R * W, W] if self.masked_lookup else []  # masks of the read heads and of the write head
        sizes += [R, R] if self.link_sharpening else []  # strengths of the forward and backward weightings
        return sizes

    def initial_state(self, batch_size: int | None = None, memory_size: int | None = None) -> DNCState:
        """The state before the first step: zeros, the memory at the constant 1e-6.

        Args:
            batch_size: B, or None for an unbatched sequence.
            memory_size: N, or None for the size that the machine was built with.
        """
        N = self._slots(memory_size)
        B, R, W = 1 if batch_size is None else batch_size, self.num_reads, self.word_size
        weight = self.interface.weight
        N_links = N if self.temporal_links else 0
        if self.initial_read_words is None:
            read_words = weight.new_zeros(B, R, W)
        else:
            read_words = self.initial_read_words.expand(B, R, W)
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
        return self._squeeze_if_unbatched(state, batch_size)

    def _slots(self, memory_size: int | None) -> int:
        slots = self.memory_size if memory_size is None else memory_size
        check_word_sizes(slots, self.word_size)
        return slots

    def _memory_spec(self, memory_size: int | None) -> dict[str, Any]:
        norm = self.interface_norm
        # Dropout stands between the features and their part of the output layer: then PyTorch makes that.
        drops = self.training and self.bypass_dropout.p > 0
        outputs = {} if drops else self._output_layer(self.output_from_controller, self.output_from_reads)
        return {
            "kind": "dnc",
            **outputs,
            "memory_size": self._slots(memory_size),
            "initial_memory": INITIAL_MEMORY,
            "interface": (self.interface.weight,),
            "interface_norm": () if norm is None else (norm.weight, norm.bias),
            "word_size": self.word_size,
            "num_reads": self.num_reads,
            "temporal_links": self.temporal_links,
            "masked_lookup": self.masked_lookup,
            "mask_min": self.mask_min,
            "deallocation": self.deallocation,
            "link_sharpening": self.link_sharpening,
            "usage_gradient": self.usage_gradient,
            "clip_weighting_gradient": self.clip_weighting_gradient,
        }

    def outputs(self, features: Tensor, read_words: Tensor | None) -> Tensor:
        """DNC: y = W_y [h¹; …; h^L] + W_r [r¹; …; r^R], with the bypass dropout on the first term."""
        assert read_words is not None
        bypass = self.output_from_controller(self.bypass_dropout(features))
        return bypass + self.output_from_reads(read_words.flatten(-2))

    def step(self, x: Float[Tensor, "B I"], state: DNCState) -> tuple[Tensor, DNCState, Trace]:
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
        if self.interface_norm is not None:
            interface = self.interface_norm(interface)
        state, trace = self._access(interface, state)
        return features, state._replace(controller=controller), trace

    def _access(self, interface: Float[Tensor, "B X"], last: DNCState) -> tuple[DNCState, Trace]:
        """Write, then read (DNC Methods)."""
        B, R, W = interface.shape[0], self.num_reads, self.word_size
        fields = iter(interface.split(self.field_sizes, dim=-1))
        read_keys = next(fields).view(B, R, W)
        read_strengths = oneplus(next(fields))
        write_key = next(fields).unsqueeze(1)
        write_strength = oneplus(next(fields))
        erase = next(fields).sigmoid().unsqueeze(1)
        write_vector = next(fields).unsqueeze(1)
        free_gates = next(fields).sigmoid()
        allocation_gate = next(fields).sigmoid().squeeze(-1)
        write_gate = next(fields).sigmoid().squeeze(-1)
        modes = next(fields).view(B, R, 3).softmax(-1) if self.temporal_links else None
        read_masks = write_mask = None
        if self.masked_lookup:
            read_masks = self._mask(next(fields)).view(B, R, W)
            write_mask = self._mask(next(fields)).unsqueeze(1)

        last_write = last.write_weights if self.usage_gradient else last.write_weights.detach()
        retention = F.retention(free_gates, last.read_weights)
        usage = F.update_usage(last.usage, last_write, retention)
        allocation = F.allocation_weights(usage)
        content_write = F.content_weights(last.memory, write_key, write_strength, write_mask).squeeze(1)
        write_weights = F.mix_write_weights(content_write, allocation, write_gate, allocation_gate)
        bound_gradient(write_weights, self.clip_weighting_gradient)
        kept = last.memory * retention.unsqueeze(-1) if self.deallocation else last.memory
        memory = F.erase_and_add(kept, write_weights.unsqueeze(1), erase, write_vector)

        content_read = F.content_weights(memory, read_keys, read_strengths, read_masks)
        link, precedence, read_weights = last.link, last.precedence, content_read
        if modes is None:
            modes = interface.new_tensor([0.0, 1.0, 0.0]).expand(B, R, 3)
        else:
            link = F.update_link(last.link, last.precedence, write_weights)
            precedence = F.update_precedence(last.precedence, write_weights)
            forward, backward = F.directional_weights(link, last.read_weights)
            if self.link_sharpening:
                forward = F.sharpen_links(forward, oneplus(next(fields)))
                backward = F.sharpen_links(backward, oneplus(next(fields)))
            read_weights = F.mix_read_weights(backward, content_read, forward, modes)
        bound_gradient(read_weights, self.clip_weighting_gradient)
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

    def _mask(self, field: Tensor) -> Tensor:
        return self.mask_min + (1 - self.mask_min) * field.sigmoid()
