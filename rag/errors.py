"""What can go wrong between a question and its answer, apart from the index's own errors."""

from index.errors import UserFixableError


class SettingsError(UserFixableError):
    """A setting is unknown, malformed or out of bounds."""


class QuestionError(UserFixableError):
    """The question is empty, too long, or its filters make no sense."""


class ModelError(UserFixableError):
    """The language model failed; an outage is never shown as an abstention."""


class ModelUnreachableError(ModelError):
    """Nothing answers at the model's address, or it answers too late."""


class ModelRefusedError(ModelError):
    """The model's server refused the request: key, model name, rate, or size."""


class ModelReplyError(ModelError):
    """The stream broke half-way or its content cannot be read."""


class ContextTooLongError(ModelRefusedError):
    """The request is longer than the model can read; a shorter one may pass."""


class HistoryError(UserFixableError):
    """What was kept of conversations cannot be read or written now."""


class NotKeptError(UserFixableError):
    """No conversation or answer of this id is kept, or it is somebody else's."""


class TooLargeToKeepError(UserFixableError):
    """An answer is larger than what is kept of one."""


class KeyReusedError(UserFixableError):
    """An idempotency key came before, with another request."""


class StillAnsweringError(UserFixableError):
    """A request with the same idempotency key is being answered."""
