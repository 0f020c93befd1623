"""Who may do what: every request passes here before anything else looks at it.

On a loopback address nothing is asked of anybody but browsers: a page of another site must not use what
listens on its reader's machine, neither directly (`Origin`) nor by a name of its own that it points there
(`Host`). On any other address, or with the setting `require_tokens`, a request needs a token: in the header
`Authorization: Bearer`, or in the cookie that the sign-in page sets. Tokens of the scope `read` ask, search
and read; to add and to remove takes `write`.

`/healthz` and `/readyz` stay open, since whoever starts and stops servers has no token; they tell no more
than the number of articles.

What passed is in `scope["state"]["token"]`: a Token, or None where none is needed.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from index.errors import UserFixableError
from rag.config import Settings
from ui.limits import Failures
from ui.paths import SAFE_METHODS, SIGN_IN, SIGN_OUT, is_for_programs, only_reads
from ui.problems import problem_response
from ui.signin import SignIn, token_in_cookie
from ui.tokens import Scope as TokenScope
from ui.tokens import Token, Tokens

OPEN = ("/healthz", "/readyz")
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_NOT_KEPT = {"cache-control": "no-store"}
_ONCE_MORE = '<!doctype html><meta http-equiv="refresh" content="0"><title>Dateline</title>'


def tokens_are_needed(settings: Settings) -> bool:
    """Whether requests need a token: by the settings, or because others than this machine can connect."""
    return settings.require_tokens or not _is_loopback(settings.host)


class Access:
    """ASGI middleware: lets a request pass, or says why not."""

    def __init__(self, app: ASGIApp, *, settings: Settings, tokens: Tokens) -> None:
        self._app = app
        self._tokens = tokens
        self._needed = tokens_are_needed(settings)
        self._hosts = tuple(name.lower() for name in settings.allowed_hosts)
        if self._hosts or _is_loopback(settings.host):
            self._hosts += (*_LOOPBACK, _bracketed(settings.host))
        self._origins = settings.cors_origins
        self._failures = Failures()
        self._sign_in = SignIn(tokens, self._failures)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})["token"] = None
        try:
            app = self._checked(scope) or self._app
        except (HTTPException, UserFixableError) as error:
            app = await problem_response(Request(scope, receive), error)
        await app(scope, receive, send)

    def _checked(self, scope: Scope) -> ASGIApp | None:
        """What answers in place of the server, if the request may not pass but is no offence."""
        path, headers = scope["path"], Headers(scope=scope)
        if path in OPEN:
            return None
        self._check_host(headers)
        if not self._needed:
            if scope["method"] not in SAFE_METHODS:
                self._check_origin(headers, self._origins)
            return None
        if path == SIGN_IN:
            if scope["method"] not in SAFE_METHODS:
                self._check_origin(headers)
            return self._sign_in
        token = self._token(scope, headers)
        if token is None:
            if _is_visit(scope, headers):
                return _to_sign_in(scope, headers)
            given = "authorization" in headers or bool(token_in_cookie(scope))
            if given:
                self._failures.note(scope)
            raise _unknown(given)
        _check_scope(token, scope)
        scope["state"]["token"] = token
        return self._sign_in if path == SIGN_OUT else None

    def _token(self, scope: Scope, headers: Headers) -> Token | None:
        """The token that the request brings, if it is one. A header counts before a cookie."""
        if given := headers.get("authorization"):
            kind, _, text = given.partition(" ")
            return self._tokens.find(text.strip()) if kind.lower() == "bearer" else None
        token = self._tokens.find(token_in_cookie(scope))
        # Browsers send a cookie by themselves, whoever made them send the request.
        if token is not None and scope["method"] not in SAFE_METHODS:
            self._check_origin(headers)
        return token

    def _check_host(self, headers: Headers) -> None:
        name = headers.get("host", "").lower()
        name = re.sub(r":\d*$", "", name)
        if self._hosts and name not in self._hosts:
            raise HTTPException(
                421,
                f"This server does not go by the name {name[:100]!r}: use {self._hosts[0]!r}, or add the "
                "name to the setting `allowed_hosts`.",
            )

    def _check_origin(self, headers: Headers, others: Iterable[str] = ()) -> None:
        """Refuse what a page of another site made the browser send. Programs send neither header."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if site is not None:
            own = site in ("none", "same-origin")
        else:
            # The scheme is left out: behind a proxy that speaks HTTPS it is another one here.
            own = origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
        if not own and (origin is None or origin not in others):
            raise HTTPException(
                403,
                f"A page of {(origin or 'another site')!r} may not do this here: only those may that the "
                "setting `cors_origins` names, with a token where one is needed.",
            )


def _unknown(given: bool) -> HTTPException:
    detail = (
        "The token is not valid: it is mistyped, was revoked or has expired. Ask for a new one."
        if given
        else "A token is needed: send the header `Authorization: Bearer TOKEN`. Whoever runs this server "
        "makes one with `dateline token create`."
    )
    error = ', error="invalid_token"' if given else ""
    return HTTPException(401, detail, {"www-authenticate": f'Bearer realm="dateline"{error}'})


def _check_scope(token: Token, scope: Scope) -> None:
    wanted: TokenScope = "read" if only_reads(scope["method"], scope["path"]) else "write"
    if not token.may(wanted):
        raise HTTPException(
            403,
            f"The token {token.name!r} has the scope {token.scope!r}, and this needs {wanted!r}.",
            {"www-authenticate": f'Bearer realm="dateline", error="insufficient_scope", scope="{wanted}"'},
        )


def _is_visit(scope: Scope, headers: Headers) -> bool:
    """Whether a reader wants to see a page, and no program its data."""
    return (
        scope["method"] in ("GET", "HEAD")
        and not is_for_programs(scope["path"])
        and "text/html" in headers.get("accept", "")
        and "authorization" not in headers
    )


def _to_sign_in(scope: Scope, headers: Headers) -> Response:
    if headers.get("sec-fetch-site") == "cross-site":
        # A link elsewhere led here, and browsers keep a strict cookie back for those. Asked once more
        # by a page of this server, they send it.
        return HTMLResponse(_ONCE_MORE, headers=_NOT_KEPT)
    query = scope["query_string"].decode("latin-1")
    there = f"{scope['path']}?{query}" if query else scope["path"]
    return RedirectResponse(f"{SIGN_IN}?next={quote(there, safe='')}", 303, _NOT_KEPT)


def _is_loopback(host: str) -> bool:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return all(ipaddress.ip_address(str(each[4][0]).partition("%")[0]).is_loopback for each in found)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host.lower()
