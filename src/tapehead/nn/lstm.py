"""The papers' baseline: the controller without a memory (NTM Table 3)."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..types import LSTMState
from .module import Machine


class DeepLSTM(Machine):
    """A deep LSTM with the input to every layer and every layer to the output; no memory.

    With the learned first state this has the parameter counts that the NTM paper prints:
    4H(X+H+1) + (L−1)·4H(X+2H+1) + Y(LH+1) + 2LH for X inputs, Y outputs, L layers of H.

    Args:
        input_size: X, numbers in x_t.
        hidden_size: H, cells a layer.
        output_size: Y, numbers in y_t (raw, without a sigmoid or softmax).
        num_layers: L.
        batch_first: x and y are [B, T, ...] instead of [T, B, ...].
        learned_start: learn the first h and c of every layer, as the paper did; False starts at zero.
        clip_controller_gradient: clip the gradient at the activations elementwise.
        backend: "reference", "native" or "auto"; None asks the environment variable TAPEHEAD_BACKEND.

    Shapes:
        x [T, B, input_size] → y [T, B, output_size], state :class:`~tapehead.nn.LSTMState`.

    Example:
        >>> baseline = DeepLSTM(input_size=10, hidden_size=256, output_size=9)
        >>> sum(parameter.numel() for parameter in baseline.parameters())
        1352969
    """

    state_type = LSTMState
    traceable = False

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        *,
        num_layers: int = 3,
        batch_first: bool = False,
        learned_start: bool = True,
        clip_controller_gradient: float | None = None,
        backend: str | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self._remember(locals())
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        super().__init__(
            input_size=input_size,
            hidden_size=hidden_size,
            output_size=output_size,
            num_layers=num_layers,
            controller="lstm",
            words_read=0,
            batch_first=batch_first,
            learned_start=learned_start,
            clip_controller_gradient=clip_controller_gradient,
            backend=backend,
            factory=factory,
        )
        self.output_from_controller = nn.Linear(self.controller.output_size, output_size, **factory)

    def initial_state(self, batch_size: int | None = None, memory_size: int | None = None) -> LSTMState:
        """The state before the first step: learned, or zeros.

        Args:
            batch_size: B, or None for an unbatched sequence.
            memory_size: must be None: there is no memory.
        """
        self._check_no_memory(memory_size)
        weight = self.output_from_controller.weight
        B = 1 if batch_size is None else batch_size
        state = LSTMState(self.controller.initial_state(B, weight.device, weight.dtype))
        return self._squeeze_if_unbatched(state, batch_size)

    def _check_no_memory(self, memory_size: int | None) -> None:
        if memory_size is not None:
            raise ValueError(
                f"memory_size={memory_size} was given, but a DeepLSTM has no memory: leave it out"
            )

    def _memory_spec(self, memory_size: int | None) -> dict[str, Any]:
        self._check_no_memory(memory_size)
        return {"kind": "none", **self._output_layer(self.output_from_controller)}

    def outputs(self, features: Tensor, read_words: Tensor | None) -> Tensor:
        """y = W_y [h¹; …; h^L] + b."""
        return self.output_from_controller(features)

    def step(self, x: Float[Tensor, "B I"], state: LSTMState) -> tuple[Tensor, LSTMState, None]:
        """One step in plain PyTorch: x_t [B, input_size] → (features [B, L·H], new state, None)."""
        features, controller = self.controller(x, state.controller)
        return features, LSTMState(controller), None
