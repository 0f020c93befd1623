"""How a server ends: it takes nothing new, lets what is being answered come to its end, then closes.

Pages and MCP clients hold connections on which nothing may come any more. Those do not keep it waiting, but
stay until the answers are there: a page whose connection is lost is told no more.
"""

import asyncio
import logging
import time
from contextlib import suppress

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.paths import is_held_open
from ui.problems import problem_response

log = logging.getLogger(__name__)


class Ending:
    """Knows what is under way, and ends it when it has to."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.begun = False
        # Each request's limit, infinite until then; and whether somebody waits for the reply's end.
        self.under_way: dict[asyncio.Timeout, bool] = {}

    async def begin(self) -> None:
        """End everything as soon as nobody waits for an end any more, or when the time is over."""
        self.begun = True
        log.info("the server ends", extra={"under_way": self._waited_for})
        until = time.monotonic() + self._seconds
        while self._waited_for and time.monotonic() < until:
            await asyncio.sleep(0.05)
        if cut := self._waited_for:
            log.warning("cut what took longer than `shutdown_seconds`", extra={"requests": cut})
        for limit in self.under_way:
            limit.reschedule(0)

    @property
    def _waited_for(self) -> int:
        return sum(self.under_way.values())


class Ended:
    """ASGI middleware: a request is under way in here, and may be ended."""

    def __init__(self, app: ASGIApp, *, ending: Ending) -> None:
        self._app = app
        self._ending = ending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        begun = complete = False

        async def noted(message: Message) -> None:
            nonlocal begun, complete
            begun = True
            complete = message["type"] == "http.response.body" and not message.get("more_body")
            await send(message)

        try:
            async with asyncio.timeout(None) as limit:
                self._ending.under_way[limit] = not is_held_open(scope["method"], scope["path"])
                try:
                    await self._app(scope, receive, noted)
                finally:
                    del self._ending.under_way[limit]
        except TimeoutError:
            if not limit.expired():
                raise
        if complete or not self._ending.begun:
            return None
        if begun:
            # A reply whose length was announced cannot be ended early.
            with suppress(RuntimeError):
                await send({"type": "http.response.body", "body": b""})
            return None
        error = HTTPException(503, "The server is about to end: send it once more.", {"retry-after": "5"})
        response = await problem_response(Request(scope), error)
        return await response(scope, receive, send)
