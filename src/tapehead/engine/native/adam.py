"""A training update in compiled code: forward, loss, backward, clipping and Adam, without autograd.

What PyTorch adds around the kernel, an operation at a time, takes as long as the kernel itself where batches
are small. The plain update, which this one equals to rounding, is in ``train/update.py``.
"""

import ctypes
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..spec import KernelConfig, KernelSpec, Unsupported, flatten_state
from . import loader, ops, plans

CLIPPING = ("none", "norm", "elementwise")
"""Ways to clip a gradient, in the order of ``Clip`` in native/csrc/training.h."""


def unsupported_reason(machine: Any, optimizer: torch.optim.AdamW | None = None) -> str | None:
    """None when a machine can be updated here, and from the optimiser's state on, else the reason."""
    spec = machine.kernel_spec()
    if isinstance(spec, Unsupported):
        return spec.reason
    weight = next(machine.parameters())
    reason = ops.unsupported_reason(spec, weight, None)
    if reason is not None:
        return reason
    if not spec.plain_call:
        return "the machine has a hook, or its forward() is overridden"
    if not spec.outputs:
        return "its output layer is its own"
    if not all(tensor.requires_grad and tensor.is_contiguous() for tensor in machine.parameters()):
        return "some of its parameters are frozen"
    for state in optimizer.state.values() if optimizer is not None else ():
        # PyTorch makes the step in its default dtype.
        if state["step"].dtype != torch.float32:
            return f"its optimiser counts steps in {state['step'].dtype}, not in torch.float32"
    further = _further(machine, spec)
    if further:
        learned = _learned(flatten_state(spec, weight.new_empty(1, 1), machine.initial_state(1)))
        found = (
            torch.autograd.grad([s.sum() for s in learned], further, allow_unused=True) if learned else [None]
        )
        if any(gradient is None for gradient in found):
            return "it has parameters of which the kernel does not know"
    return None


def _further(machine: Any, spec: Any) -> list[Tensor]:
    """The parameters that are no weights of the kernel's: those of a learned initial state."""
    known = {id(tensor) for tensor in plans.weights_of(spec)}
    return [tensor for tensor in machine.parameters() if id(tensor) not in known]


def _learned(state: Sequence[Tensor]) -> list[Tensor]:
    return [tensor for tensor in state if tensor.requires_grad]


class _Call(NamedTuple):
    """What calls with one memory size share."""

    spec: KernelSpec
    config: KernelConfig
    numbers: tuple[float, ...]


class Update:
    """Updates of one machine by Adam, on tasks whose answers are independent bits.

    Args:
        machine: one for which :func:`unsupported_reason` has no reason.
        optimizer: Adam with decoupled weight decay over all of its parameters, after the first step: its
            state is what goes on from there, so it is saved as usual.
        clip: one of CLIPPING.
        clip_value: the bound of the joint norm, or of each number.
    """

    def __init__(self, machine: Any, optimizer: torch.optim.AdamW, clip: str, clip_value: float) -> None:
        self._machine = machine
        (self._group,) = optimizer.param_groups
        self._bound = clip_value
        spec = machine.kernel_spec()
        self._constant_start = spec.constant_start
        self._weights, self._further = plans.weights_of(spec), _further(machine, spec)
        self._parameters = [*self._weights, *self._further]
        self._calls: dict[int | None, _Call] = {}
        self._scalar = str(self._weights[0].dtype).removeprefix("torch.")
        states = [optimizer.state[parameter] for parameter in self._parameters]
        # Kept alive here, because C++ gets addresses.
        self._states = [state[name] for name in ("exp_avg", "exp_avg_sq", "step") for state in states]
        sizes = [CLIPPING.index(clip), len(states), *(parameter.numel() for parameter in self._parameters)]
        self._sizes = (ctypes.c_int64 * len(sizes))(*sizes)

    def __call__(
        self, inputs: Tensor, targets: Tensor, mask: Tensor, lengths: Tensor, memory_size: int | None = None
    ) -> tuple[Tensor, float, float]:
        """Run a batch, and take a step unless the gradient is not finite.

        Args:
            inputs: [T, B, input_size].
            targets: [T, B, output_size].
            mask: the steps whose targets count, bool, [T, B].
            lengths: steps of each sequence, int64, [B].
            memory_size: slots; None for the machine's own.

        Returns:
            (outputs [T, B, output_size], the mean over the batch of the loss in nats, the joint norm of the
            gradient before clipping).

        Raises:
            ValueError: targets or a mask that do not fit the outputs.
        """
        state: Any = None
        if not self._constant_start:
            state = self._machine.initial_state(inputs.shape[1], memory_size)
        call = self._calls.get(memory_size)
        if call is None:
            spec = self._machine.kernel_spec(memory_size)
            call = _Call(spec, KernelConfig.of(spec, state), plans.numbers_of(spec))
            self._calls[memory_size] = call
        start = [] if state is None else flatten_state(call.spec, inputs, state)
        padded = None if int(lengths.min()) == len(inputs) else lengths
        outputs, features, words, *final, tape = ops._forward(
            inputs, padded, self._weights, start, call.config, call.numbers
        )
        nats, gradient = self._loss(outputs, targets, mask)
        needed = [0] + [1] * len(self._weights) + [int(tensor.requires_grad) for tensor in start]
        _, *gradients = ops._backward(
            [gradient, *[None] * (2 + len(final))],
            needed,
            inputs,
            padded,
            self._weights,
            start,
            features,
            words,
            tape,
            call.config,
            call.numbers,
        )
        of_weights, of_start = gradients[: len(self._weights)], gradients[len(self._weights) :]
        if self._further:
            learned = [gradient for gradient, tensor in zip(of_start, start) if tensor.requires_grad]
            of_weights += torch.autograd.grad(_learned(start), self._further, learned)
        return outputs, nats, self._step(of_weights)

    def _loss(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> tuple[float, Tensor]:
        """The loss as in :meth:`tapehead.tasks.Task.loss`, the mean over the batch; and its gradient."""
        steps, batch_size, channels = outputs.shape
        # C++ sees addresses alone, and cannot tell.
        if targets.shape != outputs.shape or mask.shape != outputs.shape[:2] or mask.dtype != torch.bool:
            raise ValueError(
                f"targets have shape {list(targets.shape)} and the mask {list(mask.shape)} ({mask.dtype}), "
                f"but the outputs {list(outputs.shape)}: a mask is bool, and targets are shaped as outputs"
            )
        targets, mask = targets.to(outputs.dtype).contiguous(), mask.contiguous()
        gradient = torch.empty_like(outputs)
        sizes = (ctypes.c_int64 * 2)(steps * batch_size, channels)
        pointers = loader.addresses([outputs, targets, mask, gradient])
        scale, nats = ctypes.c_double(1 / batch_size), ctypes.c_double()
        loader.call_library(
            f"bits_loss_{self._scalar}", sizes, ctypes.byref(scale), pointers, ctypes.byref(nats)
        )
        return nats.value, gradient

    def _step(self, gradients: Sequence[Tensor]) -> float:
        """Clip, and a step of Adam; the norm."""
        gradients = [gradient.contiguous() for gradient in gradients]
        group = self._group
        numbers = (ctypes.c_double * 6)(
            group["lr"], *group["betas"], group["eps"], group["weight_decay"], self._bound
        )
        pointers = loader.addresses([*self._parameters, *gradients, *self._states])
        norm = ctypes.c_double()
        loader.call_library(f"adam_{self._scalar}", self._sizes, numbers, pointers, ctypes.byref(norm))
        return norm.value
