"""`Idempotency-Key` on POST: a request that is sent once more gets the reply it got before.

After the IETF's draft (draft-ietf-httpapi-idempotency-key-header): the same key with another request
is refused (422), and so is one whose request is still being answered (409). A failure of the server
is not kept: the same request may then be tried again.
"""

import asyncio
import hashlib
import re
from collections.abc import Callable

from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from index.errors import UserFixableError
from rag.replies import LARGEST, Replies, Reply
from ui.owner import known_owner

HEADER = "idempotency-key"
REPLAYED = "idempotency-replayed"
# An endpoint notes here which conversation its reply tells of: deleted with it, it is told no more.
CONVERSATION = "dateline_conversation"
# The draft's form is a quoted string; many clients send it bare.
_KEY = re.compile(r'"([\x20-\x7e]{1,255})"|([\x21\x23-\x7e]{1,255})')
_SENT_AGAIN = ("content-type", "cache-control", "x-accel-buffering")
# Another try may end in another way.
_NOT_KEPT = {401, 403, 408, 409, 413, 429, 499}


class IdempotencyKeyError(UserFixableError):
    """The header's value cannot be one."""


class Idempotency:
    """Answers a repeated request of `/v1` from what is kept, and keeps what is answered."""

    def __init__(self, app: ASGIApp, replies: Callable[[], Replies]) -> None:
        self._app = app
        self._replies = replies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_meant(scope):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        key = _key(headers[HEADER])
        body = await _body(receive)
        if body is None:
            return  # the client left
        owner = known_owner(scope)
        replies = await run_in_threadpool(self._replies)
        before = await run_in_threadpool(replies.claim, owner, key, _fingerprint(scope, headers, body))
        if before is not None:
            await _send_again(before, send)
        else:
            await self._answer(replies, owner, key, scope, _sent_once(body, receive), send)

    async def _answer(
        self, replies: Replies, owner: str, key: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        status = 0
        kept: tuple[tuple[str, str], ...] = ()
        parts: list[bytes] = []
        settled = False

        async def noted(message: Message) -> None:
            nonlocal status, kept, settled
            if message["type"] == "http.response.start":
                status = message["status"]
                sent = Headers(raw=message["headers"])
                kept = tuple((name, sent[name]) for name in _SENT_AGAIN if name in sent)
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))
                if not message.get("more_body"):
                    reply = Reply(status, kept, b"".join(parts))
                    # Before the end is sent: who has read all of it finds it kept, or may try again.
                    if _is_worth_keeping(reply):
                        about = scope.get("state", {}).get(CONVERSATION, "")
                        await run_in_threadpool(replies.keep, owner, key, reply, about)
                    else:
                        await run_in_threadpool(replies.release, owner, key)
                    settled = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            if not settled:
                # Not awaited: when the client has left, this task is cancelled.
                asyncio.get_running_loop().run_in_executor(None, replies.release, owner, key)


def _is_meant(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith("/v1/"):
        return False
    return HEADER in Headers(scope=scope)


def _key(value: str) -> str:
    found = _KEY.fullmatch(value.strip())
    if found is None:
        raise IdempotencyKeyError(
            "Idempotency-Key: must be 1 to 255 visible ASCII characters, such as a UUID."
        )
    return found[1] or found[2]


def _fingerprint(scope: Scope, headers: Headers, body: bytes) -> str:
    asked = hashlib.sha256(body)
    for part in (scope.get("raw_path") or scope["path"].encode(), scope["query_string"]):
        asked.update(b"\0" + part)
    asked.update(b"\0" + headers.get("content-type", "").encode())
    return asked.hexdigest()


def _is_worth_keeping(reply: Reply) -> bool:
    if not 200 <= reply.status < 500 or reply.status in _NOT_KEPT or len(reply.body) > LARGEST:
        return False
    if dict(reply.headers).get("content-type", "").startswith("text/event-stream"):
        # A stream that failed ends otherwise.
        last = reply.body.strip().rsplit(b"\n\n", 1)[-1]
        return last.startswith(b"event: answer\n") or last == b"data: [DONE]"
    return True


async def _body(receive: Receive) -> bytes | None:
    """All of the body; None when the client left while it was sent. Its size is limited elsewhere."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _sent_once(body: bytes, receive: Receive) -> Receive:
    """The body in one message, then what the client does next."""
    sent = False

    async def received() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return received


async def _send_again(reply: Reply, send: Send) -> None:
    headers = [(name.encode(), value.encode()) for name, value in (*reply.headers, (REPLAYED, "true"))]
    headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
