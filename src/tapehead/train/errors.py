"""Errors of training that the caller can mend."""

from ..errors import TapeheadError


class TrainingError(TapeheadError):
    """The run cannot start or continue; the message says why and what to do."""


class ConfigError(TrainingError, ValueError):
    """A config that describes no run: an unknown field, or a value that is out of range."""


class CheckpointError(TrainingError, ValueError):
    """A run folder that cannot be resumed: missing, damaged, or of another run."""


class NonFiniteError(TrainingError, ArithmeticError):
    """A loss or gradient that is not finite; the batch is saved beside the run."""
