"""Chooses the engine of a call: a kernel where one computes what the machine says, else the reference."""

import os
import warnings
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad

from ..types import Trace
from . import reference
from .decoding import Choice, Decoded, by_steps
from .native import decoding, ops
from .native.build import EngineError
from .native.prepared import Prepared
from .native.resident import Resident
from .spec import KernelSpec, Runnable, Unsupported
from .triton import available

BACKENDS = ("auto", "reference", "native", "triton")
"""What ``backend=`` of a machine may be: a kernel where one can serve and else the plain loop, the plain loop
alone, the C++ kernel alone, the Triton kernel alone."""
BACKEND_VARIABLE = "TAPEHEAD_BACKEND"
"""The environment variable that chooses for machines whose ``backend`` is None."""

_NAMES = {"native": "native", "triton": "Triton"}

_warned: set[str] = set()
"""Reasons that were said in this process; each is said once."""


class _Known(NamedTuple):
    """The calls of a machine that are prepared, by the shapes of their inputs; None where there was one."""

    spec: KernelSpec
    calls: dict[torch.Size, Prepared | None]


_PREPARED: "weakref.WeakKeyDictionary[Any, _Known]" = weakref.WeakKeyDictionary()
MAX_PREPARED = 16
"""Shapes of inputs for which calls of one machine are kept prepared; beyond, all are forgotten."""


class _Kernel(NamedTuple):
    """Which engine runs a call, and the machine in its terms."""

    engine: str
    """ "native" or "triton"."""
    spec: KernelSpec


def check_backend(backend: str) -> str:
    """``backend`` itself, or a ValueError that names the choices."""
    if backend not in BACKENDS:
        raise ValueError(f"backend is {backend!r}: choose one of {', '.join(BACKENDS)}")
    return backend


def run(
    machine: Runnable,
    x: Tensor,
    state: Any,
    lengths: Tensor | None,
    *,
    memory_size: int | None = None,
    return_trace: bool = False,
    backend: str | None = None,
) -> tuple[Tensor, Any, Trace | None]:
    """Run a machine over x [T, B, input_size].

    Args:
        machine: what runs.
        x: [T, B, input_size]. What stands in the padding has no influence, NaN included.
        state: the batched state to start from, or None for the machine's initial state.
        lengths: steps of each sequence [B], or None when all are T long.
        memory_size: N of the initial state; None for the machine's own.
        return_trace: also return the trace.
        backend: "reference"; "native" or "triton", which raise where the kernel cannot serve; "auto", which
            takes "triton" on a CUDA device, "native" elsewhere, or else the reference, and says so once for
            each reason; None for what TAPEHEAD_BACKEND says, else "auto". A traced call runs on the
            reference, whatever the backend.

    Returns:
        (outputs [T, B, output_size], zero in the padding; the final state; the trace or None).

    Raises:
        EngineError: ``backend="native"`` or ``"triton"``, and the kernel cannot serve; the message says why.
    """
    kernel = None if return_trace else _kernel(machine, x, state, memory_size, backend)
    if kernel is None:
        return reference.run(machine, x, state, lengths, memory_size=memory_size, return_trace=return_trace)
    y, features, read_words, final = _run_kernel(machine, kernel, x, state, lengths, memory_size)
    if y is None:
        y = reference.outputs(machine, features, read_words, lengths)
    elif lengths is None and memory_size is None and state is not None:
        _remember(machine, kernel.spec, x, state)
    return y, final, None


def again(machine: Runnable, x: Tensor, state: Any) -> tuple[Tensor, Any] | None:
    """A call like earlier ones, from a given state, without gradients: to the bit what :func:`run` gives.

    Args:
        machine: what runs, on the engine that its own ``backend`` names.
        x: [T, B, input_size].
        state: the batched state to start from.

    Returns:
        (outputs, the final state); None where :func:`run` has to do it, and to say what does not fit.
    """
    if torch.compiler.is_compiling() or torch.is_grad_enabled() or _transformed() is not None:
        return None
    known = _PREPARED.get(machine)
    call = None if known is None else known.calls.get(x.shape)
    if call is None or _chosen(machine.backend) not in ("auto", "native"):
        return None
    return call.run(x, state) if machine.kernel_spec() is call.spec else None


def _remember(machine: Runnable, spec: KernelSpec, x: Tensor, state: Any) -> None:
    """After a call on the native engine: the second of its form prepares those that follow."""
    if torch.compiler.is_compiling() or torch.is_grad_enabled() or not spec.lasting:
        return
    known = _PREPARED.get(machine)
    if (
        known is None
        or known.spec is not spec
        or (x.shape not in known.calls and len(known.calls) == MAX_PREPARED)
    ):
        known = _PREPARED[machine] = _Known(spec, {})
    known.calls[x.shape] = Prepared(spec, x, state) if x.shape in known.calls else None


def run_features(
    machine: Runnable,
    x: Tensor,
    state: Any,
    lengths: Tensor | None,
    *,
    memory_size: int | None = None,
    backend: str | None = None,
) -> tuple[Tensor, Tensor | None, Any]:
    """As :func:`run`, up to what the output layer is applied to.

    Returns:
        (features [T, B, L·H], words read [T, B, R, W] or None without a memory, the final state). What the
        first two hold in the padding has no meaning.
    """
    kernel = _kernel(machine, x, state, memory_size, backend)
    if kernel is None:
        steps = reference.run_steps(machine, x, state, lengths, memory_size=memory_size)
        return steps.features, steps.read_words, steps.state
    without_outputs = kernel.spec._replace(outputs=(), output_bias=False)
    _, *found = _run_kernel(machine, kernel._replace(spec=without_outputs), x, state, lengths, memory_size)
    return found[0], found[1], found[2]


def decode(
    machine: Callable[..., tuple[Tensor, Any]], first: Tensor, state: Any, choice: Choice, max_steps: int
) -> Decoded:
    """Run a machine on its own outputs: what it says, read as ``choice`` says, is its next input.

    In one call of the native engine where that serves the machine, to the bit what it gives called once a
    step. A machine whose output layer or whose call was changed, or a call under autocast, runs step by step,
    and that is said once; so does any machine on the reference, and what is no machine of this package.
    There are no gradients.

    Args:
        machine: called as ``machine(x [1, 1, input_size], state)``; its own ``backend`` holds.
        first: the first input, [input_size].
        state: to start from, of a batch of one sequence; None for the initial state. It stays as it is.
        choice: how the next input is made from an output.
        max_steps: after so many the loop ends, if no kind has ended it before.

    Raises:
        ValueError: a ``first``, a state or a choice that does not fit the machine, or no steps.
        EngineError: ``backend="native"`` and the kernel cannot serve; the message says why.
    """
    if first.dim() != 1:
        raise ValueError(f"first has {first.dim()} axes: give one input, [input_size]")
    if max_steps < 1:
        raise ValueError(f"max_steps is {max_steps}: give at least one")
    with torch.no_grad():
        if isinstance(machine, Runnable):
            spec = _decoder(machine, first, state)
            if spec is not None:
                choice.check(spec.input_size, spec.outputs[0].shape[0])
                start = _start(machine, spec, state, 1, None)
                return Decoded(*decoding.decode(spec, first, start, choice, max_steps))
        return by_steps(machine, first, state, choice, max_steps)


def _decoder(machine: Runnable, first: Tensor, state: Any) -> KernelSpec | None:
    """The kernel's terms for decoding; None where it has to go step by step.

    Raises:
        ValueError: a state or an input that is not the machine's.
    """
    name = type(machine).__name__
    if state is not None and not isinstance(state, machine.state_type):
        raise ValueError(
            f"state is a {type(state).__name__}: {name} goes on from the {machine.state_type.__name__} of an "
            "earlier call"
        )
    kernel = _kernel(machine, first[None, None], state, None, machine.backend, stacklevel=4)
    if kernel is None:
        return None
    spec, reason = kernel.spec, _needs_its_own_call(kernel)
    if reason is not None:
        _warn_once(reason, f"this {name} is decoded step by step, slower than in one call: {reason}", 3)
        return None
    if first.shape != (spec.input_size,):
        size = spec.input_size
        raise ValueError(f"first has {len(first)} channels, but this {name} was built with input_size={size}")
    return spec


def _needs_its_own_call(kernel: _Kernel) -> str | None:
    """Why a run cannot do without calling the machine itself; None where it can."""
    if kernel.engine != "native":
        return "the Triton engine has no loop for it"
    if not kernel.spec.outputs:
        return "its output layer is its own"
    if not kernel.spec.plain_call:
        return "it has a hook, or its forward() is overridden"
    return "autocast rounds its outputs" if torch.is_autocast_enabled("cpu") else None


def resident(machine: Runnable, x: Tensor, state: Any, memory_size: int | None = None) -> Resident | None:
    """Begin a run that the native engine goes on with from call to call.

    Args:
        machine: what is to run.
        x: an input of one step, [1, B, input_size].
        state: the batched state to start from, which is copied; None for the machine's initial state.
        memory_size: N of that initial state; None for the machine's own.

    Returns:
        The run; None where each call has to be one of the machine.

    Raises:
        EngineError: ``backend="native"`` and the kernel cannot serve; the message says why.
    """
    kernel = _kernel(machine, x, state, memory_size, machine.backend, stacklevel=4)
    if kernel is None or _needs_its_own_call(kernel) is not None:
        return None
    return Resident(kernel.spec, x, _start(machine, kernel.spec, state, x.shape[1], memory_size))


def _kernel(
    machine: Runnable,
    x: Tensor,
    state: Any,
    memory_size: int | None,
    backend: str | None,
    stacklevel: int = 7,  # where it was called: past run, unroll, forward and two frames of nn.Module
) -> _Kernel | None:
    """The kernel for this call; None where the reference has to run it."""
    backend = check_backend(_chosen(backend))
    empty = x.shape[1] == 0  # nothing to compute: no kernel is built for it
    if backend == "reference" or empty:
        return None
    automatic = "triton" if x.is_cuda else "native"
    engine = automatic if backend == "auto" else backend
    if backend == "auto" and engine == "triton" and torch.compiler.is_compiling():
        return None  # The reference is then compiled, and nothing is lost that had to be said.
    spec = _servable(engine, machine.kernel_spec(memory_size), x, state)
    if isinstance(spec, KernelSpec):
        return _Kernel(engine, spec)
    name = type(machine).__name__
    if backend != "auto":
        raise EngineError(
            f"the {_NAMES[engine]} engine cannot run this {name}: {spec.reason}; "
            'use backend="auto" or backend="reference"'
        )
    sentence = (
        f"this {name} runs on the reference engine, slower than the {_NAMES[engine]} one: {spec.reason}"
    )
    _warn_once(spec.reason, sentence, stacklevel)
    return None


def _chosen(backend: str | None) -> str:
    return backend or os.environ.get(BACKEND_VARIABLE) or "auto"


def _warn_once(reason: str, sentence: str, stacklevel: int) -> None:
    """Warn, unless the same reason was said before; ``stacklevel`` counts from the caller on."""
    if reason not in _warned:
        _warned.add(reason)
        warnings.warn(sentence, RuntimeWarning, stacklevel + 1)


def _run_kernel(
    machine: Runnable,
    kernel: _Kernel,
    x: Tensor,
    state: Any,
    lengths: Tensor | None,
    memory_size: int | None,
) -> tuple[Tensor | None, Tensor, Tensor | None, Any]:
    again = reference.Recompute(machine, memory_size)
    if kernel.engine == "native":
        state = _start(machine, kernel.spec, state, x.shape[1], memory_size)
        return ops.run(kernel.spec, x, state, lengths, again)
    from .triton import sequence  # which imports Triton

    if state is None:
        state = machine.initial_state(x.shape[1], memory_size)
    return None, *sequence.run(kernel.spec, x, state, lengths, again)


def _start(machine: Runnable, spec: KernelSpec, state: Any, batch_size: int, memory_size: int | None) -> Any:
    """The state that the kernel starts from; None for the constant one that it knows."""
    if state is None and not spec.constant_start:
        return machine.initial_state(batch_size, memory_size)
    return state


def _servable(engine: str, spec: KernelSpec | Unsupported, x: Tensor, state: Any) -> KernelSpec | Unsupported:
    """``spec`` where the engine can take this call, else why it cannot."""
    if isinstance(spec, Unsupported):
        return spec
    transformed = _transformed()
    if transformed is not None:
        return Unsupported(transformed)
    module = ops if engine == "native" else available
    reason = module.unsupported_reason(spec, x, state)
    return spec if reason is None else Unsupported(reason)


def _transformed() -> str | None:
    """Why no compiled code can be called now, whatever the machine; None where it can."""
    if torch._C._are_functorch_transforms_active():
        return "torch.func transforms do not see into compiled code"
    if forward_ad._current_level >= 0:
        return "forward-mode differentiation does not see into compiled code"
    return None
