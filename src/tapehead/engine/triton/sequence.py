"""A whole sequence on the Triton kernels: the loops over time, and the door to autograd."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..native.ops import Recompute, differentiate_by_reference
from ..native.plans import weights_of
from ..spec import KernelSpec, flatten_state, memory_names, unflatten_state
from .available import wide_dtype
from .controller import Controller
from .launch import Memory
from .whole import Whole, serves


def run(
    spec: KernelSpec, x: Tensor, state: Any, lengths: Tensor | None, recompute: Recompute
) -> tuple[Tensor, Tensor | None, Any]:
    """Run a machine over x [T, B, input_size], up to its output layer.

    Args:
        spec: a machine that :func:`available.unsupported_reason` has nothing against.
        state: the batched state to start from.
        lengths: steps of each sequence [B], or None when all are T long. What x holds after them has no
            influence.
        recompute: the same run on the reference, which a backward pass that is itself to be differentiated
            goes through (``create_graph=True``).

    Returns:
        (features [T, B, L·H], words read [T, B, R, W] or None without a memory, the final state).
    """
    names = len(spec.weight_names) - len(spec.outputs)
    spec = spec._replace(outputs=(), output_bias=False, weight_names=spec.weight_names[:names])
    weights, start = weights_of(spec), flatten_state(spec, x, state)
    if lengths is not None:
        padding = torch.arange(x.shape[0], device=x.device).unsqueeze(1) >= lengths
        x = x.masked_fill(padding.unsqueeze(-1), 0)
    needed = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in [x, *weights, *start])
    if needed:
        features, words, *final = _Run.apply(spec, recompute, lengths, x, *weights, *start)
    else:
        ran = _Sequence(spec, lengths, x.detach(), weights, start, keep=False)
        features, words, *final = ran.forward()
    read_words = words.unflatten(-1, (spec.num_reads, spec.word_size)) if spec.num_reads else None
    return features, read_words, unflatten_state(spec, x, final)


class _Sequence:
    """One run: the buffers that its two passes share.

    What is narrower than 32 bits is widened when it comes in, and what goes out is rounded: in between
    everything is float32, the memory and its addressing first of all.
    """

    def __init__(
        self,
        spec: KernelSpec,
        lengths: Tensor | None,
        x: Tensor,
        weights: Sequence[Tensor],
        start: Sequence[Tensor],
        *,
        keep: bool,
    ) -> None:
        self.spec, self.padded, self.dtype = spec, lengths is not None, x.dtype
        x, *tensors = (tensor.to(wide_dtype(x.dtype)) for tensor in (x, *weights, *start))
        weights, start = tensors[: len(weights)], tensors[len(weights) :]
        self.steps, self.batch, _ = x.shape
        if lengths is None:
            lengths = torch.full((self.batch,), self.steps, dtype=torch.int64, device=x.device)
        elif keep:
            # Which sequences go on: [T, B, 1].
            steps = torch.arange(self.steps, device=x.device).unsqueeze(1)
            self.active = (steps < lengths).unsqueeze(-1)
        lengths = lengths.contiguous()
        count = 2 * len(spec.layers)
        layers, rest = list(zip(weights[:count:2], weights[1:count:2])), weights[count:]
        self.interface_weights, self.norm = rest[: len(spec.interface)], rest[len(spec.interface) :]
        named = unflatten_state(spec, x, list(start))._asdict()
        controller = [tensor for layer in named.pop("controller") for tensor in layer]
        self.memory: Memory | None = None
        words = x.new_empty(self.steps + 1, self.batch, 0)
        if spec.kind != "none":
            size = self.interface_weights[0].shape[0]
            self.interface = x.new_empty(self.steps, self.batch, size)
            self.raw = torch.empty_like(self.interface) if self.norm else self.interface
            self.memory = Memory(spec, named, self.interface, lengths, keep)
            words = self.memory.words.flatten(2)
        self.controller = Controller(spec, layers, x, words, controller, lengths)
        self.moments: list[tuple[Tensor, Tensor]] = []
        self.whole: Whole | None = None
        if self.memory is not None and serves(spec, self.memory.size):
            weight, bias = self.interface_weights
            self.whole = Whole(self.controller, self.memory, weight, bias, self.dtype)

    def forward(self) -> list[Tensor]:
        """Features [T, B, L·H], words read [T, B, R·W], the final state's tensors."""
        if self.whole is not None:
            self.whole.forward()
        else:
            for t in range(self.steps):
                self.controller.forward(t)
                if self.memory is not None:
                    self._interface(t)
                    self.memory.forward(t)
        final: list[Tensor] = []
        if self.memory is not None:
            named = self.memory.final()
            final = [named[name] for name in memory_names(self.spec)]
        words = self.controller.words[1:].clone()
        found = [self.controller.features, words, *final, *self.controller.final()]
        return [tensor.to(self.dtype) for tensor in found]

    def _interface(self, t: int) -> None:
        weight, *bias = self.interface_weights
        features = self.controller.features[t]
        if bias:
            torch.addmm(bias[0], features, weight.T, out=self.raw[t])
        else:
            torch.mm(features, weight.T, out=self.raw[t])
        if self.norm:
            normed, *moments = torch.native_layer_norm(
                self.raw[t], self.raw.shape[-1:], self.norm[0], self.norm[1], 1e-5
            )
            self.interface[t].copy_(normed)
            self.moments.append((moments[0], moments[1]))

    def backward(self, gradients: Sequence[Tensor | None]) -> list[Tensor]:
        """The gradients of x, of every weight and of every tensor of the start state, in the kernel's order.

        Args:
            gradients: of what :meth:`forward` returned; None is zero.
        """
        wide = self.controller.x.dtype
        of_features, of_words, *of_final = (None if given is None else given.to(wide) for given in gradients)
        names = memory_names(self.spec)
        self.controller.start_backward(of_final[len(names) :])
        of_state: dict[str, Tensor] = {}
        if self.memory is not None:
            of_state = {name: self.memory.gradient(name, given) for name, given in zip(names, of_final)}
        of_interface = of_raw = None
        if self.whole is not None:
            of_interface = of_raw = self.whole.backward(of_features, of_words, of_state)
        else:
            of_interface, of_raw = self._backward_through_time(of_features, of_words, of_state)
        of_x, of_weights = self.controller.gradients()
        if of_interface is not None and of_raw is not None:
            of_weights += self._interface_gradients(of_interface, of_raw)
        of_start = []
        if self.memory is not None:
            of_start = [self.memory.cut(name, gradient).contiguous() for name, gradient in of_state.items()]
        found = [of_x, *of_weights, *of_start, *self.controller.of_start()]
        return [gradient.to(self.dtype) for gradient in found]

    def _backward_through_time(
        self, of_features: Tensor | None, of_words: Tensor | None, of_state: dict[str, Tensor]
    ) -> tuple[Tensor | None, Tensor | None]:
        """Everything but the weights; (of the interface, and before its layer norm) for every step."""
        memory, controller = self.memory, self.controller
        of_interface = of_raw = scratch = None
        # The words' gradient, [B, R·W]: from the step after, and from what the run returned.
        words = controller.x.new_zeros(self.batch, 0)
        if memory is not None:
            of_interface = torch.zeros_like(self.interface)
            of_raw = torch.empty_like(of_interface) if self.norm else of_interface
            scratch, words = memory.scratch(), of_state["read_words"].flatten(1)
        everybody = torch.ones(self.batch, 1, dtype=torch.bool, device=controller.x.device)
        for t in reversed(range(self.steps)):
            active = self.active[t] if self.padded else everybody
            said = torch.zeros_like(controller.features[t]) if of_features is None else of_features[t].clone()
            if memory is not None and of_interface is not None and scratch is not None:
                if t == self.steps - 1 or (t + 1) % memory.slots_of.segment == 0:
                    memory.write_again(t // memory.slots_of.segment)
                if of_words is not None:
                    words.add_(of_words[t])
                memory.backward(t, of_interface, of_state, scratch)
                words.masked_fill_(active, 0)
                assert of_raw is not None
                self._norm_backward(t, of_interface, of_raw)
                said.addmm_(of_raw[t], self.interface_weights[0])
            controller.backward(t, said, words, active)
        return of_interface, of_raw

    def _norm_backward(self, t: int, of_interface: Tensor, of_raw: Tensor) -> None:
        if self.norm:
            given = of_interface[t], self.raw[t], self.raw.shape[-1:], *self.moments[t], *self.norm
            found, _, _ = torch.ops.aten.native_layer_norm_backward(*given, [True, False, False])
            of_raw[t].copy_(found)

    def _interface_gradients(self, of_interface: Tensor, of_raw: Tensor) -> list[Tensor]:
        """Of the interface's weight, of its bias and of its layer norm where it has them."""
        rows = of_raw.flatten(0, 1)
        found = [rows.T @ self.controller.features.flatten(0, 1)]
        if len(self.interface_weights) > 1:
            found.append(rows.sum(0))
        if self.norm:
            mean, scale = (torch.stack(column) for column in zip(*self.moments))
            normed = (self.raw - mean) * scale
            found += [(of_interface * normed).sum((0, 1)), of_interface.sum((0, 1))]
        return found


class _Run(torch.autograd.Function):
    """A run whose gradients the kernels make."""

    @staticmethod
    def forward(
        ctx: Any,
        spec: KernelSpec,
        recompute: Recompute,
        lengths: Tensor | None,
        x: Tensor,
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        count = len(spec.weight_names)
        weights, start = tensors[:count], tensors[count:]
        # Detached, because what a forward pass keeps must not hold its own graph.
        kept = [tensor.detach() for tensor in tensors]
        ctx.ran = _Sequence(spec, lengths, x.detach(), kept[:count], kept[count:], keep=True)
        ctx.reference, ctx.count = (spec, recompute), count
        ctx.needed = [int(tensor.requires_grad) for tensor in [x, *tensors]]
        ctx.has_lengths = lengths is not None
        ctx.save_for_backward(x, *weights, *start, *([] if lengths is None else [lengths]))
        features, *rest = ctx.ran.forward()
        return features.clone(), *rest

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        x, *tensors = ctx.saved_tensors
        lengths = tensors.pop() if ctx.has_lengths else None
        if torch.is_grad_enabled():  # create_graph=True: the gradients need a graph of their own
            weights, start = tensors[: ctx.count], tensors[ctx.count :]
            outputs = None, *gradients
            spec, recompute = ctx.reference
            found = differentiate_by_reference(
                spec, recompute, x, lengths, weights, start, ctx.needed, outputs
            )
        else:
            computed = ctx.ran.backward(gradients)
            found = [gradient if need else None for gradient, need in zip(computed, ctx.needed, strict=True)]
        return None, None, None, *found
