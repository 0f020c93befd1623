"""An answer over HTTP: as server-sent events, or whole; stopped when the client leaves."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT

from rag.types import Answer, AnswerDone, Event

# A comment is sent when the model is silent for so long, or proxies close the connection.
KEEP_ALIVE_SECONDS = 10.0
# nginx' number for a client that left; nobody reads the reply.
CLIENT_CLOSED = 499

Encode = Callable[[Event], bytes]
EncodeError = Callable[[Exception], bytes]


async def streamed(
    events: AsyncGenerator[Event, None], encode: Encode, encode_error: EncodeError, end: bytes = b""
) -> StreamingResponse:
    """A response that sends each event as it is made, then `end`; raises what the first one raises.

    An event that encodes to nothing is not sent.
    """
    # The first event is awaited here, so that an error before it has its own status.
    first = await anext(events)
    return StreamingResponse(
        _parts(first, events, encode, encode_error, end),
        media_type="text/event-stream",
        # The second header tells nginx to pass each event on at once.
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def whole(request: Request, events: AsyncGenerator[Event, None]) -> Answer | None:
    """The answer; None when the client left before it was there."""
    return await _unless_left(request, _answer_of(events))


async def _answer_of(events: AsyncGenerator[Event, None]) -> Answer:
    async with aclosing(events):
        async for event in events:
            if isinstance(event, AnswerDone):
                return event.answer
    raise AssertionError("a stream ends with an answer or an error")


async def _unless_left(request: Request, work: Coroutine[Any, Any, Answer]) -> Answer | None:
    """The work's result; when the client leaves first, the work is stopped and there is none."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait([working, leaving], return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _parts(
    first: Event,
    events: AsyncGenerator[Event, None],
    encode: Encode,
    encode_error: EncodeError,
    end: bytes,
) -> AsyncGenerator[bytes, None]:
    # The events are made in a task of their own: when the client leaves, the server cancels this
    # function over and over, and what has to be closed in there could not be awaited.
    ready: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=1)
    making = asyncio.create_task(_make(first, events, encode, encode_error, end, ready))
    try:
        while True:
            try:
                part = await asyncio.wait_for(ready.get(), KEEP_ALIVE_SECONDS)
            except TimeoutError:
                part = KEEPALIVE_COMMENT
            if part is None:
                return
            yield part
    finally:
        making.cancel()


async def _make(
    first: Event,
    events: AsyncGenerator[Event, None],
    encode: Encode,
    encode_error: EncodeError,
    end: bytes,
    ready: "asyncio.Queue[bytes | None]",
) -> None:
    async def put(part: bytes) -> None:
        if part:
            await ready.put(part)

    async with aclosing(events):
        try:
            await put(encode(first))
            async for event in events:
                await put(encode(event))
            await put(end)
        except Exception as error:
            await put(encode_error(error))
    await ready.put(None)
