"""The native engine: a whole sequence, forward or backward, in one call of compiled code.

Two custom operators stand between autograd and the C++ of native/: ``tapehead::run_forward`` and
``tapehead::run_backward``. The kernel does everything that has to go step by step; the weight gradients are
large products over all steps at once, and PyTorch makes them here.
"""

import ctypes
import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .._types import AnyState, map_state
from . import _workspace, build
from ._spec import KernelSpec
from .build import EngineError

_KINDS = {"none": 0, "ntm": 1, "dnc": 2}
_LAYER_LIMIT = 16
_SLOT_LIMIT = 1 << 24
_library: ctypes.CDLL | None = None
_failure: str | None = None


def why_unavailable() -> str | None:
    """None when the engine is built and loaded (the first call builds it), else the reason."""
    global _library, _failure
    if _library is None and _failure is None:
        try:
            _library = build.load()
        except EngineError as error:
            _failure = str(error)
    return _failure


def why_not(spec: KernelSpec | str, x: Tensor, state: Any) -> str | None:
    """None when the kernel can run this call, else the reason."""
    if isinstance(spec, str):
        return spec
    if x.device.type != "cpu":
        return f"it has no kernel for {x.device.type} tensors"
    if x.dtype not in (torch.float32, torch.float64):
        return f"it computes in float32 and float64, not in {x.dtype}"
    if len(spec.layers) > _LAYER_LIMIT:
        return f"it takes at most {_LAYER_LIMIT} controller layers, not {len(spec.layers)}"
    if spec.kind != "none" and state.memory.shape[1] > _SLOT_LIMIT:
        return f"it takes at most {_SLOT_LIMIT} memory slots, not {state.memory.shape[1]}"
    return _why_unavailable_constant()


def _why_unavailable_constant() -> str | None:
    return why_unavailable()


# What torch.compiler.assume_constant_result does; calling it here would import torch._dynamo, two seconds.
_why_unavailable_constant._dynamo_marked_constant = True  # type: ignore[attr-defined]


def run(
    spec: KernelSpec, x: Tensor, state: Any, lengths: Tensor | None
) -> tuple[Tensor, Tensor | None, Any, None]:
    """Run a machine over x [T, B, input_size]; arguments and result as in :func:`reference.run`.

    Raises:
        ValueError: a state or a weight of another dtype or device than x, or a controller state that does
            not fit. (C++ sees addresses alone, and cannot tell.)
    """
    pieces, controller = _flatten(spec, state)
    weights = [tensor for layer in spec.layers for tensor in layer]
    weights += [*spec.interface, *spec.interface_norm]
    config = [
        _KINDS[spec.kind],
        spec.hidden_size,
        len(spec.layers),
        int(spec.lstm),
        int(len(spec.interface) == 2),
        spec.word_size,
        spec.num_reads,
        spec.num_writes,
        spec.max_shift,
        int(spec.read_first),
        int(spec.temporal_links),
        int(spec.masked_lookup),
        int(spec.deallocation),
        int(spec.link_sharpening),
        int(spec.usage_gradient),
        int(bool(spec.interface_norm)),
    ]
    numbers = [spec.mask_min, spec.clip_controller_gradient or 0.0, spec.clip_weighting_gradient or 0.0]
    state_tensors = [*pieces, *controller]
    _check_controller_state(spec, x, controller)
    for tensor in [*weights, *state_tensors]:
        if tensor.dtype != x.dtype or tensor.device != x.device:
            raise ValueError(
                f"x is {x.dtype} on {x.device}, but the state or a weight is {tensor.dtype} "
                f"on {tensor.device}: convert one to the other"
            )
    if torch.compiler.is_compiling():
        found = torch.ops.tapehead.run_forward(x, lengths, weights, state_tensors, config, numbers)
    else:
        found = _Eager.apply(lengths, config, numbers, len(weights), x, *weights, *state_tensors)
    features, words, *final, _tape = found
    read_words = words.unflatten(-1, (spec.num_reads, spec.word_size)) if spec.num_reads else None
    return features, read_words, _unflatten(spec, state, final), None


# A state's tensors in the kernel's order (StatePiece in native/sequence.h), then h and c of every layer. What
# a machine does not have is left out here and passed as null.
_PIECES = ("memory", "usage", "precedence", "link", "write_weights", "read_weights", "read_words")


def _piece_names(kind: int, links: int) -> list[str]:
    absent = {
        0: set(_PIECES),
        1: {"usage", "precedence", "link"},
        2: set() if links else {"precedence", "link"},
    }[kind]
    return [name for name in _PIECES if name not in absent]


def _flatten(spec: KernelSpec, state: Any) -> tuple[list[Tensor], list[Tensor]]:
    pieces = [getattr(state, name) for name in _piece_names(_KINDS[spec.kind], spec.temporal_links)]
    return pieces, [tensor for layer in state.controller for tensor in layer]


def _unflatten(spec: KernelSpec, state: AnyState, final: list[Tensor]) -> AnyState:
    names = _piece_names(_KINDS[spec.kind], spec.temporal_links)
    rest = iter(final[len(names) :])
    controller = map_state(lambda _: next(rest), state.controller)  # type: ignore[attr-defined]
    return state._replace(controller=controller, **dict(zip(names, final, strict=False)))  # type: ignore[attr-defined]


def _check_controller_state(spec: KernelSpec, x: Tensor, controller: list[Tensor]) -> None:
    layers, shape = len(spec.layers) if spec.lstm else 0, (x.shape[1], spec.hidden_size)
    if len(controller) != 2 * layers or any(tensor.shape != shape for tensor in controller):
        raise ValueError(
            f"state.controller has tensors of shapes {[list(tensor.shape) for tensor in controller]}, "
            f"but (h, c) of {layers} layers are needed here, each {list(shape)}"
        )


class _Call:
    """One call's sizes, in the forms that Python and C++ need."""

    def __init__(
        self, x: Tensor, weights: Sequence[Tensor], state: Sequence[Tensor], config: Sequence[int]
    ) -> None:
        (
            self.kind,
            self.hidden,
            self.layers,
            self.lstm,
            self.has_bias,
            self.word,
            self.reads,
            writes,
            reach,
            read_first,
            self.links,
            *switches,
            self.norm,
        ) = config
        self.steps, self.batch, self.inputs = x.shape
        self.names = _piece_names(self.kind, self.links)
        self.slots = state[0].shape[1] if self.kind else 0
        self.interface = weights[2 * self.layers].shape[0] if self.kind else 0
        self.scalar = "float64" if x.dtype == torch.float64 else "float32"
        sizes = [self.kind, self.steps, self.batch, self.inputs, self.hidden, self.layers, self.lstm]
        sizes += [self.interface, self.slots, self.word, self.reads, writes, reach, read_first]
        sizes += [self.links, *switches, self.norm, torch.get_num_threads()]
        self.sizes = sizes

    def layout(self) -> "_Layout":
        return _layout(self.scalar, self.layers, tuple(self.sizes))

    def run(self, name: str, numbers: Sequence[float], pointers: Sequence[Tensor | None]) -> None:
        addresses = (ctypes.c_void_p * len(pointers))(
            *(None if p is None else p.data_ptr() for p in pointers)
        )
        _call_library(
            f"{name}_{self.scalar}", self.sizes, (ctypes.c_double * len(numbers))(*numbers), addresses
        )

    def all_pieces(self, tensors: Sequence[Tensor | None]) -> list[Tensor | None]:
        """In the kernel's order, with None for what this machine does not have."""
        named = dict(zip(self.names, tensors, strict=False))
        return [*(named.get(name) for name in _PIECES), *tensors[len(self.names) :]]

    def all_weights(self, weights: Sequence[Tensor]) -> list[Tensor | None]:
        layers, rest = list(weights[: 2 * self.layers]), list(weights[2 * self.layers :])
        interface: Sequence[Tensor | None] = rest[:1] or [None]
        bias: Sequence[Tensor | None] = rest[1:2] if self.has_bias else [None]
        norm: Sequence[Tensor | None] = rest[-2:] if self.norm else [None, None]
        return [*layers, *interface, *bias, *norm]


class _Layout(NamedTuple):
    tape: int
    forward_scratch: int
    backward_scratch: int
    gradients: int
    d_interface: tuple[int, int]
    d_normed: tuple[int, int]
    normed: tuple[int, int]
    layers: list[tuple[tuple[int, int], tuple[int, int]]]
    """Of every layer: (offset, row length) of its inputs in the tape, and of its gates' gradients."""


@functools.lru_cache(maxsize=1024)
def _layout(scalar: str, layers: int, sizes: tuple[int, ...]) -> _Layout:
    out = (ctypes.c_int64 * (10 + 4 * layers))()
    _call_library(f"layout_{scalar}", sizes, ctypes.byref(out))
    numbers = list(out)
    tape, forward_scratch, backward_scratch, gradients, *places = numbers
    d_interface, d_normed, normed = zip(places[:6:2], places[1:6:2], strict=True)
    return _Layout(
        tape, forward_scratch, backward_scratch, gradients, d_interface, d_normed, normed, _pairs(places[6:])
    )


def _call_library(name: str, sizes: Sequence[int], *arguments: Any) -> None:
    if why_unavailable() is not None:
        raise EngineError(f"the native engine is not available: {_failure}")
    getattr(_library, f"tapehead_{name}")((ctypes.c_int64 * len(sizes))(*sizes), *arguments)


def _pairs(numbers: list[int]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    return [((a, b), (c, d)) for a, b, c, d in zip(*[iter(numbers)] * 4, strict=True)]


def _rows(buffer: Tensor, place: tuple[int, int], rows: int, columns: int) -> Tensor:
    offset, row = place
    return buffer[offset : offset + rows * row].view(rows, row)[:, :columns]


def _forward(
    x: Tensor,
    lengths: Tensor | None,
    weights: Sequence[Tensor],
    state: Sequence[Tensor],
    config: Sequence[int],
    numbers: Sequence[float],
) -> list[Tensor]:
    x, weights, state = x.contiguous(), [w.contiguous() for w in weights], [s.contiguous() for s in state]
    lengths = None if lengths is None else lengths.contiguous()
    call = _Call(x, weights, state, config)
    layout = call.layout()
    features = x.new_empty(call.steps, call.batch, call.layers * call.hidden)
    words = x.new_empty(call.steps, call.batch, call.reads * call.word)
    final = [torch.empty_like(s) for s in state]
    tape = _workspace.take(layout.tape, x.dtype)
    scratch = _workspace.take(layout.forward_scratch, x.dtype)
    pointers = [
        x,
        lengths,
        *call.all_weights(weights),
        *call.all_pieces(state),
        tape,
        scratch,
        features,
        words,
    ]
    nothing = [None] * len(call.all_pieces(state))
    call.run("forward", numbers, [*pointers, *call.all_pieces(final), None, None, *nothing, None, *nothing])
    return [features, words, *final, tape]


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
    call = _Call(x, weights, state, config)
    features = x.new_empty(call.steps, call.batch, call.layers * call.hidden)
    words = x.new_empty(call.steps, call.batch, call.reads * call.word)
    final = [s.new_empty(s.shape) for s in state]
    if all(isinstance(size, int) for size in call.sizes):
        tape_size: Any = call.layout().tape
    else:
        tape_size = torch.library.get_ctx().new_dynamic_size()
    return [features, words, *final, x.new_empty(tape_size)]


def _backward(
    gradients: Sequence[Tensor | None],
    needed: Sequence[int],
    x: Tensor,
    lengths: Tensor | None,
    weights: Sequence[Tensor],
    state: Sequence[Tensor],
    features: Tensor,
    tape: Tensor,
    config: Sequence[int],
    numbers: Sequence[float],
) -> list[Tensor]:
    """Gradients of x, of every weight and of every state tensor; an empty tensor where ``needed`` says 0."""
    x, weights, state = x.contiguous(), [w.contiguous() for w in weights], [s.contiguous() for s in state]
    lengths = None if lengths is None else lengths.contiguous()
    given = [None if g is None else g.contiguous() for g in gradients]
    call = _Call(x, weights, state, config)
    layout = call.layout()
    need_x, need_weights, need_state = needed[0], needed[1 : 1 + len(weights)], needed[1 + len(weights) :]
    d_state = [torch.empty_like(s) if need else None for s, need in zip(state, need_state, strict=True)]
    buffer = _workspace.take(layout.gradients, x.dtype)
    scratch = _workspace.take(layout.backward_scratch, x.dtype)
    nothing = [None] * len(call.all_pieces(state))
    pointers = [
        x,
        lengths,
        *call.all_weights(weights),
        *call.all_pieces(state),
        tape,
        scratch,
        features,
        None,
    ]
    pointers += [*nothing, given[0], given[1], *call.all_pieces(given[2:]), buffer, *call.all_pieces(d_state)]
    call.run("backward", numbers, pointers)

    rows = call.steps * call.batch
    empty = x.new_empty(0)
    d_x = torch.zeros_like(x) if need_x else empty
    d_weights = []
    for index, (z_place, gates_place) in enumerate(layout.layers):
        weight = weights[2 * index]
        d_gates = _rows(buffer, gates_place, rows, weight.shape[0])
        z = _rows(tape, z_place, rows, weight.shape[1])
        d_weights.append(d_gates.t() @ z)
        d_weights.append(d_gates.sum(0))
        if need_x:
            d_x.view(rows, -1).addmm_(d_gates, weight[:, : call.inputs])
    if call.kind:
        d_interface = _rows(buffer, layout.d_interface, rows, call.interface)
        d_weights.append(d_interface.t() @ features.view(rows, -1))
        if call.has_bias:
            d_weights.append(d_interface.sum(0))
        if call.norm:
            d_normed = _rows(buffer, layout.d_normed, rows, call.interface)
            d_weights += [
                (d_normed * _rows(tape, layout.normed, rows, call.interface)).sum(0),
                d_normed.sum(0),
            ]
    d_weights = [d if need else empty.clone() for d, need in zip(d_weights, need_weights, strict=True)]
    return [d_x, *d_weights, *(empty.clone() if d is None else d for d in d_state)]


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
    features, tape = output[0], output[-1]
    ctx.save_for_backward(x, *weights, *state, features, tape, *([] if lengths is None else [lengths]))


def _differentiate(ctx: Any, gradients: Sequence[Tensor | None], backward: Any) -> list[Tensor | None]:
    """The gradients of x, the weights and the state, None where nobody asks."""
    num_weights, num_state = ctx.counts
    x, *rest = ctx.saved_tensors
    lengths = rest.pop() if ctx.has_lengths else None
    weights, state = rest[:num_weights], rest[num_weights : num_weights + num_state]
    features, tape = rest[-2:]
    found = backward(
        list(gradients[:-1]), ctx.needed, x, lengths, weights, state, features, tape, ctx.config, ctx.numbers
    )
    return [d if need else None for d, need in zip(found, ctx.needed, strict=True)]


def _op_backward(ctx: Any, gradients: Sequence[Tensor | None]) -> tuple:
    d_x, *rest = _differentiate(ctx, gradients, torch.ops.tapehead.run_backward)
    num_weights = ctx.counts[0]
    return d_x, None, rest[:num_weights], rest[num_weights:], None, None


_run_forward.register_autograd(_op_backward, setup_context=_save)


class _Eager(torch.autograd.Function):
    """The same call without the operators' dispatch, whose 0.3 ms are as much as a short sequence takes."""

    @staticmethod
    def forward(
        ctx: Any,
        lengths: Tensor | None,
        config: list[int],
        numbers: list[float],
        num_weights: int,
        x: Tensor,
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        weights, state = tensors[:num_weights], tensors[num_weights:]
        output = _forward(x, lengths, weights, state, config, numbers)
        ctx.mark_non_differentiable(output[-1])
        _save(ctx, (x, lengths, weights, state, config, numbers), output)
        return tuple(output)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple:
        return None, None, None, None, *_differentiate(ctx, gradients, _backward)
