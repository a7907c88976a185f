"""The machines: modules that are called like ``nn.LSTM``, and their controllers."""

from .._types import DNCState as DNCState
from .._types import LSTMState as LSTMState
from .._types import NTMState as NTMState
from ._controllers import Controller as Controller
from ._controllers import FeedforwardController as FeedforwardController
from ._controllers import LSTMController as LSTMController
from ._machine import Machine as Machine
from .deep_lstm import DeepLSTM as DeepLSTM
from .dnc import DNC as DNC
from .ntm import NTM as NTM

__all__ = [
    "DNC",
    "NTM",
    "Controller",
    "DNCState",
    "DeepLSTM",
    "FeedforwardController",
    "LSTMController",
    "LSTMState",
    "Machine",
    "NTMState",
]
