"""What can go wrong in training for reasons that the caller can mend: one clear sentence each."""

from ..errors import TapeheadError


class TrainingError(TapeheadError):
    """The run cannot start or go on; the message says why and what to do."""


class ConfigError(TrainingError, ValueError):
    """A config that describes no run: an unknown field, a size that makes no machine."""


class CheckpointError(TrainingError, ValueError):
    """A run folder that cannot be resumed: missing, damaged, or of another run."""


class NonFiniteError(TrainingError, ArithmeticError):
    """A loss or gradient that is not finite; the batch is saved beside the run."""
