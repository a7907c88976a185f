"""The native engine: a whole sequence, forward or backward, in one call of compiled code.

Two custom operators stand between autograd and the C++ of native/: ``tapehead::run_forward`` and
``tapehead::run_backward``.
"""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from ..spec import LINKS, KernelConfig, KernelSpec, memory_names, unflatten_state
from . import loader, workspace
from .build import EngineError
from .plans import Plan, checked_tensors, numbers_of, plan_for, weights_of

_LAYER_LIMIT = 16
_SLOT_LIMIT = 1 << 24


def unsupported_reason(spec: KernelSpec, x: Tensor, state: Any) -> str | None:
    """None when the kernel can run this call, else the reason."""
    if x.device.type != "cpu":
        return f"it has no kernel for {x.device.type} tensors"
    if x.dtype not in (torch.float32, torch.float64):
        return f"it computes in float32 and float64, not in {x.dtype}"
    if any(tensor.dtype != x.dtype or tensor.device != x.device for tensor in weights_of(spec)):
        return f"some weights are not {x.dtype} on {x.device}"
    if len(spec.layers) > _LAYER_LIMIT:
        return f"it takes at most {_LAYER_LIMIT} controller layers, not {len(spec.layers)}"
    if spec.kind != "none":
        slots = spec.memory_size if state is None else state.memory.shape[1]
        if slots > _SLOT_LIMIT:
            return f"it takes at most {_SLOT_LIMIT} memory slots, not {slots}"
    return _why_unavailable_constant()


def _why_unavailable_constant() -> str | None:
    return loader.why_unavailable()


# What torch.compiler.assume_constant_result does; calling it here would import torch._dynamo, two seconds.
_why_unavailable_constant._dynamo_marked_constant = True  # type: ignore[attr-defined]


@runtime_checkable
class Recompute(Protocol):
    """The same run on the reference, for a gradient through the gradient."""

    def __call__(
        self,
        spec: KernelSpec,
        x: Tensor,
        lengths: Tensor | None,
        weights: Sequence[Tensor],
        state: Sequence[Tensor],
    ) -> list[Tensor]:
        """Outputs (empty where the machine makes them), features, words read, the final state's tensors."""


def run(
    spec: KernelSpec, x: Tensor, state: Any, lengths: Tensor | None, recompute: Recompute
) -> tuple[Tensor | None, Tensor, Tensor | None, Any]:
    """Run a machine over x [T, B, input_size].

    Args:
        state: the batched state to start from; None for the constant start state of ``spec``.
        lengths: steps of each sequence [B], or None when all are T long. What x holds after them is not
            looked at; outputs there are zero.
        recompute: the same run on the reference, which a backward pass that is itself to be differentiated
            goes through (``create_graph=True``).

    Returns:
        (outputs [T, B, output_size], or None where the machine computes them itself from the next two:
        features [T, B, L·H], words read [T, B, R, W] or None, final state). Beside outputs, what stands
        in the place of features and words means nothing.

    Raises:
        ValueError: a state or a weight of another dtype or device than x, or a controller state that does
            not fit. (C++ sees addresses alone, and cannot tell.)
    """
    weights, start = checked_tensors(spec, x, state)
    config = KernelConfig.of(spec, state)
    numbers = numbers_of(spec)
    if torch.compiler.is_compiling():
        found = torch.ops.tapehead.run_forward(x, lengths, weights, start, list(config), numbers)[:-1]
    elif not (torch.is_grad_enabled() and any(tensor.requires_grad for tensor in [x, *weights, *start])):
        found = _forward_without_tape(x, lengths, weights, start, config, numbers)
    else:
        found = _Eager.apply((spec, recompute), lengths, config, numbers, len(weights), x, *weights, *start)
    outputs, features, words, *final = found
    last = unflatten_state(spec, x, final)
    if spec.outputs:
        return outputs, features, None, last
    read_words = words.unflatten(-1, (spec.num_reads, spec.word_size)) if spec.num_reads else None
    return None, features, read_words, last


def _given(
    x: Tensor,
    lengths: Tensor | None,
    weights: Sequence[Tensor],
    state: Sequence[Tensor],
    config: Sequence[int],
    numbers: Sequence[float],
    *,
    keep_tape: bool = True,
) -> tuple[Plan, list[Tensor | None]]:
    """The plan of a call; and x, lengths, weights and state as C++ takes them, contiguous and checked.

    Raises:
        EngineError: weights or a state that do not fit the sizes in ``config``.
    """
    x, tensors = x.contiguous(), [tensor.contiguous() for tensor in (*weights, *state)]
    lengths = None if lengths is None else lengths.contiguous()
    plan = plan_for(x, config, numbers, keep_tape=keep_tape)
    plan.check(x, lengths, tensors)
    return plan, [x, lengths, *tensors]


def _forward(
    x: Tensor,
    lengths: Tensor | None,
    weights: Sequence[Tensor],
    state: Sequence[Tensor],
    config: Sequence[int],
    numbers: Sequence[float],
) -> list[Tensor]:
    """Outputs (empty where the machine makes them), features, words, the final state's tensors, the tape.

    Raises:
        EngineError: weights or a state that do not fit the sizes in ``config``.
    """
    plan, given = _given(x, lengths, weights, state, config, numbers)
    outputs, features, words, *final = plan.new_outputs(x)
    tape = workspace.take(plan.tape, x.dtype)
    plan.run("forward", [*given, tape], plan.rooms, [features, words, outputs, *final])
    return [outputs, features, words, *final, tape]


def _forward_without_tape(
    x: Tensor,
    lengths: Tensor | None,
    weights: Sequence[Tensor],
    state: Sequence[Tensor],
    config: Sequence[int],
    numbers: Sequence[float],
) -> list[Tensor]:
    """The same where no pass backward follows: without the tape, which is of two steps and ends with this.

    Where the kernel makes the outputs, nobody needs features and words: outputs stand in their places.
    """
    plan, given = _given(x, lengths, weights, state, config, numbers, keep_tape=False)
    filled = plan.new_outputs(x)
    outputs, *rest = filled
    if outputs.shape[-1]:
        plan.run("forward", given, plan.rooms, filled)
        return [outputs, outputs, outputs, *rest]
    features, words, *final = rest
    plan.run("forward", given, plan.rooms, [features, words, outputs, *final])
    return filled


_run_forward = torch.library.custom_op("tapehead::run_forward", _forward, mutates_args=())


@_run_forward.register_fake
def _(
    x: Tensor,
    lengths: Tensor | None,
    weights: Sequence[Tensor],
    state: Sequence[Tensor],
    config: Sequence[int],
    numbers: Sequence[float],
) -> list[Tensor]:
    shapes = KernelConfig(*config).output_shapes(*x.shape[:2])
    if all(isinstance(size, int) for size in (*x.shape, *config)):
        tape_size: Any = plan_for(x, config, numbers).tape
    else:
        tape_size = torch.library.get_ctx().new_dynamic_size()
    return [x.new_empty(shape) for shape in [*shapes, (tape_size,)]]


def _backward(
    gradients: Sequence[Tensor | None],
    needed: Sequence[int],
    x: Tensor,
    lengths: Tensor | None,
    weights: Sequence[Tensor],
    state: Sequence[Tensor],
    features: Tensor,
    words: Tensor,
    tape: Tensor,
    config: Sequence[int],
    numbers: Sequence[float],
) -> list[Tensor]:
    """Gradients of x, of every weight and of every state tensor; an empty tensor where ``needed`` says 0."""
    plan, given = _given(x, lengths, weights, state, config, numbers)
    gradients = [None if g is None else g.contiguous() for g in gradients]
    _, of_features, of_words, *_ = plan.output_shapes
    plan.check_one("features", features, of_features)
    plan.check_one("words", words, of_words)
    plan.check_one("tape", tape, (plan.tape,))
    for gradient, shape in zip(gradients, plan.output_shapes, strict=True):
        if gradient is not None:
            plan.check_one("a gradient", gradient, shape)
    shapes = [tensor.shape for tensor in (x, *weights, *state)]
    asked = [x.new_empty(shape) if need else None for shape, need in zip(shapes, needed, strict=True)]
    plan.run("backward", [*given, tape], [plan.backward_scratch], [features, words, *gradients, *asked])
    return [x.new_empty(0) if d is None else d for d in asked]


_run_backward = torch.library.custom_op("tapehead::run_backward", _backward, mutates_args=())


@_run_backward.register_fake
def _(
    gradients: Sequence[Tensor | None],
    needed: Sequence[int],
    x: Tensor,
    lengths: Tensor | None,
    weights: Sequence[Tensor],
    state: Sequence[Tensor],
    features: Tensor,
    words: Tensor,
    tape: Tensor,
    config: Sequence[int],
    numbers: Sequence[float],
) -> list[Tensor]:
    return [
        tensor.new_empty(tensor.shape if need else (0,))
        for tensor, need in zip([x, *weights, *state], needed, strict=True)
    ]


def _save(ctx: Any, inputs: tuple, output: Sequence[Tensor]) -> None:
    x, lengths, weights, state, config, numbers = inputs
    ctx.set_materialize_grads(False)
    ctx.counts = len(weights), len(state)
    ctx.needed = [int(tensor.requires_grad) for tensor in [x, *weights, *state]]
    ctx.config, ctx.numbers, ctx.has_lengths = config, numbers, lengths is not None
    _, features, words, *_, tape = output
    ctx.save_for_backward(x, *weights, *state, features, words, tape, *([] if lengths is None else [lengths]))


def _saved(
    ctx: Any,
) -> tuple[Tensor, Tensor | None, Sequence[Tensor], Sequence[Tensor], Sequence[Tensor]]:
    """What :func:`_save` kept: x, lengths, weights, state, and (features, words, tape)."""
    num_weights, num_state = ctx.counts
    x, *rest = ctx.saved_tensors
    lengths = rest.pop() if ctx.has_lengths else None
    return x, lengths, rest[:num_weights], rest[num_weights : num_weights + num_state], rest[-3:]


def _differentiate(ctx: Any, gradients: Sequence[Tensor | None], backward: Any) -> list[Tensor | None]:
    """The gradients of x, the weights and the state, None where nobody asks."""
    x, lengths, weights, state, of_the_run = _saved(ctx)
    found = backward(gradients, ctx.needed, x, lengths, weights, state, *of_the_run, ctx.config, ctx.numbers)
    return [d if need else None for d, need in zip(found, ctx.needed, strict=True)]


def _op_backward(ctx: Any, gradients: Sequence[Tensor | None]) -> tuple:
    d_x, *rest = _differentiate(ctx, list(gradients[:-1]), torch.ops.tapehead.run_backward)
    num_weights = ctx.counts[0]
    return d_x, None, rest[:num_weights], rest[num_weights:], None, None


_run_forward.register_autograd(_op_backward, setup_context=_save)


def _constant(spec: KernelSpec, final: Sequence[Tensor]) -> list[Tensor]:
    """Of a final state's tensors those without a gradient: with sparse access times of access and links."""
    if spec.kind not in ("sparse", "sparse_dnc"):
        return []
    constant = ("usage", "precedence", *LINKS)
    return [tensor for name, tensor in zip(memory_names(spec), final) if name in constant]


class _Eager(torch.autograd.Function):
    """The same call without the operators' dispatch, whose 0.3 ms are as much as a short sequence takes."""

    @staticmethod
    def forward(
        ctx: Any,
        reference: tuple[KernelSpec, Recompute],
        lengths: Tensor | None,
        config: tuple[int, ...],
        numbers: tuple[float, ...],
        num_weights: int,
        x: Tensor,
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        weights, state = tensors[:num_weights], tensors[num_weights:]
        output = _forward(x, lengths, weights, state, config, numbers)
        _save(ctx, (x, lengths, weights, state, config, numbers), output)
        ctx.reference = reference
        ctx.mark_non_differentiable(*_constant(reference[0], output[3:]))
        return tuple(output[:-1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        # Under create_graph=True the gradients themselves need a graph, which the kernel's have not.
        if torch.is_grad_enabled():
            x, lengths, weights, state, _ = _saved(ctx)
            spec, recompute = ctx.reference
            found = differentiate_by_reference(
                spec, recompute, x, lengths, weights, state, ctx.needed, gradients
            )
        else:
            found = _differentiate(ctx, gradients, _backward)
        return None, None, None, None, None, *found


def differentiate_by_reference(
    spec: KernelSpec,
    recompute: Recompute,
    x: Tensor,
    lengths: Tensor | None,
    weights: Sequence[Tensor],
    state: Sequence[Tensor],
    needed: Sequence[int],
    gradients: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """The gradients of x, the weights and the state, with a graph: the run once more, on the reference.

    Args:
        needed: which of x, the weights and the state ask for one; the others get None.
        gradients: of what ``recompute`` returns.

    Raises:
        EngineError: the machine clips gradients.
    """
    if spec.clip_controller_gradient is not None or spec.clip_weighting_gradient is not None:
        # The reference clips the sum of what arrives from the first and from the second derivative.
        raise EngineError(
            "a gradient through a gradient needs one graph where gradients are clipped "
            '(clip_controller_gradient, clip_weighting_gradient): use backend="reference"'
        )
    inputs = [x, *weights, *state]
    # A tensor that stands in two places has one gradient in each: views tell the two apart.
    x, *rest = [tensor.view_as(tensor) if need else tensor for tensor, need in zip(inputs, needed)]
    found = recompute(spec, x, lengths, rest[: len(weights)], rest[len(weights) :])
    pairs = [(y, d) for y, d in zip(found, gradients, strict=True) if d is not None and y.requires_grad]
    asked = [tensor for tensor, need in zip([x, *rest], needed) if need]
    computed = iter(
        torch.autograd.grad(
            [y for y, _ in pairs], asked, [d for _, d in pairs], create_graph=True, allow_unused=True
        )
        if pairs
        else [None] * len(asked)
    )
    return [next(computed) if need else None for need in needed]
