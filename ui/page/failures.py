"""How the page tells of a failure: what failed in the page's language, then the words of what found it."""

from index.errors import UserFixableError
from ui.render import error_to_html
from ui.words import Words


def head_of(error: UserFixableError, words: Words) -> str:
    """What failed, by the kind of error."""
    kinds = (kind.__name__ for kind in type(error).__mro__)
    return next(words(key) for kind in kinds if (key := f"errors.{kind}") in words.texts)


def failure_html(error: UserFixableError, words: Words) -> str:
    """The failure as it is shown."""
    return error_to_html(str(error), head_of(error, words))
