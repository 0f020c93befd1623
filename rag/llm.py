"""Talks to a language model behind any OpenAI-compatible URL; the only file that knows `openai`."""

import asyncio
import copy
import re
import weakref
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import urlsplit, urlunsplit

from rag.config import Settings
from rag.errors import (
    ContextTooLongError,
    ModelError,
    ModelRefusedError,
    ModelReplyError,
    ModelUnreachableError,
)
from rag.types import Tokens

if TYPE_CHECKING:
    from openai import AsyncOpenAI, AsyncStream
    from openai.types.chat import ChatCompletionChunk

OPENAI_URL = "https://api.openai.com/v1"
# A server that is there accepts a connection quickly, however slowly its model then writes.
CONNECT_SECONDS = 10.0
SHOWN_REASON = 200
_TOO_LONG = re.compile(
    r"context[_ ](?:length|size|window)|maximum context|too many tokens|(?:prompt|input) is too long"
    r"|reduce the length",
    re.IGNORECASE,
)
_THOUGHTS = re.compile(r"\A.*</think>|<think>.*\Z", re.DOTALL)


class Message(TypedDict):
    """One message of a request: role is `system`, `user` or `assistant`."""

    role: str
    content: str


class LLM:
    """One model on one server.

    `timeout` is the time without a byte from the server, for each try. Connection errors, 429 and
    5xx are retried with growing pauses (or the server's own Retry-After), and only before the first
    token: what was shown is never written twice.
    """

    def __init__(self, *, model: str, base_url: str, api_key: str, timeout: float, retries: int) -> None:
        self.model = model
        self._url = base_url or OPENAI_URL
        self._key = api_key
        self._timeout = timeout
        self._retries = retries
        # Open connections belong to one event loop; a command may run several, one after the other.
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncOpenAI] = (
            weakref.WeakKeyDictionary()
        )
        self.tokens: Tokens | None = None

    def counting(self) -> "LLM":
        """The same model and connections, with `tokens` of its own: what is spent from here on."""
        counted = copy.copy(self)
        counted.tokens = None
        return counted

    @property
    def identity(self) -> str:
        """The model and its server."""
        return f"{self.model} at {self._shown_url}"

    @classmethod
    def of(cls, settings: Settings) -> "LLM":
        """The model that the settings name."""
        return cls(
            model=settings.llm_model,
            base_url=settings.llm_base_url,
            api_key=settings.llm_api_key.get_secret_value(),
            timeout=settings.llm_timeout,
            retries=settings.llm_retries,
        )

    async def stream(self, messages: Sequence[Message]) -> AsyncGenerator[str, None]:
        """The reply as it is written, piece by piece. Raises ModelError.

        Closing the iterator, or cancelling the task that reads it, ends the request at the server.
        """
        started = False
        with self._errors():
            stream: AsyncStream[ChatCompletionChunk] = await self._create(
                messages, {"stream": True}, {"stream_options": {"include_usage": True}}
            )
        try:
            end, spent = "", None
            chunks = aiter(stream)
            while True:
                with self._errors(in_stream=True, started=started):
                    try:
                        chunk = await anext(chunks)
                    except StopAsyncIteration:
                        break
                    text, finish = _delta(chunk)
                spent = getattr(chunk, "usage", None) or spent
                end = finish or end
                if text:
                    started = True
                    yield text
        finally:
            await stream.close()
        self._count(spent)
        self._check_end(end)

    async def complete(
        self, messages: Sequence[Message], schema: Mapping[str, object] | None = None
    ) -> str:
        """The whole reply at once, without what the model thought aloud. Raises ModelError.

        With a JSON schema the server is asked to hold the model to it; one that cannot is not.
        """
        text, _ = await self.complete_with_extras(messages, schema)
        return text

    async def complete_with_extras(
        self, messages: Sequence[Message], schema: Mapping[str, object] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """What `complete` returns, and what the server adds of its own to OpenAI's reply."""
        with self._errors():
            reply = await self._create(messages, {}, _response_format(schema) if schema else {})
            self._count(getattr(reply, "usage", None))
            choice = reply.choices[0]
            text, end = choice.message.content, choice.finish_reason
            if not isinstance(text, str):
                raise TypeError("no text")
        self._check_end(end)
        return _THOUGHTS.sub("", text), dict(reply.model_extra or {})

    async def _create(
        self, messages: Sequence[Message], asked: Mapping[str, Any], wished: Mapping[str, Any]
    ) -> Any:
        """A completion; what is only wished for is left out for a server that does not know it."""
        import openai

        create: Any = self._client().chat.completions.create
        asked = {"model": self.model, "messages": _openai(messages), **asked}
        try:
            return await create(**asked, **wished)
        except openai.BadRequestError as error:
            if not any(name in str(error).lower() for name in wished):
                raise
            return await create(**asked)

    def _count(self, usage: Any) -> None:
        spent = (getattr(usage, "prompt_tokens", None), getattr(usage, "completion_tokens", None))
        if isinstance(spent[0], int) and isinstance(spent[1], int):
            before = self.tokens or Tokens(0, 0)
            self.tokens = Tokens(before.prompt + spent[0], before.completion + spent[1])

    async def models(self) -> list[str]:
        """Names of the models that the server offers. Raises ModelError."""
        with self._errors():
            return sorted([str(model.id) async for model in self._client().models.list()])

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()

    def _client(self) -> "AsyncOpenAI":
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            # Half a second to import: not before the first question.
            from openai import AsyncOpenAI, Timeout

            client = AsyncOpenAI(
                # Local servers ask for no key, but the client insists on one.
                api_key=self._key or "none",
                base_url=self._url,
                timeout=Timeout(self._timeout, connect=min(self._timeout, CONNECT_SECONDS)),
                max_retries=self._retries,
            )
            # The client reads these from the environment; only `rag.config` may.
            client.organization = client.project = None
            self._clients[loop] = client
        return client

    @contextmanager
    def _errors(self, *, in_stream: bool = False, started: bool = False) -> Iterator[None]:
        """Turn whatever the client raises into one line that says what to do."""
        import openai

        try:
            yield
        except openai.APITimeoutError as error:
            raise ModelUnreachableError(
                f"the model's server {self._shown_url!r} sent nothing for {self._timeout:g} seconds: "
                "try again, or raise the setting `llm_timeout`."
            ) from error
        except openai.APIConnectionError as error:
            if in_stream:
                raise self._broken("the connection was lost half-way") from error
            raise ModelUnreachableError(
                f"nothing answers at the model's address {self._shown_url!r}: start the server, or "
                "correct the setting `llm_base_url`."
            ) from error
        except openai.APIStatusError as error:
            raise self._from_status(error) from error
        except openai.APIError as error:
            reason = self._reason(error)
            if _TOO_LONG.search(f"{error.code} {reason}"):
                raise self._too_long(reason) from error
            raise self._broken(f"it reported an error: {reason}") from error
        except (openai.OpenAIError, ValueError, TypeError, AttributeError, LookupError) as error:
            # The reply is no JSON, or not of the agreed shape.
            raise self._broken("the reply cannot be read") from error

    def _from_status(self, error: Any) -> ModelError:
        status, reason = int(error.status_code), self._reason(error)
        said = f"the model's server {self._shown_url!r} answered {status}"
        if status in (400, 413, 422) and _TOO_LONG.search(f"{error.code} {error.type} {reason}"):
            return self._too_long(reason)
        if status >= 500:
            return ModelUnreachableError(f"{said} ({reason}): it is down or overloaded, try again later.")
        advice = {
            401: "check the setting `llm_api_key` (see `dateline config`).",
            403: "the key may not use this model; check `llm_api_key` and `llm_model` "
            "(see `dateline config`).",
            404: f"check that the model {self.model!r} exists there (`dateline models`) "
            "and that `llm_base_url` is complete (it often ends in /v1).",
            429: "too many requests or no credit left; wait, or check the account.",
        }.get(status, f"check `llm_model` ({self.model!r}) and `llm_base_url` (see `dateline config`).")
        return ModelRefusedError(f"{said} ({reason}): {advice}")

    def _check_end(self, reason: str) -> None:
        if reason == "length":
            raise self._broken("the reply was cut off at the model's limit of tokens")
        if reason == "content_filter":
            raise ModelRefusedError(
                f"the model {self.model!r} was stopped by its server's content filter: "
                "ask differently, or choose another model."
            )
        if not reason:
            # A reply says why it ended; one that just stops was cut, and must not look whole.
            raise self._broken("the reply stopped before its end")

    def _broken(self, reason: str) -> ModelReplyError:
        return ModelReplyError(
            f"the reply of the model {self.model!r} is not complete: {reason}. Ask again."
        )

    def _too_long(self, reason: str) -> ContextTooLongError:
        return ContextTooLongError(
            f"the request is too long for the model {self.model!r} ({reason}): "
            "lower the setting `llm_context_tokens`."
        )

    def _reason(self, error: Any) -> str:
        """The server's own words in one short line, without the key it may repeat."""
        body = error.body
        said = body.get("message") if isinstance(body, dict) else None
        text = " ".join(str(said or error.message).split())
        if self._key:
            text = text.replace(self._key, "***")
        # Servers also repeat keys in part.
        text = re.sub(r"\b(?:sk|key|Bearer)[-_ ][\w*.-]{6,}", "***", text)
        return text[:SHOWN_REASON].rstrip(".")

    @property
    def _shown_url(self) -> str:
        """The address without a user name and password."""
        parts = urlsplit(self._url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _response_format(schema: Mapping[str, object]) -> Any:
    shape = {"name": "reply", "schema": schema}
    return {"response_format": {"type": "json_schema", "json_schema": shape}}


def _openai(messages: Sequence[Message]) -> Any:
    return [dict(message) for message in messages]


def _delta(chunk: Any) -> tuple[str, str]:
    """Text and reason to end of one chunk; the last chunk of some servers has no choice."""
    if not chunk.choices:
        if chunk.choices is None:
            raise TypeError("no choices")
        return "", ""
    choice = chunk.choices[0]
    text = choice.delta.content if choice.delta is not None else ""
    if text is not None and not isinstance(text, str):
        raise TypeError("text is not a string")
    return text or "", str(choice.finish_reason or "")
