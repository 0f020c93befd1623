"""How much one caller may ask for: requests a minute, and requests at once.

A caller is a token; where none is needed it is an address (of IPv6 a whole network, since a household has
that many). Programs on this machine may ask a hundred times as much: they share one address, and whoever
runs them is also who would suffer. Each process counts for itself: of three replicas, a caller may ask up
to three times as much.
"""

import ipaddress
import time
from collections import Counter
from math import ceil

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.config import Settings
from ui.paths import is_work
from ui.problems import problem_response

LOOPBACK_FACTOR = 100
FAILURES_PER_MINUTE = 10


class Limits:
    """ASGI middleware, behind the one that knows the caller's token: refuses with 429 what is too much."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._a_minute = settings.requests_per_minute
        self._at_once = settings.requests_at_once
        self._running: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_work(scope["path"]):
            return await self._app(scope, receive, send)
        caller, factor = _caller(scope)
        try:
            self._check(caller, factor)
        except HTTPException as error:
            response = await problem_response(Request(scope, receive), error)
            return await response(scope, receive, send)
        self._running[caller] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._running[caller] -= 1
            if not self._running[caller]:
                del self._running[caller]

    def _check(self, caller: str, factor: int) -> None:
        if self._at_once and self._running[caller] >= self._at_once * factor:
            raise too_much(
                f"{self._running[caller]} requests are being answered: wait for one of them to end.", 1
            )
        if not self._a_minute:
            return
        most = RateLimitItemPerMinute(self._a_minute * factor)
        if not self._limiter.hit(most, caller):
            wait = _seconds_left(self._limiter, most, caller)
            raise too_much(f"More than {most.amount:,} requests in a minute: wait {wait} seconds.", wait)


class Failures:
    """Wrong tokens from one address, so that nobody tries many.

    Only wrong ones are refused: a right token still counts, or one caller could shut out all that come
    through the same proxy.
    """

    def __init__(self) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._most = RateLimitItemPerMinute(FAILURES_PER_MINUTE)

    def note(self, scope: Scope) -> None:
        """Count one more. Raises HTTPException (429) when it is one too many."""
        network = network_of(scope)
        if not self._limiter.hit(self._most, network):
            wait = _seconds_left(self._limiter, self._most, network)
            raise too_much(f"Too many wrong tokens came from here: wait {wait} seconds.", wait)


def too_much(detail: str, seconds: int) -> HTTPException:
    """The refusal, with the time after which it is worth trying again."""
    return HTTPException(429, detail, {"retry-after": str(seconds)})


def network_of(scope: Scope) -> str:
    """Where a request comes from; empty when the server does not know."""
    address = (scope.get("client") or ("", 0))[0]
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False)) if parsed.version == 6 else address


def _caller(scope: Scope) -> tuple[str, int]:
    """A name for the caller, and how many times as much it may ask for."""
    if token := scope["state"]["token"]:
        return f"token {token.name}", 1
    network = network_of(scope)
    here = network.startswith("127.") or network in ("::/64", "")
    return f"address {network}", LOOPBACK_FACTOR if here else 1


def _seconds_left(limiter: FixedWindowRateLimiter, most: RateLimitItem, caller: str) -> int:
    return max(1, ceil(limiter.get_window_stats(most, caller).reset_time - time.time()))
