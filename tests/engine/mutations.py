"""Machines changed as researchers change them: overridden, hooked, adapted, pruned, frozen, tied.

Each mutation changes a machine in place (or returns another one) and may record calls of hooks in ``calls``.
"""

import random
import types
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, prune

from tapehead.nn import DNC, NTM, DeepLSTM, FeedforwardController, LSTMController, Machine

Mutation = Callable[[Machine, random.Random, list[str]], Machine | None]

INPUT, HIDDEN, OUTPUT, SLOTS, WORD, READS = 3, 8, 4, 6, 4, 2  # HIDDEN = READS · WORD: layers that can be tied

MEMORY: dict[str, Any] = {"output_size": OUTPUT, "memory_size": SLOTS, "word_size": WORD, "num_reads": READS}
MACHINES: dict[str, Callable[[], Machine]] = {
    "dnc": lambda: DNC(INPUT, HIDDEN, **MEMORY),
    "dnc, feed-forward": lambda: DNC(INPUT, HIDDEN, controller="feedforward", **MEMORY),
    "dnc, variants": lambda: DNC(
        INPUT,
        HIDDEN,
        masked_lookup=True,
        deallocation=True,
        link_sharpening=True,
        interface_norm=True,
        num_layers=2,
        **MEMORY,
    ),
    "dnc, no links": lambda: DNC(INPUT, HIDDEN, temporal_links=False, bypass_dropout=0.3, **MEMORY),
    "dnc, learned start": lambda: DNC(INPUT, HIDDEN, learn_initial_state=True, **MEMORY),
    "ntm": lambda: NTM(INPUT, HIDDEN, num_writes=2, **MEMORY),
    "ntm, feed-forward": lambda: NTM(INPUT, HIDDEN, controller="feedforward", num_layers=2, **MEMORY),
    "ntm, learned start": lambda: NTM(
        INPUT, HIDDEN, learn_initial_state=True, learn_initial_memory=True, **MEMORY
    ),
    "ntm, sparse": lambda: NTM(INPUT, HIDDEN, access="sparse", top_k=3, **MEMORY),
    "dnc, sparse": lambda: DNC(INPUT, HIDDEN, access="sparse", top_k=3, interface_norm=True, **MEMORY),
    "deep lstm": lambda: DeepLSTM(INPUT, HIDDEN, output_size=OUTPUT, num_layers=2),
    "deep lstm, one layer": lambda: DeepLSTM(
        INPUT, HIDDEN, output_size=OUTPUT, num_layers=1, learn_initial_state=False
    ),
}


def _subclass(machine: Machine, **methods: Any) -> None:
    """Make ``machine`` one of a subclass with these methods."""
    cls = type(machine)
    machine.__class__ = type(f"Mine{cls.__name__}", (cls,), methods)


def _override(name: str, change: Callable[[Any], Any]) -> Mutation:
    """A subclass whose method returns a changed result."""

    def mutate(machine: Machine, rng: random.Random, calls: list[str]) -> None:
        original = getattr(type(machine), name, None)
        if original is None:
            return

        def changed(self: Any, *args: Any, **kwargs: Any) -> Any:
            calls.append(name)
            return change(original(self, *args, **kwargs))

        _subclass(machine, **{name: changed})

    return mutate


def _on_the_instance(name: str, change: Callable[[Any], Any]) -> Mutation:
    def mutate(machine: Machine, rng: random.Random, calls: list[str]) -> None:
        original = getattr(machine, name, None)
        if original is None:
            return

        def changed(self: Any, *args: Any, **kwargs: Any) -> Any:
            calls.append(name)
            return change(original(*args, **kwargs))

        machine.__dict__[name] = types.MethodType(changed, machine)

    return mutate


def _first_scaled(result: tuple[Any, ...]) -> Any:
    values = (result[0] * 0.7, *result[1:])
    return type(result)(*values) if hasattr(result, "_fields") else values


def _memory_doubled(state: Any) -> Any:
    return state._replace(memory=state.memory + 0.3) if hasattr(state, "memory") else state


def _controller_subclass(machine: Machine, rng: random.Random, calls: list[str]) -> None:
    controller: Any = machine.controller
    base = LSTMController if isinstance(controller, LSTMController) else FeedforwardController

    class Mine(base):  # type: ignore[misc, valid-type]
        def forward(self, inputs: Tensor, state: Any) -> Any:
            features, state = super().forward(inputs, state)
            return features + 0.2, state

    controller.__class__ = Mine


def _controller_instance(machine: Machine, rng: random.Random, calls: list[str]) -> None:
    controller: Any = machine.controller
    original = controller.forward
    controller.forward = lambda inputs, state: _first_scaled(original(inputs, state))


def _controller_start(machine: Machine, rng: random.Random, calls: list[str]) -> None:
    controller: Any = machine.controller
    original = controller.initial_state

    def changed(*args: Any) -> Any:
        return tuple(tuple(tensor + 0.1 for tensor in layer) for layer in original(*args))

    controller.initial_state = changed


def _layers(machine: Machine) -> list[tuple[nn.Module, str, nn.Linear]]:
    """(parent, name, layer) of every plain linear layer."""
    found: list[tuple[nn.Module, str, nn.Linear]] = []
    for parent in machine.modules():
        for name, module in parent.named_children():
            if type(module) is nn.Linear and module._parameters.get("weight") is not None:
                found.append((parent, name, module))
    return found


def _replace(make: Callable[[nn.Linear], nn.Module]) -> Mutation:
    def mutate(machine: Machine, rng: random.Random, calls: list[str]) -> None:
        parent, name, layer = rng.choice(_layers(machine))
        if isinstance(parent, nn.ModuleList):
            parent[int(name)] = make(layer)
        else:
            setattr(parent, name, make(layer))

    return mutate


class Lora(nn.Linear):
    """A linear layer with a low-rank correction; a subclass, so that ``isinstance`` is fooled."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__(
            layer.in_features, layer.out_features, bias=layer.bias is not None, dtype=torch.float64
        )
        self.load_state_dict(layer.state_dict())
        self.down = nn.Parameter(torch.full((2, layer.in_features), 0.1, dtype=torch.float64))
        self.up = nn.Parameter(torch.full((layer.out_features, 2), 0.1, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + x @ self.down.T @ self.up.T


class Adapter(nn.Module):
    """A module around a layer, which has no weight of that name."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.inner = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x).tanh()


def _same_size(bias: bool | None) -> Callable[[nn.Linear], nn.Module]:
    def make(layer: nn.Linear) -> nn.Module:
        has_bias = (layer.bias is not None) if bias is None else bias
        new = nn.Linear(layer.in_features, layer.out_features, bias=has_bias, dtype=torch.float64)
        with torch.no_grad():
            new.weight.copy_(layer.weight + 0.1)
            if new.bias is not None:
                new.bias.fill_(0.2)
        return new

    return make


def _own_forward(layer: nn.Linear) -> nn.Module:
    original = layer.forward
    layer.forward = lambda x: original(x) * 0.8  # type: ignore[method-assign]
    return layer


def _plain_tensor(layer: nn.Linear) -> nn.Module:
    weight = layer.weight.detach().clone()
    del layer.weight
    layer.weight = weight  # type: ignore[assignment]
    return layer


def _hook(kind: str) -> Mutation:
    def mutate(machine: Machine, rng: random.Random, calls: list[str]) -> None:
        name, module = rng.choice(list(machine.named_modules()))
        if isinstance(module, nn.ModuleList):
            return

        def said(*_: Any) -> None:
            calls.append(f"{kind} {name}")

        def changed_output(_: Any, args: Any, output: Any) -> Any:
            said()
            return output * 0.9 if isinstance(output, Tensor) else None

        def changed_input(_: Any, args: Any) -> Any:
            said()
            return (args[0] * 0.9, *args[1:])

        def changed_with_kwargs(_: Any, args: Any, kwargs: Any, output: Any) -> Any:
            return changed_output(_, args, output)

        if kind == "forward":
            module.register_forward_hook(changed_output)
        elif kind == "forward with kwargs":
            module.register_forward_hook(changed_with_kwargs, with_kwargs=True)
        elif kind == "forward pre":
            module.register_forward_pre_hook(changed_input)
        elif kind == "full backward":
            module.register_full_backward_hook(said)
        else:
            module.register_full_backward_pre_hook(said)

    return mutate


def _on_a_layer(change: Callable[[nn.Linear], Any]) -> Mutation:
    def mutate(machine: Machine, rng: random.Random, calls: list[str]) -> None:
        change(rng.choice(_layers(machine))[2])

    return mutate


def _halve(layer: nn.Linear) -> None:
    parametrize.register_parametrization(layer, "weight", _Halved())


class _Halved(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return weight / 2


def _prune_for_good(layer: nn.Linear) -> None:
    prune.l1_unstructured(layer, "weight", amount=0.5)
    prune.remove(layer, "weight")


def _parametrize_the_start(machine: Machine, rng: random.Random, calls: list[str]) -> None:
    for name in ("initial_read_words", "initial_memory"):
        if getattr(machine, name, None) is not None:
            parametrize.register_parametrization(machine, name, _Halved())


def _freeze(machine: Machine, rng: random.Random, calls: list[str]) -> None:
    for parameter in machine.parameters():
        parameter.requires_grad_(rng.random() < 0.5)


def _tie(machine: Machine, rng: random.Random, calls: list[str]) -> None:
    """One tensor in two places."""
    first: Any = machine.output_from_controller
    second: Any = getattr(machine, "output_from_reads", None)
    if (
        second is not None
        and type(first) is type(second) is nn.Linear
        and first.weight.shape == second.weight.shape
    ):
        second.weight = first.weight


def _tensor_hook(machine: Machine, rng: random.Random, calls: list[str]) -> None:
    parameter = rng.choice([p for p in machine.parameters() if p.requires_grad] or [None])
    if parameter is not None:
        parameter.register_hook(lambda gradient: gradient * 3)


def _attributes(machine: Machine, rng: random.Random, calls: list[str]) -> None:
    """Switches turned after the machine was built."""
    controller: Any = machine.controller
    controller.clip_gradient = rng.choice([None, 0.01])
    for name, value in (
        ("read_first", True),
        ("mask_min", 0.3),
        ("clip_weighting_gradient", 0.01),
        ("usage_gradient", False),
        ("deallocation", True),
    ):
        if hasattr(machine, name) and rng.random() < 0.7:
            setattr(machine, name, value)


def _norm(machine: Machine, rng: random.Random, calls: list[str]) -> None:
    norm: Any = getattr(machine, "interface_norm", None)
    if isinstance(norm, nn.LayerNorm):
        size = norm.normalized_shape
        machine.interface_norm = rng.choice(
            [
                nn.LayerNorm(size, eps=0.1, dtype=torch.float64),
                nn.LayerNorm(size, elementwise_affine=False, dtype=torch.float64),
                nn.Identity(),
            ]
        )


def _dropout(machine: Machine, rng: random.Random, calls: list[str]) -> None:
    if hasattr(machine, "bypass_dropout"):
        machine.bypass_dropout = rng.choice([nn.Dropout(0.5), nn.Tanh(), nn.Identity()])


def _wrong_shape(layer: nn.Linear) -> nn.Module:
    return nn.Linear(
        layer.in_features, layer.out_features + 1, bias=layer.bias is not None, dtype=torch.float64
    )


def _wrong_dtype(layer: nn.Linear) -> nn.Module:
    return nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None, dtype=torch.float32)


def _one_layer_more(machine: Machine, rng: random.Random, calls: list[str]) -> None:
    layers: Any = machine.controller.layers  # type: ignore[attr-defined]
    layers.append(nn.Linear(2, 2, dtype=torch.float64))


MUTATIONS: dict[str, Mutation] = {
    "step overridden": _override("step", _first_scaled),
    "access overridden": _override("_access", lambda r: (_memory_doubled(r[0]), *r[1:])),
    "address overridden": _override("_address", _first_scaled),
    "mask overridden": _override("_mask", lambda mask: mask * 0.5),
    "outputs overridden": _override("outputs", lambda y: y + 1),
    "initial state overridden": _override("initial_state", _memory_doubled),
    "forward overridden": _override("forward", _first_scaled),
    "unroll overridden": _override("unroll", _first_scaled),
    "step of the instance": _on_the_instance("step", _first_scaled),
    "outputs of the instance": _on_the_instance("outputs", lambda y: y * 2),
    "initial state of the instance": _on_the_instance("initial_state", _memory_doubled),
    "controller subclassed": _controller_subclass,
    "forward of the controller's instance": _controller_instance,
    "start of the controller's instance": _controller_start,
    "lora": _replace(Lora),
    "adapter": _replace(Adapter),
    "layer replaced": _replace(_same_size(None)),
    "layer with a bias": _replace(_same_size(True)),
    "layer without a bias": _replace(_same_size(False)),
    "forward of a layer's instance": _replace(_own_forward),
    "weight a plain tensor": _replace(_plain_tensor),
    "identity norm": _norm,
    "other dropout": _dropout,
    "forward hook": _hook("forward"),
    "forward hook with kwargs": _hook("forward with kwargs"),
    "forward pre-hook": _hook("forward pre"),
    "full backward hook": _hook("full backward"),
    "full backward pre-hook": _hook("full backward pre"),
    "weight norm": _on_a_layer(parametrizations.weight_norm),
    "spectral norm": _on_a_layer(parametrizations.spectral_norm),
    "parametrization": _on_a_layer(
        lambda layer: parametrize.register_parametrization(layer, "weight", _Halved())
    ),
    "pruned": _on_a_layer(lambda layer: prune.l1_unstructured(layer, "weight", amount=0.5)),
    "pruned for good": _on_a_layer(_prune_for_good),
    "start parametrized": _parametrize_the_start,
    "frozen": _freeze,
    "tied": _tie,
    "tensor hook": _tensor_hook,
    "attributes": _attributes,
    "wrong shape": _replace(_wrong_shape),
    "wrong dtype": _replace(_wrong_dtype),
    "one layer more": _one_layer_more,
}
