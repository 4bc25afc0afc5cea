"""One exception for everything a user can put right."""


class Error(Exception):
    """A mistake in what the user gave, with what to do next as its message.

    The command line prints the message without a traceback and exits with 2; Python callers catch `i2sbkit.Error`.
    """


class NotLinear(Error):
    """A corruption has no linear operator (`Corruption.operator`)."""


class NotSimulated(Error):
    """A corruption's damage comes with the data and cannot be made (`Corruption.corrupt`)."""
