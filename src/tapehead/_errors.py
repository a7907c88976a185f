"""The root of all errors that a person can mend."""


class UserError(Exception):
    """Something that a person can mend; the message is one clear sentence that says how.

    The command line prints it without a traceback and exits with code 2.
    """
