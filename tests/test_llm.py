"""The model's client against a scriptable server over real HTTP."""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from openai_server import OpenAIServer, Reply

from rag.errors import (
    ContextTooLongError,
    ModelError,
    ModelRefusedError,
    ModelReplyError,
    ModelUnreachableError,
)
from rag.llm import LLM, Message
from rag.types import Tokens

T = TypeVar("T")
KEY = "sk-secret-0123456789"
HELLO: list[Message] = [{"role": "user", "content": "hello"}]


def with_llm(
    url: str, use: Callable[[LLM], Awaitable[T]], *, timeout: float = 5.0, retries: int = 0, key: str = KEY
) -> T:
    async def run() -> T:
        llm = LLM(model="small", base_url=url, api_key=key, timeout=timeout, retries=retries)
        try:
            return await use(llm)
        finally:
            await llm.close()

    return asyncio.run(run())


async def read(llm: LLM) -> list[str]:
    return [text async for text in llm.stream(HELLO)]


async def read_until_error(llm: LLM) -> tuple[str, ModelError | None]:
    text = ""
    try:
        async for piece in llm.stream(HELLO):
            text += piece
    except ModelError as error:
        return text, error
    return text, None


def test_a_reply_is_streamed_in_pieces_and_read_whole() -> None:
    text = "Привет، سلام and hello"
    with OpenAIServer(text, text) as server:
        pieces = with_llm(server.base_url, read)
        assert "".join(pieces) == text
        assert len(pieces) > 2
        assert with_llm(server.base_url, lambda llm: llm.complete(HELLO)) == text
        assert server.requests[0].body["model"] == "small"
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_models_are_listed() -> None:
    with OpenAIServer(models=["b", "a"]) as server:
        assert with_llm(server.base_url, lambda llm: llm.models()) == ["a", "b"]


def test_a_local_server_needs_no_key() -> None:
    with OpenAIServer("ok") as server:
        assert with_llm(server.base_url, read, key="") == ["ok"]


def test_one_client_serves_several_event_loops() -> None:
    with OpenAIServer("one", "two") as server:
        llm = LLM(model="small", base_url=server.base_url, api_key="", timeout=5, retries=0)
        assert [asyncio.run(read(llm)), asyncio.run(read(llm))] == [["one"], ["two"]]


@pytest.mark.parametrize(
    ("status", "expected", "advice"),
    [
        (400, ModelRefusedError, "`dateline config`"),
        (401, ModelRefusedError, "`llm_api_key`"),
        (403, ModelRefusedError, "`llm_model`"),
        (404, ModelRefusedError, "`dateline models`"),
        (429, ModelRefusedError, "too many requests"),
        (500, ModelUnreachableError, "try again later"),
        (503, ModelUnreachableError, "try again later"),
    ],
)
def test_a_refusal_says_what_to_do(status: int, expected: type[ModelError], advice: str) -> None:
    with (
        OpenAIServer(Reply(status=status, message=f"no, not with {KEY}"), Reply(status=status)) as server,
        pytest.raises(expected) as caught,
    ):
        with_llm(server.base_url, read)
    assert type(caught.value) is expected
    message = str(caught.value)
    assert advice in message
    assert "\n" not in message
    assert KEY not in message


@pytest.mark.parametrize(
    "said",
    [
        Reply(status=400, code="context_length_exceeded", message="nope"),
        Reply(status=400, message="This model's maximum context length is 4096 tokens."),
        Reply(status=400, message="the request exceeds the available context size"),
        Reply(status=413, message="prompt is too long: 9000 tokens"),
        Reply("x", error_after=0, message="context length exceeded"),
    ],
)
def test_a_request_that_is_too_long_is_told_apart(said: Reply) -> None:
    with OpenAIServer(said) as server, pytest.raises(ContextTooLongError, match="llm_context_tokens"):
        with_llm(server.base_url, read)


def test_rate_limits_and_faults_are_retried_before_the_first_token() -> None:
    busy = Reply(status=429, headers={"Retry-After": "1"})
    with OpenAIServer(busy, Reply(status=502), "at last") as server:
        started = time.monotonic()
        assert "".join(with_llm(server.base_url, read, retries=2)) == "at last"
        assert time.monotonic() - started >= 1.0
        assert len(server.requests) == 3


def test_retries_come_to_an_end() -> None:
    with OpenAIServer(*[Reply(status=429, headers={"Retry-After": "0.05"})] * 3) as server:
        with pytest.raises(ModelRefusedError):
            with_llm(server.base_url, read, retries=2)
        assert len(server.requests) == 3


def test_nobody_there_is_said_with_the_address() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(ModelUnreachableError, match="`llm_base_url`") as caught:
        with_llm(f"http://user:pass-word@127.0.0.1:{port}/v1", read)
    assert "pass-word" not in str(caught.value)


@pytest.mark.parametrize("after", [0, 2])
def test_a_stall_is_an_outage(after: int) -> None:
    with OpenAIServer(Reply("one two three four", stall_after=after)) as server:
        text, error = with_llm(server.base_url, read_until_error, timeout=0.3)
        assert isinstance(error, ModelUnreachableError)
        assert "`llm_timeout`" in str(error)
        assert text == "one two three four"[: 7 * after]
        assert server.wait_for_disconnect()


@pytest.mark.parametrize(
    "reply",
    [
        Reply("one two three four", break_after=2),
        Reply("one two three four", malformed_after=2),
        Reply("one two three four", error_after=2, message="the GPU is on fire"),
    ],
)
def test_a_broken_stream_keeps_what_came_and_says_so(reply: Reply) -> None:
    with OpenAIServer(reply, "never asked for") as server:
        text, error = with_llm(server.base_url, read_until_error, retries=2)
        assert text == "one two three "
        assert isinstance(error, ModelReplyError)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply("cut", finish=None), ModelReplyError),
        (Reply("cut", finish="length"), ModelReplyError),
        (Reply("cut", finish="content_filter"), ModelRefusedError),
        (Reply(raw=b"<html>a captive portal</html>"), ModelReplyError),
        (Reply(raw=b'data: {"choices": 3}\n\n'), ModelReplyError),
        (Reply(raw=b'data: {"choices": [{"delta": {"content": 3}}]}\n\n'), ModelReplyError),
    ],
)
def test_a_reply_without_an_end_is_not_whole(reply: Reply, expected: type[ModelError]) -> None:
    with OpenAIServer(reply, reply) as server:
        with pytest.raises(expected):
            with_llm(server.base_url, read)
        with pytest.raises(expected):
            with_llm(server.base_url, lambda llm: llm.complete(HELLO))


@pytest.mark.parametrize("how", ["cancel", "close"])
def test_leaving_stops_the_request_at_the_server(how: str) -> None:
    async def leave(llm: LLM) -> None:
        if how == "close":
            async with contextlib.aclosing(llm.stream(HELLO)) as stream:
                async for _ in stream:
                    break
            return
        task = asyncio.create_task(read(llm))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # Still open: leaving must not wait for the client to be closed.
        assert await asyncio.to_thread(server.wait_for_disconnect)

    with OpenAIServer(Reply("word " * 50, stall_after=3)) as server:
        with_llm(server.base_url, leave)
        assert server.wait_for_disconnect()


def test_the_key_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), OpenAIServer(Reply(status=500), "fine") as server:
        with_llm(server.base_url, read, retries=1)
    assert caplog.records
    assert KEY not in caplog.text


def test_tokens_are_counted_for_each_answer_alone() -> None:
    replies = [Reply("One.", usage=(100, 7)), Reply("Two.", usage=(30, 2)), Reply("Three.")]

    async def spend(llm: LLM) -> list[Tokens | None]:
        first, second = llm.counting(), llm.counting()
        assert first.tokens is None
        await read(first)
        await first.complete(HELLO)
        await second.complete(HELLO)
        return [first.tokens, second.tokens, llm.tokens]

    with OpenAIServer(*replies) as server:
        # The third reply says nothing of tokens: unknown is not none.
        assert with_llm(server.base_url, spend) == [Tokens(130, 9), None, None]


def test_a_server_that_cannot_count_is_asked_without() -> None:
    refusal = Reply(status=400, message="Unrecognized request argument supplied: stream_options")
    with OpenAIServer(refusal, "Hello.") as server:
        assert "".join(with_llm(server.base_url, read)) == "Hello."
        assert ["stream_options" in request.body for request in server.requests] == [True, False]
