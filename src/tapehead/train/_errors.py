"""What can go wrong in training for reasons that a person can mend: one clear sentence each."""

from .._errors import UserError


class TrainingError(UserError):
    """The run cannot start or go on; the message says why and what to do."""


class ConfigError(TrainingError):
    """A config that describes no run: an unknown field, a size that makes no machine."""


class CheckpointError(TrainingError):
    """A run folder that cannot be resumed: missing, damaged, or of another run."""


class NonFiniteError(TrainingError):
    """A loss or gradient that is not finite; the batch is saved beside the run."""
