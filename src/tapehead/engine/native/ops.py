"""The native engine: a whole sequence, forward or backward, in one call of compiled code.

Two custom operators stand between autograd and the C++ of native/: ``tapehead::run_forward`` and
``tapehead::run_backward``.
"""

import ctypes
import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from ..decoding import Choice
from ..spec import CallSizes, KernelConfig, KernelSpec, flatten_state, unflatten_state
from . import build, workspace
from .build import EngineError

MIN_ROWS_PER_THREAD = 8
"""Minimum of steps times sequences for each thread: a smaller share takes less time than waking a thread."""
_LAYER_LIMIT = 16
_SLOT_LIMIT = 1 << 24
_ALIGNED = 16
"""Each buffer of a block begins at a multiple of so many numbers: a vector's."""
_library: ctypes.CDLL | None = None
_failure: str | None = None


def why_unavailable() -> str | None:
    """None when the engine is built and loaded (the first call builds it), else the reason.

    A build that failed is not tried again until :func:`retry`.
    """
    global _library, _failure
    if _library is None and _failure is None:
        try:
            _library = build.load()
        except EngineError as error:
            _failure = str(error)
    return _failure


def retry() -> str | None:
    """Build the engine again where that failed before; what :func:`why_unavailable` then says."""
    global _failure
    _failure = None
    return why_unavailable()


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
    return why_unavailable()


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


def decode(
    spec: KernelSpec, first: Tensor, state: Any, choice: Choice, max_steps: int
) -> tuple[Tensor, Tensor, Any]:
    """Run a machine with an output layer of the kernel's, feeding it its own outputs.

    Args:
        first: the first input, [input_size].
        state: of one sequence, with a batch axis, as in :func:`run`.
        choice: how the next input is made from an output; checked against ``spec``.
        max_steps: after so many the loop ends, whatever the choice.

    Returns:
        (what each output was read as [n, input_size], outputs [n, output_size], the final state).

    Raises:
        ValueError: as in :func:`run`.
    """
    inputs = first.new_empty(max_steps + 1, 1, first.shape[0])
    inputs[0, 0] = first
    weights, start = checked_tensors(spec, inputs, state)
    weights, start = [w.contiguous() for w in weights], [s.contiguous() for s in start]
    plan = plan_for(inputs[1:], KernelConfig.of(spec, state), numbers_of(spec), keep_tape=False)
    plan.check(inputs, None, [*weights, *start])
    outputs, *final = plan.new_outputs(first)
    of_choice, ran = choice.words, ctypes.c_int64()
    plan.run(
        "decode",
        [inputs, None, *weights, *start],
        plan.rooms,
        [outputs, *final],
        ctypes.c_void_p(of_choice.data_ptr()),
        ctypes.c_int64(len(of_choice)),
        ctypes.byref(ran),
    )
    # Copies: max_steps may be many more.
    chosen, said = inputs[1 : ran.value + 1, 0].clone(), outputs[: ran.value, 0].clone()
    return chosen, said, unflatten_state(spec, inputs, final)


def checked_tensors(spec: KernelSpec, x: Tensor, state: Any) -> tuple[list[Tensor], list[Tensor]]:
    """The weights, and the tensors of a state that is given, in the kernel's order."""
    weights = weights_of(spec)
    start = [] if state is None else flatten_state(spec, x, state)
    for tensor in [*weights, *start]:
        if tensor.dtype != x.dtype or tensor.device != x.device:
            raise ValueError(
                f"x is {x.dtype} on {x.device}, but the state or a weight is {tensor.dtype} "
                f"on {tensor.device}: convert one to the other"
            )
    return weights, start


def weights_of(spec: KernelSpec) -> list[Tensor]:
    """A machine's parameters in the kernel's order."""
    controller = [tensor for layer in spec.layers for tensor in layer]
    return [*controller, *spec.interface, *spec.interface_norm, *spec.outputs]


def numbers_of(spec: KernelSpec) -> tuple[float, ...]:
    """A machine's numbers that are no sizes, in the kernel's order."""
    return (
        spec.mask_min,
        spec.clip_controller_gradient or 0.0,
        spec.clip_weighting_gradient or 0.0,
        spec.initial_memory,
    )


class _Plan:
    """What calls of one machine, shape and dtype share: sizes for C++, and the buffers it needs.

    Raises:
        EngineError: sizes that the kernel refuses.
    """

    def __init__(
        self,
        x_shape: Sequence[int],
        dtype: torch.dtype,
        config: KernelConfig,
        numbers: Sequence[float],
        threads: int,
        keep_tape: bool,
    ) -> None:
        steps, batch_size, input_size = x_shape
        self.scalar = "float64" if dtype == torch.float64 else "float32"
        self.dtype = dtype
        self.threads = threads
        call = CallSizes(
            steps=steps,
            batch_size=batch_size,
            input_size=input_size,
            threads=threads,
            keep_tape=int(keep_tape),
        )
        sizes = (*call, *config)
        self.sizes = (ctypes.c_int64 * len(sizes))(*sizes)
        self.numbers = (ctypes.c_double * len(numbers))(*numbers)
        out = (ctypes.c_int64 * 4)()
        call_library(f"layout_{self.scalar}", self.sizes, out)
        # In numbers, not in bytes.
        self.tape, self.forward_scratch, self.backward_scratch, interface_size = out
        if interface_size != config.interface_size:
            raise EngineError(
                f"interface.weight has {config.interface_size} rows, but {interface_size} are needed: "
                "one for each number of the interface vector"
            )
        self.output_shapes = config.output_shapes(steps, batch_size, keep_tape=keep_tape)
        # Numbers in each buffer that a forward pass needs and nobody after it, in the order of C++.
        self.rooms = [self.forward_scratch]
        names: list[str | None] = ["outputs", "features", "words", *config.state_shapes(batch_size)]
        if not keep_tape:
            self.rooms.insert(0, self.tape)
            if config.output_size:  # of features and words, too, nothing is left then
                self.rooms += [math.prod(shape) for shape in self.output_shapes[1:3]]
                names[1:3] = [None, None]
        self._returned = [
            (shape, name in config.zeroed)
            for name, shape in zip(names, self.output_shapes)
            if name is not None
        ]
        *self.offsets, self.size = _offsets(self.rooms, dtype)
        self.names, self.shapes = _named_shapes(config, batch_size, input_size)

    def new_outputs(self, x: Tensor) -> list[Tensor]:
        """What a forward pass fills and the caller gets: outputs, features, words, the final state's tensors.

        Without a tape, there are no features and words where there are outputs.
        """
        return [
            workspace.zeros(shape, x.dtype) if zeroed else x.new_empty(shape)
            for shape, zeroed in self._returned
        ]

    def check(self, x: Tensor, lengths: Tensor | None, tensors: Sequence[Tensor]) -> None:
        """Refuse weights and a state that C++, which sees addresses alone, would read beyond their ends.

        Args:
            tensors: every weight, and every tensor of the given state, in the kernel's order.

        Raises:
            EngineError: a tensor of another shape or dtype than the sizes say; the message names it.
        """
        if [tensor.shape for tensor in tensors] != self.shapes:
            raise EngineError(self._wrong_shape(tensors))
        if lengths is not None and (lengths.shape != x.shape[1:2] or lengths.dtype != torch.int64):
            raise EngineError(
                f"lengths is {lengths.dtype} of shape {list(lengths.shape)}, but it has to be torch.int64 of "
                f"shape {list(x.shape[1:2])}"
            )
        for tensor in tensors:
            if tensor.dtype != self.dtype:
                raise EngineError(
                    f"a weight or a state is {tensor.dtype}, but x is {self.dtype}: convert one to the other"
                )

    def check_one(self, name: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
        """The same for one tensor that is no weight and no state."""
        if tensor.shape != shape or tensor.dtype != self.dtype:
            raise EngineError(
                f"{name} is {tensor.dtype} of shape {list(tensor.shape)}, but {self.dtype} of shape "
                f"{list(shape)} is needed here"
            )

    def _wrong_shape(self, tensors: Sequence[Tensor]) -> str:
        for name, shape, tensor in zip(self.names, self.shapes, tensors):
            if tensor.shape != shape:
                return f"{name} has shape {list(tensor.shape)}, but {list(shape)} is needed here"
        return f"there are {len(tensors)} weights and states, but {len(self.shapes)} are needed here"

    def run(
        self,
        name: str,
        before: Sequence[Tensor | None],
        rooms: Sequence[int],
        after: Sequence[Tensor | None],
        *further: Any,
    ) -> None:
        """Call C++ with tensors, buffers of so many numbers, tensors, and what is further; None is null."""
        *offsets, size = _offsets(rooms, self.dtype)
        block = workspace.borrow(size)
        try:
            starts = [block.address + offset for offset in offsets]
            pointers = addresses([*before, *starts, *after])
            call_library(f"{name}_{self.scalar}", self.sizes, self.numbers, pointers, *further)
        finally:
            workspace.give_back(block)


def _offsets(rooms: Sequence[int], dtype: torch.dtype) -> list[int]:
    """In bytes: where in a block the buffers of so many numbers begin, and the block's size."""
    ends = itertools.accumulate((-(-room // _ALIGNED) * _ALIGNED for room in rooms), initial=0)
    return [end * dtype.itemsize for end in ends]


def addresses(tensors: Sequence[Tensor | int | None]) -> ctypes.Array[ctypes.c_void_p]:
    """An array of where tensors lie, as C++ takes it; whole numbers are addresses, None is null."""
    found = [tensor.data_ptr() if isinstance(tensor, Tensor) else tensor for tensor in tensors]
    return _pointers(len(found))(*found)


@functools.lru_cache(maxsize=256)
def _pointers(count: int) -> type[ctypes.Array[ctypes.c_void_p]]:
    """The type of an array of so many: where nobody holds it, ctypes makes it anew, which is slow."""
    return ctypes.c_void_p * count


def _named_shapes(
    config: KernelConfig, batch_size: int, input_size: int
) -> tuple[list[str], list[torch.Size]]:
    """Names and shapes of what C++ gets: every weight, then every tensor of a given state."""
    shapes: dict[str, tuple[int, ...]] = config.weight_shapes(input_size)
    if config.given_state:
        shapes |= config.state_shapes(batch_size)
    return list(shapes), [torch.Size(shape) for shape in shapes.values()]


@functools.lru_cache(maxsize=1024)
def _plan(
    x_shape: tuple[int, ...],
    dtype: torch.dtype,
    config: tuple[int, ...],
    numbers: tuple[float, ...],
    threads: int,
    keep_tape: bool,
) -> _Plan:
    return _Plan(x_shape, dtype, KernelConfig(*config), numbers, threads, keep_tape)


def plan_for(x: Tensor, config: Sequence[int], numbers: Sequence[float], *, keep_tape: bool = True) -> _Plan:
    # A second thread would be waited for longer than it takes to do its share.
    threads = min(torch.get_num_threads(), max(1, x.shape[0] * x.shape[1] // MIN_ROWS_PER_THREAD))
    return _plan(tuple(x.shape), x.dtype, tuple(config), tuple(numbers), threads, keep_tape)


def call_library(name: str, *arguments: Any) -> None:
    """Call a function of the C interface (csrc/api.cpp).

    Raises:
        EngineError: there is no library, or the function returns another code than 0.
    """
    check_code(name, function_of(name)(*arguments))


def function_of(name: str) -> Callable[..., int]:
    """A function of the C interface, which returns a code.

    Raises:
        EngineError: there is no library.
    """
    reason = why_unavailable()
    if _library is None:
        raise EngineError(f"the native engine is not available: {reason}")
    return getattr(_library, f"tapehead_{name}")


def check_code(name: str, code: int) -> None:
    """Raise an EngineError if a function of that name has returned another code than 0."""
    if code and _library is not None:
        sentence = _library.tapehead_sentence(code).decode()
        raise EngineError(f"the native engine could not do {name} (code {code}): {sentence}")


def _given(
    x: Tensor,
    lengths: Tensor | None,
    weights: Sequence[Tensor],
    state: Sequence[Tensor],
    config: Sequence[int],
    numbers: Sequence[float],
    *,
    keep_tape: bool = True,
) -> tuple[_Plan, list[Tensor | None]]:
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
        if reference[0].kind == "sparse":  # the times of access, after the memory, have no gradient
            ctx.mark_non_differentiable(output[4])
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
