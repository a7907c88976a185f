"""The papers' baseline: the controller without a memory (NTM Table 3)."""

from jaxtyping import Float
from torch import Tensor, nn

from ..engine import KernelSpec, Unsupported
from ..types import LSTMState
from .config import LSTMConfig, arguments_of
from .kernel import kernel_spec, known_spec, stock_of
from .module import Machine, squeeze_if_unbatched


class DeepLSTM(Machine[LSTMState]):
    """A deep LSTM with the input to every layer and every layer to the output; no memory.

    With the learned first state this has the parameter counts that the NTM paper prints:
    4H(X+H+1) + (L−1)·4H(X+2H+1) + Y(LH+1) + 2LH for X inputs, Y outputs, L layers of H.

    Args:
        input_size: X, numbers in x_t.
        hidden_size: H, cells a layer.
        others: by keyword, the fields of :class:`tapehead.nn.LSTMConfig`.

    Shapes:
        x [T, B, input_size] → y [T, B, output_size], state :class:`~tapehead.nn.LSTMState`.

    Example:
        >>> baseline = DeepLSTM(input_size=10, hidden_size=256, output_size=9)
        >>> sum(parameter.numel() for parameter in baseline.parameters())
        1352969
    """

    state_type = LSTMState
    has_memory = False
    config: LSTMConfig

    @arguments_of(LSTMConfig)
    def __init__(self, config: LSTMConfig) -> None:
        if config.controller != "lstm":
            raise ValueError(f'controller is {config.controller!r}: a DeepLSTM has no other than "lstm"')
        super().__init__(config, read_size=0)
        features = self.controller.output_size
        self.output_from_controller = nn.Linear(features, self.output_size, **config.factory)

    def initial_state(self, batch_size: int | None = None, memory_size: int | None = None) -> LSTMState:
        """The state before the first step: learned, or zeros.

        Args:
            batch_size: B, or None for an unbatched sequence.
            memory_size: must be None: there is no memory.
        """
        self._check_no_memory(memory_size)
        weight = self._parameter()
        B = 1 if batch_size is None else batch_size
        state = LSTMState(self.controller.initial_state(B, weight.device, weight.dtype))
        return squeeze_if_unbatched(state, batch_size)

    def _check_no_memory(self, memory_size: int | None) -> None:
        if memory_size is not None:
            raise ValueError(
                f"memory_size={memory_size} was given, but a DeepLSTM has no memory: leave it out"
            )

    def kernel_spec(self, memory_size: int | None = None) -> KernelSpec | Unsupported:
        self._check_no_memory(memory_size)
        return known_spec(self, memory_size) or kernel_spec(
            self, _STOCK, kind="none", features=self.config.num_layers * self.hidden_size
        )

    def outputs(self, features: Tensor, read_words: Tensor | None) -> Tensor:
        """y = W_y [h¹; …; h^L] + b."""
        return self.output_from_controller(features)

    def step(self, x: Float[Tensor, "B I"], state: LSTMState) -> tuple[Tensor, LSTMState, None]:
        """One step in plain PyTorch: x_t [B, input_size] → (features [B, L·H], new state, None)."""
        features, controller = self.controller(x, state.controller)
        return features, LSTMState(controller), None


_STOCK = stock_of(DeepLSTM)
