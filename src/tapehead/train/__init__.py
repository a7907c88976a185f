"""Training and evaluation: configs, presets, the loop, curricula, checkpoints.

>>> from tapehead import train
>>> report = train.train(train.preset("ntm-copy"), "runs/mine")  # doctest: +SKIP
"""

from .checkpoint import load_batch as load_batch
from .config import CurriculumConfig as CurriculumConfig
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
from .models import dnc as dnc
from .models import lstm as lstm
from .models import ntm as ntm
from .presets import PRESETS as PRESETS
from .presets import preset as preset
from .rmsprop_graves import RMSpropGraves as RMSpropGraves

__all__ = [
    "PRESETS",
    "CheckpointError",
    "ConfigError",
    "Curriculum",
    "CurriculumConfig",
    "EvalResult",
    "Interrupted",
    "NonFiniteError",
    "OptimizerConfig",
    "RMSpropGraves",
    "Report",
    "TrainConfig",
    "TrainingError",
    "dnc",
    "evaluate",
    "load_batch",
    "load_config",
    "lstm",
    "ntm",
    "preset",
    "resume",
    "train",
]
