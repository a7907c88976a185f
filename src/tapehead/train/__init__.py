"""Training and evaluation: configs, presets, the loop, curricula, checkpoints.

>>> from tapehead import train
>>> report = train.train(train.preset("ntm-copy"), "runs/mine")  # doctest: +SKIP
"""

from .checkpoint import load_batch as load_batch
from .config import CurriculumConfig as CurriculumConfig
from .config import DNCConfig as DNCConfig
from .config import LSTMConfig as LSTMConfig
from .config import NTMConfig as NTMConfig
from .config import OptimizerConfig as OptimizerConfig
from .config import TrainConfig as TrainConfig
from .config import load_config as load_config
from .curriculum import Curriculum as Curriculum
from .errors import CheckpointError as CheckpointError
from .errors import ConfigError as ConfigError
from .errors import NonFiniteError as NonFiniteError
from .errors import TrainingError as TrainingError
from .evaluate import EvalResult as EvalResult
from .evaluate import evaluate as evaluate
from .loop import Interrupted as Interrupted
from .loop import Report as Report
from .loop import resume as resume
from .loop import train as train
from .presets import PRESETS as PRESETS
from .presets import preset as preset
from .rmsprop_graves import RMSpropGraves as RMSpropGraves

__all__ = [
    "PRESETS",
    "CheckpointError",
    "ConfigError",
    "Curriculum",
    "CurriculumConfig",
    "DNCConfig",
    "EvalResult",
    "Interrupted",
    "LSTMConfig",
    "NTMConfig",
    "NonFiniteError",
    "OptimizerConfig",
    "RMSpropGraves",
    "Report",
    "TrainConfig",
    "TrainingError",
    "evaluate",
    "load_batch",
    "load_config",
    "preset",
    "resume",
    "train",
]
