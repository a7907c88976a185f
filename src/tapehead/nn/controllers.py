"""Controllers: what sits between the input, the words last read, and the heads.

A controller of one's own is any ``nn.Module`` that follows :class:`Controller`.
"""

import math
from collections.abc import Iterable
from functools import partial
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..types import ControllerState
from .config import MachineConfig

LOOKUP_INPUT = 2.0
"""Under ``init="lookup"``, the length of what a one of the input adds to the features, before tanh."""
LOOKUP_WORD = 1.5
"""Under ``init="lookup"``, the length of what a one of the input adds to a word."""


@runtime_checkable
class Controller(Protocol):
    """What a machine asks of its controller.

    ``output_size`` is the length of the vector that the heads and the output layer see.
    """

    output_size: int

    def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> tuple[Any, ...]:
        """The state before the first step: nested tuples of tensors whose first axis is the batch."""

    def __call__(self, inputs: Tensor, state: tuple[Any, ...]) -> tuple[Tensor, tuple[Any, ...]]:
        """One step: χ = [x; r¹ … r^R], [B, input_size + R·W], and state → output [B, output_size], state."""


def clip_gradient_(tensor: Tensor, bound: float | None) -> None:
    """Clip the whole gradient that will arrive at ``tensor`` elementwise to ± ``bound``; None: do nothing."""
    if bound is not None and tensor.requires_grad:
        tensor.register_hook(lambda gradient: gradient.clamp(-bound, bound))


def reset_layers(modules: Iterable[nn.Module]) -> None:
    """Draw the weights of these modules anew, in order, and of what they contain."""
    for module in modules:
        reset = getattr(module, "reset_parameters", None)
        if callable(reset):
            reset()
        else:
            reset_layers(module.children())


class LSTMController(nn.Module):
    """The deep LSTM of the DNC paper (Methods, "Controller network").

    In layer l every gate sees [χ_t ; h^l_{t−1} ; h^{l−1}_t]: the input skips to all layers, and the output
    is [h¹ ; … ; h^L], so every layer reaches the heads. Gates stand in the order i, f, g (the cell's
    candidate), o; no peepholes.

    Args:
        input_size: numbers in χ.
        hidden_size: H, cells a layer.
        num_layers: L.
        learn_initial_state: learn the first h and c of every layer (NTM section 4); otherwise they are zero.
        clip_gradient: clip the gradient with respect to every h^l_t elementwise to ± this value (DNC
            Methods, "Optimization": "the gradient with respect to the LSTM controller activations").
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        *,
        learn_initial_state: bool = False,
        clip_gradient: float | None = None,
        **factory: Any,
    ) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.output_size = num_layers * hidden_size
        self.clip_gradient = clip_gradient
        below = [0] + [hidden_size] * (num_layers - 1)
        self.layers = nn.ModuleList(
            nn.Linear(input_size + hidden_size + extra, 4 * hidden_size, **factory) for extra in below
        )
        if learn_initial_state:
            self.initial_hidden = nn.Parameter(torch.zeros(num_layers, hidden_size, **factory))
            self.initial_cell = nn.Parameter(torch.zeros(num_layers, hidden_size, **factory))
        else:
            self.register_parameter("initial_hidden", None)
            self.register_parameter("initial_cell", None)

    def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> ControllerState:
        """((h, c) of every layer), each [B, H]."""
        shape = batch_size, self.hidden_size
        if self.initial_hidden is None:
            zeros = partial(torch.zeros, shape, device=device, dtype=dtype)
            return tuple((zeros(), zeros()) for _ in self.layers)
        # Each sequence owns its state: a caller may write into it.
        return tuple(
            (hidden.expand(shape).clone(), cell.expand(shape).clone())
            for hidden, cell in zip(self.initial_hidden, self.initial_cell, strict=True)
        )

    def reset_parameters(self) -> None:
        """Draw the weights anew; a learned initial state starts at zero."""
        reset_layers(self.layers)
        for learned in (self.initial_hidden, self.initial_cell):
            if learned is not None:
                nn.init.zeros_(learned)

    def forward(
        self, inputs: Float[Tensor, "B I"], state: ControllerState
    ) -> tuple[Float[Tensor, "B LH"], ControllerState]:
        """One step. Returns ([h¹ ; … ; h^L], new state)."""
        outputs: list[Tensor] = []
        new_state = []
        for layer, (hidden, cell) in zip(self.layers, state, strict=True):
            gates = layer(torch.cat([inputs, hidden, *outputs[-1:]], dim=-1))
            i, f, g, o = gates.chunk(4, dim=-1)
            cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
            hidden = o.sigmoid() * cell.tanh()
            clip_gradient_(hidden, self.clip_gradient)
            outputs.append(hidden)
            new_state.append((hidden, cell))
        return torch.cat(outputs, dim=-1), tuple(new_state)


class FeedforwardController(nn.Module):
    """A feed-forward controller: the machine's only memory is then the memory.

    Layer l computes tanh(W [χ ; h^{l−1}] + b); as in the deep LSTM, the input skips to all layers and all
    layers reach the heads. Arguments as in :class:`LSTMController`; there is no state, so nothing to
    learn at the start.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        *,
        clip_gradient: float | None = None,
        **factory: Any,
    ) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.output_size = num_layers * hidden_size
        self.clip_gradient = clip_gradient
        below = [0] + [hidden_size] * (num_layers - 1)
        self.layers = nn.ModuleList(nn.Linear(input_size + extra, hidden_size, **factory) for extra in below)

    def initial_state(self, batch_size: int, device: torch.device, dtype: torch.dtype) -> ControllerState:
        """Empty: a feed-forward controller has no state."""
        return ()

    def reset_parameters(self) -> None:
        """Draw the weights anew."""
        reset_layers(self.layers)

    def forward(
        self, inputs: Float[Tensor, "B I"], state: ControllerState
    ) -> tuple[Float[Tensor, "B LH"], ControllerState]:
        """One step. Returns ([h¹ ; … ; h^L], ())."""
        outputs: list[Tensor] = []
        for layer in self.layers:
            hidden = layer(torch.cat([inputs, *outputs[-1:]], dim=-1)).tanh()
            clip_gradient_(hidden, self.clip_gradient)
            outputs.append(hidden)
        return torch.cat(outputs, dim=-1), ()


@torch.no_grad()
def hold_first_unit(controller: Any) -> float:
    """Make the first unit of a built-in controller constant, a bias for what has none; return its value.

    Training is free to move it.

    Raises:
        ValueError: the controller is the user's own.
    """
    if not isinstance(controller, FeedforwardController | LSTMController):
        raise ValueError(
            f'init="lookup" needs a built-in controller, and {type(controller).__name__} is your own'
        )
    lstm = isinstance(controller, LSTMController)
    weight, bias = controller.layers[0].get_parameter("weight"), controller.layers[0].get_parameter("bias")
    for gate, value in enumerate((3, -3, 3, 3) if lstm else (2,)):  # i open, f forgetful, g full, o open
        weight[gate * controller.hidden_size], bias[gate * controller.hidden_size] = 0, value
    return math.tanh(1 if lstm else 2)  # the LSTM's within a tenth


@torch.no_grad()
def straight_words(controller: FeedforwardController, inputs: int, word_size: int) -> Tensor:
    """Let what is written depend on the input alone, each number of it along a direction of its own.

    The directions stand at right angles where a layer and a word are as large as the input; words that have
    nothing in common are then as unlike as they can be. (Of directions drawn apart one word resembles another
    by chance, and training hardly mends that: docs/training-notes.md, "Search".) Of the controller, the first
    layer's weights and biases and the other layers' weights for the words read are set.

    Args:
        controller: of the machine.
        inputs: numbers in x_t, the first that the controller sees; the others are the words read.
        word_size: W.

    Returns:
        The matrix from the controller's output to a word, [L·H, W].
    """
    weight, bias = controller.layers[0].get_parameter("weight"), controller.layers[0].get_parameter("bias")
    for layer in controller.layers:
        layer.get_parameter("weight")[:, inputs : weight.shape[1]] = 0
    directions = nn.init.orthogonal_(weight.new_empty(controller.hidden_size, inputs))
    weight[:, :inputs], bias[:] = LOOKUP_INPUT * directions, 0
    straight = nn.init.orthogonal_(weight.new_empty(word_size, inputs))
    words = weight.new_zeros(controller.output_size, word_size)
    words[: controller.hidden_size] = LOOKUP_WORD / LOOKUP_INPUT * directions @ straight.T
    return words


def build_controller(config: MachineConfig, read_size: int) -> nn.Module:
    """The controller that ``config`` names, or ``config.controller`` itself when it is a module.

    Args:
        config: of the machine.
        read_size: numbers in the words read, R·W, which the controller sees beside x.

    Raises:
        TypeError: a module without what :class:`Controller` asks for.
        ValueError: an unknown name.
    """
    controller = config.controller
    if isinstance(controller, nn.Module):
        for attribute in ("output_size", "initial_state"):
            if not hasattr(controller, attribute):
                raise TypeError(
                    f"controller {type(controller).__name__} has no `{attribute}`: "
                    "see tapehead.nn.Controller for what a controller must offer"
                )
        return controller
    sizes = config.input_size + read_size, config.hidden_size, config.num_layers
    clip = config.clip_controller_gradient
    if controller == "lstm":
        learn = config.learn_initial_state
        return LSTMController(*sizes, learn_initial_state=learn, clip_gradient=clip, **config.factory)
    if controller == "feedforward":
        return FeedforwardController(*sizes, clip_gradient=clip, **config.factory)
    raise ValueError(f'controller is {controller!r}: give "lstm", "feedforward" or an nn.Module')
