"""Each request as it is seen from outside: an id, a line in the log, a count, the time it took.

The id is the caller's own `X-Request-ID` if that is harmless, so that one id can be followed through
several programs; it is sent back, and stands in every line of the log and in problems. The line names the
address by its route, as in `/v1/articles/{id}`: neither an article nor a question can be read from it.
"""

import logging
import re
import time
import uuid
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.log import name_request
from rag.outcomes import milliseconds_since
from rag.trace import note
from ui.access import OPEN
from ui.metrics import request_began, request_ended
from ui.streaming import CLIENT_CLOSED

log = logging.getLogger(__name__)
HEADER = "x-request-id"
_HARMLESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
_METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
# What is asked for every few seconds by programs that watch, and has nothing to tell.
_WATCHERS = (*OPEN, "/metrics")


class Observed:
    """ASGI middleware, the first to see a request and the last to see its reply.

    `plain` are addresses that are told as they are, since they hold nothing of the caller's.
    """

    def __init__(self, app: ASGIApp, *, plain: Collection[str]) -> None:
        self._app = app
        self._plain = frozenset(plain)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        given = Headers(scope=scope).get(HEADER, "")
        name = given if _HARMLESS.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = name
        status = 0

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = name
            await send(message)

        started = time.perf_counter()
        # Not taken back: what the server itself says of this request, after it, carries the id too.
        name_request(name)
        note("dateline.request_id", name)
        request_began()
        try:
            await self._app(scope, receive, named)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            route, status = self._route(scope), status or CLIENT_CLOSED
            request_ended(method, route, status, time.perf_counter() - started)
            _log(scope, method, route, status, started)
        return None

    def _route(self, scope: Scope) -> str:
        """The pattern that the address fits; of one that leads nowhere, or was not let through, none."""
        if found := getattr(scope.get("route"), "path", ""):
            return f"{scope.get('root_path', '')}{found}"
        return scope["path"] if scope["path"] in self._plain else "none"


def _log(scope: Scope, method: str, route: str, status: int, started: float) -> None:
    token = scope["state"].get("token")
    level = logging.WARNING if status >= 500 else logging.INFO
    if status < 400 and scope["path"] in _WATCHERS:
        level = logging.DEBUG
    log.log(
        level,
        "request",
        extra={
            "method": method,
            "route": route,
            "status": status,
            "milliseconds": milliseconds_since(started),
            "token": token.name if token else None,
        },
    )
