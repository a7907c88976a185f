"""Runs a machine over a whole sequence, on the reference loop, in C++ or in Triton."""

from .decoding import Choice as Choice
from .decoding import Decoded as Decoded
from .decoding import Field as Field
from .dispatch import BACKEND_VARIABLE as BACKEND_VARIABLE
from .dispatch import BACKENDS as BACKENDS
from .dispatch import again as again
from .dispatch import check_backend as check_backend
from .dispatch import decode as decode
from .dispatch import resident as resident
from .dispatch import run as run
from .dispatch import run_features as run_features
from .graphs import Outcome as Outcome
from .graphs import Update as Update
from .graphs import graphed as graphed
from .native.build import EngineError as EngineError
from .native.resident import Resident as Resident
from .spec import KernelSpec as KernelSpec
from .spec import Runnable as Runnable
from .spec import Unsupported as Unsupported

__all__ = [
    "BACKENDS",
    "BACKEND_VARIABLE",
    "Choice",
    "Decoded",
    "EngineError",
    "Field",
    "KernelSpec",
    "Outcome",
    "Resident",
    "Runnable",
    "Unsupported",
    "Update",
    "again",
    "check_backend",
    "decode",
    "graphed",
    "resident",
    "run",
    "run_features",
]
