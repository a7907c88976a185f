"""The machines: modules that are called like ``nn.LSTM``, and their controllers."""

from ..types import DNCState as DNCState
from ..types import LSTMState as LSTMState
from ..types import NTMState as NTMState
from ..types import SparseDNCState as SparseDNCState
from ..types import SparseNTMState as SparseNTMState
from .config import DNCConfig as DNCConfig
from .config import LSTMConfig as LSTMConfig
from .config import MachineConfig as MachineConfig
from .config import NTMConfig as NTMConfig
from .controllers import Controller as Controller
from .controllers import FeedforwardController as FeedforwardController
from .controllers import LSTMController as LSTMController
from .dnc import DNC as DNC
from .lstm import DeepLSTM as DeepLSTM
from .module import Machine as Machine
from .module import evaluation_mode as evaluation_mode
from .ntm import NTM as NTM
from .session import Session as Session

__all__ = [
    "DNC",
    "NTM",
    "Controller",
    "DNCConfig",
    "DNCState",
    "DeepLSTM",
    "FeedforwardController",
    "LSTMConfig",
    "LSTMController",
    "LSTMState",
    "Machine",
    "MachineConfig",
    "NTMConfig",
    "NTMState",
    "Session",
    "SparseDNCState",
    "SparseNTMState",
    "evaluation_mode",
]
