"""Whose conversations a request is about: those of its token, else of its browser.

Without access control a browser is told from another by a random name in a cookie that scripts
cannot read. What is kept is a hash of it, so that a copy of the archive opens nobody's conversations.
"""

import hashlib
import re
import secrets
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "dateline-browser"
_YEAR = 365 * 24 * 3600
_NAME = re.compile(r"[A-Za-z0-9_-]{32,64}")
_STATE = "dateline_new_browser"
_NOT_THE_PAGE = ("/v1/", "/docs", "/mcp")


def owner_of(scope: Scope) -> str:
    """The owner of what the request keeps; a browser without a name is given one with the reply."""
    return known_owner(scope) or _browser(_named(scope))


def known_owner(scope: Scope) -> str:
    """The owner, when the request says who it is; else empty."""
    state = scope.get("state") or {}
    if token := state.get("token"):
        return f"token:{token.name}"
    name = _cookie(scope) or state.get(_STATE, "")
    return _browser(name) if name else ""


class Owners:
    """Gives a browser its name: with the page, and with the reply to what asked for its owner."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        scope.setdefault("state", {})
        path = scope["path"]

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if _is_page(path, headers) and not known_owner(scope):
                    _named(scope)
                if name := scope["state"].get(_STATE):
                    headers.append("set-cookie", _set_cookie(name, secure=scope["scheme"] == "https"))
            await send(message)

        return await self._app(scope, receive, named)


def _is_page(path: str, headers: MutableHeaders) -> bool:
    is_html = headers.get("content-type", "").startswith("text/html")
    return is_html and not path.startswith(_NOT_THE_PAGE)


def _named(scope: Scope) -> str:
    name: str = scope.setdefault("state", {}).setdefault(_STATE, secrets.token_urlsafe(24))
    return name


def _cookie(scope: Scope) -> str:
    """The browser's name; empty when it sends none, or one that was not given to it here."""
    try:
        morsel = SimpleCookie(Headers(scope=scope).get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel and _NAME.fullmatch(morsel.value) else ""


def _browser(name: str) -> str:
    return f"browser:{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def _set_cookie(name: str, *, secure: bool) -> str:
    cookie = f"{COOKIE}={name}; Path=/; Max-Age={_YEAR}; HttpOnly; SameSite=Lax"
    return f"{cookie}; Secure" if secure else cookie
