"""Errors that the person at the keyboard can fix; every entry point prints them as one line."""


class UserFixableError(Exception):
    """Says what failed, why, and what to do next. Bugs are not of this class."""


class UnreadableInputError(UserFixableError):
    """A file, line or article that cannot be taken in."""


class ArchiveError(UserFixableError):
    """The archive cannot be opened or does not fit the request."""


class ArticleNotFoundError(ArchiveError):
    """No article has this id."""


class ArchiveUnavailableError(UserFixableError):
    """The archive's store cannot be reached now; the same request may work later."""


class EmbedderError(UserFixableError):
    """The embedding model cannot be loaded."""
