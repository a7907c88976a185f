"""The root of all errors that tapehead raises on purpose.

The message of each is one sentence that names the value and the mend. The command line prints it without a
traceback and exits with code 2.
"""


class TapeheadError(Exception):
    """Something that the caller can mend. Every subclass also derives from the built-in error it refines."""


class InputError(TapeheadError, ValueError):
    """A value, a name or a file that cannot be used as it was given."""


class UnsupportedError(TapeheadError, NotImplementedError):
    """Something that tapehead does not do; the message names what to use instead."""
