"""Whether the compiled kernel computes what a machine says, and the machine in the kernel's terms.

The kernel is a second implementation of ``step``. It serves a machine only where nobody has changed what
``step`` computes: no method overridden, no layer replaced, adapted or hooked. Everything else runs on the
reference loop.

To find that out takes longer than a step, so it is remembered as long as nothing of the machine is changed.
"""

import weakref
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from ..engine import KernelSpec, Unsupported
from .controllers import FeedforwardController, LSTMController
from .unchanged import Snapshot, any_global_hook, any_hook

if TYPE_CHECKING:
    from .module import Machine

_LINEAR_FORWARD = nn.Linear.forward
_NORM_FORWARD = nn.LayerNorm.forward

Functions = Mapping[str, Any]
"""Methods by name."""


class Stock(NamedTuple):
    """The methods of a class that the kernel knows, as the class defined them."""

    cls: type
    steps: Functions
    """What the kernel stands in for: if any of them is changed, the reference runs."""
    initial_state: Any
    """If it is changed, the machine makes the state and the kernel starts from it."""
    outputs: Any
    """If it is changed, the machine makes the outputs from what the kernel leaves behind."""
    calls: Functions
    """What calls the engine; if it is changed, the engine runs inside of it."""


# A subclass or an instance may change these: the engine calls them around the kernel.
_CALLED_AROUND_THE_KERNEL = {"initial_state", "outputs", "forward", "unroll"}
# These take no part in a run.
_OUTSIDE_A_RUN = {"reset_parameters", "extra_repr", "kernel_spec", "_initialize", "write_gate_logits"}


def stock_of(cls: "type[Machine[Any]]") -> Stock:
    """The methods of a machine that the kernel implements, as they are now."""
    return Stock(
        cls=cls,
        steps=_steps(cls),
        initial_state=cls.initial_state,
        outputs=cls.outputs,
        calls={"forward": cls.forward, "unroll": cls.unroll},
    )


def _steps(cls: type) -> Functions:
    """All methods that ``cls`` defines but for the two sets above; one added later is guarded, too."""
    return {
        name: function
        for name, function in vars(cls).items()
        if callable(function)
        and not isinstance(function, type)
        and not (name.startswith("__") and name != "__call__")
        and name not in _CALLED_AROUND_THE_KERNEL | _OUTSIDE_A_RUN
    }


_STOCK_CONTROLLERS: dict[type, Functions] = {
    controller: {**_steps(controller), "forward": controller.forward}
    for controller in (LSTMController, FeedforwardController)
}


_KNOWN: "weakref.WeakKeyDictionary[Any, tuple[Snapshot, KernelSpec]]" = weakref.WeakKeyDictionary()
"""What each machine was found to be, and of what it was made then."""


def known_spec(machine: "Machine[Any]", memory_size: int | None) -> KernelSpec | None:
    """What :func:`kernel_spec` gave for this machine of its own memory size, if that still holds."""
    if memory_size is not None or torch.compiler.is_compiling():
        return None
    known = _KNOWN.get(machine)
    if known is None:
        return None
    snapshot, spec = known
    if snapshot.holds(machine):
        return spec
    _KNOWN.pop(machine, None)
    return None


def _remembered(machine: "Machine[Any]", stock: Stock, spec: KernelSpec) -> KernelSpec:
    """``spec``, so that :func:`known_spec` knows it where all of it is told by the parts of the machine.

    Not of a subclass, in which a property may stand for a switch; nor with an initial state of the user's
    own, which every call asks for; nor with weights that are no parameters of their own, which may be the end
    of a graph (``torch.func.functional_call``).
    """
    weights = [*spec.interface, *spec.interface_norm, *spec.outputs]
    weights += [tensor for layer in spec.layers for tensor in layer]
    if (
        torch.compiler.is_compiling()
        or type(machine) is not stock.cls
        or spec.memory_size != getattr(machine, "memory_size", 0)
        or any("initial_state" in vars(part) for part in (machine, machine.controller))
        or any(type(weight) is not nn.Parameter for weight in weights)
    ):
        return spec
    controller: type = type(machine.controller)
    methods: list[tuple[type, str]] = [
        *((stock.cls, name) for name in (*stock.steps, *stock.calls, "initial_state", "outputs")),
        *((controller, name) for name in _STOCK_CONTROLLERS[controller]),
        (nn.Linear, "forward"),
        (nn.LayerNorm, "forward"),
    ]
    spec = spec._replace(lasting=True)
    _KNOWN[machine] = Snapshot(machine, weights, methods), spec
    return spec


def kernel_spec(
    machine: "Machine[Any]",
    stock: Stock,
    *,
    kind: str,
    features: int,
    interface_size: int = 0,
    interface_bias: bool = False,
    read_size: int = 0,
    memory_size: int = 0,
    initial_memory: float = 0.0,
    further: Mapping[str, Any] = MappingProxyType({}),
) -> KernelSpec | Unsupported:
    """``machine`` in the kernel's terms, or the first reason why the kernel would compute something else.

    Args:
        machine: a machine, perhaps of a subclass.
        stock: the methods of the class that the kernel implements.
        kind: "none", "ntm", "dnc", "sparse" or "sparse_dnc".
        features: numbers in the controller's output, L·H.
        interface_size: numbers in an interface vector.
        interface_bias: whether the interface has a bias.
        read_size: numbers in the words read, R·W.
        memory_size: N.
        initial_memory: every number of the memory before the first step.
        further: switches that are no attributes of the machine, by name.
    """
    reason = next(_changes(machine, stock.steps, features, interface_size, interface_bias, read_size), None)
    if reason is not None:
        return Unsupported(reason)
    controller: Any = machine.controller
    layers = _named([(f"controller.layers.{i}", layer) for i, layer in enumerate(controller.layers)])
    interface = _named([("interface", machine.interface)] if interface_size else [])
    has_norm = getattr(machine, "interface_norm", None) is not None
    norm = _named([("interface_norm", machine.interface_norm)] if has_norm else [])
    outputs = _output_layer(machine, stock, features, read_size)
    own = {name: getattr(machine, name) for name in KernelSpec.switches() if hasattr(machine, name)}
    spec = KernelSpec(
        kind=kind,
        lstm=type(controller) is LSTMController,
        state_type=machine.state_type,
        hidden_size=controller.hidden_size,
        layers=tuple(zip(*[iter(layers.values())] * 2)),
        weight_names=(*layers, *interface, *norm, *outputs),
        interface=tuple(interface.values()),
        interface_norm=tuple(norm.values()),
        outputs=tuple(outputs.values()),
        output_bias="output_from_controller.bias" in outputs,
        memory_size=memory_size,
        initial_memory=initial_memory,
        clip_controller_gradient=controller.clip_gradient,
        constant_start=_constant_start(machine, stock),
        plain_call=not any_hook(machine) and not any(_overridden(machine, stock.calls)),
        **{**own, **further},
    )
    return _remembered(machine, stock, spec)


def _changes(
    machine: "Machine[Any]",
    steps: Functions,
    features: int,
    interface_size: int,
    interface_bias: bool,
    read_size: int,
) -> Iterator[str]:
    """What keeps the kernel from computing what ``machine`` says."""
    name = type(machine).__name__
    if any_global_hook():
        yield "a hook is registered on all modules (torch.nn.modules.module.register_module_…)"
    yield from (f"{method}() is overridden in this {name}" for method in _overridden(machine, steps))
    controller: Any = machine.controller
    if type(controller) not in _STOCK_CONTROLLERS:
        yield f"the controller {type(controller).__name__} is your own"
        return
    if any_hook(controller):
        yield "the controller has a hook"
    methods = _overridden(controller, _STOCK_CONTROLLERS[type(controller)])
    yield from (f"{method}() of the controller is overridden" for method in methods)
    fed = read_size if getattr(machine, "feed_reads", False) else 0
    yield from _controller_changes(controller, machine.input_size + fed, features)
    if interface_size:
        layer = getattr(machine, "interface", None)
        yield from _linear_changes("interface", layer, interface_size, features, bias=interface_bias)
        norm = getattr(machine, "interface_norm", None)
        if norm is not None:
            yield from _norm_changes(norm, interface_size)


def _controller_changes(controller: Any, input_size: int, features: int) -> Iterator[str]:
    layers, hidden = controller.layers, controller.hidden_size
    if type(layers) is not nn.ModuleList or features != hidden * len(layers):
        yield f"the controller's layers are not the {features // hidden} that it was built with"
        return
    lstm = type(controller) is LSTMController
    for index, layer in enumerate(layers):
        inputs = input_size + (hidden if lstm else 0) + (hidden if index else 0)
        rows = 4 * hidden if lstm else hidden
        yield from _linear_changes(f"controller.layers.{index}", layer, rows, inputs, bias=True)


def _linear_changes(name: str, layer: Any, rows: int, columns: int, *, bias: bool) -> Iterator[str]:
    if type(layer) is not nn.Linear:
        yield f"{name} is a {type(layer).__name__}, not an nn.Linear"
        return
    if any_hook(layer):
        yield f"{name} has a hook"
    if type(layer).forward is not _LINEAR_FORWARD or "forward" in layer.__dict__:
        yield f"forward() of {name} is overridden"
    weight, offset = layer.weight, layer.bias
    if not _is_plain(weight) or weight.shape != (rows, columns):
        yield f"{name}.weight is not a plain tensor of shape {[rows, columns]}"
    if (offset is not None) != bias:
        yield f"{name} has {'no' if bias else 'a'} bias"
    elif offset is not None and (not _is_plain(offset) or offset.shape != (rows,)):
        yield f"{name}.bias is not a plain tensor of shape {[rows]}"


def _norm_changes(norm: Any, size: int) -> Iterator[str]:
    if type(norm) is not nn.LayerNorm:
        yield f"interface_norm is a {type(norm).__name__}, not an nn.LayerNorm"
    elif any_hook(norm):
        yield "interface_norm has a hook"
    elif type(norm).forward is not _NORM_FORWARD or "forward" in norm.__dict__:
        yield "forward() of interface_norm is overridden"
    elif norm.eps != 1e-5 or tuple(norm.normalized_shape) != (size,):
        yield "interface_norm has another epsilon or shape than it was built with"
    elif not all(_is_plain(p) and p.shape == (size,) for p in (norm.weight, norm.bias)):
        yield f"interface_norm has no plain weight and bias of shape {[size]}"


def _output_layer(machine: Any, stock: Stock, features: int, read_size: int) -> dict[str, Tensor]:
    """The weights of the output layer by name: for the features, for the words read, and the bias.

    Nothing where the layer was changed or hooked, or where dropout acts: then ``machine.outputs`` runs.
    """
    if type(machine).outputs is not stock.outputs or "outputs" in machine.__dict__:
        return {}
    dropout = getattr(machine, "bypass_dropout", None)
    if dropout is not None and (type(dropout) is not nn.Dropout or any_hook(dropout)):
        return {}
    if dropout is not None and dropout.training and dropout.p > 0:
        return {}
    from_features = machine.output_from_controller
    has_bias = getattr(from_features, "bias", None) is not None
    layers = {"output_from_controller": (from_features, features, has_bias)}
    if read_size:
        layers["output_from_reads"] = (machine.output_from_reads, read_size, False)
    for name, (layer, columns, bias) in layers.items():
        if next(_linear_changes(name, layer, machine.output_size, columns, bias=bias), None) is not None:
            return {}
    weights = {f"{name}.weight": layer.weight for name, (layer, _, _) in layers.items()}
    return weights | ({"output_from_controller.bias": from_features.bias} if has_bias else {})


def _named(layers: list[tuple[str, Any]]) -> dict[str, Tensor]:
    """Weights and biases of layers by their names."""
    return {
        f"{name}.{kind}": getattr(layer, kind)
        for name, layer in layers
        for kind in ("weight", "bias")
        if getattr(layer, kind) is not None
    }


def _constant_start(machine: Any, stock: Stock) -> bool:
    """Whether the initial state is the constant that the kernel knows: not overridden, not learned."""
    changed = type(machine).initial_state is not stock.initial_state or "initial_state" in machine.__dict__
    learned = (getattr(machine, name, None) for name in ("initial_memory", "initial_read_words"))
    controller = (
        getattr(machine.controller, "initial_hidden", None),
        "initial_state" in vars(machine.controller),
    )
    return not changed and all(value is None for value in learned) and controller == (None, False)


def _overridden(instance: nn.Module, functions: Functions) -> Iterator[str]:
    cls = type(instance)
    for name, function in functions.items():
        if getattr(cls, name, None) is not function or name in instance.__dict__:
            yield name


def _is_plain(tensor: Any) -> bool:
    if torch.compiler.is_compiling():  # then tensors are stand-ins of other types
        return isinstance(tensor, Tensor)
    return type(tensor) in (nn.Parameter, Tensor)
