"""What can go wrong with an evaluation and its user can put right."""

from index.errors import UserFixableError


class DatasetError(UserFixableError):
    """A suite cannot be read, or does not fit the archive."""


class RunError(UserFixableError):
    """A recorded run cannot be read, or two of them cannot be compared."""


class JudgedSystemError(UserFixableError):
    """The system that is judged does not answer."""
